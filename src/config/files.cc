#include "config/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/fd.h"
#include "base/secret.h"

namespace l2tpm::config {

Result<FileText, int> read_file(const std::string& path, std::size_t longest) {
  // O_NONBLOCK: a FIFO in the directory must not stop the daemon.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Unexpected(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) < 0) return Unexpected(errno);
  if (S_ISDIR(status.st_mode)) return Unexpected(EISDIR);
  // /dev/null masks a file.
  if (S_ISCHR(status.st_mode)) return FileText{};
  if (!S_ISREG(status.st_mode)) return Unexpected(EINVAL);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > longest) return Unexpected(EFBIG);

  FileText file;
  file.readable_by_all = (status.st_mode & S_IROTH) != 0;
  file.readable_by_others =
      file.readable_by_all ||
      ((status.st_mode & S_IRGRP) != 0 && status.st_gid != ::getegid() && status.st_gid != 0);
  // One buffer of the final size: growing would leave copies of secrets behind.
  file.text.resize(size);
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(fd.get(), file.text.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int code = errno;
      wipe(file.text);
      return Unexpected(code);
    }
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  file.text.resize(have);
  return file;
}

ConfigError file_error(const std::string& path, int code) {
  ConfigError error;
  error.file = path;
  error.message = code == EFBIG ? "is too large" : std::strerror(code);
  return error;
}

Result<std::vector<std::string>, int> json_files(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  std::vector<std::string> names;
  if (!open) {
    if (errno == ENOENT) return names;
    return Unexpected(errno);
  }
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    constexpr std::string_view kSuffix = ".json";
    if (name.size() > kSuffix.size() && name.front() != '.' &&
        name.substr(name.size() - kSuffix.size()) == kSuffix)
      names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace l2tpm::config
