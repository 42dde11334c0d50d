// Readable values to numbers. Each returns nothing for what it does not understand.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "config/profile.h"

namespace l2tpm::config {

// "250ms", "30s", "5m", "1h30m", "2d", "0"; at most 366 days.
std::optional<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);
// "10.0.0.10-10.0.0.250", "10.0.0.7", "10.0.0.0/24" (whose first and last address are left out up
// to /30).
std::optional<AddressRange> parse_range(std::string_view text);
// Four groups of hex digits, "0:0:0:1", or an IPv6 address with a zero first half, "::1". Not zero.
std::optional<std::uint64_t> parse_interface_id(std::string_view text);
// "first-last"
std::optional<InterfaceIdRange> parse_interface_id_range(std::string_view text);
// A DNS name or a literal address.
bool is_host(std::string_view text);
// What the kernel accepts as the name of an interface: 1 to 15 octets, no '/', ':' or white space.
bool is_interface_name(std::string_view text);
// A profile's, a pool's or a secret's: letters, digits, '-', '_', '.', at most 64, not starting
// with '.' or '-'.
bool is_name(std::string_view text);

bool overlap(const AddressRange& a, const AddressRange& b);
bool contains(const AddressRange& range, const IpAddress& address);

}  // namespace l2tpm::config
