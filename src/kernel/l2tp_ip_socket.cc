#include "kernel/l2tp_ip_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "kernel/linux_l2tp.h"

namespace l2tpm::kernel {

namespace {

constexpr int kProtocol = 115;
constexpr int kReceiveBuffer = 1 << 20;

// Either family's address with the connection's id behind it.
struct Address115 {
  sockaddr_storage storage{};
  socklen_t length = 0;

  Address115(const Endpoint& end, TunnelId id) {
    if (end.address.is_v6()) {
      sockaddr_l2tpip6 address{};
      address.l2tp_family = AF_INET6;
      std::memcpy(&address.l2tp_addr, end.address.octets().data(), end.address.octets().size());
      address.l2tp_scope_id = end.scope;
      address.l2tp_conn_id = id.value();
      copy(address);
    } else {
      sockaddr_l2tpip address{};
      address.l2tp_family = AF_INET;
      address.l2tp_addr.s_addr = htonl(end.address.v4_value());
      address.l2tp_conn_id = id.value();
      copy(address);
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

 private:
  template <typename T>
  void copy(const T& address) {
    std::memcpy(&storage, &address, sizeof address);
    length = sizeof address;
  }
};

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Unexpected<KernelError> failed(std::string doing, std::string detail = {}) {
  return Unexpected(KernelError{errno, std::move(doing), std::move(detail)});
}

}  // namespace

Result<UniqueFd, KernelError> open_l2tp_ip(const Endpoint& local, TunnelId id) {
  const bool v6 = local.address.is_v6();
  UniqueFd fd(
      socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, kProtocol));
  if (!fd)
    return failed("opening an L2TP/IP socket",
                  errno == EPROTONOSUPPORT ? std::string("the kernel module ") +
                                                 (v6 ? "l2tp_ip6" : "l2tp_ip") + " is not there"
                                           : std::string());
  // (It hears IPv6 only by itself, and refuses IPV6_V6ONLY.)
  const bool options = v6 ? set(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
                                set(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)
                          : set(fd.get(), IPPROTO_IP, IP_PKTINFO, 1) &&
                                set(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  if (!options) return failed("setting up an L2TP/IP socket");
  // Without the privilege it is what the system allows.
  if (!set(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer))
    set(fd.get(), SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  const Address115 address(local, id);
  if (bind(fd.get(), address.get(), address.length) != 0)
    return failed("binding an L2TP/IP socket to " + local.address.to_string());
  return fd;
}

Result<Done, KernelError> connect_l2tp_ip(int socket, const Endpoint& peer, TunnelId peer_id) {
  const Address115 address(peer, peer_id);
  if (connect(socket, address.get(), address.length) != 0)
    return failed("connecting an L2TP/IP socket to " + peer.address.to_string());
  return Done{};
}

}  // namespace l2tpm::kernel
