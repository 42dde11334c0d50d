#include "kernel/pppoe.h"

#include <arpa/inet.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "kernel/linux_l2tp.h"

namespace l2tpm::kernel {

Result<UniqueFd, KernelError> connect_pppoe(const std::string& interface, std::uint16_t session,
                                            const MacAddress& peer) {
  const std::string doing = "making a PPPoE channel on " + interface;
  UniqueFd fd(socket(AF_PPPOX, SOCK_STREAM | SOCK_CLOEXEC, PX_PROTO_OE));
  if (!fd) {
    KernelError error{errno, doing, {}};
    if (error.error == EAFNOSUPPORT || error.error == EPROTONOSUPPORT)
      error.detail = "the kernel module pppoe is not there";
    return Unexpected(std::move(error));
  }
  alignas(sockaddr) sockaddr_pppox address{};
  address.sa_family = AF_PPPOX;
  address.sa_protocol = PX_PROTO_OE;
  address.sa_addr.pppoe.sid = htons(session);
  std::copy(peer.octets().begin(), peer.octets().end(), address.sa_addr.pppoe.remote);
  interface.copy(address.sa_addr.pppoe.dev, sizeof address.sa_addr.pppoe.dev - 1);
  const void* const untyped = &address;  // a packed structure
  if (connect(fd.get(), static_cast<const sockaddr*>(untyped), sizeof address) != 0)
    return Unexpected(KernelError{errno, doing, {}});
  return fd;
}

bool is_pppoe_alive(int fd) {
  int mru = 0;
  return ioctl(fd, PPPIOCGMRU, &mru) == 0;
}

}  // namespace l2tpm::kernel
