#include "daemon/handed_over.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace l2tpm::daemon {
namespace {

// Not all of these are in linux/magic.h everywhere.
constexpr unsigned kCifs = 0xff534d42;
constexpr unsigned kSmb2 = 0xfe534d42;
constexpr unsigned kFuse = 0x65735546;
constexpr unsigned kNine = 0x01021997;
constexpr unsigned kCeph = 0x00c36400;

bool may_hang(int fd) {
  struct statfs status {};
  if (fstatfs(fd, &status) < 0) return true;
  switch (static_cast<unsigned>(status.f_type)) {
    case NFS_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case kCifs:
    case kSmb2:
    case kFuse:
    case kNine:
    case kCeph:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Secret, std::string> read_handed_over(const UniqueFd& file) {
  struct stat status {};
  if (!file || fstat(file.get(), &status) < 0) return Unexpected<std::string>("is no descriptor");
  const bool is_pipe = S_ISFIFO(status.st_mode);
  if (!is_pipe && !S_ISREG(status.st_mode))
    return Unexpected<std::string>("is neither a file nor a pipe");
  const bool is_memfd = !is_pipe && fcntl(file.get(), F_GET_SEALS) >= 0;
  if (!is_pipe && !is_memfd && may_hang(file.get()))
    return Unexpected<std::string>(
        "is on a file system that may keep the daemon waiting; hand over a memfd or a pipe");
  // One buffer: growing would leave copies behind.
  Bytes buffer(kLongestFile + 1);
  std::size_t have = 0;
  int error = 0;
  while (have < buffer.size()) {
    ssize_t got = 0;
    if (is_pipe) {
      pollfd readable{file.get(), POLLIN, 0};
      if (poll(&readable, 1, 0) <= 0 || (readable.revents & POLLIN) == 0) break;
      got = ::read(file.get(), buffer.data() + have, buffer.size() - have);
    } else {
      got =
          ::pread(file.get(), buffer.data() + have, buffer.size() - have, static_cast<off_t>(have));
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  std::size_t size = have;
  while (size > 0 && (buffer[size - 1] == '\n' || buffer[size - 1] == '\r')) --size;
  Secret secret(ByteView(buffer).first(size));
  wipe(buffer);
  if (error != 0) return Unexpected<std::string>(std::strerror(error));
  if (have > kLongestFile) return Unexpected<std::string>("holds more than 64 KiB");
  return secret;
}

}  // namespace l2tpm::daemon
