// The static tunnels that were wanted last, as a text that outlives the daemon: what is wanted no
// more can then be told from what somebody else made. It holds cookies.
#pragma once

#include <string>
#include <vector>

#include "kernel/ethernet.h"

namespace l2tpm::daemon {

std::string text_of(const std::vector<kernel::StaticTunnel>& tunnels);
// What cannot be understood is left out: at worst something stays in the kernel.
std::vector<kernel::StaticTunnel> static_tunnels_of(const std::string& text);

}  // namespace l2tpm::daemon
