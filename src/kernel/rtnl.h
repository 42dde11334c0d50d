// Routing netlink: PPP links, addresses, routes, statistics. Each function is one request by the
// calling thread; "not there" counts as success when something is taken away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/mac_address.h"
#include "base/result.h"
#include "kernel/dataplane.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

class NetlinkMessage;

using Outcome = Result<Done, KernelError>;

struct PppLink {
  int unit_fd = -1;
  std::string name;
  std::uint32_t mtu = 1500;
  std::uint32_t group = 0;
};
// Name, MTU, group and up in one request. EBUSY: /dev/ppp is in use elsewhere. The caller holds
// ppp_lock(). IFLA_AF_SPEC cannot be part of it (EAFNOSUPPORT: a new link has no IPv6 part yet),
// and need not: the kernel generates no IPv6 address on a PPP link, whatever addr_gen_mode says.
Outcome create_ppp_link(const PppLink& link);
NetlinkMessage ppp_link_request(const PppLink& link);

Outcome delete_link(int ifindex);
// Everything in the group, whosever it is: check first.
Outcome delete_link_group(std::uint32_t group);
Outcome set_link_mtu(int ifindex, std::uint32_t mtu);

struct LinkInfo {
  int ifindex = 0;
  std::uint32_t group = 0;
  std::uint32_t mtu = 0;
  bool up = false;       // as somebody set it
  bool running = false;  // and its operational state is up, or nobody knows
  int master = 0;        // bridge, VRF
  int lower = 0;         // of a VLAN device
  MacAddress mac;
  std::string kind;  // "ppp", "bridge"; "" for most hardware, and for l2tp_eth
  std::string name;
  bool is_ppp() const { return kind == "ppp"; }
};
// All links, or those of kind ppp only.
Result<std::vector<LinkInfo>, KernelError> list_links(bool only_ppp);
Result<LinkInfo, KernelError> get_link(int ifindex);
// Unlike RTM_GETLINK it does not queue for the rtnl lock behind those who make interfaces, and
// unlike if_nametoindex() it needs no further descriptor, of which there may be none left.
Result<int, KernelError> interface_index(const std::string& name);

struct Address {
  int ifindex = 0;
  IpAddress local;
  std::optional<IpAddress> peer;  // point to point
  unsigned length = 32;           // of the peer's prefix, or of `local`
  std::uint8_t protocol = 0;      // IFA_PROTO: who put it there
  std::uint32_t metric = 0;       // of the route that comes with it
  friend bool operator==(const Address&, const Address&) = default;
};
Outcome add_address(const Address& address);  // one that exists is fine
Outcome delete_address(const Address& address);
Result<std::vector<Address>, KernelError> list_addresses();

struct RouteEntry {
  IpPrefix destination;
  int ifindex = 0;
  std::optional<IpAddress> gateway;
  std::optional<IpAddress> source;
  std::uint32_t metric = 0;
  std::uint32_t table = 0;  // 0: main
  std::uint32_t mtu = 0;    // 0: the interface's
  std::uint8_t protocol = 0;
  std::uint8_t type = 1;  // RTN_UNICAST
  bool dead = false;      // its link is down
  friend bool operator==(const RouteEntry&, const RouteEntry&) = default;
};
// Before other routes to the same destination (IPv4) or after them (IPv6); an equal one is fine.
Outcome add_route(const RouteEntry& route);
Outcome replace_route(const RouteEntry& route);
Outcome delete_route(const RouteEntry& route);
// Routes of one table (0: all tables) and family; cached and cloned ones are left out.
Result<std::vector<RouteEntry>, KernelError> list_routes(bool ipv6, std::uint32_t table);
// What the kernel would use now, with policy rules and all.
Result<RouteEntry, KernelError> lookup_route(const IpAddress& destination);

struct LinkCounters {
  int ifindex = 0;
  std::uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
  std::uint64_t rx_errors, tx_errors, rx_dropped, tx_dropped;
};
// One RTM_GETSTATS sweep over all links.
Result<std::vector<LinkCounters>, KernelError> read_link_counters();

// Decoders, shared with the monitor's notifications; nullopt for what is not one.
std::optional<LinkInfo> decode_link(void* nlmsghdr);
std::optional<RouteEntry> decode_route(void* nlmsghdr);

}  // namespace l2tpm::kernel
