#include "kernel/completions.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace l2tpm::kernel {

void Completions::post(std::function<void()> completion) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) eventfd_write(event_fd_.get(), 1);
  waiting_.push_back(std::move(completion));
}

void Completions::dispatch() {
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard lock(mutex_);
    eventfd_t count = 0;
    eventfd_read(event_fd_.get(), &count);
    now.swap(waiting_);
  }
  for (auto& completion : now) {
    completion();
    completion = nullptr;
  }
}

}  // namespace l2tpm::kernel
