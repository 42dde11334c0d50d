#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/ppp_defs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/netlink.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

constexpr std::uint32_t kSkipStatistics = RTEXT_FILTER_SKIP_STATS;

ifinfomsg link_header(int ifindex) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = ifindex;
  return header;
}

Outcome ask(const NetlinkMessage& message, std::string_view doing) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  return (*socket)->request(message, doing);
}

std::string text_of(const nlattr* attribute) {
  const char* const text = nla_get_string(attribute);
  return {text, strnlen(text, static_cast<std::size_t>(nla_len(attribute)))};
}

Outcome gone_is_fine(Outcome outcome) {
  if (!outcome && outcome.error().error == ENODEV) return Done{};
  return outcome;
}

}  // namespace

NetlinkMessage ppp_link_request(const PppLink& link) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg header = link_header(0);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.append(header);
  message.put_text(IFLA_IFNAME, link.name);
  message.put_u32(IFLA_MTU, link.mtu);
  message.put_u32(IFLA_GROUP, link.group);
  nlattr* const info = message.open(IFLA_LINKINFO);
  message.put_text(IFLA_INFO_KIND, "ppp");
  nlattr* const data = message.open(IFLA_INFO_DATA);
  message.put_u32(IFLA_PPP_DEV_FD, static_cast<std::uint32_t>(link.unit_fd));
  message.close(data);
  message.close(info);
  return message;
}

Outcome create_ppp_link(const PppLink& link) {
  auto created = ask(ppp_link_request(link), fmt::format("creating interface {}", link.name));
  if (!created && created.error().error == EEXIST && created.error().detail.empty())
    created.error().detail = "another interface has this name";
  return created;
}

Outcome delete_link(int ifindex) {
  NetlinkMessage message(RTM_DELLINK, 0);
  message.append(link_header(ifindex));
  return gone_is_fine(ask(message, fmt::format("deleting interface number {}", ifindex)));
}

Outcome delete_link_group(std::uint32_t group) {
  NetlinkMessage message(RTM_DELLINK, 0);
  message.append(link_header(0));
  message.put_u32(IFLA_GROUP, group);
  return gone_is_fine(ask(message, fmt::format("deleting interface group {:#x}", group)));
}

Outcome set_link_mtu(int ifindex, std::uint32_t mtu) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  message.append(link_header(ifindex));
  message.put_u32(IFLA_MTU, mtu);
  return ask(message, fmt::format("setting the MTU of interface number {} to {}", ifindex, mtu));
}

std::optional<LinkInfo> decode_link(void* message) {
  auto* const header = static_cast<nlmsghdr*>(message);
  nlattr* attributes[IFLA_MAX + 1];
  if ((header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK) ||
      nlmsg_parse(header, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr) != 0)
    return std::nullopt;
  const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(header));
  // A bridge says so that an interface is its port no more: RTM_DELLINK, of something that stays.
  if (info->ifi_family == AF_BRIDGE) return std::nullopt;
  LinkInfo link;
  link.ifindex = info->ifi_index;
  link.up = (info->ifi_flags & IFF_UP) != 0;
  link.group = attribute_u32(attributes[IFLA_GROUP]);
  link.mtu = attribute_u32(attributes[IFLA_MTU]);
  link.running = link.up && (info->ifi_flags & IFF_RUNNING) != 0;
  link.master = static_cast<int>(attribute_u32(attributes[IFLA_MASTER]));
  link.lower = static_cast<int>(attribute_u32(attributes[IFLA_LINK]));
  if (nlattr* const name = attributes[IFLA_IFNAME]) link.name = text_of(name);
  if (nlattr* const nest = attributes[IFLA_LINKINFO]) {
    nlattr* kind[IFLA_INFO_MAX + 1];
    if (nla_parse_nested(kind, IFLA_INFO_MAX, nest, nullptr) == 0 &&
        kind[IFLA_INFO_KIND] != nullptr)
      link.kind = text_of(kind[IFLA_INFO_KIND]);
  }
  if (nlattr* const address = attributes[IFLA_ADDRESS]) {
    std::array<std::uint8_t, 6> octets{};
    if (nla_len(address) == static_cast<int>(octets.size())) {
      std::memcpy(octets.data(), nla_data(address), octets.size());
      link.mac = MacAddress(octets);
    }
  }
  return link;
}

Result<std::vector<LinkInfo>, KernelError> list_links(bool only_ppp) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message(RTM_GETLINK, 0);
  message.append(link_header(0));
  message.put_u32(IFLA_EXT_MASK, kSkipStatistics);
  if (only_ppp) {
    nlattr* const info = message.open(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "ppp");
    message.close(info);
  }
  std::vector<LinkInfo> links;
  auto dumped = (*socket)->dump(message, "listing interfaces", [&](nlmsghdr* header) {
    auto link = decode_link(header);
    if (link && (!only_ppp || link->is_ppp())) links.push_back(std::move(*link));
  });
  if (!dumped) return Unexpected(dumped.error());
  return links;
}

Result<LinkInfo, KernelError> get_link(int ifindex) {
  const std::string doing = fmt::format("looking up interface number {}", ifindex);
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message(RTM_GETLINK, 0);
  message.append(link_header(ifindex));
  message.put_u32(IFLA_EXT_MASK, kSkipStatistics);
  std::optional<LinkInfo> link;
  auto asked =
      (*socket)->request(message, doing, [&](nlmsghdr* header) { link = decode_link(header); });
  if (!asked) return Unexpected(asked.error());
  if (!link) return Unexpected(KernelError{ENODEV, doing, {}});
  return *link;
}

Result<int, KernelError> interface_index(const std::string& name) {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return Unexpected(KernelError{ENAMETOOLONG, "looking up interface " + name, {}});
  name.copy(request.ifr_name, name.size());
  if (ioctl((*socket)->fd(), SIOCGIFINDEX, &request) != 0)
    return Unexpected(KernelError{errno, "looking up interface " + name, {}});
  return request.ifr_ifindex;
}

Result<std::vector<LinkCounters>, KernelError> read_link_counters() {
  auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message(RTM_GETSTATS, 0);
  if_stats_msg request{};
  request.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  message.append(request);
  std::vector<LinkCounters> all;
  auto dumped = (*socket)->dump(message, "reading interface counters", [&](nlmsghdr* header) {
    nlattr* attributes[IFLA_STATS_MAX + 1];
    if (header->nlmsg_type != RTM_NEWSTATS ||
        nlmsg_parse(header, sizeof(if_stats_msg), attributes, IFLA_STATS_MAX, nullptr) != 0)
      return;
    const nlattr* const stats = attributes[IFLA_STATS_LINK_64];
    if (stats == nullptr) return;
    // Older kernels send a shorter structure; its end then stays zero.
    rtnl_link_stats64 values{};
    std::memcpy(&values, nla_data(stats),
                std::min(sizeof values, static_cast<std::size_t>(nla_len(stats))));
    const auto* from = static_cast<const if_stats_msg*>(nlmsg_data(header));
    all.push_back({static_cast<int>(from->ifindex), values.rx_packets, values.tx_packets,
                   values.rx_bytes, values.tx_bytes, values.rx_errors, values.tx_errors,
                   values.rx_dropped, values.tx_dropped});
  });
  if (!dumped) return Unexpected(dumped.error());
  return all;
}

}  // namespace l2tpm::kernel
