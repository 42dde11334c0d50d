// Routing netlink: Ethernet interfaces and where they are attached. Each function is one request by
// the calling thread, unless it says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/mac_address.h"
#include "kernel/ethernet.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

// What an interface is to become, all at once; what is absent stays. The kernel takes the namespace
// first, then address, MTU, group, master, up, operational state.
struct LinkChange {
  int ifindex = 0;
  std::optional<MacAddress> mac;
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint32_t> group;
  std::optional<int> master;   // 0: none
  int network_namespace = -1;  // a descriptor; the interface number is no longer ours then
  bool no_ipv6_address = false;
  bool up = false;
  std::optional<bool> carrier;  // operational state and link mode "dormant", or not
};
Outcome change_link(const LinkChange& change);
NetlinkMessage change_link_request(const LinkChange& change);

// Down, with the group of ours.
Outcome create_vlan(const VlanDevice& vlan, int lower, std::uint32_t group);
// Up, with the group of ours. EEXIST: something has the name.
Outcome create_bridge(const std::string& name, const BridgeSettings& settings, std::uint32_t group);
NetlinkMessage bridge_request(const std::string& name, const BridgeSettings& settings,
                              std::uint32_t group);
struct VethPair {
  std::string name, peer_name;  // one may be a template: "name%d"
  MacAddress mac, peer_mac;     // given, so udev leaves them alone
  std::uint32_t mtu = 1500;     // of both
  std::uint32_t group = 0;      // likewise
};
// Down, with one queue each. EEXIST: something has the name.
Outcome create_veth(const VethPair& pair);
NetlinkMessage veth_request(const VethPair& pair);
// Cost, priority, isolation, VLANs of a port; nothing is asked when all is as the kernel makes it.
// Up to three requests.
Outcome set_port(int ifindex, const BridgePort& port);

// Looks up a name, which must be a `kind` ("bridge", "vrf"); ENODEV, or EINVAL with the reason.
Result<LinkInfo, KernelError> find_link(const std::string& name, const std::string& kind);
// /run/netns/NAME.
Result<UniqueFd, KernelError> open_namespace(const std::string& name);

}  // namespace l2tpm::kernel
