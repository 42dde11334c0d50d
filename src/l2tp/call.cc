#include "l2tp/call.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/secret.h"
#include "l2tp/causes.h"

namespace l2tpm::l2tp {

using wire::MessageType;

std::span<const Call::Transition> Call::table() const {
  switch (kind_) {
    case CallKind::lac_incoming:
      return lac_incoming_rows();
    case CallKind::lns_incoming:
      return lns_incoming_rows();
    case CallKind::lns_outgoing:
      return lns_outgoing_rows();
    case CallKind::lac_outgoing:
      return lac_outgoing_rows();
    case CallKind::icrq_sender:
      return icrq_sender_rows();
    case CallKind::icrq_recipient:
      return icrq_recipient_rows();
  }
  return {};
}

void Call::step(Input input, Output& output) {
  if (state_ == State::ended) return;
  for (const Transition& row : table()) {
    if (row.from != state_ || row.event != input.event) continue;
    (this->*row.act)(input, output);
    enter(row.to, input.event, input.cause);
    return;
  }
  // What the owner asks for too late or too early is nothing the peer should pay for.
  if (input.event == Event::open_request || input.event == Event::tunnel_open ||
      input.event == Event::accepted || input.event == Event::bearer_connected)
    return;
  // RFC 2661 §7.4, §7.5: a message out of place: "Send CDN, Clean up".
  if (input.cause.code == CauseCode::none) {
    input.cause.code = CauseCode::protocol_error;
    input.cause.message = fmt::format(
        "{} in state {}", input.message != nullptr ? name(input.message->type) : name(input.event),
        name(state_));
  }
  send_cdn(input, output);
  enter(State::ended, input.event, input.cause);
}

void Call::enter(State next, Event event, const Cause& cause) {
  if (log_enabled(LogLevel::debug)) {
    const std::string session = fmt::format("{}/{}", own_.value(), peer_.value());
    LogContext context;
    context.session = session;
    log(LogLevel::debug, context, "{} call: {} -> {} by {}{}{}", name(kind_), name(state_),
        name(next), name(event), cause.code == CauseCode::none ? "" : ": ",
        cause.code == CauseCode::none ? "" : cause.to_string());
  }
  state_ = next;
  if (state_ == State::established || state_ == State::ended) forget_setup();
  assert(is_consistent());
}

bool Call::is_consistent() const {
  switch (state_) {
    case State::idle:
    case State::wait_tunnel:
    case State::wait_reply:
      return own_ && !peer_;
    case State::wait_decision:
    case State::wait_connect:
    case State::wait_cs_answer:
      return own_ && peer_;
    case State::established:
      return own_ && peer_ && !setup_;
    case State::ended:
      return !setup_;
  }
  return false;
}

void Call::forget_setup() {
  if (setup_) wipe(setup_->incoming.connect.proxy.authen_response);
  setup_.reset();
}

Call::Event Call::judge(const wire::ControlMessage& message,
                        std::uint32_t framing_capabilities) const {
  const bool incoming = kind_ == CallKind::lac_incoming || kind_ == CallKind::lns_incoming;
  // §4.4.3, Framing Capabilities: a call must not ask for what was not offered. Zero is what
  // careless peers send.
  const bool framing_fits = !message.framing_type || *message.framing_type == 0 ||
                            (*message.framing_type & framing_capabilities) != 0;
  switch (message.type) {
    case MessageType::icrq:
      return incoming && message.assigned_session_id ? Event::request : Event::protocol_error;
    case MessageType::ocrq:
      if (incoming || !message.assigned_session_id) return Event::protocol_error;
      return framing_fits ? Event::request : Event::request_unacceptable;
    case MessageType::icrp:
      return incoming && message.assigned_session_id ? Event::reply : Event::protocol_error;
    case MessageType::ocrp:
      return !incoming && message.assigned_session_id ? Event::reply : Event::protocol_error;
    case MessageType::iccn:
      if (!incoming) return Event::protocol_error;
      return framing_fits ? Event::connect : Event::connect_unacceptable;
    case MessageType::occn:
      if (incoming) return Event::protocol_error;
      return framing_fits ? Event::connect : Event::connect_unacceptable;
    case MessageType::cdn:
      return Event::cdn;
    case MessageType::none:
    case MessageType::sccrq:
    case MessageType::sccrp:
    case MessageType::scccn:
    case MessageType::stopccn:
    case MessageType::hello:
    case MessageType::wen:
    case MessageType::sli:
    case MessageType::csun:
    case MessageType::csurq:
    case MessageType::ack:
      break;
  }
  return Event::protocol_error;
}

wire::ControlMessage Call::make(MessageType type) const {
  wire::ControlMessage message;
  message.type = type;
  message.session_id = peer_;
  // RFC 3931 §5.4.4: in every message of a session, not only the first.
  if (is_pseudowire()) message.assigned_session_id = own_;
  return message;
}

void Call::learn_peer(Input& input, Output&) { peer_ = *input.message->assigned_session_id; }

void Call::send_cdn(Input& input, Output& output) {
  output.messages.push_back(make_cdn(own_, peer_, input.cause, is_pseudowire() ? 3 : 2));
  // A request that was refused before the owner heard of it is nobody's session.
  if (state_ != State::idle) output.actions.push_back(SessionDown{own_, input.cause});
}

void Call::clean_up(Input& input, Output& output) {
  if (input.cause.code == CauseCode::none) input.cause.code = CauseCode::protocol_error;
  output.actions.push_back(SessionDown{own_, input.cause});
}

wire::ControlMessage make_cdn(SessionId own, SessionId peer, const Cause& cause, unsigned version) {
  wire::ControlMessage message;
  message.type = MessageType::cdn;
  // §4.4.4, Assigned Session ID: a peer that has not told its id yet finds the call by ours.
  message.session_id = peer;
  message.assigned_session_id = own;
  message.result_code = cdn_result(cause, version);
  // What PPP found, be it the peer's doing; not what a CDN of the peer's said.
  const bool is_ours = !cause.by_peer || cause.result_code == 0;
  if (cause.disconnect_code != 0 && is_ours) message.ppp_disconnect_cause = disconnect_cause(cause);
  return message;
}

std::string_view name(Call::State state) {
  switch (state) {
    case Call::State::idle:
      return "idle";
    case Call::State::wait_tunnel:
      return "wait-tunnel";
    case Call::State::wait_decision:
      return "wait-decision";
    case Call::State::wait_reply:
      return "wait-reply";
    case Call::State::wait_connect:
      return "wait-connect";
    case Call::State::wait_cs_answer:
      return "wait-cs-answer";
    case Call::State::established:
      return "established";
    case Call::State::ended:
      return "ended";
  }
  return "?";
}

std::string_view name(Call::Event event) {
  switch (event) {
    case Call::Event::open_request:
      return "open-request";
    case Call::Event::tunnel_open:
      return "tunnel-open";
    case Call::Event::request:
      return "request";
    case Call::Event::request_unacceptable:
      return "request-unacceptable";
    case Call::Event::accepted:
      return "accepted";
    case Call::Event::reply:
      return "reply";
    case Call::Event::reply_unacceptable:
      return "reply-unacceptable";
    case Call::Event::tie_lost:
      return "tie-lost";
    case Call::Event::connect:
      return "connect";
    case Call::Event::connect_unacceptable:
      return "connect-unacceptable";
    case Call::Event::bearer_connected:
      return "bearer-connected";
    case Call::Event::cdn:
      return "cdn";
    case Call::Event::close_request:
      return "close-request";
    case Call::Event::protocol_error:
      return "protocol-error";
    case Call::Event::timeout:
      return "timeout";
  }
  return "?";
}

}  // namespace l2tpm::l2tp
