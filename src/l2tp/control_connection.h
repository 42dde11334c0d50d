// One control connection of L2TPv2 or L2TPv3, either end of it, with its calls: RFC 2661 and RFC
// 3931 as machines. Where the RFCs share a table so do the versions. Owned by the daemon, which
// gives it datagrams already decoded, the time, and carries out its actions. It has no socket, no
// clock and no callback; it knows nothing of PPP or of the kernel.
//
// Contract: after every call take_actions() and carry them out in order, then arm next_deadline().
// A call may be made at any time in any state: what is out of place is ignored or answered as the
// RFC says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/cause.h"
#include "base/clock.h"
#include "base/deadline_heap.h"
#include "base/id_pool.h"
#include "base/ids.h"
#include "base/random.h"
#include "l2tp/action.h"
#include "l2tp/authentication.h"
#include "l2tp/call.h"
#include "l2tp/digest_authentication.h"
#include "l2tp/quirks.h"
#include "l2tp/reliable_delivery.h"
#include "l2tp/settings.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// What the peer said about itself in SCCRQ or SCCRP. Texts are peer-controlled: printable() them.
struct PeerInfo {
  TunnelId tunnel;  // its Assigned Tunnel (or Control Connection) ID, the one in our headers
  std::string host_name;
  std::string vendor_name;
  std::uint16_t firmware_revision = 0;
  std::uint32_t framing_capabilities = 0;
  std::uint32_t bearer_capabilities = 0;
  std::uint16_t receive_window_size = 4;
  std::optional<std::uint64_t> tie_breaker;  // of its SCCRQ
  // L2TPv3.
  std::uint32_t router_id = 0;             // AVP 60; identifies it beside its name (§3.3)
  std::vector<std::uint16_t> pseudowires;  // AVP 62
  std::string preferred_language;          // AVP 72
  // What it said beyond RFC 2661: for people, bounded.
  std::vector<wire::AvpText> others;
};

class ControlConnection {
 public:
  // The RFC's states. Its "idle" before and after are three of ours: `idle` has not begun;
  // `closing` has ended and acknowledges or waits for the acknowledgement of StopCCN; `finished`
  // is to be deleted.
  enum class State : std::uint8_t {
    idle,
    wait_ctl_reply,
    wait_ctl_conn,
    established,
    closing,
    finished,
  };

  // Everything `l2tpctl tunnel show` wants to know.
  struct Status {
    State state = State::idle;
    unsigned version = 0;  // 2 or 3; 0: the peer's answer will decide
    bool initiator = false;
    TunnelId own_tunnel;
    PeerInfo peer;
    ReliableDelivery::Status delivery;
    bool we_challenged = false;
    bool peer_challenged = false;
    bool peer_authenticated = false;
    bool avps_hidden = false;  // we hide, and the peer has a secret to unhide with
    // L2TPv3: messages carry digests that only who knows a secret can make; which of the settings'
    // the peer used last; what was dropped because of them.
    bool digests_required = false;
    std::size_t digest_secret = 0;
    std::uint64_t digests_wrong = 0;
    std::uint64_t digests_missing = 0;
    std::size_t sessions = 0;  // all, in whatever state
    std::size_t sessions_up = 0;
    std::optional<TimePoint> last_heard;   // any valid control message
    std::optional<TimePoint> established;  // since
    std::optional<TimePoint> next_hello;
    std::uint64_t hellos_sent = 0;
    std::uint64_t avps_ignored = 0;        // unknown, M bit clear
    std::vector<std::string_view> quirks;  // applied so far
    Cause cause;                           // of the end; none before
  };

  // `own_tunnel`: 1..65535, with Versions::v3_only any but 0, from the daemon's pool. `random` and
  // `v3_sessions` are borrowed and must outlive this. Session ids of L2TPv3 come from
  // `v3_sessions`, because Linux wants them unique in a network namespace; without it, from a pool
  // of this connection's own.
  ControlConnection(TunnelId own_tunnel, std::shared_ptr<const Settings> settings,
                    RandomSource& random, IdPool* v3_sessions = nullptr);
  ControlConnection(const ControlConnection&) = delete;
  ControlConnection& operator=(const ControlConnection&) = delete;

  // The initiator's beginning: SCCRQ. A responder's is receive() with a SCCRQ.
  void open(TimePoint now);
  // Any control message for this tunnel, from wire::decode_control with our secret in its options;
  // a SCCRQ that the peer repeats comes here too (routed by peer address and its Assigned Tunnel
  // ID). `datagram_size` is the UDP payload's, for the answer budget.
  void receive(const wire::ControlMessage& message, std::size_t datagram_size, TimePoint now);
  // The same from the octets, of either version: a UDP payload, or what follows the four zero
  // octets over IP. The only way in for L2TPv3, where the digest is asked before anything is
  // believed: what fails is dropped and counted. A version that this connection does not speak is
  // dropped, but for a SCCRQ, which is refused.
  void receive_datagram(ByteView datagram, TimePoint now);
  // A responder's refusal, to be said before the SCCRQ is received: StopCCN with this cause
  // (unknown peer, lost tie) answers it.
  void refuse(const Cause& cause) { refusal_ = cause; }
  void handle_timeout(TimePoint now);
  // StopCCN with the result code that fits the cause (or cause.result_code when it is set). All
  // sessions end with the same cause, then TunnelDown; Finished follows when StopCCN is
  // acknowledged or given up.
  void close(const Cause& cause, TimePoint now);
  // Another control connection of the same two peers won (§4.4.3, tie breaker): ends at once
  // without a message; TunnelDown{tie_lost}, Finished.
  void lose_tie(TimePoint now);
  // Is the peer still there? A HELLO now, if nothing is unacknowledged that would tell as well.
  void probe(TimePoint now);

  // As LAC: ICRQ, then ICCN with request.connect. Waits if the tunnel is not up yet. A zero id: no
  // session id or no room (max_sessions), or the connection has ended.
  SessionId place_incoming_call(IncomingCallRequest request, TimePoint now);
  // As LNS: OCRQ; SessionUp follows the peer's OCCN.
  SessionId place_outgoing_call(OutgoingCallRequest request, TimePoint now);
  // Answers IncomingCallRequested with ICRP (SessionUp follows the peer's ICCN), or
  // OutgoingCallRequested with OCRP (then call_connected()).
  void accept_call(SessionId session, TimePoint now);
  // The LAC's bearer stands: OCCN and SessionUp. With an L2TP client as LAC: right after
  // accept_call().
  void call_connected(SessionId session, CallParameters parameters, TimePoint now);
  // L2TPv3, either end: ICRQ; SessionUp, with a Pseudowire, comes with our ICCN. A session that
  // lost a tie ends with CauseCode::tie_lost, and PseudowireRequested follows for the one that won.
  // A zero id also while the version is still open (Versions::v3_or_v2): ask after TunnelUp.
  SessionId place_pseudowire(PseudowireRequest request, TimePoint now);
  // Answers PseudowireRequested with ICRP; SessionUp follows the peer's ICCN.
  void accept_pseudowire(SessionId session, const PseudowireWish& wish, TimePoint now);
  // The circuit at our end, whenever it changes, in any state of a pseudowire: said in the next
  // message of its set-up or in SLI.
  void set_circuit_status(SessionId session, bool active, TimePoint now);
  // Answers a …Requested with CDN; SessionDown follows as for every session.
  void reject_call(SessionId session, const Cause& cause, TimePoint now);
  // CDN with the result code that fits the cause, or cause.result_code when it is set; RFC 3145's
  // AVP when cause.disconnect_code is set. SessionDown.
  void close_session(SessionId session, const Cause& cause, TimePoint now);
  // The owner has removed everything that used the id (kernel session, interface): only now may it
  // rest and be used again. After SessionDown only.
  void forget_session(SessionId session, TimePoint now);

  // As LNS, for an established session; else ignored.
  void send_set_link_info(const LinkInfo& info, TimePoint now);
  // As LAC, in L2TPv3 either end, likewise.
  void send_wan_error_notify(const WanErrors& errors, TimePoint now);

  std::vector<Action> take_actions();
  std::optional<TimePoint> next_deadline() const;

  State state() const { return state_; }
  unsigned version() const { return version_; }  // 0: not decided yet
  TunnelId own_tunnel() const { return own_tunnel_; }
  const PeerInfo& peer() const { return peer_; }
  Status status() const;
  // The peer's session id, and ours back from it; zero when there is none.
  SessionId peer_session(SessionId session) const;
  // Our SCCRQ's Tie Breaker, if one was sent.
  std::optional<std::uint64_t> tie_breaker() const { return tie_breaker_; }

 private:
  enum class Event : std::uint8_t {
    open_request,
    sccrq_acceptable,
    sccrq_unacceptable,
    sccrp_acceptable,
    sccrp_unacceptable,
    scccn_acceptable,
    scccn_unacceptable,
    stopccn,
    close_request,
    protocol_error,
    tie_lost,
    peer_lost,  // retransmissions or set-up time are used up
    stopccn_acknowledged,
    linger_over,
  };
  struct Input {
    TimePoint now;
    const wire::ControlMessage* message = nullptr;
    Cause cause = {};  // of an end
  };
  using Act = void (ControlConnection::*)(const Input&);
  struct Transition {
    State from;
    Event event;
    Act act;
    State to;
  };
  static std::span<const Transition> transitions();
  static std::string_view event_name(Event event);

  void step(Event event, const Input& input);
  void enter(State next, Event event, const Cause& cause);

  // Acts.
  void send_sccrq(const Input& input);
  void send_sccrp(const Input& input);
  void send_scccn(const Input& input);
  void tunnel_open(const Input& input);
  void send_stopccn(const Input& input);
  void linger(const Input& input);
  void clean_up(const Input& input);
  void stop_lingering(const Input& input);

  // Messages: control_connection_messages.cc.
  bool is_addressed_to_us(const wire::ControlMessage& message);
  void process(const wire::ControlMessage& message, TimePoint now);
  void process_when_closing(const wire::ControlMessage& message);
  void process_problem(const wire::ControlMessage& message, TimePoint now);
  void learn_peer(const wire::ControlMessage& message);
  // Whether SCCRQ, SCCRP or SCCCN is acceptable: nullopt, or why not.
  std::optional<Cause> judge_introduction(const wire::ControlMessage& message);
  std::optional<Cause> judge_response(const wire::ControlMessage& message);
  wire::ControlMessage introduce_ourselves(wire::MessageType type);
  void send(wire::ControlMessage message, TimePoint now);
  bool has_secret() const;
  bool expects_challenge() const;
  void decide_version(unsigned version);

  // L2TPv3: control_connection_v3.cc.
  void receive_v3(ByteView datagram, TimePoint now);
  void receive_v2(ByteView datagram, TimePoint now);
  bool believes(ByteView message, const wire::ControlMessage& peek, TimePoint now);
  void drop_undigested(DigestAuthentication::Verdict verdict, bool is_opening, TimePoint now);
  void introduce_v3(wire::ControlMessage& message);
  std::optional<Cause> judge_v3_introduction(const wire::ControlMessage& message);
  std::string why_unanswered() const;

  // Pseudowires: control_connection_pseudowires.cc.
  void process_v3_call_message(const wire::ControlMessage& message, TimePoint now);
  void process_pseudowire_request(const wire::ControlMessage& message, TimePoint now);
  // False when a session of ours for the same circuit has won.
  bool settle_session_tie(const wire::ControlMessage& message, TimePoint now);
  void process_v3_session_problem(const wire::ControlMessage& message, Cause cause, TimePoint now);
  void process_v3_notification(const wire::ControlMessage& message);
  Call* find_in_v3(const wire::ControlMessage& message);
  void note_asked(const Call& call, const std::string* asked_before);
  Bytes draw_cookie(std::uint8_t size);

  // Calls: control_connection_calls.cc.
  void process_request(const wire::ControlMessage& message, TimePoint now);
  void process_cdn(const wire::ControlMessage& message, TimePoint now);
  void process_call_message(const wire::ControlMessage& message, TimePoint now);
  void process_notification(const wire::ControlMessage& message);
  void refuse_request(const wire::ControlMessage& message, const Cause& cause, TimePoint now);
  SessionId place(CallKind kind, Call::Input input, TimePoint now);
  Call* find(SessionId session);
  Call* find_by_peer(SessionId peer_session);
  void step_call(Call& call, Call::Input input, TimePoint now);
  void step_call(SessionId session, Call::Input input, TimePoint now);
  void end_all_calls(const Cause& cause);

  void end(const Cause& cause);
  void handle_delivery_failure(TimePoint now);
  std::optional<TimePoint> hello_at() const;
  void send_hello(TimePoint now);
  void note_quirk(Quirk quirk);
  // The end of every public call: what is to be sent is sent, failures are seen.
  void settle(TimePoint now);
  bool is_consistent() const;

  TunnelId own_tunnel_;
  std::shared_ptr<const Settings> settings_;
  RandomSource& random_;
  State state_ = State::idle;
  bool initiator_ = false;
  bool stopccn_sent_ = false;
  bool hello_pending_ = false;   // sent, not acknowledged
  bool hello_given_up_ = false;  // see Quirks
  std::uint8_t quirks_ = 0;      // bit per Quirk, applied so far
  bool cisco_draft_ = false;     // the peer speaks as Cisco did before RFC 3931
  PeerInfo peer_;
  unsigned version_;  // 0: the first message of the peer's decides
  std::optional<Cause> refusal_;
  Authentication authentication_;
  DigestAuthentication digests_;
  std::uint64_t digests_wrong_ = 0;
  std::uint64_t digests_missing_ = 0;
  Duration hello_jitter_{};                    // RFC 3931 §4.4
  std::optional<ChallengeResponse> response_;  // to the peer's challenge, for the next message
  std::optional<std::uint64_t> tie_breaker_;
  ReliableDelivery delivery_;

  std::optional<TimePoint> setup_until_;
  std::optional<TimePoint> linger_until_;
  std::optional<TimePoint> established_;
  std::uint64_t hellos_sent_ = 0;
  std::uint64_t avps_ignored_ = 0;
  Cause cause_;

  IdPool own_session_ids_;
  IdPool* session_ids_;  // own_session_ids_, or the daemon's for L2TPv3
  IdPool* v3_session_ids_;
  // Our ICRQs that wait for an answer, by their end ids: what the peer may ask for as well.
  std::unordered_map<std::string, SessionId> asked_end_ids_;
  std::unordered_map<SessionId, Call> calls_;
  std::unordered_set<SessionId> ended_;                     // until forget_session()
  std::unordered_map<SessionId, SessionId> calls_by_peer_;  // the peer's id to ours
  std::vector<SessionId> waiting_for_tunnel_;
  DeadlineHeap<SessionId> call_deadlines_;
  std::uint32_t next_serial_ = 1;
  std::size_t sessions_up_ = 0;

  std::vector<Action> events_;  // all actions but datagrams, which go first
};

std::string_view name(ControlConnection::State state);

// RFC 2661 §4.4.3, Tie Breaker: both ends have sent SCCRQ and want one tunnel. "The lower value
// wins"; equal values discard both; an end that sent none loses to one that did; none at all: both
// tunnels live.
enum class Tie : std::uint8_t { we_win, peer_wins, both_discard, no_tie };
Tie compare_tie_breakers(std::optional<std::uint64_t> ours, std::optional<std::uint64_t> theirs);
std::string_view name(Tie tie);

}  // namespace l2tpm::l2tp
