// The LAN side of a session: a descriptor that has whole Ethernet frames.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace l2tpm::relay {

// Raw frames of the inner end of a veth pair; the outer end is the bridge's port, with its offloads
// off (switch_offloads_off()). Frames that are sent here do not come back. FdKind::packet. Errors:
// errno; CAP_NET_RAW is needed.
Result<UniqueFd, int> open_packet_lan(int ifindex);

// A TAP interface of this name (at most 15 characters), which is gone with the descriptor; it is
// the bridge's port itself. FdKind::file. Needs CAP_NET_ADMIN and /dev/net/tun.
Result<UniqueFd, int> open_tap_lan(const std::string& name);

// Whoever sends through this interface finishes its frames: checksums, segments and VLAN tags.
Result<Done, int> switch_offloads_off(const std::string& name);

}  // namespace l2tpm::relay
