// A TAP interface as a session's LAN, where the product has AF_PACKET on a veth pair.
#pragma once

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace l2tpm {

// Of this name (at most 15 characters), gone with the descriptor: FdKind::file. Errors: errno.
// Needs CAP_NET_ADMIN and /dev/net/tun.
inline Result<UniqueFd, int> open_tap_lan(const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return Unexpected(EINVAL);
  name.copy(request.ifr_name, name.size());
  UniqueFd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Unexpected(errno);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(fd.get(), TUNSETIFF, &request) < 0) return Unexpected(errno);
  return fd;
}

}  // namespace l2tpm
