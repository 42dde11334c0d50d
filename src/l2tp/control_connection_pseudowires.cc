// The calls of a control connection that speaks L2TPv3.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "l2tp/causes.h"
#include "l2tp/control_connection.h"

namespace l2tpm::l2tp {
namespace {

using wire::MessageType;

std::string list_pseudowires(const std::vector<std::uint16_t>& types) {
  std::string out;
  for (const std::uint16_t type : types)
    out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", type, wire::pseudowire_name(type));
  return out.empty() ? "none" : out;
}

bool contains(const std::vector<std::uint16_t>& types, std::uint16_t type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

// The set-up of a call is judged where it was accepted; here what no owner could accept.
std::optional<Cause> judge_request(const wire::ControlMessage& message) {
  const bool numbers = message.data_sequencing.value_or(0) != wire::kSequencingNone;
  const bool sublayer = message.l2_sublayer.value_or(0) != wire::kSublayerNone;
  if (numbers && !sublayer)
    return Cause{.code = CauseCode::not_supported,
                 .result_code = static_cast<std::uint16_t>(wire::CdnResult::sequencing_no_sublayer),
                 .message = "data sequencing asked for without an L2-specific sublayer"};
  return std::nullopt;
}

}  // namespace

// RFC 3931 §5.4.4: by our id; by the peer's own while it does not know ours.
Call* ControlConnection::find_in_v3(const wire::ControlMessage& message) {
  if (message.session_id) return find(message.session_id);
  return message.assigned_session_id ? find_by_peer(*message.assigned_session_id) : nullptr;
}

void ControlConnection::process_v3_call_message(const wire::ControlMessage& message,
                                                TimePoint now) {
  switch (message.type) {
    case MessageType::icrq:
      process_pseudowire_request(message, now);
      return;
    case MessageType::ocrq:
      refuse_request(
          message,
          {.code = CauseCode::not_supported, .message = "outgoing calls are not served here"}, now);
      return;
    case MessageType::cdn:
      process_cdn(message, now);
      return;
    case MessageType::wen:
    case MessageType::sli:
      process_v3_notification(message);
      return;
    default:
      break;
  }
  Call* call = find(message.session_id);
  if (call == nullptr) return;
  Cause refusal;
  Call::Event event = call->judge_pseudowire(message, refusal);
  if (event == Call::Event::reply && find_by_peer(*message.assigned_session_id) != nullptr)
    event = Call::Event::protocol_error;
  step_call(*call, {.event = event, .message = &message, .cause = std::move(refusal)}, now);
}

void ControlConnection::process_v3_session_problem(const wire::ControlMessage& message, Cause cause,
                                                   TimePoint now) {
  Call* call = find_in_v3(message);
  if (call == nullptr) return;
  const bool tells_id = message.type == MessageType::icrp && !call->peer() &&
                        message.assigned_session_id && *message.assigned_session_id &&
                        find_by_peer(*message.assigned_session_id) == nullptr;
  const Call::Event event =
      tells_id ? Call::Event::reply_unacceptable : Call::Event::protocol_error;
  step_call(*call, {.event = event, .message = &message, .cause = std::move(cause)}, now);
}

void ControlConnection::process_pseudowire_request(const wire::ControlMessage& message,
                                                   TimePoint now) {
  if (Call* call = find(message.session_id)) {
    step_call(*call, {.event = Call::Event::request, .message = &message}, now);
    return;
  }
  if (find_by_peer(*message.assigned_session_id) != nullptr) {
    refuse_request(
        message,
        {.code = CauseCode::protocol_error,
         .result_code = static_cast<std::uint16_t>(wire::CdnResult::general_error),
         .error_code = static_cast<std::uint16_t>(wire::GeneralError::invalid_session_id),
         .message = "session id in use"},
        now);
    return;
  }
  const std::uint16_t type = message.pseudowire_type.value_or(0);
  if (!contains(settings_->v3.pseudowires, type)) {
    refuse_request(message,
                   {.code = CauseCode::not_supported,
                    .result_code = static_cast<std::uint16_t>(wire::CdnResult::pseudowire_type),
                    .message = fmt::format("pseudowire type {} ({}) is not offered here, but {}",
                                           type, wire::pseudowire_name(type),
                                           list_pseudowires(settings_->v3.pseudowires))},
                   now);
    return;
  }
  if (auto refusal = judge_request(message)) {
    refuse_request(message, *refusal, now);
    return;
  }
  if (!settle_session_tie(message, now)) return;
  const auto id =
      calls_.size() < settings_->max_sessions ? session_ids_->allocate(random_, now) : std::nullopt;
  if (!id) {
    refuse_request(message, {.code = CauseCode::no_resources, .message = "too many sessions"}, now);
    return;
  }
  const SessionId own(*id);
  Call& call = calls_.emplace(own, Call(CallKind::icrq_recipient, own)).first->second;
  step_call(call, {.event = Call::Event::request, .message = &message}, now);
}

// RFC 3931 §5.4.4, Session Tie Breaker: both ends ask for the same circuit.
bool ControlConnection::settle_session_tie(const wire::ControlMessage& message, TimePoint now) {
  if (!message.remote_end_id) return true;
  const auto asked = asked_end_ids_.find(std::string(as_text(*message.remote_end_id)));
  if (asked == asked_end_ids_.end()) return true;
  Call* ours = find(asked->second);
  if (ours == nullptr) return true;
  std::optional<std::uint64_t> tie_breaker;
  if (ours->has_tie_breaker()) tie_breaker = ours->session_tie_breaker();
  const Tie tie = compare_tie_breakers(tie_breaker, message.tie_breaker);
  const Cause lost{.code = CauseCode::tie_lost,
                   .result_code = static_cast<std::uint16_t>(wire::CdnResult::tie_lost),
                   .message = "both ends asked for the circuit"};
  if (tie != Tie::peer_wins) refuse_request(message, lost, now);
  if (tie == Tie::we_win) return false;
  // The winner's CDN ends it at the other end; where nobody wins both say so.
  step_call(*ours, {.event = Call::Event::tie_lost, .cause = lost}, now);
  return tie == Tie::peer_wins;
}

void ControlConnection::process_v3_notification(const wire::ControlMessage& message) {
  Call* call = find_in_v3(message);
  if (call == nullptr) return;
  if (message.type == MessageType::sli && message.circuit_status) {
    const bool changed = call->learn_circuit(*message.circuit_status);
    if (changed && call->is_established())
      events_.push_back(CircuitChanged{call->own(), *message.circuit_status});
  }
  if (message.type == MessageType::wen && call->is_established() && message.call_errors) {
    const wire::CallErrors& errors = *message.call_errors;
    events_.push_back(WanErrors{call->own(), errors.crc_errors, errors.framing_errors,
                                errors.hardware_overruns, errors.buffer_overruns,
                                errors.timeout_errors, errors.alignment_errors});
  }
}

void ControlConnection::note_asked(const Call& call, const std::string* asked_before) {
  if (!call.is_pseudowire()) return;
  const bool asks = call.state() == Call::State::wait_reply;
  if (asks && asked_before == nullptr) asked_end_ids_[*call.asked_end_id()] = call.own();
  if (asks || asked_before == nullptr) return;
  const auto asked = asked_end_ids_.find(*asked_before);
  if (asked != asked_end_ids_.end() && asked->second == call.own()) asked_end_ids_.erase(asked);
}

Bytes ControlConnection::draw_cookie(std::uint8_t size) {
  Bytes cookie(size == 4 || size == 8 ? size : 0u);
  random_.fill(cookie);
  return cookie;
}

// The owner's verbs.

SessionId ControlConnection::place_pseudowire(PseudowireRequest request, TimePoint now) {
  if (version_ != 3) return {};
  // §5.4.4: "A peer MUST NOT request" what the other did not offer. Before it has spoken we ask at
  // our own risk.
  request.serial_number = next_serial_++;
  Bytes cookie = draw_cookie(request.wish.cookie_size);
  const std::uint64_t tie_breaker = request.use_tie_breaker ? random_.u64() : 0;
  return place(CallKind::icrq_sender,
               {.event = Call::Event::open_request,
                .pseudowire = &request,
                .cookie = &cookie,
                .tie_breaker = tie_breaker},
               now);
}

void ControlConnection::accept_pseudowire(SessionId session, const PseudowireWish& wish,
                                          TimePoint now) {
  Bytes cookie = draw_cookie(wish.cookie_size);
  step_call(session, {.event = Call::Event::accepted, .wish = &wish, .cookie = &cookie}, now);
  settle(now);
}

void ControlConnection::set_circuit_status(SessionId session, bool active, TimePoint now) {
  Call* call = find(session);
  if (call == nullptr || !call->is_pseudowire()) return;
  if (call->set_circuit(active)) send(call->make_sli(), now);
  settle(now);
}

}  // namespace l2tpm::l2tp
