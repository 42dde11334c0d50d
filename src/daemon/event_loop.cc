#include "daemon/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace l2tpm::daemon {
namespace {
constexpr unsigned kTurnsBetweenFairOnes = 16;

std::string error_text(const char* doing, int error) {
  return std::string(doing) + ": " + std::strerror(error < 0 ? -error : error);
}
}  // namespace

struct EventLoop::Source {
  sd_event_source* source = nullptr;
  int fd = -1;  // -1: a signal
  std::function<void(std::uint32_t)> handler;

  ~Source() { sd_event_source_disable_unref(source); }
};

Result<std::unique_ptr<EventLoop>, std::string> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  if (const int r = sd_event_new(&loop->event_); r < 0)
    return Unexpected(error_text("creating the event loop", r));
  const auto on_time = [](sd_event_source*, std::uint64_t, void* self) {
    auto* me = static_cast<EventLoop*>(self);
    me->armed_.reset();
    if (me->on_timer_) me->on_timer_();
    return 0;
  };
  // An accuracy of 1 ms: retransmissions need no better, and wake-ups coalesce.
  if (const int r = sd_event_add_time(loop->event_, &loop->timer_, CLOCK_MONOTONIC, UINT64_MAX,
                                      1000, on_time, loop.get());
      r < 0) {
    return Unexpected(error_text("creating the timer", r));
  }
  sd_event_source_set_enabled(loop->timer_, SD_EVENT_OFF);
  sd_event_source_set_priority(loop->timer_, static_cast<std::int64_t>(LoopPriority::timer));
  sd_event_set_watchdog(loop->event_, 1);
  return loop;
}

EventLoop::~EventLoop() {
  sources_.clear();
  sd_event_source_disable_unref(timer_);
  sd_event_unref(event_);
}

Result<Done, std::string> EventLoop::watch(int fd, std::uint32_t events, LoopPriority priority,
                                           std::function<void(std::uint32_t)> on_ready) {
  auto source = std::make_unique<Source>();
  source->fd = fd;
  source->handler = std::move(on_ready);
  const auto on_io = [](sd_event_source*, int, std::uint32_t revents, void* self) {
    // The handler may unwatch its own descriptor, which destroys it: call a copy.
    const auto handler = static_cast<Source*>(self)->handler;
    handler(revents);
    return 0;
  };
  if (const int r = sd_event_add_io(event_, &source->source, fd, events, on_io, source.get());
      r < 0) {
    return Unexpected(error_text("watching a descriptor", r));
  }
  sd_event_source_set_priority(source->source, static_cast<std::int64_t>(priority));
  sources_.push_back(std::move(source));
  return Done{};
}

void EventLoop::unwatch(int fd) {
  std::erase_if(sources_, [fd](const auto& source) { return source->fd == fd; });
}

void EventLoop::change_events(int fd, std::uint32_t events) {
  for (const auto& source : sources_) {
    if (source->fd == fd) sd_event_source_set_io_events(source->source, events);
  }
}

Result<Done, std::string> EventLoop::on_signal(int signal_number, std::function<void()> handler) {
  auto source = std::make_unique<Source>();
  source->handler = [handler = std::move(handler)](std::uint32_t) { handler(); };
  const auto on_it = [](sd_event_source*, const struct signalfd_siginfo*, void* self) {
    static_cast<Source*>(self)->handler(0);
    return 0;
  };
  if (const int r =
          sd_event_add_signal(event_, &source->source, signal_number, on_it, source.get());
      r < 0) {
    return Unexpected(error_text("watching a signal", r));
  }
  sd_event_source_set_priority(source->source, static_cast<std::int64_t>(LoopPriority::signal));
  sources_.push_back(std::move(source));
  return Done{};
}

void EventLoop::arm_timer(std::optional<TimePoint> when) {
  if (when == armed_) return;
  armed_ = when;
  if (!when) {
    sd_event_source_set_enabled(timer_, SD_EVENT_OFF);
    return;
  }
  // steady_clock is CLOCK_MONOTONIC here; round up so that the deadline has really passed when we
  // wake.
  const auto since_boot =
      std::chrono::ceil<std::chrono::microseconds>(when->time_since_epoch()).count();
  sd_event_source_set_time(timer_,
                           static_cast<std::uint64_t>(std::max<std::int64_t>(since_boot, 0)));
  sd_event_source_set_enabled(timer_, SD_EVENT_ONESHOT);
}

void EventLoop::set_fair_turn_handler(const void* owner, std::function<void()> handler) {
  if (handler) {
    on_fair_turn_[owner] = std::move(handler);
  } else {
    on_fair_turn_.erase(owner);
  }
}

Result<Done, std::string> EventLoop::run() {
  while (turn(std::nullopt)) {
  }
  if (error_ < 0) return Unexpected(error_text("running the event loop", error_));
  return Done{};
}

bool EventLoop::turn(std::optional<Duration> wait) {
  const std::uint64_t usec =
      wait ? static_cast<std::uint64_t>(
                 std::chrono::duration_cast<std::chrono::microseconds>(*wait).count())
           : UINT64_MAX;
  if (const int r = sd_event_run(event_, usec); r < 0) {
    error_ = r;
    return false;
  }
  if (sd_event_get_state(event_) == SD_EVENT_FINISHED) return false;
  if (++turns_ % kTurnsBetweenFairOnes == 0) {
    for (const auto& [owner, handler] : on_fair_turn_) handler();
  }
  if (on_turn_end_) on_turn_end_();
  return sd_event_get_state(event_) != SD_EVENT_FINISHED;
}

Result<std::unique_ptr<Poller>, std::string> Poller::create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Unexpected(error_text("creating an epoll set", errno));
  return std::unique_ptr<Poller>(new Poller(std::move(epoll)));
}

bool Poller::add(int fd, std::uint64_t token) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::remove(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

const std::vector<Poller::Ready>& Poller::wait() {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  ready_.clear();
  for (int i = 0; i < n; ++i)
    ready_.push_back(
        {events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events});
  return ready_;
}

}  // namespace l2tpm::daemon
