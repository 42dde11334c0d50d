// Drives a bus::Server from the daemon's loop, below everything that peers wait for: a bounded
// number of messages per turn, so that a busy client of the bus delays no HELLO.
#pragma once

#include <systemd/sd-event.h>

#include <functional>

#include "bus/server.h"
#include "daemon/event_loop.h"

namespace l2tpm::bus {

class Pump {
 public:
  // Borrows both. `on_lost` is called once, in a turn of the pump, when the connection is gone; the
  // pump does nothing from then on.
  Pump(daemon::EventLoop& loop, Server& server, std::function<void()> on_lost = {});
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

 private:
  void prepare();
  void turn();

  daemon::EventLoop& loop_;
  Server& server_;
  std::function<void()> on_lost_;
  bool lost_ = false;
  sd_event_source* io_ = nullptr;
  sd_event_source* event_io_ = nullptr;
  sd_event_source* time_ = nullptr;
  sd_event_source* again_ = nullptr;
};

}  // namespace l2tpm::bus
