// What udev is told about our network interfaces: RUNTIME_DIRECTORY/ifaces/NAME, a few KEY=value
// lines, written before the interface is made and removed after it is gone. So a udev rule knows at
// the first event whose a PPP interface is, and asks nobody on D-Bus (udev/l2tp-manager-interface).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace l2tpm::daemon {

class InterfaceNotes {
 public:
  // An empty directory: no notes are written, whoever starts the daemon by hand has no use for
  // them. What a killed predecessor left there is removed.
  explicit InterfaceNotes(const std::string& runtime_directory);

  // `for_network_manager`: it made the tunnel (it wants the addresses reported, not applied) and
  // manages the interface; all others it shall leave alone.
  void write(const std::string& interface, std::string_view tunnel, std::uint32_t session,
             bool for_network_manager) const;
  void remove(const std::string& interface) const;

 private:
  std::string directory_;  // with a slash at its end, or empty
};

}  // namespace l2tpm::daemon
