#include "wire/l2tp_header.h"

#include <cassert>

namespace l2tpm::wire {
namespace {

constexpr std::uint16_t kType = 0x8000;
constexpr std::uint16_t kLength = 0x4000;
constexpr std::uint16_t kSequence = 0x0800;
constexpr std::uint16_t kOffset = 0x0200;
constexpr std::uint16_t kPriority = 0x0100;
constexpr std::uint16_t kVersionMask = 0x000f;
constexpr std::uint16_t kVersion = 2;
constexpr std::size_t kNrAt = 10;  // in a control message

std::uint16_t low16(std::uint32_t value) { return static_cast<std::uint16_t>(value); }

std::optional<HeaderError> check_flags(std::uint16_t flags) {
  const unsigned version = flags & kVersionMask;
  if (version == 1) return HeaderError::l2f;
  if (version == 3) return HeaderError::l2tpv3;
  if (version != kVersion) return HeaderError::unknown_version;
  if ((flags & kType) == 0) return std::nullopt;
  // RFC 2661 §3.1: the L and S bits "MUST be set to 1 for control messages", O "MUST be 0".
  if ((flags & kLength) == 0) return HeaderError::control_without_length;
  if ((flags & kSequence) == 0) return HeaderError::control_without_sequence;
  if ((flags & kOffset) != 0) return HeaderError::control_with_offset;
  return std::nullopt;
}

}  // namespace

std::string_view name(HeaderError error) {
  switch (error) {
    case HeaderError::truncated:
      return "truncated";
    case HeaderError::l2f:
      return "l2f";
    case HeaderError::l2tpv3:
      return "l2tpv3";
    case HeaderError::unknown_version:
      return "unknown-version";
    case HeaderError::control_without_length:
      return "control-without-length";
    case HeaderError::control_without_sequence:
      return "control-without-sequence";
    case HeaderError::control_with_offset:
      return "control-with-offset";
    case HeaderError::bad_length:
      return "bad-length";
    case HeaderError::bad_offset:
      return "bad-offset";
    case HeaderError::zero_session_id:
      return "zero-session-id";
    case HeaderError::not_control:
      return "not-control";
  }
  return "invalid";
}

Result<Header, HeaderError> decode_header(ByteView datagram) {
  ByteReader reader(datagram);
  const std::uint16_t flags = reader.u16();
  if (!reader.ok()) return Unexpected(HeaderError::truncated);
  if (const auto error = check_flags(flags)) return Unexpected(*error);

  Header header;
  header.is_control = (flags & kType) != 0;
  header.has_length = (flags & kLength) != 0;
  header.has_sequence = (flags & kSequence) != 0;
  header.has_offset = (flags & kOffset) != 0;
  header.priority = (flags & kPriority) != 0 && !header.is_control;

  if (header.has_length) {
    const std::uint16_t length = reader.u16();
    if (!reader.ok()) return Unexpected(HeaderError::truncated);
    // Length counts from the first octet of the header; what lies beyond it is not the message's.
    if (length < 4 || length > datagram.size()) return Unexpected(HeaderError::bad_length);
    reader = ByteReader(datagram.first(length).subspan(4));
  }
  header.tunnel_id = TunnelId(reader.u16());
  header.session_id = SessionId(reader.u16());
  if (header.has_sequence) {
    header.ns = reader.u16();
    header.nr = reader.u16();
  }
  const std::uint16_t offset = header.has_offset ? reader.u16() : std::uint16_t{0};
  if (!reader.ok())
    return Unexpected(header.has_length ? HeaderError::bad_length : HeaderError::truncated);
  reader.skip(offset);
  if (!reader.ok()) return Unexpected(HeaderError::bad_offset);
  header.payload = reader.take_rest();
  return header;
}

Bytes encode_data(const DataHeader& header, ByteView payload) {
  Bytes out;
  out.reserve(10 + payload.size());
  ByteWriter writer(out);
  writer.u16(header.ns ? kSequence | kVersion : kVersion);
  writer.u16(low16(header.tunnel_id.value()));
  writer.u16(low16(header.session_id.value()));
  if (header.ns) {
    writer.u16(*header.ns);
    writer.u16(0);  // RFC 2661 §3.1: Nr "is reserved" in data messages
  }
  writer.bytes(payload);
  return out;
}

Bytes encode_zlb(TunnelId peer_tunnel_id, std::uint16_t ns, std::uint16_t nr) {
  Bytes out;
  out.reserve(kControlHeaderSize);
  ByteWriter writer(out);
  writer.u16(kType | kLength | kSequence | kVersion);
  writer.u16(kControlHeaderSize);
  writer.u16(low16(peer_tunnel_id.value()));
  writer.u16(0);
  writer.u16(ns);
  writer.u16(nr);
  return out;
}

void patch_nr(Bytes& control_message, std::uint16_t nr) {
  assert(control_message.size() >= kControlHeaderSize);
  ByteWriter(control_message).patch_u16(kNrAt, nr);
}

}  // namespace l2tpm::wire
