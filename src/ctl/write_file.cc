#include "ctl/write_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fd.h"
#include "base/secret.h"

namespace l2tpm::ctl {
namespace {

constexpr std::size_t kLongest = 4u << 20;
constexpr mode_t kPlain = 0644, kSecret = 0600, kShared = 0640;

std::string failed(const std::string& path, int error) {
  return fmt::format("{}: {}", path, std::strerror(error));
}

// The group that a secret's directory was given, so that the daemon may read what is in it.
std::optional<gid_t> group_of_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.substr(0, path.rfind('/')).c_str(), &status) != 0) return std::nullopt;
  if (status.st_gid == 0 || status.st_gid == ::getegid()) return std::nullopt;
  return status.st_gid;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

bool file_exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

std::string make_directory(const std::string& path, FileKind kind) {
  if (::mkdir(path.c_str(), kind == FileKind::secret ? 0700 : 0755) != 0 && errno != EEXIST)
    return failed(path, errno);
  return {};
}

std::string write_file(const std::string& path, std::string_view text, FileKind kind, bool force) {
  if (!force && file_exists(path))
    return fmt::format("{} is there already; --force overwrites it", path);
  // mkostemp makes it 0600: nobody else ever has it open.
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return failed(path, errno);
  mode_t mode = kind == FileKind::secret ? kSecret : kPlain;
  if (const auto group = kind == FileKind::secret ? group_of_directory(path) : std::nullopt;
      group && ::fchown(fd.get(), static_cast<uid_t>(-1), *group) == 0)
    mode = kShared;
  int error = 0;
  if (!write_all(fd.get(), text) || ::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0) {
    error = errno;
  } else if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(),
                         force ? 0 : RENAME_NOREPLACE) == 0) {
    return {};
  } else {
    error = errno;
  }
  ::unlink(temporary.c_str());
  return failed(path, error);
}

std::optional<std::string> read_text_file(const std::string& path) {
  const UniqueFd fd(path == "-" ? ::dup(STDIN_FILENO)
                                : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return std::nullopt;
  std::string text;
  constexpr std::size_t kPiece = 16 * 1024;
  while (text.size() <= kLongest) {
    const std::size_t had = text.size();
    text.resize(had + kPiece);
    const ssize_t got = ::read(fd.get(), text.data() + had, kPiece);
    text.resize(had + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      wipe(text);
      errno = error;
      return std::nullopt;
    }
    if (got == 0) return text;
  }
  wipe(text);
  errno = EFBIG;
  return std::nullopt;
}

}  // namespace l2tpm::ctl
