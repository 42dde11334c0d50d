#include "base/secret.h"

#include <cstring>
#include <utility>

namespace l2tpm {

void wipe(std::span<std::uint8_t> memory) {
  if (!memory.empty()) explicit_bzero(memory.data(), memory.size());
}

void wipe(std::string& text) {
  if (!text.empty()) explicit_bzero(text.data(), text.size());
  text.clear();
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) *this = Secret(other.octets());
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe(octets_);
  octets_ = std::exchange(other.octets_, {});
  return *this;
}

}  // namespace l2tpm
