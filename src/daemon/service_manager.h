// What the service manager is told (sd_notify(3)): ready, reloading, stopping, and a line of status
// for `systemctl status`. Nothing at all where there is none ($NOTIFY_SOCKET). The watchdog is fed
// by the EventLoop.
#pragma once

#include <systemd/sd-event.h>

#include <functional>
#include <string>

#include "base/clock.h"
#include "daemon/event_loop.h"

namespace l2tpm::daemon {

class ServiceManager {
 public:
  // Borrows the loop. `status` is asked whenever the loop has done something and may sleep, and
  // what changed is told, at most once a second.
  ServiceManager(EventLoop& loop, std::function<std::string()> status);
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  void ready();
  void reloading();
  void stopping();

 private:
  void tell_status();

  std::function<std::string()> status_;
  std::string told_;
  TimePoint told_at_{};
  sd_event_source* after_work_ = nullptr;
  sd_event_source* later_ = nullptr;
};

}  // namespace l2tpm::daemon
