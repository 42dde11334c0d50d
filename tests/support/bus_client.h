// Small words for clients of the daemon in tests.
#pragma once

#include <l2tpm_dbus/compat.h>
#include <l2tpm_dbus/proxy.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <string>

namespace l2tpm::test {

class ManagerClient final : public sdbus::ProxyInterfaces<org::L2tpManager1::Manager_proxy> {
 public:
  explicit ManagerClient(sdbus::IConnection& connection)
      : ProxyInterfaces(connection, dbus::ServiceName(dbus::kName), dbus::ObjectPath(dbus::kPath)) {
    registerProxy();
  }
  ~ManagerClient() { unregisterProxy(); }

 private:
  void onTunnelNew(const std::string&, const sdbus::ObjectPath&) override {}
  void onTunnelRemoved(const std::string&, const sdbus::ObjectPath&) override {}
  void onReloading(const bool&) override {}
};

// The name of the error that `call` ends with.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
    return "no error";
  } catch (const sdbus::Error& error) {
    return error.getName();
  }
}

// A connection of another user; only root can make one.
inline std::unique_ptr<sdbus::IConnection> connect_as(const std::string& address, uid_t user) {
  const uid_t before = ::geteuid();
  if (::seteuid(user) != 0) throw std::runtime_error("seteuid");
  std::unique_ptr<sdbus::IConnection> connection;
  try {
    connection = dbus::connect(address);
  } catch (...) {
    (void)!::seteuid(before);
    throw;
  }
  if (::seteuid(before) != 0) throw std::runtime_error("seteuid back");
  return connection;
}
inline constexpr uid_t kNobody = 65534;

// All objects that GetManagedObjects tells of, or the error's name alone.
inline std::set<std::string> managed_paths(sdbus::IConnection& connection) {
  sd_bus* const bus = dbus::raw_bus(connection);
  sd_bus_message* reply = nullptr;
  sd_bus_error error = SD_BUS_ERROR_NULL;
  std::set<std::string> paths;
  if (sd_bus_call_method(bus, dbus::kName, dbus::kPath, "org.freedesktop.DBus.ObjectManager",
                         "GetManagedObjects", &error, &reply, "") < 0) {
    paths.insert(error.name == nullptr ? "error" : error.name);
    sd_bus_error_free(&error);
    return paths;
  }
  sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
  while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
    const char* path = nullptr;
    sd_bus_message_read(reply, "o", &path);
    paths.insert(path);
    sd_bus_message_skip(reply, "a{sa{sv}}");
    sd_bus_message_exit_container(reply);
  }
  sd_bus_message_unref(reply);
  return paths;
}

// A property that is a string, of any object of the daemon.
inline std::string text_property(sdbus::IConnection& connection, const std::string& path,
                                 const char* interface, const char* name) {
  char* value = nullptr;
  sd_bus_error error = SD_BUS_ERROR_NULL;
  std::string text;
  if (sd_bus_get_property_string(dbus::raw_bus(connection), dbus::kName, path.c_str(), interface,
                                 name, &error, &value) < 0)
    text = error.name == nullptr ? "error" : error.name;
  else
    text = value;
  std::free(value);
  sd_bus_error_free(&error);
  return text;
}

}  // namespace l2tpm::test
