// Links that bridge Ethernet (BCP), with and without IP beside it.
#include <gtest/gtest.h>

#include "support/ppp_pair.h"

namespace l2tpm::ppp {
namespace {

using test::Pair;
using wire::PppProtocol;

const MacAddress kOurs({2, 0, 0, 0, 0, 7});

LinkSettings bridging() {
  LinkSettings settings;
  settings.mru = 1600;
  settings.mtu_limit = 1600;
  settings.network.ipv4.enabled = false;
  settings.network.bridge.emplace();
  return settings;
}

LinkSettings bridging_and_routing() {
  LinkSettings settings = bridging();
  settings.network.ipv4.enabled = true;
  settings.network.ipv4.local = *IpAddress::parse("10.0.0.1");
  settings.network.ipv4.accept_peer = true;
  settings.network.ipv6.enabled = true;
  return settings;
}

void run(Pair& pair, Duration time = 10s) {
  pair.open();
  pair.run(time);
}

TEST(LinkBridge, ComesUpAlone) {
  LinkSettings left = bridging();
  left.network.bridge->mac = kOurs;
  Pair pair(left, bridging());
  run(pair);
  EXPECT_EQ(pair.a.trace, "install; bridge");
  EXPECT_EQ(pair.z.trace, "install; bridge");
  EXPECT_EQ(pair.z.agreement->peer_mac, kOurs);
  EXPECT_TRUE(pair.z.agreement->send_tagged && pair.z.agreement->send_inline);
  EXPECT_EQ(pair.a.link->status().bcp, "opened");
  EXPECT_EQ(pair.a.link->status().ipcp, "");
  EXPECT_EQ(pair.a.link->phase(), LinkPhase::running);
  EXPECT_EQ(pair.a.lcp_up->peer_mrru, 0);
}

TEST(LinkBridge, ComesUpBesideIp) {
  LinkSettings right = bridging_and_routing();
  right.network.ipv4.local = *IpAddress::parse("10.0.0.2");
  Pair pair(bridging_and_routing(), right);
  run(pair);
  for (const auto* end : {&pair.a, &pair.z}) EXPECT_TRUE(end->ipv4 && end->ipv6 && end->bridge);
}

TEST(LinkBridge, APeerThatDoesNotBridgeEndsIt) {
  LinkSettings routing = bridging_and_routing();
  routing.network.bridge.reset();
  Pair pair(bridging(), routing);
  run(pair, 60s);
  ASSERT_TRUE(pair.a.down);
  EXPECT_EQ(pair.a.down->code, CauseCode::network_failed);
  EXPECT_EQ(pair.a.down->message, "BCP is rejected by the peer, and there is nothing else");
  EXPECT_EQ(pair.a.trace.find("install"), std::string::npos);
}

TEST(LinkBridge, IpStaysWhenThePeerDoesNotBridge) {
  LinkSettings routing = bridging_and_routing();
  routing.network.bridge.reset();
  routing.network.ipv4.local = *IpAddress::parse("10.0.0.2");
  Pair pair(bridging_and_routing(), routing);
  run(pair, 60s);
  EXPECT_TRUE(pair.a.ipv4 && !pair.a.bridge && !pair.a.down);
}

TEST(LinkBridge, AUsersSettingsDecide) {
  LinkSettings left = bridging();
  left.answer = {AuthMethod::chap_md5};
  left.user = "alice";
  left.password = Secret("Secret1");
  LinkSettings right = bridging_and_routing();
  right.network.bridge.reset();
  right.authenticate_peer = {AuthMethod::chap_md5};
  Pair pair(left, right);
  pair.z.user_network = bridging().network;
  run(pair);
  EXPECT_TRUE(pair.a.bridge && pair.z.bridge);
  EXPECT_FALSE(pair.z.ipv4);
}

TEST(LinkBridge, ALinkNegotiatedAnewBridgesAgain) {
  Pair pair(bridging(), bridging());
  run(pair);
  ASSERT_TRUE(pair.a.bridge && pair.z.bridge);
  const Bytes request = {0xc0, 0x21, 1, 77, 0, 4};  // LCP Configure-Request without options
  pair.z.link->receive(request, pair.now);
  pair.settle(pair.z);
  EXPECT_FALSE(pair.z.bridge);
  pair.run(20s);
  EXPECT_TRUE(pair.a.bridge && pair.z.bridge);
  EXPECT_EQ(pair.z.installs, 1);
}

TEST(LinkBridge, BridgedFramesThatStrayHereAreNotRejected) {
  Pair pair(bridging(), bridging());
  run(pair);
  const std::size_t before = pair.z.frames.size();
  const std::uint32_t ignored = pair.z.link->status().frames_ignored;
  pair.z.link->receive(Bytes{0x00, 0x31, 0x00, 0x01, 1, 2, 3}, pair.now);
  pair.settle(pair.z);
  EXPECT_EQ(pair.z.frames.size(), before);
  EXPECT_EQ(pair.z.link->status().frames_ignored, ignored + 1);
}

// RFC 1990 §5.1: each end says what it puts together.
TEST(LinkBridge, FragmentsAreAgreedOnPerDirection) {
  LinkSettings left = bridging(), right = bridging();
  left.mru = right.mru = 1450;
  left.mrru = 1600;
  right.mrru = 1700;
  Pair both(left, right);
  run(both);
  EXPECT_EQ(both.a.lcp_up->peer_mrru, 1700);
  EXPECT_EQ(both.a.lcp_up->local_mrru, 1600);
  EXPECT_EQ(both.z.link->status().peer_mrru, 1600);
  EXPECT_FALSE(both.a.lcp_up->peer_short_sequence);

  right.mrru = 0;  // rejects the other's
  Pair none(left, right);
  run(none);
  EXPECT_TRUE(none.a.bridge && none.z.bridge);
  EXPECT_EQ(none.a.lcp_up->peer_mrru, 0);
  EXPECT_EQ(none.a.lcp_up->local_mrru, 0);
}

}  // namespace
}  // namespace l2tpm::ppp
