// The configuration and who may read its secrets.
#include <fmt/core.h>
#include <sys/stat.h>

#include "config/load.h"
#include "doctor/doctor.h"
#include "doctor/files.h"

namespace l2tpm::doctor {
namespace {

using Level = Finding::Level;
constexpr std::size_t kMostShown = 10;

}  // namespace

Findings check_configuration(const Machine& machine) {
  config::Places places;
  places.vendor = machine.root + "/usr/lib/l2tp-manager";
  places.administrator = machine.root + machine.config_directory;
  places.state = machine.root + "/var/lib/l2tp-manager";
  places.runtime = machine.root + "/run/l2tp-manager";
  const config::Loaded loaded = config::load(places);
  Findings findings;
  for (const auto& error : loaded.errors) {
    if (findings.size() == kMostShown) break;
    findings.push_back({Level::failure, "config", error.to_string(), "l2tpctl check-config"});
  }
  if (findings.empty()) {
    const std::size_t count = loaded.config.clients.size() + loaded.config.listeners.size() +
                              loaded.config.statics.size();
    if (count == 0)
      findings.push_back({Level::warning, "config",
                          fmt::format("there is no profile in {}", machine.config_directory),
                          "\"l2tpctl profile new\" makes one, \"l2tpctl import\" takes one over"});
    else
      findings.push_back({Level::ok,
                          "config",
                          fmt::format("{} profile{} without errors", count, count == 1 ? "" : "s"),
                          {}});
  }
  return findings;
}

Findings check_secrets(const Machine& machine) {
  const std::string shown = machine.config_directory + "/secrets.d";
  Findings findings;
  std::size_t count = 0;
  for (const std::string& file : names_in(machine.root + shown)) {
    if (!file.ends_with(".json")) continue;
    const std::string path = shown + "/" + file;
    struct stat status {};
    if (::stat((machine.root + path).c_str(), &status) != 0) continue;
    ++count;
    const bool daemons = machine.daemon_group && status.st_gid == *machine.daemon_group;
    if ((status.st_mode & 0007) != 0)
      findings.push_back({Level::failure, "secrets", path + " can be read by everybody",
                          fmt::format("chgrp l2tp-manager {0} && chmod 0640 {0}", path)});
    else if ((status.st_mode & 0040) != 0 && !daemons && status.st_gid != 0)
      findings.push_back(
          {Level::warning, "secrets",
           fmt::format("{} can be read by group {}", path, static_cast<unsigned>(status.st_gid)),
           fmt::format("chgrp l2tp-manager {}", path)});
    else if (machine.daemon_group && status.st_uid == 0 &&
             !(daemons && (status.st_mode & 0040) != 0))
      findings.push_back({Level::failure, "secrets", path + " cannot be read by the daemon",
                          fmt::format("chgrp l2tp-manager {0} && chmod 0640 {0}", path)});
  }
  if (findings.empty() && count != 0)
    findings.push_back(
        {Level::ok,
         "secrets",
         fmt::format("{} file{} of secrets, for the daemon only", count, count == 1 ? "" : "s"),
         {}});
  return findings;
}

}  // namespace l2tpm::doctor
