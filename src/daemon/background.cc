#include "daemon/background.h"

#include <sys/eventfd.h>

#include <utility>

namespace l2tpm::daemon {

Background::Background() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Background::run(std::function<std::function<void()>()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  wake_.notify_one();
}

void Background::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ends_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    auto answer = job();
    lock.lock();
    answers_.push_back(std::move(answer));
    eventfd_write(event_.get(), 1);
  }
}

void Background::dispatch() {
  eventfd_t count = 0;
  eventfd_read(event_.get(), &count);
  std::vector<std::function<void()>> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const auto& answer : answers) answer();
}

}  // namespace l2tpm::daemon
