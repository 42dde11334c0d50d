#include <fmt/core.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/netlink.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

std::uint8_t family_of(const IpAddress& address) { return address.is_v6() ? AF_INET6 : AF_INET; }

Outcome ask(const NetlinkMessage& message, std::string_view doing) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  return (*socket)->request(message, doing);
}

Outcome fine_if(Outcome outcome, std::initializer_list<int> errors) {
  if (!outcome && std::find(errors.begin(), errors.end(), outcome.error().error) != errors.end())
    return Done{};
  return outcome;
}

NetlinkMessage address_request(std::uint16_t type, int flags, const Address& address) {
  NetlinkMessage message(type, flags);
  ifaddrmsg header{};
  header.ifa_family = family_of(address.local);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = static_cast<std::uint32_t>(address.ifindex);
  header.ifa_scope =
      address.local.is_link_local() && address.local.is_v6() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  // Nobody else can have it: a PPP link has two ends and IPV6CP told them apart.
  if (address.local.is_v6()) header.ifa_flags = IFA_F_NODAD;
  message.append(header);
  message.put_address(IFA_LOCAL, address.local);
  message.put_address(IFA_ADDRESS, address.peer.value_or(address.local));
  if (address.protocol != 0) message.put_u8(IFA_PROTO, address.protocol);
  if (address.metric != 0) message.put_u32(IFA_RT_PRIORITY, address.metric);
  return message;
}

// Routes to a prefix on a link without a gateway are of link scope in IPv4.
std::uint8_t scope_of(const RouteEntry& route) {
  if (route.destination.address.is_v6() || route.gateway) return RT_SCOPE_UNIVERSE;
  return RT_SCOPE_LINK;
}

NetlinkMessage route_request(std::uint16_t type, int flags, const RouteEntry& route) {
  NetlinkMessage message(type, flags);
  const std::uint32_t table = route.table != 0 ? route.table : std::uint32_t{RT_TABLE_MAIN};
  rtmsg header{};
  header.rtm_family = family_of(route.destination.address);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length);
  header.rtm_table = table < 256 ? static_cast<std::uint8_t>(table) : std::uint8_t{RT_TABLE_COMPAT};
  header.rtm_protocol = route.protocol;
  header.rtm_scope = type == RTM_DELROUTE ? std::uint8_t{RT_SCOPE_NOWHERE} : scope_of(route);
  header.rtm_type = route.type;
  message.append(header);
  if (route.destination.length > 0) message.put_address(RTA_DST, route.destination.address);
  message.put_u32(RTA_TABLE, table);
  if (route.ifindex != 0) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(route.ifindex));
  if (route.gateway) {
    if (route.gateway->is_v6() == route.destination.address.is_v6()) {
      message.put_address(RTA_GATEWAY, *route.gateway);
    } else {
      Bytes via;
      ByteWriter writer(via);
      const std::uint16_t family = family_of(*route.gateway);  // host order
      writer.bytes({reinterpret_cast<const std::uint8_t*>(&family), sizeof family});
      writer.bytes(route.gateway->octets());
      message.put(RTA_VIA, via.data(), via.size());
    }
  }
  if (route.source) message.put_address(RTA_PREFSRC, *route.source);
  if (route.metric != 0) message.put_u32(RTA_PRIORITY, route.metric);
  if (route.mtu != 0) {
    nlattr* const metrics = message.open(RTA_METRICS);
    message.put_u32(RTAX_MTU, route.mtu);
    message.close(metrics);
  }
  return message;
}

std::string describe(std::string_view verb, const RouteEntry& route) {
  return fmt::format(
      "{} route {}{}{}", verb, route.destination.to_string(),
      route.gateway ? " via " + route.gateway->to_string() : "",
      route.ifindex != 0 ? fmt::format(" on interface number {}", route.ifindex) : "");
}

void read_nexthop(nlattr** attributes, RouteEntry& route) {
  if (const nlattr* const oif = attributes[RTA_OIF])
    route.ifindex = static_cast<int>(attribute_u32(oif));
  if (auto gateway = attribute_address(attributes[RTA_GATEWAY])) route.gateway = gateway;
  const nlattr* const via = attributes[RTA_VIA];
  if (via == nullptr || nla_len(via) <= 2) return;
  const ByteView octets(static_cast<const std::uint8_t*>(nla_data(via)) + 2,
                        static_cast<std::size_t>(nla_len(via)) - 2);
  if (octets.size() == 16) {
    std::array<std::uint8_t, 16> value;
    std::memcpy(value.data(), octets.data(), value.size());
    route.gateway = IpAddress::v6(value);
  }
}

// The first next hop whose link is there stands for all.
void read_multipath(nlattr* multipath, RouteEntry& route) {
  auto* hop = static_cast<rtnexthop*>(nla_data(multipath));
  int remaining = nla_len(multipath);
  while (remaining >= static_cast<int>(sizeof(rtnexthop)) && hop->rtnh_len >= sizeof(rtnexthop) &&
         hop->rtnh_len <= remaining) {
    const bool dead = (hop->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0;
    if (!dead || route.ifindex == 0) {
      route.ifindex = hop->rtnh_ifindex;
      route.gateway.reset();
      nlattr* attributes[RTA_MAX + 1];
      if (nla_parse(attributes, RTA_MAX, reinterpret_cast<nlattr*>(RTNH_DATA(hop)),
                    hop->rtnh_len - static_cast<int>(sizeof(rtnexthop)), nullptr) == 0)
        read_nexthop(attributes, route);
      route.dead = dead;
      if (!dead) return;
    }
    remaining -= static_cast<int>(NLMSG_ALIGN(hop->rtnh_len));
    hop = reinterpret_cast<rtnexthop*>(reinterpret_cast<char*>(hop) + NLMSG_ALIGN(hop->rtnh_len));
  }
}

}  // namespace

Outcome add_address(const Address& address) {
  return fine_if(ask(address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address),
                     fmt::format("adding address {}", address.local.to_string())),
                 {EEXIST});
}

Outcome delete_address(const Address& address) {
  return fine_if(ask(address_request(RTM_DELADDR, 0, address),
                     fmt::format("removing address {}", address.local.to_string())),
                 {EADDRNOTAVAIL, ENODEV});
}

Result<std::vector<Address>, KernelError> list_addresses() {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  std::vector<Address> addresses;
  NetlinkMessage message(RTM_GETADDR, 0);
  message.append(ifaddrmsg{});
  auto dumped = (*socket)->dump(message, "listing addresses", [&](nlmsghdr* header) {
    nlattr* attributes[IFA_MAX + 1];
    if (header->nlmsg_type != RTM_NEWADDR ||
        nlmsg_parse(header, sizeof(ifaddrmsg), attributes, IFA_MAX, nullptr) != 0)
      return;
    const auto* from = static_cast<const ifaddrmsg*>(nlmsg_data(header));
    const auto peer = attribute_address(attributes[IFA_ADDRESS]);
    const auto local = attributes[IFA_LOCAL] ? attribute_address(attributes[IFA_LOCAL]) : peer;
    if (!local) return;
    Address address;
    address.ifindex = static_cast<int>(from->ifa_index);
    address.local = *local;
    if (peer && *peer != *local) address.peer = peer;
    address.length = from->ifa_prefixlen;
    if (const nlattr* const protocol = attributes[IFA_PROTO])
      address.protocol = nla_get_u8(protocol);
    addresses.push_back(address);
  });
  if (!dumped) return Unexpected(dumped.error());
  return addresses;
}

Outcome add_route(const RouteEntry& route) {
  // Without NLM_F_EXCL and NLM_F_APPEND a route of IPv4 goes before others to its destination
  // (fib_table_insert): a user's newest session gets the traffic while an older one is still to be
  // found dead, and a default route through a session goes before the one it is reached by.
  return fine_if(ask(route_request(RTM_NEWROUTE, NLM_F_CREATE, route), describe("adding", route)),
                 {EEXIST});
}

Outcome replace_route(const RouteEntry& route) {
  return ask(route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route),
             describe("setting", route));
}

Outcome delete_route(const RouteEntry& route) {
  return fine_if(ask(route_request(RTM_DELROUTE, 0, route), describe("removing", route)),
                 {ESRCH, ENODEV, ENOENT});
}

std::optional<RouteEntry> decode_route(void* message) {
  auto* const header = static_cast<nlmsghdr*>(message);
  nlattr* attributes[RTA_MAX + 1];
  if ((header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE) ||
      nlmsg_parse(header, sizeof(rtmsg), attributes, RTA_MAX, nullptr) != 0)
    return std::nullopt;
  const auto* from = static_cast<const rtmsg*>(nlmsg_data(header));
  if (from->rtm_family != AF_INET && from->rtm_family != AF_INET6) return std::nullopt;
  RouteEntry route;
  const auto destination = attribute_address(attributes[RTA_DST]);
  route.destination.address =
      destination ? *destination
                  : (from->rtm_family == AF_INET6 ? IpAddress::v6({}) : IpAddress::v4(0));
  route.destination.length = from->rtm_dst_len;
  route.protocol = from->rtm_protocol;
  route.type = from->rtm_type;
  route.table = attribute_u32(attributes[RTA_TABLE], from->rtm_table);
  route.metric = attribute_u32(attributes[RTA_PRIORITY]);
  route.source = attribute_address(attributes[RTA_PREFSRC]);
  route.dead = (from->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0;
  read_nexthop(attributes, route);
  if (nlattr* const multipath = attributes[RTA_MULTIPATH]) read_multipath(multipath, route);
  if (nlattr* const nest = attributes[RTA_METRICS]) {
    nlattr* metrics[RTAX_MAX + 1];
    if (nla_parse_nested(metrics, RTAX_MAX, nest, nullptr) == 0)
      route.mtu = attribute_u32(metrics[RTAX_MTU]);
  }
  return route;
}

Result<std::vector<RouteEntry>, KernelError> list_routes(bool ipv6, std::uint32_t table) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message(RTM_GETROUTE, 0);
  rtmsg request{};
  request.rtm_family = ipv6 ? AF_INET6 : AF_INET;
  message.append(request);
  if (table != 0) message.put_u32(RTA_TABLE, table);
  std::vector<RouteEntry> routes;
  auto dumped = (*socket)->dump(message, "listing routes", [&](nlmsghdr* header) {
    auto route = decode_route(header);
    if (route && (table == 0 || route->table == table)) routes.push_back(*route);
  });
  // The kernel answers ENOENT for a table that does not exist yet.
  if (!dumped && dumped.error().error != ENOENT) return Unexpected(dumped.error());
  return routes;
}

Result<RouteEntry, KernelError> lookup_route(const IpAddress& destination) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message(RTM_GETROUTE, 0);
  rtmsg request{};
  request.rtm_family = family_of(destination);
  request.rtm_dst_len = destination.is_v6() ? 128 : 32;
  request.rtm_flags = RTM_F_LOOKUP_TABLE;
  message.append(request);
  message.put_address(RTA_DST, destination);
  const std::string doing = fmt::format("looking up the route to {}", destination.to_string());
  std::optional<RouteEntry> route;
  auto asked =
      (*socket)->request(message, doing, [&](nlmsghdr* header) { route = decode_route(header); });
  if (!asked) return Unexpected(asked.error());
  if (!route) return Unexpected(KernelError{ENETUNREACH, doing, {}});
  return *route;
}

}  // namespace l2tpm::kernel
