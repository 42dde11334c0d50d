#include "base/id_pool.h"

namespace l2tpm {

std::optional<std::uint32_t> IdPool::allocate(RandomSource& random, TimePoint now) {
  while (!resting_.empty() && resting_.front().until <= now) {
    taken_.erase(resting_.front().id);
    resting_.pop_front();
  }
  // Under quarantine pressure the oldest identifiers rest less: better than refusing a peer.
  while (taken_.size() >= maximum_ - maximum_ / 8 && !resting_.empty()) {
    taken_.erase(resting_.front().id);
    resting_.pop_front();
  }
  if (taken_.size() >= maximum_) return std::nullopt;
  // At most 7/8 full here unless all are live; a free one is then found by stepping on.
  std::uint32_t candidate = 1 + random.below(maximum_);
  for (int tries = 0; tries < 64 && taken_.contains(candidate); ++tries)
    candidate = 1 + random.below(maximum_);
  while (!taken_.insert(candidate).second) candidate = candidate == maximum_ ? 1 : candidate + 1;
  return candidate;
}

void IdPool::release(std::uint32_t id, TimePoint now) {
  if (taken_.contains(id)) resting_.push_back({id, now + quarantine_});
}

}  // namespace l2tpm
