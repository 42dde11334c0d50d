// Arithmetic and message building: nothing here asks the kernel for anything but its own loopback.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/random.h"
#include "kernel/error.h"
#include "kernel/link_group.h"
#include "kernel/mss_clamp.h"
#include "kernel/mtu.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/session_jobs.h"

namespace l2tpm::kernel {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }
IpPrefix prefix(const char* text) { return *IpPrefix::parse(text); }

MtuInputs path(std::uint32_t mtu, bool ipv6 = false, bool sequence = false) {
  MtuInputs inputs;
  inputs.path_mtu = mtu;
  inputs.outer_ipv6 = ipv6;
  inputs.sequence_numbers = sequence;
  return inputs;
}

// The table of the requirements: what fits into an outer packet of so many octets.
TEST(Mtu, WhatFits) {
  struct Row {
    std::uint32_t path, plain, sequence, ipv6;
  };
  for (const Row& row : {
           Row{1500, 1462, 1458, 1442},
           Row{1492, 1454, 1450, 1434},
           Row{1460, 1422, 1418, 1402},
           Row{1280, 1242, 1238, 1222}
  }) {
    EXPECT_EQ(interface_mtu(path(row.path)), row.plain);
    EXPECT_EQ(interface_mtu(path(row.path, false, true)), row.sequence);
    EXPECT_EQ(interface_mtu(path(row.path, true)), row.ipv6);
  }
  EXPECT_EQ(interface_mtu(path(1500, true, true)), 1438u);
}

TEST(Mtu, TheSmallestWishWins) {
  auto inputs = path(1500);
  inputs.peer_mru = 1400;
  EXPECT_EQ(interface_mtu(inputs), 1400u);
  inputs.limit = 1300;
  EXPECT_EQ(interface_mtu(inputs), 1300u);
  inputs.limit = 9000;
  EXPECT_EQ(interface_mtu(inputs), 1400u);
}

TEST(Mtu, JumboNeedsThePeersWord) {
  auto inputs = path(9000);
  EXPECT_EQ(interface_mtu(inputs), 1500u);
  inputs.peer_mru = 8962;
  EXPECT_EQ(interface_mtu(inputs), 8962u);
}

TEST(Mtu, IpsecAndNonsense) {
  auto inputs = path(1500);
  inputs.ipsec = true;
  EXPECT_EQ(interface_mtu(inputs), 1400u);
  inputs.path_mtu = 1280;
  EXPECT_EQ(interface_mtu(inputs), 1242u);
  EXPECT_EQ(interface_mtu(path(0)), kMinimumMtu);
  inputs.peer_mru = 0;
  EXPECT_EQ(interface_mtu(inputs), kMinimumMtu);
}

TEST(Mtu, OfALoopbackSocket) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM, 0));
  EXPECT_FALSE(path_mtu(fd.get()));  // not connected
  sockaddr_storage storage{};
  const socklen_t length = Endpoint{ip("127.0.0.1"), 9, 0}.to_sockaddr(storage);
  ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  const auto mtu = path_mtu(fd.get());
  ASSERT_TRUE(mtu);
  EXPECT_GE(*mtu, 1280u);
  EXPECT_LE(*mtu, 65535u);
}

TEST(LinkGroup, TellsInstancesAndTunnelsApart) {
  EXPECT_EQ(link_group(1, true, 7), 0x20007u);
  EXPECT_EQ(link_group(1, false, 7), 0x30007u);
  for (const std::uint32_t instance : {1u, 2u, 77u, kMaximumInstance})
    for (const bool clamp : {true, false})
      for (const unsigned slot : {0u, 1u, 65535u}) {
        const auto group = link_group(instance, clamp, static_cast<std::uint16_t>(slot));
        EXPECT_GT(static_cast<std::int32_t>(group), 0);
        EXPECT_TRUE(is_of_instance(group, instance));
        EXPECT_FALSE(is_of_instance(group, instance % kMaximumInstance + 1));
        // The nftables rule compares under this mask.
        EXPECT_EQ((group & kClampMask) == instance_group(instance), clamp);
      }
  EXPECT_FALSE(is_of_instance(0, 1));
  EXPECT_FALSE(is_of_instance(1, 1));  // the feature probe's
}

TEST(MssClamp, RulesetNamesTheInstance) {
  const auto rules = mss_clamp_ruleset(2);
  EXPECT_NE(rules.find("table inet l2tp-manager-2 {"), std::string::npos);
  EXPECT_NE(rules.find("meta oifgroup & 0xffff0000 == 0x40000 "), std::string::npos);
  EXPECT_EQ(mss_clamp_ruleset(1).find("l2tp-manager-"), std::string::npos);
}

TEST(KernelErrorText, SaysWhatAndWhy) {
  EXPECT_EQ((KernelError{EEXIST, "creating interface ppp0", "name taken"}).to_string(),
            "creating interface ppp0: File exists (EEXIST): name taken");
  EXPECT_EQ((KernelError{99999, "x", {}}).to_string(), "x: unknown error (errno 99999)");
}

TEST(PppLink, OneRequestHasItAll) {
  const NetlinkMessage message = ppp_link_request({42, "ppp-branch-office", 1462, 0x20007});
  ASSERT_TRUE(message.ok());
  nlmsghdr* const header = message.header();
  EXPECT_EQ(header->nlmsg_type, RTM_NEWLINK);
  EXPECT_EQ(header->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL), NLM_F_CREATE | NLM_F_EXCL);
  const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(header));
  EXPECT_EQ(info->ifi_flags & IFF_UP, static_cast<unsigned>(IFF_UP));
  EXPECT_EQ(info->ifi_change, static_cast<unsigned>(IFF_UP));
  const auto link = decode_link(header);
  ASSERT_TRUE(link);
  EXPECT_TRUE(link->is_ppp());
  EXPECT_EQ(link->name, "ppp-branch-office");
  EXPECT_EQ(link->mtu, 1462u);
  EXPECT_EQ(link->group, 0x20007u);
  nlattr* attributes[IFLA_MAX + 1];
  ASSERT_EQ(nlmsg_parse(header, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr), 0);
  nlattr* kind[IFLA_INFO_MAX + 1];
  ASSERT_EQ(nla_parse_nested(kind, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr), 0);
  nlattr* data[IFLA_PPP_MAX + 1];
  ASSERT_EQ(nla_parse_nested(data, IFLA_PPP_MAX, kind[IFLA_INFO_DATA], nullptr), 0);
  EXPECT_EQ(attribute_u32(data[IFLA_PPP_DEV_FD]), 42u);
}

TEST(Rtnl, SpeaksToThisKernel) {
  const auto links = list_links(false);
  ASSERT_TRUE(links) << links.error().to_string();
  bool loopback = false;
  for (const auto& link : *links) loopback |= link.name == "lo" && link.ifindex > 0;
  EXPECT_TRUE(loopback);
  const auto route = lookup_route(ip("127.0.0.1"));
  ASSERT_TRUE(route) << route.error().to_string();
  EXPECT_EQ(route->type, RTN_LOCAL);
  const auto local = list_routes(false, RT_TABLE_LOCAL);
  ASSERT_TRUE(local) << local.error().to_string();
  for (const auto& entry : *local) EXPECT_EQ(entry.table, std::uint32_t{RT_TABLE_LOCAL});
  EXPECT_TRUE(list_routes(false, 54321));  // there is no such table: no routes, no error
  EXPECT_TRUE(list_addresses());
  const auto missing = get_link(0x7ffffff0);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().error, ENODEV);
  const auto index = interface_index("lo");
  ASSERT_TRUE(index) << index.error().to_string();
  EXPECT_EQ(get_link(*index)->name, "lo");
  EXPECT_EQ(interface_index("no-such-link").error().error, ENODEV);
  // The socket is in step after an error.
  EXPECT_TRUE(list_links(true));
}

RouteEntry entry(const char* destination, int ifindex, std::uint32_t metric = 0,
                 std::uint8_t protocol = RTPROT_STATIC) {
  RouteEntry route;
  route.destination = prefix(destination);
  route.ifindex = ifindex;
  route.metric = metric;
  route.protocol = protocol;
  return route;
}

constexpr std::uint8_t kOurs = 76;

int best(const std::vector<RouteEntry>& routes, const char* destination) {
  OwnLinks own;
  own.add(100);
  const auto* route = best_route(routes, ip(destination), kOurs, own);
  return route == nullptr ? 0 : route->ifindex;
}

TEST(BestRoute, LongestThenCheapest) {
  const std::vector<RouteEntry> routes = {entry("0.0.0.0/0", 1, 100), entry("0.0.0.0/0", 2, 50),
                                          entry("192.0.2.0/24", 3), entry("192.0.2.128/25", 4),
                                          entry("::/0", 5, 1024)};
  EXPECT_EQ(best(routes, "198.51.100.1"), 2);
  EXPECT_EQ(best(routes, "192.0.2.1"), 3);
  EXPECT_EQ(best(routes, "192.0.2.200"), 4);
  EXPECT_EQ(best(routes, "2001:db8::1"), 5);
  EXPECT_EQ(best({}, "192.0.2.1"), 0);
}

TEST(BestRoute, IgnoresWhatIsOursAndDead) {
  std::vector<RouteEntry> routes = {entry("0.0.0.0/0", 1, 100),
                                    entry("0.0.0.0/0", 100, 10),             // through a session
                                    entry("198.51.100.7/32", 9, 0, kOurs)};  // the pin itself
  EXPECT_EQ(best(routes, "198.51.100.7"), 1);
  routes[0].dead = true;
  EXPECT_EQ(best(routes, "198.51.100.7"), 0);
}

TEST(BestRoute, UnreachableIsNoWay) {
  std::vector<RouteEntry> routes = {entry("0.0.0.0/0", 1), entry("198.51.100.0/24", 0)};
  routes[1].type = RTN_UNREACHABLE;
  EXPECT_EQ(best(routes, "198.51.100.7"), 0);
  EXPECT_EQ(best(routes, "203.0.113.7"), 1);
}

TEST(NetworkObjects, NumberedAndUnnumbered) {
  NetworkConfig config;
  config.ipv4 = NetworkConfig::Ipv4{ip("10.0.0.1"), ip("10.0.0.2"), false, 7};
  auto objects = network_objects(config, 5, kOurs);
  ASSERT_EQ(objects.addresses.size(), 1u);
  EXPECT_TRUE(objects.routes.empty());
  EXPECT_EQ(objects.addresses[0].peer, ip("10.0.0.2"));
  EXPECT_EQ(objects.addresses[0].length, 32u);
  EXPECT_EQ(objects.addresses[0].metric, 7u);

  config.ipv4->unnumbered = true;
  objects = network_objects(config, 5, kOurs);
  EXPECT_TRUE(objects.addresses.empty());
  ASSERT_EQ(objects.routes.size(), 1u);
  EXPECT_EQ(objects.routes[0].destination.to_string(), "10.0.0.2/32");
  EXPECT_EQ(objects.routes[0].source, ip("10.0.0.1"));
  EXPECT_EQ(objects.routes[0].protocol, kOurs);
  EXPECT_EQ(objects.routes[0].ifindex, 5);
}

TEST(NetworkObjects, LinkLocalFromTheInterfaceId) {
  NetworkConfig config;
  config.ipv6 = NetworkConfig::Ipv6{0x0011223344556677, 0};
  config.routes.push_back({prefix("::/0"), std::nullopt, 600, 0, 1400});
  const auto objects = network_objects(config, 5, kOurs);
  ASSERT_EQ(objects.addresses.size(), 1u);
  EXPECT_EQ(objects.addresses[0].local, ip("fe80::11:2233:4455:6677"));
  EXPECT_EQ(objects.addresses[0].length, 64u);
  ASSERT_EQ(objects.routes.size(), 1u);
  EXPECT_EQ(objects.routes[0].metric, 600u);
  EXPECT_EQ(objects.routes[0].mtu, 1400u);
}

}  // namespace
}  // namespace l2tpm::kernel
