// The bridge that anyone would write first, for the relay to be measured beside: a unit of
// /dev/ppp, a TAP, and a loop that polls, reads one frame and writes one.
#pragma once

#include <linux/ppp-ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/fd.h"
#include "kernel/ppp_unit.h"
#include "kernel/pppol2tp.h"
#include "relay/bridged_pdu.h"

namespace l2tpm::bench {

// In this order, because the unit goes first.
struct Unit {
  UniqueFd channel, unit;
};

// Of a session's socket.
inline Result<Unit, kernel::KernelError> make_unit(int session) {
  const auto index = kernel::channel_index(session);
  if (!index) return Unexpected(index.error());
  auto channel = kernel::open_ppp();
  if (!channel) return Unexpected(channel.error());
  auto unit = kernel::open_ppp();
  if (!unit) return Unexpected(unit.error());
  if (auto attached = kernel::attach_channel(channel->get(), *index); !attached)
    return Unexpected(attached.error());
  int number = -1;
  if (ioctl(unit->get(), PPPIOCNEWUNIT, &number) != 0)
    return Unexpected(kernel::KernelError{errno, "PPPIOCNEWUNIT", {}});
  if (auto connected = kernel::connect_channel(channel->get(), number); !connected)
    return Unexpected(connected.error());
  return Unit{std::move(*channel), std::move(*unit)};
}

// Between a line of bridged frames and a LAN, neither of which blocks.
inline void move_frames(int line, int lan, const std::atomic<bool>& stop) {
  Bytes frame(4096), buffer(4096);
  std::memcpy(buffer.data(), relay::kBridgedHeader.data(), 4);
  while (!stop) {
    pollfd ready[] = {
        {line, POLLIN, 0},
        {lan,  POLLIN, 0}
    };
    if (poll(ready, 2, 10) <= 0) continue;
    if ((ready[0].revents & POLLIN) != 0) {
      const ssize_t size = read(line, frame.data(), frame.size());
      if (size > 4) (void)!write(lan, frame.data() + 4, static_cast<std::size_t>(size) - 4);
    }
    if ((ready[1].revents & POLLIN) != 0) {
      const ssize_t size = read(lan, buffer.data() + 4, buffer.size() - 4);
      if (size > 0) (void)!write(line, buffer.data(), static_cast<std::size_t>(size) + 4);
    }
  }
}

}  // namespace l2tpm::bench
