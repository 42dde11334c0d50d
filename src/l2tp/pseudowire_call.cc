// Pseudowires of L2TPv3: RFC 3931 §7.3. Either end asks (ICRQ), the other answers (ICRP), the first
// connects (ICCN); each says what it wants of the data that is sent to it. Linux has one sublayer
// for both directions of a session, so the ends have to agree on one.
#include <fmt/format.h>

#include <utility>

#include "l2tp/call.h"

namespace l2tpm::l2tp {
namespace {

using wire::CdnResult;
using wire::GeneralError;
using wire::MessageType;

constexpr std::size_t kMaxExtensions = 2048;

template <typename T>
void set_if_given(std::optional<T>& field, const T& value) {
  if (value != T{}) field = value;
}

std::string_view name_of_sublayer(std::uint16_t sublayer) {
  switch (sublayer) {
    case wire::kSublayerNone:
      return "none";
    case wire::kSublayerDefault:
      return "the default one";
  }
  return "one that is not known here";
}

// Before a message has said anything. Cisco's from before RFC 3931 may say nothing about the
// circuit; it is there.
PseudowireEnd unsaid(const wire::ControlMessage& message) {
  PseudowireEnd end;
  if (message.cisco_draft) end.circuit_status = wire::kCircuitActive;
  return end;
}

// What a message says about its sender's end, on top of what earlier ones said.
PseudowireEnd read_end(const wire::ControlMessage& message, PseudowireEnd end) {
  if (message.assigned_cookie) end.cookie = *message.assigned_cookie;
  end.l2_sublayer = message.l2_sublayer.value_or(end.l2_sublayer);
  end.data_sequencing = message.data_sequencing.value_or(end.data_sequencing);
  end.circuit_status = message.circuit_status.value_or(end.circuit_status);
  end.tx_connect_speed = message.tx_connect_speed_v3.value_or(end.tx_connect_speed);
  end.rx_connect_speed = message.rx_connect_speed_v3.value_or(end.rx_connect_speed);
  end.interface_mtu = message.interface_mtu.value_or(end.interface_mtu);
  return end;
}

// The sublayer that we ask for before the peer has said anything.
std::uint16_t wanted_sublayer(const PseudowireWish& wish) {
  const bool numbers = wish.data_sequencing != wire::kSequencingNone;
  return numbers ? wire::kSublayerDefault : wish.l2_sublayer;
}

// The one that we agree to when the peer has said its own.
std::uint16_t agreed_sublayer(const PseudowireWish& wish, std::uint16_t theirs) {
  const std::uint16_t ours = wanted_sublayer(wish);
  const bool numbers = wish.data_sequencing != wire::kSequencingNone;
  const bool may_yield = !wish.strict_sublayer && theirs <= wire::kSublayerDefault &&
                         (!numbers || theirs == wire::kSublayerDefault);
  return may_yield ? theirs : ours;
}

Cause refuse(CdnResult result, std::string text) {
  return {.code = CauseCode::not_supported,
          .result_code = static_cast<std::uint16_t>(result),
          .message = std::move(text)};
}
Cause refuse(GeneralError error, std::string text) {
  Cause cause = refuse(CdnResult::general_error, std::move(text));
  cause.error_code = static_cast<std::uint16_t>(error);
  return cause;
}

// What cannot be right whoever says it (§5.4.4).
std::optional<Cause> judge_end(const PseudowireEnd& end) {
  if (end.data_sequencing > wire::kSequencingAll)
    return refuse(GeneralError::bad_value,
                  fmt::format("data sequencing level {}", end.data_sequencing));
  if (end.data_sequencing != wire::kSequencingNone && end.l2_sublayer == wire::kSublayerNone)
    return refuse(CdnResult::sequencing_no_sublayer,
                  "data sequencing asked for without an L2-specific sublayer");
  if (end.l2_sublayer > wire::kSublayerDefault)
    return refuse(GeneralError::vendor_specific,
                  fmt::format("L2-specific sublayer type {} is not supported", end.l2_sublayer));
  return std::nullopt;
}

std::optional<Cause> judge_mtu(std::uint16_t ours, std::uint16_t theirs) {
  if (ours == 0 || theirs == 0 || ours == theirs) return std::nullopt;
  return refuse(CdnResult::mtu_mismatch,
                fmt::format("interface MTU {} there, {} here", theirs, ours));
}

Cause sublayer_mismatch(std::uint16_t ours, std::uint16_t theirs) {
  return refuse(GeneralError::vendor_specific,
                fmt::format("L2-specific sublayer: {} there, {} here", name_of_sublayer(theirs),
                            name_of_sublayer(ours)));
}

}  // namespace

using S = Call::State;
using E = Call::Event;

// RFC 3931 §7.3.1. A pair that has no row is a protocol error: CDN and clean up.
std::span<const Call::Transition> Call::icrq_sender_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,        E::open_request,       &Call::remember_pseudowire, S::wait_tunnel},
      {S::wait_tunnel, E::close_request,      &Call::clean_up,            S::ended      },
      {S::wait_tunnel, E::tunnel_open,        &Call::ask_for_pseudowire,  S::wait_reply },
      {S::wait_reply,  E::reply,              &Call::connect_pseudowire,  S::established},
      {S::wait_reply,  E::reply_unacceptable, &Call::refuse_reply,        S::ended      },
      {S::wait_reply,  E::tie_lost,           &Call::clean_up,            S::ended      },
      {S::wait_reply,  E::cdn,                &Call::clean_up,            S::ended      },
      {S::wait_reply,  E::connect,            &Call::clean_up,            S::ended      },
      {S::wait_reply,  E::close_request,      &Call::send_cdn,            S::ended      },
      {S::wait_reply,  E::timeout,            &Call::send_cdn,            S::ended      },
      {S::established, E::cdn,                &Call::clean_up,            S::ended      },
      {S::established, E::close_request,      &Call::send_cdn,            S::ended      },
  };
  return kRows;
}

// RFC 3931 §7.3.2.
std::span<const Call::Transition> Call::icrq_recipient_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,          E::request,              &Call::announce_pseudowire, S::wait_decision},
      {S::wait_decision, E::accepted,             &Call::answer_pseudowire,   S::wait_connect },
      {S::wait_decision, E::close_request,        &Call::send_cdn,            S::ended        },
      {S::wait_decision, E::timeout,              &Call::send_cdn,            S::ended        },
      {S::wait_decision, E::cdn,                  &Call::clean_up,            S::ended        },
      {S::wait_connect,  E::connect,              &Call::pseudowire_up,       S::established  },
      {S::wait_connect,  E::connect_unacceptable, &Call::send_cdn,            S::ended        },
      {S::wait_connect,  E::cdn,                  &Call::clean_up,            S::ended        },
      {S::wait_connect,  E::close_request,        &Call::send_cdn,            S::ended        },
      {S::wait_connect,  E::timeout,              &Call::send_cdn,            S::ended        },
      {S::established,   E::cdn,                  &Call::clean_up,            S::ended        },
      {S::established,   E::close_request,        &Call::send_cdn,            S::ended        },
  };
  return kRows;
}

Call::Event Call::judge_pseudowire(const wire::ControlMessage& message, Cause& refusal) const {
  const auto judged = [&](std::optional<Cause> cause, Event fine, Event not_fine) {
    if (!cause) return fine;
    refusal = std::move(*cause);
    return not_fine;
  };
  switch (message.type) {
    case MessageType::icrq:
      return kind_ == CallKind::icrq_recipient ? Event::request : Event::protocol_error;
    case MessageType::icrp: {
      if (kind_ != CallKind::icrq_sender || state_ != State::wait_reply) return Event::reply;
      const PseudowireEnd theirs = read_end(message, unsaid(message));
      std::optional<Cause> cause = judge_end(theirs);
      if (!cause) cause = judge_mtu(setup_->own.interface_mtu, theirs.interface_mtu);
      const std::uint16_t ours = agreed_sublayer(setup_->wish, theirs.l2_sublayer);
      if (!cause && ours != theirs.l2_sublayer) cause = sublayer_mismatch(ours, theirs.l2_sublayer);
      return judged(std::move(cause), Event::reply, Event::reply_unacceptable);
    }
    case MessageType::iccn: {
      if (kind_ != CallKind::icrq_recipient || state_ != State::wait_connect) return Event::connect;
      const PseudowireEnd theirs = read_end(message, setup_->pseudowire.peer);
      std::optional<Cause> cause = judge_end(theirs);
      if (!cause && theirs.l2_sublayer != setup_->own.l2_sublayer)
        cause = sublayer_mismatch(setup_->own.l2_sublayer, theirs.l2_sublayer);
      return judged(std::move(cause), Event::connect, Event::connect_unacceptable);
    }
    case MessageType::cdn:
      return Event::cdn;
    default:
      return Event::protocol_error;
  }
}

PseudowireEnd Call::say_own_end(std::uint16_t sublayer) {
  const PseudowireWish& wish = setup_->wish;
  PseudowireEnd& own = setup_->own;
  own.l2_sublayer = sublayer;
  own.data_sequencing = wish.data_sequencing;
  own.tx_connect_speed = wish.tx_connect_speed;
  own.rx_connect_speed = wish.rx_connect_speed;
  own.interface_mtu = wish.interface_mtu;
  own.circuit_status = own_circuit_;
  return own;
}

// §6.6 to §6.8: cookie and MTU have their place in requests and replies; encode() knows.
void Call::say_end(wire::ControlMessage& message) const {
  const PseudowireEnd& own = setup_->own;
  if (!own.cookie.empty()) message.assigned_cookie = own.cookie;
  set_if_given(message.l2_sublayer, own.l2_sublayer);
  set_if_given(message.data_sequencing, own.data_sequencing);
  message.circuit_status = own.circuit_status;
  set_if_given(message.tx_connect_speed_v3, own.tx_connect_speed);
  set_if_given(message.rx_connect_speed_v3, own.rx_connect_speed);
  set_if_given(message.interface_mtu, own.interface_mtu);
}

void Call::remember_pseudowire(Input& input, Output&) {
  setup_ = std::make_unique<Setup>();
  setup_->pseudowire = std::move(*input.pseudowire);
  setup_->wish = setup_->pseudowire.wish;
  setup_->own.cookie = std::move(*input.cookie);
  setup_->tie_breaker = input.tie_breaker;
  own_circuit_ =
      static_cast<std::uint16_t>((setup_->wish.circuit_active ? wire::kCircuitActive : 0) |
                                 (setup_->wish.circuit_new ? wire::kCircuitNew : 0));
}

void Call::ask_for_pseudowire(Input&, Output& output) {
  const PseudowireRequest& request = setup_->pseudowire;
  say_own_end(wanted_sublayer(setup_->wish));
  wire::ControlMessage message = make(MessageType::icrq);
  message.call_serial_number = request.serial_number;
  message.pseudowire_type = request.type;
  message.remote_end_id.emplace(request.end_id.begin(), request.end_id.end());
  set_if_given(message.physical_channel_id, request.physical_channel);
  if (request.use_tie_breaker) message.tie_breaker = setup_->tie_breaker;
  say_end(message);
  output.messages.push_back(std::move(message));
}

void Call::announce_pseudowire(Input& input, Output& output) {
  learn_peer(input, output);
  const wire::ControlMessage& message = *input.message;
  setup_ = std::make_unique<Setup>();
  PseudowireRequest& request = setup_->pseudowire;
  request.serial_number = message.call_serial_number.value_or(0);
  request.type = message.pseudowire_type.value_or(0);
  if (message.remote_end_id) request.end_id = as_text(*message.remote_end_id);
  request.physical_channel = message.physical_channel_id.value_or(0);
  request.use_tie_breaker = message.tie_breaker.has_value();
  request.peer = read_end(message, unsaid(message));
  peer_circuit_ = request.peer.circuit_status;
  PseudowireRequest announced = request;
  announced.others = wire::describe_extensions(message, kMaxExtensions);
  output.actions.push_back(PseudowireRequested{own_, std::move(announced)});
}

void Call::answer_pseudowire(Input& input, Output& output) {
  setup_->wish = *input.wish;
  setup_->own.cookie = std::move(*input.cookie);
  own_circuit_ =
      static_cast<std::uint16_t>((setup_->wish.circuit_active ? wire::kCircuitActive : 0) |
                                 (setup_->wish.circuit_new ? wire::kCircuitNew : 0));
  say_own_end(agreed_sublayer(setup_->wish, setup_->pseudowire.peer.l2_sublayer));
  wire::ControlMessage message = make(MessageType::icrp);
  say_end(message);
  output.messages.push_back(std::move(message));
}

void Call::connect_pseudowire(Input& input, Output& output) {
  learn_peer(input, output);
  setup_->pseudowire.peer = read_end(*input.message, unsaid(*input.message));
  peer_circuit_ = setup_->pseudowire.peer.circuit_status;
  say_own_end(agreed_sublayer(setup_->wish, setup_->pseudowire.peer.l2_sublayer));
  wire::ControlMessage message = make(MessageType::iccn);
  say_end(message);
  // What ICRQ asked for and ICCN takes back.
  message.l2_sublayer = setup_->own.l2_sublayer;
  output.messages.push_back(std::move(message));
  owes_sli_ = false;
  output.actions.push_back(SessionUp{own_, peer_, kind_, {}, agreed()});
}

// The peer has told its id in the ICRP that is refused.
void Call::refuse_reply(Input& input, Output& output) {
  learn_peer(input, output);
  send_cdn(input, output);
}

void Call::pseudowire_up(Input& input, Output& output) {
  setup_->pseudowire.peer = read_end(*input.message, setup_->pseudowire.peer);
  if (input.message->circuit_status) peer_circuit_ = *input.message->circuit_status;
  setup_->pseudowire.peer.circuit_status = peer_circuit_;
  setup_->own.circuit_status = own_circuit_;
  output.actions.push_back(SessionUp{own_, peer_, kind_, {}, agreed()});
}

Pseudowire Call::agreed() const {
  Pseudowire pseudowire;
  pseudowire.type = setup_->pseudowire.type;
  pseudowire.end_id = setup_->pseudowire.end_id;
  pseudowire.own = setup_->own;
  pseudowire.peer = setup_->pseudowire.peer;
  pseudowire.l2_sublayer = setup_->own.l2_sublayer;
  // Level 1 leaves IP frames without numbers; who cannot tell them apart numbers all (§5.4.4).
  pseudowire.send_sequence = pseudowire.peer.data_sequencing != wire::kSequencingNone;
  pseudowire.receive_sequence = pseudowire.own.data_sequencing != wire::kSequencingNone;
  return pseudowire;
}

bool Call::set_circuit(bool active) {
  const bool is_active = (own_circuit_ & wire::kCircuitActive) != 0;
  if (setup_) setup_->wish.circuit_active = active;
  if (is_active == active) return false;
  // New only the first time that it is said.
  const bool said = state_ != State::idle && state_ != State::wait_tunnel;
  own_circuit_ = static_cast<std::uint16_t>((said ? 0 : own_circuit_ & wire::kCircuitNew) |
                                            (active ? wire::kCircuitActive : 0));
  switch (state_) {
    case State::established:
      return true;
    case State::wait_connect:
      owes_sli_ = true;  // ICRP is out, and no other message of ours says it
      return false;
    case State::idle:
    case State::wait_tunnel:
    case State::wait_decision:
    case State::wait_reply:
    case State::wait_cs_answer:
    case State::ended:
      break;
  }
  return false;
}

bool Call::learn_circuit(std::uint16_t status) {
  const bool changed = ((status ^ peer_circuit_) & ~wire::kCircuitNew) != 0;
  peer_circuit_ = status;
  if (setup_) setup_->pseudowire.peer.circuit_status = status;
  return changed;
}

wire::ControlMessage Call::make_sli() {
  owes_sli_ = false;
  wire::ControlMessage message = make(MessageType::sli);
  message.circuit_status = own_circuit_;
  return message;
}

}  // namespace l2tpm::l2tp
