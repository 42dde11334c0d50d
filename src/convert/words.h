// Texts as xl2tpd and pppd write them, cut into words with their lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace l2tpm::convert {

std::string lower(std::string_view text);
std::string_view trim(std::string_view text);
// Decimal digits only, no more than `most`.
std::optional<unsigned> parse_number(std::string_view text, unsigned most);
std::vector<std::string_view> split(std::string_view text, char separator);

// pppd's words of one line: quotes, backslashes, '#' to the end of the line.
struct WordLine {
  unsigned line = 0;
  std::vector<std::string> words;  // at least one
};
// Wipes nothing: words may be secrets, so the caller wipes what it does not keep.
std::vector<WordLine> pppd_words(std::string_view text);
void wipe_words(std::vector<WordLine>& lines);

// xl2tpd.conf: sections of "key = value" lines.
struct Setting {
  std::string key;  // lower case, one blank between words
  std::string value;
  unsigned line = 0;
};
struct Section {
  std::string kind;  // "global", "lns", "lac", lower case
  std::string name;  // "default", "office"
  unsigned line = 0;
  std::vector<Setting> settings;
};
struct Sections {
  std::vector<Section> sections;
  std::vector<unsigned> bad_lines;  // neither a section nor a setting, or outside of any section
};
Sections parse_sections(std::string_view text);

struct AddressSpan {
  IpAddress first, last;  // IPv4, in order
  friend bool operator==(const AddressSpan&, const AddressSpan&) = default;
};
// "a.b.c.d", "a.b.c.d - e.f.g.h", "a.b.c.d-e" (the last octet); nullopt: not so.
std::optional<AddressSpan> parse_span(std::string_view text);
// The fewest prefixes that are exactly the span, at most 62.
std::vector<IpPrefix> prefixes_of(const AddressSpan& span);

}  // namespace l2tpm::convert
