#include "bus/pump.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace l2tpm::bus {
namespace {

constexpr unsigned kMessagesPerTurn = 8;
constexpr auto kPriority = static_cast<std::int64_t>(daemon::LoopPriority::bus);

std::uint32_t epoll_events(short events) {
  return ((events & POLLIN) != 0 ? static_cast<std::uint32_t>(EPOLLIN) : 0u) |
         ((events & POLLOUT) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
}

}  // namespace

Pump::Pump(daemon::EventLoop& loop, Server& server, std::function<void()> on_lost)
    : loop_(loop), server_(server), on_lost_(std::move(on_lost)) {
  const auto on_io = [](sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<Pump*>(self)->turn();
    return 0;
  };
  const auto on_time = [](sd_event_source*, std::uint64_t, void* self) {
    static_cast<Pump*>(self)->turn();
    return 0;
  };
  const auto on_again = [](sd_event_source*, void* self) {
    static_cast<Pump*>(self)->turn();
    return 0;
  };
  const auto on_prepare = [](sd_event_source*, void* self) {
    static_cast<Pump*>(self)->prepare();
    return 0;
  };
  const Server::PollData data = server_.poll_data();
  sd_event_add_io(loop.get(), &io_, data.fd, epoll_events(data.events), on_io, this);
  if (data.event_fd >= 0)
    sd_event_add_io(loop.get(), &event_io_, data.event_fd, EPOLLIN, on_io, this);
  sd_event_add_time(loop.get(), &time_, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_time, this);
  sd_event_source_set_enabled(time_, SD_EVENT_OFF);
  sd_event_add_defer(loop.get(), &again_, on_again,
                     this);  // messages may have come while it was opened
  for (sd_event_source* source : {io_, event_io_, time_, again_}) {
    if (source != nullptr) sd_event_source_set_priority(source, kPriority);
  }
  // What the bus waits for changes with every message: asked again before each poll.
  sd_event_source_set_prepare(io_, on_prepare);
  loop.set_fair_turn_handler(this, [this] { turn(); });
}

Pump::~Pump() {
  loop_.set_fair_turn_handler(this, {});
  for (sd_event_source* source : {io_, event_io_, time_, again_})
    sd_event_source_disable_unref(source);
}

void Pump::prepare() {
  const Server::PollData data = server_.poll_data();
  sd_event_source_set_io_events(io_, epoll_events(data.events));
  if (data.deadline) {
    const auto usec =
        std::chrono::ceil<std::chrono::microseconds>(data.deadline->time_since_epoch()).count();
    sd_event_source_set_time(time_, static_cast<std::uint64_t>(std::max<std::int64_t>(usec, 0)));
    sd_event_source_set_enabled(time_, SD_EVENT_ONESHOT);
  } else {
    sd_event_source_set_enabled(time_, SD_EVENT_OFF);
  }
}

void Pump::turn() {
  if (lost_) return;
  switch (server_.process(kMessagesPerTurn)) {
    case Server::Turn::idle:
      return;
    case Server::Turn::more:
      sd_event_source_set_enabled(again_, SD_EVENT_ONESHOT);
      return;
    case Server::Turn::lost:
      for (sd_event_source* source : {io_, event_io_, time_, again_}) {
        if (source != nullptr) sd_event_source_set_enabled(source, SD_EVENT_OFF);
      }
      lost_ = true;
      if (on_lost_) on_lost_();
      return;
  }
}

}  // namespace l2tpm::bus
