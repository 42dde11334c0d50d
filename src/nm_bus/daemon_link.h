// The plugin's tunnel in the daemon: makes it, watches it, closes it, and tells the activation what
// is there. All calls are asynchronous; nothing here waits for the daemon.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <memory>
#include <string>

#include "nm/activation.h"

namespace l2tpm::nm_bus {

class DaemonLink {
 public:
  // Borrows both.
  DaemonLink(sdbus::IConnection& connection, nm::Activation& activation);
  ~DaemonLink();
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;

  // The activation's requests. Not from within a callback of the bus.
  void create(nm::CreateTunnel request);
  void look();
  void close();

 private:
  void created(const std::string& path);
  void describe_session(nm::TunnelReport report);
  void looked(const nm::Observation& observation);
  void look_is_over();
  void tunnel_is_gone();
  void daemon_changed(bool running);

  sdbus::IConnection& connection_;
  nm::Activation& activation_;
  std::unique_ptr<sdbus::IProxy> manager_;
  std::unique_ptr<sdbus::IProxy> tunnel_;
  sdbus::Slot owner_watch_;
  sdbus::Slot tunnel_watch_;
  // Answers about a tunnel that was closed meanwhile are told by this.
  std::uint64_t generation_ = 0;
  bool has_tunnel_ = false;
  bool looking_ = false;
  bool look_again_ = false;
};

}  // namespace l2tpm::nm_bus
