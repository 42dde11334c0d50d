// One call of a control connection: a session from ICRQ or OCRQ to CDN. Which of RFC 2661's four
// tables (§7.4.1, §7.4.2, §7.5.1, §7.5.2) or RFC 3931's two for a pseudowire (§7.3.1, §7.3.2) it
// obeys is its kind; the rows are in incoming_call.cc, outgoing_call.cc and pseudowire_call.cc.
// Owned by ControlConnection, which finds the call of a message, keeps its deadline and numbers
// what it sends. An established call is a few dozen octets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/cause.h"
#include "base/ids.h"
#include "l2tp/action.h"
#include "l2tp/call_info.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

class Call {
 public:
  // The RFC's states. `wait_decision` is its idle while the owner makes up its mind about a
  // request; `ended` its idle afterwards.
  enum class State : std::uint8_t {
    idle,
    wait_tunnel,
    wait_decision,
    wait_reply,
    wait_connect,
    wait_cs_answer,
    established,
    ended,
  };
  enum class Event : std::uint8_t {
    open_request,  // place_...
    tunnel_open,
    request,               // ICRQ or OCRQ
    request_unacceptable,  // e.g. a framing type that we do not offer
    accepted,              // by the owner
    reply,                 // ICRP or OCRP
    reply_unacceptable,    // pseudowires: what the peer says in ICRP does not fit
    tie_lost,              // pseudowires: the peer's ICRQ for the same circuit won
    connect,               // ICCN or OCCN
    connect_unacceptable,
    bearer_connected,  // call_connected()
    cdn,
    close_request,   // by the owner
    protocol_error,  // a problem inside a message, or a message of the other kind of call
    timeout,         // set-up took too long
  };

  // What a step produces. Messages have everything but the header's Tunnel ID.
  struct Output {
    std::vector<wire::ControlMessage> messages;
    std::vector<Action> actions;
  };
  // What a step is about; members that its event does not have are null.
  struct Input {
    Event event;
    const wire::ControlMessage* message = nullptr;
    Cause cause = {};  // of an end
    IncomingCallRequest* incoming = nullptr;
    OutgoingCallRequest* outgoing = nullptr;
    CallParameters* connect = nullptr;
    PseudowireRequest* pseudowire = nullptr;
    const PseudowireWish* wish =
        nullptr;  // with `cookie`: of a pseudowire that we ask for or accept
    Bytes* cookie = nullptr;
    std::uint64_t tie_breaker = 0;
  };

  Call(CallKind kind, SessionId own) : own_(own), kind_(kind) {}

  void step(Input input, Output& output);

  CallKind kind() const { return kind_; }
  State state() const { return state_; }
  SessionId own() const { return own_; }
  SessionId peer() const { return peer_; }
  bool is_established() const { return state_ == State::established; }
  bool is_pseudowire() const {
    return kind_ == CallKind::icrq_sender || kind_ == CallKind::icrq_recipient;
  }
  bool is_lac() const { return kind_ == CallKind::lac_incoming || kind_ == CallKind::lac_outgoing; }
  bool is_consistent() const;

  // Judges a message for this call: its event. `framing_capabilities` are ours.
  Event judge(const wire::ControlMessage& message, std::uint32_t framing_capabilities) const;
  // The same for a pseudowire; nothing is learned. `refusal` is filled for an …_unacceptable.
  Event judge_pseudowire(const wire::ControlMessage& message, Cause& refusal) const;

  // Pseudowires. Our circuit: remembered for the next message; true when it is time for SLI.
  bool set_circuit(bool active);
  // The peer's, from SLI: true when it has changed.
  bool learn_circuit(std::uint16_t status);
  wire::ControlMessage make_sli();
  // Of a session that stands and whose circuit changed since its last message.
  bool owes_sli() const { return owes_sli_; }
  // Of our request that waits for its answer.
  std::uint64_t session_tie_breaker() const { return setup_ ? setup_->tie_breaker : 0; }
  bool has_tie_breaker() const { return setup_ && setup_->pseudowire.use_tie_breaker; }
  const std::string* asked_end_id() const { return setup_ ? &setup_->pseudowire.end_id : nullptr; }

 private:
  using Act = void (Call::*)(Input&, Output&);
  struct Transition {
    State from;
    Event event;
    Act act;
    State to;
  };
  // What is needed until the call stands.
  struct Setup {
    IncomingCallRequest incoming;
    OutgoingCallRequest outgoing;
    PseudowireRequest pseudowire;  // its `peer`: what the peer has said so far
    PseudowireWish wish;
    PseudowireEnd own;  // what we have said
    std::uint64_t tie_breaker = 0;
  };

  // incoming_call.cc and outgoing_call.cc
  static std::span<const Transition> lac_incoming_rows();
  static std::span<const Transition> lns_incoming_rows();
  static std::span<const Transition> lns_outgoing_rows();
  static std::span<const Transition> lac_outgoing_rows();
  // pseudowire_call.cc
  static std::span<const Transition> icrq_sender_rows();
  static std::span<const Transition> icrq_recipient_rows();
  std::span<const Transition> table() const;
  void enter(State next, Event event, const Cause& cause);
  wire::ControlMessage make(wire::MessageType type) const;
  void forget_setup();

  // Acts, named as in the RFC.
  void remember_request(Input&, Output&);
  void announce_request(Input&, Output&);
  void send_icrq(Input&, Output&);
  void send_icrp(Input&, Output&);
  void send_iccn(Input&, Output&);
  void send_ocrq(Input&, Output&);
  void send_ocrp(Input&, Output&);
  void learn_peer(Input&, Output&);
  void send_occn(Input&, Output&);
  void session_up(Input&, Output&);
  void remember_pseudowire(Input&, Output&);
  void announce_pseudowire(Input&, Output&);
  void ask_for_pseudowire(Input&, Output&);
  void answer_pseudowire(Input&, Output&);
  void connect_pseudowire(Input&, Output&);
  void refuse_reply(Input&, Output&);
  void pseudowire_up(Input&, Output&);
  void send_cdn(Input&, Output&);
  void clean_up(Input&, Output&);

  std::unique_ptr<Setup> setup_;
  SessionId own_;
  SessionId peer_;
  CallKind kind_;
  State state_ = State::idle;
  // Pseudowires: the circuits, wire::kCircuit...
  std::uint16_t own_circuit_ = 0;
  std::uint16_t peer_circuit_ = 0;
  bool owes_sli_ = false;

  PseudowireEnd say_own_end(std::uint16_t sublayer);
  Pseudowire agreed() const;
  void say_end(wire::ControlMessage& message) const;
};
std::string_view name(Call::State state);
std::string_view name(Call::Event event);

// CDN for a call that has no machine (refused before it began), or from inside one.
wire::ControlMessage make_cdn(SessionId own, SessionId peer, const Cause& cause,
                              unsigned version = 2);

}  // namespace l2tpm::l2tp
