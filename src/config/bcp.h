// Ethernet bridged over PPP (BCP, RFC 3518) in profiles and of users: "bcp". Part of profile.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/mac_address.h"
#include "config/version3.h"

namespace l2tpm::config {

// What is to carry bridged frames.
enum class BcpPath : std::uint8_t {
  automatic,  // the kernel where it can, else the relay
  kernel,     // or no session
  relay,      // of this program
};
std::string_view name(BcpPath path);

// Frames of a kind that a peer has to say it takes (options 8 and 9 of BCP).
enum class BcpSend : std::uint8_t {
  agreed,  // where it said so
  always,  // it takes them without a word
  never,
};
std::string_view name(BcpSend send);

struct Bcp {
  Bridge bridge;  // it has a name
  // Largest payload of a frame, without Ethernet header and VLAN tags; our MRU follows from it.
  std::uint16_t mtu = 1500;
  std::optional<MacAddress> mac;  // of the port; nullopt: made from the machine's id and names
  BcpPath path = BcpPath::automatic;
  std::uint16_t mrru = 0;                 // RFC 1990; 0: no fragments
  BcpSend send_tagged = BcpSend::agreed;  // frames with VLAN tags
  BcpSend send_bpdus = BcpSend::agreed;   // spanning tree, and what else bridges tell each other
  // Of the port; 0: no limit.
  std::uint32_t mac_limit = 0;                             // addresses heard on the line
  std::uint32_t broadcast_limit = 0, multicast_limit = 0;  // frames in a second, each way
  friend bool operator==(const Bcp&, const Bcp&) = default;
};

}  // namespace l2tpm::config
