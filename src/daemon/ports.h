// The listening sockets, shared: profiles that want the same local address and port get the same
// socket, so several listeners and any number of clients live on UDP port 1701 together. A port
// closes when its last user lets go.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "daemon/control_socket.h"
#include "daemon/event_loop.h"

namespace l2tpm::daemon {

class PortTable {
 public:
  // `on_readable` gets the socket that has something; it is called at control priority.
  PortTable(EventLoop& loop, std::function<void(ControlSocket&)> on_readable)
      : loop_(loop), on_readable_(std::move(on_readable)) {}

  // `local.port` 0: a fresh ephemeral port of the caller's own. EADDRINUSE: another program has it.
  Result<std::shared_ptr<ControlSocket>, SocketError> acquire(const Endpoint& local);
  // The listener for L2TP over IP (protocol 115), which has no ports.
  Result<std::shared_ptr<ControlSocket>, SocketError> acquire_ip(const IpAddress& local);
  // The port that `local` (a datagram's destination) arrived on or would: exact address first, then
  // any. nullptr: none of ours.
  std::shared_ptr<ControlSocket> find(const Endpoint& local) const;

 private:
  Result<std::shared_ptr<ControlSocket>, SocketError> keep(
      Result<ControlSocket, SocketError> socket);

  EventLoop& loop_;
  std::function<void(ControlSocket&)> on_readable_;
  std::map<Endpoint, std::weak_ptr<ControlSocket>> ports_;
};

}  // namespace l2tpm::daemon
