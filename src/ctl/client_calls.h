// What client.cc and client_profiles.cc share: the proxies, and calls whose exceptions become
// values.
#pragma once

#include <l2tpm_dbus/compat.h>
#include <l2tpm_dbus/proxy.h>

#include "ctl/client.h"

namespace l2tpm::ctl {

using Dictionary = std::map<std::string, sdbus::Variant>;

// Not registered for signals: nobody here waits for one.
class ManagerProxy final : public sdbus::ProxyInterfaces<org::L2tpManager1::Manager_proxy> {
 public:
  explicit ManagerProxy(sdbus::IConnection& connection)
      : ProxyInterfaces(connection, dbus::ServiceName(dbus::kName), dbus::ObjectPath(dbus::kPath)) {
  }

 private:
  void onTunnelNew(const std::string&, const sdbus::ObjectPath&) override {}
  void onTunnelRemoved(const std::string&, const sdbus::ObjectPath&) override {}
  void onReloading(const bool&) override {}
};

class TunnelProxy final : public sdbus::ProxyInterfaces<org::L2tpManager1::Tunnel_proxy> {
 public:
  TunnelProxy(sdbus::IConnection& connection, const sdbus::ObjectPath& path)
      : ProxyInterfaces(connection, dbus::ServiceName(dbus::kName), path) {}

 private:
  void onStateChanged(const std::string&, const std::string&, const std::string&,
                      const std::string&) override {}
};

class ListenerProxy final : public sdbus::ProxyInterfaces<org::L2tpManager1::Listener_proxy> {
 public:
  ListenerProxy(sdbus::IConnection& connection, const sdbus::ObjectPath& path)
      : ProxyInterfaces(connection, dbus::ServiceName(dbus::kName), path) {}
};

// Calls and turns what is thrown into a value.
template <typename Call>
auto answer(Call call) -> Answer<decltype(call())> {
  try {
    return call();
  } catch (const sdbus::Error& error) {
    return Unexpected(
        ClientError{exit_code_of(error.getName()), error.getName(), error.getMessage()});
  } catch (const std::exception& error) {
    return Unexpected(ClientError{ExitCode::failure, "", error.what()});
  }
}

struct Client::Impl {
  explicit Impl(const std::string& address);

  // For calls that polkit may ask a person about.
  template <typename Call>
  auto authorized(Call call) -> Answer<decltype(call())> {
    connection->setMethodCallTimeout(kPatience);
    auto result = answer(std::move(call));
    connection->setMethodCallTimeout(kUsual);
    return result;
  }

  static constexpr std::chrono::seconds kUsual{25};
  static constexpr std::chrono::seconds kPatience{180};
  std::unique_ptr<sdbus::IConnection> connection;
  ManagerProxy manager;
};

}  // namespace l2tpm::ctl
