// L2TPv3 without a kernel: sizes, requests, circuits, and the plan for static tunnels.
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/circuits.h"
#include "kernel/ethernet_jobs.h"
#include "kernel/mtu.h"
#include "kernel/netlink.h"
#include "kernel/rtnl_port.h"
#include "kernel/static_plan.h"

namespace l2tpm::kernel {
namespace {

Endpoint end(const char* address, std::uint16_t port = 0) {
  return {*IpAddress::parse(address), port, 0};
}

// ---- sizes ----

// The table of the requirements: cookie 0 and 8, with the sublayer, over UDP and IP.
TEST(EthernetMtu, WhatFits) {
  struct Row {
    std::uint32_t path, udp, udp_cookie, ip, ip_cookie;
  };
  for (const Row& row : {
           Row{1500, 1446, 1438, 1458, 1450},
           Row{1492, 1438, 1430, 1450, 1442},
           Row{1460, 1406, 1398, 1418, 1410},
           Row{1280, 1226, 1218, 1238, 1230}
  }) {
    const auto mtu = [&](bool udp, std::uint32_t cookie) {
      return ethernet_mtu(row.path, {udp, false, cookie, true}, false, false, std::nullopt);
    };
    EXPECT_EQ(mtu(true, 0), row.udp);
    EXPECT_EQ(mtu(true, 8), row.udp_cookie);
    EXPECT_EQ(mtu(false, 0), row.ip);
    EXPECT_EQ(mtu(false, 8), row.ip_cookie);
  }
  EXPECT_EQ(ethernet_mtu(1500, {true, true, 4, false}, false, false, {}), 1426u);
  EXPECT_EQ(ethernet_mtu(1500, {}, true, false, {}), 1442u);
  EXPECT_EQ(ethernet_mtu(1500, {}, false, true, {}), 1400u);
  EXPECT_EQ(ethernet_mtu(9000, {}, false, false, 1500), 1500u);
  EXPECT_EQ(ethernet_mtu(0, {}, false, false, {}), kMinimumMtu);
}

TEST(EthernetMtu, PppOverVersion3) {
  MtuInputs inputs;
  inputs.version3 = Version3Framing{true, false, 8, false};
  EXPECT_EQ(interface_mtu(inputs), 1500u - 20 - 8 - 4 - 4 - 8 - 4);
  inputs.outer_ipv6 = true;
  EXPECT_EQ(interface_mtu(inputs), 1500u - 40 - 8 - 4 - 4 - 8 - 4);
  inputs.version3 = Version3Framing{false, false, 0, true};
  EXPECT_EQ(interface_mtu(inputs), 1500u - 40 - 4 - 4 - 4);
}

// ---- requests ----

TEST(LinkRequests, OneForEverything) {
  LinkChange change;
  change.ifindex = 7;
  change.mac = *MacAddress::parse("02:00:00:00:00:09");
  change.mtu = 1500;
  change.group = 0x20007;
  change.master = 3;
  change.up = true;
  change.carrier = false;
  const NetlinkMessage message = change_link_request(change);
  ASSERT_TRUE(message.ok());
  const auto link = decode_link(message.header());
  ASSERT_TRUE(link);
  EXPECT_EQ(link->ifindex, 7);
  EXPECT_EQ(link->mac, change.mac);
  EXPECT_EQ(link->mtu, 1500u);
  EXPECT_EQ(link->group, 0x20007u);
  EXPECT_EQ(link->master, 3);
  EXPECT_TRUE(link->up);
  nlattr* attributes[IFLA_MAX + 1];
  ASSERT_EQ(nlmsg_parse(message.header(), sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr), 0);
  EXPECT_EQ(nla_get_u8(attributes[IFLA_OPERSTATE]), IF_OPER_DORMANT);
  EXPECT_EQ(nla_get_u8(attributes[IFLA_LINKMODE]), IF_LINK_MODE_DORMANT);
  EXPECT_EQ(attributes[IFLA_NET_NS_FD], nullptr);
}

TEST(LinkRequests, ABridgeIsMadeAsItIsWanted) {
  BridgeSettings settings;
  settings.stp = true;
  settings.priority = 0x1000;
  settings.forward_delay = 4s;
  settings.hello_time = 1500ms;
  settings.vlan_filtering = true;
  const NetlinkMessage message = bridge_request("br-site", settings, bridge_group(1));
  ASSERT_TRUE(message.ok());
  const auto link = decode_link(message.header());
  ASSERT_TRUE(link);
  EXPECT_EQ(link->kind, "bridge");
  EXPECT_EQ(link->name, "br-site");
  EXPECT_EQ(link->group, 0x30000u);
  nlattr* attributes[IFLA_MAX + 1];
  ASSERT_EQ(nlmsg_parse(message.header(), sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr), 0);
  nlattr* info[IFLA_INFO_MAX + 1];
  ASSERT_EQ(nla_parse_nested(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr), 0);
  nlattr* data[IFLA_BR_MAX + 1];
  ASSERT_EQ(nla_parse_nested(data, IFLA_BR_MAX, info[IFLA_INFO_DATA], nullptr), 0);
  EXPECT_EQ(nla_get_u32(data[IFLA_BR_STP_STATE]), 1u);
  EXPECT_EQ(nla_get_u16(data[IFLA_BR_PRIORITY]), 0x1000);
  EXPECT_EQ(nla_get_u32(data[IFLA_BR_FORWARD_DELAY]), 400u);
  EXPECT_EQ(nla_get_u32(data[IFLA_BR_HELLO_TIME]), 150u);
  EXPECT_EQ(nla_get_u8(data[IFLA_BR_VLAN_FILTERING]), 1);
  EXPECT_EQ(data[IFLA_BR_MAX_AGE], nullptr);
}

// A bridge announces that a port left it as RTM_DELLINK of the family AF_BRIDGE.
TEST(LinkRequests, APortThatLeavesItsBridgeIsNotGone) {
  NetlinkMessage message(RTM_DELLINK, 0);
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = 7;
  message.append(header);
  EXPECT_FALSE(decode_link(message.header()));
}

// ---- circuits ----

LinkInfo link(int ifindex, const char* name, bool running, int master = 0, const char* kind = "",
              std::uint32_t group = 0) {
  LinkInfo info;
  info.ifindex = ifindex;
  info.name = name;
  info.up = true;
  info.running = running;
  info.master = master;
  info.kind = kind;
  info.group = group;
  return info;
}

TEST(Circuit, AnInterface) {
  std::vector<LinkInfo> links = {link(1, "eth1", true), link(2, "eth2", false)};
  EXPECT_TRUE(circuit_is_up("eth1", links, 1));
  EXPECT_FALSE(circuit_is_up("eth2", links, 1));
  EXPECT_FALSE(circuit_is_up("eth3", links, 1));
  links[0].up = false;
  EXPECT_FALSE(circuit_is_up("eth1", links, 1));
}

TEST(Circuit, ABridgeByItsOtherPorts) {
  std::vector<LinkInfo> links = {link(5, "br0", false, 0, "bridge"),
                                 link(6, "l2tp0", false, 5, "", link_group(1, true, 3))};
  EXPECT_TRUE(circuit_is_up("br0", links, 1)) << "only our port: the host is what is behind";
  links.push_back(link(7, "eth1", false, 5));
  EXPECT_FALSE(circuit_is_up("br0", links, 1));
  links.push_back(link(8, "eth2", true, 5));
  EXPECT_TRUE(circuit_is_up("br0", links, 1));
  links.back().master = 9;  // another bridge's
  EXPECT_FALSE(circuit_is_up("br0", links, 1));
  links.back().master = 5;
  links[0].up = false;
  EXPECT_FALSE(circuit_is_up("br0", links, 1));
}

// ---- static tunnels ----

EthernetSpec session(std::uint32_t tunnel, std::uint32_t id) {
  EthernetSpec spec;
  spec.key = {TunnelId(tunnel), SessionId(id)};
  spec.peer_session = SessionId(id + 1000);
  spec.framing = {
      {1, 2, 3, 4},
      {5, 6, 7, 8},
      true
  };
  spec.interface_name = "wire" + std::to_string(id);
  return spec;
}

StaticTunnel tunnel(std::uint32_t id, std::initializer_list<std::uint32_t> sessions) {
  StaticTunnel tunnel;
  tunnel.local = TunnelId(id);
  tunnel.peer = TunnelId(id + 1000);
  tunnel.local_end = end("192.0.2.1", 5000);
  tunnel.peer_end = end("192.0.2.2", 5001);
  for (const std::uint32_t each : sessions) tunnel.sessions.push_back(session(id, each));
  return tunnel;
}

// The kernel after `tunnels` were made.
std::map<TunnelId, StaticFacts> facts(const std::vector<StaticTunnel>& tunnels) {
  std::map<TunnelId, StaticFacts> all;
  for (const StaticTunnel& each : tunnels) {
    StaticFacts& one = all[each.local];
    one.tunnel.local = each.local;
    one.tunnel.peer = each.peer;
    one.tunnel.version = 3;
    one.tunnel.encapsulation = each.encapsulation;
    one.tunnel.local_end = each.local_end;
    one.tunnel.peer_end = each.peer_end;
    one.tunnel.udp_checksum = each.udp_checksum;
    for (const EthernetSpec& spec : each.sessions) {
      SessionRequest& request = one.sessions[spec.key.session];
      request.key = spec.key;
      request.peer_session = spec.peer_session;
      request.framing = spec.framing;
      request.name = spec.interface_name;
    }
  }
  return all;
}

// "create 1", "keep 1/2", "delete 1 again", "conflict 1"
std::vector<std::string> plan(const std::vector<StaticTunnel>& wanted,
                              const std::vector<StaticTunnel>& remembered,
                              const std::map<TunnelId, StaticFacts>& present) {
  std::vector<std::string> lines;
  for (const StaticStep& step : plan_static(wanted, remembered, present)) {
    using What = StaticStep::What;
    const char* const what =
        step.what == What::delete_tunnel || step.what == What::delete_session   ? "delete "
        : step.what == What::keep_tunnel || step.what == What::keep_session     ? "keep "
        : step.what == What::create_tunnel || step.what == What::create_session ? "create "
                                                                                : "conflict ";
    std::string line = what + std::to_string(step.tunnel.value());
    if (step.session) line += "/" + std::to_string(step.session.value());
    if (step.again) line += " again";
    lines.push_back(line);
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(StaticPlan, FromNothingAndBack) {
  const auto wanted = {tunnel(1, {10, 11}), tunnel(2, {})};
  EXPECT_EQ(plan(wanted, {}, {}), (Lines{"create 1", "create 1/10", "create 1/11", "create 2"}));
  EXPECT_EQ(plan(wanted, wanted, facts(wanted)),
            (Lines{"keep 1", "keep 1/10", "keep 1/11", "keep 2"}));
  EXPECT_EQ(plan({}, wanted, facts(wanted)), (Lines{"delete 1", "delete 2"}));
  EXPECT_EQ(plan({}, wanted, {}), Lines{}) << "gone with a reboot";
}

TEST(StaticPlan, WhatOthersMadeIsAdoptedOnlyWhenItIsTheSame) {
  const auto wanted = tunnel(1, {10});
  EXPECT_EQ(plan({wanted}, {}, facts({wanted})), (Lines{"keep 1", "keep 1/10"}));
  auto other = facts({wanted});
  other[TunnelId(1)].tunnel.peer_end = end("192.0.2.3", 5001);
  EXPECT_EQ(plan({wanted}, {}, other), (Lines{"conflict 1", "conflict 1/10"}));
  EXPECT_EQ(plan({}, {}, other), Lines{});
  auto other_session = facts({wanted});
  other_session[TunnelId(1)].sessions[SessionId(10)].framing.send_cookie = {};
  EXPECT_EQ(plan({wanted}, {}, other_session), (Lines{"keep 1", "conflict 1/10"}));
  auto version2 = facts({wanted});
  version2[TunnelId(1)].tunnel.version = 2;
  EXPECT_EQ(plan({wanted}, {}, version2), (Lines{"conflict 1", "conflict 1/10"}));
}

TEST(StaticPlan, WhatSomebodyPutInOurPlaceStays) {
  const auto ours = tunnel(1, {10});
  auto theirs = facts({ours});
  theirs[TunnelId(1)].tunnel.peer = TunnelId(77);
  EXPECT_EQ(plan({}, {ours}, theirs), Lines{});
  EXPECT_EQ(plan({ours}, {ours}, theirs), (Lines{"conflict 1", "conflict 1/10"}));
}

TEST(StaticPlan, ChangesReplaceWhatIsOurs) {
  const auto before = tunnel(1, {10, 11});
  auto after = before;
  after.peer_end.port = 6000;
  EXPECT_EQ(plan({after}, {before}, facts({before})),
            (Lines{"delete 1 again", "create 1 again", "create 1/10", "create 1/11"}));
  after = before;
  after.sessions[0].framing.send_cookie = {9, 9, 9, 9, 9, 9, 9, 9};
  EXPECT_EQ(plan({after}, {before}, facts({before})),
            (Lines{"delete 1/10 again", "keep 1", "create 1/10 again", "keep 1/11"}));
  after = before;
  after.sessions.pop_back();
  EXPECT_EQ(plan({after}, {before}, facts({before})),
            (Lines{"delete 1/11", "keep 1", "keep 1/10"}));
  // What the kernel does not tell is told by what was wanted before.
  after = before;
  after.sessions[0].framing.sublayer = false;
  EXPECT_EQ(plan({after}, {before}, facts({before})),
            (Lines{"delete 1/10 again", "keep 1", "create 1/10 again", "keep 1/11"}));
  after = before;
  after.sessions[1].attachment = VrfMember{"blue"};
  EXPECT_EQ(plan({after}, {before}, facts({before})),
            (Lines{"delete 1/11 again", "keep 1", "keep 1/10", "create 1/11 again"}));
  after = before;
  after.sessions[1].mtu = 1500;
  EXPECT_EQ(plan({after}, {before}, facts({before})), (Lines{"keep 1", "keep 1/10", "keep 1/11"}))
      << "in place";
}

TEST(StaticPlan, WhatSomebodyTookAwayComesBack) {
  const auto wanted = tunnel(1, {10, 11});
  auto present = facts({wanted});
  present[TunnelId(1)].sessions.erase(SessionId(11));
  EXPECT_EQ(plan({wanted}, {wanted}, present), (Lines{"keep 1", "keep 1/10", "create 1/11"}));
  EXPECT_EQ(plan({wanted}, {wanted}, {}), (Lines{"create 1", "create 1/10", "create 1/11"}));
}

TEST(StaticPlan, AForeignSessionInOurTunnelIsNotOurs) {
  const auto wanted = tunnel(1, {10});
  EXPECT_EQ(plan({wanted}, {wanted}, facts({tunnel(1, {10, 99})})), (Lines{"keep 1", "keep 1/10"}));
}

TEST(StaticPlan, AnIdTwice) {
  EXPECT_EQ(plan({tunnel(1, {10}), tunnel(1, {11})}, {}, {}),
            (Lines{"create 1", "create 1/10", "conflict 1", "conflict 1/11"}));
  EXPECT_EQ(plan({tunnel(1, {10, 10})}, {}, {}),
            (Lines{"create 1", "create 1/10", "conflict 1/10"}));
}

TEST(StaticPlan, WhatCountsAsTheSame) {
  auto wanted = tunnel(1, {10});
  const auto present = facts({wanted});
  const TunnelRequest& there = present.at(TunnelId(1)).tunnel;
  EXPECT_TRUE(is_same_tunnel(wanted, there));
  wanted.local_end.address = IpAddress();
  EXPECT_TRUE(is_same_tunnel(wanted, there)) << "any address";
  wanted.udp_checksum = false;
  EXPECT_FALSE(is_same_tunnel(wanted, there));
  wanted.encapsulation = Encapsulation::ip;
  EXPECT_FALSE(is_same_tunnel(wanted, there));
  TunnelRequest over_ip = there;
  over_ip.encapsulation = Encapsulation::ip;
  over_ip.local_end.port = over_ip.peer_end.port = 0;
  EXPECT_TRUE(is_same_tunnel(wanted, over_ip)) << "ports and checksum are UDP's";
  EthernetSpec spec = wanted.sessions[0];
  SessionRequest request = present.at(TunnelId(1)).sessions.at(SessionId(10));
  spec.reorder_timeout = 1001ms;
  request.reorder_timeout = 1004ms;
  EXPECT_TRUE(is_same_session(spec, request)) << "the kernel rounds";
  request.reorder_timeout = 1100ms;
  EXPECT_FALSE(is_same_session(spec, request));
}

}  // namespace
}  // namespace l2tpm::kernel
