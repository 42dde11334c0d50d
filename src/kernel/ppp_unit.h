// /dev/ppp: channels, units, compressors. The kernel serialises these ioctls with one mutex, and
// creating a PPP link by netlink fails with EBUSY while it is held: ppp_lock() is our own queue in
// front of it. Whoever calls a function marked "locked" holds it.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/dataplane.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

std::mutex& ppp_lock();

// A non-blocking descriptor of /dev/ppp, not attached to anything.
Result<UniqueFd, KernelError> open_ppp();
Result<Done, KernelError> attach_channel(int fd, int channel);        // locked
Result<Done, KernelError> connect_channel(int channel_fd, int unit);  // locked
Result<int, KernelError> unit_number(int unit_fd);                    // locked
// Frames pass between the two channels as they are, until one of them ends; the descriptor may be
// closed. Neither has a unit.
Result<Done, KernelError> bridge_channel(int channel_fd, int other);     // locked
Result<Done, KernelError> set_unit_mru(int unit_fd, std::uint32_t mru);  // locked
// SessionSpec's mrru, send_multilink and short_sequence.
Result<Done, KernelError> set_multilink(int unit_fd, const SessionSpec& spec);  // locked
// Whether IPv4 and IPv6 packets pass; the others stay as they are.
Result<Done, KernelError> set_network_modes(int unit_fd, bool ipv4, bool ipv6);  // locked
// EINVAL: no MPPE in this kernel, or FIPS mode.
Result<Done, KernelError> set_compressor(int unit_fd, const MppeSpec& spec);  // locked
Result<Done, KernelError> set_ccp(int unit_fd, const CcpFlags& flags);        // locked

}  // namespace l2tpm::kernel
