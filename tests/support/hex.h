// Octets written as hex in tests: "c8 02 00 0c", spaces and line breaks anywhere, '#' starts a
// comment that ends with the line.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "support/source_dir.h"

namespace l2tpm::testing {

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline Bytes from_hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  if (high >= 0) std::abort();  // half an octet: the test itself is wrong
  return out;
}

inline Bytes operator""_hex(const char* text, std::size_t size) {
  return from_hex(std::string_view(text, size));
}

// tests/vectors/NAME.hex, whose comments say where it comes from.
inline Bytes vector_file(const std::string& name) {
  return from_hex(test::read_source_file("tests/vectors/" + name + ".hex"));
}

}  // namespace l2tpm::testing
