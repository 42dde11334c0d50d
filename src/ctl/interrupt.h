// Ctrl-C as something to wait for, so that what waits can end properly.
#pragma once

#include <signal.h>

#include <chrono>
#include <optional>

#include "base/fd.h"
#include "ctl/run.h"

namespace l2tpm::ctl {

// While it exists SIGINT and SIGTERM do not end the program; interrupted() says that one came.
class Interrupt {
 public:
  explicit Interrupt(const Terminal& terminal);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int fd() const { return fd_; }

  enum class Woken { ready, interrupted, timeout };
  // Until `other` (-1: none) is readable or closed, or the time is over. nullopt: for ever.
  Woken wait(int other, std::optional<std::chrono::milliseconds> time) const;

 private:
  UniqueFd owned_;
  int fd_;
  sigset_t before_;
};

}  // namespace l2tpm::ctl
