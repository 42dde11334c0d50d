#include "relay/limits.h"

#include <gtest/gtest.h>

namespace l2tpm::relay {
namespace {

constexpr TimePoint kStart{1000s};

MacAddress station(std::uint32_t number) {
  return MacAddress({2, 0, static_cast<std::uint8_t>(number >> 24),
                     static_cast<std::uint8_t>(number >> 16),
                     static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)});
}

TEST(RateLimit, ZeroAdmitsAll) {
  RateLimit limit(0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limit.admit(kStart));
}

TEST(RateLimit, AdmitsABurstThenTheRate) {
  for (const std::uint32_t rate : {1u, 10u, 100u, 10000u}) {
    RateLimit limit(rate);
    std::uint32_t at_once = 0;
    while (limit.admit(kStart)) ASSERT_LE(++at_once, 10000u);
    EXPECT_EQ(at_once, std::max(rate / 4, 8u)) << rate;
    std::uint32_t later = 0;
    for (int i = 1; i <= 400000; ++i) later += limit.admit(kStart + i * 50us) ? 1 : 0;
    EXPECT_NEAR(later, 20 * rate, 20 * rate * 0.01 + 1) << rate;
  }
}

TEST(RateLimit, SilenceBuysOneBurst) {
  RateLimit limit(100);
  while (limit.admit(kStart)) {
  }
  int at_once = 0;
  while (limit.admit(kStart + 3600s)) ++at_once;
  EXPECT_EQ(at_once, 25);
}

TEST(StationLimit, ZeroAdmitsAll) {
  StationLimit limit(0);
  for (std::uint32_t i = 0; i < 10000; ++i) EXPECT_TRUE(limit.admit(station(i), kStart));
}

TEST(StationLimit, KnownOnesStayWhenItIsFull) {
  for (const std::uint32_t most : {1u, 3u, 100u, 1000u}) {
    StationLimit limit(most);
    for (std::uint32_t i = 0; i < most; ++i) EXPECT_TRUE(limit.admit(station(i), kStart)) << i;
    for (std::uint32_t i = 0; i < 5000; ++i) {
      EXPECT_FALSE(limit.admit(station(most + i), kStart + 1s));
    }
    for (std::uint32_t i = 0; i < most; ++i) EXPECT_TRUE(limit.admit(station(i), kStart + 2s));
  }
}

TEST(StationLimit, TheSilentMakeRoom) {
  StationLimit limit(2);
  EXPECT_TRUE(limit.admit(station(1), kStart));
  EXPECT_TRUE(limit.admit(station(2), kStart));
  EXPECT_TRUE(limit.admit(station(2), kStart + 200s));
  EXPECT_FALSE(limit.admit(station(3), kStart + 299s));
  EXPECT_TRUE(limit.admit(station(3), kStart + 301s));
  EXPECT_FALSE(limit.admit(station(1), kStart + 302s));
}

TEST(StationLimit, ImpossibleSourcesAreTheBridgesBusiness) {
  StationLimit limit(1);
  EXPECT_TRUE(limit.admit(MacAddress(), kStart));
  EXPECT_TRUE(limit.admit(MacAddress({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), kStart));
  EXPECT_TRUE(limit.admit(station(1), kStart));
}

}  // namespace
}  // namespace l2tpm::relay
