// The Dataplane of a real kernel (Linux 6.1 and later).
#pragma once

#include <memory>
#include <string>

#include "kernel/dataplane.h"

namespace l2tpm::kernel {

// 8 for each processor, at least 8 and at most 64.
unsigned default_workers();

struct DataplaneSettings {
  // 1..16383: told apart from other instances in one network namespace; part of every interface's
  // group number (kernel/link_group.h).
  std::uint32_t instance = 1;
  // At most so many workers; they are started when needed. What they wait for is the kernel's grace
  // periods, 45 to 50 installs a second each: eight for each processor keep it busy, more only cost
  // memory (tests/bench/README.md).
  unsigned threads = default_workers();
  std::size_t queue_limit = 4096;    // installs waiting beyond that are refused with EBUSY
  std::uint8_t route_protocol = 76;  // in /etc/iproute2/rt_protos terms: l2tp-manager
  bool manage_nftables = true;       // false: no MSS clamp (and sweep leaves nftables alone)
};

// Fails when a netlink socket cannot be had. Lives on the loop's thread; its destructor removes
// every tunnel and session and waits for that.
Result<std::unique_ptr<Dataplane>, KernelError> make_linux_dataplane(DataplaneSettings settings);

}  // namespace l2tpm::kernel
