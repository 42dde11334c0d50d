#include "kernel/monitor.h"

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace l2tpm::kernel {

namespace {
constexpr int kReceiveBuffer = 1 << 20;
constexpr int kBatch = 64;
}  // namespace

Result<Monitor, KernelError> Monitor::open() {
  const auto failed = [](const char* doing) { return Unexpected(KernelError{errno, doing, {}}); };
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return failed("opening a netlink socket");
  // Without the privilege it stays at the default, and overflows are handled anyway.
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    return failed("listening to link and route changes");
  return Monitor(std::move(fd));
}

void Monitor::read(const Handler& handler) {
  alignas(nlmsghdr) std::array<char, 32 * 1024> buffer;
  for (int i = 0; i < kBatch; ++i) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == ENOBUFS) {
        handler.overflow();
        continue;
      }
      return;
    }
    int remaining = static_cast<int>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, remaining);
         header = nlmsg_next(header, &remaining)) {
      if (const auto link = decode_link(header))
        handler.link(*link, header->nlmsg_type == RTM_DELLINK);
      else if (const auto route = decode_route(header))
        handler.route(*route);
    }
  }
}

}  // namespace l2tpm::kernel
