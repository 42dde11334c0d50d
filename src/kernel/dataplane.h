// Everything asked of Linux. The daemon owns one Dataplane; LinuxDataplane is the real one,
// tests/support/fake_dataplane.h the one for tests. It knows ids and descriptors, no protocol.
//
// Asynchronous: calls return at once, whatever can block runs in a pool of workers, and each `done`
// runs later on the loop's thread, inside dispatch_completions(); never inside the call itself.
// Every `done` is called exactly once, except that destroying the Dataplane drops those
// outstanding. An empty `done` is allowed. Calls for one session are carried out in the order made;
// remove and remove_tunnel cancel what is still waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "kernel/bcp.h"
#include "kernel/error.h"
#include "kernel/ethernet.h"

namespace l2tpm::kernel {

// Told to the Dataplane before the first install; costs the kernel nothing until then.
struct TunnelSpec {
  TunnelId local;
  TunnelId peer;
  // UDP, bound and connected, set up completely (filters, buffers, checksums, TOS, mark): a later
  // setsockopt drops data in transit. Without UDP: kernel/l2tp_ip_socket.h's, likewise connected. A
  // new tunnel needs a new socket, always. The daemon shares it and keeps reading control messages
  // from it; the kernel tunnel lives until both let go.
  SharedFd socket;
  // TCP MSS of what passes the tunnel's interfaces is clamped to the route's MTU.
  bool clamp_mss = true;
  std::uint8_t version = 2;                          // 2 or 3
  Encapsulation encapsulation = Encapsulation::udp;  // ip: version 3 only
};

// A PPP session.
struct SessionSpec {
  SessionKey key;
  SessionId peer_session;
  std::string interface_name;  // 1..15 octets, no '/', no space; EEXIST when taken
  std::uint32_t mtu = 1460;    // of the interface
  std::uint32_t mru = 1500;    // largest PPP payload we receive
  bool send_sequence = false;
  bool require_sequence = false;  // unsequenced data is dropped by the kernel
  bool lns_mode = false;          // we decide about sequencing (RFC 2661 §5.4)
  Duration reorder_timeout{};     // 0: no reordering; milliseconds are kept
  // false: a kernel session without interface (an unbound PPPoX socket), whose frames are read from
  // Installed::channel. A later install of the same key with true binds it and makes the interface.
  bool with_unit = true;
  // Of a unit, fragments of frames (RFC 1990): the peer's are put together, up to so many octets
  // (0: they are dropped); ours are made by the kernel, after it has encrypted, with a multilink
  // header on every frame.
  std::uint32_t mrru = 0;
  bool send_multilink = false;
  bool short_sequence = false;            // in those headers
  SessionFraming framing{{}, {}, false};  // of version 3; version 2 has none
};

// Descriptors are non-blocking. One read() takes one PPP frame, starting with its two-octet
// protocol, no FF 03; a buffer smaller than the frame loses it (EOVERFLOW), so give mru + 2 or
// more.
struct Installed {
  int ifindex = 0;             // 0 without a unit
  std::string interface_name;  // empty without a unit
  // LCP and authentication (0xC000 and above). Without a unit: the PPPoX socket, every frame.
  // After the upgrade of an unbound session this is another descriptor: stop polling the old one.
  SharedFd channel;
  // NCPs, CCP and whatever the kernel has no use for; null without a unit.
  SharedFd unit;
  // Frames that waited in the kernel when the session was bound, in order of arrival.
  std::vector<Bytes> frames;
};

struct Route {
  IpPrefix destination;              // 0.0.0.0/0 and ::/0 are default routes
  std::optional<IpAddress> source;   // preferred source address
  std::uint32_t metric = 0;          // 0: the kernel's default
  std::uint32_t table = 0;           // 0: main
  std::optional<std::uint32_t> mtu;  // a locked-in route MTU
  friend bool operator==(const Route&, const Route&) = default;
};

// What a session's interface shall have, in full: configure() again replaces, only differences
// reach the kernel. An address family that is absent passes no packets.
struct NetworkConfig {
  struct Ipv4 {
    IpAddress local;
    IpAddress peer;
    // The interface gets no address, only a route to `peer` with source `local`, which the host
    // must have (see hold_address). What an LNS wants: a thousand sessions, one local address.
    bool unnumbered = false;
    // A metric for the route to the peer; the kernel's own (0) otherwise.
    std::uint32_t metric = 0;
    friend bool operator==(const Ipv4&, const Ipv4&) = default;
  };
  struct Ipv6 {
    std::uint64_t local_interface_id = 0;  // fe80::/64 plus these, as IPV6CP settled them
    std::uint64_t peer_interface_id = 0;   // informative; 0: unknown
    friend bool operator==(const Ipv6&, const Ipv6&) = default;
  };
  std::optional<Ipv4> ipv4;
  std::optional<Ipv6> ipv6;
  // false: the families pass packets, but addresses and routes are somebody else's to give.
  bool addressed = true;
  std::vector<IpPrefix>
      addresses;              // further global addresses (host bits may be set in length < full)
  std::vector<Route> routes;  // through the interface
  friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};

enum class MppeDirection : std::uint8_t { send, receive };

// The kernel arms a compressor when a CCP Configure-Ack passes the unit while CcpFlags::open is set
// and its key is known: set the receive key before the peer can acknowledge our request, the send
// key before our own Configure-Ack is sent, and `open` before both.
struct MppeSpec {
  MppeDirection direction = MppeDirection::send;
  unsigned bits = 128;  // 40 or 128; Linux has no 56
  bool stateless = true;
  Secret key;  // the start key of RFC 3079, 8 octets (40 bits) or 16 (128 bits)
};

// SC_CCP_OPEN, SC_CCP_UP, SC_MUST_COMP: open before the Configure-Acks pass, up afterwards, must
// when unencrypted data is to be dropped. All false closes CCP and frees the compressors.
struct CcpFlags {
  bool open = false;
  bool up = false;
  bool must = false;
};

// Since the interface was made; octets are PPP payloads as the interface counts them.
struct Counters {
  SessionKey key;
  int ifindex = 0;
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0, rx_dropped = 0, tx_dropped = 0;
  std::shared_ptr<const BcpCounters> bcp = {};  // of a session that install_bcp() made
};

// How the underlay reaches a peer, without regard to our own interfaces and routes.
struct Underlay {
  int ifindex = 0;
  std::optional<IpAddress> gateway;  // none: on link
  std::optional<IpAddress> source;   // preferred source address, when the route names one
  std::uint32_t mtu = 0;             // of the path as known: min(route, interface)
  bool local = false;                // the peer is this host; nothing to pin
  friend bool operator==(const Underlay&, const Underlay&) = default;
};

// Something happened that nobody asked for.
// Somebody removed the session's interface, or did to it what ends its use: a BCP port out of its
// bridge, another MTU on its inner end. The session is not removed yet.
struct InterfaceGone {
  SessionKey key;
  std::string why{};  // empty: it is not there any more
};
struct InterfaceDown {  // somebody set it down
  SessionKey key;
};
struct UnderlayChanged {  // a pinned peer is reached another way now; the pin has followed
  IpAddress peer;
  std::optional<Underlay> underlay;  // nullopt: there is no way; the pin has been taken away
};
struct CircuitChanged {  // of a watched interface (watch_circuit)
  std::string interface;
  bool up = false;
};
// Something of the static tunnels is not as converge_static() left it. Said once: converge again.
struct StaticDisturbed {};
using Event =
    std::variant<InterfaceGone, InterfaceDown, UnderlayChanged, CircuitChanged, StaticDisturbed>;

class Dataplane {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T, KernelError>)>;

  virtual ~Dataplane() = default;

  // Only remembers. REQUIRES: the local id is not in use.
  virtual void add_tunnel(TunnelSpec spec) = 0;
  // Makes the session (and first the tunnel, once). When it fails nothing is left, not even of an
  // unbound session that was to be upgraded. EBUSY "queue full": answer CDN, try later.
  // ECANCELED: a remove overtook it, and nothing of it is left. REQUIRES: add_tunnel(key.tunnel).
  virtual void install(SessionSpec spec, Callback<Installed> done) = 0;

  // An Ethernet pseudowire, up and attached where it belongs; the tunnel is of version 3. When it
  // fails nothing is left. EBUSY, ECANCELED, REQUIRES: as install(). configure(), set_mppe(),
  // set_ccp_flags() and send_frame() are not for Ethernet; the rest is the same for both.
  virtual void install_ethernet(EthernetSpec spec, Callback<EthernetInstalled> done) = 0;
  // Off: the operational state of the interface becomes "dormant" (RFC 2863), so it does not count
  // as running and a bridge disables its port; l2tp_eth has no carrier that could be taken away.
  virtual void set_carrier(SessionKey key, bool on, Callback<Done> done) = 0;

  // A PPP session that carries bridged Ethernet, for when its NCP has opened: a new one, or one
  // that is installed unbound (SessionSpec::with_unit), of which the unbound channel is then to be
  // let go; of BcpPath::relay_unit one that is installed with its unit, which is then to be let go.
  // When it fails nothing is left, not even of what was installed: probe_bcp() first. EBUSY,
  // ECANCELED, REQUIRES: as install(). send_frame() takes every PPP frame; set_carrier() as for
  // Ethernet; configure(), set_mtu(), set_mppe() and set_ccp_flags() are for one with a unit only.
  virtual void install_bcp(BcpSpec spec, Callback<BcpInstalled> done) = 0;
  // Whether install_bcp() can work here: XDP programs, PPPoE, and the rights to them. EPERM: the
  // unit's drop-in "bcp" is missing.
  virtual void probe_bcp(Callback<Done> done) = 0;

  // Addresses, routes and which families pass. The interface is up from install on.
  virtual void configure(SessionKey key, NetworkConfig config, Callback<Done> done) = 0;
  // All of it off: addresses, routes, families. The session stays.
  virtual void deconfigure(SessionKey key, Callback<Done> done) = 0;
  // `mru` is of PPP sessions only.
  virtual void set_mtu(SessionKey key, std::uint32_t mtu, std::uint32_t mru,
                       Callback<Done> done) = 0;
  virtual void set_mppe(SessionKey key, MppeSpec spec, Callback<Done> done) = 0;
  virtual void set_ccp_flags(SessionKey key, CcpFlags flags, Callback<Done> done) = 0;
  // A PPP frame: protocol and payload, no FF 03. NCPs and CCP keep their place behind the pending
  // calls of that session; LCP and authentication go at once. Frames the kernel cannot take now are
  // dropped and counted: PPP repeats. Ignored before Installed was handed over.
  virtual void send_frame(SessionKey key, ByteView frame) = 0;
  virtual std::uint64_t dropped_frames() const = 0;  // of all sessions, since the start

  // Let go of Installed::channel and unit first: who closes last waits for the kernel.
  // Removing an unknown session or tunnel succeeds. The ids are free again when `done` runs (rest
  // them longer: deletes are asynchronous inside the kernel too).
  virtual void remove(SessionKey key, Callback<Done> done) = 0;
  // With all its sessions, in bulk; outstanding installs end with ECANCELED. Our share of the
  // socket is let go.
  virtual void remove_tunnel(TunnelId tunnel, Callback<Done> done) = 0;

  // All installed interfaces in one sweep; of static tunnels, too.
  virtual void read_counters(Callback<std::vector<Counters>> done) = 0;

  // A local address for unnumbered sessions, as /32 or /128 on lo; counted, the last release
  // removes it. An address the host already has is left alone.
  virtual void hold_address(IpAddress address, Callback<Done> done) = 0;
  virtual void release_address(IpAddress address) = 0;

  // Before an interface of ours could capture the way to the peer: a host route along the underlay,
  // which follows when the underlay changes (UnderlayChanged). Counted per peer. ENETUNREACH: no
  // way.
  virtual void pin_route(IpAddress peer, Callback<Underlay> done) = 0;
  virtual void unpin_route(IpAddress peer) = 0;

  // Whether frames have somewhere to go behind a pseudowire: `interface` exists, is up and running.
  // A bridge is so when it is up and a port of it that is not ours runs, or it has no such port:
  // its own state follows our port, and two ends that wait for each other would wait for ever.
  // Changes come as CircuitChanged. Counted per name.
  virtual void watch_circuit(std::string interface, Callback<bool> done) = 0;
  virtual void unwatch_circuit(const std::string& interface) = 0;

  // Makes the kernel's static tunnels what `wanted` says; always all of them. `remembered` is what
  // was wanted before, by an earlier run of the program as well, so that what is wanted no more is
  // told from what others made: write down `wanted` before the call, and pass what was written down
  // then. What somebody else made is left alone, unless it is exactly what is wanted. The value has
  // a row for each tunnel and session of both. Fails only when the kernel cannot be asked.
  virtual void converge_static(std::vector<StaticTunnel> wanted,
                               std::vector<StaticTunnel> remembered,
                               Callback<std::vector<StaticRow>> done) = 0;

  // At start, before anything else: takes away interfaces, routes, addresses and the nftables table
  // that a killed predecessor of the same instance left, then makes the table anew. Value: how many
  // things were removed.
  virtual void sweep_leftovers(Callback<unsigned> done) = 0;

  // Called on the loop's thread for what nobody asked for.
  virtual void set_event_handler(std::function<void(const Event&)> handler) = 0;

  // Readable when dispatch_completions() has something to do (completions and events alike).
  virtual int completion_fd() const = 0;
  virtual void dispatch_completions() = 0;
};

}  // namespace l2tpm::kernel
