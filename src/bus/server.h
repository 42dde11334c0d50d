// The daemon on D-Bus: org.L2tpManager1 (dbus/org.L2tpManager1.xml). It has no thread and no loop
// of its own: whoever runs the loop polls `poll_data()` and calls `process()` at a priority below
// UDP, PPP and timers, a bounded number of messages per turn. Nothing in it waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "daemon/service_api.h"

namespace sdbus {
class IConnection;
}

namespace l2tpm::bus {

// No bus, no right to the name, or somebody else has it. The daemon warns and runs without.
struct OpenError {
  std::string name;  // D-Bus error name
  std::string message;
};

class Server {
 public:
  // Connects to `address` ("unix:path=/run/x/bus"; "": the system bus), serves the object and takes
  // the name. Blocks for a few round trips to the bus: call it before the loop starts. `service` is
  // borrowed and outlives the server.
  static Result<std::unique_ptr<Server>, OpenError> open(daemon::ServiceApi& service,
                                                         const std::string& address);
  // The same in two steps, for a caller whose loop runs. Connecting waits as long as the bus lets
  // it (a minute and a half when it says nothing), and touches nothing of ours: any thread may do
  // it.
  static Result<std::unique_ptr<sdbus::IConnection>, OpenError> connect(const std::string& address);
  static Result<std::unique_ptr<Server>, OpenError> open(
      daemon::ServiceApi& service, std::unique_ptr<sdbus::IConnection> connection);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  struct PollData {
    int fd = -1;
    short events = 0;                   // as for poll(2)
    int event_fd = -1;                  // also to be polled for input
    std::optional<TimePoint> deadline;  // call process() by then, whatever the descriptors say
  };
  // Valid until the next process(): refresh before each poll. Sending messages changes it, too.
  PollData poll_data() const;

  enum class Turn : std::uint8_t {
    idle,  // nothing left: poll
    more,  // the bound was reached: come back next turn without waiting for the descriptor
    lost   // the connection is gone; every later call says so too. Destroy the server.
  };
  // Handles at most `max_messages`, fewer when they take long, and a slice of what is left to do
  // besides: notes of what happened, dumps, event streams. Never throws.
  Turn process(unsigned max_messages);

  // Signals and replies that could not be sent.
  std::uint64_t failed_emits() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace l2tpm::bus
