// Reading a profile from a text in a test, with secrets at hand.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "config/load.h"

namespace l2tpm::test {

class FakeSecrets final : public config::SecretSource {
 public:
  FakeSecrets() = default;
  explicit FakeSecrets(std::map<std::string, std::string> secrets) : secrets_(std::move(secrets)) {}
  std::optional<Secret> find(std::string_view, std::string_view name) override {
    const auto found = secrets_.find(std::string(name));
    if (found == secrets_.end()) return std::nullopt;
    return Secret(std::string_view(found->second));
  }

 private:
  std::map<std::string, std::string> secrets_;
};

// Everything that is wrong, a line each: "LINE:COLUMN POINTER: MESSAGE".
inline std::string brief(const config::ConfigErrors& errors) {
  std::string out;
  for (const auto& error : errors) {
    out += std::to_string(error.line) + ":" + std::to_string(error.column) + " " + error.pointer +
           ": " + error.message + "\n";
  }
  return out;
}

struct ReadText {
  std::optional<config::Profile> profile;
  std::string errors;
  std::string warnings;

  const config::ClientProfile& client() const { return std::get<config::ClientProfile>(*profile); }
  const config::ListenerProfile& listener() const {
    return std::get<config::ListenerProfile>(*profile);
  }
  const config::StaticProfile& fixed() const { return std::get<config::StaticProfile>(*profile); }
};

inline ReadText read_text(std::string text,
                          const config::DaemonConfig& daemon =
                              {
},
                          FakeSecrets secrets = FakeSecrets(std::map<std::string, std::string>{
                              {"s", "topsecret"}})) {
  ReadText out;
  config::ConfigErrors warnings;
  config::ProfileText profile;
  profile.name = "work";
  profile.text = std::move(text);
  auto read = config::read_profile(std::move(profile), daemon, secrets, &warnings);
  out.warnings = brief(warnings);
  if (read)
    out.profile = std::move(*read);
  else
    out.errors = brief(read.error());
  return out;
}

}  // namespace l2tpm::test
