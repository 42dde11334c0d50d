// The a{sv} of ListTunnels and ListSessions as the service's filters. An unknown key or a value of
// another type is InvalidArgs: a filter that is silently ignored shows more than was asked for.
#pragma once

#include <map>
#include <string>

#include "daemon/service_api.h"

namespace sdbus {
class Variant;
}

namespace l2tpm::bus {

// Both throw sdbus::Error.
daemon::TunnelFilter tunnel_filter(const std::map<std::string, sdbus::Variant>& filter);
daemon::SessionFilter session_filter(const std::map<std::string, sdbus::Variant>& filter);

}  // namespace l2tpm::bus
