// Reading and writing network byte order. A ByteReader that runs past its end yields zeros and
// stays not-ok: read straight through, ask once. Lengths are subtracted nowhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace l2tpm {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
// A peer's text made safe to print: control and non-ASCII octets become \xNN, at most `limit`
// octets are shown.
std::string printable(ByteView bytes, std::size_t limit = 256);
std::string to_hex(ByteView bytes);

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  // The next `count` octets; empty and not-ok when there are fewer. `count` may be the result of an
  // underflowed subtraction: it is then huge and refused.
  ByteView take(std::size_t count);
  // All that is left; always ok.
  ByteView take_rest();
  void skip(std::size_t count) { take(count); }

  std::size_t remaining() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// Appends to a buffer that it borrows.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void u64(std::uint64_t value);
  void bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view text) { bytes(as_bytes(text)); }
  // Overwrites two octets already written, for a length known only at the end. REQUIRES: at + 2 <=
  // size().
  void patch_u16(std::size_t at, std::uint16_t value);
  std::size_t size() const { return out_.size(); }

 private:
  Bytes& out_;
};

}  // namespace l2tpm
