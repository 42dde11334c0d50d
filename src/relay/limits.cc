#include "relay/limits.h"

#include <algorithm>
#include <bit>

namespace l2tpm::relay {
namespace {

constexpr std::uint32_t kLeastBurst = 8;
constexpr Duration kCleaningPause = 1s;

std::uint64_t number(const MacAddress& address) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : address.octets()) value = value << 8 | octet;
  return value;
}

}  // namespace

RateLimit::RateLimit(std::uint32_t per_second) {
  if (per_second == 0) return;
  interval_ = std::max<Duration>(Duration(1s) / per_second, Duration(1));
  tolerance_ = interval_ * (std::max(per_second / 4, kLeastBurst) - 1);
}

bool RateLimit::admit(TimePoint now) {
  if (interval_ == Duration::zero()) return true;
  if (next_ > now + tolerance_) return false;
  next_ = std::max(next_, now) + interval_;
  return true;
}

StationLimit::StationLimit(std::uint32_t stations) : limit_(std::min(stations, kMost)) {
  if (limit_ != 0) stations_.resize(std::max<std::size_t>(std::bit_ceil(limit_) * 4, kProbes));
}

// Where it is, or a free place for it, or stations_.size().
std::size_t StationLimit::find(std::uint64_t address) const {
  const std::uint64_t hash = address * 0x9e3779b97f4a7c15;
  std::size_t free = stations_.size();
  for (std::size_t i = 0; i < kProbes; ++i) {
    const std::size_t at = ((hash >> 40) + i) & (stations_.size() - 1);
    if (stations_[at].address == address) return at;
    if (stations_[at].address == 0 && free == stations_.size()) free = at;
  }
  return free;
}

void StationLimit::forget_silent(TimePoint now) {
  if (now < next_cleaning_) return;
  next_cleaning_ = now + kCleaningPause;
  for (Station& station : stations_) {
    if (station.address == 0 || now - station.heard < kForgotten) continue;
    station.address = 0;
    --known_;
  }
}

bool StationLimit::admit(const MacAddress& source, TimePoint now) {
  // The bridge learns nothing from an address that no station can have, and drops the frame.
  if (limit_ == 0 || !source.is_usable()) return true;
  const std::uint64_t address = number(source);
  std::size_t at = find(address);
  if (at == stations_.size() || stations_[at].address == 0) {
    if (known_ >= limit_ || at == stations_.size()) {
      forget_silent(now);
      at = find(address);
      if (known_ >= limit_ || at == stations_.size()) return false;
    }
    stations_[at].address = address;
    ++known_;
  }
  stations_[at].heard = now;
  return true;
}

}  // namespace l2tpm::relay
