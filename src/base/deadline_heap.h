// An indexed heap of deadlines: set, move and remove by key in O(log n), earliest in O(1). Whoever
// has a timer has one entry here; nothing iterates its children to find a deadline.
//
// Built for many timers that come due, are served and are set again (tests/bench, BM_Timer): four
// children a node, so that a level is one cache line; what moves on the way is a row of `places_`,
// not a node of the hash table; and a key that came due keeps its place in the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace l2tpm {

template <typename Key>
class DeadlineHeap {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  std::optional<TimePoint> earliest() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().when);
  }

  // Inserts or moves; nullopt removes.
  void set(const Key& key, std::optional<TimePoint> when) {
    if (!when) {
      remove(key);
      return;
    }
    const Row row = row_of(key);
    const std::uint32_t at = places_[row].at;
    if (at == kNowhere) {
      heap_.push_back({*when, row});
      sift_up(heap_.size() - 1);
    } else if (heap_[at].when != *when) {
      heap_[at].when = *when;
      sift_down(sift_up(at));
    }
  }
  void remove(const Key& key) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return;
    const Row row = found->second;
    rows_.erase(found);
    if (places_[row].at != kNowhere) erase_at(places_[row].at);
    places_[row].at = kNowhere;
    free_.push_back(row);
  }

  // The key whose deadline came first, if it is due at `now`. It has no deadline any more, but a
  // row is kept for it: whoever takes it sets or removes it again.
  std::optional<Key> pop_due(TimePoint now) {
    if (heap_.empty() || heap_.front().when > now) return std::nullopt;
    Place& place = places_[heap_.front().row];
    erase_at(0);
    place.at = kNowhere;
    return place.key;
  }

 private:
  using Row = std::uint32_t;
  static constexpr std::uint32_t kNowhere = 0xffffffff;
  static constexpr std::size_t kChildren = 4;
  struct Entry {
    TimePoint when;
    Row row;
  };
  struct Place {
    Key key;
    std::uint32_t at;  // in heap_
  };

  Row row_of(const Key& key) {
    const auto [found, is_new] = rows_.try_emplace(key, 0);
    if (is_new) {
      if (free_.empty()) {
        free_.push_back(static_cast<Row>(places_.size()));
        places_.push_back({key, kNowhere});
      }
      found->second = free_.back();
      free_.pop_back();
      places_[found->second] = {key, kNowhere};
    }
    return found->second;
  }
  void place(std::size_t at, Entry entry) {
    places_[entry.row].at = static_cast<std::uint32_t>(at);
    heap_[at] = entry;
  }
  std::size_t sift_up(std::size_t at) {
    const Entry entry = heap_[at];
    while (at > 0) {
      const std::size_t parent = (at - 1) / kChildren;
      if (heap_[parent].when <= entry.when) break;
      place(at, heap_[parent]);
      at = parent;
    }
    place(at, entry);
    return at;
  }
  void sift_down(std::size_t at) {
    const Entry entry = heap_[at];
    for (;;) {
      const std::size_t first = kChildren * at + 1;
      if (first >= heap_.size()) break;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < heap_.size() && child < first + kChildren;
           ++child)
        if (heap_[child].when < heap_[least].when) least = child;
      if (entry.when <= heap_[least].when) break;
      place(at, heap_[least]);
      at = least;
    }
    place(at, entry);
  }
  void erase_at(std::size_t at) {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    place(at, last);
    sift_down(sift_up(at));
  }

  std::vector<Entry> heap_;
  std::vector<Place> places_;
  std::vector<Row> free_;
  std::unordered_map<Key, Row> rows_;
};

}  // namespace l2tpm
