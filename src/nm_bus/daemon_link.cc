#include "nm_bus/daemon_link.h"

#include <l2tpm_dbus/compat.h>

#include <map>
#include <utility>

#include "base/log.h"

namespace l2tpm::nm_bus {
namespace {

constexpr const char* kTunnelInterface = "org.L2tpManager1.Tunnel";
// It ends with our connection to the bus; Open starts it, once it is watched; NetworkManager
// configures the interface.
constexpr std::uint32_t kFlags = 1 | 2 | 4;

bool says_gone(const sdbus::Error& error) {
  const std::string name = error.getName();
  return name == "org.freedesktop.DBus.Error.UnknownObject" ||
         name == "org.freedesktop.DBus.Error.UnknownMethod" ||
         name == "org.freedesktop.DBus.Error.UnknownInterface" ||
         name == "org.L2tpManager1.Error.NotFound";
}

}  // namespace

DaemonLink::DaemonLink(sdbus::IConnection& connection, nm::Activation& activation)
    : connection_(connection),
      activation_(activation),
      manager_(sdbus::createProxy(connection, dbus::ServiceName(dbus::kName),
                                  dbus::ObjectPath(dbus::kPath))) {
  owner_watch_ =
      dbus::add_match(connection_,
                      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                      "arg0='org.L2tpManager1'",
                      [this](auto&& message) {
                        std::string name, before, after;
                        message >> name >> before >> after;
                        daemon_changed(!after.empty());
                      });
}

DaemonLink::~DaemonLink() = default;

void DaemonLink::daemon_changed(bool running) {
  if (!running) {
    ++generation_;
    has_tunnel_ = looking_ = false;
  }
  activation_.daemon_running(running, Clock::now());
}

void DaemonLink::create(nm::CreateTunnel request) {
  // One that was made and could not be opened.
  close();
  tunnel_.reset();
  const std::map<std::string, sdbus::Variant> settings{
      {"profile", sdbus::Variant(request.profile)}
  };
  std::map<std::string, std::string> secrets;
  for (const auto& [name, secret] : request.secrets)
    secrets.emplace(name, as_text(secret.octets()));
  manager_->callMethodAsync("CreateTransient")
      .onInterface(dbus::kInterface)
      .withArguments(request.name_hint, settings, secrets, std::map<std::string, sdbus::UnixFd>(),
                     kFlags)
      .uponReplyInvoke(
          [this, generation = generation_](dbus::AsyncError error, const sdbus::ObjectPath& path) {
            if (generation != generation_) return;
            if (error) {
              activation_.tunnel_refused(error->getName(), error->getMessage(), Clock::now());
            } else {
              created(path);
            }
          });
  for (auto& [name, secret] : secrets) wipe(secret);
}

void DaemonLink::created(const std::string& path) {
  tunnel_ = sdbus::createProxy(connection_, dbus::ServiceName(dbus::kName), dbus::ObjectPath(path));
  // The tunnel's signals and its sessions'.
  tunnel_watch_ = dbus::add_match(
      connection_, "type='signal',sender='org.L2tpManager1',path_namespace='" + path + "'",
      [this](auto&&) { look(); });
  has_tunnel_ = true;
  tunnel_->callMethodAsync("Open")
      .onInterface(kTunnelInterface)
      .uponReplyInvoke([this, generation = generation_](dbus::AsyncError error) {
        if (generation != generation_) return;
        if (error) {
          activation_.tunnel_refused(error->getName(), error->getMessage(), Clock::now());
        } else {
          activation_.tunnel_created(Clock::now());
        }
      });
}

void DaemonLink::look() {
  if (!has_tunnel_) return;
  if (looking_) {
    look_again_ = true;
    return;
  }
  looking_ = true;
  look_again_ = false;
  tunnel_->callMethodAsync("Describe")
      .onInterface(kTunnelInterface)
      .uponReplyInvoke([this, generation = generation_](dbus::AsyncError error,
                                                        const std::string& json) {
        if (generation != generation_) return;
        if (error) {
          if (says_gone(*error)) {
            tunnel_is_gone();
          } else {
            log(LogLevel::warning, {}, "l2tp-manager does not say how the tunnel is: {}",
                error->getMessage());
            look_is_over();
          }
        } else if (auto report = nm::parse_tunnel(json); !report) {
          log(LogLevel::error, {}, "l2tp-manager's description of the tunnel is not understood");
          look_is_over();
        } else if (report->sessions.empty()) {
          looked({std::move(*report), std::nullopt});
        } else {
          describe_session(std::move(*report));
        }
      });
}

// Somebody closed it, or the daemon is stopping: then its name goes next.
void DaemonLink::tunnel_is_gone() {
  has_tunnel_ = looking_ = false;
  manager_->callMethodAsync("Get")
      .onInterface("org.freedesktop.DBus.Properties")
      .withArguments(std::string(dbus::kInterface), std::string("State"))
      .uponReplyInvoke(
          [this, generation = generation_](dbus::AsyncError error, const sdbus::Variant& state) {
            if (generation != generation_) return;
            const bool stopping = !error && state.containsValueOfType<std::string>() &&
                                  state.get<std::string>() == "stopping";
            if (stopping) {
              daemon_changed(false);
            } else {
              activation_.tunnel_vanished(Clock::now());
            }
          });
}

void DaemonLink::describe_session(nm::TunnelReport report) {
  // A client has one; another one is on its way out.
  const std::uint32_t id = report.sessions.back();
  manager_->callMethodAsync("DescribeSession")
      .onInterface(dbus::kInterface)
      .withArguments(report.name, id)
      .uponReplyInvoke([this, generation = generation_, report = std::move(report)](
                           dbus::AsyncError error, const std::string& json) {
        if (generation != generation_) return;
        looked({report, error ? std::nullopt : nm::parse_session(json)});
      });
}

void DaemonLink::looked(const nm::Observation& observation) {
  const nm::TunnelReport& tunnel = observation.tunnel;
  log(LogLevel::debug, {}, "{}: {}{}{}", tunnel.name, tunnel.state,
      observation.session ? ", session " + observation.session->state : "",
      tunnel.error ? ", " + tunnel.error->code : "");
  activation_.observed(observation, Clock::now());
  look_is_over();
}

void DaemonLink::look_is_over() {
  looking_ = false;
  if (look_again_) look();
}

void DaemonLink::close() {
  ++generation_;
  if (has_tunnel_) {
    // Nobody waits for the answer.
    tunnel_->callMethodAsync("Close")
        .onInterface(kTunnelInterface)
        .withArguments(std::map<std::string, sdbus::Variant>())
        .uponReplyInvoke([](dbus::AsyncError) {});
  }
  has_tunnel_ = looking_ = false;
  tunnel_watch_.reset();
}

}  // namespace l2tpm::nm_bus
