#include "relay/lan.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>

namespace l2tpm::relay {

Result<UniqueFd, int> open_packet_lan(int ifindex) {
  // No protocol yet: other interfaces' frames would come until it is bound.
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected(errno);
  const int on = 1;
  for (const int option : {PACKET_IGNORE_OUTGOING, PACKET_AUXDATA, PACKET_QDISC_BYPASS}) {
    if (setsockopt(fd.get(), SOL_PACKET, option, &on, sizeof on) < 0) return Unexpected(errno);
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return Unexpected(errno);
  }
  return fd;
}

}  // namespace l2tpm::relay
