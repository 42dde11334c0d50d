// An indexed binary heap of deadlines: set, move and remove by key in O(log n), earliest in O(1).
// Whoever has a timer has one entry here; nothing iterates its children to find a deadline.
#pragma once

#include <cstddef>
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
    const auto found = index_.find(key);
    if (found == index_.end()) {
      if (!when) return;
      heap_.push_back({*when, key});
      index_.emplace(key, heap_.size() - 1);
      sift_up(heap_.size() - 1);
      return;
    }
    const std::size_t at = found->second;
    if (!when) {
      erase_at(at);
      return;
    }
    if (heap_[at].when == *when) return;
    heap_[at].when = *when;
    sift_down(sift_up(at));
  }
  void remove(const Key& key) { set(key, std::nullopt); }

  // The key whose deadline came first, if it is due at `now`; it is removed.
  std::optional<Key> pop_due(TimePoint now) {
    if (heap_.empty() || heap_.front().when > now) return std::nullopt;
    Key key = heap_.front().key;
    erase_at(0);
    return key;
  }

 private:
  struct Entry {
    TimePoint when;
    Key key;
  };

  void place(std::size_t at, Entry entry) {
    index_[entry.key] = at;
    heap_[at] = std::move(entry);
  }
  std::size_t sift_up(std::size_t at) {
    Entry entry = std::move(heap_[at]);
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (heap_[parent].when <= entry.when) break;
      place(at, std::move(heap_[parent]));
      at = parent;
    }
    place(at, std::move(entry));
    return at;
  }
  void sift_down(std::size_t at) {
    Entry entry = std::move(heap_[at]);
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
      if (entry.when <= heap_[child].when) break;
      place(at, std::move(heap_[child]));
      at = child;
    }
    place(at, std::move(entry));
  }
  void erase_at(std::size_t at) {
    index_.erase(heap_[at].key);
    Entry last = std::move(heap_.back());
    heap_.pop_back();
    if (at == heap_.size()) return;
    place(at, std::move(last));
    sift_down(sift_up(at));
  }

  std::vector<Entry> heap_;
  std::unordered_map<Key, std::size_t> index_;
};

}  // namespace l2tpm
