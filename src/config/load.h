// From files to a checked Config. One bad profile never keeps the others from loading.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/error.h"
#include "config/profile.h"
#include "config/secrets.h"
#include "config/sources.h"

namespace l2tpm::config {

struct Loaded {
  Config config;                     // what is sound
  std::vector<std::string> refused;  // names of profiles with errors; not in `config`
  bool daemon_refused = false;       // l2tp-manager.json has errors: `config.daemon` is the default
  ConfigErrors errors;
  ConfigErrors warnings;
  bool ok() const { return errors.empty(); }
};

// Reads l2tp-manager.json of the administrator (optional), the profiles of all layers, and the
// secrets they name. A missing directory is an empty configuration.
Loaded load(const Places& places);
// The administrator's layer alone.
Loaded load(const std::string& directory);

// For a reload: what `fresh` refused stays as it was in `old`.
Config keep_refused(const Config& old, const Loaded& fresh);

// One profile from a text, as PutProfile and check-config have it. `file` is for messages;
// "users-file" is relative to `directory` and refused when that is empty. The warnings are appended
// when there is somewhere to put them.
struct ProfileText {
  std::string name;
  std::string text;
  std::string file = "<text>";
  std::string directory;
  bool readable_by_others = false;  // warn about secrets written into it
  bool is_foreign = false;          // of somebody who may not learn what is in which file
};
Result<Profile, ConfigErrors> read_profile(ProfileText profile, const DaemonConfig& daemon,
                                           SecretSource& secrets, ConfigErrors* warnings = nullptr);

// The daemon-wide file alone.
Result<DaemonConfig, ConfigErrors> read_daemon_config(std::string text, const std::string& file);

}  // namespace l2tpm::config
