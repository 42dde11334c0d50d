// L2TPv3 in profiles: Ethernet pseudowires, where they end, static tunnels. Part of profile.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/mac_address.h"

namespace l2tpm::config {

// Which version a client speaks.
enum class Version : std::uint8_t {
  two,
  three,
  three_then_two,  // an SCCRQ that a peer of either version understands (RFC 3931 §4.7.3)
};
std::string_view name(Version version);

enum class Transport : std::uint8_t {
  udp,
  ip,  // protocol 115; version 3 only
};
std::string_view name(Transport transport);

// The Message Digest AVP of every control message (RFC 3931 §5.4.1).
enum class MessageDigest : std::uint8_t { none, md5, sha1 };
std::string_view name(MessageDigest digest);

enum class PseudowireType : std::uint8_t {
  ethernet,       // port to port, tags and all (RFC 4719)
  ethernet_vlan,  // one VLAN
  ppp,            // the profile's "ppp"
};
std::string_view name(PseudowireType type);

struct VlanRange {  // both ends included
  std::uint16_t first = 1;
  std::uint16_t last = 1;
  friend bool operator==(const VlanRange&, const VlanRange&) = default;
};

struct Bridge {
  std::string name;     // empty: no bridge
  bool create = false;  // when it is missing; it then goes with its last port
  // Of a bridge that is created; nullopt: the kernel's default.
  bool stp = false;
  bool vlan_filtering = false;
  std::optional<std::uint16_t> priority;
  std::optional<Duration> forward_delay, hello_time, max_age, ageing;
  // Of the port.
  std::optional<std::uint16_t> path_cost;
  std::optional<std::uint8_t> port_priority;
  bool isolated = false;
  bool learning = true;
  std::optional<std::uint16_t> pvid;  // nullopt: the bridge's default PVID
  std::vector<VlanRange> tagged;
  friend bool operator==(const Bridge&, const Bridge&) = default;
};

// The interface of a pseudowire, and where it is put; at most one of bridge, VRF and namespace.
struct EthernetPort {
  std::string interface;   // what is attached, the VLAN device of "ethernet-vlan"; empty: chosen
  std::uint16_t vlan = 0;  // of a VLAN device, 1..4094; 0: none
  std::optional<std::uint16_t> mtu;  // nullopt: "auto", what the path takes without fragmentation
  std::optional<MacAddress> mac;     // nullopt: one made from the machine's id and the names here
  Bridge bridge;
  std::string vrf;                // exists; empty: none
  std::string network_namespace;  // a name of `ip netns`; empty: none
  friend bool operator==(const EthernetPort&, const EthernetPort&) = default;
};

// A session of L2TPv3 that a client asks for, or a listener grants.
struct Pseudowire {
  std::string name;           // unique in its profile
  std::string remote_end_id;  // AVP 66, what both ends call it; default: the name
  PseudowireType type = PseudowireType::ethernet;
  unsigned cookie = 8;    // octets that we want in front of what comes: 0, 4, 8
  bool sublayer = false;  // we want the default L2-Specific Sublayer; sequencing needs it
  bool send_sequence = false, require_sequence = false;
  EthernetPort port;    // not of PPP
  std::string circuit;  // the interface whose state is the Circuit Status; empty: always active
  std::string peer;     // listener: only for the rule of "peers" of this name; empty: for all
  friend bool operator==(const Pseudowire&, const Pseudowire&) = default;
};

struct StaticSession {
  SessionId local, peer;
  Bytes send_cookie, receive_cookie;  // 0, 4 or 8 octets
  bool sublayer = true;               // as `ip l2tp` makes them
  bool send_sequence = false, require_sequence = false;
  Duration reorder_timeout{};
  EthernetPort port;  // its interface has a name
  friend bool operator==(const StaticSession&, const StaticSession&) = default;
};

// A tunnel without control connection, kept as it is described here.
struct StaticProfile {
  std::string name;
  bool autostart = true;  // false: it exists only once somebody has started it
  Transport transport = Transport::udp;
  Endpoint local, peer;  // of one family; ports with UDP only
  bool udp_checksum = true;
  TunnelId tunnel, peer_tunnel;
  std::vector<StaticSession> sessions;  // never empty
  bool mss_clamp = true;
  friend bool operator==(const StaticProfile&, const StaticProfile&) = default;
};

}  // namespace l2tpm::config
