// The kernel's L2TP as it is now, whoever made it: plain values, merged from generic netlink,
// routing netlink and /proc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"

namespace l2tpm::kview {

enum class Encapsulation : std::uint8_t { udp, ip, other };
std::string_view name(Encapsulation encapsulation);

// Of L2TP itself: what came and went as data messages.
struct Counters {
  std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
  std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0;
  std::uint64_t rx_sequence_discards = 0, rx_out_of_sequence = 0;
  std::uint64_t rx_cookie_discards = 0, rx_invalid = 0;
  friend bool operator==(const Counters&, const Counters&) = default;
};

// Of the network interface.
struct LinkCounters {
  std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0, tx_dropped = 0;
  std::uint64_t rx_packets = 0, rx_bytes = 0, rx_errors = 0, rx_dropped = 0;
  friend bool operator==(const LinkCounters&, const LinkCounters&) = default;
};

struct Link {
  int index = 0;
  std::string name;
  std::string kind;         // rtnetlink's: "ppp", ""
  std::uint32_t group = 0;  // IFLA_GROUP
  std::uint32_t mtu = 0;
  bool up = false;                       // IFF_UP
  int master = 0;                        // index of the bridge or VRF it is in
  std::string master_name, master_kind;  // of that: "br0", "bridge"
  LinkCounters counters;
  friend bool operator==(const Link&, const Link&) = default;
};

// Values of enum l2tp_pwtype.
inline constexpr std::uint16_t kEthernetVlan = 4;
inline constexpr std::uint16_t kEthernet = 5;
inline constexpr std::uint16_t kPpp = 7;
// "ppp", "ethernet", "type 11"
std::string pseudowire_name(std::uint16_t type);

struct Session {
  std::uint32_t tunnel = 0, peer_tunnel = 0;  // connection ids
  std::uint32_t id = 0, peer_id = 0;
  std::uint16_t pseudowire = 0;
  bool receive_sequence = false, send_sequence = false, lns_mode = false;
  // Version 3: what is sent in front of frames, and what must be in front of those that come. The
  // kernel does not tell whether there is an L2-specific sublayer.
  Bytes cookie, peer_cookie;
  std::uint64_t reorder_timeout = 0;  // milliseconds
  std::string interface;              // "": none known
  bool has_socket = false;            // a PPPoX socket holds it
  std::optional<Link> link;           // that interface
  Counters counters;
  friend bool operator==(const Session&, const Session&) = default;
};

struct Process {
  int pid = 0;
  std::string name;
  friend bool operator==(const Process&, const Process&) = default;
};

// Whose a tunnel is, and what says so. The kernel does not record it; `unknown` is an answer.
struct Owner {
  enum class Whose : std::uint8_t { ours, foreign, unknown };
  enum class Evidence : std::uint8_t {
    none,
    daemon,  // the daemon on the bus has it in its list
    socket,  // the process that holds its UDP socket, or that only the kernel does
    group,   // the interface group of a session (kernel/link_group.h)
  };
  Whose whose = Whose::unknown;
  Evidence evidence = Evidence::none;
  std::string tunnel_name;     // the daemon's, if it said so
  std::uint32_t instance = 0;  // from the interface group; 0: not known
  std::vector<Process> processes;
  bool of_kernel = false;  // the socket is the kernel's own: `ip l2tp` without a daemon
  friend bool operator==(const Owner&, const Owner&) = default;
};
std::string_view name(Owner::Whose whose);
std::string_view name(Owner::Evidence evidence);

struct Tunnel {
  std::uint32_t id = 0, peer_id = 0;
  std::uint8_t version = 0;
  Encapsulation encapsulation = Encapsulation::other;
  std::optional<Endpoint> local, remote;  // ports 0 without UDP
  bool udp_checksum = true;               // UDP checksums are sent
  Counters counters;
  Owner owner;
  std::vector<Session> sessions;  // by id
  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

using Snapshot = std::vector<Tunnel>;  // by id

// ---- what a snapshot is made from ----

// One row of /proc/net/udp or udp6.
struct UdpSocket {
  Endpoint local, remote;
  std::uint64_t inode = 0;  // 0: no process has it any more
  friend bool operator==(const UdpSocket&, const UdpSocket&) = default;
};

struct DaemonTunnel {
  std::string name, local, remote;  // endpoints as text
  std::uint32_t id = 0;             // 0: not said
};

struct Material {
  std::vector<Tunnel> tunnels;                              // generic netlink's, without sessions
  std::vector<Session> sessions;                            // generic netlink's
  std::vector<Session> ppp;                                 // /proc/net/pppol2tp
  std::vector<Link> links;                                  // routing netlink's
  std::vector<UdpSocket> udp_sockets;                       // of this network namespace
  std::map<std::uint64_t, std::vector<Process>> holders;    // of sockets, by inode
  bool all_holders_known = false;                           // one that is not there has none
  std::optional<std::vector<DaemonTunnel>> daemon_tunnels;  // nullopt: there is no daemon to ask
};

Snapshot merge(Material material);

// The instance whose interfaces have this group; 0 for everybody else's. As kernel/link_group.h.
std::uint32_t instance_of_group(std::uint32_t group);

// ---- what changed ----

struct Change {
  enum class What : std::uint8_t { appeared, vanished, changed };
  What what = What::changed;
  Tunnel tunnel;                   // without sessions
  std::optional<Session> session;  // nullopt: the tunnel itself
  std::string detail;              // for `changed`: "interface ppp0"
};
std::string_view name(Change::What what);

// In an order that makes sense: a tunnel appears before its sessions and vanishes after them.
// Counters are not compared.
std::vector<Change> changes(const Snapshot& before, const Snapshot& after);

}  // namespace l2tpm::kview
