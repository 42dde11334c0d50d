// From the workers to the loop: functions to be run there, in order, and a descriptor that is
// readable while there are any.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/fd.h"

namespace l2tpm::kernel {

class Completions {
 public:
  explicit Completions(UniqueFd event_fd) : event_fd_(std::move(event_fd)) {}

  void post(std::function<void()> completion);
  // Runs what is there now; what it causes waits for the next turn.
  void dispatch();
  int fd() const { return event_fd_.get(); }

 private:
  UniqueFd event_fd_;
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace l2tpm::kernel
