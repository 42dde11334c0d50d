// The two kinds of socket of an L2TP endpoint: a listener, which hears from everybody and answers
// from the address it was asked on, and a tunnel's own, bound and connected, which the kernel's
// tunnel is made from. Over UDP both drop network data in a classic BPF filter before it costs
// anything (docs/ARCHITECTURE.md, "Rules that the kernel imposes"). Over IP (protocol 115,
// kernel/l2tp_ip_socket.h) data never gets to them, and all ports are 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"

namespace l2tpm::daemon {

struct SocketError {
  int code = 0;       // errno
  std::string doing;  // "bind 192.0.2.1:1701"
  std::string to_string() const;
};

struct Datagram {
  ByteView bytes;  // valid until the next read_batch() of any socket with the same buffer
  Endpoint source;
  Endpoint local;  // the address it was sent to, and the socket's port
  bool over_ip() const { return local.port == 0; }
};

// Memory for one batch of datagrams, shared by all sockets of a loop.
class DatagramBuffer {
 public:
  static constexpr std::size_t kBatch = 32;
  // RFC 2661 control messages are small; a datagram longer than this is cut and dropped.
  static constexpr std::size_t kLongest = 4096;
  DatagramBuffer() : memory_(kBatch * kLongest) {}

 private:
  friend class ControlSocket;
  Bytes memory_;
};

class ControlSocket {
 public:
  enum class Filter : std::uint8_t {
    control_only,     // T=1: listeners
    control_and_ppp,  // T=1, and PPP protocols from 0x8000 on: tunnel sockets
    none,             // everything: L2TPv3 data that userspace handles itself
  };

  // 0.0.0.0 or :: listens on every address of that family (:: is IPv6 only). Port 0: ephemeral.
  // SO_REUSEPORT, so that only our own user can share the port.
  static Result<ControlSocket, SocketError> listen(const Endpoint& local);
  // Bound and connected. `local.port` 0: 1701 if no other socket of ours has that pair, else
  // ephemeral; an unspecified address: the route's choice. EADDRINUSE: one of ours has the pair,
  // and `may_share` is not set (from Linux 6.11 on the kernel tells the data of two tunnels on one
  // pair apart by their ids).
  static Result<ControlSocket, SocketError> connect(const Endpoint& local, const Endpoint& peer,
                                                    Filter filter = Filter::control_and_ppp,
                                                    bool may_share = false);

  // Over IP. The listener hears what has no connection's id; one with an id hears what is for that
  // connection and is connected before anything is sent, with the peer's id as soon as it is known.
  static Result<ControlSocket, SocketError> listen_ip(const IpAddress& local);
  static Result<ControlSocket, SocketError> open_ip(const Endpoint& local, TunnelId id);
  Result<Done, SocketError> connect_ip(const Endpoint& peer, TunnelId peer_id);

  int fd() const { return fd_->get(); }
  // For the kernel's tunnel, which must be able to outlive this object.
  const SharedFd& shared_fd() const { return fd_; }
  const Endpoint& local() const { return local_; }
  const Endpoint& peer() const { return peer_; }  // port 0 for a listener
  bool is_listener() const { return peer_.port == 0; }

  // Replaces the filter: `none` takes it off.
  Result<Done, SocketError> set_filter(Filter filter);
  Result<Done, SocketError> set_tos(std::uint8_t tos);

  // Reads up to DatagramBuffer::kBatch datagrams that are there now into `out` (cleared first).
  // True when there may be more. Errors of earlier sends (ICMP) are counted and skipped.
  bool read_batch(DatagramBuffer& buffer, std::vector<Datagram>& out);

  // From here on ICMP errors about datagrams of an unconnected socket are kept until they are
  // taken.
  void watch_send_errors();
  struct SendError {
    Endpoint to;       // where the datagram went
    std::string text;  // "port-unreachable", "host-unreachable", ...
  };
  bool has_send_errors() const { return watches_errors_; }
  // At most a few at a time; a queue that is never emptied would stay readable.
  std::vector<SendError> take_send_errors();

  // A tunnel's socket sends to its peer; `to` and `from` are for listeners. False when the kernel
  // would not take it (counted): control messages are retransmitted.
  bool send(ByteView bytes);
  bool send_to(ByteView bytes, const Endpoint& to, const IpAddress& from);

  struct Counters {
    std::uint64_t received = 0;
    std::uint64_t truncated = 0;
    std::uint64_t receive_errors = 0;
    std::uint64_t sent = 0;
    std::uint64_t send_dropped = 0;  // buffer full
    std::uint64_t send_errors = 0;
    int last_error = 0;  // errno of the last of these
  };
  const Counters& counters() const { return counters_; }

 private:
  ControlSocket(SharedFd fd, const Endpoint& local, const Endpoint& peer)
      : fd_(std::move(fd)), local_(local), peer_(peer) {}

  SharedFd fd_;
  Endpoint local_;
  Endpoint peer_;
  Counters counters_;
  bool watches_errors_ = false;
};
// What people call an errno that ICMP caused; "" for others.
std::string_view icmp_name(int error);
std::string_view name(ControlSocket::Filter filter);

}  // namespace l2tpm::daemon
