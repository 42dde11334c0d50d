#include "nm_bus/plugin.h"

#include <variant>

#include "base/bytes.h"
#include "base/log.h"

namespace l2tpm::nm_bus {
namespace {

constexpr const char* kPath = "/org/freedesktop/NetworkManager/VPN/Plugin";

LogContext about(const std::string& connection) {
  return {
      .profile = connection, .tunnel = {}, .session = {}, .peer = {}, .user = {}, .message_id = {}};
}

void throw_error(const Result<Done, nm::PluginError>& result) {
  if (!result) throw dbus::make_error(result.error().name, result.error().message);
}

}  // namespace

Plugin::Plugin(sdbus::IConnection& connection, nm::ServiceType type, std::string interface)
    : AdaptorInterfaces(connection, dbus::ObjectPath(kPath)),
      activation_(type, std::move(interface), Clock::now()),
      daemon_(connection, activation_) {
  network_manager_watch_ =
      dbus::add_match(connection,
                      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                      "arg0='org.freedesktop.NetworkManager'",
                      [this](auto&& message) {
                        std::string name, before, after;
                        message >> name >> before >> after;
                        // Also when another one has its name: it knows nothing of us.
                        if (!before.empty()) activation_.network_manager_gone(Clock::now());
                      });
  registerAdaptor();
}

Plugin::~Plugin() { unregisterAdaptor(); }

void Plugin::terminate(TimePoint now) {
  if (!activation_.disconnect(now)) done_ = true;
}

void Plugin::carry_out() {
  for (auto actions = activation_.take_actions(); !actions.empty();
       actions = activation_.take_actions()) {
    for (nm::Action& action : actions) std::visit([this](auto& each) { perform(each); }, action);
  }
}

void Plugin::perform(nm::EmitState& action) {
  log(LogLevel::debug, about(id_), "{}", nm::name(action.state));
  emitStateChanged(static_cast<std::uint32_t>(action.state));
}
void Plugin::perform(nm::EmitFailure& action) {
  emitFailure(static_cast<std::uint32_t>(action.failure));
}
void Plugin::perform(nm::EmitSecretsRequired& action) {
  emitSecretsRequired(action.message, action.names);
}
void Plugin::perform(nm::EmitBanner& action) { emitLoginBanner(action.text); }
void Plugin::perform(nm::EmitConfig& action) {
  emitConfig(variants_of(action.config.general));
  if (!action.config.ipv4.empty()) emitIp4Config(variants_of(action.config.ipv4));
  if (!action.config.ipv6.empty()) emitIp6Config(variants_of(action.config.ipv6));
}
void Plugin::perform(nm::CreateTunnel& action) { daemon_.create(std::move(action)); }
void Plugin::perform(nm::CloseTunnel&) { daemon_.close(); }
void Plugin::perform(nm::Look&) { daemon_.look(); }
void Plugin::perform(nm::Say& action) {
  log(action.level, about(id_), "{}", printable(as_bytes(action.text), 1024));
}
void Plugin::perform(nm::Quit&) { done_ = true; }

void Plugin::Connect(const Settings& settings) {
  const nm::Connection connection = connection_of(settings);
  id_ = printable(as_bytes(connection.id), 64);
  throw_error(activation_.connect(connection, false, Clock::now()));
}

void Plugin::ConnectInteractive(const Settings& settings, const Variants&) {
  const nm::Connection connection = connection_of(settings);
  id_ = printable(as_bytes(connection.id), 64);
  throw_error(activation_.connect(connection, true, Clock::now()));
}

std::string Plugin::NeedSecrets(const Settings& settings) {
  return activation_.need_secrets(connection_of(settings), Clock::now());
}

void Plugin::NewSecrets(const Settings& settings) {
  throw_error(activation_.new_secrets(connection_of(settings), Clock::now()));
}

void Plugin::Disconnect() { throw_error(activation_.disconnect(Clock::now())); }

void Plugin::SetConfig(const Variants& config) { emitConfig(config); }
void Plugin::SetIp4Config(const Variants& config) { emitIp4Config(config); }
void Plugin::SetIp6Config(const Variants& config) { emitIp6Config(config); }
void Plugin::SetFailure(const std::string&) {
  emitFailure(static_cast<std::uint32_t>(nm::Failure::bad_ip_config));
}

std::uint32_t Plugin::State() { return static_cast<std::uint32_t>(activation_.state()); }

}  // namespace l2tpm::nm_bus
