#include "base/cause.h"

namespace l2tpm {

std::string_view name(CauseCode code) {
  switch (code) {
    case CauseCode::none:
      return "none";
    case CauseCode::admin_close:
      return "admin-close";
    case CauseCode::shutdown:
      return "shutdown";
    case CauseCode::peer_closed:
      return "peer-closed";
    case CauseCode::idle_timeout:
      return "idle-timeout";
    case CauseCode::session_timeout:
      return "session-timeout";
    case CauseCode::name_resolution:
      return "name-resolution";
    case CauseCode::no_answer:
      return "no-answer";
    case CauseCode::peer_silent:
      return "peer-silent";
    case CauseCode::echo_timeout:
      return "echo-timeout";
    case CauseCode::setup_timeout:
      return "setup-timeout";
    case CauseCode::tunnel_auth_failed:
      return "tunnel-auth-failed";
    case CauseCode::auth_failed:
      return "auth-failed";
    case CauseCode::auth_unacceptable:
      return "auth-unacceptable";
    case CauseCode::peer_not_authentic:
      return "peer-not-authentic";
    case CauseCode::protocol_error:
      return "protocol-error";
    case CauseCode::unknown_mandatory_avp:
      return "unknown-mandatory-avp";
    case CauseCode::not_supported:
      return "not-supported";
    case CauseCode::lcp_failed:
      return "lcp-failed";
    case CauseCode::network_failed:
      return "network-failed";
    case CauseCode::encryption_required:
      return "encryption-required";
    case CauseCode::loopback:
      return "loopback";
    case CauseCode::user_changed:
      return "user-changed";
    case CauseCode::no_secrets:
      return "no-secrets";
    case CauseCode::refused:
      return "refused";
    case CauseCode::no_resources:
      return "no-resources";
    case CauseCode::replaced:
      return "replaced";
    case CauseCode::tie_lost:
      return "tie-lost";
    case CauseCode::kernel_failed:
      return "kernel-failed";
    case CauseCode::interface_gone:
      return "interface-gone";
  }
  return "invalid";
}

std::string Cause::to_string() const {
  std::string text(name(code));
  if (by_peer) text += " by peer";
  if (result_code != 0) {
    text += " (result " + std::to_string(result_code);
    if (error_code != 0) text += " error " + std::to_string(error_code);
    text += ")";
  }
  if (!message.empty()) text += ": " + message;
  return text;
}

}  // namespace l2tpm
