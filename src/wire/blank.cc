#include "wire/blank.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "wire/avp.h"
#include "wire/l2tp_header.h"
#include "wire/l2tp_v3_header.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::wire {
namespace {

constexpr std::size_t kAvpHeader = 6;

using Octets = std::span<std::uint8_t>;

void zero(Octets octets) { std::fill(octets.begin(), octets.end(), std::uint8_t{0}); }

std::uint16_t u16_at(Octets octets, std::size_t at) {
  return static_cast<std::uint16_t>((octets[at] << 8) | octets[at + 1]);
}

// RFC 1334 §2.2.1: Peer-ID-Length, Peer-ID, Passwd-Length, Password.
void blank_pap(Octets data) {
  if (data.empty()) return;
  const std::size_t password = 1 + std::size_t{data[0]} + 1;
  if (password < data.size()) zero(data.subspan(password));
  // A name longer than the packet: who knows what it is.
  if (password > data.size()) zero(data.subspan(1));
}

// RFC 1994 §4.1: Value-Size, Value, Name.
void blank_chap_response(Octets data) {
  if (data.empty()) return;
  zero(data.subspan(1, std::min<std::size_t>(data[0], data.size() - 1)));
}

// The protocol's packet: Code, Identifier, Length, data.
void blank_auth(std::uint16_t protocol, Octets packet) {
  if (packet.size() < kPppPacketHeader) return zero(packet);
  const std::size_t length = u16_at(packet, 2);
  if (length < kPppPacketHeader || length > packet.size())
    return zero(packet.subspan(kPppPacketHeader));
  zero(packet.subspan(length));  // padding
  const Octets data = packet.subspan(kPppPacketHeader, length - kPppPacketHeader);
  const std::uint8_t code = packet[0];
  if (protocol == static_cast<std::uint16_t>(PppProtocol::pap)) {
    if (code == 1) {
      blank_pap(data);
    } else if (code != 2 && code != 3) {
      zero(data);
    }
    return;
  }
  switch (code) {
    case 1:  // Challenge
    case 4:  // Failure
      return;
    case 2:
      return blank_chap_response(data);
    case 3: {  // Success; MS-CHAPv2: "S=" and 40 digits that a guess could be checked with
      const bool is_mschap = data.size() >= 2 && data[0] == 'S' && data[1] == '=';
      if (is_mschap) zero(data.subspan(2, std::min<std::size_t>(40, data.size() - 2)));
      return;
    }
    default:
      return zero(data);
  }
}

bool is_auth(std::uint16_t protocol) {
  return protocol == static_cast<std::uint16_t>(PppProtocol::pap) ||
         protocol == static_cast<std::uint16_t>(PppProtocol::chap) || protocol == 0xc227 /* EAP */;
}

// The AVPs of a control message of either version; nullopt for anything else.
std::optional<ByteView> avps_of(ByteView datagram) {
  if (version_of(datagram) == 3) {
    const auto header = decode_v3_header(datagram);
    if (header && header->is_control) return header->payload;
    return std::nullopt;
  }
  const auto header = decode_header(datagram);
  if (header && header->is_control) return header->payload;
  return std::nullopt;
}

}  // namespace

void blank_control(Bytes& datagram) {
  const std::optional<ByteView> avps = avps_of(datagram);
  if (!avps) {
    // Of L2TPv3 data: flags and Session ID, what follows may be a cookie.
    const std::size_t header = version_of(datagram) == 3 ? 8 : kControlHeaderSize;
    const std::size_t kept = std::min(header, datagram.size());
    return zero(Octets(datagram).subspan(kept));
  }
  const auto start = static_cast<std::size_t>(avps->data() - datagram.data());
  Octets rest = Octets(datagram).subspan(start, avps->size());
  zero(Octets(datagram).subspan(start + rest.size()));
  while (!rest.empty()) {
    if (rest.size() < kAvpHeader) return zero(rest);
    const std::uint16_t first = u16_at(rest, 0);
    const std::size_t length = first & 0x3ff;
    if (length < kAvpHeader || length > rest.size()) return zero(rest);
    const bool is_hidden = (first & 0x4000) != 0;
    const AvpKey key{u16_at(rest, 2), u16_at(rest, 4)};
    const Octets value = rest.subspan(kAvpHeader, length - kAvpHeader);
    if (is_hidden || key == ietf(AvpType::challenge_response) ||
        key == ietf(AvpType::proxy_authen_response) || key == ietf(AvpType::assigned_cookie) ||
        key == AvpKey{kCisco, 5})
      zero(value);
    // The first octet says which algorithm it is.
    if ((key == ietf(AvpType::message_digest) || key == AvpKey{kCisco, 12}) && !value.empty())
      zero(value.subspan(1));
    rest = rest.subspan(length);
  }
}

void blank_ppp(Bytes& frame) {
  Octets rest(frame);
  if (rest.size() >= 2 && rest[0] == 0xff && rest[1] == 0x03) rest = rest.subspan(2);
  if (rest.size() < 2) return;
  // Protocols of one octet are those of network data.
  if ((rest[0] & 1) != 0) return;
  const std::uint16_t protocol = u16_at(rest, 0);
  rest = rest.subspan(2);
  if (is_auth(protocol)) return blank_auth(protocol, rest);
  // Protocol-Reject carries what it rejects (RFC 1661 §5.7): the protocol and its packet.
  const bool is_reject = protocol == static_cast<std::uint16_t>(PppProtocol::lcp) &&
                         rest.size() >= kPppPacketHeader + 2 &&
                         rest[0] == static_cast<std::uint8_t>(PppCode::protocol_reject);
  if (!is_reject) return;
  if (is_auth(u16_at(rest, kPppPacketHeader))) zero(rest.subspan(kPppPacketHeader + 2));
}

}  // namespace l2tpm::wire
