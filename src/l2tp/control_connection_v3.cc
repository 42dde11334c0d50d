// What a control connection does otherwise in L2TPv3: which version is spoken, whether a message
// may be believed (RFC 3931 §4.3), and how the ends introduce themselves.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "l2tp/causes.h"
#include "l2tp/control_connection.h"

namespace l2tpm::l2tp {
namespace {

using wire::MessageType;
using Verdict = DigestAuthentication::Verdict;

// RFC 3931 §4.7.3: the SCCRQ of version 2 as the one of version 3 that it stands for. What is wrong
// with L2TPv2's AVPs in it does not matter.
wire::ControlMessage as_v3(wire::ControlMessage sccrq) {
  sccrq.version = 3;
  sccrq.assigned_tunnel_id = std::exchange(sccrq.v3_connection_id, std::nullopt);
  sccrq.challenge.reset();  // L2TPv2's
  if (sccrq.problem && sccrq.problem->avp.vendor == wire::kIetf &&
      sccrq.problem->avp.type <= static_cast<std::uint16_t>(wire::AvpType::sequencing_required) &&
      sccrq.problem->kind != wire::Problem::Kind::unknown_mandatory_avp)
    sccrq.problem.reset();
  return sccrq;
}

bool offers_v3(const wire::ControlMessage& message) {
  return message.type == MessageType::sccrq && message.v3_connection_id && message.host_name &&
         message.router_id && message.pseudowire_capabilities;
}

}  // namespace

void ControlConnection::receive_datagram(ByteView datagram, TimePoint now) {
  if (state_ == State::finished) return;
  switch (wire::version_of(datagram)) {
    case 2:
      receive_v2(datagram, now);
      break;
    case 3:
      if (settings_->versions != Versions::v2_only) receive_v3(datagram, now);
      break;
    default:
      break;
  }
  // A connection that was made for this datagram, and got nothing from it.
  if (state_ == State::idle) {
    Cause cause{.code = CauseCode::protocol_error, .message = "no control connection"};
    step(Event::peer_lost, {.now = now, .cause = std::move(cause)});
    settle(now);
  }
}

void ControlConnection::receive_v3(ByteView datagram, TimePoint now) {
  const auto header = wire::decode_v3_header(datagram);
  if (!header || !header->is_control || version_ == 2) return;
  // Pure functions so far; nothing is believed. The nonce is needed to find out whether to.
  wire::ControlMessage peek;
  if (state_ == State::idle || state_ == State::wait_ctl_reply)
    peek = wire::decode_control(*header);
  // An answer to a SCCRQ that nobody has sent.
  if (state_ == State::idle && peek.type != MessageType::sccrq) return;
  if (!believes(header->message, peek, now)) return;
  if (version_ == 0) decide_version(3);
  const wire::ControlMessage message = wire::decode_control(
      *header, {.secret = digests_.hiding_key(), .permissive = settings_->permissive});
  receive(message, header->message.size(), now);
}

void ControlConnection::receive_v2(ByteView datagram, TimePoint now) {
  const auto header = wire::decode_header(datagram);
  if (!header || !header->is_control) return;
  wire::DecodeOptions options;
  options.permissive = settings_->permissive;
  if (has_secret()) options.secret = settings_->secret->octets();
  wire::ControlMessage message = wire::decode_control(*header, options);
  const auto size =
      static_cast<std::size_t>(header->payload.data() - datagram.data()) + header->payload.size();
  const bool begins = state_ == State::idle && message.type == MessageType::sccrq;
  const bool repeats = version_ == 3 && !initiator_ && message.type == MessageType::sccrq;
  if (settings_->versions != Versions::v2_only && offers_v3(message) && (begins || repeats)) {
    if (!believes(datagram.first(size), message, now)) return;
    if (version_ == 0) decide_version(3);
    receive(as_v3(std::move(message)), size, now);
    return;
  }
  if (version_ == 3) {
    if (!begins) return;
    // It could not read an answer in version 3.
    refusal_ =
        Cause{.code = CauseCode::not_supported,
              .result_code = static_cast<std::uint16_t>(wire::StopCcnResult::version_not_supported),
              .error_code = 3,
              .message = "L2TPv3 only"};
    version_ = 2;
    delivery_.speak_v2();
    digests_.stop_signing();
  } else if (version_ == 0) {
    // §4.7.3: "it must be assumed that the peer implementation is L2TPv2-only".
    if (state_ == State::idle ? !begins : message.type == MessageType::none) return;
    decide_version(2);
  }
  receive(message, size, now);
}

bool ControlConnection::believes(ByteView message, const wire::ControlMessage& peek,
                                 TimePoint now) {
  const bool is_opening = state_ == State::idle && peek.type == MessageType::sccrq;
  const bool is_answer = state_ == State::wait_ctl_reply && peek.type == MessageType::sccrp;
  std::optional<Bytes> nonce;
  if (is_opening || is_answer) nonce = peek.authentication_nonce;
  const Verdict verdict = digests_.judge(message, nonce);
  if (verdict == Verdict::believed) return true;
  // Whom to answer and what is all that is taken from it: StopCCN says why.
  if (verdict == Verdict::unwelcome) {
    refusal_ = Cause{.code = CauseCode::tunnel_auth_failed,
                     .message = "the peer authenticates control messages, no digest secret here"};
    return true;
  }
  if (verdict == Verdict::missing && is_opening) {
    refusal_ = Cause{.code = CauseCode::tunnel_auth_failed,
                     .message = "control message authentication (digest) required"};
    digests_.stop_signing();
    ++digests_missing_;
    return true;
  }
  drop_undigested(verdict, is_opening, now);
  return false;
}

void ControlConnection::drop_undigested(Verdict verdict, bool is_opening, TimePoint now) {
  std::uint64_t& count = verdict == Verdict::wrong ? digests_wrong_ : digests_missing_;
  if (count++ == 0) {
    const std::string tunnel = fmt::format("{}/{}", own_tunnel_.value(), peer_.tunnel.value());
    LogContext context;
    context.tunnel = tunnel;
    log(LogLevel::warning, context,
        "a message with {} digest is dropped, and so will be others: is the digest secret the same "
        "at both ends?",
        verdict == Verdict::wrong ? "a wrong" : "no");
  }
  if (!is_opening) return;
  Cause cause{.code = CauseCode::tunnel_auth_failed, .message = "wrong message digest in SCCRQ"};
  step(Event::peer_lost, {.now = now, .cause = std::move(cause)});
  settle(now);
}

std::string ControlConnection::why_unanswered() const {
  return fmt::format(
      "nothing came that could be believed: {} messages with a wrong digest, {} without; the "
      "digest secrets differ, or the peer has none",
      digests_wrong_, digests_missing_);
}

void ControlConnection::introduce_v3(wire::ControlMessage& message) {
  const V3Settings& v3 = settings_->v3;
  message.router_id = v3.router_id;
  message.pseudowire_capabilities = v3.pseudowires;
  if (!v3.preferred_language.empty()) message.preferred_language = v3.preferred_language;
  if (digests_.authenticates()) message.authentication_nonce = digests_.nonce(random_);
  if (version_ == 0) message.v3_connection_id = own_tunnel_;
}

std::optional<Cause> ControlConnection::judge_v3_introduction(const wire::ControlMessage& message) {
  // Cisco's routers ask so when their l2tp-class says "authentication".
  if (settings_->v3.cisco_challenge) return std::nullopt;
  authentication_
      .forget_challenge();  // asked in a SCCRQ of version 2, of a peer that knows no other
  if (message.challenge)
    return Cause{.code = CauseCode::tunnel_auth_failed,
                 .message = "the peer wants a Challenge Response, which is not allowed here"};
  return std::nullopt;
}

}  // namespace l2tpm::l2tp
