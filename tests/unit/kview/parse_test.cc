#include "kview/parse.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
// clang-format off
#include <linux/l2tp.h>
// clang-format on
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>

#include "support/netlink_build.h"

namespace l2tpm::kview {
namespace {

using test::NetlinkBuild;

NetlinkBuild tunnel_message() {
  NetlinkBuild message = NetlinkBuild::genl(L2TP_CMD_TUNNEL_GET);
  NetlinkBuild stats(0);
  stats.put(L2TP_ATTR_TX_PACKETS, std::uint64_t{7}).put(L2TP_ATTR_RX_BYTES, std::uint64_t{1} << 40);
  message.put(L2TP_ATTR_PROTO_VERSION, std::uint8_t{2})
      .put(L2TP_ATTR_CONN_ID, std::uint32_t{4711})
      .put(L2TP_ATTR_PEER_CONN_ID, std::uint32_t{42})
      .put(L2TP_ATTR_ENCAP_TYPE, std::uint16_t{L2TP_ENCAPTYPE_UDP})
      .nest(L2TP_ATTR_STATS, stats)
      .put(L2TP_ATTR_IP_SADDR, std::array<std::uint8_t, 4>{192, 0, 2, 2})
      .put(L2TP_ATTR_IP_DADDR, std::array<std::uint8_t, 4>{192, 0, 2, 1})
      .put(L2TP_ATTR_UDP_SPORT, std::uint16_t{1701})
      .put(L2TP_ATTR_UDP_DPORT, std::uint16_t{1702});
  return message;
}

TEST(KernelMessages, ATunnel) {
  const auto tunnel = parse_tunnel(tunnel_message().message());
  ASSERT_TRUE(tunnel);
  EXPECT_EQ(tunnel->id, 4711u);
  EXPECT_EQ(tunnel->peer_id, 42u);
  EXPECT_EQ(tunnel->version, 2);
  EXPECT_EQ(tunnel->encapsulation, Encapsulation::udp);
  EXPECT_EQ(tunnel->local->to_string(), "192.0.2.2:1701");
  EXPECT_EQ(tunnel->remote->to_string(), "192.0.2.1:1702");
  EXPECT_EQ(tunnel->counters.tx_packets, 7u);
  EXPECT_EQ(tunnel->counters.rx_bytes, std::uint64_t{1} << 40);
}

TEST(KernelMessages, ASessionIsNoTunnelAndTheReverse) {
  NetlinkBuild message = NetlinkBuild::genl(L2TP_CMD_SESSION_GET);
  message.put(L2TP_ATTR_CONN_ID, std::uint32_t{4711})
      .put(L2TP_ATTR_SESSION_ID, std::uint32_t{5})
      .put(L2TP_ATTR_PEER_SESSION_ID, std::uint32_t{6})
      .put(L2TP_ATTR_PW_TYPE, std::uint16_t{L2TP_PWTYPE_ETH})
      .put(L2TP_ATTR_RECV_SEQ, std::uint8_t{1})
      .put(L2TP_ATTR_COOKIE, std::array<std::uint8_t, 4>{1, 2, 3, 4})
      .put(L2TP_ATTR_PEER_COOKIE, std::array<std::uint8_t, 12>{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9})
      .text(L2TP_ATTR_IFNAME, "l2tpeth0");
  const auto session = parse_session(message.message());
  ASSERT_TRUE(session);
  EXPECT_EQ(session->tunnel, 4711u);
  EXPECT_EQ(session->id, 5u);
  EXPECT_EQ(session->peer_id, 6u);
  EXPECT_EQ(session->pseudowire, kEthernet);
  EXPECT_TRUE(session->receive_sequence);
  EXPECT_EQ(session->interface, "l2tpeth0");
  EXPECT_EQ(session->cookie, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(session->peer_cookie, Bytes(8, 9)) << "no more than there can be";
  EXPECT_FALSE(parse_tunnel(message.message()));
  EXPECT_FALSE(parse_session(tunnel_message().message()));
}

TEST(KernelMessages, ALinkWithItsGroup) {
  NetlinkBuild message(RTM_NEWLINK);
  ifinfomsg info{};
  info.ifi_index = 9;
  info.ifi_flags = 1;  // IFF_UP
  NetlinkBuild kind(0);
  kind.text(IFLA_INFO_KIND, "ppp");
  message.raw(info)
      .text(IFLA_IFNAME, "l2tp-work")
      .put(IFLA_GROUP, std::uint32_t{0x20007})
      .put(IFLA_MTU, std::uint32_t{1400})
      .nest(IFLA_LINKINFO, kind);
  const auto link = parse_link(message.message());
  ASSERT_TRUE(link);
  EXPECT_EQ(link->index, 9);
  EXPECT_EQ(link->name, "l2tp-work");
  EXPECT_EQ(link->kind, "ppp");
  EXPECT_TRUE(link->up);
  EXPECT_EQ(instance_of_group(link->group), 1u);
}

TEST(KernelMessages, TheFamilyAndItsGroup) {
  NetlinkBuild message = NetlinkBuild::genl(CTRL_CMD_NEWFAMILY);
  NetlinkBuild group(0);
  group.text(CTRL_ATTR_MCAST_GRP_NAME, "l2tp").put(CTRL_ATTR_MCAST_GRP_ID, std::uint32_t{11});
  NetlinkBuild groups(0);
  groups.nest(1, group);
  message.put(CTRL_ATTR_FAMILY_ID, std::uint16_t{0x21}).nest(CTRL_ATTR_MCAST_GROUPS, groups);
  const auto family = parse_family(message.message());
  ASSERT_TRUE(family);
  EXPECT_EQ(family->id, 0x21);
  EXPECT_EQ(family->multicast_group, 11u);
}

// A message cut anywhere is a tunnel with less, or none.
TEST(KernelMessages, CutAtEveryLength) {
  const Bytes whole = tunnel_message().bytes();
  for (std::size_t size = sizeof(nlmsghdr); size <= whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto length = static_cast<std::uint32_t>(size);
    std::memcpy(cut.data(), &length, sizeof length);
    for_each_message(cut, [](const nlmsghdr& message) {
      if (const auto tunnel = parse_tunnel(message)) {
        EXPECT_EQ(tunnel->id, 4711u);
      }
    });
  }
}

TEST(KernelMessages, LengthsThatLieEndTheDatagram) {
  Bytes bytes = tunnel_message().bytes();
  int visits = 0;
  const auto count = [&](std::uint32_t length) {
    std::memcpy(bytes.data(), &length, sizeof length);
    visits = 0;
    for_each_message(bytes, [&](const nlmsghdr&) { ++visits; });
    return visits;
  };
  EXPECT_EQ(count(static_cast<std::uint32_t>(bytes.size())), 1);
  EXPECT_EQ(count(0), 0);
  EXPECT_EQ(count(sizeof(nlmsghdr) - 1), 0);
  EXPECT_EQ(count(static_cast<std::uint32_t>(bytes.size()) + 1), 0);
  EXPECT_EQ(count(0xffffffff), 0);
}

TEST(KernelMessages, TooShortAnAttributeIsAbsent) {
  NetlinkBuild message = NetlinkBuild::genl(L2TP_CMD_TUNNEL_GET);
  message.put(L2TP_ATTR_CONN_ID, std::uint16_t{1});
  EXPECT_FALSE(parse_tunnel(message.message()));
}

TEST(KernelMessages, EndsAndErrors) {
  NetlinkBuild error(NLMSG_ERROR);
  error.raw(std::int32_t{-1});
  EXPECT_EQ(parse_end(error.message()), 1);
  NetlinkBuild done(NLMSG_DONE);
  EXPECT_EQ(parse_end(done.message()), 0);
  NetlinkBuild odd(NLMSG_ERROR);
  odd.raw(std::int32_t{INT32_MIN});
  EXPECT_EQ(parse_end(odd.message()), EPROTO);
  EXPECT_FALSE(parse_end(tunnel_message().message()));
}

constexpr const char* kPppol2tp =
    "PPPoL2TP driver info, V2.0\n"
    "TUNNEL name, user-data-ok session-count\n"
    " debug tx-pkts/bytes/errs rx-pkts/bytes/errs\n"
    "  SESSION name, addr/port src-tid/sid dest-tid/sid state user-data-ok\n"
    "   mtu/mru/rcvseq/sendseq/lns debug reorderto\n"
    "   nr/ns tx-pkts/bytes/errs rx-pkts/bytes/errs\n"
    "\nTUNNEL 'tunl 4711', Y 1\n"
    " 00000000 0/0/0 0/0/0\n"
    "  SESSION 'sess 4711/5' C0000202/1701 1267/0005 -> 002A/0006 17 Y\n"
    "   0/0/R/-/LAC 00000000 0\n"
    "   0/3 12/600/0 13/700/1\n"
    "   interface ppp0\n"
    "  SESSION 'sess 4711/7' C0000202/1701 1267/0007 -> 002A/0008 0 N\n"
    "   0/0/-/S/LNS 00000000 0\n"
    "   0/0 0/0/0 0/0/0\n"
    "   interface (null)\n";

TEST(Pppol2tpTable, SessionsWithTheirInterfaces) {
  const auto sessions = parse_pppol2tp(kPppol2tp);
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].tunnel, 4711u);
  EXPECT_EQ(sessions[0].id, 5u);
  EXPECT_EQ(sessions[0].peer_tunnel, 42u);
  EXPECT_EQ(sessions[0].peer_id, 6u);
  EXPECT_EQ(sessions[0].interface, "ppp0");
  EXPECT_TRUE(sessions[0].has_socket);
  EXPECT_TRUE(sessions[0].receive_sequence);
  EXPECT_FALSE(sessions[0].send_sequence);
  EXPECT_EQ(sessions[0].counters.tx_packets, 12u);
  EXPECT_EQ(sessions[0].counters.rx_bytes, 700u);
  EXPECT_EQ(sessions[0].counters.rx_errors, 1u);
  EXPECT_EQ(sessions[1].interface, "");
  EXPECT_FALSE(sessions[1].has_socket);
  EXPECT_TRUE(sessions[1].lns_mode);
}

TEST(Pppol2tpTable, CutAnywhereAndGarbage) {
  const std::string_view whole = kPppol2tp;
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_LE(parse_pppol2tp(whole.substr(0, size)).size(), 2u);
  EXPECT_TRUE(parse_pppol2tp("  SESSION ' -> ' -> 1/2\n   interface x\n").empty());
  EXPECT_TRUE(parse_pppol2tp("   interface ppp0\n").empty());
}

TEST(UdpTable, Sockets) {
  const auto sockets = parse_udp_table(
      "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode ref pointer drops             \n"
      "  470: 020200C0:06A5 010200C0:06A6 01 00000000:00000000 00:00000000 00000000  997        0 "
      "12345 2 0000000000000000 0\n"
      "  471: 00000000000000000000000001000000:06A5 00000000000000000000000000000000:0000 07 "
      "00000000:00000000 00:00000000 00000000     0        0 0 2 0000000000000000 0\n"
      "garbage\n");
  ASSERT_EQ(sockets.size(), 2u);
  EXPECT_EQ(sockets[0].local.to_string(), "192.0.2.2:1701");
  EXPECT_EQ(sockets[0].remote.to_string(), "192.0.2.1:1702");
  EXPECT_EQ(sockets[0].inode, 12345u);
  EXPECT_EQ(sockets[1].local.to_string(), "[::1]:1701");
  EXPECT_EQ(sockets[1].inode, 0u);
}

}  // namespace
}  // namespace l2tpm::kview
