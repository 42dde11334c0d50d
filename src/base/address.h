// IP addresses and UDP endpoints as values; conversion to the socket API's structures happens here
// only.
#pragma once

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm {

class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& octets);
  // "192.0.2.1" or "2001:db8::1"; no names, no brackets, no prefix length.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return !is_v6_; }
  bool is_v6() const { return is_v6_; }
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;
  std::uint32_t v4_value() const;  // host order; 0 for IPv6
  ByteView octets() const { return ByteView(octets_).first(is_v6_ ? 16 : 4); }
  // The address with all bits after `length` cleared.
  IpAddress prefix(unsigned length) const;
  std::string to_string() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool is_v6_ = false;
  std::array<std::uint8_t, 16> octets_{};  // network order; the first four for IPv4
};

// "10.0.0.0/8"; a bare address is a prefix of full length. Host bits must be zero.
struct IpPrefix {
  IpAddress address;
  unsigned length = 0;
  static std::optional<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& candidate) const;
  std::string to_string() const;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // interface index of an IPv6 link-local address, else 0

  static std::optional<Endpoint> from_sockaddr(const sockaddr_storage& storage);
  // Fills `storage`, returns the length to pass on.
  socklen_t to_sockaddr(sockaddr_storage& storage) const;
  // "192.0.2.1:1701", "[2001:db8::1]:1701"
  std::string to_string() const;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace l2tpm

template <>
struct std::hash<l2tpm::IpAddress> {
  std::size_t operator()(const l2tpm::IpAddress& address) const noexcept {
    return std::hash<std::string_view>{}(l2tpm::as_text(address.octets()));
  }
};

template <>
struct std::hash<l2tpm::Endpoint> {
  std::size_t operator()(const l2tpm::Endpoint& endpoint) const noexcept {
    return std::hash<l2tpm::IpAddress>{}(endpoint.address) * 31 + endpoint.port;
  }
};
