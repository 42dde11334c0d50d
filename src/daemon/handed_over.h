// What a caller of the bus hands over as a descriptor: read once, bounded, without ever waiting for
// whoever is at the other end.
#pragma once

#include <map>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/secret.h"
#include "config/secrets.h"

namespace l2tpm::daemon {

inline constexpr std::size_t kLongestFile = 64 * 1024;

// A memfd or a regular file from its beginning, or what is in a pipe now; a newline at the end is
// not part of it. Refused: anything else, more than kLongestFile, and files on file systems that
// somebody in user space or on the network answers for.
Result<Secret, std::string> read_handed_over(const UniqueFd& file);

// {"$secret": ...} and {"$file": ...} of a profile that came over the bus.
class HandedOver final : public config::SecretSource {
 public:
  HandedOver(std::map<std::string, Secret> secrets, std::map<std::string, Secret> files)
      : secrets_(std::move(secrets)), files_(std::move(files)) {}
  std::optional<Secret> find(std::string_view, std::string_view name) override {
    return in(secrets_, name);
  }
  std::optional<Secret> find_file(std::string_view name) override { return in(files_, name); }

 private:
  static std::optional<Secret> in(const std::map<std::string, Secret>& table,
                                  std::string_view name) {
    const auto found = table.find(std::string(name));
    if (found == table.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, Secret> secrets_, files_;
};

}  // namespace l2tpm::daemon
