// Where {"$secret": "name"} leads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "config/error.h"

namespace l2tpm::config {

class SecretSource {
 public:
  virtual ~SecretSource() = default;
  // nullopt when there is none of that name.
  virtual std::optional<Secret> find(std::string_view profile, std::string_view name) = 0;
  // {"$file": "name"}: what a descriptor of that name held. Only profiles that come over the bus
  // have any.
  virtual std::optional<Secret> find_file(std::string_view) { return std::nullopt; }
};

// $CREDENTIALS_DIRECTORY/PROFILE.NAME (systemd's LoadCredential), then key NAME of
// DIRECTORY/secrets.d/PROFILE.json.
class SecretFiles final : public SecretSource {
 public:
  explicit SecretFiles(std::string directory);
  std::optional<Secret> find(std::string_view profile, std::string_view name) override;
  // What was wrong with the files met so far: unreadable, not JSON, readable by others.
  const ConfigErrors& problems() const { return problems_; }

 private:
  using Table = std::map<std::string, Secret, std::less<>>;
  const Table& table_of(std::string_view profile);

  std::string directory_;
  std::string credentials_;  // empty: not run by systemd with credentials
  std::map<std::string, Table, std::less<>> tables_;
  ConfigErrors problems_;
};

}  // namespace l2tpm::config
