// An indexed heap of a few deadlines, those of a tunnel's calls: set, move and remove by key in
// O(log n), earliest in O(1), and no memory while there is none. Four children a node, and an entry
// knows its place in the index. For many there is DeadlineWheel.
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
  DeadlineHeap() = default;
  DeadlineHeap(DeadlineHeap&&) noexcept = default;
  DeadlineHeap& operator=(DeadlineHeap&&) noexcept = default;
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
      const auto added = index_.emplace(key, heap_.size()).first;
      heap_.push_back({*when, &*added});
      sift_up(heap_.size() - 1);
      return;
    }
    const std::size_t at = found->second;
    if (!when) {
      index_.erase(found);
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
    Key key = heap_.front().node->first;
    index_.erase(key);
    erase_at(0);
    return key;
  }

 private:
  using Index = std::unordered_map<Key, std::size_t>;
  struct Entry {
    TimePoint when;
    typename Index::value_type* node;  // stays where it is as long as the key is in the index
  };
  static constexpr std::size_t kChildren = 4;

  void place(std::size_t at, Entry entry) {
    entry.node->second = at;
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
  // The index has forgotten it already.
  void erase_at(std::size_t at) {
    const Entry last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    place(at, last);
    sift_down(sift_up(at));
  }

  std::vector<Entry> heap_;
  Index index_;
};

}  // namespace l2tpm
