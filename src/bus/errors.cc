#include "bus/errors.h"

namespace l2tpm::bus {

const char* error_name(daemon::ApiErrorCode code) {
  using daemon::ApiErrorCode;
  switch (code) {
    case ApiErrorCode::not_found:
      return "org.L2tpManager1.Error.NotFound";
    case ApiErrorCode::already_exists:
      return "org.L2tpManager1.Error.AlreadyExists";
    case ApiErrorCode::wrong_state:
      return "org.L2tpManager1.Error.WrongState";
    case ApiErrorCode::invalid:
      return kInvalidArgs;
    case ApiErrorCode::invalid_profile:
      return "org.L2tpManager1.Error.InvalidProfile";
    case ApiErrorCode::in_progress:
      return "org.L2tpManager1.Error.InProgress";
    case ApiErrorCode::canceled:
      return "org.L2tpManager1.Error.Canceled";
    case ApiErrorCode::timeout:
      return "org.L2tpManager1.Error.Timeout";
    case ApiErrorCode::no_secrets:
      return "org.L2tpManager1.Error.NoSecrets";
    case ApiErrorCode::limit_exceeded:
      return kLimitExceeded;
    case ApiErrorCode::draining:
      return "org.L2tpManager1.Error.Draining";
    case ApiErrorCode::not_supported:
      return "org.L2tpManager1.Error.NotSupported";
    case ApiErrorCode::failed:
      return "org.L2tpManager1.Error.Failed";
  }
  return kInternal;
}

const char* error_name(const Cause& cause) {
  switch (cause.code) {
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::peer_closed:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
      return "";
    case CauseCode::name_resolution:
      return "org.L2tpManager1.Error.NameResolution";
    case CauseCode::no_answer:
    case CauseCode::peer_silent:
    case CauseCode::echo_timeout:
      return "org.L2tpManager1.Error.PeerUnreachable";
    case CauseCode::setup_timeout:
      return "org.L2tpManager1.Error.Timeout";
    case CauseCode::tunnel_auth_failed:
    case CauseCode::auth_failed:
      return cause.by_peer ? "org.L2tpManager1.Error.AuthFailed"
                           : "org.L2tpManager1.Error.PeerAuthFailed";
    case CauseCode::peer_not_authentic:
      return "org.L2tpManager1.Error.PeerAuthFailed";
    case CauseCode::auth_unacceptable:
    case CauseCode::unknown_mandatory_avp:
    case CauseCode::not_supported:
    case CauseCode::encryption_required:
      return "org.L2tpManager1.Error.NotSupported";
    case CauseCode::no_secrets:
      return error_name(daemon::ApiErrorCode::no_secrets);
    case CauseCode::refused:
      return "org.L2tpManager1.Error.PeerRejected";
    case CauseCode::no_resources:
      return kLimitExceeded;
    case CauseCode::protocol_error:
    case CauseCode::lcp_failed:
    case CauseCode::network_failed:
      return cause.by_peer ? "org.L2tpManager1.Error.PeerRejected"
                           : "org.L2tpManager1.Error.Failed";
    case CauseCode::loopback:
    case CauseCode::user_changed:
    case CauseCode::replaced:
    case CauseCode::tie_lost:
    case CauseCode::kernel_failed:
    case CauseCode::interface_gone:
      return "org.L2tpManager1.Error.Failed";
  }
  return kInternal;
}

sdbus::Error to_bus(const daemon::ApiError& error) {
  return dbus::make_error(error_name(error.code), error.message);
}

sdbus::Error to_bus(const Refusal& refusal) {
  return dbus::make_error(refusal.name, refusal.message);
}

void invalid(const std::string& message) { throw dbus::make_error(kInvalidArgs, message); }

}  // namespace l2tpm::bus
