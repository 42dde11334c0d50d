// One thread for what blocks and is rare: files that the daemon was told to write. Jobs run one
// after the other, in their order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace l2tpm::daemon {

class Background {
 public:
  Background();
  // Waits for the jobs that were handed in; their answers are dropped.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // `job` runs on the thread; what it returns runs in dispatch().
  void run(std::function<std::function<void()>()> job);
  // Readable when dispatch() has something to do.
  int completion_fd() const { return event_.get(); }
  void dispatch();

 private:
  void work();

  UniqueFd event_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<std::function<void()>()>> jobs_;
  std::vector<std::function<void()>> answers_;
  bool ends_ = false;
  std::thread thread_;  // begun with the first job
};

}  // namespace l2tpm::daemon
