// Bridged frames inside PPP (RFC 3518 section 4.2): the information field of protocol 0x0031.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace l2tpm::relay {

inline constexpr std::size_t kEthernetHeader = 14;
// What Tinygram-Compression took zeros from is filled up to the least an 802.3 frame has without
// its checksum.
inline constexpr std::size_t kEthernetMinimum = 60;

// Protocol field, flags and MAC type in front of each frame we send: no LAN checksum, no pads, MAC
// type 1 (802.3/Ethernet with canonical addresses).
inline constexpr std::array<std::uint8_t, 4> kBridgedHeader{0x00, 0x31, 0x00, 0x01};
// Of those, what counts against the peer's MRU.
inline constexpr std::size_t kBridgedInfoHeader = 2;

enum class BridgedProblem : std::uint8_t {
  none,
  malformed,         // too short for its header, checksum, pads or an Ethernet header
  foreign_mac_type,  // not Ethernet
  lan_id,            // for a community of LANs (RFC 1638); we never agree to the option
};

struct BridgedFrame {
  BridgedProblem problem = BridgedProblem::none;
  bool inflate = false;  // zeros up to kEthernetMinimum are to be put back
  bool had_checksum = false, had_pads = false;
  ByteView lan = {};  // the Ethernet frame, without checksum and pads
};
// The LAN's checksum is taken off unchecked: L2TP's own UDP checksum or IPsec covers it.
BridgedFrame read_bridged(ByteView info);

}  // namespace l2tpm::relay
