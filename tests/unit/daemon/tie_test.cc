// Two ends that dial each other at the same time, and strangers who only say so (RFC 2661 §4.4.3,
// Tie Breaker).
#include <limits>

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

constexpr std::uint64_t kWins = 0;
constexpr std::uint64_t kLoses = std::numeric_limits<std::uint64_t>::max();

// A daemon that dials the peer while the peer, or somebody in its name, dials the daemon.
class Tie : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon.profile("lns", fmt::format(R"({{
      "kind": "listener", "listen": {{"addresses": ["{}"]}},
      "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}}},
      "users": [{{"name": "alice", "password": "Secret1"}}]
    }})",
                                      loopback(1)));
    daemon.profile("work", fmt::format(R"({{
      "kind": "client", "autostart": true, "peers": ["{}"], "local": {{"address": "{}"}},
      "ppp": {{"user": "alice", "password": "Secret1"}}, "redial": {{"enabled": false}}
    }})",
                                       loopback(2), loopback(1)));
    daemon.run();
    ASSERT_TRUE(until([&] { return !peer.heard(MessageType::sccrq).empty(); }));
  }
  bool until(const std::function<bool()>& it_is_so) { return run_until({&daemon}, it_is_so); }
  wire::ControlMessage dialled() { return peer.heard(MessageType::sccrq).front(); }
  void dial(std::optional<std::uint64_t> tie_breaker) {
    wire::ControlMessage sccrq = RawPeer::introduction(MessageType::sccrq, 7);
    sccrq.host_name = "peer";
    sccrq.tie_breaker = tie_breaker;
    peer.say(sccrq);
  }
  void answer() {
    wire::ControlMessage sccrp = RawPeer::introduction(MessageType::sccrp, 8);
    sccrp.host_name = "peer";
    sccrp.tunnel_id = *dialled().assigned_tunnel_id;
    sccrp.nr = 1;
    peer.say(sccrp);
  }

  Daemon daemon;
  RawPeer peer{endpoint(loopback(2), 1701), endpoint(loopback(1), 1701)};
};

TEST_F(Tie, AForgedSccrqThatWinsDoesNotEndOurDial) {
  ASSERT_TRUE(dialled().tie_breaker.has_value());
  dial(kWins);
  ASSERT_TRUE(until([&] { return !peer.heard(MessageType::sccrp).empty(); }));
  EXPECT_EQ(daemon.state_of("work"), "connecting");
  answer();
  EXPECT_TRUE(until([&] { return !peer.heard(MessageType::icrq).empty(); }))
      << daemon.last_error("work").to_string();
}

TEST_F(Tie, TheDialEndsWhenTheTunnelThatWonStands) {
  dial(kWins);
  ASSERT_TRUE(until([&] { return !peer.heard(MessageType::sccrp).empty(); }));
  peer.connect(*peer.heard(MessageType::sccrp).front().assigned_tunnel_id);
  EXPECT_TRUE(until([&] { return daemon.state_of("work") == "failed"; }));
  EXPECT_EQ(daemon.last_error("work").code, CauseCode::tie_lost);
  EXPECT_TRUE(peer.heard(MessageType::stopccn).empty()) << "the loser is silently discarded";
  EXPECT_EQ(daemon.dataplane.tunnels.size(), 1u);
}

TEST_F(Tie, ASccrqThatLosesIsNotAnswered) {
  dial(kLoses);
  dial(std::nullopt);
  answer();  // what was said before has been read when this has
  ASSERT_TRUE(until([&] { return !peer.heard(MessageType::icrq).empty(); }));
  EXPECT_TRUE(peer.heard(MessageType::sccrp).empty());
}

}  // namespace
}  // namespace l2tpm::daemon
