#include "base/fd.h"

#include <unistd.h>

namespace l2tpm {

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) ::close(old);
}

}  // namespace l2tpm
