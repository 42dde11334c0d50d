// The values of AVPs, octets to fields and back, one overload per type. Private to wire. A reader
// has been checked against the sizes of the AVP's row; false: out of range all the same.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "base/bytes.h"
#include "wire/control_message.h"

namespace l2tpm::wire {

inline bool read(ByteReader& in, std::uint8_t& out) {
  in.skip(1);  // AVP 32: the upper octet is reserved
  out = in.u8();
  return true;
}
inline bool read(ByteReader& in, std::uint16_t& out) {
  out = in.u16();
  return true;
}
inline bool read(ByteReader& in, std::uint32_t& out) {
  out = in.u32();
  return true;
}
inline bool read(ByteReader& in, std::uint64_t& out) {
  out = in.u64();
  return true;
}
inline bool read(ByteReader& in, std::string& out) {
  out = as_text(in.take_rest());
  return true;
}
inline bool read(ByteReader& in, Bytes& out) {
  const ByteView rest = in.take_rest();
  out.assign(rest.begin(), rest.end());
  return true;
}
// Ids have two octets in L2TPv2, four in L2TPv3.
template <typename Tag>
bool read(ByteReader& in, Strong<Tag, std::uint32_t>& out) {
  out = Strong<Tag, std::uint32_t>(in.remaining() == 4 ? in.u32() : in.u16());
  return true;
}
inline bool read(ByteReader& in, std::vector<std::uint16_t>& out) {
  while (in.remaining() >= 2) out.push_back(in.u16());
  return in.at_end();
}
inline bool read(ByteReader& in, std::array<std::uint8_t, 16>& out) {
  const ByteView octets = in.take(out.size());
  std::copy(octets.begin(), octets.end(), out.begin());
  return octets.size() == out.size();
}
inline bool read(ByteReader& in, ResultCode& out) {
  out.result = in.u16();
  // RFC 2661 §4.4.2: the error code is optional, the message follows it. One stray octet is not an
  // error code; the result stands.
  if (in.remaining() >= 2) {
    out.error = in.u16();
    out.message = as_text(in.take_rest());
  } else {
    in.take_rest();
  }
  return true;
}
inline bool read(ByteReader& in, ProtocolVersion& out) {
  out.version = in.u8();
  out.revision = in.u8();
  return true;
}
inline bool read(ByteReader& in, Q931Cause& out) {
  out.code = in.u16();
  out.message_type = in.u8();
  out.advisory = as_text(in.take_rest());
  return true;
}
inline bool read(ByteReader& in, CallErrors& out) {
  in.skip(2);
  out.crc_errors = in.u32();
  out.framing_errors = in.u32();
  out.hardware_overruns = in.u32();
  out.buffer_overruns = in.u32();
  out.timeout_errors = in.u32();
  out.alignment_errors = in.u32();
  return true;
}
inline bool read(ByteReader& in, Accm& out) {
  in.skip(2);
  out.send = in.u32();
  out.receive = in.u32();
  return true;
}
inline bool read(ByteReader& in, PppDisconnectCause& out) {
  out.code = in.u16();
  out.protocol = in.u16();
  out.direction = in.u8();
  out.message = as_text(in.take_rest());
  return true;
}

inline void write(ByteWriter& out, std::uint8_t value) {
  out.u8(0);
  out.u8(value);
}
inline void write(ByteWriter& out, std::uint16_t value) { out.u16(value); }
inline void write(ByteWriter& out, std::uint32_t value) { out.u32(value); }
inline void write(ByteWriter& out, std::uint64_t value) { out.u64(value); }
inline void write(ByteWriter& out, const std::string& value) { out.text(value); }
inline void write(ByteWriter& out, const Bytes& value) { out.bytes(value); }
template <typename Tag>
void write(ByteWriter& out, Strong<Tag, std::uint32_t> value, std::uint16_t size) {
  if (size == 4)
    out.u32(value.value());
  else
    out.u16(static_cast<std::uint16_t>(value.value()));
}
inline void write(ByteWriter& out, const std::vector<std::uint16_t>& value) {
  for (const std::uint16_t number : value) out.u16(number);
}
inline void write(ByteWriter& out, const std::array<std::uint8_t, 16>& value) { out.bytes(value); }
inline void write(ByteWriter& out, const ResultCode& value) {
  out.u16(value.result);
  if (!value.error && value.message.empty()) return;
  out.u16(value.error.value_or(0));
  out.text(value.message);
}
inline void write(ByteWriter& out, const ProtocolVersion& value) {
  out.u8(value.version);
  out.u8(value.revision);
}
inline void write(ByteWriter& out, const Q931Cause& value) {
  out.u16(value.code);
  out.u8(value.message_type);
  out.text(value.advisory);
}
inline void write(ByteWriter& out, const CallErrors& value) {
  out.u16(0);
  out.u32(value.crc_errors);
  out.u32(value.framing_errors);
  out.u32(value.hardware_overruns);
  out.u32(value.buffer_overruns);
  out.u32(value.timeout_errors);
  out.u32(value.alignment_errors);
}
inline void write(ByteWriter& out, const Accm& value) {
  out.u16(0);
  out.u32(value.send);
  out.u32(value.receive);
}
inline void write(ByteWriter& out, const PppDisconnectCause& value) {
  out.u16(value.code);
  out.u16(value.protocol);
  out.u8(value.direction);
  out.text(value.message);
}

}  // namespace l2tpm::wire
