// Looks for what keeps L2TP from working on this machine, and says what to do about it. Nothing is
// changed; the kernel is tried with a tunnel on 127.0.0.1 that is gone a moment later, if the
// caller may do that.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/features.h"
#include "kview/source.h"

namespace l2tpm::doctor {

struct Finding {
  enum class Level : std::uint8_t { ok, warning, failure };
  Level level = Level::ok;
  std::string check;   // stable and machine-readable: "module", "port-1701"
  std::string text;    // what was seen
  std::string advice;  // what to do; "" with ok
  friend bool operator==(const Finding&, const Finding&) = default;
};
std::string_view name(Finding::Level level);
using Findings = std::vector<Finding>;

// What is asked of the machine. Files are below `root`, so that a test can be one.
struct Machine {
  std::string root;                                    // "" or a directory that stands for /
  std::string release;                                 // uname -r
  std::string config_directory = "/etc/l2tp-manager";  // the administrator's, below root
  bool privileged = false;  // may try the kernel, and look into other processes
  bool clock_synchronised = false;
  std::time_t now = 0;
  std::optional<std::uint32_t>
      daemon_group;  // gid of l2tp-manager; nullopt: there is no such group
  std::function<kview::Holders(const std::vector<std::uint64_t>&)> socket_holders;
  std::function<kernel::KernelFeatures()> probe;  // called if privileged

  // What the daemon says; nullopt: it is not on the bus.
  struct Daemon {
    std::string version;
    std::string state;
  };
  std::optional<Daemon> daemon;
  std::string bus_error;  // why there is none
};
// This machine, without the daemon's part.
Machine this_machine();

Findings examine(const Machine& machine);

// The checks, for tests.
Findings check_modules(const Machine& machine);
Findings check_kernel(const Machine& machine);
Findings check_ppp_device(const Machine& machine);
Findings check_port(const Machine& machine);
Findings check_daemon(const Machine& machine);
Findings check_bus_files(const Machine& machine);
Findings check_network_manager(const Machine& machine);
Findings check_mtu(const Machine& machine);
Findings check_clock(const Machine& machine);
Findings check_configuration(const Machine& machine);
Findings check_secrets(const Machine& machine);

}  // namespace l2tpm::doctor
