// Ethernet bridged over PPP (BCP, RFC 3518): which of the ways to carry it a session takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/bcp.h"
#include "kernel/bcp.h"

namespace l2tpm::daemon {

// Flags, MAC type and Ethernet header: what stands before a bridged frame's payload in the
// information field that an MRU counts (RFC 3518 §4.2).
inline constexpr std::uint32_t kBridgedHeader = 16;
// And what else a frame may have: two VLAN tags and an FCS.
inline constexpr std::uint32_t kBridgedExtras = 12;

// The MRU that lets a peer send whole frames (RFC 3518 §5.2 wants 1600 where possible).
std::uint16_t bridging_mru(const config::Bcp& settings);

struct BridgeCircumstances {
  config::BcpPath wish = config::BcpPath::automatic;
  bool mppe = false;  // is possible on this link
  bool ip = false;    // IPCP or IPV6CP run, too
  bool multilink = false;
  std::string obstacle = {};  // why the kernel cannot; "": it can
};
struct BridgeChoice {
  std::optional<kernel::BcpPath> path;  // nullopt: none will do, `reason` says why
  std::string reason;                   // why not the kernel; "" when it is
};
BridgeChoice choose_path(const BridgeCircumstances& circumstances);

// BcpCounters by name, "bcp.control" and so on, as Statistics has them.
std::map<std::string, std::uint64_t> named(const kernel::BcpCounters& counters);

// Whether frames go to a peer that agreed to them, or did not.
bool may_send(config::BcpSend wish, bool agreed);

}  // namespace l2tpm::daemon
