// A bus::Server with a fake service, served by a thread the way the daemon's loop does it.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

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
      while (!stop_.load() && last != bus::Server::Turn::lost)
        last = turn(*server_, wake_.get(), last == bus::Server::Turn::idle);
      lost = last == bus::Server::Turn::lost;
    });
  }
  ~ServedBus() {
    stop_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    join();
  }
  // Until the server has lost its bus.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  FakeService service;
  std::atomic<bool> lost = false;

 private:
  std::unique_ptr<bus::Server> server_;
  UniqueFd wake_{::eventfd(0, EFD_CLOEXEC)};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace l2tpm::test
