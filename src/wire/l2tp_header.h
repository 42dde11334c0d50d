// The L2TPv2 header, RFC 2661 §3.1, of control and of data messages.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |T|L|x|x|S|x|O|P|x|x|x|x|  Ver  |          Length (opt)         |
//   |           Tunnel ID           |           Session ID          |
//   |             Ns (opt)          |             Nr (opt)          |
//   |      Offset Size (opt)        |    Offset pad... (opt)        |
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace l2tpm::wire {

// Why a datagram is dropped without an answer ("A control message with a malformed header should be
// discarded", RFC 2661 §7.1). Counted by name.
enum class HeaderError : std::uint8_t {
  truncated,                 // ends inside the header
  l2f,                       // version 1, RFC 2341
  l2tpv3,                    // version 3, RFC 3931: decode_v3_header()
  unknown_version,           // any other version
  control_without_length,    // T without L
  control_without_sequence,  // T without S
  control_with_offset,       // T with O
  bad_length,                // Length below the header's size or beyond the datagram
  bad_offset,                // the offset pad reaches beyond the message
  zero_session_id,           // L2TPv3 data for no session
  not_control                // a data message where a control message was asked for
};
std::string_view name(HeaderError error);

// The length of a control message header, which has L and S and no offset. A control message of
// just this length is a ZLB.
inline constexpr std::size_t kControlHeaderSize = 12;

struct Header {
  bool is_control = false;    // T
  bool has_length = false;    // L
  bool has_sequence = false;  // S
  bool has_offset = false;    // O
  bool priority = false;      // P, of data messages only
  TunnelId tunnel_id;         // the receiver's own, 16 bits; zero only in SCCRQ and its like
  SessionId session_id;       // the receiver's own, 16 bits; zero for what concerns the tunnel
  std::uint16_t ns = 0;       // meaningful when has_sequence
  std::uint16_t nr = 0;
  // What follows the header and its offset pad, up to Length if there is one: AVPs, or a PPP frame.
  // Borrowed from the datagram.
  ByteView payload;
};

// Octets after Length are ignored, reserved bits too (RFC 2661 §3.1).
Result<Header, HeaderError> decode_header(ByteView datagram);

// Of a data message to the peer, as Linux sends it: no Length, no offset.
struct DataHeader {
  TunnelId tunnel_id;               // the peer's
  SessionId session_id;             // the peer's
  std::optional<std::uint16_t> ns;  // sequenced when set; Nr is then sent as zero
};
Bytes encode_data(const DataHeader& header, ByteView payload);

// A Zero-Length Body message: an acknowledgement and nothing else (RFC 2661 §5.8).
Bytes encode_zlb(TunnelId peer_tunnel_id, std::uint16_t ns, std::uint16_t nr);

// Rewrites Nr of a control message about to be sent again: the acknowledgement is always current.
// REQUIRES: a control message of ours.
void patch_nr(Bytes& control_message, std::uint16_t nr);

}  // namespace l2tpm::wire
