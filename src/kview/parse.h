// Bytes and text from the kernel to values. Whatever the bytes are: a value, or none; what is
// missing or too short in a message is as if it were absent.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "kview/view.h"

namespace l2tpm::kview {

// Calls `visit` for every complete message of a datagram. REQUIRES: aligned as nlmsghdr is; the
// headers that `visit` gets are.
void for_each_message(ByteView datagram, const std::function<void(const nlmsghdr&)>& visit);

// Each takes a message of for_each_message(). nullopt: not such a message, or without its ids.
struct Family {
  std::uint16_t id = 0;
  std::uint32_t multicast_group = 0;  // of group "l2tp"; 0: none
};
std::optional<Family> parse_family(const nlmsghdr& message);
std::optional<Tunnel> parse_tunnel(const nlmsghdr& message);
std::optional<Session> parse_session(const nlmsghdr& message);
std::optional<Link> parse_link(const nlmsghdr& message);
// What an NLMSG_ERROR or NLMSG_DONE says: 0 or an errno. nullopt: neither of them.
std::optional<int> parse_end(const nlmsghdr& message);

// /proc/net/pppol2tp: sessions with the interface of their PPP unit.
std::vector<Session> parse_pppol2tp(std::string_view text);
// /proc/net/udp and /proc/net/udp6.
std::vector<UdpSocket> parse_udp_table(std::string_view text);

}  // namespace l2tpm::kview
