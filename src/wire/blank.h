// Takes secrets out of packets that are shown to people or written to files: their octets become
// zeros, everything else stays where it is. Fails closed: what cannot be parsed is zeros, too.
#pragma once

#include "base/bytes.h"

namespace l2tpm::wire {

// A control message of L2TPv2 or L2TPv3, the whole UDP payload: hidden AVPs, Challenge Response
// (13), Proxy Authen Response (33), Message Digest (59), Assigned Cookie (65). Octets that are no
// control message are all taken for secret but the header.
void blank_control(Bytes& datagram);

// A PPP frame, with or without FF 03: PAP passwords, CHAP responses and the authenticator's answer
// in MS-CHAPv2, and either of them inside a Protocol-Reject. Octets after the packet, too.
void blank_ppp(Bytes& frame);

}  // namespace l2tpm::wire
