// Deadlines of many: set, move, remove and take the next one, each at a cost that does not grow
// with their number. A hierarchical timing wheel: eight levels of 64 slots, a slot of level 0 is a
// millisecond wide, one of the next level 64 times as much. A deadline waits in the slot of the
// level where it first differs from the present, and moves down as the present comes nearer: a
// timer of half a minute moves twice. Ten thousand timers cost each what ten do (tests/bench,
// BM_Timer); for a handful, DeadlineHeap takes less memory.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace l2tpm {

// Deadlines are kept to the millisecond: one comes due up to a millisecond late, never early.
template <typename Key>
class DeadlineWheel {
 public:
  DeadlineWheel() { heads_.fill(kNone), tails_.fill(kNone), least_.fill(kNever); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  // When to ask pop_due() next. After a removal it can be earlier than the earliest deadline:
  // pop_due() then has nothing, and a better answer is here.
  std::optional<TimePoint> earliest() const {
    if (heads_[kDue] != kNone) return time_of(present_);
    for (unsigned level = 0; level < kLevels; ++level)
      if (occupied_[level] != 0) return time_of(least_[first_slot(level)]);
    return std::nullopt;
  }

  // Inserts or moves; nullopt removes.
  void set(const Key& key, std::optional<TimePoint> when) {
    if (!when) {
      remove(key);
      return;
    }
    const Row row = row_of(key);
    const std::int64_t tick = tick_after(*when);
    if (timers_[row].slot != kNowhere) {
      if (timers_[row].tick == tick) return;
      unlink(row);
    }
    timers_[row].tick = tick;
    link(row);
  }
  void remove(const Key& key) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return;
    const Row row = found->second;
    rows_.erase(found);
    if (timers_[row].slot != kNowhere) unlink(row);
    free_.push_back(row);
  }

  // A key whose deadline has come at `now`, those of earlier milliseconds first. It has no deadline
  // any more, but a row is kept for it: whoever takes it sets or removes it again.
  std::optional<Key> pop_due(TimePoint now) {
    advance(std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count());
    const Row row = heads_[kDue];
    if (row == kNone) return std::nullopt;
    unlink(row);
    return timers_[row].key;
  }

 private:
  using Row = std::uint32_t;
  static constexpr unsigned kLevels = 8;  // 64^8 milliseconds: more than a Clock can say
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1u << kBits;
  static constexpr std::uint16_t kDue = kLevels * kSlots;  // the list of what has come due
  static constexpr std::uint16_t kNowhere = kDue + 1;
  static constexpr Row kNone = 0xffffffff;
  static constexpr std::int64_t kNever = INT64_MAX;

  struct Timer {
    Key key;
    std::int64_t tick = 0;  // milliseconds since the clock's epoch
    Row previous = kNone, next = kNone;
    std::uint16_t slot = kNowhere;
  };

  static std::int64_t tick_after(TimePoint when) {
    return std::chrono::ceil<std::chrono::milliseconds>(when.time_since_epoch()).count();
  }
  static TimePoint time_of(std::int64_t tick) { return TimePoint(std::chrono::milliseconds(tick)); }

  Row row_of(const Key& key) {
    const auto [found, is_new] = rows_.try_emplace(key, kNone);
    if (is_new) {
      if (free_.empty()) {
        free_.push_back(static_cast<Row>(timers_.size()));
        timers_.emplace_back();
      }
      found->second = free_.back();
      free_.pop_back();
      timers_[found->second] = {.key = key};
    }
    return found->second;
  }

  // Of a level that has one: lower slots of the level are in the past, hence empty.
  std::uint16_t first_slot(unsigned level) const {
    return static_cast<std::uint16_t>(level * kSlots +
                                      static_cast<unsigned>(std::countr_zero(occupied_[level])));
  }
  std::uint16_t slot_for(std::int64_t tick) const {
    if (tick <= present_) return kDue;
    const auto differs = static_cast<std::uint64_t>(tick) ^ static_cast<std::uint64_t>(present_);
    const unsigned level = (63u - static_cast<unsigned>(std::countl_zero(differs))) / kBits;
    return static_cast<std::uint16_t>(
        level * kSlots + ((static_cast<std::uint64_t>(tick) >> (level * kBits)) % kSlots));
  }
  void link(Row row) {
    Timer& timer = timers_[row];
    const std::uint16_t slot = timer.slot = slot_for(timer.tick);
    timer.previous = tails_[slot];
    timer.next = kNone;
    (timer.previous == kNone ? heads_[slot] : timers_[timer.previous].next) = row;
    tails_[slot] = row;
    if (timer.tick < least_[slot]) least_[slot] = timer.tick;
    if (slot != kDue) occupied_[slot / kSlots] |= std::uint64_t{1} << (slot % kSlots);
    ++size_;
  }
  void unlink(Row row) {
    Timer& timer = timers_[row];
    const std::uint16_t slot = timer.slot;
    (timer.previous == kNone ? heads_[slot] : timers_[timer.previous].next) = timer.next;
    (timer.next == kNone ? tails_[slot] : timers_[timer.next].previous) = timer.previous;
    if (heads_[slot] == kNone) clear(slot);
    timer.slot = kNowhere;
    --size_;
  }
  void clear(std::uint16_t slot) {
    least_[slot] = kNever;
    if (slot != kDue) occupied_[slot / kSlots] &= ~(std::uint64_t{1} << (slot % kSlots));
  }

  // The present becomes `now`; what waited in slots that begin on the way moves down or is due.
  void advance(std::int64_t now) {
    while (present_ < now) {
      unsigned level = 0;
      while (level < kLevels && occupied_[level] == 0) ++level;
      if (level == kLevels) break;
      const std::uint16_t slot = first_slot(level);
      const unsigned shift = level * kBits;
      const auto present = static_cast<std::uint64_t>(present_) >> shift;
      const auto begins =
          static_cast<std::int64_t>((present - present % kSlots + slot % kSlots) << shift);
      if (begins > now) break;
      present_ = begins;
      Row row = heads_[slot];
      heads_[slot] = tails_[slot] = kNone;
      clear(slot);
      while (row != kNone) {
        const Row next = timers_[row].next;
        --size_;
        link(row);
        row = next;
      }
    }
    if (present_ < now) present_ = now;
  }

  std::vector<Timer> timers_;
  std::vector<Row> free_;
  std::unordered_map<Key, Row> rows_;
  std::array<Row, kDue + 1> heads_, tails_;
  // The least tick that was put in since the slot was empty.
  std::array<std::int64_t, kDue + 1> least_;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::int64_t present_ = 0;
  std::size_t size_ = 0;
};

}  // namespace l2tpm
