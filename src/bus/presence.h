// Keeps the daemon on D-Bus. A bus that is not there, does not let us have the name, or goes away
// is asked for again until it does: the daemon carries on meanwhile, and people who come back to a
// restarted bus find it there.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bus/pump.h"
#include "bus/server.h"
#include "daemon/event_loop.h"

namespace l2tpm::bus {

class Presence {
 public:
  // How soon after a failure the next attempt begins: doubling, from first to last.
  struct Pauses {
    Duration first = std::chrono::seconds(1);
    Duration last = std::chrono::minutes(1);
  };

  // Tries once before it returns (a few round trips to the bus, so before the loop starts); warns
  // and goes on trying when that fails. `address` as for Server::open. Borrows loop and service.
  Presence(daemon::EventLoop& loop, daemon::ServiceApi& service, std::string address,
           Pauses pauses = {std::chrono::seconds(1), std::chrono::minutes(1)});
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  bool is_on_bus() const { return pump_ != nullptr; }

 private:
  struct Attempt;

  void take(Result<std::unique_ptr<Server>, OpenError> opened);
  void on_lost();
  void on_timer();
  void on_connected();
  void schedule();

  daemon::EventLoop& loop_;
  daemon::ServiceApi& service_;
  const std::string address_;
  const Pauses pauses_;
  Duration pause_;
  std::string last_error_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Pump> pump_;
  std::shared_ptr<Attempt> attempt_;  // shared with the thread that connects
  sd_event_source* timer_ = nullptr;
  bool lost_ = false;  // server_ and pump_ go with the next timer, not in their own turn
};

}  // namespace l2tpm::bus
