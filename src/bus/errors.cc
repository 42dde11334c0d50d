#include "bus/errors.h"

namespace l2tpm::bus {

const char* error_name(daemon::ApiErrorCode code) {
  using daemon::ApiErrorCode;
  switch (code) {
    case ApiErrorCode::no_such_profile:
      return "org.L2tpManager1.Error.NoSuchProfile";
    case ApiErrorCode::no_such_tunnel:
      return "org.L2tpManager1.Error.NoSuchTunnel";
    case ApiErrorCode::no_such_session:
      return "org.L2tpManager1.Error.NoSuchSession";
    case ApiErrorCode::already_running:
      return "org.L2tpManager1.Error.AlreadyRunning";
    case ApiErrorCode::not_running:
      return "org.L2tpManager1.Error.NotRunning";
    case ApiErrorCode::invalid:
      return kInvalidArgs;
    case ApiErrorCode::failed:
      return "org.L2tpManager1.Error.Failed";
  }
  return kInternal;
}

}  // namespace l2tpm::bus
