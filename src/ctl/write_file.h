// Files that l2tpctl makes: whole or not at all, with the rights they need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace l2tpm::ctl {

inline constexpr const char* kConfigDirectory = "/etc/l2tp-manager";

enum class FileKind {
  plain,   // 0644
  secret,  // 0600; if its directory belongs to a group of its own, the daemon's, 0640 and that
           // group
};

// "" or what went wrong, with the path. Without `force` a file that is there stays as it is, and
// that is an error.
std::string write_file(const std::string& path, std::string_view text, FileKind kind, bool force);
// "" or what went wrong. One that is there is fine.
std::string make_directory(const std::string& path, FileKind kind);
bool file_exists(const std::string& path);

// The whole text; nullopt and errno when it cannot be read. At most 4 MiB; "-" is standard input.
std::optional<std::string> read_text_file(const std::string& path);

}  // namespace l2tpm::ctl
