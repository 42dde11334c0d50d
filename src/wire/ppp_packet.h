// What all PPP control protocols share: Code, Identifier, Length (RFC 1661 §5) and options as type,
// length, value (§6). Parsing fails closed; typed values of single options are in ppp_options.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm::wire {

enum class PppCode : std::uint8_t {
  configure_request = 1,
  configure_ack = 2,
  configure_nak = 3,
  configure_reject = 4,
  terminate_request = 5,
  terminate_ack = 6,
  code_reject = 7,
  protocol_reject = 8,  // 8 and above: LCP only (RFC 1661 §5.7..5.9, RFC 1570 §2)
  echo_request = 9,
  echo_reply = 10,
  discard_request = 11,
  identification = 12,
  time_remaining = 13,
  reset_request = 14,  // 14 and 15: CCP only (RFC 1962 §3)
  reset_ack = 15,
};
// "Configure-Request"; "" for a code that is not in the enumeration.
std::string_view name(PppCode code);

// Code, Identifier and Length of every control packet.
inline constexpr std::size_t kPppPacketHeader = 4;
inline constexpr std::size_t kPppDefaultMru = 1500;

struct PppPacket {
  std::uint8_t code = 0;  // kept as a number: unknown codes are answered with it
  std::uint8_t identifier = 0;
  ByteView data;   // after the header, without padding
  ByteView whole;  // header and data as received, without padding: what a Code-Reject returns

  bool is(PppCode wanted) const { return code == static_cast<std::uint8_t>(wanted); }
};

// `payload` is a frame's, after the protocol. Octets after Length are padding (RFC 1661 §5);
// nothing when Length is under 4 or beyond the payload.
std::optional<PppPacket> decode_ppp_packet(ByteView payload);

// The packet without its protocol number. REQUIRES: data.size() <= 65531.
Bytes encode_ppp_packet(std::uint8_t code, std::uint8_t identifier, ByteView data);

struct PppOption {
  std::uint8_t type = 0;
  ByteView value;
  ByteView whole;  // type, length and value as received
};

// Walks through options. next() is false at the end and at the first option whose length is under
// two or beyond the end; ok() then tells which of both it was.
//   PppOptionReader reader(packet.data);
//   while (const auto option = reader.next()) ...
//   if (!reader.ok()) return;
class PppOptionReader {
 public:
  explicit PppOptionReader(ByteView options) : rest_(options) {}
  std::optional<PppOption> next();
  bool ok() const { return ok_; }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// REQUIRES: value.size() <= 253.
void put_ppp_option(Bytes& out, std::uint8_t type, ByteView value);
void put_ppp_option_u16(Bytes& out, std::uint8_t type, std::uint16_t value);
void put_ppp_option_u32(Bytes& out, std::uint8_t type, std::uint32_t value);

}  // namespace l2tpm::wire
