// The LAN side of a session: a descriptor that has whole Ethernet frames.
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace l2tpm::relay {

// Raw frames of the inner end of a veth pair; the outer end is the bridge's port, with its offloads
// off (relay/offloads.h). Frames that are sent here do not come back. FdKind::packet. Errors:
// errno; CAP_NET_RAW is needed.
Result<UniqueFd, int> open_packet_lan(int ifindex);

}  // namespace l2tpm::relay
