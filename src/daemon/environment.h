// What every tunnel and session borrows from the Service: the outside world and the shared tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/id_pool.h"
#include "base/random.h"
#include "daemon/event_hub.h"
#include "daemon/event_loop.h"
#include "daemon/failure_log.h"
#include "daemon/interface_notes.h"
#include "daemon/ports.h"
#include "kernel/dataplane.h"
#include "kernel/features.h"

namespace l2tpm::daemon {

class Session;
class TunnelTable;

// Whoever has a deadline has one entry in the one wheel, under its kind and number.
enum class TimerKind : std::uint8_t { tunnel, link, session_limit, client, listener, service };
// Numbers of TimerKind::service.
inline constexpr std::uint32_t kSweepTimer = 0;
inline constexpr std::uint32_t kStopTimer = 1;
inline constexpr std::uint32_t kQuestionTimer = 2;
inline constexpr std::uint32_t kPingTimer = 3;
inline constexpr std::uint32_t kStaticTimer = 4;
using TimerKey = std::uint64_t;
constexpr TimerKey timer_key(TimerKind kind, std::uint32_t number) {
  return (static_cast<std::uint64_t>(kind) << 32) | number;
}
constexpr TimerKind timer_kind(TimerKey key) { return static_cast<TimerKind>(key >> 32); }
constexpr std::uint32_t timer_number(TimerKey key) { return static_cast<std::uint32_t>(key); }

// Sessions by a small number that is theirs for life: for timers, poll tokens and interface names.
class SessionSlots {
 public:
  std::uint32_t add(Session* session) {
    if (free_.empty()) {
      slots_.push_back(session);
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = session;
    return slot;
  }
  void remove(std::uint32_t slot) {
    slots_[slot] = nullptr;
    free_.push_back(slot);
  }
  Session* find(std::uint32_t slot) const { return slot < slots_.size() ? slots_[slot] : nullptr; }
  std::size_t size() const { return slots_.size() - free_.size(); }

 private:
  std::vector<Session*> slots_;
  std::vector<std::uint32_t> free_;
};

// Two descriptors a session: the token says whose and which.
constexpr std::uint64_t poll_token(std::uint32_t slot, bool is_unit) {
  return (std::uint64_t{slot} << 1) | (is_unit ? 1u : 0u);
}

struct Environment {
  RandomSource& random;
  kernel::Dataplane& dataplane;
  const kernel::KernelFeatures& features;
  DeadlineWheel<TimerKey>& timers;
  Poller& tunnel_sockets;   // token: the tunnel's id
  Poller& ppp_descriptors;  // token: poll_token()
  SessionSlots& sessions;
  TunnelTable& tunnels;
  PortTable& ports;
  const InterfaceNotes& interface_notes;
  EventHub& events;
  FailureLog& failures;
  // Of L2TPv3, where Linux wants them unique in a network namespace.
  IdPool& v3_sessions;
  const std::string& machine_id;  // of the machine, or its name
};

}  // namespace l2tpm::daemon
