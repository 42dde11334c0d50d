// The L2TPv3 header, RFC 3931 §3.2.1 and §4.1, of control and of data messages.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |T|L|x|x|S|x|x|x|x|x|x|x|  Ver  |             Length            |   control
//   |                     Control Connection ID                     |
//   |               Ns              |               Nr              |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |T|x|x|x|x|x|x|x|x|x|x|x|  Ver  |          Reserved             |   data over UDP
//   |                           Session ID                          |
//
// Over IP (protocol 115) every packet begins with a Session ID: zero before a control header.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/l2tp_header.h"

namespace l2tpm::wire {

// What a packet's first octets are. Linux's own sockets for protocol 115 hand out control messages
// without the four zero octets, and put them before what is sent: there it is `udp`, too.
enum class Encapsulation : std::uint8_t { udp, ip };

struct V3Header {
  bool is_control = false;
  TunnelId connection_id;  // of control: the receiver's own; zero in SCCRQ and its like
  SessionId session_id;    // of data: the receiver's own, never zero
  std::uint16_t ns = 0;    // of control
  std::uint16_t nr = 0;
  // Borrowed from the packet. Of control: the whole message from its flags to its Length, which is
  // what a Message Digest is about, and its AVPs. Of data: what follows the Session ID, that is
  // cookie, sublayer and frame, whose sizes only the session knows; `message` is then empty.
  ByteView message;
  ByteView payload;
};

// The version in the first two octets of a UDP payload, by which the decoder is chosen (RFC 3931
// §4.1.2.1); 0 when there are not two.
unsigned version_of(ByteView datagram);

// Octets after Length are ignored, reserved bits too (§3.2.1). HeaderError::unknown_version for
// anything but version 3.
Result<V3Header, HeaderError> decode_v3_header(ByteView packet,
                                               Encapsulation encapsulation = Encapsulation::udp);

// A Zero-Length Body message, for control connections without digests (§6.15).
Bytes encode_v3_zlb(TunnelId peer_connection_id, std::uint16_t ns, std::uint16_t nr);

}  // namespace l2tpm::wire
