#include "daemon/interface_notes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/fd.h"
#include "base/log.h"

namespace l2tpm::daemon {

InterfaceNotes::InterfaceNotes(const std::string& runtime_directory) {
  if (runtime_directory.empty()) return;
  const std::filesystem::path directory = std::filesystem::path(runtime_directory) / "ifaces";
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (!error) std::filesystem::create_directory(directory, error);
  if (error) {
    log(LogLevel::warning, {}, "udev is told nothing about our interfaces: {}: {}",
        directory.string(), error.message());
    return;
  }
  directory_ = directory.string() + "/";
}

void InterfaceNotes::write(const std::string& interface, std::string_view tunnel,
                           std::uint32_t session, bool for_network_manager) const {
  if (directory_.empty()) return;
  const std::string text =
      fmt::format("L2TPM_TUNNEL={}\nL2TPM_SESSION={}\nL2TPM_NETWORK_MANAGER={}\n", tunnel, session,
                  for_network_manager ? 1 : 0);
  const std::string path = directory_ + interface;
  const UniqueFd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    log(LogLevel::warning, {}, "{}: {}", path, std::strerror(errno));
}

void InterfaceNotes::remove(const std::string& interface) const {
  if (!directory_.empty()) unlink((directory_ + interface).c_str());
}

}  // namespace l2tpm::daemon
