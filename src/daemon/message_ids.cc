#include "daemon/message_ids.h"

namespace l2tpm::daemon::message_id {

std::string_view of_failed_attempt(CauseCode code) {
  switch (code) {
    case CauseCode::name_resolution:
    case CauseCode::no_answer:
    case CauseCode::peer_silent:
    case CauseCode::echo_timeout:
    case CauseCode::setup_timeout:
      return kNoAnswer;
    case CauseCode::tunnel_auth_failed:
      return kTunnelAuthenticationFailed;
    case CauseCode::auth_failed:
    case CauseCode::auth_unacceptable:
    case CauseCode::peer_not_authentic:
    case CauseCode::no_secrets:
      return kAuthenticationFailed;
    case CauseCode::refused:
    case CauseCode::peer_closed:
      return kRefused;
    case CauseCode::no_resources:
    case CauseCode::kernel_failed:
    case CauseCode::interface_gone:
      return kKernelFailed;
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
    case CauseCode::protocol_error:
    case CauseCode::unknown_mandatory_avp:
    case CauseCode::not_supported:
    case CauseCode::lcp_failed:
    case CauseCode::network_failed:
    case CauseCode::encryption_required:
    case CauseCode::loopback:
    case CauseCode::user_changed:
    case CauseCode::replaced:
    case CauseCode::tie_lost:
      return kDialFailed;
  }
  return kDialFailed;
}

}  // namespace l2tpm::daemon::message_id
