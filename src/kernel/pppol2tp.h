// PPPoL2TP sockets: a kernel session each. Unbound, frames are read from and written to the socket;
// bound (channel_index()), the PPP channel has them.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "kernel/dataplane.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

struct SessionIds {
  std::uint8_t version = 2;
  TunnelId tunnel, peer_tunnel;
  SessionId session, peer_session;
};

// Makes the kernel session, or takes over one that is there and has no socket. The tunnel exists
// already; `tunnel_socket` is its UDP socket.
Result<UniqueFd, KernelError> connect_session(const SessionIds& ids, int tunnel_socket);
// Sequence numbers, LNS mode, reordering, of the spec.
Result<Done, KernelError> set_session_options(int session, const SessionSpec& spec);
// What waits on an unbound socket, at most 64 frames.
std::vector<Bytes> drain_session(int session);
// Binds the session to its PPP channel. Waits an RCU grace period: never under ppp_lock().
Result<int, KernelError> channel_index(int session);

}  // namespace l2tpm::kernel
