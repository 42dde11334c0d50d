#include "convert/words.h"

#include <algorithm>
#include <charconv>

#include "base/secret.h"

namespace l2tpm::convert {
namespace {

constexpr std::string_view kBlank = " \t\r\v\f";

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string one_blank(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (kBlank.find(c) == std::string_view::npos)
      result += c;
    else if (!result.empty() && result.back() != ' ')
      result += ' ';
  }
  return result;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || value > most)
    return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<WordLine> pppd_words(std::string_view text) {
  std::vector<WordLine> lines;
  WordLine current;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  unsigned line = 1;
  const auto end_word = [&] {
    if (in_word) current.words.push_back(word);
    wipe(word);
    word.clear();
    in_word = false;
  };
  const auto end_line = [&] {
    end_word();
    if (!current.words.empty()) lines.push_back(std::move(current));
    current = {};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_word && current.words.empty()) current.line = line;
    if (c == '\n') ++line;
    if (c == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] == '\n') {
        ++line;  // continues on the next line
      } else {
        word += text[i];
        in_word = true;
      }
    } else if (quote != '\0') {
      if (c == quote)
        quote = '\0';
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '\n') {
      end_line();
    } else if (kBlank.find(c) != std::string_view::npos) {
      end_word();
    } else if (c == '#' && !in_word) {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else {
      word += c;
      in_word = true;
    }
  }
  end_line();
  return lines;
}

void wipe_words(std::vector<WordLine>& lines) {
  for (WordLine& line : lines)
    for (std::string& word : line.words) wipe(word);
  lines.clear();
}

Sections parse_sections(std::string_view text) {
  Sections result;
  for (unsigned number = 1; !text.empty(); ++number) {
    std::string_view line = next_line(text);
    line = trim(line.substr(0, line.find(';')));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      const auto end = line.find(']');
      const std::string inside =
          one_blank(trim(line.substr(1, end == std::string_view::npos ? end : end - 1)));
      const auto blank = inside.find(' ');
      Section section;
      section.kind = lower(inside.substr(0, blank));
      if (blank != std::string::npos) section.name = inside.substr(blank + 1);
      section.line = number;
      if (end == std::string_view::npos) result.bad_lines.push_back(number);
      result.sections.push_back(std::move(section));
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || result.sections.empty()) {
      result.bad_lines.push_back(number);
      continue;
    }
    result.sections.back().settings.push_back({lower(one_blank(trim(line.substr(0, equals)))),
                                               std::string(trim(line.substr(equals + 1))), number});
  }
  return result;
}

std::optional<AddressSpan> parse_span(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = IpAddress::parse(trim(text.substr(0, dash)));
  if (!first || !first->is_v4()) return std::nullopt;
  AddressSpan span{*first, *first};
  if (dash == std::string_view::npos) return span;
  const std::string_view end = trim(text.substr(dash + 1));
  if (const auto octet = parse_number(end, 255)) {
    span.last = IpAddress::v4((first->v4_value() & 0xffffff00) | *octet);
  } else {
    const auto last = IpAddress::parse(end);
    if (!last || !last->is_v4()) return std::nullopt;
    span.last = *last;
  }
  if (span.last < span.first) return std::nullopt;
  return span;
}

std::vector<IpPrefix> prefixes_of(const AddressSpan& span) {
  std::vector<IpPrefix> prefixes;
  std::uint64_t at = span.first.v4_value();
  const std::uint64_t last = span.last.v4_value();
  while (at <= last) {
    // The largest block that starts here and ends in the span.
    unsigned bits = 0;
    while (bits < 32 && (at & ((std::uint64_t{2} << bits) - 1)) == 0 &&
           at + (std::uint64_t{2} << bits) - 1 <= last)
      ++bits;
    prefixes.push_back({IpAddress::v4(static_cast<std::uint32_t>(at)), 32 - bits});
    at += std::uint64_t{1} << bits;
  }
  return prefixes;
}

}  // namespace l2tpm::convert
