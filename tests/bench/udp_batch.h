// A UDP socket that sends and receives many datagrams per system call.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/fd.h"

namespace l2tpm::bench {

class UdpBatch {
 public:
  // Binds an ephemeral port of the family of `like`. REQUIRES: is_open() afterwards.
  explicit UdpBatch(const IpAddress& like);

  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  // True when it is the first that waits.
  bool queue(Bytes datagram, const Endpoint& to) {
    waiting_.push_back({std::move(datagram), to});
    return waiting_.size() == 1;
  }
  // Sends what the socket takes; what it does not take is sent next time.
  void flush();
  // Hands over what has come, a few hundred datagrams at most. True if there may be more.
  bool receive(const std::function<void(ByteView, const Endpoint& from)>& deliver);

 private:
  struct Waiting {
    Bytes datagram;
    Endpoint to;
  };
  UniqueFd fd_;
  std::vector<Waiting> waiting_;
};

}  // namespace l2tpm::bench
