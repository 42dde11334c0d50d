// A password, a tunnel secret or a key. It cannot be printed, is compared in constant time, and its
// memory is wiped when it goes.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace l2tpm {

// Overwrites memory in a way that the optimiser keeps.
void wipe(std::span<std::uint8_t> memory);
void wipe(std::string& text);

// True when both have the same octets; takes the same time wherever they differ.
bool equal_in_constant_time(ByteView a, ByteView b);

class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteView octets) : octets_(octets.begin(), octets.end()) {}
  explicit Secret(std::string_view text) : Secret(as_bytes(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)) { other.octets_.clear(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(octets_); }

  bool empty() const { return octets_.empty(); }
  ByteView octets() const { return octets_; }
  // For configuration reloads: did it change?
  friend bool operator==(const Secret& a, const Secret& b) {
    return equal_in_constant_time(a.octets_, b.octets_);
  }

 private:
  Bytes octets_;  // never grown in place: a reallocation would leave a copy behind
};

}  // namespace l2tpm
