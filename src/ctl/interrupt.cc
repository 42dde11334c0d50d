#include "ctl/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

namespace l2tpm::ctl {

Interrupt::Interrupt(const Terminal& terminal) : fd_(terminal.interrupt_fd) {
  ::sigemptyset(&before_);
  if (fd_ >= 0) return;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  owned_ = UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  fd_ = owned_.get();
}

Interrupt::~Interrupt() {
  if (!owned_) return;
  // What came is what ended us; it is not to strike when it is let through again.
  signalfd_siginfo info;
  while (::read(fd_, &info, sizeof info) > 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Interrupt::Woken Interrupt::wait(int other, std::optional<std::chrono::milliseconds> time) const {
  const auto end = std::chrono::steady_clock::now() + time.value_or(std::chrono::milliseconds(0));
  for (;;) {
    int timeout = -1;
    if (time) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
    }
    pollfd fds[] = {
        {fd_,   POLLIN, 0},
        {other, POLLIN, 0}
    };
    const int ready = ::poll(fds, 2, timeout);
    if (fds[0].revents != 0) return Woken::interrupted;
    if (ready > 0) return Woken::ready;
    if (ready == 0 && std::chrono::steady_clock::now() >= end) return Woken::timeout;
  }
}

}  // namespace l2tpm::ctl
