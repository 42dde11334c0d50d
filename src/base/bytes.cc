#include "base/bytes.h"

#include <algorithm>
#include <cassert>

namespace l2tpm {
namespace {
constexpr char kHexDigits[] = "0123456789abcdef";

void append_hex(std::string& out, std::uint8_t octet) {
  out.push_back(kHexDigits[octet >> 4]);
  out.push_back(kHexDigits[octet & 15]);
}
}  // namespace

std::string printable(ByteView bytes, std::size_t limit) {
  std::string text;
  for (const std::uint8_t octet : bytes.first(std::min(limit, bytes.size()))) {
    if (octet >= 0x20 && octet < 0x7f && octet != '\\') {
      text.push_back(static_cast<char>(octet));
    } else {
      text += "\\x";
      append_hex(text, octet);
    }
  }
  if (bytes.size() > limit) text += "...";
  return text;
}

std::string to_hex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t octet : bytes) append_hex(text, octet);
  return text;
}

ByteView ByteReader::take(std::size_t count) {
  if (count > rest_.size()) {
    rest_ = {};
    ok_ = false;
    return {};
  }
  const ByteView taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

ByteView ByteReader::take_rest() { return take(rest_.size()); }

std::uint8_t ByteReader::u8() {
  const ByteView b = take(1);
  return b.empty() ? std::uint8_t{0} : b[0];
}

std::uint16_t ByteReader::u16() {
  const ByteView b = take(2);
  return b.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>((b[0] << 8) | b[1]);
}

std::uint32_t ByteReader::u32() {
  const ByteView b = take(4);
  if (b.empty()) return 0;
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

std::uint64_t ByteReader::u64() {
  const ByteView b = take(8);
  std::uint64_t value = 0;
  for (const std::uint8_t octet : b) value = (value << 8) | octet;
  return value;
}

void ByteWriter::u16(std::uint16_t value) {
  u8(static_cast<std::uint8_t>(value >> 8));
  u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::u32(std::uint32_t value) {
  u16(static_cast<std::uint16_t>(value >> 16));
  u16(static_cast<std::uint16_t>(value));
}

void ByteWriter::u64(std::uint64_t value) {
  u32(static_cast<std::uint32_t>(value >> 32));
  u32(static_cast<std::uint32_t>(value));
}

void ByteWriter::patch_u16(std::size_t at, std::uint16_t value) {
  assert(at + 2 <= out_.size());
  out_[at] = static_cast<std::uint8_t>(value >> 8);
  out_[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace l2tpm
