// Sockets of L2TP over IP (protocol 115, RFC 3931 §4.1.1). The kernel takes care of the four octets
// of zero, the session id that makes a message a control message: they are neither read nor
// written. Data never gets to a socket; that of unknown sessions the kernel drops without counting.
//
// A control message goes to the socket that is bound to its Control Connection ID, and only there:
// 0 (a first SCCRQ) to a listener, everything else to a socket that must exist before the peer
// learns our id. So each connection, half-open ones as well, has a socket of its own.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// Non-blocking, with packet info and DF off. `local` may be 0.0.0.0 or ::, then it hears on every
// address of the family. `id` none: a listener. EADDRINUSE: another socket has both.
// EPROTONOSUPPORT: the module l2tp_ip (l2tp_ip6) is missing. Ports are ignored.
Result<UniqueFd, KernelError> open_l2tp_ip(const Endpoint& local, TunnelId id);
// Needed before the kernel's tunnel is made from it. The source address is settled by this.
Result<Done, KernelError> connect_l2tp_ip(int socket, const Endpoint& peer, TunnelId peer_id);

}  // namespace l2tpm::kernel
