#include "base/mac_address.h"

#include <fmt/core.h>

#include <charconv>

namespace l2tpm {

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  constexpr std::size_t kLength = 17;
  if (text.size() != kLength || (text[2] != ':' && text[2] != '-')) return std::nullopt;
  std::array<std::uint8_t, 6> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const char* const at = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(at, at + 2, octets[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
    if (i + 1 < octets.size() && at[2] != text[2]) return std::nullopt;
  }
  return MacAddress(octets);
}

MacAddress MacAddress::from_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3;
  }
  hash ^= hash >> 29;  // the upper bits of short texts differ little
  hash *= 0xbf58476d1ce4e5b9;
  hash ^= hash >> 32;
  std::array<std::uint8_t, 6> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i)
    octets[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  octets[0] = static_cast<std::uint8_t>((octets[0] & 0xfc) | 0x02);
  return MacAddress(octets);
}

bool MacAddress::is_usable() const {
  return (octets_[0] & 1) == 0 && octets_ != std::array<std::uint8_t, 6>{};
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", octets_[0], octets_[1],
                     octets_[2], octets_[3], octets_[4], octets_[5]);
}

}  // namespace l2tpm
