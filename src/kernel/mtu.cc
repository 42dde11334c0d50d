#include "kernel/mtu.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace l2tpm::kernel {

namespace {

constexpr std::uint32_t kDefaultMru = 1500;

constexpr std::uint32_t kPppHeader = 2 + 2;  // FF 03, protocol

std::uint32_t left_of(std::uint32_t path_mtu, std::uint32_t taken, bool ipsec) {
  const std::uint32_t left = path_mtu > taken ? path_mtu - taken : 0;
  return ipsec ? std::min(left, kMtuUnderIpsec) : left;
}

// What of the path is left for a PPP payload.
std::uint32_t room(const MtuInputs& inputs) {
  std::uint32_t taken = overhead(inputs.outer_ipv6, inputs.sequence_numbers);
  if (inputs.version3) {
    Version3Framing framing = *inputs.version3;
    framing.outer_ipv6 = inputs.outer_ipv6;
    taken = version3_overhead(framing) + kPppHeader;
  }
  return left_of(inputs.path_mtu, taken, inputs.ipsec);
}

}  // namespace

std::uint32_t interface_mtu(const MtuInputs& inputs) {
  std::uint32_t mtu = std::min(room(inputs), inputs.peer_mru.value_or(kDefaultMru));
  if (inputs.limit) mtu = std::min(mtu, *inputs.limit);
  return std::max(mtu, kMinimumMtu);
}

std::uint32_t ethernet_mtu(std::uint32_t path_mtu, const Version3Framing& framing, bool vlan,
                           bool ipsec, std::optional<std::uint32_t> limit) {
  const std::uint32_t taken = version3_overhead(framing) + kEthernetHeader + (vlan ? kVlanTag : 0);
  std::uint32_t mtu = left_of(path_mtu, taken, ipsec);
  if (limit) mtu = std::min(mtu, *limit);
  return std::max(mtu, kMinimumMtu);
}

Result<std::uint32_t, KernelError> path_mtu(int socket) {
  sockaddr_storage local{};
  socklen_t length = sizeof local;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length) != 0)
    return Unexpected(KernelError{errno, "reading the tunnel socket's address", {}});
  const bool ipv6 = local.ss_family == AF_INET6;
  int mtu = 0;
  length = sizeof mtu;
  if (getsockopt(socket, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu,
                 &length) != 0)
    return Unexpected(KernelError{errno, "reading the path MTU of the tunnel socket", {}});
  // Loopback reports 65536; an IP packet ends at 65535.
  return static_cast<std::uint32_t>(std::clamp(mtu, 0, 65535));
}

}  // namespace l2tpm::kernel
