// How things look on a terminal. Nothing here knows the bus.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/json.h"

namespace l2tpm::ctl {

enum class Colour : std::uint8_t { none, green, yellow, red, bold };

// What is good, under way, and bad, among the states of tunnels and sessions.
Colour colour_of_state(const std::string& state);

struct Cell {
  // Implicit: a row is a list of texts. NOLINTNEXTLINE(google-explicit-constructor)
  Cell(std::string content, Colour look = Colour::none) : text(std::move(content)), colour(look) {}
  std::string text;
  Colour colour;
};

struct Column {
  std::string_view name;    // for -f
  std::string_view header;  // of the table
  bool rare = false;        // not in a table in which no row has it, unless -f asks for it
};

// Control characters shown as '?': whatever a peer sent, the terminal is not steered by it.
std::string clean(std::string text);

// "12d 3h", "3h 12m", "4m 7s", "9s".
std::string duration(std::chrono::seconds span);

// "21.4 ms".
std::string milliseconds(std::chrono::microseconds span);
// "1.2G", "88.0M", "512": decimal multiples, three digits.
std::string amount(double number);
// Of a CLOCK_REALTIME time in microseconds, local: "09:15:01.114".
std::string clock_time(std::uint64_t microseconds);

class Printer {
 public:
  Printer(std::ostream& out, bool colour) : out_(out), colour_(colour) {}

  std::string paint(const std::string& text, Colour colour) const;
  // Columns as wide as their widest cell; no header line when there is no row.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<Cell>>& rows);
  // Fields separated by ':', which is written "\\:" inside one, as nmcli does.
  void terse(const std::vector<std::vector<Cell>>& rows);
  // "key: value" lines, nested objects indented, lists of scalars on one line.
  void object(const Json& json, int indent = 0);
  void line(const std::string& text);

 private:
  std::ostream& out_;
  bool colour_;
};

}  // namespace l2tpm::ctl
