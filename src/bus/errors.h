// The one table of error names. Clients match on them, so a name once published stays.
#pragma once

#include "daemon/service_api.h"

namespace l2tpm::bus {

const char* error_name(daemon::ApiErrorCode code);

inline constexpr const char* kAccessDenied = "org.freedesktop.DBus.Error.AccessDenied";
inline constexpr const char* kInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
inline constexpr const char* kInternal = "org.L2tpManager1.Error.Internal";

}  // namespace l2tpm::bus
