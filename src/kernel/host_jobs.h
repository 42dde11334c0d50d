// What workers do to the host as a whole: local addresses for unnumbered sessions, and the clean-up
// after a predecessor.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "base/address.h"
#include "base/result.h"
#include "kernel/error.h"
#include "kernel/linux_dataplane.h"

namespace l2tpm::kernel {

// One job at a time uses this.
class HeldAddresses {
 public:
  explicit HeldAddresses(std::uint8_t protocol) : protocol_(protocol) {}
  // On lo, unless the host has it already.
  Result<Done, KernelError> hold(const IpAddress& address);
  void release(const IpAddress& address);

 private:
  const std::uint8_t protocol_;
  std::unordered_set<IpAddress> ours_;
};

// Dataplane::sweep_leftovers().
Result<unsigned, KernelError> sweep(const DataplaneSettings& settings);

}  // namespace l2tpm::kernel
