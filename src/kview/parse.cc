#include "kview/parse.h"

#include <libmnl/libmnl.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
// clang-format off
#include <linux/l2tp.h>  // after <netinet/in.h>, which its own <linux/in.h> must not come before
// clang-format on
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace l2tpm::kview {
namespace {

constexpr std::size_t kLongestCookie = 8;  // RFC 3931 section 4.1

// The attributes of a message or of a nest, by number; unknown ones are left out, the last of
// several counts.
class Attributes {
 public:
  static constexpr std::size_t kCount = 80;  // beyond every number that is asked for
  static_assert(kCount > IFLA_MAX && kCount > L2TP_ATTR_MAX && kCount > CTRL_ATTR_MAX);

  Attributes() = default;
  static Attributes of_message(const nlmsghdr& message, std::size_t header) {
    Attributes result;
    const std::size_t size = mnl_nlmsg_get_payload_len(&message);
    if (size < MNL_ALIGN(header)) return result;
    result.read(
        static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(&message)) + MNL_ALIGN(header),
        size - MNL_ALIGN(header));
    return result;
  }
  static Attributes of_nest(const nlattr* nest) {
    Attributes result;
    if (nest != nullptr)
      result.read(static_cast<const std::uint8_t*>(mnl_attr_get_payload(nest)),
                  mnl_attr_get_payload_len(nest));
    return result;
  }

  const nlattr* operator[](std::size_t number) const { return all_[number]; }

  template <typename T>
  std::optional<T> get(std::size_t number) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const nlattr* attribute = all_[number];
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof value);
    return value;
  }
  template <typename T>
  T get_or(std::size_t number, T otherwise = {}) const {
    return get<T>(number).value_or(otherwise);
  }
  // At most so many octets.
  Bytes octets(std::size_t number, std::size_t most) const {
    const nlattr* attribute = all_[number];
    if (attribute == nullptr) return {};
    const auto* data = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
    return {data, data + std::min<std::size_t>(mnl_attr_get_payload_len(attribute), most)};
  }
  std::string text(std::size_t number) const {
    const nlattr* attribute = all_[number];
    if (attribute == nullptr) return {};
    const auto* chars = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return {chars, strnlen(chars, mnl_attr_get_payload_len(attribute))};
  }

 private:
  void read(const std::uint8_t* at, std::size_t size) {
    const std::uint8_t* end = at + size;
    while (true) {
      const auto* attribute = reinterpret_cast<const nlattr*>(at);
      if (!mnl_attr_ok(attribute, static_cast<int>(end - at))) return;
      if (const std::uint16_t type = mnl_attr_get_type(attribute); type < kCount)
        all_[type] = attribute;
      const std::size_t step = MNL_ALIGN(attribute->nla_len);
      if (step >= static_cast<std::size_t>(end - at)) return;
      at += step;
    }
  }
  std::array<const nlattr*, kCount> all_{};
};

// The command of a generic netlink message; 0 for one that has no header.
std::uint8_t command_of(const nlmsghdr& message) {
  genlmsghdr header{};
  if (mnl_nlmsg_get_payload_len(&message) < sizeof header) return 0;
  std::memcpy(&header, mnl_nlmsg_get_payload(&message), sizeof header);
  return header.cmd;
}

std::optional<IpAddress> address_at(const Attributes& attributes, std::size_t v4, std::size_t v6) {
  if (const auto octets = attributes.get<std::array<std::uint8_t, 4>>(v4))
    return IpAddress::v4(std::uint32_t{(*octets)[0]} << 24 | std::uint32_t{(*octets)[1]} << 16 |
                         std::uint32_t{(*octets)[2]} << 8 | (*octets)[3]);
  if (const auto octets = attributes.get<std::array<std::uint8_t, 16>>(v6))
    return IpAddress::v6(*octets);
  return std::nullopt;
}

Counters counters_at(const nlattr* nest) {
  const auto stats = Attributes::of_nest(nest);
  const auto value = [&](std::size_t number) { return stats.get_or<std::uint64_t>(number); };
  Counters counters;
  counters.tx_packets = value(L2TP_ATTR_TX_PACKETS);
  counters.tx_bytes = value(L2TP_ATTR_TX_BYTES);
  counters.tx_errors = value(L2TP_ATTR_TX_ERRORS);
  counters.rx_packets = value(L2TP_ATTR_RX_PACKETS);
  counters.rx_bytes = value(L2TP_ATTR_RX_BYTES);
  counters.rx_errors = value(L2TP_ATTR_RX_ERRORS);
  counters.rx_sequence_discards = value(L2TP_ATTR_RX_SEQ_DISCARDS);
  counters.rx_out_of_sequence = value(L2TP_ATTR_RX_OOS_PACKETS);
  counters.rx_cookie_discards = value(L2TP_ATTR_RX_COOKIE_DISCARDS);
  counters.rx_invalid = value(L2TP_ATTR_RX_INVALID);
  return counters;
}

}  // namespace

void for_each_message(ByteView datagram, const std::function<void(const nlmsghdr&)>& visit) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    const auto* header = reinterpret_cast<const nlmsghdr*>(datagram.data());
    // mnl_nlmsg_ok() compares as int: a length beyond that would look negative.
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return;
    visit(*header);
    const std::size_t step = MNL_ALIGN(std::size_t{header->nlmsg_len});
    if (step >= datagram.size()) return;
    datagram = datagram.subspan(step);
  }
}

std::optional<Family> parse_family(const nlmsghdr& message) {
  if (command_of(message) != CTRL_CMD_NEWFAMILY) return std::nullopt;
  const auto attributes = Attributes::of_message(message, GENL_HDRLEN);
  const auto id = attributes.get<std::uint16_t>(CTRL_ATTR_FAMILY_ID);
  if (!id) return std::nullopt;
  Family family{*id, 0};
  if (const nlattr* groups = attributes[CTRL_ATTR_MCAST_GROUPS]) {
    // A list: numbers are positions. The kernel has one; some more are looked at.
    const auto list = Attributes::of_nest(groups);
    for (std::size_t i = 0; i < 16; ++i) {
      const auto group = Attributes::of_nest(list[i]);
      if (group.text(CTRL_ATTR_MCAST_GRP_NAME) == L2TP_GENL_MCGROUP)
        family.multicast_group = group.get_or<std::uint32_t>(CTRL_ATTR_MCAST_GRP_ID);
    }
  }
  return family;
}

std::optional<Tunnel> parse_tunnel(const nlmsghdr& message) {
  if (command_of(message) == 0) return std::nullopt;
  const auto attributes = Attributes::of_message(message, GENL_HDRLEN);
  const auto id = attributes.get<std::uint32_t>(L2TP_ATTR_CONN_ID);
  if (!id || attributes[L2TP_ATTR_SESSION_ID] != nullptr) return std::nullopt;
  Tunnel tunnel;
  tunnel.id = *id;
  tunnel.peer_id = attributes.get_or<std::uint32_t>(L2TP_ATTR_PEER_CONN_ID);
  tunnel.version = attributes.get_or<std::uint8_t>(L2TP_ATTR_PROTO_VERSION);
  if (const auto type = attributes.get<std::uint16_t>(L2TP_ATTR_ENCAP_TYPE))
    tunnel.encapsulation = *type == L2TP_ENCAPTYPE_UDP  ? Encapsulation::udp
                           : *type == L2TP_ENCAPTYPE_IP ? Encapsulation::ip
                                                        : Encapsulation::other;
  if (const auto address = address_at(attributes, L2TP_ATTR_IP_SADDR, L2TP_ATTR_IP6_SADDR))
    tunnel.local = Endpoint{*address, attributes.get_or<std::uint16_t>(L2TP_ATTR_UDP_SPORT), 0};
  if (const auto address = address_at(attributes, L2TP_ATTR_IP_DADDR, L2TP_ATTR_IP6_DADDR))
    tunnel.remote = Endpoint{*address, attributes.get_or<std::uint16_t>(L2TP_ATTR_UDP_DPORT), 0};
  if (tunnel.encapsulation == Encapsulation::udp && tunnel.local)
    tunnel.udp_checksum = tunnel.local->address.is_v6()
                              ? attributes[L2TP_ATTR_UDP_ZERO_CSUM6_TX] == nullptr
                              : attributes.get_or<std::uint8_t>(L2TP_ATTR_UDP_CSUM) != 0;
  tunnel.counters = counters_at(attributes[L2TP_ATTR_STATS]);
  return tunnel;
}

std::optional<Session> parse_session(const nlmsghdr& message) {
  if (command_of(message) == 0) return std::nullopt;
  const auto attributes = Attributes::of_message(message, GENL_HDRLEN);
  const auto tunnel = attributes.get<std::uint32_t>(L2TP_ATTR_CONN_ID);
  const auto id = attributes.get<std::uint32_t>(L2TP_ATTR_SESSION_ID);
  if (!tunnel || !id) return std::nullopt;
  Session session;
  session.tunnel = *tunnel;
  session.id = *id;
  session.peer_tunnel = attributes.get_or<std::uint32_t>(L2TP_ATTR_PEER_CONN_ID);
  session.peer_id = attributes.get_or<std::uint32_t>(L2TP_ATTR_PEER_SESSION_ID);
  session.pseudowire = attributes.get_or<std::uint16_t>(L2TP_ATTR_PW_TYPE);
  session.receive_sequence = attributes.get_or<std::uint8_t>(L2TP_ATTR_RECV_SEQ) != 0;
  session.send_sequence = attributes.get_or<std::uint8_t>(L2TP_ATTR_SEND_SEQ) != 0;
  session.lns_mode = attributes.get_or<std::uint8_t>(L2TP_ATTR_LNS_MODE) != 0;
  session.cookie = attributes.octets(L2TP_ATTR_COOKIE, kLongestCookie);
  session.peer_cookie = attributes.octets(L2TP_ATTR_PEER_COOKIE, kLongestCookie);
  session.reorder_timeout = attributes.get_or<std::uint64_t>(L2TP_ATTR_RECV_TIMEOUT);
  session.interface = attributes.text(L2TP_ATTR_IFNAME);
  session.counters = counters_at(attributes[L2TP_ATTR_STATS]);
  return session;
}

std::optional<Link> parse_link(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return std::nullopt;
  ifinfomsg info{};
  if (mnl_nlmsg_get_payload_len(&message) < sizeof info) return std::nullopt;
  std::memcpy(&info, mnl_nlmsg_get_payload(&message), sizeof info);
  const auto attributes = Attributes::of_message(message, sizeof info);
  Link link;
  link.index = info.ifi_index;
  link.up = (info.ifi_flags & IFF_UP) != 0;
  link.name = attributes.text(IFLA_IFNAME);
  link.group = attributes.get_or<std::uint32_t>(IFLA_GROUP);
  link.mtu = attributes.get_or<std::uint32_t>(IFLA_MTU);
  link.master = static_cast<int>(attributes.get_or<std::uint32_t>(IFLA_MASTER));
  link.kind = Attributes::of_nest(attributes[IFLA_LINKINFO]).text(IFLA_INFO_KIND);
  // The start of rtnl_link_stats64, which every kernel has.
  if (const auto stats = attributes.get<std::array<std::uint64_t, 8>>(IFLA_STATS64)) {
    link.counters.rx_packets = (*stats)[0];
    link.counters.tx_packets = (*stats)[1];
    link.counters.rx_bytes = (*stats)[2];
    link.counters.tx_bytes = (*stats)[3];
    link.counters.rx_errors = (*stats)[4];
    link.counters.tx_errors = (*stats)[5];
    link.counters.rx_dropped = (*stats)[6];
    link.counters.tx_dropped = (*stats)[7];
  }
  return link;
}

std::optional<int> parse_end(const nlmsghdr& message) {
  if (message.nlmsg_type != NLMSG_ERROR && message.nlmsg_type != NLMSG_DONE) return std::nullopt;
  std::int32_t code = 0;
  if (mnl_nlmsg_get_payload_len(&message) < sizeof code)
    return message.nlmsg_type == NLMSG_DONE ? 0 : EPROTO;
  std::memcpy(&code, mnl_nlmsg_get_payload(&message), sizeof code);
  // Negative errno; the smallest number has no counterpart.
  return code >= 0 ? code : code < -4095 ? EPROTO : -code;
}

}  // namespace l2tpm::kview
