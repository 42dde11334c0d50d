// What importers made, in a form that tests read, and whether the daemon would take it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/load.h"
#include "convert/result.h"

namespace l2tpm::test {

using Files = std::map<std::string, std::string>;
inline convert::ReadFile reader_of(Files files) {
  return [files = std::move(files)](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  };
}

class ImportedSecrets final : public config::SecretSource {
 public:
  explicit ImportedSecrets(const convert::ImportedProfile& profile) : profile_(profile) {}
  std::optional<Secret> find(std::string_view, std::string_view name) override {
    const auto found = profile_.secrets.find(std::string(name));
    if (found == profile_.secrets.end()) return std::nullopt;
    return found->second;
  }

 private:
  const convert::ImportedProfile& profile_;
};

inline Result<config::Profile, config::ConfigErrors> checked(
    const convert::ImportedProfile& imported) {
  ImportedSecrets secrets(imported);
  config::ProfileText text;
  text.name = imported.name;
  text.text = imported.profile.dump(-1, ' ', false, convert::Json::error_handler_t::replace);
  return config::read_profile(std::move(text), {}, secrets);
}

// The errors of an imported profile, one per line; "" when it is sound.
inline std::string faults(const convert::ImportedProfile& imported) {
  const auto profile = checked(imported);
  std::string text;
  if (!profile)
    for (const auto& error : profile.error()) text += error.to_string() + "\n";
  return text;
}

inline std::string secret_text(const convert::ImportedProfile& profile, const std::string& key) {
  const auto found = profile.secrets.find(key);
  return found == profile.secrets.end() ? "(none)" : std::string(as_text(found->second.octets()));
}

inline bool says(const convert::Import& import, const std::string& part) {
  for (const convert::Notice& notice : import.notices)
    if (notice.to_string().find(part) != std::string::npos) return true;
  return false;
}
inline std::string all_notices(const convert::Import& import) {
  std::string text;
  for (const convert::Notice& notice : import.notices) text += notice.to_string() + "\n";
  return text;
}

}  // namespace l2tpm::test
