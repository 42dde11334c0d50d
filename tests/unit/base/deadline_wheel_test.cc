#include "base/deadline_wheel.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace l2tpm {
namespace {

TimePoint at(std::int64_t milliseconds) {
  return TimePoint(std::chrono::milliseconds(milliseconds));
}

TEST(DeadlineWheel, GivesTheEarliestThatIsDue) {
  DeadlineWheel<int> wheel;
  EXPECT_EQ(wheel.earliest(), std::nullopt);
  EXPECT_EQ(wheel.pop_due(at(1000)), std::nullopt);
  wheel.set(1, at(1030));
  wheel.set(2, at(1010));
  wheel.set(3, at(1020));
  EXPECT_EQ(wheel.earliest(), at(1010));
  EXPECT_EQ(wheel.pop_due(at(1009)), std::nullopt);
  EXPECT_EQ(wheel.pop_due(at(1010)), 2);
  EXPECT_EQ(wheel.pop_due(at(1030)), 3);
  EXPECT_EQ(wheel.pop_due(at(1030)), 1);
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.earliest(), std::nullopt);
}

TEST(DeadlineWheel, IsLateByLessThanAMillisecondAndNeverEarly) {
  DeadlineWheel<int> wheel;
  const TimePoint when = at(5000) + std::chrono::microseconds(1);
  wheel.set(1, when);
  EXPECT_EQ(wheel.earliest(), at(5001));
  EXPECT_EQ(wheel.pop_due(at(5000) + std::chrono::microseconds(999)), std::nullopt);
  EXPECT_EQ(wheel.pop_due(at(5001)), 1);
}

TEST(DeadlineWheel, WhatIsPastIsDueAtOnce) {
  DeadlineWheel<int> wheel;
  EXPECT_EQ(wheel.pop_due(at(1000000)), std::nullopt);
  wheel.set(1, at(1));
  EXPECT_LE(*wheel.earliest(), at(1000000));
  EXPECT_EQ(wheel.pop_due(at(1000000)), 1);
}

TEST(DeadlineWheel, ARemovedKeyDoesNotComeBack) {
  DeadlineWheel<int> wheel;
  wheel.set(1, at(70));
  wheel.set(2, at(90));
  wheel.remove(1);
  wheel.remove(1);
  wheel.set(77, std::nullopt);
  EXPECT_EQ(wheel.size(), 1u);
  // The first answer may be that of the removed one; the next is not.
  EXPECT_LE(*wheel.earliest(), at(90));
  EXPECT_EQ(wheel.pop_due(*wheel.earliest()), std::nullopt);
  EXPECT_EQ(wheel.earliest(), at(90));
  EXPECT_EQ(wheel.pop_due(at(90)), 2);
}

TEST(DeadlineWheel, ReachesAsFarAsTheClock) {
  DeadlineWheel<int> wheel;
  wheel.set(1, at(std::chrono::floor<std::chrono::milliseconds>(Duration::max()).count()));
  wheel.set(2, at(std::int64_t{1} << 40));
  EXPECT_EQ(wheel.pop_due(at(1)), std::nullopt);
  EXPECT_EQ(wheel.earliest(), at(std::int64_t{1} << 40));
  EXPECT_EQ(wheel.pop_due(at(std::int64_t{1} << 40)), 2);
  EXPECT_EQ(wheel.size(), 1u);
}

// Any order of sets, moves, removals and pops while time goes by in steps of any size, beside a map
// that cannot be wrong; whoever asks at earliest() misses nothing.
TEST(DeadlineWheel, AgreesWithAMap) {
  constexpr std::uint64_t kSeed = 20261122;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  SeededRandom random(kSeed);
  DeadlineWheel<std::uint32_t> wheel;
  std::map<std::uint32_t, TimePoint> model;
  std::int64_t now = 1'000'000'007;
  for (int step = 0; step < 100000; ++step) {
    const std::uint32_t key = random.below(200);
    switch (random.below(4)) {
      case 0:
        wheel.remove(key);
        model.erase(key);
        break;
      case 1:
        now += random.below(1u << random.below(22));
        while (const auto popped = wheel.pop_due(at(now))) {
          const auto found = model.find(*popped);
          ASSERT_NE(found, model.end());
          ASSERT_LE(found->second, at(now));
          for (const auto& [other, deadline] : model)
            ASSERT_TRUE(found->second <= deadline || deadline <= at(now)) << other;
          model.erase(found);
        }
        for (const auto& [other, deadline] : model) ASSERT_GT(deadline, at(now)) << other;
        break;
      default: {
        const TimePoint when = at(now + random.below(1u << random.below(25)));
        wheel.set(key, when);
        model[key] = when;
      }
    }
    ASSERT_EQ(wheel.size(), model.size());
    ASSERT_EQ(wheel.earliest().has_value(), !model.empty());
    for (const auto& [other, deadline] : model)
      ASSERT_LE(*wheel.earliest(), std::max(deadline, at(now))) << other;
  }
}

}  // namespace
}  // namespace l2tpm
