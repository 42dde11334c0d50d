// BCP (RFC 3518): an Ethernet bridged over PPP by the kernel. Plain values, part of dataplane.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/mac_address.h"
#include "kernel/ethernet.h"

namespace l2tpm::kernel {

// The largest BcpSpec::mtu: what XDP takes in one page, with the headers.
constexpr std::uint32_t kMaximumBcpMtu = 3000;

// What carries the bridged frames (0x0031) between the line and the port.
enum class BcpPath : std::uint8_t {
  // XDP programs and PPPIOCBRIDGECHAN: see probe_bcp(). Nothing else of the line is carried; IP
  // frames arrive on BcpInstalled::channel.
  kernel,
  // The relay (relay/relay.h), from the unbound session: the same on the wire, and multilink.
  relay_channel,
  // The relay, from the unit of a session that has one: IP runs beside, or MPPE.
  relay_unit,
};
std::string_view name(BcpPath path);

// Of a port; 0: no limit. Control frames are limited otherwise.
struct BcpLimits {
  // Addresses heard on the line: frames from one more are dropped, until another was silent for 300
  // s.
  std::uint32_t macs = 0;
  // Frames, each way by itself. A quarter of a second's worth may come at once, and 8 in any case.
  std::uint32_t broadcast_per_second = 0;
  std::uint32_t multicast_per_second =
      0;  // bridges' own protocols (BPDUs) have a limit of their own
  friend bool operator==(const BcpLimits&, const BcpLimits&) = default;
};

// A PPP session whose bridged frames pass between the line and a port.
struct BcpSpec {
  SessionKey key;
  SessionId peer_session;
  BcpPath path = BcpPath::kernel;
  bool send_sequence = false;
  bool require_sequence = false;          // unsequenced data is dropped by the kernel
  bool lns_mode = false;                  // we decide about sequencing (RFC 2661 §5.4)
  Duration reorder_timeout{};             // 0: no reordering; milliseconds are kept
  SessionFraming framing{{}, {}, false};  // of version 3; version 2 has none
  std::string interface_name;  // of the port: 1..15 octets, no '/', no space; EEXIST when taken
  // Largest payload of a bridged frame, 68..kMaximumBcpMtu; with up to two VLAN tags it may be that
  // much larger. The port's own MTU is 100 more, a bridge made here gets this one.
  std::uint32_t mtu = 1500;
  std::optional<MacAddress> mac;   // of the port; absent: a random one
  std::optional<BridgePort> port;  // absent: attached to nothing
  BcpLimits limits;
  // Of the relay: frames are fragmented (RFC 1990) when they are larger than `peer_mru` and the
  // peer has an MRRU, and reassembled up to `local_mrru`. 0: none.
  std::uint32_t peer_mru = 1500, peer_mrru = 0, local_mrru = 0;
  bool short_sequence = false;  // 12 bits, in what we send
  bool send_tagged = true;      // frames with VLAN tags may go to the peer (BCP's option 8)
  bool send_bpdus = true;       // and those to 01-80-C2-00-00-00 to -0F (option 9)
  friend bool operator==(const BcpSpec&, const BcpSpec&) = default;
};

struct BcpInstalled {
  int ifindex = 0;  // of the port
  std::string interface_name;
  MacAddress mac;
  bool made_bridge = false;
  // Everything from the peer that is not plain bridged data: LCP, NCPs, IP, and bridged data with
  // flags other than FCS and pads (they begin with 00 31). One read() takes one PPP frame, protocol
  // first. At most 256 frames in 100 ms come up per session, and those of up to 4096 octets. Of a
  // session with a unit: null, Installed::channel stays.
  SharedFd channel;
  SharedFd unit;              // in the place of Installed::unit, for a session with one
  std::vector<Bytes> frames;  // that waited when the session was bound, in order of arrival
};

// Of frames from the peer, since the install; plain data is in Counters.
struct BcpCounters {
  std::uint64_t control = 0;    // given to the channel: not bridged data
  std::uint64_t flagged = 0;    // given to the channel: bridged data with such flags
  std::uint64_t dropped = 0;    // was for the channel, but there was no room, or it was too long
  std::uint64_t mac_type = 0;   // dropped: not Ethernet
  std::uint64_t malformed = 0;  // dropped: shorter than its headers
  std::uint64_t fcs = 0;        // bridged after the FCS was taken off; nobody checks it
  std::uint64_t padded = 0;     // bridged after pads were taken off
  std::uint64_t storm = 0;      // dropped: more broadcast or multicast than BcpLimits allow
  std::uint64_t strangers = 0;  // dropped: from an address beyond BcpLimits::macs
  std::uint64_t stations = 0;   // addresses heard, if they are limited; falls, too
  std::uint64_t tagged = 0;     // not sent: had a VLAN tag, and the peer takes none
  std::uint64_t bpdus = 0;      // not sent: between bridges, and the peer takes none
  // Of the relay only: tinygrams, filled up; fragments (RFC 1990), and frames joined from them.
  std::uint64_t inflated = 0;
  std::uint64_t fragments_in = 0, fragments_out = 0, reassembled = 0;
  std::uint64_t fragments_lost = 0;  // late ones, and frames of which a fragment did not come
  std::uint64_t too_big = 0;         // not sent: above the peer's MRU, and its MRRU if it has one
  std::uint64_t full = 0;            // no room where it was to go
  std::uint64_t repairs = 0;         // of the port, after somebody changed it
};

}  // namespace l2tpm::kernel
