// A bus::Server with a fake service, served by a thread the way the daemon's loop does it.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "bus/server.h"
#include "support/fake_service.h"

namespace l2tpm::test {

// One turn of a loop: waits for the bus or for `wake`, then handles a few messages.
inline bus::Server::Turn turn(bus::Server& server, int wake, bool wait) {
  const auto data = server.poll_data();
  int timeout = wait ? -1 : 0;
  if (wait && data.deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*data.deadline - Clock::now());
    timeout = left.count() < 0 ? 0 : static_cast<int>(left.count());
  }
  pollfd fds[] = {
      {data.fd,       data.events, 0},
      {data.event_fd, POLLIN,      0},
      {wake,          POLLIN,      0}
  };
  ::poll(fds, 3, timeout);
  return server.process(4);
}

class ServedBus {
 public:
  explicit ServedBus(const std::string& address) {
    auto opened = bus::Server::open(service, address);
    if (!opened) throw std::runtime_error(opened.error().name + ": " + opened.error().message);
    server_ = std::move(*opened);
    thread_ = std::thread([this] {
      auto last = bus::Server::Turn::more;
      while (!stop_.load() && last != bus::Server::Turn::lost) {
        last = turn(*server_, wake_.get(), last == bus::Server::Turn::idle);
        run_due();
      }
      lost = last == bus::Server::Turn::lost;
    });
  }
  ~ServedBus() {
    stop_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    join();
  }
  // Runs it on the serving thread, between two turns, as the daemon's own doings are; returns when
  // it is done.
  void run(const std::function<void()>& what) {
    std::promise<void> done;
    {
      const std::lock_guard lock(mutex_);
      due_.emplace_back([&] {
        what();
        done.set_value();
      });
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    done.get_future().wait();
  }
  // Until the server has lost its bus.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  FakeService service;
  std::atomic<bool> lost = false;

 private:
  void run_due() {
    std::vector<std::function<void()>> due;
    {
      const std::lock_guard lock(mutex_);
      due.swap(due_);
    }
    if (due.empty()) return;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
    for (const auto& what : due) what();
  }

  std::mutex mutex_;
  std::vector<std::function<void()>> due_;
  std::unique_ptr<bus::Server> server_;
  UniqueFd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace l2tpm::test
