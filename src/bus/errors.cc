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
      return "org.L2tpManager1.Error.LimitExceeded";
    case ApiErrorCode::draining:
      return "org.L2tpManager1.Error.Draining";
    case ApiErrorCode::not_supported:
      return "org.L2tpManager1.Error.NotSupported";
    case ApiErrorCode::failed:
      return "org.L2tpManager1.Error.Failed";
  }
  return kInternal;
}

}  // namespace l2tpm::bus
