// Reading files whole. Internal to config.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/error.h"

namespace l2tpm::config {

inline constexpr std::size_t kMaxProfileFile = 4u << 20;
inline constexpr std::size_t kMaxUsersFile = 64u << 20;
inline constexpr std::size_t kMaxSecretFile = 4u << 20;

struct FileText {
  std::string text;
  bool readable_by_all = false;  // mode o+r
  bool readable_by_others =
      false;  // o+r, or g+r for a group other than the daemon's own and root's
};

// A regular file (a symbolic link to one, too); the error is errno, EFBIG when it is longer than
// `longest`.
Result<FileText, int> read_file(const std::string& path, std::size_t longest);
ConfigError file_error(const std::string& path, int code);

// Names ending in ".json", sorted; hidden files and editors' backups are not among them. A missing
// directory has none; another error is its errno.
Result<std::vector<std::string>, int> json_files(const std::string& directory);

}  // namespace l2tpm::config
