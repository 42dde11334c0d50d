#include "wire/ppp_packet.h"

#include <cassert>

namespace l2tpm::wire {

std::string_view name(PppCode code) {
  switch (code) {
    case PppCode::configure_request:
      return "Configure-Request";
    case PppCode::configure_ack:
      return "Configure-Ack";
    case PppCode::configure_nak:
      return "Configure-Nak";
    case PppCode::configure_reject:
      return "Configure-Reject";
    case PppCode::terminate_request:
      return "Terminate-Request";
    case PppCode::terminate_ack:
      return "Terminate-Ack";
    case PppCode::code_reject:
      return "Code-Reject";
    case PppCode::protocol_reject:
      return "Protocol-Reject";
    case PppCode::echo_request:
      return "Echo-Request";
    case PppCode::echo_reply:
      return "Echo-Reply";
    case PppCode::discard_request:
      return "Discard-Request";
    case PppCode::identification:
      return "Identification";
    case PppCode::time_remaining:
      return "Time-Remaining";
    case PppCode::reset_request:
      return "Reset-Request";
    case PppCode::reset_ack:
      return "Reset-Ack";
  }
  return "";
}

std::optional<PppPacket> decode_ppp_packet(ByteView payload) {
  ByteReader reader(payload);
  PppPacket packet;
  packet.code = reader.u8();
  packet.identifier = reader.u8();
  const std::size_t length = reader.u16();
  packet.data = reader.take(length - kPppPacketHeader);
  if (!reader.ok()) return std::nullopt;
  packet.whole = payload.first(length);
  return packet;
}

Bytes encode_ppp_packet(std::uint8_t code, std::uint8_t identifier, ByteView data) {
  assert(data.size() <= 0xffff - kPppPacketHeader);
  Bytes packet;
  packet.reserve(kPppPacketHeader + data.size());
  ByteWriter writer(packet);
  writer.u8(code);
  writer.u8(identifier);
  writer.u16(static_cast<std::uint16_t>(kPppPacketHeader + data.size()));
  writer.bytes(data);
  return packet;
}

std::optional<PppOption> PppOptionReader::next() {
  if (rest_.empty()) return std::nullopt;
  ByteReader reader(rest_);
  PppOption option;
  option.type = reader.u8();
  const std::size_t length = reader.u8();
  option.value = reader.take(length - 2);
  if (!reader.ok()) {
    ok_ = false;
    rest_ = {};
    return std::nullopt;
  }
  option.whole = rest_.first(length);
  rest_ = rest_.subspan(length);
  return option;
}

void put_ppp_option(Bytes& out, std::uint8_t type, ByteView value) {
  assert(value.size() <= 253);
  ByteWriter writer(out);
  writer.u8(type);
  writer.u8(static_cast<std::uint8_t>(value.size() + 2));
  writer.bytes(value);
}

void put_ppp_option_u16(Bytes& out, std::uint8_t type, std::uint16_t value) {
  ByteWriter writer(out);
  writer.u8(type);
  writer.u8(4);
  writer.u16(value);
}

void put_ppp_option_u32(Bytes& out, std::uint8_t type, std::uint32_t value) {
  ByteWriter writer(out);
  writer.u8(type);
  writer.u8(6);
  writer.u32(value);
}

}  // namespace l2tpm::wire
