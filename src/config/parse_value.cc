#include "config/parse_value.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace l2tpm::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
// In the order they may follow one another.
constexpr Unit kUnits[] = {
    {"d",  86'400'000},
    {"h",  3'600'000 },
    {"m",  60'000    },
    {"s",  1000      },
    {"ms", 1         },
};
constexpr std::int64_t kLongestMs = 366 * std::int64_t{86'400'000};

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto letters = std::min(text.find_first_not_of("dhms"), text.size());
    const auto unit = text.substr(0, letters);
    while (next_unit < std::size(kUnits) && kUnits[next_unit].name != unit) ++next_unit;
    if (next_unit == std::size(kUnits)) return std::nullopt;
    const std::int64_t each = kUnits[next_unit++].milliseconds;
    if (number > kLongestMs / each) return std::nullopt;
    total += number * each;
    text.remove_prefix(letters);
  }
  if (total > kLongestMs) return std::nullopt;
  return std::chrono::milliseconds(total);
}

std::string format_duration(Duration duration) {
  std::int64_t rest = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (rest == 0) return "0";
  std::string out;
  for (const auto& unit : kUnits) {
    if (rest < unit.milliseconds) continue;
    out += fmt::format("{}{}", rest / unit.milliseconds, unit.name);
    rest %= unit.milliseconds;
  }
  return out;
}

std::optional<AddressRange> parse_range(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    const auto prefix = IpPrefix::parse(text);
    if (!prefix || !prefix->address.is_v4() || prefix->length == 0) return std::nullopt;
    const std::uint32_t size = 1u << (32 - prefix->length);  // 1 for /32
    std::uint32_t first = prefix->address.v4_value();
    std::uint32_t last = first + (size - 1);
    if (prefix->length <= 30) {
      ++first;
      --last;
    }
    return AddressRange{IpAddress::v4(first), IpAddress::v4(last)};
  }
  const auto dash = text.find('-');
  const auto first = IpAddress::parse(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : IpAddress::parse(text.substr(dash + 1));
  if (!first || !last || !first->is_v4() || !last->is_v4() || *last < *first) return std::nullopt;
  return AddressRange{*first, *last};
}

std::optional<std::uint64_t> parse_interface_id(std::string_view text) {
  std::uint64_t id = 0;
  if (text.find("::") != std::string_view::npos) {
    const auto address = IpAddress::parse(text);
    if (!address || !address->is_v6()) return std::nullopt;
    const auto octets = address->octets();
    for (std::size_t i = 0; i < 8; ++i)
      if (octets[i] != 0) return std::nullopt;
    for (std::size_t i = 8; i < 16; ++i) id = (id << 8) | octets[i];
    return id == 0 ? std::nullopt : std::optional(id);
  }
  for (unsigned group = 0; group < 4; ++group) {
    unsigned value = 0;
    const auto colon = text.find(':');
    const auto digits = text.substr(0, colon);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.empty() || digits.size() > 4 || error != std::errc() ||
        end != digits.data() + digits.size())
      return std::nullopt;
    id = (id << 16) | value;
    if ((colon == std::string_view::npos) != (group == 3)) return std::nullopt;
    if (group < 3) text.remove_prefix(colon + 1);
  }
  return id == 0 ? std::nullopt : std::optional(id);
}

std::optional<InterfaceIdRange> parse_interface_id_range(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_interface_id(text.substr(0, dash));
  const auto last = parse_interface_id(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return InterfaceIdRange{*first, *last};
}

bool is_host(std::string_view text) {
  if (IpAddress::parse(text)) return true;
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  bool only_digits = true;  // "10.0.0" and "1" are mistyped addresses, not names
  while (!text.empty()) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    for (const char c : label) {
      if (!is_alphanumeric(c) && c != '-' && c != '_') return false;
      if (c < '0' || c > '9') only_digits = false;
    }
    if (dot == std::string_view::npos) break;
    text.remove_prefix(dot + 1);
    if (text.empty()) return false;
  }
  return !only_digits;
}

bool is_interface_name(std::string_view text) {
  if (text.empty() || text.size() > 15 || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%';
  });
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool overlap(const AddressRange& a, const AddressRange& b) {
  return a.first <= b.last && b.first <= a.last;
}

bool contains(const AddressRange& range, const IpAddress& address) {
  return address.is_v4() && range.first <= address && address <= range.last;
}

}  // namespace l2tpm::config
