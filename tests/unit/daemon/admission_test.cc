// Floods in simulated time: what is admitted, what it costs, whether honest peers get in.
#include "daemon/admission.h"

#include <gtest/gtest.h>

namespace l2tpm::daemon {
namespace {

const TimePoint kStart = TimePoint{} + 100000s;
using Verdict = Admission::Verdict;

IpAddress source(std::uint32_t number) { return IpAddress::v4(number); }

TEST(Admission, OneSourceIsLimited) {
  SeededRandom random(1);
  Admission admission({}, random);
  unsigned admitted = 0;
  for (int i = 0; i < 100; ++i)
    admitted += admission.judge(source(1), kStart) == Verdict::admitted ? 1u : 0u;
  EXPECT_EQ(admitted, 20u);
  EXPECT_EQ(admission.judge(source(1), kStart), Verdict::source_rate);
  EXPECT_EQ(admission.judge(source(2), kStart), Verdict::admitted);
  EXPECT_EQ(admission.judge(source(1), kStart + 50ms), Verdict::admitted);
  EXPECT_EQ(admission.judge(source(1), kStart + 50ms), Verdict::source_rate);
}

TEST(Admission, AnIpv6SubscriberIsOneSource) {
  SeededRandom random(1);
  Admission admission({}, random);
  unsigned admitted = 0;
  for (std::uint8_t i = 0; i < 100; ++i) {
    std::array<std::uint8_t, 16> octets{0x20, 0x01, 0x0d, 0xb8};
    octets[15] = i;
    admitted += admission.judge(IpAddress::v6(octets), kStart) == Verdict::admitted ? 1u : 0u;
  }
  EXPECT_EQ(admitted, 20u);
}

// 20,000 forged SCCRQs a second, each from another address, for 30 s; honest peers send at 0, 1, 3,
// 7 and 15 s (RFC 2661's retransmissions).
TEST(Admission, HonestPeersGetThroughAForgedFlood) {
  SeededRandom random(20261122);
  Admission admission({}, random);
  std::uint64_t admitted = 0;
  constexpr unsigned kHonest = 50;
  std::array<unsigned, kHonest> tries{};
  std::array<bool, kHonest> in{};
  const std::array<Duration, 5> when = {0s, 1s, 3s, 7s, 15s};
  for (int ms = 0; ms < 30'000; ++ms) {
    const TimePoint now = kStart + std::chrono::milliseconds(ms);
    for (int i = 0; i < 20; ++i)
      admitted += admission.judge(source(random.u32()), now) == Verdict::admitted ? 1u : 0u;
    for (unsigned peer = 0; peer < kHonest; ++peer) {
      // They begin in the thick of it, spread over two seconds.
      const TimePoint begin = kStart + 5s + std::chrono::milliseconds(40 * peer);
      if (in[peer] || tries[peer] >= when.size() || now < begin + when[tries[peer]]) continue;
      ++tries[peer];
      in[peer] = admission.judge(source(0x0a000001 + peer), now) == Verdict::admitted;
    }
  }
  EXPECT_GE(std::count(in.begin(), in.end(), true), kHonest - 2);
  // The limits hold all the same: burst, total and reserve.
  EXPECT_LE(admitted, 1000u + 500u + 30u * 1500u);
}

TEST(Admission, AProvenSourceComesFirst) {
  SeededRandom random(3);
  config::ListenerLimits limits;
  limits.sccrq_total = 10;
  Admission admission(limits, random);
  admission.note_proven(source(77), kStart);
  for (std::uint32_t i = 1000; i < 1100; ++i) admission.judge(source(i), kStart);
  EXPECT_EQ(admission.judge(source(5), kStart), Verdict::total_rate);
  EXPECT_EQ(admission.judge(source(77), kStart), Verdict::admitted);
  EXPECT_EQ(admission.judge(source(77), kStart), Verdict::admitted);
  // Seen a second time, so not forged at random.
  EXPECT_EQ(admission.judge(source(5), kStart + 1ms), Verdict::admitted);
  // An hour later it is like any other.
  for (std::uint32_t i = 2000; i < 2100; ++i) admission.judge(source(i), kStart + 2h);
  EXPECT_EQ(admission.judge(source(77), kStart + 2h), Verdict::total_rate);
}

TEST(Admission, HalfOpenTunnelsAreBounded) {
  SeededRandom random(4);
  config::ListenerLimits limits;
  limits.half_open = 100;
  Admission admission(limits, random);
  for (std::uint32_t id = 1; id <= 100; ++id)
    EXPECT_EQ(admission.add_half_open(TunnelId(id), source(id)), std::nullopt);
  for (std::uint32_t id = 101; id <= 200; ++id) {
    const auto evicted = admission.add_half_open(TunnelId(id), source(id));
    ASSERT_TRUE(evicted);
    EXPECT_NE(*evicted, TunnelId(id));
    EXPECT_EQ(admission.half_open(), 100u);
  }
  admission.remove_half_open(TunnelId(200));
  admission.remove_half_open(TunnelId(200));
  EXPECT_EQ(admission.half_open(), 99u);
  EXPECT_EQ(admission.counters().evicted, 100u);
}

TEST(Admission, AGreedySourceEvictsItself) {
  SeededRandom random(5);
  config::ListenerLimits limits;
  limits.half_open = 100;
  Admission admission(limits, random);
  for (std::uint32_t id = 1; id <= 20; ++id) admission.add_half_open(TunnelId(id), source(id));
  unsigned honest_lost = 0;
  for (std::uint32_t id = 1000; id < 3000; ++id) {
    const auto evicted = admission.add_half_open(TunnelId(id), source(99));
    if (evicted && evicted->value() <= 20) ++honest_lost;
  }
  // All five draws must hit honest ones: under 20 of 100, that is 1 in 3,000.
  EXPECT_LE(honest_lost, 3u);
}

}  // namespace
}  // namespace l2tpm::daemon
