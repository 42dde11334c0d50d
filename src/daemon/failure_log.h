// The last ends that nobody asked for, with what a verdict needs: `l2tpctl why`. Of the daemon as a
// whole, bounded in number and bytes; nothing is kept per session. The same end again (a profile
// that dials in vain all night) is counted, not repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cause.h"

namespace l2tpm::daemon {

struct Failure {
  std::uint64_t time = 0;  // CLOCK_REALTIME microseconds, of the last one
  std::string object;      // tunnel | session | profile (before there was a tunnel)
  std::string tunnel, profile;
  std::string role;  // lac | lns
  std::string peer;  // "192.0.2.1:1701"; a name when it has no address
  std::string peer_host_name;
  std::uint32_t session = 0;
  std::string user;
  Cause cause;
  struct Tried {
    std::string address;     // "192.0.2.1:1701"
    std::uint32_t sent = 0;  // control messages of the attempt, repetitions included
    std::uint64_t for_ms = 0;
    std::string icmp;  // "port-unreachable"; "": none came
  };
  std::vector<Tried> tried;
  // What came from somewhere else than the peer and was ignored for that.
  struct Heard {
    std::string from;
    std::uint32_t messages = 0;
  };
  std::optional<Heard> heard;
  // What was known at the end; the keys are listed in README.md and only ever grow.
  std::vector<std::pair<std::string, std::string>> details;
  std::uint32_t repeated = 1;
  std::uint64_t first_time = 0;

  void detail(std::string key, std::string value) {
    if (!value.empty()) details.emplace_back(std::move(key), std::move(value));
  }
  void detail(std::string key, std::uint64_t value) {
    details.emplace_back(std::move(key), std::to_string(value));
  }
};

// Stop, the daemon's end, or a limit of the profile: no failure.
bool is_asked_for(const Cause& cause);

class FailureLog {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::size_t kMostBytes = 256 * 1024;

  // When it is full the oldest of the profile with the most entries goes: one that fails a thousand
  // times does not wash away what another's only one says.
  void add(Failure failure);
  // Oldest first.
  const std::deque<Failure>& entries() const { return entries_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void drop_one();

  std::deque<Failure> entries_;
  std::size_t bytes_ = 0;
};

// By profile, tunnel, user, host name, or the peer's address with or without port.
bool concerns(const Failure& failure, const std::string& peer);

}  // namespace l2tpm::daemon
