// When to dial again, and whom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "config/profile.h"

namespace l2tpm::daemon {

// initial, 2 x initial, 4 x ... up to max, each shortened by a random part of `jitter_percent`, so
// that a thousand branches do not come back in step.
class Backoff {
 public:
  explicit Backoff(const config::Redial& settings) : settings_(settings) {}

  // The wait before the next attempt; nullopt when redial is off or has given up.
  std::optional<Duration> next(RandomSource& random);
  // After a success.
  void reset() { failures_ = 0; }
  unsigned failures() const { return failures_; }
  void reconfigure(const config::Redial& settings) { settings_ = settings; }

 private:
  config::Redial settings_;
  unsigned failures_ = 0;
};

// Which LNS of a profile's list is next, and when each may be tried again. Peers are numbered in
// the profile's order, 0 is the most wanted. A peer that did not answer is locked for 10 s,
// doubling up to 300 s; a busy one is only passed over once; when all are locked, the one that
// failed longest ago is tried.
class PeerChooser {
 public:
  PeerChooser(std::size_t peers, Duration primary_retry)
      : peers_(peers), primary_retry_(primary_retry) {}

  // The peer to dial now. REQUIRES: at least one peer.
  std::size_t choose(TimePoint now);

  void succeeded(std::size_t peer, TimePoint now);  // a session is up
  void failed(std::size_t peer, TimePoint now);     // no answer, no such name
  void busy(std::size_t peer);                      // CDN or StopCCN "try another", no resources

  // While a later peer is in use: when to try the first again (make-before-break is
  // the caller's). nullopt: on the first already, or the profile never goes back.
  std::optional<TimePoint> next_primary_retry() const;
  std::optional<TimePoint> locked_until(std::size_t peer) const;

 private:
  struct State {
    unsigned failures = 0;
    TimePoint failed_at{};
    TimePoint locked_until{};
    bool passed_over = false;
  };
  std::vector<State> peers_;
  Duration primary_retry_;
  std::optional<std::size_t> in_use_;
  TimePoint in_use_since_{};
};

}  // namespace l2tpm::daemon
