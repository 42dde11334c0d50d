#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/secret.h"

namespace l2tpm {
namespace {
template <typename T>
T number(RandomSource& source) {
  std::uint8_t octets[sizeof(T)];
  source.fill(octets);
  T value;
  std::memcpy(&value, octets, sizeof value);
  return value;
}
}  // namespace

std::uint16_t RandomSource::u16() { return number<std::uint16_t>(*this); }
std::uint32_t RandomSource::u32() { return number<std::uint32_t>(*this); }
std::uint64_t RandomSource::u64() { return number<std::uint64_t>(*this); }

std::uint32_t RandomSource::below(std::uint32_t bound) {
  assert(bound > 0);
  // 64 random bits make the bias of the remainder smaller than 2^-32.
  return static_cast<std::uint32_t>(u64() % bound);
}

SystemRandom::~SystemRandom() { wipe(reserve_); }

void SystemRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == reserve_.size()) {
      // Up to 256 octets come whole or not at all.
      if (getrandom(reserve_.data(), reserve_.size(), 0) != static_cast<ssize_t>(reserve_.size())) {
        if (errno == EINTR) continue;
        std::abort();  // a kernel without getrandom: nothing secret could be made
      }
      used_ = 0;
    }
    const auto taken =
        std::span(reserve_).subspan(used_, std::min(out.size(), reserve_.size() - used_));
    std::copy(taken.begin(), taken.end(), out.begin());
    wipe(taken);  // whoever reads our memory later learns nothing of what was handed out
    used_ += taken.size();
    out = out.subspan(taken.size());
  }
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& octet : out) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    octet = static_cast<std::uint8_t>((state_ * 0x2545f4914f6cdd1du) >> 56);
  }
}

}  // namespace l2tpm
