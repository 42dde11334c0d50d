#include "daemon/listener.h"

#include "support/raw_l2tp_peer.h"
#include "support/two_daemons.h"

namespace l2tpm::daemon {
namespace {

using test::Daemon;
using test::endpoint;
using test::loopback;
using test::RawPeer;
using test::run_until;
using wire::MessageType;

class ListenerAtWork : public ::testing::Test {
 protected:
  void listen(const std::string& more = {}, unsigned host = 1) {
    lns.profile("lns", fmt::format(R"({{
      "kind": "listener", "listen": {{"addresses": ["{}"]}},
      "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}}},
      "users": [{{"name": "alice", "password": "Secret1"}}]{}{}
    }})",
                                   loopback(host), more.empty() ? "" : ", ", more));
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
  }
  bool until(const std::function<bool()>& it_is_so) { return run_until({&lns}, it_is_so); }
  // A peer at another address or port.
  std::unique_ptr<RawPeer> peer(unsigned host, std::uint16_t port = 1701) {
    return std::make_unique<RawPeer>(endpoint(loopback(host), port), endpoint(loopback(1), 1701));
  }
  TunnelId assigned(RawPeer& by, std::size_t which = 0) {
    EXPECT_TRUE(until([&] { return by.heard(MessageType::sccrp).size() > which; }));
    const auto answers = by.heard(MessageType::sccrp);
    return which < answers.size() ? answers[which].assigned_tunnel_id.value_or(TunnelId())
                                  : TunnelId();
  }
  std::size_t tunnels() const { return lns.service->list_tunnels({}, 0, 0).total; }
  std::size_t kept() const { return lns.service->tunnels().size(); }

  Daemon lns;
};

TEST_F(ListenerAtWork, ARepeatedSccrqIsTheSameTunnel) {
  listen();
  const auto one = peer(2);
  one->ask(7);
  const TunnelId id = assigned(*one);
  one->ask(7);
  one->ask(7);
  const auto other = peer(2, 1702);
  other->ask(7);
  EXPECT_NE(assigned(*other), id);
  EXPECT_EQ(tunnels(), 2u);
}

TEST_F(ListenerAtWork, PeersSection4Row13_StopCcnFromElsewhereChangesNothing) {
  listen();
  const auto one = peer(2);
  one->ask(7);
  const TunnelId id = assigned(*one);
  for (const auto& forger : {peer(3), peer(2, 1702)}) {
    forger->hang_up(id, 7, 1);
    EXPECT_TRUE(until(
        [&] { return lns.service->describe().find("\"wrong_source\": 0") == std::string::npos; }));
  }
  EXPECT_EQ(tunnels(), 1u);
  one->hang_up(id, 7, 1);
  EXPECT_TRUE(until([&] { return tunnels() == 0; }));
}

// RFC 2661 §4.4.3: it has not heard the id that it should address; one tunnel of several is meant.
TEST_F(ListenerAtWork, APeerMayHangUpBeforeItHearsOurId) {
  listen();
  const auto one = peer(2);
  one->ask(7);
  one->ask(8);
  ASSERT_TRUE(until([&] { return tunnels() == 2; }));
  one->hang_up(TunnelId{}, 7, 1);
  ASSERT_TRUE(until([&] { return tunnels() == 1; }));
  EXPECT_EQ(lns.service->list_tunnels({}, 0, 1).rows.at(0).peer_tunnel_id, 8u);
}

TEST_F(ListenerAtWork, APeerThatRebootsWithTheSameIdsComesBack) {
  listen();
  const auto one = peer(2);
  one->ask(7);
  const TunnelId first = assigned(*one);
  one->connect(first);
  ASSERT_TRUE(until([&] { return lns.dataplane.tunnels.size() == 1; }));
  one->ask(7);
  const TunnelId second = assigned(*one, 1);
  ASSERT_NE(first, second);
  one->connect(second);
  // On one pair of addresses and ports: that is no obstacle.
  EXPECT_TRUE(until([&] { return lns.dataplane.tunnels.size() == 2; }));
  // The older one is asked whether it lives.
  EXPECT_TRUE(until([&] { return !one->heard(MessageType::hello).empty(); }));
}

TEST_F(ListenerAtWork, ASccrqThatIsNoneLeavesNothing) {
  listen();
  const auto one = peer(2);
  wire::ControlMessage message = RawPeer::introduction(MessageType::sccrq, 7);
  one->say(message);  // without the Host Name that RFC 2661 demands
  EXPECT_TRUE(until([&] { return !one->heard(MessageType::stopccn).empty(); }));
  EXPECT_TRUE(until([&] { return kept() == 0; }));
  EXPECT_NE(lns.service->describe().find("\"half_open\": 0"), std::string::npos);
}

TEST_F(ListenerAtWork, HalfOpenTunnelsMakeRoomWithoutAWord) {
  listen(R"("limits": {"half-open": 3})");
  const auto one = peer(2);
  for (std::uint32_t id = 1; id <= 12; ++id) one->ask(id);
  EXPECT_TRUE(until([&] { return one->heard(MessageType::sccrp).size() == 12; }));
  EXPECT_EQ(tunnels(), 3u);
  EXPECT_TRUE(until([&] { return kept() == 3; }));
  EXPECT_TRUE(one->heard(MessageType::stopccn).empty());
}

TEST_F(ListenerAtWork, WhoMustProveItselfIsAsked) {
  listen(R"("tunnel": {"secret": "s3cret", "challenge": false}, "require-tunnel-auth": true)");
  const auto one = peer(2);
  one->ask(7);
  ASSERT_TRUE(until([&] { return !one->heard(MessageType::sccrp).empty(); }));
  EXPECT_TRUE(one->heard(MessageType::sccrp).front().challenge.has_value());
}

TEST_F(ListenerAtWork, TheDaemonsLimitOfTunnelsIsAnswered) {
  lns.settings(R"({"limits": {"tunnels": 2}})");
  listen();
  const auto one = peer(2);
  for (std::uint32_t id = 1; id <= 3; ++id) one->ask(id);
  ASSERT_TRUE(until([&] { return !one->heard(MessageType::stopccn).empty(); }));
  const auto refusal = one->heard(MessageType::stopccn).front();
  EXPECT_EQ(refusal.tunnel_id, TunnelId(3));
  EXPECT_EQ(refusal.result_code->error, 4);  // insufficient resources
  EXPECT_EQ(tunnels(), 2u);
}

TEST_F(ListenerAtWork, BeforeLinux611EachTunnelOfAPeerHasAPortOfItsOwn) {
  Daemon old(false);
  old.profile("lns", fmt::format(R"({{
      "kind": "listener", "listen": {{"addresses": ["{}"]}},
      "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}}},
      "users": [{{"name": "alice", "password": "Secret1"}}]
    }})",
                                 loopback(11)));
  old.run();
  ASSERT_TRUE(run_until({&old}, [&] { return old.ready; }));
  RawPeer one(endpoint(loopback(12), 1701), endpoint(loopback(11), 1701));
  for (std::uint32_t id = 1; id <= 3; ++id) one.ask(id);
  std::set<std::string> local;
  EXPECT_TRUE(run_until({&old}, [&] {
    for (const auto& row : old.service->list_tunnels({}, 0, 10).rows) local.insert(row.local);
    return local.size() == 3;
  }));
}

TEST_F(ListenerAtWork, TermUnderAFloodIsHeard) {
  listen();
  const auto one = peer(2);
  std::uint32_t id = 0;
  lns.shut_down();
  EXPECT_TRUE(until([&] {
    for (int i = 0; i < 64; ++i) one->ask(1 + ++id % 60000);
    return lns.stopped;
  }));
  EXPECT_EQ(kept(), 0u);
}

}  // namespace
}  // namespace l2tpm::daemon
