// The daemon's one loop, on sd-event: a timer armed at the earliest deadline, signals, and
// readiness.
//
// A few long-lived descriptors (listeners, completions, the bus) are sources of sd-event, each with
// a priority. The thousands (tunnel sockets, PPP channels and units) live in a Poller: an epoll set
// of their own, which costs the loop one source and each descriptor a token.
#pragma once

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace l2tpm::daemon {

// Lower runs first: control messages before PPP, both before the bus. Signals
// are rare and come before all. That a flood on a listener does not keep the others waiting forever
// is what fair turns are for.
enum class LoopPriority : std::int64_t {
  signal = -30,
  control = -20,
  timer = -10,
  ppp = 0,
  completion = 10,
  bus = 20
};

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>, std::string> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `on_ready` is called with EPOLL* bits until the loop ends. The descriptor stays the caller's.
  Result<Done, std::string> watch(int fd, std::uint32_t events, LoopPriority priority,
                                  std::function<void(std::uint32_t)> on_ready);
  void unwatch(int fd);
  void change_events(int fd, std::uint32_t events);
  // The signal must be blocked in every thread (main does that before threads start).
  Result<Done, std::string> on_signal(int signal_number, std::function<void()> handler);
  void set_timer_handler(std::function<void()> handler) { on_timer_ = std::move(handler); }
  // One timer; nullopt disarms.
  void arm_timer(std::optional<TimePoint> when);
  // Called once per turn. A turn dispatches the one source that is ready and most urgent.
  void set_turn_end_handler(std::function<void()> handler) { on_turn_end_ = std::move(handler); }
  // Called every few turns: a bounded look at what is less urgent, whatever else is ready. An empty
  // handler removes the owner's.
  void set_fair_turn_handler(const void* owner, std::function<void()> handler);

  // Runs until stop(), or until sd-event fails, which it says. Pings the service manager's watchdog
  // when it asks for that.
  Result<Done, std::string> run();
  // One turn of it, waiting at most so long (nullopt: for ever) for something to be ready. False:
  // stopped or failed.
  bool turn(std::optional<Duration> wait);
  void stop() { sd_event_exit(event_, 0); }
  sd_event* get() { return event_; }

 private:
  EventLoop() = default;
  struct Source;

  sd_event* event_ = nullptr;
  sd_event_source* timer_ = nullptr;
  std::optional<TimePoint> armed_;
  unsigned turns_ = 0;
  int error_ = 0;  // sd-event's, negative
  std::vector<std::unique_ptr<Source>> sources_;
  std::function<void()> on_timer_;
  std::function<void()> on_turn_end_;
  std::map<const void*, std::function<void()>> on_fair_turn_;
};

// Many descriptors behind one: add and remove are O(1), a ready one is named by its token.
class Poller {
 public:
  static Result<std::unique_ptr<Poller>, std::string> create();
  int fd() const { return epoll_.get(); }
  bool add(int fd, std::uint64_t token);
  void remove(int fd);

  struct Ready {
    std::uint64_t token;
    std::uint32_t events;
  };
  // At most 64 per call, so that the loop comes round to more urgent things.
  const std::vector<Ready>& wait();

 private:
  explicit Poller(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  UniqueFd epoll_;
  std::vector<Ready> ready_;
};

}  // namespace l2tpm::daemon
