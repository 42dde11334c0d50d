// One nftables table of ours, the same for any number of sessions: TCP SYNs that pass an interface
// of our group get an MSS that fits the route. Made at start, removed at the end.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

std::string mss_clamp_ruleset(std::uint32_t instance);
// Replaces what is there, in one transaction.
Result<Done, KernelError> install_mss_clamp(std::uint32_t instance);
// Whether the kernel would take it; changes nothing.
Result<Done, KernelError> check_mss_clamp();
// A table that is not there is fine.
Result<Done, KernelError> remove_mss_clamp(std::uint32_t instance);

}  // namespace l2tpm::kernel
