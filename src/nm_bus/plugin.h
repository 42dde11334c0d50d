// org.freedesktop.NetworkManager.VPN.Plugin on the bus: a translation and nothing more. Every call
// of NetworkManager's becomes one of nm::Activation, every action of its a signal or a request to
// the daemon. It has no thread and no loop.
#pragma once

#include <l2tpm_dbus/compat.h>
#include <l2tpm_dbus/nm_vpn_plugin_adaptor.h>

#include <optional>
#include <string>

#include "nm/activation.h"
#include "nm_bus/daemon_link.h"
#include "nm_bus/messages.h"

namespace l2tpm::nm_bus {

class Plugin final
    : public sdbus::AdaptorInterfaces<org::freedesktop::NetworkManager::VPN::Plugin_adaptor> {
 public:
  // Serves the object on `connection`, which is borrowed; the caller requests the name afterwards:
  // NetworkManager calls as soon as that has an owner.
  Plugin(sdbus::IConnection& connection, nm::ServiceType type, std::string interface);
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  // Does what the activation wants done. After each message of the bus, never from within one: an
  // error reply goes out before the signals that follow it.
  void carry_out();
  void handle_timeout(TimePoint now) { activation_.handle_timeout(now); }
  std::optional<TimePoint> next_deadline() const { return activation_.next_deadline(); }
  // SIGTERM.
  void terminate(TimePoint now);
  bool is_done() const { return done_; }

 private:
  void perform(nm::EmitState& action);
  void perform(nm::EmitFailure& action);
  void perform(nm::EmitSecretsRequired& action);
  void perform(nm::EmitBanner& action);
  void perform(nm::EmitConfig& action);
  void perform(nm::CreateTunnel& action);
  void perform(nm::CloseTunnel& action);
  void perform(nm::Look& action);
  void perform(nm::Say& action);
  void perform(nm::Quit& action);

  // The interface.
  void Connect(const Settings& connection) override;
  void ConnectInteractive(const Settings& connection, const Variants& details) override;
  std::string NeedSecrets(const Settings& settings) override;
  void NewSecrets(const Settings& connection) override;
  void Disconnect() override;
  void SetConfig(const Variants& config) override;
  void SetIp4Config(const Variants& config) override;
  void SetIp6Config(const Variants& config) override;
  void SetFailure(const std::string& reason) override;
  std::uint32_t State() override;

  nm::Activation activation_;
  DaemonLink daemon_;
  sdbus::Slot network_manager_watch_;
  std::string id_;  // of the connection, for the log
  bool done_ = false;
};

}  // namespace l2tpm::nm_bus
