// What a PPP session shows: its row, its details, and what is known at its end.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/log.h"
#include "daemon/ppp_session.h"
#include "daemon/tunnel.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {

std::string_view name(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return "";
    case Refusal::unknown_user:
      return "unknown-user";
    case Refusal::wrong_password:
      return "wrong-password";
    case Refusal::too_many_sessions:
      return "too-many-sessions";
    case Refusal::no_address:
      return "no-address";
  }
  return "";
}

void PppSession::describe_end(Failure& end) const {
  if (!link_) return;
  const ppp::LinkStatus link = link_->status();
  end.detail("lcp", link.lcp);
  end.detail("ipcp", link.ipcp);
  end.detail("ipv6cp", link.ipv6cp);
  end.detail("ccp", link.ccp);
  end.detail("bcp", link.bcp);
  end.detail("auth_of_us", link.auth_of_us);
  end.detail("auth_of_peer", link.auth_of_peer);
  end.detail("auth_message", link.auth_message);
  end.detail("mppe", link.mppe_receive);
  end.detail("mtu", mtu_);
  end.detail("mru", link.local_mru);
  end.detail("peer_mru", link.peer_mru);
  end.detail("path_mtu_limit", path_limit());
  end.detail("frames_ignored", link.frames_ignored);
  end.detail("renegotiations", link.renegotiations);
}

std::string_view PppSession::interface() const {
  if (kernel_ != KernelState::installed) return {};
  if (unit_) return plan_->interface_name;
  return bridge_ && bridge_->kernel == KernelState::installed
             ? std::string_view(bridge_->spec.interface_name)
             : std::string_view();
}

kernel::MtuInputs PppSession::path(bool sequence_numbers) const {
  kernel::MtuInputs path{.path_mtu = tunnel_.path_mtu(),
                         .outer_ipv6 = tunnel_.peer().address.is_v6(),
                         .sequence_numbers = sequence_numbers,
                         .ipsec = false,
                         .peer_mru = {},
                         .limit = {},
                         .version3 = {}};
  if (framing_)
    path.version3 =
        kernel::Version3Framing{.udp = tunnel_.encapsulation() == kernel::Encapsulation::udp,
                                .outer_ipv6 = path.outer_ipv6,
                                .cookie = static_cast<std::uint32_t>(framing_->send_cookie.size()),
                                .sublayer = framing_->sublayer};
  return path;
}

std::uint32_t PppSession::path_limit() const {
  return kernel::interface_mtu(path(plan_ && plan_->send_sequence));
}

SessionView PppSession::view() const {
  SessionView view = Session::view();
  view.pseudowire = "ppp";
  if (view.user.empty() && link_) view.user = printable(as_bytes(link_->status().user));
  const bool is_client = tunnel_.owner().is_client();
  if (network_->ipv4) {
    view.address = (is_client ? network_->ipv4->local : network_->ipv4->peer).to_string();
  } else if (network_->ipv6) {
    const std::uint64_t id = is_client ? network_->ipv6->local_id : network_->ipv6->peer_id;
    std::array<std::uint8_t, 16> octets{0xfe, 0x80};
    for (std::size_t i = 0; i < 8; ++i)
      octets[8 + i] = static_cast<std::uint8_t>(id >> (56 - 8 * i));
    view.address = IpAddress::v6(octets).to_string();
  }
  return view;
}

Session::Details PppSession::details() const {
  Details details = Session::details();
  if (link_) details.link = link_->status();
  details.path_mtu_limit = path_limit();
  details.ipv4 = network_->ipv4;
  details.ipv6 = network_->ipv6;
  if (framing_) details.framing = *framing_;
  if (bridge_) {
    const kernel::BcpSpec& spec = bridge_->spec;
    const bool stands = bridge_->kernel == KernelState::installed;
    BridgingView view;
    if (stands) {
      view.path = spec.path == kernel::BcpPath::kernel ? "kernel" : "relay";
      view.reason = bridge_->reason;
      view.mac = bridge_->mac.to_string();
    }
    view.port = spec.interface_name;
    if (spec.port) view.bridge = spec.port->bridge;
    if (bridge_->agreement.peer_mac) view.peer_mac = bridge_->agreement.peer_mac->to_string();
    view.mtu = spec.mtu;
    view.wanted_mtu = bcp()->mtu;
    view.local_mrru = details.link.local_mrru;
    view.peer_mrru = details.link.peer_mrru;
    view.send_tagged = spec.send_tagged;
    view.receive_tagged = bridge_->agreement.receive_tagged;
    view.send_bpdus = spec.send_bpdus;
    view.receive_bpdus = bridge_->agreement.receive_inline;
    if (bridges_only_) {
      details.mtu = spec.mtu;
      details.path_mtu_limit -= std::min(details.path_mtu_limit, kBridgedHeader);
    }
    details.bridging = std::move(view);
  }
  if (facts_) {
    details.calling_number = facts_->calling_number;
    details.called_number = facts_->called_number;
    details.proxy = facts_->proxy;
    details.peer_avps = facts_->peer_avps;
    details.tx_speed = facts_->tx_speed;
    details.rx_speed = facts_->rx_speed;
  }
  return details;
}

void PppSession::note_avps(const std::vector<wire::AvpText>& avps) {
  if (avps.empty()) return;
  if (!facts_) facts_ = std::make_unique<CallFacts>();
  facts_->peer_avps.insert(facts_->peer_avps.end(), avps.begin(), avps.end());
}

void PppSession::set_speeds(std::uint32_t tx, std::uint32_t rx) {
  if (!facts_) facts_ = std::make_unique<CallFacts>();
  facts_->tx_speed = tx;
  facts_->rx_speed = rx;
  log(LogLevel::info, log_context(), "session {}: the line's speed is now {}/{} bit/s",
      key_.session.value(), tx, rx);
}

}  // namespace l2tpm::daemon
