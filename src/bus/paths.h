// Object paths; names are escaped as sd_bus_path_encode(3) does.
#pragma once

#include <l2tpm_dbus/compat.h>

#include <cstdint>
#include <string>

namespace l2tpm::bus {

sdbus::ObjectPath tunnel_path(const std::string& tunnel);
sdbus::ObjectPath session_path(const std::string& tunnel, std::uint32_t session);
sdbus::ObjectPath listener_path(const std::string& profile);

}  // namespace l2tpm::bus
