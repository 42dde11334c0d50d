#include "base/deadline_heap.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace l2tpm {
namespace {

TimePoint at(int milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

TEST(DeadlineHeap, GivesTheEarliestThatIsDue) {
  DeadlineHeap<int> heap;
  EXPECT_EQ(heap.earliest(), std::nullopt);
  EXPECT_EQ(heap.pop_due(at(1000)), std::nullopt);
  heap.set(1, at(30));
  heap.set(2, at(10));
  heap.set(3, at(20));
  EXPECT_EQ(heap.earliest(), at(10));
  EXPECT_EQ(heap.pop_due(at(9)), std::nullopt);
  EXPECT_EQ(heap.pop_due(at(10)), 2);
  EXPECT_EQ(heap.pop_due(at(30)), 3);
  EXPECT_EQ(heap.pop_due(at(30)), 1);
  EXPECT_TRUE(heap.empty());
}

TEST(DeadlineHeap, MovesAndRemovesByKey) {
  DeadlineHeap<int> heap;
  for (int key = 0; key < 10; ++key) heap.set(key, at(100 + key));
  heap.set(9, at(1));
  EXPECT_EQ(heap.earliest(), at(1));
  heap.set(9, at(500));
  EXPECT_EQ(heap.earliest(), at(100));
  heap.remove(0);
  heap.remove(0);
  heap.set(77, std::nullopt);
  EXPECT_EQ(heap.size(), 9u);
  EXPECT_EQ(heap.earliest(), at(101));
}

// Any order of sets, moves, removals and pops, beside a map that cannot be wrong.
TEST(DeadlineHeap, AgreesWithAMap) {
  constexpr std::uint64_t kSeed = 20261122;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  SeededRandom random(kSeed);
  DeadlineHeap<std::uint32_t> heap;
  std::map<std::uint32_t, TimePoint> model;
  for (int step = 0; step < 20000; ++step) {
    const std::uint32_t key = random.below(200);
    const TimePoint when = at(static_cast<int>(random.below(500)));
    switch (random.below(4)) {
      case 0:
        heap.remove(key);
        model.erase(key);
        break;
      case 1:
        if (const auto popped = heap.pop_due(when)) {
          const auto found = model.find(*popped);
          ASSERT_NE(found, model.end());
          ASSERT_LE(found->second, when);
          for (const auto& [other, deadline] : model) ASSERT_LE(found->second, deadline) << other;
          model.erase(found);
        } else {
          for (const auto& [other, deadline] : model) ASSERT_GT(deadline, when) << other;
        }
        break;
      default:
        heap.set(key, when);
        model[key] = when;
    }
    ASSERT_EQ(heap.size(), model.size());
  }
}

}  // namespace
}  // namespace l2tpm
