// Packets as events, for `l2tpctl trace` and `monitor --packets`. Callers ask EventHub first: while
// nobody listens a packet costs one comparison.
#pragma once

#include "daemon/control_socket.h"
#include "daemon/event_hub.h"

namespace l2tpm::daemon {

class Session;
class Tunnel;

// `tunnel`: null for a stranger's. The datagram is a control message.
void tap_control(EventHub& events, bool outgoing, const Tunnel* tunnel, ByteView datagram,
                 const Endpoint& local, const Endpoint& remote);
// With or without FF 03.
void tap_ppp(EventHub& events, bool outgoing, const Session& session, ByteView frame);

}  // namespace l2tpm::daemon
