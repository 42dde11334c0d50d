// What a link is asked to negotiate. One immutable LinkSettings serves all links of a listener or a
// client profile; NetworkSettings are a user's own and arrive with the verdict.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/mac_address.h"
#include "base/secret.h"
#include "ppp/automaton.h"
#include "ppp/ccp.h"
#include "ppp/credentials.h"

namespace l2tpm::ppp {

struct Ipv4Settings {
  bool enabled = true;
  IpAddress local;            // ours; 0.0.0.0: ask the peer for one
  IpAddress peer;             // what the peer gets; 0.0.0.0: whatever it says, if accept_peer
  bool accept_local = false;  // the peer may give us another than `local`
  bool accept_peer = false;   // the peer may insist on another address than `peer`
  bool request_dns = false;   // ask for name servers (RFC 1877)
  bool request_nbns = false;
  std::array<IpAddress, 2> dns;  // to give to the peer; 0.0.0.0: none, the option is rejected
  std::array<IpAddress, 2> nbns;
};

struct Ipv6Settings {
  bool enabled = false;
  std::uint64_t local_id = 0;  // our interface identifier, as the number it is; 0: random
  std::uint64_t peer_id = 0;   // what the peer gets; 0: what it asks for, or random
  bool accept_peer = true;     // the peer may insist on another identifier than `peer_id`
};

// Ethernet frames on the link (BCP, RFC 3518).
struct BridgeSettings {
  std::optional<MacAddress> mac;  // of our bridge port, announced to the peer; usable
  bool tagged_frames = true;      // say that we take IEEE 802.1Q tags
};

// The addresses of one session, and whether it bridges.
struct NetworkSettings {
  Ipv4Settings ipv4;
  Ipv6Settings ipv6;
  std::optional<BridgeSettings> bridge;
};

// When Install is emitted (the daemon then makes the kernel's session, channel and unit, and calls
// installed()).
enum class InstallPoint : std::uint8_t {
  // The peer's first acceptable NCP Configure-Request is held until installed(). Becomes
  // after_authentication by itself when CCP may run.
  before_first_ncp_ack,
  after_authentication,
  // The daemon has a PPPoX socket before open(); the unit is asked for as in before_first_ncp_ack.
  at_call_established,
};

// What an LNS does with proxied LCP and authentication (open_from_proxy).
enum class ProxyUse : std::uint8_t {
  accept,           // adopt both, unless LCP's result contradicts our settings: then negotiate anew
  challenge_again,  // adopt LCP, authenticate again ourselves
  renegotiate,      // ignore both
};

// Who placed the call. It decides nothing but this: when both ends authenticate by MS-CHAP, MPPE's
// keys come from the exchange in which the called end is the authenticator.
enum class Role : std::uint8_t { calling, called };

struct LinkSettings {
  Role role = Role::called;

  // LCP
  std::uint16_t mru = 1450;        // offered; 128..65535. Not sent when it is 1500
  std::uint16_t mtu_limit = 1450;  // what the path carries; MTU = min(peer's MRU, this)
  // Multilink (RFC 1990 §5.1.1), for frames larger than an MRU: what we put together from
  // fragments, 128..65535. Zero: not offered, and the peer's offer is rejected.
  std::uint16_t mrru = 0;
  FsmTimers timers;  // of all automata

  // Authentication. Ordered by preference; empty: the peer need not authenticate.
  std::vector<AuthMethod> authenticate_peer;
  // What we let ourselves be asked for, by preference; empty: nothing.
  std::vector<AuthMethod> answer;
  std::string user;  // as whom we authenticate
  Secret password;
  std::string local_name = "l2tp-manager";  // as authenticator, in our Challenges
  Duration auth_retransmit = 3s;
  Duration auth_timeout = 60s;      // until the peer begins or the verdict comes
  Duration rechallenge_interval{};  // CHAP, after success; zero: never
  ProxyUse proxy_use = ProxyUse::accept;

  // Network protocols and encryption
  NetworkSettings network;  // unless supply_verdict() brings the user's
  MppePolicy mppe{.use = MppeUse::off};
  InstallPoint install_point = InstallPoint::before_first_ncp_ack;
  Duration network_timeout = 30s;  // from authentication to the first open NCP, installs apart
  Duration ccp_wait = 6s;          // how long NCPs wait for CCP under MppeUse::prefer

  // LCP Echo-Requests, sent only after this much silence; zero: never.
  Duration echo_interval = 30s;
  std::uint8_t echo_failures = 4;  // unanswered in a row; then echo_timeout
};

}  // namespace l2tpm::ppp
