// Tunnels that `ip l2tp` made, as the kernel has them now, become static profiles. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "convert/result.h"
#include "kview/view.h"

namespace l2tpm::convert {

struct IpL2tpOptions {
  std::optional<std::uint32_t> tunnel;  // only this one
};

// A tunnel of version 3 that no process holds becomes a profile "l2tp-ID". What is only in part
// what a static profile can say, or cannot be known, is noted. The value has no "file": places are
// named in the notices.
Import import_ip_l2tp(const kview::Snapshot& snapshot, const IpL2tpOptions& options);

}  // namespace l2tpm::convert
