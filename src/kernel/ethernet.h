// L2TPv3: what Ethernet pseudowires and static tunnels are to be. Plain values, part of
// dataplane.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/mac_address.h"

namespace l2tpm::kernel {

enum class Encapsulation : std::uint8_t {
  udp,
  ip,  // protocol 115 (RFC 3931 §4.1.1)
};

// What stands between a session's id and the frame (RFC 3931 §4.1). Two ends that disagree about
// the sublayer hand each other garbage, and nobody counts an error.
struct SessionFraming {
  Bytes send_cookie;     // the peer's Assigned Cookie: 0, 4 or 8 octets
  Bytes receive_cookie;  // ours: what comes without it is dropped
  bool sublayer = true;  // the default L2-Specific Sublayer, 4 octets; sequence numbers need it
  friend bool operator==(const SessionFraming&, const SessionFraming&) = default;
};

// An 802.1Q device on the pseudowire's interface: what makes an Ethernet VLAN pseudowire (RFC 4719
// §3.2: every frame has the tag) out of an Ethernet one, the only kind the kernel has.
struct VlanDevice {
  std::uint16_t id = 1;  // 1..4094
  std::string name;      // of the device; the frames there are untagged
  friend bool operator==(const VlanDevice&, const VlanDevice&) = default;
};

struct VlanRange {  // both ends included
  std::uint16_t first = 1;
  std::uint16_t last = 1;
  friend bool operator==(const VlanRange&, const VlanRange&) = default;
};

// For a bridge that is made here; what is absent is as the kernel makes bridges. Sub-second parts
// below the kernel's 10 ms are lost.
struct BridgeSettings {
  bool stp = false;
  std::optional<std::uint16_t> priority;  // of the bridge id
  std::optional<Duration> forward_delay;  // 2..30 s with STP
  std::optional<Duration> hello_time;     // 1..10 s
  std::optional<Duration> max_age;        // 6..40 s
  std::optional<Duration> ageing;         // of learned addresses
  bool vlan_filtering = false;
  friend bool operator==(const BridgeSettings&, const BridgeSettings&) = default;
};

struct BridgePort {
  std::string bridge;
  // Present: a missing bridge is made like this, and taken away again with its last port. One that
  // is there stays exactly as it is, whoever made it. Absent: a missing bridge is an error.
  std::optional<BridgeSettings> create;
  // Of this port; what is absent is as the kernel makes ports. The port comes and goes with the
  // session, so its VLANs cannot be set once by hand.
  std::optional<std::uint16_t> path_cost;  // 1..65535
  std::optional<std::uint8_t> priority;    // 0..63
  bool isolated = false;                   // exchanges frames only with ports that are not isolated
  bool learning = true;                    // of addresses; without it frames to them are flooded
  std::optional<std::uint16_t> pvid;       // untagged frames; absent: the bridge's default PVID
  std::vector<VlanRange> tagged;
  friend bool operator==(const BridgePort&, const BridgePort&) = default;
};

struct VrfMember {
  std::string vrf;  // exists
  friend bool operator==(const VrfMember&, const VrfMember&) = default;
};

// The interface lives there, up and with its MTU. Nothing of it can be changed afterwards
// (set_mtu, set_carrier fail with EXDEV): that would take CAP_SYS_ADMIN. With a VLAN device only
// that one moves, and the carrier is settable.
struct NamespaceMember {
  std::string name;  // /run/netns/NAME exists
  friend bool operator==(const NamespaceMember&, const NamespaceMember&) = default;
};

// Where the interface (its VLAN device, if it has one) is put.
using Attachment = std::variant<std::monostate, BridgePort, VrfMember, NamespaceMember>;

// An Ethernet pseudowire: the l2tp_eth interface and what is around it.
struct EthernetSpec {
  SessionKey key;  // the session id is unique among all L2TPv3 sessions of the host
  SessionId peer_session;
  SessionFraming framing;
  bool send_sequence = false;
  bool require_sequence = false;  // unsequenced data is dropped by the kernel
  Duration reorder_timeout{};     // 0: no reordering; milliseconds are kept
  std::string interface_name;     // 1..15 octets, no '/', no space; EEXIST when taken
  // Of the interface and its VLAN device. 0: as the kernel works it out from the path at this
  // moment (kernel/mtu.h). Frames too large for the path are fragmented outside, silently; what is
  // too large for a bridge port is dropped.
  std::uint32_t mtu = 0;
  // Absent: a random one. What is to stay the same over restarts is given.
  std::optional<MacAddress> mac;
  std::optional<VlanDevice> vlan;
  Attachment attachment;
  bool carrier = true;  // as set_carrier()
  friend bool operator==(const EthernetSpec&, const EthernetSpec&) = default;
};

struct EthernetInstalled {
  int ifindex = 0;             // of the pseudowire's interface, before it moved to a namespace
  std::string interface_name;  // what is attached: the VLAN device, if there is one
  MacAddress mac;
  std::uint32_t mtu = 0;
  bool made_bridge = false;
};

// A tunnel without a control connection: the kernel keeps it, nobody's descriptor does, and it
// outlives this program.
struct StaticTunnel {
  TunnelId local;
  TunnelId peer;
  Encapsulation encapsulation = Encapsulation::udp;
  Endpoint local_end;  // both of one family; ports 0 exactly when there is no UDP
  Endpoint peer_end;
  bool udp_checksum = true;  // false: zero is sent, and accepted over IPv6
  bool clamp_mss = true;
  std::vector<EthernetSpec> sessions;  // of this tunnel, ids distinct
  friend bool operator==(const StaticTunnel&, const StaticTunnel&) = default;
};

// What became of one static tunnel or session.
struct StaticRow {
  enum class State : std::uint8_t {
    kept,      // was there as wanted
    made,      // was not, and is now
    replaced,  // was there as we once made it, and is now as wanted
    removed,   // is wanted no more
    conflict,  // somebody else's has this id: left alone
    failed,
  };
  TunnelId tunnel;
  SessionId session;  // none: the tunnel itself
  State state = State::kept;
  std::string detail;           // of conflict and failed: what is in the way
  EthernetInstalled installed;  // of sessions that are there
};
std::string_view name(StaticRow::State state);

}  // namespace l2tpm::kernel
