#include "daemon/machine_settings.h"

#include <algorithm>
#include <set>

#include "base/mac_address.h"
#include "daemon/pseudowire_session.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {
namespace {

ppp::AuthMethod method_of(config::AuthMethod method) {
  switch (method) {
    case config::AuthMethod::pap:
      return ppp::AuthMethod::pap;
    case config::AuthMethod::chap_md5:
      return ppp::AuthMethod::chap_md5;
    case config::AuthMethod::mschap_v1:
      return ppp::AuthMethod::mschap;
    case config::AuthMethod::mschap_v2:
      return ppp::AuthMethod::mschapv2;
  }
  return ppp::AuthMethod::mschapv2;
}

std::vector<ppp::AuthMethod> methods_of(const std::vector<config::AuthMethod>& methods) {
  std::vector<ppp::AuthMethod> result;
  for (const config::AuthMethod method : methods) result.push_back(method_of(method));
  return result;
}

ppp::InstallPoint point_of(config::InstallPoint point) {
  switch (point) {
    case config::InstallPoint::before_first_ncp_ack:
      return ppp::InstallPoint::before_first_ncp_ack;
    case config::InstallPoint::after_authentication:
      return ppp::InstallPoint::after_authentication;
    case config::InstallPoint::at_call_established:
      return ppp::InstallPoint::at_call_established;
  }
  return ppp::InstallPoint::before_first_ncp_ack;
}

void apply_link(const config::PppLink& link, std::uint32_t fits, ppp::LinkSettings& settings) {
  // An encrypted packet is 4 octets longer: the protocol 0x00FD and MPPE's own header (RFC 3078
  // §3).
  const std::uint32_t encryption = link.mppe.mode == config::MppeMode::off ? 0 : 4;
  const auto auto_size =
      static_cast<std::uint16_t>(std::min<std::uint32_t>(fits - encryption, 65535));
  // Nobody is asked for more than PPP's default; of larger paths the peer's own MRU decides.
  settings.mru = link.mru.value_or(std::min<std::uint16_t>(auto_size, 1500));
  // A wish for the MTU overrides the path: the session then says that it fragments.
  settings.mtu_limit = link.mtu.value_or(auto_size);
  switch (link.mppe.mode) {
    case config::MppeMode::off:
      settings.mppe.use = ppp::MppeUse::off;
      break;
    case config::MppeMode::prefer:
      settings.mppe.use = ppp::MppeUse::prefer;
      break;
    case config::MppeMode::require:
      settings.mppe.use = ppp::MppeUse::require;
      break;
  }
  settings.mppe.allow_128 = link.mppe.bits_128;
  settings.mppe.allow_40 = link.mppe.bits_40;
  settings.mppe.allow_stateful = link.mppe.stateful;
  settings.echo_interval = link.echo.interval;
  settings.echo_failures = static_cast<std::uint8_t>(std::min(link.echo.failures, 255u));
}

void apply_bridging(const config::Bcp& bcp, const config::PppLink& link,
                    ppp::LinkSettings& settings) {
  if (!link.mru) settings.mru = std::max(settings.mru, bridging_mru(bcp));
  settings.mrru = std::max(settings.mrru, bcp.mrru);
}

std::array<IpAddress, 2> first_two(const std::vector<IpAddress>& addresses) {
  std::array<IpAddress, 2> result;
  std::copy_n(addresses.begin(), std::min<std::size_t>(addresses.size(), 2), result.begin());
  return result;
}

std::shared_ptr<l2tp::Settings> common_settings(const config::Tunnel& tunnel,
                                                const std::string& machine_name,
                                                std::uint32_t max_sessions) {
  auto settings = std::make_shared<l2tp::Settings>();
  settings->host_name = tunnel.host_name.empty() ? machine_name : tunnel.host_name;
  settings->vendor_name = "l2tp-manager";
  settings->firmware_revision = 0x0001;
  settings->receive_window_size = tunnel.receive_window;
  if (!tunnel.secret.empty()) settings->secret = tunnel.secret;
  settings->challenge_peer = tunnel.challenge;
  settings->hide_avps = tunnel.hide_avps;
  settings->use_tie_breaker = tunnel.tie_breaker;
  settings->retransmit_initial = tunnel.retransmit.initial;
  settings->retransmit_cap = tunnel.retransmit.max_interval;
  settings->max_retransmissions = tunnel.retransmit.count;
  settings->hello_interval = tunnel.hello;
  settings->tunnel_setup_timeout = tunnel.setup_timeout;
  settings->quirks.ignore_unanswered_hello = tunnel.ignore_unanswered_hello;
  settings->max_sessions = max_sessions;
  return settings;
}

}  // namespace

std::shared_ptr<const l2tp::Settings> l2tp_settings(const config::Tunnel& tunnel,
                                                    const std::string& machine_name,
                                                    std::uint32_t max_sessions) {
  return common_settings(tunnel, machine_name, max_sessions);
}

std::shared_ptr<const l2tp::Settings> l2tp_settings(const config::Tunnel& tunnel,
                                                    const std::string& machine_name,
                                                    std::uint32_t max_sessions,
                                                    const Version3Wish& version3) {
  auto settings = common_settings(tunnel, machine_name, max_sessions);
  settings->versions = version3.versions;
  settings->permissive = tunnel.permissive;
  l2tp::V3Settings& v3 = settings->v3;
  v3.router_id = tunnel.router_id != 0 ? tunnel.router_id : version3.router_id;
  v3.pseudowires = version3.pseudowires;
  v3.cisco_challenge = tunnel.cisco_challenge;
  if (tunnel.digest == config::MessageDigest::none) return settings;
  v3.digest = tunnel.digest == config::MessageDigest::md5 ? wire::DigestType::hmac_md5
                                                          : wire::DigestType::hmac_sha1;
  v3.integrity_check = tunnel.secret.empty();
  for (const Secret* secret : {&tunnel.secret, &tunnel.second_secret}) {
    if (!secret->empty()) v3.digest_secrets.push_back(*secret);
  }
  return settings;
}

std::uint32_t router_id_of(const IpAddress& local, const std::string& machine_id) {
  if (local.is_v4() && !local.is_unspecified()) return local.v4_value();
  std::uint32_t id = 0;
  const auto made = MacAddress::from_text(machine_id);
  for (const std::uint8_t octet : made.octets()) id = id << 8 | octet;
  return id != 0 ? id : 1;
}

std::vector<std::uint16_t> pseudowire_types(const std::vector<config::Pseudowire>& pseudowires,
                                            bool has_ppp) {
  std::set<std::uint16_t> types;
  for (const config::Pseudowire& wire : pseudowires) types.insert(number_of(wire.type));
  if (has_ppp) types.insert(number_of(config::PseudowireType::ppp));
  return {types.begin(), types.end()};
}

ppp::Role role_of(l2tp::CallKind kind) {
  switch (kind) {
    case l2tp::CallKind::lac_incoming:
    case l2tp::CallKind::lns_outgoing:
    case l2tp::CallKind::icrq_sender:
      return ppp::Role::calling;
    case l2tp::CallKind::lns_incoming:
    case l2tp::CallKind::lac_outgoing:
    case l2tp::CallKind::icrq_recipient:
      break;
  }
  return ppp::Role::called;
}

std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ClientProfile& profile,
                                                       ppp::Role role, std::uint32_t fits) {
  auto settings = std::make_shared<ppp::LinkSettings>();
  settings->role = role;
  apply_link(profile.ppp.link, fits, *settings);
  settings->answer = methods_of(profile.ppp.methods);
  settings->user = profile.ppp.user;
  settings->password = profile.ppp.password;
  settings->authenticate_peer = methods_of(profile.ppp.authenticate_peer.methods);
  if (!profile.ppp.user.empty()) settings->local_name = profile.ppp.user;
  ppp::Ipv4Settings& ipv4 = settings->network.ipv4;
  ipv4.enabled = profile.ppp.ipv4.enabled;
  ipv4.local = profile.ppp.ipv4.address.value_or(IpAddress());
  ipv4.accept_local = true;
  ipv4.peer = profile.ppp.ipv4.peer_address.value_or(IpAddress());
  ipv4.accept_peer = true;
  ipv4.request_dns = profile.ppp.ipv4.request_dns;
  ppp::Ipv6Settings& ipv6 = settings->network.ipv6;
  ipv6.enabled = profile.ppp.ipv6.enabled && settings->mtu_limit >= kernel::kMinimumIpv6Mtu;
  ipv6.local_id = profile.ppp.ipv6.interface_id.value_or(0);
  if (profile.ppp.bcp) {
    settings->network.bridge.emplace();
    apply_bridging(*profile.ppp.bcp, profile.ppp.link, *settings);
  }
  settings->install_point =
      point_of(effective_install_point(profile.install_point, profile.data_sequencing, false));
  return settings;
}

std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ListenerProfile& profile,
                                                       const std::string& machine_name,
                                                       ppp::Role role, std::uint32_t fits) {
  auto settings = std::make_shared<ppp::LinkSettings>();
  settings->role = role;
  apply_link(profile.ppp.link, fits, *settings);
  settings->authenticate_peer = methods_of(profile.ppp.authenticate);
  settings->user = profile.ppp.user;
  settings->password = profile.ppp.password;
  if (!profile.ppp.user.empty()) {
    settings->answer = {ppp::AuthMethod::mschapv2, ppp::AuthMethod::chap_md5, ppp::AuthMethod::pap};
  }
  settings->rechallenge_interval = profile.ppp.rechallenge;
  settings->local_name = !profile.ppp.name.empty()           ? profile.ppp.name
                         : !profile.tunnel.host_name.empty() ? profile.tunnel.host_name
                                                             : machine_name;
  settings->network = listener_network(profile, nullptr, std::nullopt, 0, settings->mtu_limit);
  // LCP comes before the user's name: the sizes are for whoever needs most.
  if (profile.ppp.bcp) apply_bridging(*profile.ppp.bcp, profile.ppp.link, *settings);
  for (const config::User& user : profile.users)
    if (user.bcp) apply_bridging(*user.bcp, profile.ppp.link, *settings);
  settings->install_point =
      point_of(effective_install_point(profile.install_point, profile.data_sequencing, false));
  return settings;
}

ppp::NetworkSettings listener_network(const config::ListenerProfile& profile,
                                      const config::User* user, std::optional<IpAddress> address,
                                      std::uint64_t interface_id, std::uint32_t mtu) {
  ppp::NetworkSettings network;
  network.ipv4.enabled = profile.ppp.ipv4.enabled && address.has_value();
  network.ipv4.local = profile.ppp.ipv4.local_address;
  network.ipv4.peer = address.value_or(IpAddress());
  network.ipv4.dns = first_two(profile.ppp.ipv4.dns);
  network.ipv4.nbns = first_two(profile.ppp.ipv4.nbns);
  network.ipv6.enabled = profile.ppp.ipv6.enabled && mtu >= kernel::kMinimumIpv6Mtu;
  network.ipv6.local_id = profile.ppp.ipv6.local_interface_id.value_or(0);
  network.ipv6.peer_id = interface_id;
  network.ipv6.accept_peer = interface_id == 0;
  if (user && user->bcp) {
    network.ipv4.enabled = network.ipv4.enabled && user->address;
    network.ipv6.enabled = network.ipv6.enabled && user->interface_id;
  }
  if (profile.ppp.bcp || (user && user->bcp)) network.bridge.emplace();
  return network;
}

config::InstallPoint effective_install_point(std::optional<config::InstallPoint> wish,
                                             config::DataSequencing sequencing,
                                             bool peer_requires) {
  // The kernel numbers data from zero and cannot be told otherwise: it must see the first frame.
  if (peer_requires || sequencing != config::DataSequencing::none)
    return config::InstallPoint::at_call_established;
  return wish.value_or(config::InstallPoint::before_first_ncp_ack);
}

}  // namespace l2tpm::daemon
