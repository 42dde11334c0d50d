// Names and numbers of org.freedesktop.NetworkManager.VPN.Plugin, and the two service types that
// the plugin answers for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace l2tpm::nm {

inline constexpr std::string_view kOwnService = "org.freedesktop.NetworkManager.l2tp-manager";
inline constexpr std::string_view kStockService = "org.freedesktop.NetworkManager.l2tp";

enum class ServiceType : std::uint8_t {
  own,     // beside NetworkManager-l2tp: an unknown key is a mistake
  drop_in  // in its place: profiles and editors are its own, an unknown key is only warned about
};
// By the bus name NetworkManager asks for: the service itself or SERVICE.Connection_N.
std::optional<ServiceType> service_type_of(std::string_view bus_name);

// NMVpnServiceState
enum class ServiceState : std::uint32_t {
  unknown,
  init,
  shutdown,
  starting,
  started,
  stopping,
  stopped
};
std::string_view name(ServiceState state);

// NMVpnPluginFailure
enum class Failure : std::uint32_t { login_failed, connect_failed, bad_ip_config };
std::string_view name(Failure failure);

// An error reply: a name below org.freedesktop.NetworkManager.VPN.Error and a sentence.
struct PluginError {
  std::string name;
  std::string message;
};

// NMSettingSecretFlags
inline constexpr unsigned kSecretNotRequired = 4;

}  // namespace l2tpm::nm
