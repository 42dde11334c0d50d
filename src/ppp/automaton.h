// The option negotiation automaton of RFC 1661 §4, once for LCP, IPCP, IPV6CP and CCP. A protocol
// derives from it and says what its options are; states, timers, counters, identifiers and the
// answers to packets in the wrong state are here. Owned by a Link (LCP and the NCPs); it knows
// nothing of what its packets travel in.
//
// The table of §4.1 is followed cell by cell, with two refinements that keep a link that loses or
// duplicates packets from flapping (both are usual practice):
// - one response per request: a second Ack, Nak or Reject to the same Identifier is a duplicate
//   and ignored, where the table would see a crossed connection;
// - a Configure-Request that repeats, octet for octet, the one we acknowledged is acknowledged
//   again without leaving Opened, during the first kDuplicateWindow after opening: our Ack was
//   lost. Later the table holds, since the peer may have restarted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/cause.h"
#include "base/clock.h"
#include "ppp/send_frame.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::ppp {

// RFC 1661 §4.2; the numbers are the table's.
enum class FsmState : std::uint8_t {
  initial,
  starting,
  closed,
  stopped,
  closing,
  stopping,
  req_sent,
  ack_rcvd,
  ack_sent,
  opened,
};
std::string_view name(FsmState state);  // "req-sent"

// RFC 1661 §4.3, in the table's order.
enum class FsmEvent : std::uint8_t {
  up,
  down,
  open,
  close,
  to_plus,
  to_minus,
  rcr_plus,
  rcr_minus,
  rca,
  rcn,
  rtr,
  rta,
  ruc,
  rxj_plus,
  rxj_minus,
  rxr,
};
std::string_view name(FsmEvent event);  // "RCR+"

// RFC 1661 §4.6. The restart timer begins at restart_first and doubles up to restart.
struct FsmTimers {
  Duration restart_first = 1s;
  Duration restart = 3s;
  std::uint8_t max_configure = 10;
  std::uint8_t max_terminate = 2;
  std::uint8_t max_failure = 5;  // Naks sent in a row; then Configure-Reject
};

// How long a repeated Configure-Request is taken for a lost Ack rather than a restarted peer.
inline constexpr Duration kDuplicateWindow = 5s;

// This-Layer-Up, -Down, -Started, -Finished.
enum class LayerEvent : std::uint8_t { up, down, started, finished };
std::string_view name(LayerEvent event);

using AutomatonAction = std::variant<SendFrame, LayerEvent>;

// What a protocol thinks of the peer's Configure-Request.
struct Judgement {
  enum class Kind : std::uint8_t {
    ack,      // the options are echoed by the automaton
    nak,      // `options` goes into a Configure-Nak
    reject,   // `options` goes into a Configure-Reject
    discard,  // malformed: no answer
  };
  Kind kind = Kind::ack;
  Bytes options;
};

class Automaton {
 public:
  Automaton(wire::PppProtocol protocol, const FsmTimers& timers)
      : protocol_(protocol), timers_(&timers) {}  // `timers` outlives the automaton
  virtual ~Automaton() = default;
  Automaton(const Automaton&) = delete;
  Automaton& operator=(const Automaton&) = delete;

  // The administrator's and the lower layer's events.
  void open(TimePoint now);
  // `text` travels in the Terminate-Request.
  void close(TimePoint now, std::string_view text = {});
  void lower_up(TimePoint now);
  void lower_down(TimePoint now);
  // The peer does not speak this protocol (LCP Protocol-Reject): no more packets, then finished.
  void protocol_rejected(TimePoint now);
  // A packet of this protocol.
  void receive(const wire::PppPacket& packet, TimePoint now);

  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  std::vector<AutomatonAction> take_actions();

  // The answer to this Configure-Request would be a Configure-Ack. Changes nothing.
  bool would_acknowledge(const wire::PppPacket& packet) const;

  FsmState state() const { return state_; }
  bool is_open() const { return state_ == FsmState::opened; }
  wire::PppProtocol protocol() const { return protocol_; }

  // A cell of the table as RFC 1661 §4.1 prints it: "irc,scr,sca/8", "-" where there is none.
  static std::string cell_text(FsmState state, FsmEvent event);

 protected:
  // --- What a protocol must say. ---
  // The options of our Configure-Request. The same octets until take_nak, take_reject or reset has
  // changed something: responses are compared with it.
  virtual Bytes build_request() const = 0;
  // Negotiation (re)starts: forget what the peer refused or agreed on before.
  virtual void reset() = 0;
  // The peer's Configure-Request. With `may_nak` false (Max-Failure reached) what would be Nak'ed
  // is rejected, and nothing is asked for that the peer did not offer. Remembers nothing.
  virtual Judgement judge_request(ByteView options, bool may_nak) const = 0;
  // The request was acceptable, its Configure-Ack goes out next: these values hold now.
  virtual void request_acknowledged(ByteView options) = 0;
  // The peer suggests other values, or refuses options. False: malformed, the packet is discarded.
  virtual bool take_nak(ByteView options) = 0;
  virtual bool take_reject(ByteView options) = 0;

  // --- What it may say. ---
  // A code of its own, seen in any state but Initial and Starting. False: unknown, Code-Reject.
  virtual bool receive_extra(const wire::PppPacket& packet, TimePoint now);
  // A Configure-Request as it was sent or received, header included; for LCP's proxy octets.
  virtual void request_sent(ByteView packet);
  virtual void request_received(ByteView packet);
  // Where the deadline of a protocol's own timer is merged (LCP echoes).
  virtual std::optional<TimePoint> extra_deadline() const;
  virtual void handle_extra_timeout(TimePoint now);

  // --- What it may use. ---
  void send(wire::PppCode code, std::uint8_t identifier, ByteView data);
  std::uint8_t new_identifier() { return ++identifier_; }
  TimePoint opened_at() const { return opened_at_; }  // the last time
  // Longer answers are cut, where the protocol allows that (the peer's MRU).
  void set_max_packet(std::uint16_t octets) { max_packet_ = octets; }
  // Gives up: Terminate-Request, then finished. `failure()` is what the link reports. give_up() is
  // fail() for the hooks above: it takes effect when they return.
  void fail(CauseCode cause, TimePoint now);
  void give_up(CauseCode cause);
  // LCP adopted what a LAC negotiated: straight to Opened, nothing is sent. REQUIRES: Initial.
  void adopt_open(TimePoint now);

 public:
  // Why it finished by itself: none, or what fail() was given, lcp_failed/network_failed after
  // Max-Configure, peer_closed after a Terminate-Request.
  CauseCode failure() const { return failure_; }
  bool failed_by_peer() const { return failed_by_peer_; }

 private:
  void step(FsmEvent event, TimePoint now);
  void perform(std::uint16_t actions, FsmEvent event, TimePoint now);
  void set_state(FsmState state, FsmEvent reason);
  void send_configure_request(bool is_repeat, TimePoint now);
  void receive_configure_request(const wire::PppPacket& packet, TimePoint now);
  void receive_response(const wire::PppPacket& packet, TimePoint now);
  void receive_code_reject(const wire::PppPacket& packet, TimePoint now);
  void start_timer(TimePoint now);
  void restart_negotiation();
  bool is_negotiating() const;
  CauseCode no_agreement() const;

  wire::PppProtocol protocol_;
  FsmState state_ = FsmState::initial;
  CauseCode failure_ = CauseCode::none;
  bool failed_by_peer_ = false;
  bool response_expected_ = false;       // to our last Configure-Request
  bool negotiation_is_fresh_ = false;    // reset() was called, no Configure-Request sent since
  std::uint8_t identifier_ = 0;          // of the last packet that we began
  std::uint8_t request_identifier_ = 0;  // of our last Configure-Request
  std::uint8_t restart_count_ = 0;       // transmissions left
  std::uint8_t backoff_ = 0;             // timeouts in a row
  std::uint8_t naks_sent_ = 0;           // in a row
  std::uint8_t refusals_received_ = 0;   // Naks and Rejects since the negotiation began
  std::uint8_t acked_identifier_ = 0;    // of the peer's request that we acknowledged
  std::uint16_t max_packet_ = wire::kPppDefaultMru;  // longest that the peer takes
  std::uint32_t acked_digest_ = 0;                   // of that request's octets
  std::optional<TimePoint> deadline_;
  TimePoint opened_at_{};
  const FsmTimers* timers_;
  std::vector<AutomatonAction> actions_;

  // What the answer to the event being handled needs; meaningless between calls.
  struct Context {
    const wire::PppPacket* packet = nullptr;
    const Judgement* judgement = nullptr;
    std::string_view text;
  };
  Context context_;
};

}  // namespace l2tpm::ppp
