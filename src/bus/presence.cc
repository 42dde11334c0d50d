#include "bus/presence.h"

#include <l2tpm_dbus/compat.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "bus/errors.h"

namespace l2tpm::bus {

// What the thread that connects leaves for the loop.
struct Presence::Attempt {
  UniqueFd event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  Result<std::unique_ptr<sdbus::IConnection>, OpenError> connection =
      Unexpected(OpenError{kInternal, "not connected yet"});
};

Presence::Presence(daemon::EventLoop& loop, daemon::ServiceApi& service, std::string address,
                   Pauses pauses)
    : loop_(loop),
      service_(service),
      address_(std::move(address)),
      pauses_(pauses),
      pause_(pauses.first) {
  const auto on_time = [](sd_event_source*, std::uint64_t, void* self) {
    static_cast<Presence*>(self)->on_timer();
    return 0;
  };
  sd_event_add_time(loop.get(), &timer_, CLOCK_MONOTONIC, UINT64_MAX, 0, on_time, this);
  sd_event_source_set_priority(timer_, static_cast<std::int64_t>(daemon::LoopPriority::bus));
  sd_event_source_set_enabled(timer_, SD_EVENT_OFF);
  take(Server::open(service_, address_));
}

Presence::~Presence() {
  if (attempt_) loop_.unwatch(attempt_->event.get());
  sd_event_source_disable_unref(timer_);
}

void Presence::take(Result<std::unique_ptr<Server>, OpenError> opened) {
  if (!opened) {
    // Once, until it is another reason: a machine without a bus has this for ever.
    if (opened.error().message != last_error_)
      log(LogLevel::warning, {}, "running without D-Bus, and trying again: {}",
          opened.error().message);
    last_error_ = opened.error().message;
    schedule();
    return;
  }
  if (!last_error_.empty()) log(LogLevel::notice, {}, "on D-Bus");
  last_error_.clear();
  pause_ = pauses_.first;
  server_ = std::move(*opened);
  pump_ = std::make_unique<Pump>(loop_, *server_, [this] { on_lost(); });
}

void Presence::on_lost() {
  last_error_ = "the connection to it is lost";
  log(LogLevel::warning, {}, "running without D-Bus, and trying again: {}", last_error_);
  lost_ = true;
  schedule();
}

void Presence::schedule() {
  const auto usec =
      std::chrono::ceil<std::chrono::microseconds>((Clock::now() + pause_).time_since_epoch())
          .count();
  pause_ = std::min(2 * pause_, pauses_.last);
  sd_event_source_set_time(timer_, static_cast<std::uint64_t>(usec));
  sd_event_source_set_enabled(timer_, SD_EVENT_ONESHOT);
}

// A bus can take a connection and then say nothing for a minute and a half, so it is a thread that
// connects. Nobody joins it: the daemon's end does not wait for that bus.
void Presence::on_timer() {
  if (std::exchange(lost_, false)) {
    pump_.reset();
    server_.reset();
    // With the bus all names on it have gone.
    service_.owners_vanished();
  }
  auto attempt = std::make_shared<Attempt>();
  const auto watched = loop_.watch(attempt->event.get(), EPOLLIN, daemon::LoopPriority::bus,
                                   [this](std::uint32_t) { on_connected(); });
  if (!watched) {
    schedule();
    return;
  }
  attempt_ = attempt;
  std::thread([attempt, address = address_] {
    Result<std::unique_ptr<sdbus::IConnection>, OpenError> connection = Server::connect(address);
    const std::lock_guard lock(attempt->mutex);
    attempt->connection = std::move(connection);
    eventfd_write(attempt->event.get(), 1);
  }).detach();
}

void Presence::on_connected() {
  const auto attempt = std::exchange(attempt_, nullptr);
  loop_.unwatch(attempt->event.get());
  const std::lock_guard lock(attempt->mutex);
  if (!attempt->connection) {
    take(Unexpected(attempt->connection.error()));
    return;
  }
  take(Server::open(service_, std::move(*attempt->connection)));
}

}  // namespace l2tpm::bus
