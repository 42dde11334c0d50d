#include "nm/activation.h"

#include <fmt/core.h>

#include <algorithm>

namespace l2tpm::nm {
namespace {

// As libnm's plugins: an idle one leaves after three minutes, a connection has one.
constexpr Duration kIdle = 180s;
constexpr Duration kPatience = 60s;
// IPV6CP may come a little after IPCP; NetworkManager is told of both families at once.
constexpr Duration kSettle = 2s;
// Should a signal of the daemon be lost.
constexpr Duration kLookEvery = 5s;
constexpr Duration kKnockEvery = 1s;
// Wrong passwords lock accounts.
constexpr unsigned kAskAgain = 2;

PluginError error(const char* name, std::string message) {
  return {fmt::format("org.freedesktop.NetworkManager.VPN.Error.{}", name), std::move(message)};
}

// Short and readable in l2tpctl: "nm-work".
std::string hint_of(const Connection& connection) {
  std::string hint = "nm-";
  for (const char c : connection.id) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      hint += c;
    } else if (hint.back() != '-') {
      hint += '-';
    }
    if (hint.size() == 32) break;
  }
  while (hint.size() > 2 && hint.back() == '-') hint.pop_back();
  return hint;
}

}  // namespace

Activation::Activation(ServiceType type, std::string interface, TimePoint now)
    : type_(type), interface_(std::move(interface)), quit_at_(now + kIdle) {}

std::vector<Action> Activation::take_actions() { return std::exchange(actions_, {}); }

std::optional<TimePoint> Activation::next_deadline() const {
  std::optional<TimePoint> first;
  for (const auto& each : {quit_at_, give_up_at_, look_at_}) {
    if (each && (!first || *each < *first)) first = each;
  }
  return first;
}

void Activation::set_state(ServiceState state) {
  if (state == state_) return;
  state_ = state;
  emit(EmitState{state});
}

// ---- NetworkManager ----

std::string Activation::need_secrets(const Connection& connection, TimePoint now) {
  if (state_ == ServiceState::init) quit_at_ = now + kIdle;
  if (!needs_password(connection)) return "";
  password_was_asked_ = true;
  return "vpn";
}

Result<Done, PluginError> Activation::connect(const Connection& connection, bool interactive,
                                              TimePoint now) {
  if (state_ != ServiceState::init) {
    const bool starting = state_ == ServiceState::starting;
    return Unexpected(error(starting                          ? "StartingInProgress"
                            : state_ == ServiceState::started ? "AlreadyStarted"
                                                              : "WrongState",
                            fmt::format("the connection is {}", name(state_))));
  }
  auto plan = translate(connection, type_, interface_);
  if (!plan) {
    say(LogLevel::error, plan.error());
    stop();
    return Unexpected(error("BadArguments", plan.error()));
  }
  plan_ = std::move(*plan);
  for (const std::string& warning : plan_.warnings) say(LogLevel::warning, warning);
  interactive_ = interactive;
  persistent_ = connection.persistent;
  patience_ = std::max<Duration>(kPatience, std::chrono::seconds(connection.timeout));
  name_hint_ = hint_of(connection);
  quit_at_.reset();
  set_state(ServiceState::starting);
  give_up_at_ = now + patience_;
  create_tunnel(now);
  return Done{};
}

Result<Done, PluginError> Activation::new_secrets(const Connection& connection, TimePoint now) {
  if (tunnel_ != Tunnel::waiting_for_secrets)
    return Unexpected(error("WrongState", "no secret was asked for"));
  quit_at_.reset();
  Secret& refused = plan_.secrets["password"];
  if (!connection.has_secret("password")) {
    fail({Failure::login_failed, plan_.gateway + ": no other password was given"});
  } else if (const Secret& password = connection.secrets.at("password"); password == refused) {
    fail({Failure::login_failed,
          plan_.gateway + ": the server refused this password already, it is not tried again"});
  } else {
    refused = password;
    give_up_at_ = now + patience_;
    create_tunnel(now);
  }
  return Done{};
}

Result<Done, PluginError> Activation::disconnect(TimePoint) {
  if (state_ == ServiceState::stopping)
    return Unexpected(error("StoppingInProgress", "the connection is being stopped"));
  if (!is_active()) return Unexpected(error("AlreadyStopped", "there is no connection"));
  say(LogLevel::info, "NetworkManager disconnects");
  stop();
  return Done{};
}

void Activation::network_manager_gone(TimePoint) {
  if (state_ == ServiceState::stopped) return;
  if (is_active()) say(LogLevel::warning, "NetworkManager has gone, disconnecting");
  stop();
}

// ---- the daemon ----

void Activation::create_tunnel(TimePoint) {
  tunnel_ = Tunnel::creating;
  emit(CreateTunnel{name_hint_, plan_.profile, plan_.secrets});
}

void Activation::close_tunnel() {
  if (tunnel_ == Tunnel::creating || tunnel_ == Tunnel::open) emit(CloseTunnel{});
  tunnel_ = Tunnel::none;
  settled_by_.reset();
  look_at_.reset();
}

void Activation::tunnel_created(TimePoint now) {
  if (tunnel_ != Tunnel::creating) return;
  tunnel_ = Tunnel::open;
  emit(Look{});
  look_at_ = now + kLookEvery;
}

void Activation::tunnel_refused(const std::string& error_name, const std::string& message,
                                TimePoint now) {
  if (tunnel_ != Tunnel::creating) return;
  // It is on the bus before it is ready, and still while it stops.
  if (error_name == "org.L2tpManager1.Error.WrongState") {
    tunnel_ = Tunnel::waiting_for_daemon;
    look_at_ = now + kKnockEvery;
    return;
  }
  fail(judge_refusal(error_name, message));
}

void Activation::tunnel_vanished(TimePoint) {
  if (tunnel_ != Tunnel::open) return;
  tunnel_ = Tunnel::none;
  fail(judge({.code = "admin-close", .message = {}, .by_peer = false}, plan_.gateway));
}

void Activation::daemon_running(bool running, TimePoint now) {
  if (running) {
    if (tunnel_ == Tunnel::waiting_for_daemon) create_tunnel(now);
    return;
  }
  if (tunnel_ != Tunnel::creating && tunnel_ != Tunnel::open) return;
  if (!was_up_) {
    tunnel_ = Tunnel::none;
    fail({Failure::connect_failed, "l2tp-manager has ended"});
    return;
  }
  link_lost("l2tp-manager has ended", now);
  look_at_.reset();
  settled_by_.reset();
  tunnel_ = Tunnel::waiting_for_daemon;
}

void Activation::observed(const Observation& observation, TimePoint now) {
  if (tunnel_ != Tunnel::open) return;
  const TunnelReport& tunnel = observation.tunnel;
  if (tunnel.state == "established" && observation.session && observation.session->state == "up" &&
      tunnel.gateway) {
    session_up(observation, now);
    return;
  }
  settled_by_.reset();
  if (tunnel.error && tunnel.error->code == "shutdown" && !tunnel.error->by_peer) {
    daemon_running(false, now);
    return;
  }
  const Problem unknown{.code = "admin-close", .message = {}, .by_peer = false};
  const bool failed = tunnel.state == "failed" || tunnel.state == "idle";
  if (state_ == ServiceState::started) {
    const Problem closed{.code = "peer-closed", .message = {}, .by_peer = false};
    link_lost(judge(tunnel.error.value_or(closed), plan_.gateway).text, now);
  }
  if (failed || tunnel.state == "backoff")
    attempt_failed(tunnel.error.value_or(unknown), !failed, now);
}

void Activation::session_up(const Observation& observation, TimePoint now) {
  const SessionReport& session = *observation.session;
  if (state_ == ServiceState::starting && session.negotiating) {
    if (!settled_by_) settled_by_ = look_at_ = now + kSettle;
    if (now < *settled_by_) return;
  }
  settled_by_.reset();
  auto config = make_ip_config(plan_, *observation.tunnel.gateway, session);
  if (!config) {
    if (state_ == ServiceState::started) return;  // renegotiating
    fail(judge({.code = "network-failed", .message = {}, .by_peer = false}, plan_.gateway));
    return;
  }
  if (state_ == ServiceState::started && reported_ == config) return;
  if (state_ == ServiceState::starting) {
    say(LogLevel::notice,
        fmt::format("{} {} on {}", was_up_ ? "connected again to" : "connected to", plan_.gateway,
                    session.interface));
    if (!session.auth_message.empty()) {
      say(LogLevel::info, "the server says: " + session.auth_message);
      emit(EmitBanner{session.auth_message});
    }
  }
  reported_ = *config;
  emit(EmitConfig{std::move(*config)});
  was_up_ = true;
  asked_again_ = 0;
  last_problem_.reset();
  give_up_at_.reset();
  look_at_.reset();
  set_state(ServiceState::started);
}

void Activation::link_lost(const std::string& why, TimePoint now) {
  if (state_ != ServiceState::started) return;
  say(LogLevel::warning, why + "; reconnecting");
  reported_.reset();
  if (!persistent_) give_up_at_ = now + patience_;
  look_at_ = now + kLookEvery;
  set_state(ServiceState::starting);
}

void Activation::attempt_failed(const Problem& problem, bool will_redial, TimePoint now) {
  const Verdict verdict = judge(problem, plan_.gateway);
  last_problem_ = problem;
  if (verdict.failure == Failure::login_failed) {
    if (may_ask_again()) {
      ask_again(verdict, problem, now);
    } else {
      fail(verdict);
    }
    return;
  }
  // A link that was lost comes back by itself; a name may have another address that answers.
  if (will_redial && (was_up_ || (plan_.gateway_is_name && is_silence(problem)))) return;
  fail(verdict);
}

// A password that nobody was asked for is the profile's own; asking would not put that right.
bool Activation::may_ask_again() const {
  return interactive_ && password_was_asked_ && asked_again_ < kAskAgain;
}

void Activation::ask_again(const Verdict& verdict, const Problem& problem, TimePoint now) {
  ++asked_again_;
  say(LogLevel::notice, verdict.text + "; asking again");
  close_tunnel();
  tunnel_ = Tunnel::waiting_for_secrets;
  give_up_at_.reset();
  quit_at_ = now + kIdle;
  emit(EmitSecretsRequired{
      problem.message.empty() ? "The server refused the password." : problem.message,
      {"password"}});
}

void Activation::fail(const Verdict& verdict) {
  say(LogLevel::error, verdict.text);
  emit(EmitFailure{verdict.failure});
  stop();
}

void Activation::stop() {
  if (is_active()) set_state(ServiceState::stopping);
  close_tunnel();
  quit_at_.reset();
  give_up_at_.reset();
  plan_.secrets.clear();
  set_state(ServiceState::stopped);
  // One process serves one connection.
  emit(Quit{});
}

void Activation::handle_timeout(TimePoint now) {
  const auto due = [now](std::optional<TimePoint>& when) {
    if (!when || *when > now) return false;
    when.reset();
    return true;
  };
  if (due(quit_at_)) {
    if (tunnel_ == Tunnel::waiting_for_secrets) {
      fail({Failure::login_failed, plan_.gateway + ": nobody gave another password"});
    } else {
      stop();
    }
    return;
  }
  if (due(give_up_at_)) {
    if (tunnel_ == Tunnel::waiting_for_daemon) {
      fail({Failure::connect_failed, "l2tp-manager is not ready"});
      return;
    }
    fail(last_problem_
             ? judge(*last_problem_, plan_.gateway)
             : judge({.code = "setup-timeout", .message = {}, .by_peer = false}, plan_.gateway));
    return;
  }
  if (!due(look_at_)) return;
  if (tunnel_ == Tunnel::waiting_for_daemon) {
    create_tunnel(now);
  } else if (tunnel_ == Tunnel::open) {
    look_at_ = now + kLookEvery;
    emit(Look{});
  }
}

}  // namespace l2tpm::nm
