#include "bus/filter.h"

#include <l2tpm_dbus/compat.h>

#include "bus/errors.h"

namespace l2tpm::bus {
namespace {

std::string text_of(const std::string& key, const sdbus::Variant& value) {
  if (!value.containsValueOfType<std::string>())
    throw dbus::make_error(kInvalidArgs, "filter \"" + key + "\" is a string");
  return value.get<std::string>();
}

[[noreturn]] void refuse(const std::string& key) {
  throw dbus::make_error(kInvalidArgs, "unknown filter \"" + key + "\"");
}

}  // namespace

daemon::TunnelFilter tunnel_filter(const std::map<std::string, sdbus::Variant>& filter) {
  daemon::TunnelFilter result;
  for (const auto& [key, value] : filter) {
    if (key == "profile")
      result.profile = text_of(key, value);
    else if (key == "state")
      result.state = text_of(key, value);
    else if (key == "peer")
      result.peer = text_of(key, value);
    else
      refuse(key);
  }
  return result;
}

daemon::SessionFilter session_filter(const std::map<std::string, sdbus::Variant>& filter) {
  daemon::SessionFilter result;
  for (const auto& [key, value] : filter) {
    if (key == "tunnel")
      result.tunnel = text_of(key, value);
    else if (key == "user")
      result.user = text_of(key, value);
    else if (key == "interface")
      result.interface = text_of(key, value);
    else if (key == "state")
      result.state = text_of(key, value);
    else
      refuse(key);
  }
  return result;
}

}  // namespace l2tpm::bus
