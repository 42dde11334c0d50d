// A PPP link from LCP to open network protocols (RFC 1661 §3.2): the one object of PPP that the
// daemon owns, one per session. It owns LCP, authentication, IPCP, IPV6CP, BCP and CCP, and
// decides which of them runs when. It does not know what carries its frames, and keeps network data
// out: that is the kernel's.
//
//   open() -> LCP -> authentication -> Install .. installed() -> CCP, IPCP, IPV6CP, BCP -> Ipv4Up
//
// One Link is one life: after LinkDown it stays dead. Actions are to be carried out in their order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/random.h"
#include "ppp/auth.h"
#include "ppp/bcp.h"
#include "ppp/ccp.h"
#include "ppp/ipcp.h"
#include "ppp/ipv6cp.h"
#include "ppp/lcp.h"
#include "ppp/link_settings.h"
#include "ppp/send_frame.h"

namespace l2tpm::ppp {

enum class LinkPhase : std::uint8_t {
  dead,          // before open() and after LinkDown
  establish,     // LCP
  authenticate,  // one or both ends prove themselves
  network,       // CCP and NCPs, none open yet
  running,       // at least one NCP is open
  terminate,     // our Terminate-Request is out
};
std::string_view name(LinkPhase phase);

// What a LAC hands to an LNS: RFC 2661 §4.4.5. The three requests are the options of
// Configure-Requests, without their header. Empty: not known.
struct ProxyState {
  Bytes initial_received_request;
  Bytes last_sent_request;
  Bytes last_received_request;
  // Of the first phase of authentication; absent: the LAC did not authenticate.
  std::optional<AuthRequest> auth;
};

// --- Actions, beside SendFrame, CredentialsNeeded, SetMppe and SetCcpFlags. ---

struct PhaseChanged {
  LinkPhase phase = LinkPhase::dead;
};
// LCP is open (again after a renegotiation). MTU = min(peer_mru, LinkSettings::mtu_limit).
struct LcpUp {
  std::uint16_t peer_mru = 1500;
  std::uint16_t mtu = 1450;
  std::uint32_t peer_accm = 0xffffffff;
  std::uint32_t magic = 0;
  std::uint16_t peer_mrru = 0, local_mrru = 0;  // 0: that end takes no fragments (RFC 1990)
  bool peer_short_sequence = false;             // fragments to it have the short header
};
// An end has proved itself.
struct Authenticated {
  std::string user;  // as received, or ours; for people: through printable()
  AuthMethod method = AuthMethod::pap;
  bool is_peer = true;  // false: it was us
  std::string message;  // what the peer said to it; printable
};
// Make the kernel's session and unit; then installed(). Comes once in a link's life.
struct Install {
  bool unit = true;  // false: BCP alone runs on it, without MPPE: the kernel needs no interface
};
struct Ipv4Up {
  IpAddress local;
  IpAddress peer;
  std::array<IpAddress, 2> dns;  // that the peer gave us; 0.0.0.0: none
  std::array<IpAddress, 2> nbns;
};
struct Ipv4Down {};
struct Ipv6Up {
  std::uint64_t local_id = 0;  // the link-local address is fe80:: and this
  std::uint64_t peer_id = 0;
};
struct Ipv6Down {};
struct BridgeUp {
  BridgeAgreement agreement;
};
struct BridgeDown {};
// The last action of a link.
struct LinkDown {
  Cause cause;
};

using LinkAction =
    std::variant<SendFrame, PhaseChanged, LcpUp, CredentialsNeeded, Authenticated, Install, SetMppe,
                 SetCcpFlags, Ipv4Up, Ipv4Down, Ipv6Up, Ipv6Down, BridgeUp, BridgeDown, LinkDown>;

// For l2tpctl and D-Bus: texts are names of this module's enums, printable.
struct LinkStatus {
  LinkPhase phase = LinkPhase::dead;
  std::string lcp, ipcp, ipv6cp, bcp, ccp;  // automaton states; "" when the protocol does not run
  std::string user;                         // the peer's, or ours on a client
  std::string auth_of_peer, auth_of_us;     // methods; "" when there is none
  std::string auth_message;
  std::uint16_t local_mru = 1500, peer_mru = 1500, mtu = 1450;
  std::uint16_t local_mrru = 0, peer_mrru = 0;
  bool peer_short_sequence = false;
  std::uint32_t local_magic = 0, peer_magic = 0;
  bool installed = false;
  std::string mppe_receive, mppe_transmit;  // "MPPE 128 stateless" or ""
  std::uint32_t frames_ignored = 0;         // network data, malformed or unexpected frames
  std::uint32_t renegotiations = 0;         // of LCP after it was open
};

class Link {
 public:
  // Borrows `random`. Settings are shared by all links of a profile.
  Link(std::shared_ptr<const LinkSettings> settings, RandomSource& random);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The call is established: LCP starts.
  void open(TimePoint now);
  // As an LNS behind a LAC that negotiated already; what is missing or not acceptable is
  // negotiated as after open().
  void open_from_proxy(const ProxyState& state, TimePoint now);
  // A frame: protocol and payload, with or without FF 03. The kernel's 0x00FD frames read from the
  // unit come here too: lost synchronisation of MPPE.
  void receive(ByteView frame, TimePoint now);
  void handle_timeout(TimePoint now);
  // The answer to CredentialsNeeded. `network`: addresses of this user instead of
  // LinkSettings::network. Ignored when nothing was asked.
  void supply_verdict(const AuthVerdict& verdict, std::optional<NetworkSettings> network,
                      TimePoint now);
  // The kernel's session stands: the answer to Install.
  void installed(TimePoint now);
  // Terminate-Request, then LinkDown with `cause`, after 2 restart intervals at the latest.
  void close(const Cause& cause, TimePoint now);
  // The carrier is gone: LinkDown at once, nothing is sent.
  void lower_down(const Cause& cause, TimePoint now);
  // Data came in lately: the peer is alive, no echo is needed for echo_interval from now.
  void note_activity(TimePoint now);

  std::vector<LinkAction> take_actions();
  std::optional<TimePoint> next_deadline() const;

  // As a LAC, after CredentialsNeeded: what the LNS needs. The Link is then to be ended by
  // lower_down(). Without authentication: any time while LCP is open.
  ProxyState export_proxy_state() const;

  LinkPhase phase() const { return phase_; }
  LinkStatus status() const;

 private:
  // link.cc: life and LCP
  void set_phase(LinkPhase phase, std::string_view reason);
  void take_from_lcp(TimePoint now);
  void lcp_up(TimePoint now);
  void lcp_down(TimePoint now);
  void receive_lcp(const wire::PppPacket& packet, TimePoint now);
  void protocol_rejected(std::uint16_t protocol, TimePoint now);
  void finish(Cause cause);
  Cause lcp_cause() const;
  // link_disconnect.cc: what RFC 3145 calls it.
  void explain(Cause& cause) const;
  template <typename Action>
  void emit(Action&& action) {
    actions_.emplace_back(std::forward<Action>(action));
  }

  // link_auth.cc
  void start_authentication(TimePoint now);
  void receive_auth(wire::PppProtocol protocol, const wire::PppPacket& packet, TimePoint now);
  void take_from_auth_server(TimePoint now);
  void take_from_auth_peer(TimePoint now);
  std::unique_ptr<AuthServer> make_auth_server() const;
  std::unique_ptr<AuthPeer> make_auth_peer() const;
  void peer_authenticated(PeerAuthenticated result, TimePoint now);
  void take_keys(MppeKeys keys, Role end_that_has_them);
  void check_authenticated(TimePoint now);

  // link_network.cc
  void enter_network(TimePoint now);
  void request_install();
  void start_protocols(TimePoint now);
  void start_ncps(TimePoint now);
  void stop_network(TimePoint now);
  void receive_network(const wire::PppFrame& frame, TimePoint now);
  void receive_ncp(Automaton& ncp, const wire::PppPacket& packet, TimePoint now);
  void hold_or_ignore(wire::PppProtocol protocol, const wire::PppPacket& packet);
  void drop_held(wire::PppProtocol protocol);
  void feed_held(TimePoint now);
  void take_from_ccp(TimePoint now);
  void take_from_ncp(Automaton* ncp, void (Link::*announce)(), TimePoint now);
  void take_from_ncps(TimePoint now);
  Automaton* ncp_of(wire::PppProtocol protocol) const;
  bool wants(wire::PppProtocol protocol) const;
  void announce_ipv4();
  void announce_ipv6();
  void announce_bridge();
  void withdraw(wire::PppProtocol protocol);
  void withdraw_all();
  void hold_data_back();
  void let_data_pass();
  void ncp_up();
  void ncp_down(TimePoint now);
  void ncp_finished(const Automaton& ncp, TimePoint now);
  Cause network_cause() const;
  const NetworkSettings& network() const;
  bool waits_for_install() const { return install_requested_ && !installed_; }

  std::shared_ptr<const LinkSettings> settings_;
  RandomSource* random_;
  LinkPhase phase_ = LinkPhase::dead;
  bool install_requested_ = false;
  bool installed_ = false;
  bool peer_is_authentic_ = false;  // or need not be
  bool we_are_accepted_ = false;    // or need not be
  bool ncps_started_ = false;
  bool has_run_ = false;
  bool ipv4_up_ = false;
  bool ipv6_up_ = false;
  bool bridge_up_ = false;
  bool data_held_back_ = false;  // CCP is required and is not open: what is up is not said
  std::uint16_t renegotiations_ = 0;
  std::uint32_t frames_ignored_ = 0;

  Lcp lcp_;
  // Exist while they are needed: authentication until an NCP is open, the others in the phases
  // network and running.
  std::unique_ptr<AuthServer> auth_server_;
  std::unique_ptr<AuthPeer> auth_peer_;
  std::unique_ptr<Ccp> ccp_;
  std::unique_ptr<Ipcp> ipcp_;
  std::unique_ptr<Ipv6cp> ipv6cp_;
  std::unique_ptr<Bcp> bcp_;

  std::unique_ptr<NetworkSettings> network_;      // of this user; else settings_->network
  std::unique_ptr<AuthRequest> pending_request_;  // unanswered CredentialsNeeded
  const AuthRequest* proxied_request_ = nullptr;  // only within open_from_proxy()
  std::unique_ptr<MppeKeys> keys_;                // from authentication to CCP
  std::vector<Bytes> held_;  // Configure-Requests that wait for an install or for CCP
  std::string user_;         // the peer's; or ours when only we authenticated
  std::string auth_message_;
  std::unique_ptr<Cause> closing_;  // why our Terminate-Request is out
  std::string terminate_text_;      // of the peer's
  std::optional<TimePoint> network_deadline_;
  std::optional<TimePoint> ccp_wait_;
  std::vector<LinkAction> actions_;
};

}  // namespace l2tpm::ppp
