// Sizes on the wire: what fits into what. Pure, except path_mtu().
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// In front of the inner packet: outer IPv4 20 (IPv6 40), UDP 8, L2TPv2 6, FF 03 and protocol 4; Ns
// and Nr 4 more with sequence numbers. Linux puts exactly that on the wire.
constexpr std::uint32_t kPppOverhead = 20 + 8 + 6 + 2 + 2;
constexpr std::uint32_t kSequenceOverhead = 4;
constexpr std::uint32_t kIpv6Extra = 20;
static_assert(kPppOverhead == 38 && kPppOverhead + kSequenceOverhead == 42);

// When IPsec carries the tunnel its overhead is not known exactly; the value everybody uses.
constexpr std::uint32_t kMtuUnderIpsec = 1400;
constexpr std::uint32_t kMinimumMtu = 576;       // RFC 791: every host takes so much
constexpr std::uint32_t kMinimumIpv6Mtu = 1280;  // RFC 8200 §5: below, IPv6 cannot run

// What L2TPv3 puts in front of a frame (RFC 3931 §4.1): outer IPv4 20 (IPv6 40), over UDP 8 and 4
// of flags, session id 4, cookie, L2-specific sublayer 4. Cookie and sublayer are those we send.
struct Version3Framing {
  bool udp = true;
  bool outer_ipv6 = false;
  std::uint32_t cookie = 0;  // octets: 0, 4 or 8
  bool sublayer = true;
};
constexpr std::uint32_t version3_overhead(const Version3Framing& framing) {
  return 20 + (framing.outer_ipv6 ? kIpv6Extra : 0) + (framing.udp ? 8 + 4 : 0) + 4 +
         framing.cookie + (framing.sublayer ? 4 : 0);
}
constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kVlanTag = 4;
static_assert(version3_overhead({}) + kEthernetHeader == 54);
static_assert(version3_overhead({false, false, 0, false}) + kEthernetHeader == 38);
static_assert(version3_overhead({true, false, 8, true}) + kEthernetHeader == 62);

struct MtuInputs {
  std::uint32_t path_mtu = 1500;  // of the outer packets
  bool outer_ipv6 = false;
  bool sequence_numbers = false;
  bool ipsec = false;
  std::optional<std::uint32_t> peer_mru;  // as negotiated; absent: 1500 (RFC 1661 §6.1)
  std::optional<std::uint32_t> limit;     // the profile's wish; it may only make it smaller
  // PPP over L2TPv3; absent: version 2. Its outer_ipv6 is the one above.
  std::optional<Version3Framing> version3 = std::nullopt;
};

constexpr std::uint32_t overhead(bool outer_ipv6, bool sequence_numbers) {
  return kPppOverhead + (outer_ipv6 ? kIpv6Extra : 0) + (sequence_numbers ? kSequenceOverhead : 0);
}

// The interface's MTU: min(peer's MRU, path MTU - overhead, limit), at most 1400 under IPsec, never
// below 576. The result may be below 1280: do not offer IPv6 then.
std::uint32_t interface_mtu(const MtuInputs& inputs);

// The MTU of a pseudowire's interface (and of the VLAN device on it, whose tag is `vlan`) whose
// frames come through without fragmentation; at most 1400 under IPsec, at most `limit`, never below
// 576. A bridge wants 1500 of all its ports, whatever the path takes.
std::uint32_t ethernet_mtu(std::uint32_t path_mtu, const Version3Framing& framing, bool vlan,
                           bool ipsec, std::optional<std::uint32_t> limit);

// The path MTU that the kernel knows for a connected UDP or L2TP/IP socket (IP_MTU, IPV6_MTU).
Result<std::uint32_t, KernelError> path_mtu(int socket);

}  // namespace l2tpm::kernel
