// Both ends of a tunnel over a network that loses, repeats and reorders.
#include <gtest/gtest.h>

#include "support/l2tp_two_peers.h"

namespace l2tpm::l2tp::testing {
namespace {

constexpr std::size_t kSessions = 50;

Settings patient_settings() {
  Settings settings;
  settings.hello_interval = 10s;
  // At 30 % loss each way half of all attempts fail: five retransmissions are not enough for a few
  // hundred messages in a row.
  settings.max_retransmissions = 20;
  settings.tunnel_setup_timeout = 600s;
  settings.call_setup_timeout = 600s;
  settings.secret = Secret(std::string_view("s"));
  settings.hide_avps = true;
  return settings;
}

// 50 sessions come up, half of them go one by one from alternating ends, then the tunnel.
void come_and_go(Network network, std::uint64_t seed, bool outgoing) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", loss " + std::to_string(network.loss_percent));
  TwoPeers world(network, patient_settings(), seed);
  auto& [a, b] = world.peers;
  a.connection->open(world.now);
  if (!outgoing)
    for (std::size_t i = 0; i < kSessions; ++i)
      a.known.insert(a.connection->place_incoming_call({}, world.now));
  world.carry_out(0);
  if (outgoing) {
    ASSERT_TRUE(world.run(600s, [&] { return b.tunnel_up; }));
    for (std::size_t i = 0; i < kSessions; ++i)
      b.known.insert(b.connection->place_outgoing_call({}, world.now));
  }
  ASSERT_TRUE(world.run(600s, [&] { return a.up.size() == kSessions && b.up.size() == kSessions; }))
      << a.up.size() << " and " << b.up.size() << " up, " << a.cause.to_string() << "; "
      << b.cause.to_string();

  for (std::size_t i = 0; i < kSessions / 2; ++i) {
    auto& peer = world.peers[i % 2];
    peer.connection->close_session(*peer.up.begin(), {.code = CauseCode::admin_close}, world.now);
    world.carry_out(static_cast<int>(i % 2));
  }
  // Crossing ends of the same session are possible: at least half of them are gone.
  ASSERT_TRUE(world.run(1200s, [&] {
    return a.up == a.known && a.up.size() == b.up.size() && a.up.size() <= kSessions / 2 + 12 &&
           a.downs == b.downs && a.connection->status().delivery.in_flight == 0 &&
           b.connection->status().delivery.in_flight == 0;
  }));

  a.connection->close({.code = CauseCode::shutdown}, world.now);
  world.carry_out(0);
  ASSERT_TRUE(world.run(2400s, [&] { return a.finished && b.finished; }));
  // StopCCN is repeated for 31 s only: at the worst its end is noticed by HELLO.
  EXPECT_TRUE(b.cause.code == CauseCode::peer_closed ||
              (network.loss_percent > 5 && b.cause.code == CauseCode::peer_silent))
      << b.cause.to_string();
  EXPECT_EQ(a.downs, kSessions);
  EXPECT_EQ(b.downs, kSessions);
  EXPECT_FALSE(world.stuck);
  EXPECT_FALSE(world.inconsistent);
}

TEST(TwoPeers, APerfectNetwork) { come_and_go({}, 1, false); }
TEST(TwoPeers, APerfectNetworkOutgoing) { come_and_go({}, 1, true); }

TEST(TwoPeers, FivePercentLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) come_and_go({.loss_percent = 5}, seed, seed % 2);
}
TEST(TwoPeers, TwentyPercentLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    come_and_go({.loss_percent = 20}, seed, seed % 2);
}
TEST(TwoPeers, ThirtyPercentLoss) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    come_and_go({.loss_percent = 30}, seed, seed % 2);
}
TEST(TwoPeers, ReorderingAndDuplication) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    come_and_go({.loss_percent = 3, .duplicate_percent = 30, .reorder_percent = 40}, seed,
                seed % 2);
}

TEST(TwoPeers, WithoutLossNothingIsSentTwice) {
  TwoPeers world({}, patient_settings(), 1);
  auto& [a, b] = world.peers;
  a.connection->open(world.now);
  for (int i = 0; i < 200; ++i) a.known.insert(a.connection->place_incoming_call({}, world.now));
  ASSERT_TRUE(world.run(30s, [&] { return a.up.size() == 200 && b.up.size() == 200; }));
  EXPECT_EQ(a.connection->status().delivery.retransmissions, 0u);
  EXPECT_EQ(b.connection->status().delivery.retransmissions, 0u);
  EXPECT_LT(world.now - TimePoint(1h), 1s) << "slow start, not stop and wait";
}

TEST(TwoPeers, EveryWindowSizeWorks) {
  for (const std::uint16_t window : {std::uint16_t{1}, std::uint16_t{4}, std::uint16_t{128}}) {
    SCOPED_TRACE(window);
    Settings settings = patient_settings();
    settings.receive_window_size = window;
    TwoPeers world({}, settings, 1);
    auto& [a, b] = world.peers;
    a.connection->open(world.now);
    for (int i = 0; i < 300; ++i) a.known.insert(a.connection->place_incoming_call({}, world.now));
    ASSERT_TRUE(world.run(120s, [&] { return a.up.size() == 300 && b.up.size() == 300; }));
    EXPECT_EQ(b.connection->status().delivery.beyond_window_received, 0u);
    EXPECT_EQ(a.connection->status().delivery.beyond_window_received, 0u);
  }
}

// Whoever falls silent, the other is gone within HELLO and retransmissions, with every session.
TEST(TwoPeers, APeerThatVanishesIsNoticed) {
  Settings settings;
  settings.hello_interval = 60s;
  TwoPeers world({}, settings, 1);
  auto& [a, b] = world.peers;
  a.connection->open(world.now);
  for (int i = 0; i < 10; ++i) a.known.insert(a.connection->place_incoming_call({}, world.now));
  ASSERT_TRUE(world.run(10s, [&] { return a.up.size() == 10 && b.up.size() == 10; }));
  const TimePoint silence = world.now;
  while (!b.finished) {
    ASSERT_TRUE(b.connection->next_deadline());
    world.now = *b.connection->next_deadline();
    b.connection->handle_timeout(world.now);
    for (const Action& action : b.connection->take_actions()) {
      if (const auto* down = std::get_if<TunnelDown>(&action)) b.cause = down->cause;
      if (std::holds_alternative<SessionDown>(action)) ++b.downs;
      if (std::holds_alternative<Finished>(action)) b.finished = true;
    }
  }
  EXPECT_LE(world.now - silence, 60s + 31s);
  EXPECT_EQ(b.cause.code, CauseCode::peer_silent);
  EXPECT_EQ(b.downs, 10u);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
