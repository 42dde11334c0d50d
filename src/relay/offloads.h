// Offloads of an interface, by the kernel's names of them ("rx-gro": `ethtool -k` has its own for
// some).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace l2tpm::relay {

// Those that this kernel or interface does not have are left out, those that are fixed stay.
// Errors: errno; CAP_NET_ADMIN is needed.
Result<Done, int> set_offloads(const std::string& interface,
                               const std::vector<std::pair<std::string, bool>>& wanted);

// Whoever sends through this interface finishes its frames: checksums, segments and VLAN tags.
Result<Done, int> switch_offloads_off(const std::string& interface);

}  // namespace l2tpm::relay
