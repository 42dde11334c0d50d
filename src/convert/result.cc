#include "convert/result.h"

#include <fmt/core.h>

#include <algorithm>

namespace l2tpm::convert {

std::string_view name(Notice::Level level) {
  switch (level) {
    case Notice::Level::note:
      return "note";
    case Notice::Level::warning:
      return "warning";
    case Notice::Level::error:
      return "error";
  }
  return "error";
}

std::string Notice::to_string() const {
  if (line == 0) return fmt::format("{}: {}: {}", file, name(level), text);
  return fmt::format("{}:{}: {}: {}", file, line, name(level), text);
}

bool Import::has_errors() const {
  return std::any_of(notices.begin(), notices.end(),
                     [](const Notice& notice) { return notice.level == Notice::Level::error; });
}

std::string profile_name_from(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  std::string name;
  for (const char c : text.substr(0, kLongest)) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
    if (fits)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  const auto first = name.find_first_not_of("-.");
  return first == std::string::npos ? "imported" : name.substr(first);
}

}  // namespace l2tpm::convert
