#include "nm/ip_config.h"

#include <algorithm>
#include <cstring>

namespace l2tpm::nm {
namespace {

std::uint32_t as_u32(const IpAddress& address) {
  std::uint32_t value = 0;
  std::memcpy(&value, address.octets().data(), sizeof value);
  return value;
}

std::vector<std::uint8_t> as_octets(const IpAddress& address) {
  return {address.octets().begin(), address.octets().end()};
}

std::vector<std::uint32_t> as_u32s(const std::vector<IpAddress>& addresses) {
  std::vector<std::uint32_t> values;
  for (const IpAddress& address : addresses) values.push_back(as_u32(address));
  return values;
}

Dictionary ipv4_of(const Plan& plan, const IpAddress& gateway, const SessionReport::Ipv4& from) {
  Dictionary ipv4{
      {"address", as_u32(from.local)},
      {"prefix",  std::uint32_t{32} }
  };
  // A peer that names the very address our datagrams go to would have the tunnel routed through
  // itself; the link has two ends without its name, too.
  if (!from.peer.is_unspecified() && from.peer != gateway) ipv4["ptp"] = as_u32(from.peer);
  if (plan.server_dns && !from.dns.empty()) ipv4["dns"] = as_u32s(from.dns);
  if (!from.nbns.empty()) ipv4["nbns"] = as_u32s(from.nbns);
  return ipv4;
}

Dictionary ipv6_of(const SessionReport::Ipv6& from) {
  Dictionary ipv6{
      {"address", as_octets(from.local)},
      {"prefix",  std::uint32_t{128}   },
  };
  if (!from.peer.is_unspecified()) ipv6["ptp"] = as_octets(from.peer);
  // A link-local address carries nothing further than to the peer: a default route behind it would
  // only take away the IPv6 that the machine has.
  if (from.local.is_link_local()) ipv6["never-default"] = true;
  if (!from.dns.empty()) {
    std::vector<std::vector<std::uint8_t>> servers;
    for (const IpAddress& server : from.dns) servers.push_back(as_octets(server));
    ipv6["dns"] = std::move(servers);
  }
  return ipv6;
}

}  // namespace

std::optional<IpConfig> make_ip_config(const Plan& plan, const IpAddress& gateway,
                                       const SessionReport& session) {
  const bool has_ip4 = plan.ipv4 && session.ipv4;
  const bool has_ip6 = plan.ipv6 && session.ipv6;
  if (session.interface.empty() || (!has_ip4 && !has_ip6)) return std::nullopt;
  IpConfig config;
  config.general = {
      {"tundev",      session.interface},
      {"has-ip4",     has_ip4          },
      {"has-ip6",     has_ip6          },
      {"can-persist", true             },
  };
  if (gateway.is_v4()) {
    config.general["gateway"] = as_u32(gateway);
  } else {
    config.general["gateway"] = as_octets(gateway);
  }
  if (session.mtu != 0)
    config.general["mtu"] = std::min(session.mtu, plan.longest_mtu.value_or(session.mtu));
  if (has_ip4) config.ipv4 = ipv4_of(plan, gateway, *session.ipv4);
  if (has_ip6) config.ipv6 = ipv6_of(*session.ipv6);
  return config;
}

}  // namespace l2tpm::nm
