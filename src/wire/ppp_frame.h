// The outermost layer of PPP: a protocol number and its payload (RFC 1661 §2, RFC 1662 §3.1).
// Inside the daemon a frame is always `protocol (2 octets) + payload`; FF 03 is the transport's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm::wire {

// The PPP DLL protocol numbers that we speak, refuse by name, or show in a log.
enum class PppProtocol : std::uint16_t {
  ipv4 = 0x0021,
  vj_compressed = 0x002d,
  vj_uncompressed = 0x002f,
  bridging = 0x0031,
  multilink = 0x003d,
  ipv6 = 0x0057,
  compressed = 0x00fd,  // a datagram of the compressor: MPPE
  mpls_unicast = 0x0281,
  ipcp = 0x8021,
  bcp = 0x8031,
  ecp = 0x8053,
  ipv6cp = 0x8057,
  ccp_link = 0x80fb,  // compression of one link of a multilink bundle
  ccp = 0x80fd,
  mplscp = 0x8281,
  lcp = 0xc021,
  pap = 0xc023,
  lqr = 0xc025,
  cbcp = 0xc029,
  chap = 0xc223,
  eap = 0xc227,
};

// "LCP", "IPCP"; empty for numbers that are not in the enumeration.
std::string_view name(PppProtocol protocol);
// "LCP", or "0x1234" for numbers without a name.
std::string protocol_text(std::uint16_t protocol);

// 0x0001..0x3fff: a network protocol's data; 0x4001..0x7fff: without an NCP. Control protocols are
// 0x8000 and above.
constexpr bool is_network_data(std::uint16_t protocol) { return protocol < 0x8000; }

struct PppFrame {
  std::uint16_t protocol = 0;
  ByteView payload;  // borrows the decoded octets
};

// Accepts what a peer may send whatever LCP agreed on: with or without FF 03, the protocol field in
// one or two octets. Nothing for an empty frame, a truncated one, or a protocol number that RFC
// 1661 §2 forbids (its least significant bit must be 1, that of the other octet 0).
std::optional<PppFrame> decode_ppp_frame(ByteView octets);

// Two octets of protocol, then the payload.
Bytes encode_ppp_frame(PppProtocol protocol, ByteView payload);

// One line for a trace: "LCP Configure-Request id 1 <mru 1450> <magic 12345678>". Everything that
// the peer wrote is made printable; passwords and challenge responses are never shown.
std::string describe_ppp_frame(ByteView octets);

}  // namespace l2tpm::wire
