// The calls of a control connection: which one a message or the owner means, their ids and
// deadlines.
#include <fmt/format.h>

#include <utility>

#include "l2tp/causes.h"
#include "l2tp/control_connection.h"

namespace l2tpm::l2tp {

using wire::MessageType;

Call* ControlConnection::find(SessionId session) {
  const auto found = calls_.find(session);
  return found == calls_.end() ? nullptr : &found->second;
}

Call* ControlConnection::find_by_peer(SessionId peer_session) {
  const auto found = calls_by_peer_.find(peer_session);
  return found == calls_by_peer_.end() ? nullptr : find(found->second);
}

// Messages.

void ControlConnection::process_call_message(const wire::ControlMessage& message, TimePoint now) {
  switch (message.type) {
    case MessageType::icrq:
    case MessageType::ocrq:
      process_request(message, now);
      return;
    case MessageType::cdn:
      process_cdn(message, now);
      return;
    case MessageType::wen:
    case MessageType::sli:
      process_notification(message);
      return;
    case MessageType::csun:
      for (const wire::ConnectSpeedUpdate& update : wire::connect_speed_updates(message))
        if (const Call* call = find(update.session);
            call != nullptr && call->is_established() && !call->is_lac())
          events_.push_back(SpeedChanged{call->own(), update.tx, update.rx});
      return;
    case MessageType::csurq:
      return;  // RFC 5515 §4.2: for a LAC that announced such updates; we never do
    case MessageType::icrp:
    case MessageType::ocrp:
    case MessageType::iccn:
    case MessageType::occn:
      break;
    case MessageType::none:
    case MessageType::sccrq:
    case MessageType::sccrp:
    case MessageType::scccn:
    case MessageType::stopccn:
    case MessageType::hello:
    case MessageType::ack:
      return;
  }
  // §7.4.1, §7.5.2, state idle: a reply to nothing is cleaned up, not answered.
  Call* call = find(message.session_id);
  if (call == nullptr) return;
  Call::Event event = call->judge(message, settings_->framing_capabilities);
  if (event == Call::Event::reply && find_by_peer(*message.assigned_session_id) != nullptr)
    event = Call::Event::protocol_error;
  Call::Input input{.event = event, .message = &message};
  if (event == Call::Event::connect_unacceptable)
    input.cause = {.code = CauseCode::not_supported,
                   .result_code = static_cast<std::uint16_t>(wire::CdnResult::no_framing),
                   .message = "framing type not offered"};
  step_call(*call, std::move(input), now);
}

void ControlConnection::process_request(const wire::ControlMessage& message, TimePoint now) {
  if (!message.assigned_session_id) return;
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
  // Overload is answered, never met with silence: the peer's caller would wait for its own timer.
  const auto id =
      calls_.size() < settings_->max_sessions ? session_ids_->allocate(random_, now) : std::nullopt;
  if (!id) {
    refuse_request(message, {.code = CauseCode::no_resources, .message = "too many sessions"}, now);
    return;
  }
  const SessionId own(*id);
  const CallKind kind =
      message.type == MessageType::icrq ? CallKind::lns_incoming : CallKind::lac_outgoing;
  Call& call = calls_.emplace(own, Call(kind, own)).first->second;
  Call::Input input{.event = call.judge(message, settings_->framing_capabilities),
                    .message = &message};
  if (input.event == Call::Event::request_unacceptable) {
    // The peer may not have seen any id of ours for this call; it goes back unused.
    input.cause = {.code = CauseCode::not_supported, .message = "framing type not offered"};
    calls_.erase(own);
    session_ids_->release(own.value(), now);
    refuse_request(message, input.cause, now);
    return;
  }
  step_call(call, std::move(input), now);
}

void ControlConnection::refuse_request(const wire::ControlMessage& message, const Cause& cause,
                                       TimePoint now) {
  if (!message.assigned_session_id) return;  // nobody to tell
  // CDN must name a session of ours; any id will do that means no other call.
  SessionId own;
  do {
    own = SessionId(1 + random_.below(0xffff));
  } while (calls_.size() < 0x8000 && calls_.contains(own));
  wire::ControlMessage cdn = make_cdn(own, *message.assigned_session_id, cause, version_);
  send(cdn, now);
}

void ControlConnection::process_cdn(const wire::ControlMessage& message, TimePoint now) {
  Call* call = find(message.session_id);
  if (call == nullptr && message.assigned_session_id) {
    const SessionId assigned = *message.assigned_session_id;
    // §4.4.4: sent before the peer knew our id, CDN names the call by its own. With its own id in
    // the header too, it is a known slip.
    const bool slip =
        settings_->quirks.accept_cdn_with_own_session_id && message.session_id == assigned;
    if (!message.session_id || slip) call = find_by_peer(assigned);
    if (call != nullptr && slip) note_quirk(Quirk::cdn_with_own_session_id);
  }
  if (call == nullptr) return;
  step_call(*call,
            {.event = Call::Event::cdn,
             .message = &message,
             .cause = cause_of_cdn(message, call->is_established())},
            now);
}

// WEN and SLI are no events of the call's table: out of place they are acknowledged and ignored.
void ControlConnection::process_notification(const wire::ControlMessage& message) {
  const Call* call = find(message.session_id);
  if (call == nullptr || !call->is_established()) return;
  if (message.type == MessageType::wen && !call->is_lac() && message.call_errors) {
    const wire::CallErrors& errors = *message.call_errors;
    events_.push_back(WanErrors{call->own(), errors.crc_errors, errors.framing_errors,
                                errors.hardware_overruns, errors.buffer_overruns,
                                errors.timeout_errors, errors.alignment_errors});
  }
  if (message.type == MessageType::sli && call->is_lac() && message.accm)
    events_.push_back(LinkInfo{call->own(), message.accm->send, message.accm->receive});
}

// One call, one step.

void ControlConnection::step_call(SessionId session, Call::Input input, TimePoint now) {
  if (Call* call = find(session)) step_call(*call, std::move(input), now);
}

void ControlConnection::step_call(Call& call, Call::Input input, TimePoint now) {
  const SessionId own = call.own();
  const Call::State before = call.state();
  const SessionId peer_before = call.peer();
  const bool asks = call.is_pseudowire() && before == Call::State::wait_reply;
  const std::string asked = asks ? *call.asked_end_id() : std::string();
  Call::Output output;
  call.step(std::move(input), output);
  for (wire::ControlMessage& message : output.messages) send(message, now);
  for (Action& action : output.actions) events_.push_back(std::move(action));

  note_asked(call, asks ? &asked : nullptr);
  if (!peer_before && call.peer()) calls_by_peer_.emplace(call.peer(), own);
  const bool waited_for_peer = before != Call::State::idle && before != Call::State::wait_tunnel;
  switch (call.state()) {
    case Call::State::idle:
    case Call::State::wait_tunnel:
      break;
    case Call::State::wait_decision:
    case Call::State::wait_reply:
    case Call::State::wait_connect:
    case Call::State::wait_cs_answer:
      if (!waited_for_peer) call_deadlines_.set(own, now + settings_->call_setup_timeout);
      break;
    case Call::State::established:
      call_deadlines_.remove(own);
      if (before != Call::State::established) ++sessions_up_;
      if (call.owes_sli()) send(call.make_sli(), now);
      break;
    case Call::State::ended:
      call_deadlines_.remove(own);
      if (before == Call::State::established) --sessions_up_;
      calls_by_peer_.erase(call.peer());
      calls_.erase(own);
      ended_.insert(own);
      break;
  }
}

void ControlConnection::end_all_calls(const Cause& cause) {
  for (const auto& [session, call] : calls_) {
    events_.push_back(SessionDown{session, cause});
    ended_.insert(session);
  }
  calls_.clear();
  calls_by_peer_.clear();
  waiting_for_tunnel_.clear();
  asked_end_ids_.clear();
  call_deadlines_ = {};
  sessions_up_ = 0;
}

// The owner's verbs.

SessionId ControlConnection::place(CallKind kind, Call::Input input, TimePoint now) {
  if (state_ == State::closing || state_ == State::finished) return {};
  if (calls_.size() >= settings_->max_sessions) return {};
  const auto id = session_ids_->allocate(random_, now);
  if (!id) return {};
  const SessionId own(*id);
  Call& call = calls_.emplace(own, Call(kind, own)).first->second;
  step_call(call, std::move(input), now);
  if (state_ == State::established)
    step_call(call, {.event = Call::Event::tunnel_open}, now);
  else
    waiting_for_tunnel_.push_back(own);
  settle(now);
  return own;
}

SessionId ControlConnection::place_incoming_call(IncomingCallRequest request, TimePoint now) {
  if (version_ != 2) return {};
  request.serial_number = next_serial_++;
  return place(CallKind::lac_incoming, {.event = Call::Event::open_request, .incoming = &request},
               now);
}

SessionId ControlConnection::place_outgoing_call(OutgoingCallRequest request, TimePoint now) {
  if (version_ != 2) return {};
  request.serial_number = next_serial_++;
  return place(CallKind::lns_outgoing, {.event = Call::Event::open_request, .outgoing = &request},
               now);
}

void ControlConnection::accept_call(SessionId session, TimePoint now) {
  step_call(session, {.event = Call::Event::accepted}, now);
  settle(now);
}

void ControlConnection::call_connected(SessionId session, CallParameters parameters,
                                       TimePoint now) {
  step_call(session, {.event = Call::Event::bearer_connected, .connect = &parameters}, now);
  settle(now);
}

void ControlConnection::reject_call(SessionId session, const Cause& cause, TimePoint now) {
  close_session(session, cause, now);
}

void ControlConnection::close_session(SessionId session, const Cause& cause, TimePoint now) {
  step_call(session, {.event = Call::Event::close_request, .cause = cause}, now);
  settle(now);
}

void ControlConnection::forget_session(SessionId session, TimePoint now) {
  if (ended_.erase(session) > 0) session_ids_->release(session.value(), now);
}

void ControlConnection::send_set_link_info(const LinkInfo& info, TimePoint now) {
  const Call* call = find(info.session);
  if (version_ == 3 || call == nullptr || !call->is_established() || call->is_lac()) return;
  wire::ControlMessage message;
  message.type = MessageType::sli;
  message.session_id = call->peer();
  message.accm = wire::Accm{info.send_accm, info.receive_accm};
  send(message, now);
  settle(now);
}

void ControlConnection::send_wan_error_notify(const WanErrors& errors, TimePoint now) {
  const Call* call = find(errors.session);
  if (call == nullptr || !call->is_established() || (version_ == 2 && !call->is_lac())) return;
  wire::ControlMessage message;
  message.type = MessageType::wen;
  message.session_id = call->peer();
  if (version_ == 3) message.assigned_session_id = call->own();
  message.call_errors =
      wire::CallErrors{errors.crc_errors,      errors.framing_errors, errors.hardware_overruns,
                       errors.buffer_overruns, errors.timeout_errors, errors.alignment_errors};
  send(message, now);
  settle(now);
}

SessionId ControlConnection::peer_session(SessionId session) const {
  const auto found = calls_.find(session);
  return found == calls_.end() ? SessionId{} : found->second.peer();
}

}  // namespace l2tpm::l2tp
