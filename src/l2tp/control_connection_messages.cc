// What a control connection makes of the messages that concern the tunnel: judged here, stepped by
// the table.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "l2tp/causes.h"
#include "l2tp/control_connection.h"

namespace l2tpm::l2tp {
namespace {

using wire::MessageType;

constexpr std::uint8_t kProtocolVersion = 1;
constexpr std::size_t kRandomVectorSize = 16;
// Of a SCCRQ, which may be a stranger's.
constexpr std::size_t kMaxExtensions = 512;

}  // namespace

bool ControlConnection::is_addressed_to_us(const wire::ControlMessage& message) {
  if (message.tunnel_id == own_tunnel_) return true;
  if (message.tunnel_id) return false;
  // Zero is right as long as the peer has not heard our id: SCCRQ, and StopCCN right after it.
  if (message.type == MessageType::sccrq) return true;
  if (message.type == MessageType::stopccn && peer_.tunnel &&
      message.assigned_tunnel_id == peer_.tunnel)
    return true;
  if (!settings_->quirks.accept_zero_tunnel_id || state_ == State::idle) return false;
  note_quirk(Quirk::zero_tunnel_id);
  return true;
}

void ControlConnection::process(const wire::ControlMessage& message, TimePoint now) {
  if (message.quirks.swapped_result_code) note_quirk(Quirk::swapped_result_code);
  avps_ignored_ += message.quirks.ignored_avps;
  if (state_ == State::closing || state_ == State::finished) {
    process_when_closing(message);
    return;
  }
  // An end is an end, however badly it is put.
  const bool is_end = message.type == MessageType::stopccn || message.type == MessageType::cdn;
  if (message.problem && !is_end) {
    process_problem(message, now);
    return;
  }
  const Input input{.now = now, .message = &message, .cause = {}};
  const auto judged = [&](std::optional<Cause> refusal, Event acceptable, Event unacceptable) {
    if (!refusal) return step(acceptable, input);
    step(unacceptable, {.now = now, .message = &message, .cause = std::move(*refusal)});
  };
  switch (message.type) {
    case MessageType::ack:
    case MessageType::none:
      break;  // §4.4.1: unknown and not mandatory: acknowledged, ignored
    case MessageType::sccrq:
      judged(state_ == State::idle ? judge_introduction(message) : std::nullopt,
             Event::sccrq_acceptable, Event::sccrq_unacceptable);
      break;
    case MessageType::sccrp:
      if (state_ == State::idle) learn_peer(message);
      judged(state_ == State::wait_ctl_reply ? judge_introduction(message) : std::nullopt,
             Event::sccrp_acceptable, Event::sccrp_unacceptable);
      break;
    case MessageType::scccn:
      judged(state_ == State::wait_ctl_conn ? judge_response(message) : std::nullopt,
             Event::scccn_acceptable, Event::scccn_unacceptable);
      break;
    case MessageType::stopccn:
      step(Event::stopccn, {.now = now,
                            .message = &message,
                            .cause = cause_of_stopccn(message, state_ == State::established)});
      break;
    case MessageType::hello:
      delivery_.acknowledge_now();
      break;
    case MessageType::icrq:
    case MessageType::ocrq:
    case MessageType::icrp:
    case MessageType::ocrp:
    case MessageType::iccn:
    case MessageType::occn:
    case MessageType::cdn:
    case MessageType::wen:
    case MessageType::sli:
    case MessageType::csun:
    case MessageType::csurq:
      if (state_ == State::established && version_ == 3)
        process_v3_call_message(message, now);
      else if (state_ == State::established)
        process_call_message(message, now);
      else
        step(Event::protocol_error, input);
      break;
  }
}

void ControlConnection::process_when_closing(const wire::ControlMessage& message) {
  delivery_.acknowledge_now();
  // A SCCRP that was under way tells where our StopCCN is to go.
  if (message.type == MessageType::sccrp && !peer_.tunnel && message.assigned_tunnel_id)
    learn_peer(message);
  if (message.type != MessageType::stopccn) return;
  // Both have said it: ours need not be acknowledged any more, the peer's still may have to be.
  delivery_.drop_unacknowledged();
  stopccn_sent_ = false;
}

void ControlConnection::process_problem(const wire::ControlMessage& message, TimePoint now) {
  Cause cause = cause_of_problem(*message.problem);
  if (message.problem->scope == wire::Scope::session && state_ == State::established) {
    // RFC 2661 §4.1: it ends the session that the message is about.
    if (message.type == MessageType::icrq || message.type == MessageType::ocrq)
      refuse_request(message, cause, now);
    else if (version_ == 3)
      process_v3_session_problem(message, std::move(cause), now);
    else
      step_call(message.session_id,
                {.event = Call::Event::protocol_error, .cause = std::move(cause)}, now);
    return;
  }
  const bool introduces = message.type == MessageType::sccrq || message.type == MessageType::sccrp;
  if (introduces && !peer_.tunnel) learn_peer(message);
  const Event event = state_ == State::idle && message.type == MessageType::sccrq
                          ? Event::sccrq_unacceptable
                          : Event::protocol_error;
  step(event, {.now = now, .message = &message, .cause = std::move(cause)});
}

void ControlConnection::learn_peer(const wire::ControlMessage& message) {
  peer_.tunnel = message.assigned_tunnel_id.value_or(TunnelId{});
  peer_.host_name = message.host_name.value_or("");
  peer_.vendor_name = message.vendor_name.value_or("");
  peer_.firmware_revision = message.firmware_revision.value_or(0);
  peer_.framing_capabilities = message.framing_capabilities.value_or(0);
  peer_.bearer_capabilities = message.bearer_capabilities.value_or(0);
  // §4.4.3: "If absent, the peer must assume a value of 4 for its transmit window."
  peer_.receive_window_size = message.receive_window_size.value_or(4);
  peer_.tie_breaker = message.tie_breaker;
  peer_.router_id = message.router_id.value_or(0);
  peer_.pseudowires = message.pseudowire_capabilities.value_or(std::vector<std::uint16_t>{});
  peer_.preferred_language = message.preferred_language.value_or("");
  peer_.others = wire::describe_extensions(message, kMaxExtensions);
  delivery_.set_peer_tunnel(peer_.tunnel);
  delivery_.set_peer_window(peer_.receive_window_size);
  cisco_draft_ = message.cisco_draft;
  if (cisco_draft_) note_quirk(Quirk::cisco_draft_avps);
}

std::optional<Cause> ControlConnection::judge_introduction(const wire::ControlMessage& message) {
  learn_peer(message);
  if (refusal_) return std::exchange(refusal_, std::nullopt);
  if (!message.assigned_tunnel_id)
    return Cause{.code = CauseCode::protocol_error, .message = "no Assigned Tunnel ID"};
  if (version_ == 3)
    if (auto refusal = judge_v3_introduction(message)) return refusal;
  // §4.4.3, Protocol Version: ours is 1; a revision is compatible by definition.
  if (message.protocol_version && message.protocol_version->version != kProtocolVersion)
    return Cause{.code = CauseCode::not_supported,
                 .message = fmt::format("protocol version {}.{}", message.protocol_version->version,
                                        message.protocol_version->revision)};
  if (message.type == MessageType::sccrp)
    if (auto refusal = judge_response(message)) return refusal;
  const MessageType carrier =
      message.type == MessageType::sccrq ? MessageType::sccrp : MessageType::scccn;
  const auto verdict = authentication_.answer(message, carrier, settings_->secret, response_);
  if (verdict == Authentication::Verdict::acceptable) return std::nullopt;
  return Cause{.code = CauseCode::tunnel_auth_failed, .message = std::string(name(verdict))};
}

std::optional<Cause> ControlConnection::judge_response(const wire::ControlMessage& message) {
  const auto verdict = authentication_.judge_response(message, settings_->secret);
  if (verdict == Authentication::Verdict::acceptable) return std::nullopt;
  return Cause{.code = CauseCode::tunnel_auth_failed, .message = std::string(name(verdict))};
}

bool ControlConnection::has_secret() const {
  return settings_->secret && !settings_->secret->empty();
}

bool ControlConnection::expects_challenge() const {
  const bool challenges = has_secret() && settings_->challenge_peer;
  return challenges && (version_ != 3 || settings_->v3.cisco_challenge);
}

wire::ControlMessage ControlConnection::introduce_ourselves(MessageType type) {
  wire::ControlMessage message;
  message.type = type;
  message.host_name = settings_->host_name;
  if (!settings_->vendor_name.empty()) message.vendor_name = settings_->vendor_name;
  message.assigned_tunnel_id = own_tunnel_;
  message.receive_window_size = settings_->receive_window_size;
  if (expects_challenge()) message.challenge = authentication_.challenge(random_);
  if (version_ != 2) introduce_v3(message);
  if (version_ == 3) return message;
  message.protocol_version = wire::ProtocolVersion{kProtocolVersion, 0};
  if (settings_->firmware_revision != 0) message.firmware_revision = settings_->firmware_revision;
  message.framing_capabilities = settings_->framing_capabilities;
  if (settings_->bearer_capabilities != 0)
    message.bearer_capabilities = settings_->bearer_capabilities;
  return message;
}

void ControlConnection::send(wire::ControlMessage message, TimePoint now) {
  // While the version is open our SCCRQ is one of version 2.
  message.version = version_ == 3 ? 3 : 2;
  wire::EncodeOptions options;
  if (version_ != 2) options.digests = digests_.digests();
  if (version_ == 3 && cisco_draft_) wire::say_as_cisco(message);
  std::array<std::uint8_t, kRandomVectorSize> vector{};
  std::array<std::uint8_t, kRandomVectorSize> padding{};
  ByteView secret;
  if (version_ == 3)
    secret = digests_.hiding_key();
  else if (has_secret())
    secret = settings_->secret->octets();
  if (settings_->hide_avps && !secret.empty() && peer_.tunnel) {
    random_.fill(vector);
    random_.fill(padding);
    options.secret = secret;
    options.random_vector = vector;
    options.padding = padding;
  }
  delivery_.send(wire::encode(message, options), now);
}

void ControlConnection::note_quirk(Quirk quirk) {
  const auto bit = static_cast<std::uint8_t>(1u << static_cast<unsigned>(quirk));
  if ((quirks_ & bit) != 0) return;
  quirks_ = static_cast<std::uint8_t>(quirks_ | bit);
  const std::string tunnel = fmt::format("{}/{}", own_tunnel_.value(), peer_.tunnel.value());
  LogContext context;
  context.tunnel = tunnel;
  for (const QuirkRow& row : quirk_table())
    if (row.quirk == quirk)
      log(LogLevel::info, context, "quirk {} ({}): {}", row.name, row.peers, row.what);
}

}  // namespace l2tpm::l2tp
