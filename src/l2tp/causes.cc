#include "l2tp/causes.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace l2tpm::l2tp {
namespace {

using wire::CdnResult;
using wire::GeneralError;
using wire::StopCcnResult;

// RFC 2661 §4.4.2: "the error code ... highest version supported".
constexpr std::uint16_t kHighestVersion = 0x0100;
// Advisory text that we send; the AVP could hold a thousand.
constexpr std::size_t kTextLimit = 128;

wire::ResultCode make(std::uint16_t result, std::optional<std::uint16_t> error,
                      const Cause& cause) {
  wire::ResultCode code;
  code.result = result;
  code.error = error;
  code.message = cause.message.substr(0, kTextLimit);
  // §4.4.2: a text has its place behind an error code only.
  if (!code.message.empty() && !code.error) code.error = 0;
  return code;
}

wire::ResultCode make(StopCcnResult result, const Cause& cause) {
  return make(static_cast<std::uint16_t>(result), std::nullopt, cause);
}
wire::ResultCode make(CdnResult result, const Cause& cause) {
  return make(static_cast<std::uint16_t>(result), std::nullopt, cause);
}
// Result 2 means the same in both messages.
wire::ResultCode make(GeneralError error, const Cause& cause) {
  return make(static_cast<std::uint16_t>(StopCcnResult::general_error),
              static_cast<std::uint16_t>(error), cause);
}

wire::ResultCode as_given(const Cause& cause) {
  return make(cause.result_code,
              cause.error_code != 0 ? std::optional(cause.error_code) : std::nullopt, cause);
}

CauseCode code_of_general_error(std::uint16_t error) {
  switch (static_cast<GeneralError>(error)) {
    case GeneralError::insufficient_resources:
    case GeneralError::try_another:
    case GeneralError::try_another_directed:
      return CauseCode::refused;
    case GeneralError::unknown_mandatory_avp:
      return CauseCode::unknown_mandatory_avp;
    case GeneralError::none:
    case GeneralError::no_control_connection:
    case GeneralError::wrong_length:
    case GeneralError::bad_value:
    case GeneralError::invalid_session_id:
    case GeneralError::vendor_specific:
      break;
  }
  return CauseCode::protocol_error;
}

// What both messages have in common; the code is still to be chosen.
Cause from_peer(const wire::ControlMessage& message) {
  Cause cause;
  cause.by_peer = true;
  cause.code = CauseCode::peer_closed;
  if (!message.result_code) return cause;
  cause.result_code = message.result_code->result;
  cause.error_code = message.result_code->error.value_or(0);
  cause.message = printable(as_bytes(message.result_code->message));
  return cause;
}

}  // namespace

wire::ResultCode stopccn_result(const Cause& cause) {
  if (cause.result_code != 0 && !cause.by_peer) return as_given(cause);
  switch (cause.code) {
    case CauseCode::shutdown:
      return make(StopCcnResult::shutting_down, cause);
    case CauseCode::replaced:
    case CauseCode::tie_lost:
      return make(StopCcnResult::already_exists, cause);
    case CauseCode::tunnel_auth_failed:
    case CauseCode::auth_failed:
    case CauseCode::auth_unacceptable:
    case CauseCode::peer_not_authentic:
      return make(StopCcnResult::not_authorized, cause);
    case CauseCode::protocol_error:
      return make(StopCcnResult::fsm_error, cause);
    case CauseCode::unknown_mandatory_avp:
      return make(GeneralError::unknown_mandatory_avp, cause);
    case CauseCode::not_supported:
      return make(static_cast<std::uint16_t>(StopCcnResult::version_not_supported), kHighestVersion,
                  cause);
    case CauseCode::no_resources:
    case CauseCode::kernel_failed:
      return make(GeneralError::insufficient_resources, cause);
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::peer_closed:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
    case CauseCode::name_resolution:
    case CauseCode::no_answer:
    case CauseCode::peer_silent:
    case CauseCode::echo_timeout:
    case CauseCode::setup_timeout:
    case CauseCode::lcp_failed:
    case CauseCode::network_failed:
    case CauseCode::encryption_required:
    case CauseCode::loopback:
    case CauseCode::user_changed:
    case CauseCode::no_secrets:
    case CauseCode::refused:
    case CauseCode::interface_gone:
      break;
  }
  return make(StopCcnResult::clear_request, cause);
}

wire::ResultCode cdn_result(const Cause& cause, unsigned version) {
  if (cause.result_code != 0 && !cause.by_peer) return as_given(cause);
  // RFC 3931 §5.4.2, 16: "Finite state machine error or timeout".
  const bool is_turn =
      cause.code == CauseCode::setup_timeout || cause.code == CauseCode::protocol_error;
  if (version == 3 && is_turn) return make(CdnResult::fsm_error, cause);
  switch (cause.code) {
    case CauseCode::peer_closed:
    case CauseCode::no_answer:
    case CauseCode::peer_silent:
    case CauseCode::echo_timeout:
      return make(CdnResult::loss_of_carrier, cause);
    case CauseCode::setup_timeout:
      return make(CdnResult::timeout, cause);
    case CauseCode::protocol_error:
      return make(GeneralError::vendor_specific, cause);
    case CauseCode::unknown_mandatory_avp:
      return make(GeneralError::unknown_mandatory_avp, cause);
    case CauseCode::not_supported:
      return make(CdnResult::no_facilities_permanent, cause);
    case CauseCode::lcp_failed:
      return make(CdnResult::no_framing, cause);
    case CauseCode::no_resources:
    case CauseCode::kernel_failed:
      return make(CdnResult::no_facilities_temporary, cause);
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
    case CauseCode::name_resolution:
    case CauseCode::tunnel_auth_failed:
    case CauseCode::auth_failed:
    case CauseCode::auth_unacceptable:
    case CauseCode::peer_not_authentic:
    case CauseCode::network_failed:
    case CauseCode::encryption_required:
    case CauseCode::loopback:
    case CauseCode::user_changed:
    case CauseCode::no_secrets:
    case CauseCode::refused:
    case CauseCode::replaced:
    case CauseCode::tie_lost:
    case CauseCode::interface_gone:
      break;
  }
  return make(CdnResult::administrative, cause);
}

// RFC 3145 §2.1, §2.2: the code says which protocol it is about, and whether "direction" means
// anything: who asked for what the other refused, or whose doing it was.
wire::PppDisconnectCause disconnect_cause(const Cause& cause) {
  constexpr std::uint16_t kLcp = 0xc021;
  constexpr std::uint8_t kAtPeer = 1;
  constexpr std::uint8_t kHere = 2;
  wire::PppDisconnectCause out;
  out.code = cause.disconnect_code;
  out.message = cause.message.substr(0, kTextLimit);
  switch (static_cast<wire::DisconnectCause>(cause.disconnect_code)) {
    case wire::DisconnectCause::lcp_timeout:
    case wire::DisconnectCause::lcp_silence:
    case wire::DisconnectCause::loopback:
    case wire::DisconnectCause::echo_timeout:
      out.protocol = kLcp;
      break;
    case wire::DisconnectCause::normal:
      out.direction = cause.by_peer ? kAtPeer : kHere;
      break;
    case wire::DisconnectCause::encryption_refused:  // what we ask for; we refuse nobody's
    case wire::DisconnectCause::auth_unacceptable:
      out.direction = kAtPeer;
      break;
    case wire::DisconnectCause::auth_failed:
      out.direction = cause.by_peer ? kHere : kAtPeer;
      break;
    default:  // global, or unknown
      break;
  }
  return out;
}

namespace {

Cause does_not_fit(wire::CdnResult result, CauseCode code, std::string text) {
  return {
      .code = code, .result_code = static_cast<std::uint16_t>(result), .message = std::move(text)};
}

}  // namespace

Cause unknown_end_id(std::string_view end_id) {
  return does_not_fit(
      CdnResult::no_forwarder, CauseCode::refused,
      fmt::format("remote end id \"{}\" names nothing here", printable(as_bytes(end_id), 64)));
}
Cause unauthorized_end_id(std::string_view end_id) {
  return does_not_fit(
      CdnResult::forwarder_unauthorized, CauseCode::refused,
      fmt::format("remote end id \"{}\" is another peer's", printable(as_bytes(end_id), 64)));
}
Cause end_id_in_use(std::string_view end_id) {
  return does_not_fit(
      CdnResult::no_facilities_temporary, CauseCode::refused,
      fmt::format("remote end id \"{}\" has a session", printable(as_bytes(end_id), 64)));
}
Cause wrong_pseudowire_type(std::uint16_t asked, std::uint16_t ours) {
  return does_not_fit(CdnResult::pseudowire_type, CauseCode::not_supported,
                      fmt::format("pseudowire type {} ({}) asked for, it is {} ({}) here", asked,
                                  wire::pseudowire_name(asked), ours, wire::pseudowire_name(ours)));
}

Cause cause_of_stopccn(const wire::ControlMessage& message, bool established) {
  Cause cause = from_peer(message);
  switch (static_cast<StopCcnResult>(cause.result_code)) {
    case StopCcnResult::general_error:
      cause.code = code_of_general_error(cause.error_code);
      break;
    case StopCcnResult::already_exists:
      cause.code = CauseCode::refused;
      break;
    case StopCcnResult::not_authorized:
      cause.code = CauseCode::tunnel_auth_failed;
      break;
    case StopCcnResult::version_not_supported:
      cause.code = CauseCode::not_supported;
      break;
    case StopCcnResult::fsm_error:
      cause.code = CauseCode::protocol_error;
      break;
    case StopCcnResult::clear_request:
    case StopCcnResult::shutting_down:
      cause.code = established ? CauseCode::peer_closed : CauseCode::refused;
      break;
  }
  if (cause.message.empty() && cause.result_code != 0)
    cause.message = wire::stop_ccn_result_text(cause.result_code);
  return cause;
}

Cause cause_of_cdn(const wire::ControlMessage& message, bool established) {
  Cause cause = from_peer(message);
  switch (static_cast<CdnResult>(cause.result_code)) {
    case CdnResult::loss_of_carrier:
      break;
    case CdnResult::general_error:
      cause.code = code_of_general_error(cause.error_code);
      break;
    case CdnResult::administrative:
      cause.code = established ? CauseCode::peer_closed : CauseCode::refused;
      break;
    case CdnResult::no_facilities_temporary:
    case CdnResult::no_facilities_permanent:
    case CdnResult::invalid_destination:
    case CdnResult::no_carrier:
    case CdnResult::busy:
    case CdnResult::no_dial_tone:
    case CdnResult::no_framing:
    case CdnResult::sds_mismatch:
    case CdnResult::no_forwarder:
    case CdnResult::forwarder_unauthorized:
      cause.code = CauseCode::refused;
      break;
    case CdnResult::pseudowire_type:
    case CdnResult::sequencing_no_sublayer:
    case CdnResult::mtu_mismatch:
      cause.code = CauseCode::not_supported;
      break;
    case CdnResult::tie_lost:
      cause.code = CauseCode::tie_lost;
      break;
    case CdnResult::fsm_error:
      cause.code = CauseCode::protocol_error;
      break;
    case CdnResult::timeout:
      cause.code = CauseCode::setup_timeout;
      break;
  }
  if (cause.message.empty() && cause.result_code != 0)
    cause.message = wire::cdn_result_text(cause.result_code);
  if (message.ppp_disconnect_cause) {
    cause.disconnect_code = message.ppp_disconnect_cause->code;
    std::string text = printable(as_bytes(message.ppp_disconnect_cause->message));
    if (text.empty()) text = wire::disconnect_cause_text(cause.disconnect_code);
    if (!text.empty()) cause.message += (cause.message.empty() ? "" : "; ") + text;
  }
  return cause;
}

Cause cause_of_problem(const wire::Problem& problem) {
  Cause cause;
  const bool unknown = problem.kind == wire::Problem::Kind::unknown_mandatory_avp ||
                       problem.kind == wire::Problem::Kind::unknown_mandatory_message_type;
  cause.code = unknown ? CauseCode::unknown_mandatory_avp : CauseCode::protocol_error;
  cause.result_code = static_cast<std::uint16_t>(StopCcnResult::general_error);
  cause.error_code = static_cast<std::uint16_t>(problem.error_code());
  cause.message = problem.to_string();
  return cause;
}

}  // namespace l2tpm::l2tp
