// What one port may ask of the others: broadcast and multicast frames per second, and how many
// stations are behind it. Time is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/mac_address.h"

namespace l2tpm::relay {

// A quarter of a second's worth may come at once, and 8 frames in any case (an ARP or neighbour
// discovery exchange with the repetitions of a few hosts).
class RateLimit {
 public:
  // 0: no limit.
  explicit RateLimit(std::uint32_t per_second);
  bool admit(TimePoint now);

 private:
  Duration interval_{};
  Duration tolerance_{};
  TimePoint next_{};  // when the next frame is due, were they evenly spaced
};

// The stations heard behind a port. One more than allowed is not let in until another has been
// silent for kForgotten. The table is of fixed size: a flood of addresses costs a look-up each.
class StationLimit {
 public:
  static constexpr Duration kForgotten = 300s;  // the bridge's own ageing time
  static constexpr std::uint32_t kMost = 4096;

  // 0: no limit; more than kMost is kMost.
  explicit StationLimit(std::uint32_t stations);
  bool admit(const MacAddress& source, TimePoint now);
  std::uint32_t known() const { return known_; }

 private:
  struct Station {
    std::uint64_t address = 0;
    TimePoint heard;
  };
  // Slots looked at for an address; so many that a table at half its size does not fill one run.
  static constexpr std::size_t kProbes = 16;

  std::size_t find(std::uint64_t address) const;
  void forget_silent(TimePoint now);

  std::uint32_t limit_;
  std::uint32_t known_ = 0;
  TimePoint next_cleaning_{};
  std::vector<Station> stations_;
};

}  // namespace l2tpm::relay
