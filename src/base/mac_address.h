// A 48-bit MAC address as a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace l2tpm {

class MacAddress {
 public:
  constexpr MacAddress() = default;
  constexpr explicit MacAddress(const std::array<std::uint8_t, 6>& octets) : octets_(octets) {}
  // "02:00:5e:10:00:01": six pairs of hexadecimal digits, separated by ':' (or all by '-').
  static std::optional<MacAddress> parse(std::string_view text);
  // The same text gives the same address, always: a locally administered unicast one. Not secret,
  // and not made to resist somebody who looks for a text with the same result.
  static MacAddress from_text(std::string_view text);

  const std::array<std::uint8_t, 6>& octets() const { return octets_; }
  // What an interface may have: not multicast, not zero.
  bool is_usable() const;
  std::string to_string() const;
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, 6> octets_{};
};

}  // namespace l2tpm
