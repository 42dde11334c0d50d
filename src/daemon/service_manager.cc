#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <utility>

namespace l2tpm::daemon {
namespace {
constexpr Duration kBetweenStatuses = 1s;
constexpr std::uint64_t kAccuracyUsec = 100000;

std::uint64_t microseconds(TimePoint when) {
  return static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::microseconds>(when.time_since_epoch()).count());
}
}  // namespace

ServiceManager::ServiceManager(EventLoop& loop, std::function<std::string()> status)
    : status_(std::move(status)) {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
  // Below everything else: it runs when the loop would sleep.
  constexpr auto kPriority = static_cast<std::int64_t>(LoopPriority::bus) + 10;
  const auto on_time = [](sd_event_source*, std::uint64_t, void* self) {
    static_cast<ServiceManager*>(self)->tell_status();
    return 0;
  };
  const auto on_work = [](sd_event_source*, void* self) {
    static_cast<ServiceManager*>(self)->tell_status();
    return 0;
  };
  if (sd_event_add_time(loop.get(), &later_, CLOCK_MONOTONIC, 0, kAccuracyUsec, on_time, this) <
          0 ||
      sd_event_add_post(loop.get(), &after_work_, on_work, this) < 0) {
    return;  // a status line is not worth more
  }
  sd_event_source_set_enabled(later_, SD_EVENT_OFF);
  sd_event_source_set_priority(later_, kPriority);
  sd_event_source_set_priority(after_work_, kPriority);
}

ServiceManager::~ServiceManager() {
  sd_event_source_disable_unref(after_work_);
  sd_event_source_disable_unref(later_);
}

void ServiceManager::ready() { sd_notify(0, "READY=1"); }

void ServiceManager::reloading() {
  // systemd wants to know when, to tell this reload's READY from the one before.
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
             static_cast<unsigned long long>(microseconds(Clock::now())));
}

void ServiceManager::stopping() { sd_notify(0, "STOPPING=1"); }

void ServiceManager::tell_status() {
  const TimePoint now = Clock::now();
  if (now - told_at_ < kBetweenStatuses) {
    sd_event_source_set_time(later_, microseconds(told_at_ + kBetweenStatuses));
    sd_event_source_set_enabled(later_, SD_EVENT_ONESHOT);
    return;
  }
  std::string status = status_();
  if (status == told_) return;
  told_ = std::move(status);
  told_at_ = now;
  sd_notify(0, ("STATUS=" + told_).c_str());
}

}  // namespace l2tpm::daemon
