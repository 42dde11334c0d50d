// What the administrator wrote, checked: plain values, every default filled in, every range tested.
// Nothing here knows JSON. Durations of zero mean "never" where that is said. The keys in the
// comments are those of profile.schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "config/bcp.h"
#include "config/version3.h"

namespace l2tpm::config {

inline constexpr std::uint16_t kL2tpPort = 1701;

// ---- shared by both kinds ----

enum class AuthMethod : std::uint8_t { pap, chap_md5, mschap_v1, mschap_v2 };
// "pap", "chap-md5", "mschap", "mschapv2"
std::string_view name(AuthMethod method);

enum class MppeMode : std::uint8_t { off, prefer, require };
std::string_view name(MppeMode mode);

struct Mppe {
  MppeMode mode = MppeMode::off;
  bool bits_128 = true;  // "strengths": [128, 40]
  bool bits_40 = false;
  bool stateful = false;  // offer and accept stateful mode; stateless is preferred in any case
  friend bool operator==(const Mppe&, const Mppe&) = default;
};

// RFC 2661 §5.4: who numbers data messages.
enum class DataSequencing : std::uint8_t { none, want, require };
std::string_view name(DataSequencing sequencing);

// Which UDP ports a tunnel may move to after the SCCRQ (RFC 2661 §8.1).
enum class PortFloat : std::uint8_t {
  accept_theirs,  // initiator: the responder may answer from another port
  never,          // initiator: an answer from another port is ignored; responder: answers from 1701
  ours,           // responder: answers from a port of its own
};
std::string_view name(PortFloat policy);

// When the session enters the kernel (docs/ARCHITECTURE.md); normally derived from the profile.
enum class InstallPoint : std::uint8_t {
  before_first_ncp_ack,
  after_authentication,
  at_call_established,
};
std::string_view name(InstallPoint point);

struct Retransmit {
  Duration initial = 1s;
  Duration max_interval = 8s;
  unsigned count = 6;  // retransmissions before the peer is given up
  friend bool operator==(const Retransmit&, const Retransmit&) = default;
};

struct Tunnel {
  std::string host_name;  // AVP 7; empty: the machine's name
  Secret secret;          // empty: no tunnel authentication
  // Send a Challenge and insist on the right Response. REQUIRES a secret. A peer's challenge is
  // answered whenever there is a secret. Default: true exactly when there is a secret.
  bool challenge = false;
  bool hide_avps = false;  // RFC 2661 §4.3, needs a secret
  Duration hello = 60s;    // zero: never send HELLO, only answer it
  std::uint16_t receive_window = 128;
  Retransmit retransmit;
  Duration setup_timeout = 60s;                     // SCCRQ to established
  PortFloat port_float = PortFloat::accept_theirs;  // a listener's default is `never`
  bool tie_breaker = true;                          // initiator: send AVP 5 in SCCRQ
  // Version 3. The digest is `none` unless there is a secret or it is asked for; without a secret
  // it only finds damage.
  MessageDigest digest = MessageDigest::none;
  Secret second_secret;  // accepted, too, while the secret is being changed at both ends
  // Cisco's Challenge from before RFC 3931, with `secret`; then no digest unless it is asked for.
  bool cisco_challenge = false;
  std::uint32_t router_id =
      0;                    // AVP 60; 0: the address that the tunnel runs from (IPv4), or random
  bool permissive = false;  // treat unknown mandatory AVPs as optional
  bool ignore_unanswered_hello = false;  // do not end the tunnel for it
  friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

struct Echo {
  Duration interval = 30s;  // zero: no echo requests
  unsigned failures = 4;
  friend bool operator==(const Echo&, const Echo&) = default;
};

struct PppLink {
  std::optional<std::uint16_t> mru;  // what we ask the peer to send at most; nullopt: "auto"
  std::optional<std::uint16_t> mtu;  // of the interface; nullopt: "auto" (min of MRU and path)
  Mppe mppe;
  Echo echo;
  friend bool operator==(const PppLink&, const PppLink&) = default;
};

// ---- client ----

struct Peer {
  std::string host;  // a name or an address
  std::uint16_t port = kL2tpPort;
  friend bool operator==(const Peer&, const Peer&) = default;
};

struct LocalEnd {
  std::optional<IpAddress> address;
  std::uint16_t port = 0;  // 0: 1701 if free for that peer, else ephemeral
  bool any_port = false;   // never 1701: ephemeral
  friend bool operator==(const LocalEnd&, const LocalEnd&) = default;
};

// "calls": an OCRQ from this profile's LNS is answered with this profile's credentials.
struct OutgoingAnswer {
  bool enabled = false;
  std::string called_number;  // a pattern where '*' is any run of characters; empty: any number
  bool matches(std::string_view number) const;
  friend bool operator==(const OutgoingAnswer&, const OutgoingAnswer&) = default;
};

// How we make the peer prove itself over PPP.
struct AuthenticatePeer {
  std::vector<AuthMethod> methods;  // in order of preference; empty: the peer is not asked
  std::string peer_name;            // the name it must give; empty: any
  Secret secret;
  friend bool operator==(const AuthenticatePeer&, const AuthenticatePeer&) = default;
};

struct ClientIpv4 {
  bool enabled = true;
  std::optional<IpAddress> address;  // asked for; nullopt: whatever is given
  std::optional<IpAddress> peer_address;
  bool request_dns = true;
  friend bool operator==(const ClientIpv4&, const ClientIpv4&) = default;
};

struct ClientIpv6 {
  bool enabled = true;
  std::optional<std::uint64_t> interface_id;  // nullopt: random
  friend bool operator==(const ClientIpv6&, const ClientIpv6&) = default;
};

struct ClientPpp {
  std::string user;
  Secret password;
  bool ask_password = false;  // {"$ask": true}: an agent is asked at each start
  // Accepted when the peer asks us to authenticate, in order of preference.
  std::vector<AuthMethod> methods = {AuthMethod::mschap_v2, AuthMethod::chap_md5};
  AuthenticatePeer authenticate_peer;
  PppLink link;
  ClientIpv4 ipv4;
  ClientIpv6 ipv6;
  std::optional<Bcp> bcp;  // with it IP runs only where the profile says so
  friend bool operator==(const ClientPpp&, const ClientPpp&) = default;
};

struct Routes {
  bool default_route = false;
  std::uint32_t metric = 0;  // 0: the kernel's default
  std::vector<IpPrefix> add;
  friend bool operator==(const Routes&, const Routes&) = default;
};

struct Redial {
  bool enabled = true;
  Duration initial = 1s;
  Duration max = 60s;
  unsigned jitter_percent = 20;   // each wait is shortened by up to this much
  unsigned give_up = 0;           // failures in a row; 0: never
  Duration primary_retry = 5min;  // on a later LNS: after this long the first is tried; 0: never
  friend bool operator==(const Redial&, const Redial&) = default;
};

struct ClientProfile {
  std::string name;
  bool autostart = false;
  Version version = Version::two;
  Transport transport = Transport::udp;
  std::vector<Peer> peers;  // never empty; in order of preference
  LocalEnd local;
  Tunnel tunnel;
  OutgoingAnswer answer_outgoing;
  // Of version 3. Empty: one PPP session, as in version 2; `ppp` and what follows it are of that.
  std::vector<Pseudowire> pseudowires;
  bool has_ppp = true;  // there is a PPP session
  ClientPpp ppp;
  std::string interface;  // empty: chosen by the daemon
  Routes routes;
  bool mss_clamp = true;
  DataSequencing data_sequencing = DataSequencing::none;
  Redial redial;
  Duration idle_timeout = 0s;     // zero: never
  Duration session_timeout = 0s;  // zero: never
  std::optional<InstallPoint> install_point;
  friend bool operator==(const ClientProfile&, const ClientProfile&) = default;
};

// ---- listener ----

// How a listener treats one peer, or a group; the first rule that matches is the peer's. What a
// rule leaves out is the listener's `tunnel`.
struct PeerRule {
  std::string name;                 // for logs and "outgoing"; default: host_name, else address
  std::string host_name;            // AVP 7 of the SCCRQ, '*' matches any run; empty: any
  std::optional<IpPrefix> address;  // nullopt: any
  Tunnel tunnel;                    // with what the rule overrides filled in
  bool allow = true;                // false: StopCCN, not authorised
  bool matches(std::string_view peer_host_name, const IpAddress& peer) const;
  friend bool operator==(const PeerRule&, const PeerRule&) = default;
};

struct ListenerLimits {
  std::uint32_t tunnels = 20000;
  std::uint32_t sessions = 60000;
  std::uint32_t sessions_per_tunnel = 60000;
  std::uint32_t half_open = 2000;       // tunnels whose SCCCN has not come
  std::uint32_t sccrq_per_source = 20;  // per second and /32 (/64 for IPv6)
  std::uint32_t sccrq_total = 1000;     // per second
  friend bool operator==(const ListenerLimits&, const ListenerLimits&) = default;
};

struct AddressRange {  // IPv4, both ends included
  IpAddress first;
  IpAddress last;
  std::string to_string() const;
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

struct ListenerIpv4 {
  bool enabled = true;
  IpAddress local_address;  // ours on every session
  // Where addresses come from: a name under "pools" of the daemon's file, or "@" and the profile's
  // name for a pool written into the profile. Equal names share one pool. Empty: only users with
  // an address of their own get one.
  std::string pool;
  std::vector<AddressRange> ranges;  // the pool's, from wherever it is written; disjoint
  std::vector<AddressRange> exclude;
  std::vector<IpAddress> dns;   // at most 2
  std::vector<IpAddress> nbns;  // at most 2
  friend bool operator==(const ListenerIpv4&, const ListenerIpv4&) = default;
};

struct InterfaceIdRange {  // both ends included, never 0
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const InterfaceIdRange&, const InterfaceIdRange&) = default;
};

struct ListenerIpv6 {
  bool enabled = true;
  std::optional<std::uint64_t> local_interface_id;  // nullopt: random per session
  std::optional<InterfaceIdRange> pool;             // nullopt: random
  friend bool operator==(const ListenerIpv6&, const ListenerIpv6&) = default;
};

struct ListenerPpp {
  // What the peer is asked for, in order of preference; empty ("none"): no authentication.
  std::vector<AuthMethod> authenticate = {AuthMethod::mschap_v2, AuthMethod::chap_md5};
  std::string name;  // ours in challenges; empty: the tunnel host name
  std::string user;  // when the peer asks us to authenticate too; empty: refused
  Secret password;
  Duration rechallenge = 0s;  // CHAP, while the session is up; zero: never
  PppLink link;
  ListenerIpv4 ipv4;
  ListenerIpv6 ipv6;
  std::optional<Bcp> bcp;  // with it IP runs only where the profile says so
  friend bool operator==(const ListenerPpp&, const ListenerPpp&) = default;
};

struct User {
  std::string name;  // as the peer gives it: "alice", "alice@example.net", "DOMAIN\\alice"
  Secret password;
  std::optional<IpAddress> address;           // always this one
  std::optional<std::uint64_t> interface_id;  // always this one
  unsigned max_sessions = 0;                  // at a time; 0: no limit
  std::vector<IpPrefix> routes;               // behind the user: a branch's networks
  // Instead of the listener's; such a user gets IP only with an address or identifier of its own.
  std::optional<Bcp> bcp;
  friend bool operator==(const User&, const User&) = default;
};

struct OutgoingCall {  // an OCRQ to a peer
  std::string peer;    // a PeerRule's name
  std::string called_number;
  std::string sub_address;
  bool autostart = false;
  friend bool operator==(const OutgoingCall&, const OutgoingCall&) = default;
};

struct ListenerProfile {
  std::string name;
  bool autostart = true;
  std::vector<IpAddress> addresses;  // 0.0.0.0 and :: stand for any of their family; never empty
  std::uint16_t port = kL2tpPort;
  bool on_udp = true, on_ip = false;               // "listen": {"transports": [...]}
  bool accepts_two = true, accepts_three = false;  // "versions"
  std::vector<Pseudowire> pseudowires;             // granted by Remote End ID
  bool has_ppp = true;                             // PPP is granted, too
  Tunnel tunnel;
  // A peer without tunnel authentication is refused; default: true when `tunnel` or any rule has a
  // secret.
  bool require_tunnel_auth = false;
  std::vector<PeerRule> peers;
  bool allow_unknown_peers = true;  // a peer that no rule matches gets `tunnel`
  ListenerLimits limits;
  ListenerPpp ppp;
  std::vector<User> users;  // inline and from the users file
  std::string interface_prefix = "l2tp";
  bool export_sessions = false;  // each tunnel and session is an object on the bus
  DataSequencing data_sequencing = DataSequencing::none;
  bool mss_clamp = true;
  Duration idle_timeout = 0s;
  Duration session_timeout = 0s;
  std::vector<OutgoingCall> outgoing;
  std::optional<InstallPoint> install_point;
  friend bool operator==(const ListenerProfile&, const ListenerProfile&) = default;

  // Ethernet is bridged for somebody: the listener's "bcp" or a user's.
  bool bridges() const;
  // The tunnel settings for a peer by its Host Name and address: the first rule that matches, the
  // listener's own when none does, nullptr when it is to be refused.
  const Tunnel* tunnel_for(std::string_view peer_host_name, const IpAddress& peer) const;
};

using Profile = std::variant<ClientProfile, ListenerProfile, StaticProfile>;
const std::string& profile_name(const Profile& profile);
// Whether it needs L2TPv3: "" or what of it does, for a sentence: "\"version\": 3".
std::string_view needs_version3(const Profile& profile);

// ---- the daemon ----

struct Pool {
  std::vector<AddressRange> ranges;
  std::vector<AddressRange> exclude;
  friend bool operator==(const Pool&, const Pool&) = default;
};

struct DaemonConfig {
  LogLevel log_level = LogLevel::info;
  unsigned workers = 0;  // threads for the kernel's blocking calls; 0: chosen by the daemon
  unsigned resolver_threads = 2;  // 1..4
  std::uint32_t max_tunnels = 60000;
  std::uint32_t max_sessions = 60000;
  Duration shutdown_timeout = 5s;  // SIGTERM: how long peers may take to answer
  std::map<std::string, Pool> pools;
  // "defaults": what a profile of that kind starts from, as JSON text; empty: nothing.
  std::string client_defaults;
  std::string listener_defaults;
  friend bool operator==(const DaemonConfig&, const DaemonConfig&) = default;
};

struct Config {
  DaemonConfig daemon;
  std::map<std::string, ClientProfile> clients;      // by name
  std::map<std::string, ListenerProfile> listeners;  // by name
  std::map<std::string, StaticProfile> statics;      // by name; no name is in two of them
  friend bool operator==(const Config&, const Config&) = default;
};

// '*' matches any run of characters, everything else itself; letters A-Z match a-z.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace l2tpm::config
