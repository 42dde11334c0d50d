// Who talks to us on the bus: how much each may still ask for, and as which user it runs. A client
// that asks without end is refused in microseconds; one that goes on all the same is not answered
// any more, so that one that does not even read its replies does not fill the bus with them (and
// dbus-daemon, which counts unanswered calls, keeps the rest of them from us).
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"

namespace l2tpm::bus {

class Clients {
 public:
  enum class Verdict : std::uint8_t { serve, refuse, ignore };
  // What to do with a request of `client` that costs so much. Nobody is refused for long: a second
  // of silence is worth kRefill, and being refused costs 1.
  Verdict take(const std::string& client, unsigned cost, TimePoint now);
  // Known once the bus has been asked.
  std::optional<uid_t> user(const std::string& client) const;
  void set_user(const std::string& client, uid_t user);
  void forget(const std::string& client) { clients_.erase(client); }

  static constexpr unsigned kCapacity = 400;
  static constexpr unsigned kRefill = 200;    // per second
  static constexpr unsigned kPatience = 400;  // refusals beyond what is refilled
  // What a call of a method costs; one that only looks something up is 1.
  static unsigned cost(const char* interface, const char* member, std::size_t objects);

 private:
  struct Client {
    double tokens = kCapacity;
    TimePoint filled;
    std::optional<uid_t> user;
  };
  // With more clients than the bus allows, the rest share one bucket.
  static constexpr std::size_t kMostClients = 4096;

  std::map<std::string, Client> clients_;
};

}  // namespace l2tpm::bus
