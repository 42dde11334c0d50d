#include "ctl/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <ostream>

namespace l2tpm::ctl {
namespace {

// Characters, not octets: our own marks are UTF-8.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string scalar(const Json& value) {
  if (value.is_string()) return clean(value.get<std::string>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Colour colour_of_state(const std::string& state) {
  if (state == "established" || state == "up" || state == "running") return Colour::green;
  if (state == "failed" || state == "backoff" || state == "stopping") return Colour::red;
  if (state == "idle") return Colour::none;
  return Colour::yellow;
}

std::string clean(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text;
}

std::string duration(std::chrono::seconds span) {
  const auto total = std::max<std::int64_t>(span.count(), 0);
  const auto text = [](std::int64_t number, const char* unit) {
    return std::to_string(number) + unit;
  };
  if (total >= 86400) return text(total / 86400, "d ") + text(total % 86400 / 3600, "h");
  if (total >= 3600) return text(total / 3600, "h ") + text(total % 3600 / 60, "m");
  if (total >= 60) return text(total / 60, "m ") + text(total % 60, "s");
  return text(total, "s");
}

std::string milliseconds(std::chrono::microseconds span) {
  return fmt::format("{:.1f} ms", static_cast<double>(span.count()) / 1000);
}

std::string amount(double number) {
  constexpr std::array kUnits{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || number >= 99.95 ? 0 : 1;
  return fmt::format("{:.{}f}{}", number, digits, kUnits[unit]);
}

std::string clock_time(std::uint64_t microseconds) {
  const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                     microseconds / 1000 % 1000);
}

std::string Printer::paint(const std::string& text, Colour colour) const {
  if (!colour_) return text;
  switch (colour) {
    case Colour::none:
      return text;
    case Colour::green:
      return "\x1b[32m" + text + "\x1b[0m";
    case Colour::yellow:
      return "\x1b[33m" + text + "\x1b[0m";
    case Colour::red:
      return "\x1b[31m" + text + "\x1b[0m";
    case Colour::bold:
      return "\x1b[1m" + text + "\x1b[0m";
  }
  return text;
}

void Printer::table(const std::vector<std::string>& header,
                    const std::vector<std::vector<Cell>>& rows) {
  if (rows.empty()) return;
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < header.size(); ++column) {
    std::size_t widest = width(header[column]);
    for (const auto& row : rows) widest = std::max(widest, width(clean(row[column].text)));
    widths.push_back(widest);
  }
  const auto put = [&](std::size_t column, const std::string& text, Colour colour) {
    out_ << paint(text, colour);
    if (column + 1 < header.size()) out_ << std::string(widths[column] - width(text) + 2, ' ');
  };
  for (std::size_t column = 0; column < header.size(); ++column)
    put(column, header[column], Colour::bold);
  out_ << '\n';
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < header.size(); ++column)
      put(column, clean(row[column].text), row[column].colour);
    out_ << '\n';
  }
}

void Printer::terse(const std::vector<std::vector<Cell>>& rows) {
  for (const auto& row : rows) {
    bool is_first = true;
    for (const Cell& cell : row) {
      if (!is_first) out_ << ':';
      is_first = false;
      for (const char c : clean(cell.text)) {
        if (c == ':' || c == '\\') out_ << '\\';
        out_ << c;
      }
    }
    out_ << '\n';
  }
}

void Printer::object(const Json& json, int indent) {
  const std::string space(static_cast<std::size_t>(indent), ' ');
  std::size_t widest = 0;
  for (const auto& [key, value] : json.items())
    if (value.is_primitive()) widest = std::max(widest, width(key) + 1);
  for (const auto& [key, value] : json.items()) {
    const bool of_scalars =
        value.is_array() && std::none_of(value.begin(), value.end(), [](const auto& element) {
          return element.is_structured();
        });
    if (value.is_primitive()) {
      out_ << space << clean(key) << ':' << std::string(widest - width(key), ' ') << scalar(value)
           << '\n';
    } else if (of_scalars) {
      out_ << space << clean(key) << ':';
      for (const auto& element : value) out_ << ' ' << scalar(element);
      out_ << '\n';
    } else if (value.is_array()) {
      for (const auto& element : value) {
        out_ << space << clean(key) << ":\n";
        if (element.is_object()) object(element, indent + 2);
      }
    } else {
      out_ << space << clean(key) << ":\n";
      object(value, indent + 2);
    }
  }
}

void Printer::line(const std::string& text) { out_ << text << '\n'; }

}  // namespace l2tpm::ctl
