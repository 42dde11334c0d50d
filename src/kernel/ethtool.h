// Offloads of an interface, by their names in `ethtool -k` (the kernel's: "rx-gro").
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// Those that this kernel or interface does not have are left out.
Result<Done, KernelError> set_offloads(const std::string& interface,
                                       const std::vector<std::pair<std::string, bool>>& wanted);

}  // namespace l2tpm::kernel
