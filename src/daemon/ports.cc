#include "daemon/ports.h"

#include <sys/epoll.h>

#include <cerrno>

namespace l2tpm::daemon {

Result<std::shared_ptr<ControlSocket>, SocketError> PortTable::acquire(const Endpoint& local) {
  if (local.port != 0) {
    if (const auto found = ports_.find(local); found != ports_.end()) {
      if (auto port = found->second.lock()) return port;
    }
  }
  return keep(ControlSocket::listen(local));
}

Result<std::shared_ptr<ControlSocket>, SocketError> PortTable::acquire_ip(const IpAddress& local) {
  if (const auto found = ports_.find({local, 0, 0}); found != ports_.end()) {
    if (auto port = found->second.lock()) return port;
  }
  return keep(ControlSocket::listen_ip(local));
}

Result<std::shared_ptr<ControlSocket>, SocketError> PortTable::keep(
    Result<ControlSocket, SocketError> socket) {
  if (!socket) return Unexpected(std::move(socket.error()));
  const Endpoint bound = socket->local();
  EventLoop& loop = loop_;
  std::shared_ptr<ControlSocket> port(
      new ControlSocket(std::move(*socket)), [&loop](ControlSocket* closing) {
        loop.unwatch(closing->fd());
        delete closing;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a shared_ptr
      });
  const auto watched = loop_.watch(port->fd(), EPOLLIN, LoopPriority::control,
                                   [this, raw = port.get()](std::uint32_t) { on_readable_(*raw); });
  if (!watched) return Unexpected(SocketError{EIO, watched.error()});
  std::erase_if(ports_, [](const auto& row) { return row.second.expired(); });
  ports_[bound] = port;
  return port;
}

std::shared_ptr<ControlSocket> PortTable::find(const Endpoint& local) const {
  const auto live = [this](const Endpoint& at) -> std::shared_ptr<ControlSocket> {
    const auto found = ports_.find(at);
    return found == ports_.end() ? nullptr : found->second.lock();
  };
  if (auto exact = live(Endpoint{local.address, local.port, 0})) return exact;
  return live(Endpoint{local.address.is_v4() ? IpAddress() : IpAddress::v6({}), local.port, 0});
}

}  // namespace l2tpm::daemon
