// The one table of error names. Clients match on them, so a name once published stays.
#pragma once

#include <l2tpm_dbus/compat.h>

#include <string>

#include "base/cause.h"
#include "daemon/service_api.h"

namespace l2tpm::bus {

inline constexpr const char* kAccessDenied = "org.freedesktop.DBus.Error.AccessDenied";
inline constexpr const char* kInteractiveRequired =
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
inline constexpr const char* kInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";
inline constexpr const char* kLimitExceeded = "org.L2tpManager1.Error.LimitExceeded";
inline constexpr const char* kInternal = "org.L2tpManager1.Error.Internal";

// What a caller is told when it does not get what it asked for.
struct Refusal {
  std::string name;  // D-Bus error name
  std::string message;
};

const char* error_name(daemon::ApiErrorCode code);
// For LastError and StateChanged: "" for an end that somebody asked for.
const char* error_name(const Cause& cause);

// For handlers, which throw what becomes the error reply.
sdbus::Error to_bus(const daemon::ApiError& error);
sdbus::Error to_bus(const Refusal& refusal);
[[noreturn]] void invalid(const std::string& message);

}  // namespace l2tpm::bus
