#include "kernel/rtnl_port.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <string_view>

#include "kernel/netlink.h"

namespace l2tpm::kernel {

namespace {

constexpr std::uint16_t kLastVlan = 4094;

ifinfomsg header_of(int ifindex, unsigned char family = AF_UNSPEC) {
  ifinfomsg header{};
  header.ifi_family = family;
  header.ifi_index = ifindex;
  return header;
}

Outcome ask(const NetlinkMessage& message, std::string_view doing) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  return (*socket)->request(message, doing);
}

// The kernel's bridge counts in hundredths of a second.
std::uint32_t ticks(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 10);
}

void put_vlans(NetlinkMessage& message, const VlanRange& range, std::uint16_t flags) {
  const auto put = [&](std::uint16_t vlan, unsigned more) {
    const bridge_vlan_info info{static_cast<__u16>(flags | more), vlan};
    message.put(IFLA_BRIDGE_VLAN_INFO, &info, sizeof info);
  };
  if (range.first == range.last) {
    put(range.first, 0);
    return;
  }
  put(range.first, BRIDGE_VLAN_INFO_RANGE_BEGIN);
  put(range.last, BRIDGE_VLAN_INFO_RANGE_END);
}

Outcome set_port_options(int ifindex, const BridgePort& port) {
  if (!port.path_cost && !port.priority && !port.isolated && port.learning) return Done{};
  NetlinkMessage message(RTM_SETLINK, 0);
  message.append(header_of(ifindex, AF_BRIDGE));
  nlattr* const nest = message.open(IFLA_PROTINFO);
  if (port.path_cost) message.put_u32(IFLA_BRPORT_COST, *port.path_cost);
  if (port.priority) message.put_u16(IFLA_BRPORT_PRIORITY, *port.priority);
  if (port.isolated) message.put_u8(IFLA_BRPORT_ISOLATED, 1);
  if (!port.learning) message.put_u8(IFLA_BRPORT_LEARNING, 0);
  message.close(nest);
  return ask(message, "setting up the port of bridge " + port.bridge);
}

Outcome ask_vlans(int type, int ifindex, const std::string& doing,
                  const std::function<void(NetlinkMessage&)>& fill) {
  NetlinkMessage message(static_cast<std::uint16_t>(type), 0);
  message.append(header_of(ifindex, AF_BRIDGE));
  nlattr* const nest = message.open(IFLA_AF_SPEC);
  fill(message);
  message.close(nest);
  return ask(message, doing);
}

Outcome set_port_vlans(int ifindex, const BridgePort& port) {
  if (!port.pvid && port.tagged.empty()) return Done{};
  const std::string doing = "setting the VLANs of the port of bridge " + port.bridge;
  // With a PVID of its own the port is no member of the bridge's default VLAN any more.
  if (port.pvid)
    if (auto cleared = ask_vlans(RTM_DELLINK, ifindex, doing,
                                 [](NetlinkMessage& message) {
                                   put_vlans(message, {1, kLastVlan}, 0);
                                 });
        !cleared)
      return cleared;
  return ask_vlans(RTM_SETLINK, ifindex, doing, [&](NetlinkMessage& message) {
    if (port.pvid)
      put_vlans(message, {*port.pvid, *port.pvid},
                BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
    for (const VlanRange& range : port.tagged) put_vlans(message, range, 0);
  });
}

}  // namespace

NetlinkMessage change_link_request(const LinkChange& change) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  ifinfomsg header = header_of(change.ifindex);
  if (change.up) header.ifi_flags = header.ifi_change = IFF_UP;
  message.append(header);
  if (change.network_namespace >= 0)
    message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(change.network_namespace));
  if (change.mac)
    message.put(IFLA_ADDRESS, change.mac->octets().data(), change.mac->octets().size());
  if (change.mtu) message.put_u32(IFLA_MTU, *change.mtu);
  if (change.group) message.put_u32(IFLA_GROUP, *change.group);
  if (change.master) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
  if (change.no_ipv6_address) {
    nlattr* const families = message.open(IFLA_AF_SPEC);
    nlattr* const ipv6 = message.open(AF_INET6);
    message.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    message.close(ipv6);
    message.close(families);
  }
  if (change.carrier) {
    message.put_u8(IFLA_OPERSTATE, *change.carrier ? IF_OPER_UP : IF_OPER_DORMANT);
    message.put_u8(IFLA_LINKMODE, *change.carrier ? IF_LINK_MODE_DEFAULT : IF_LINK_MODE_DORMANT);
  }
  return message;
}

Outcome change_link(const LinkChange& change) {
  const std::string doing = fmt::format("setting up interface number {}", change.ifindex);
  auto changed = ask(change_link_request(change), doing);
  if (changed || changed.error().error != EAFNOSUPPORT || !change.no_ipv6_address) return changed;
  // No IPv6 on this host, or none with so small an MTU: no address either.
  LinkChange without = change;
  without.no_ipv6_address = false;
  return ask(change_link_request(without), doing);
}

Outcome create_vlan(const VlanDevice& vlan, int lower, std::uint32_t group) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.append(header_of(0));
  message.put_text(IFLA_IFNAME, vlan.name);
  message.put_u32(IFLA_LINK, static_cast<std::uint32_t>(lower));
  message.put_u32(IFLA_GROUP, group);
  nlattr* const info = message.open(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "vlan");
  nlattr* const data = message.open(IFLA_INFO_DATA);
  message.put_u16(IFLA_VLAN_ID, vlan.id);
  message.close(data);
  message.close(info);
  return ask(message, fmt::format("creating VLAN interface {}", vlan.name));
}

NetlinkMessage bridge_request(const std::string& name, const BridgeSettings& settings,
                              std::uint32_t group) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg header = header_of(0);
  header.ifi_flags = header.ifi_change = IFF_UP;
  message.append(header);
  message.put_text(IFLA_IFNAME, name);
  message.put_u32(IFLA_GROUP, group);
  nlattr* const info = message.open(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "bridge");
  nlattr* const data = message.open(IFLA_INFO_DATA);
  message.put_u32(IFLA_BR_STP_STATE, settings.stp ? 1 : 0);
  if (settings.priority) message.put_u16(IFLA_BR_PRIORITY, *settings.priority);
  if (settings.forward_delay)
    message.put_u32(IFLA_BR_FORWARD_DELAY, ticks(*settings.forward_delay));
  if (settings.hello_time) message.put_u32(IFLA_BR_HELLO_TIME, ticks(*settings.hello_time));
  if (settings.max_age) message.put_u32(IFLA_BR_MAX_AGE, ticks(*settings.max_age));
  if (settings.ageing) message.put_u32(IFLA_BR_AGEING_TIME, ticks(*settings.ageing));
  if (settings.vlan_filtering) message.put_u8(IFLA_BR_VLAN_FILTERING, 1);
  message.close(data);
  message.close(info);
  return message;
}

Outcome create_bridge(const std::string& name, const BridgeSettings& settings,
                      std::uint32_t group) {
  return ask(bridge_request(name, settings, group), "creating bridge " + name);
}

NetlinkMessage veth_request(const VethPair& pair) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  const auto put_end = [&](const std::string& name, const MacAddress& mac) {
    message.append(header_of(0));
    message.put_text(IFLA_IFNAME, name);
    message.put(IFLA_ADDRESS, mac.octets().data(), mac.octets().size());
    message.put_u32(IFLA_MTU, pair.mtu);
    message.put_u32(IFLA_GROUP, pair.group);
    message.put_u32(IFLA_NUM_TX_QUEUES, 1);
    message.put_u32(IFLA_NUM_RX_QUEUES, 1);
  };
  put_end(pair.name, pair.mac);
  nlattr* const info = message.open(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "veth");
  nlattr* const data = message.open(IFLA_INFO_DATA);
  nlattr* const peer = message.open(VETH_INFO_PEER);
  put_end(pair.peer_name, pair.peer_mac);
  message.close(peer);
  message.close(data);
  message.close(info);
  return message;
}

Outcome create_veth(const VethPair& pair) {
  auto created = ask(veth_request(pair), fmt::format("creating interface {}", pair.name));
  if (!created && created.error().error == EEXIST && created.error().detail.empty())
    created.error().detail = "another interface has this name";
  return created;
}

Outcome set_port(int ifindex, const BridgePort& port) {
  if (auto set = set_port_options(ifindex, port); !set) return set;
  return set_port_vlans(ifindex, port);
}

Result<LinkInfo, KernelError> find_link(const std::string& name, const std::string& kind) {
  const auto ifindex = interface_index(name);
  if (!ifindex) return Unexpected(ifindex.error());
  auto link = get_link(*ifindex);
  if (link && link->kind != kind)
    return Unexpected(
        KernelError{EINVAL, "looking up " + kind + " " + name,
                    fmt::format("there is an interface of this name, but no {}", kind)});
  return link;
}

Result<UniqueFd, KernelError> open_namespace(const std::string& name) {
  const std::string doing = "opening network namespace " + name;
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    return Unexpected(KernelError{EINVAL, doing, {}});
  UniqueFd fd(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Unexpected(KernelError{errno, doing, {}});
  return fd;
}

}  // namespace l2tpm::kernel
