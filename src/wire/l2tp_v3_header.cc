#include "wire/l2tp_v3_header.h"

namespace l2tpm::wire {
namespace {

constexpr std::uint16_t kType = 0x8000;
constexpr std::uint16_t kLength = 0x4000;
constexpr std::uint16_t kSequence = 0x0800;
constexpr std::uint16_t kVersionMask = 0x000f;
constexpr std::uint16_t kVersion = 3;
constexpr std::size_t kSessionIdSize = 4;

Result<V3Header, HeaderError> decode_data(ByteReader reader) {
  V3Header header;
  header.session_id = SessionId(reader.u32());
  if (!reader.ok()) return Unexpected(HeaderError::truncated);
  if (!header.session_id) return Unexpected(HeaderError::zero_session_id);
  header.payload = reader.take_rest();
  return header;
}

Result<V3Header, HeaderError> decode_control_header(ByteView packet) {
  ByteReader reader(packet);
  const std::uint16_t flags = reader.u16();
  const std::uint16_t length = reader.u16();
  V3Header header;
  header.is_control = true;
  header.connection_id = TunnelId(reader.u32());
  header.ns = reader.u16();
  header.nr = reader.u16();
  // "The L and S bits MUST be set to 1"; nothing else in the flags means anything.
  if ((flags & kLength) == 0) return Unexpected(HeaderError::control_without_length);
  if ((flags & kSequence) == 0) return Unexpected(HeaderError::control_without_sequence);
  if (!reader.ok()) return Unexpected(HeaderError::truncated);
  if (length < kControlHeaderSize || length > packet.size())
    return Unexpected(HeaderError::bad_length);
  header.message = packet.first(length);
  header.payload = header.message.subspan(kControlHeaderSize);
  return header;
}

}  // namespace

unsigned version_of(ByteView datagram) {
  ByteReader reader(datagram);
  const std::uint16_t flags = reader.u16();
  return reader.ok() ? flags & kVersionMask : 0u;
}

Result<V3Header, HeaderError> decode_v3_header(ByteView packet, Encapsulation encapsulation) {
  if (encapsulation == Encapsulation::ip) {
    ByteReader reader(packet);
    const std::uint32_t session = reader.u32();
    if (!reader.ok()) return Unexpected(HeaderError::truncated);
    if (session != 0) return decode_data(ByteReader(packet));
    packet = packet.subspan(kSessionIdSize);
  }
  ByteReader reader(packet);
  const std::uint16_t flags = reader.u16();
  if (!reader.ok()) return Unexpected(HeaderError::truncated);
  if ((flags & kVersionMask) != kVersion) return Unexpected(HeaderError::unknown_version);
  if ((flags & kType) != 0) return decode_control_header(packet);
  // After the zero Session ID there is no data.
  if (encapsulation == Encapsulation::ip) return Unexpected(HeaderError::not_control);
  reader.skip(2);
  if (!reader.ok()) return Unexpected(HeaderError::truncated);
  return decode_data(reader);
}

Bytes encode_v3_zlb(TunnelId peer_connection_id, std::uint16_t ns, std::uint16_t nr) {
  Bytes out;
  out.reserve(kControlHeaderSize);
  ByteWriter writer(out);
  writer.u16(kType | kLength | kSequence | kVersion);
  writer.u16(kControlHeaderSize);
  writer.u32(peer_connection_id.value());
  writer.u16(ns);
  writer.u16(nr);
  return out;
}

}  // namespace l2tpm::wire
