// Whether there is somewhere to go behind a pseudowire. Pure.
#pragma once

#include <string>
#include <vector>

#include "kernel/rtnl.h"

namespace l2tpm::kernel {

// As Dataplane::watch_circuit() says; `links` are all of the host.
bool circuit_is_up(const std::string& interface, const std::vector<LinkInfo>& links,
                   std::uint32_t instance);

}  // namespace l2tpm::kernel
