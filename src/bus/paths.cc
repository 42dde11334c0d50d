#include "bus/paths.h"

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace l2tpm::bus {
namespace {

std::string encode(const char* prefix, const std::string& name) {
  char* encoded = nullptr;
  if (sd_bus_path_encode(prefix, name.c_str(), &encoded) < 0) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&std::free)> owner(encoded, &std::free);
  return encoded;
}

}  // namespace

sdbus::ObjectPath tunnel_path(const std::string& tunnel) {
  return sdbus::ObjectPath(encode("/org/L2tpManager1/tunnel", tunnel));
}

sdbus::ObjectPath session_path(const std::string& tunnel, std::uint32_t session) {
  return sdbus::ObjectPath(encode("/org/L2tpManager1/tunnel", tunnel) + "/session/" +
                           std::to_string(session));
}

sdbus::ObjectPath listener_path(const std::string& profile) {
  return sdbus::ObjectPath(encode("/org/L2tpManager1/listener", profile));
}

}  // namespace l2tpm::bus
