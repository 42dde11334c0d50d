// The kernel deletes asynchronously and answers EBUSY where it could have waited: try again, with
// growing pauses, for at most half a second. For worker threads only.
#pragma once

#include <cerrno>
#include <chrono>
#include <thread>

namespace l2tpm::kernel {

// Calls attempt() until it succeeds or fails with something else than EBUSY, EEXIST or EAGAIN.
template <typename Attempt>
auto retry_while_busy(Attempt attempt, bool exists_is_busy = true) {
  auto pause = std::chrono::milliseconds(1);
  for (;;) {
    auto result = attempt();
    if (result) return result;
    const int error = result.error().error;
    const bool busy = error == EBUSY || error == EAGAIN || (exists_is_busy && error == EEXIST);
    if (!busy || pause > std::chrono::milliseconds(256)) return result;
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

}  // namespace l2tpm::kernel
