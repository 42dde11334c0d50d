// The interface group (IFLA_GROUP) of our interfaces: which instance's they are, whether their
// traffic is clamped, and which tunnel's. One number serves bulk deletion, the nftables rule and
// the clean-up after a crash. Always positive as an int, never 0, which is everybody's default.
//
//   bit 30..17 instance (1..16383) | bit 16 not clamped | bit 15..0 the tunnel's slot
#pragma once

#include <cstdint>

namespace l2tpm::kernel {

constexpr std::uint32_t kMaximumInstance = 0x3fff;
constexpr std::uint32_t kInstanceMask = 0xfffe0000;
constexpr std::uint32_t kClampMask = 0xffff0000;

constexpr std::uint32_t instance_group(std::uint32_t instance) {
  return (instance & kMaximumInstance) << 17;
}
constexpr std::uint32_t link_group(std::uint32_t instance, bool clamp_mss, std::uint16_t slot) {
  return instance_group(instance) | (clamp_mss ? 0u : 0x10000u) | slot;
}
constexpr bool is_of_instance(std::uint32_t group, std::uint32_t instance) {
  return (group & kInstanceMask) == instance_group(instance);
}

}  // namespace l2tpm::kernel
