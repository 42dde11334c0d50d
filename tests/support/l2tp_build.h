// Control messages put together by hand, octet by octet, so that tests can send what the encoder
// never would.
#pragma once

#include <initializer_list>

#include "base/bytes.h"
#include "wire/avp.h"
#include "wire/control_message.h"

namespace l2tpm::testing {

struct AvpBits {
  bool mandatory = true;
  bool hidden = false;
  std::uint16_t reserved = 0;  // the four bits, 0..15
};

inline Bytes avp(wire::AvpKey key, const Bytes& value, AvpBits bits = {}) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>((bits.mandatory ? 0x8000 : 0) | (bits.hidden ? 0x4000 : 0) |
                                        bits.reserved << 10 | (6 + value.size())));
  writer.u16(key.vendor);
  writer.u16(key.type);
  writer.bytes(value);
  return out;
}
inline Bytes avp(wire::AvpType type, const Bytes& value, AvpBits bits = {}) {
  return avp(wire::ietf(type), value, bits);
}

inline Bytes u16_value(std::uint16_t value) {
  Bytes out;
  ByteWriter(out).u16(value);
  return out;
}
inline Bytes u32_value(std::uint32_t value) {
  Bytes out;
  ByteWriter(out).u32(value);
  return out;
}
inline Bytes text_value(std::string_view text) {
  const ByteView octets = as_bytes(text);
  return {octets.begin(), octets.end()};
}

inline Bytes message_type(std::uint16_t type, AvpBits bits = {}) {
  return avp(wire::AvpType::message_type, u16_value(type), bits);
}
inline Bytes message_type(wire::MessageType type) {
  return message_type(static_cast<std::uint16_t>(type));
}

// A control message to tunnel 7, session 9, Ns 3, Nr 4.
inline Bytes control(std::initializer_list<Bytes> avps) {
  Bytes out = wire::encode_zlb(TunnelId(7), 3, 4);
  ByteWriter writer(out);
  writer.patch_u16(6, 9);
  for (const Bytes& one : avps) writer.bytes(one);
  writer.patch_u16(2, static_cast<std::uint16_t>(out.size()));
  return out;
}

// An SCCRQ with what RFC 2661 §6.1 requires and `more`.
inline Bytes sccrq(std::initializer_list<Bytes> more = {}) {
  using wire::AvpType;
  Bytes out =
      control({message_type(wire::MessageType::sccrq), avp(AvpType::protocol_version, {1, 0}),
               avp(AvpType::framing_capabilities, u32_value(3)),
               avp(AvpType::host_name, text_value("lac.example")),
               avp(AvpType::assigned_tunnel_id, u16_value(4242))});
  ByteWriter writer(out);
  for (const Bytes& one : more) writer.bytes(one);
  writer.patch_u16(2, static_cast<std::uint16_t>(out.size()));
  return out;
}
inline Bytes icrq(std::initializer_list<Bytes> more = {}) {
  using wire::AvpType;
  Bytes out = control({message_type(wire::MessageType::icrq),
                       avp(AvpType::assigned_session_id, u16_value(77)),
                       avp(AvpType::call_serial_number, u32_value(1))});
  ByteWriter writer(out);
  for (const Bytes& one : more) writer.bytes(one);
  writer.patch_u16(2, static_cast<std::uint16_t>(out.size()));
  return out;
}

}  // namespace l2tpm::testing
