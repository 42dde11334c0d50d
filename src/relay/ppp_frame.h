// The start of a PPP frame as L2TP carries it: address and control (there or not), then the
// protocol field in two octets or, compressed, in one (RFC 1661 section 6.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace l2tpm::relay {

inline constexpr std::uint16_t kBridgedPdu = 0x0031;  // RFC 3518
inline constexpr std::uint16_t kMultilink = 0x003d;   // RFC 1990

struct PppHeader {
  std::uint16_t protocol = 0;
  std::size_t address_size = 0;   // 2: FF 03 came first
  std::size_t protocol_size = 2;  // 1: compressed
  std::size_t size() const { return address_size + protocol_size; }
};
// None: shorter than a protocol field, or one that no protocol can have (RFC 1661 section 2).
// Compression is understood whether it was agreed or not.
std::optional<PppHeader> read_ppp_header(ByteView frame);

}  // namespace l2tpm::relay
