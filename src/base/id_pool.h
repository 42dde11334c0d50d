// Random non-zero identifiers below a bound, each used once at a time and resting after use, so
// that a late packet or a kernel object still going away never meets a new owner; in an LNS a
// number is wanted again soon.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>

#include "base/clock.h"
#include "base/random.h"

namespace l2tpm {

class IdPool {
 public:
  // Identifiers are 1..maximum; a released one rests for `quarantine`.
  IdPool(std::uint32_t maximum, Duration quarantine) : maximum_(maximum), quarantine_(quarantine) {}

  // nullopt when every identifier is taken or resting.
  std::optional<std::uint32_t> allocate(RandomSource& random, TimePoint now);
  // Marks a given identifier as taken; false when it already is.
  bool reserve(std::uint32_t id) { return taken_.insert(id).second; }
  void release(std::uint32_t id, TimePoint now);
  // Taken or resting.
  std::size_t in_use() const { return taken_.size(); }

 private:
  struct Resting {
    std::uint32_t id;
    TimePoint until;
  };
  std::uint32_t maximum_;
  Duration quarantine_;
  std::unordered_set<std::uint32_t> taken_;
  std::deque<Resting> resting_;
};

}  // namespace l2tpm
