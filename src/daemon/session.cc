#include "daemon/session.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "daemon/message_ids.h"
#include "daemon/tunnel.h"

namespace l2tpm::daemon {

std::string_view name(Session::State state) {
  switch (state) {
    case Session::State::calling:
      return "connecting";
    case Session::State::authenticating:
      return "authenticating";
    case Session::State::configuring:
      return "configuring";
    case Session::State::up:
      return "up";
    case Session::State::closing:
      return "closing";
  }
  return "invalid";
}

Session::Session(Environment& environment, Tunnel& tunnel, SessionId id)
    : env_(environment),
      tunnel_(tunnel),
      key_{tunnel.id(), id},
      slot_(environment.sessions.add(this)) {
  std::to_chars(id_text_.data(), id_text_.data() + id_text_.size(), id.value());
}

Session::~Session() {
  env_.timers.remove(timer_key(TimerKind::link, slot_));
  env_.timers.remove(timer_key(TimerKind::session_limit, slot_));
  env_.sessions.remove(slot_);
}

void Session::descriptor_ready(bool, TimePoint) {}
void Session::handle_timeout(TimePoint) {}
void Session::handle_session_limit(TimePoint) {}
void Session::set_limits(Duration, Duration) {}
void Session::apply_network(TimePoint) {}

Cause Session::kernel_cause(const kernel::KernelError& error) {
  Cause cause{.code = error.error == EBUSY ? CauseCode::no_resources : CauseCode::kernel_failed};
  cause.message = error.to_string();
  return cause;
}

LogContext Session::log_context() const {
  return {.profile = tunnel_.owner().profile_name(),
          .tunnel = tunnel_.name(),
          .session = id_text_.data(),
          .peer = {},
          .user = lease_.user,
          .message_id = {}};
}

void Session::set_state(State state) {
  if (state_ == state) return;
  log(LogLevel::debug, log_context(), "session {}: {} -> {}", key_.session.value(), name(state_),
      name(state));
  const State old = std::exchange(state_, state);
  announce(name(old), name(state));
}

void Session::announce(std::string_view old_state, std::string_view new_state) const {
  if (!env_.events.wants(kSessionEvents)) return;
  SessionView row = view();
  SessionEvent event{.tunnel = std::move(row.tunnel),
                     .session = row.id,
                     .old_state = std::string(old_state),
                     .new_state = std::string(new_state),
                     .cause = cause_,
                     .interface = std::move(row.interface),
                     .user = std::move(row.user),
                     .address = std::move(row.address),
                     .pseudowire = std::move(row.pseudowire)};
  describe_event(event);
  env_.events.emit(std::move(event));
}

void Session::call_down(const Cause& cause, bool in_bulk, TimePoint now) {
  call_over_ = true;
  if (cause_.code == CauseCode::none) cause_ = cause;
  // Before it forgets what it knew.
  std::optional<Failure> end;
  if (!is_asked_for(cause_)) end = failure(now);
  stop(cause, now);
  env_.timers.remove(timer_key(TimerKind::link, slot_));
  env_.timers.remove(timer_key(TimerKind::session_limit, slot_));
  const bool was_up = announced_up_;
  announced_up_ = false;
  set_state(State::closing);
  if (was_up || cause_.code != CauseCode::none) {
    log(LogLevel::notice, message_id::on(message_id::kSessionDown, log_context()),
        "session {} ended: {}", key_.session.value(), cause_.to_string());
  }
  tunnel_.owner().session_down(*this, cause_, end ? &*end : nullptr, now);
  if (in_bulk) {
    if (kernel_ != KernelState::none) kernel_ = KernelState::removing;
  } else {
    remove_from_kernel();
  }
  check_gone(now);
}

Failure Session::failure(TimePoint now) const {
  Failure end;
  end.object = "session";
  end.session = key_.session.value();
  const SessionView row = view();
  end.user = row.user;
  end.cause = cause_;
  tunnel_.describe_end(end, now);
  end.detail("stage", std::string(name(state_)));
  end.detail("interface", row.interface);
  describe_end(end);
  if (announced_up_) {
    end.detail("up_for_ms",
               static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::milliseconds>(now - up_at_).count()));
    end.detail("rx_packets", rx_packets_);
    end.detail("tx_packets", tx_packets_);
  }
  if (cause_.code == CauseCode::kernel_failed) {
    for (const kernel::Feature& feature : env_.features.features) {
      if (feature.required && feature.state == kernel::FeatureState::no)
        end.detail("missing_" + std::string(feature.id), feature.detail + ". " + feature.advice);
    }
  }
  return end;
}

// The call is ended towards the peer; its SessionDown comes back through call_down().
void Session::end(const Cause& cause, TimePoint now) {
  // The link's word for what it was closed for knows more (RFC 3145).
  if (cause_.code == CauseCode::none || cause_.code == cause.code) cause_ = cause;
  if (!call_over_) tunnel_.close_session(key_.session, cause, now);
}

void Session::interface_down() {
  if (state_ != State::closing) {
    log(LogLevel::warning, message_id::on(message_id::kInterfaceSetDown, log_context()),
        "session {}: somebody set {} down", key_.session.value(), interface());
  }
}

void Session::kernel_gone_in_bulk(TimePoint now) {
  kernel_ = KernelState::none;
  let_go();
  check_gone(now);
}

void Session::check_gone(TimePoint now) {
  if (!is_gone() || gone_reported_) return;
  gone_reported_ = true;
  announce(name(state_), {});
  gone();
  tunnel_.owner().session_gone(*this, now);
  tunnel_.session_gone(*this, now);
}

void Session::remove_from_kernel() {
  if (kernel_ == KernelState::none || kernel_ == KernelState::removing) return;
  kernel_ = KernelState::removing;
  env_.dataplane.remove(key_,
                        [key = key_, &env = env_](const Result<Done, kernel::KernelError>& result) {
                          Tunnel* tunnel = env.tunnels.find(key.tunnel);
                          Session* session = tunnel ? tunnel->find(key.session) : nullptr;
                          if (!session) return;
                          if (!result)
                            log(LogLevel::error, session->log_context(), "session {}: {}",
                                key.session.value(), result.error().to_string());
                          session->kernel_ = KernelState::none;
                          session->check_gone(Clock::now());
                        });
}

Session::Moved Session::count(const kernel::Counters& counters) {
  const Moved moved{.received = counters.rx_packets != rx_packets_,
                    .sent = counters.tx_packets != tx_packets_};
  const auto errors = [](std::uint64_t count) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX));
  };
  // Less than before: the interface is another one.
  const auto more = [](std::uint64_t is, std::uint64_t was) { return is < was ? is : is - was; };
  tunnel_.owner().traffic.add({.rx_packets = more(counters.rx_packets, rx_packets_),
                               .tx_packets = more(counters.tx_packets, tx_packets_),
                               .rx_bytes = more(counters.rx_bytes, rx_bytes_),
                               .tx_bytes = more(counters.tx_bytes, tx_bytes_),
                               .rx_errors = more(errors(counters.rx_errors), rx_errors_),
                               .tx_errors = more(errors(counters.tx_errors), tx_errors_)});
  rx_packets_ = counters.rx_packets;
  tx_packets_ = counters.tx_packets;
  rx_bytes_ = counters.rx_bytes;
  tx_bytes_ = counters.tx_bytes;
  rx_errors_ = errors(counters.rx_errors);
  tx_errors_ = errors(counters.tx_errors);
  if (counters.bcp) bcp_counters_ = counters.bcp;
  return moved;
}

void Session::note_counters(const kernel::Counters& counters, TimePoint) { count(counters); }

kernel::Counters Session::counters() const {
  kernel::Counters counters;
  counters.key = key_;
  counters.rx_packets = rx_packets_;
  counters.tx_packets = tx_packets_;
  counters.rx_bytes = rx_bytes_;
  counters.tx_bytes = tx_bytes_;
  counters.rx_errors = rx_errors_;
  counters.tx_errors = tx_errors_;
  counters.bcp = bcp_counters_;
  return counters;
}

SessionView Session::view() const {
  SessionView view;
  view.tunnel = tunnel_.name();
  view.id = key_.session.value();
  view.peer_id = peer_session_.value();
  view.state = name(state_);
  view.interface = interface();
  view.user = lease_.user;
  if (state_ == State::up) view.up_since = up_since_;
  return view;
}

Session::Details Session::details() const {
  Details details;
  details.interface = interface();
  if (!details.interface.empty()) details.ifindex = ifindex_;
  details.mtu = mtu_;
  details.counters = counters();
  details.cause = cause_;
  return details;
}

}  // namespace l2tpm::daemon
