#include "daemon/client.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "daemon/machine_settings.h"
#include "daemon/realtime.h"
#include "daemon/secret_questions.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {
namespace {

// How long a profile waits that wants to dial while nothing new may begin.
constexpr Duration kDrainingPause = 10s;

}  // namespace
std::string_view name(Client::State state) {
  switch (state) {
    case Client::State::stopped:
      return "idle";
    case Client::State::asking:
      return "asking";
    case Client::State::resolving:
      return "resolving";
    case Client::State::pinning:
    case Client::State::dialling:
      return "connecting";
    case Client::State::connected:
      return "established";
    case Client::State::backoff:
      return "backoff";
    case Client::State::closing:
      return "closing";
    case Client::State::failed:
      return "failed";
  }
  return "invalid";
}

Client::Client(OwnerContext& context, std::uint32_t number, config::ClientProfile profile)
    : Client(context, number, std::move(profile), Kind{}) {}

Client::Client(OwnerContext& context, std::uint32_t number, config::ClientProfile profile,
               Kind kind)
    : context_(context),
      number_(number),
      profile_(std::move(profile)),
      kind_(std::move(kind)),
      backoff_(profile_.redial),
      chooser_(profile_.peers.size(), profile_.redial.primary_retry) {
  context_.interface_names.claim(number_, profile_);
  prepare_wires();
  announce();
}

Client::~Client() {
  arm(std::nullopt);
  forget_question();
  unpin(pinned_);
  unpin(candidate_pin_);
  context_.interface_names.release(number_);
}

void Client::retire() {
  if (announced_.empty()) return;
  const std::string_view old = std::exchange(announced_, {});
  retired_ = true;
  if (context_.environment.events.wants(kTunnelEvents))
    context_.environment.events.emit(TunnelEvent{.tunnel = profile_.name,
                                                 .profile = profile_.name,
                                                 .old_state = std::string(old),
                                                 .new_state = {},
                                                 .cause = last_error_,
                                                 .remote = view().remote,
                                                 .peer_host_name = {}});
}

void Client::forget_question() {
  if (secret_question_)
    context_.secrets.cancel(*std::exchange(secret_question_, {}), "no longer wanted");
  if (!question_) return;
  context_.resolver.cancel(*question_);
  context_.questions.erase(*question_);
  question_.reset();
}

LogContext Client::log_context() const {
  return {.profile = profile_.name,
          .tunnel = {},
          .session = {},
          .peer = {},
          .user = {},
          .message_id = {}};
}

void Client::set_state(State state) {
  if (state_ != state) log(LogLevel::debug, log_context(), "{} -> {}", name(state_), name(state));
  state_ = state;
  announce();
}

std::string_view Client::view_state() const {
  const Tunnel* current = tunnel();
  return current ? current->state_text() : name(state_);
}

void Client::announce() {
  const std::string_view state = view_state();
  if (state == announced_ || retired_) return;
  const std::string_view old = std::exchange(announced_, state);
  if (!context_.environment.events.wants(kTunnelEvents)) return;
  const Tunnel* current = tunnel();
  context_.environment.events.emit(
      TunnelEvent{.tunnel = profile_.name,
                  .profile = profile_.name,
                  .old_state = std::string(old),
                  .new_state = std::string(state),
                  .cause = last_error_,
                  .remote = view().remote,
                  .peer_host_name =
                      current ? printable(as_bytes(current->connection().peer().host_name)) : ""});
}

void Client::tunnel_changed(Tunnel& tunnel, std::string_view) {
  if (tunnel.id() == current_) announce();
}

void Client::arm(std::optional<TimePoint> when) {
  context_.environment.timers.set(timer_key(TimerKind::client, number_), when);
}

Tunnel* Client::tunnel() const {
  return current_ ? context_.environment.tunnels.find(current_) : nullptr;
}

bool Client::start(TimePoint now, Secret password) {
  if (state_ != State::stopped && state_ != State::failed && state_ != State::closing &&
      state_ != State::backoff)
    return true;
  backoff_.reset();
  last_error_ = {};
  was_refused_ = false;
  if (!password.empty()) given_password_ = std::move(password);
  attempt(now);
  return last_error_.code != CauseCode::no_secrets;
}

void Client::stop(const Cause& cause, TimePoint now) {
  arm(std::nullopt);
  dial_when_clear_ = false;
  retry_at_ = 0;
  ++attempt_;
  forget_question();
  given_password_ = {};
  set_state(tunnels_ == 0 ? State::stopped : State::closing);
  if (trying_primary_) abandon_primary(cause, now);
  if (Tunnel* current = tunnel(); current && !current->has_ended()) current->close(cause, now);
  unpin(pinned_);
  set_state(tunnels_ == 0 ? State::stopped : State::closing);
}

void Client::reconfigure(config::ClientProfile profile, TimePoint now) {
  const config::ClientProfile old = std::exchange(profile_, std::move(profile));
  context_.interface_names.claim(number_, profile_);
  backoff_.reconfigure(profile_.redial);
  if (profile_.peers != old.peers || profile_.redial.primary_retry != old.redial.primary_retry) {
    if (trying_primary_) abandon_primary({.code = CauseCode::admin_close}, now);
    const auto same =
        std::find(profile_.peers.begin(), profile_.peers.end(), old.peers[peer_index_]);
    peer_index_ =
        same == profile_.peers.end() ? 0 : static_cast<std::size_t>(same - profile_.peers.begin());
    chooser_ = PeerChooser(profile_.peers.size(), profile_.redial.primary_retry);
    if (state_ == State::connected) {
      chooser_.succeeded(peer_index_, now);
      arm_while_up();
    }
  }
  reload_wires(now);
  switch (state_) {
    case State::asking:
    case State::resolving:
      // The old host may be asked about; the new one is what is wanted.
      forget_question();
      attempt(now);
      return;
    case State::backoff:
      start(now);  // what failed may have been put right
      return;
    case State::failed:
      if (profile_.autostart) start(now);
      return;
    case State::stopped:
      if (profile_.autostart && !old.autostart) start(now);
      return;
    case State::pinning:
    case State::dialling:
    case State::connected:
    case State::closing:
      break;
  }
  Tunnel* current = tunnel();
  if (!current) return;
  for (const auto& [id, session] : current->sessions())
    session->set_limits(profile_.idle_timeout, profile_.session_timeout);
  if (!pinned_ && needs_pin(current->peer().address)) {
    pin(pinned_, current->peer().address, false);  // and then the routes
  } else {
    for (const auto& [id, session] : current->sessions()) session->apply_network(now);
  }
}

void Client::handle_timeout(TimePoint now) {
  switch (state_) {
    case State::backoff:
      attempt(now);
      return;
    case State::connected: {
      const auto primary = chooser_.next_primary_retry();
      if (primary && *primary <= now) try_primary(now);
      place_wires(now);
      return;
    }
    case State::dialling:
      place_wires(now);
      return;
    case State::stopped:
    case State::asking:
    case State::resolving:
    case State::pinning:
    case State::closing:
    case State::failed:
      return;
  }
}

void Client::attempt(TimePoint now) {
  retry_at_ = 0;
  ++attempt_;
  end_.reset();
  if (context_.draining) {
    set_state(State::backoff);
    arm(now + kDrainingPause);
    return;
  }
  if (profile_.ppp.ask_password && given_password_.empty()) {
    if (!ask_for_password(now)) attempt_failed({.code = CauseCode::no_secrets}, nullptr, now);
    return;
  }
  if (sessions_ != 0) {
    // The interface of the last session is still going away; its name is needed again.
    dial_when_clear_ = true;
    set_state(State::dialling);
    return;
  }
  dial_when_clear_ = false;
  set_state(State::resolving);
  resolve_peer(chooser_.choose(now));
}

void Client::resolve_peer(std::size_t peer_index) {
  peer_index_ = peer_index;
  question_ = context_.resolver.resolve(profile_.peers[peer_index].host);
  context_.questions[*question_] = this;
}

void Client::resolved(const Resolver::Answer& answer, TimePoint now) {
  question_.reset();
  std::vector<IpAddress> usable = answer.addresses;
  if (profile_.local.address) {
    std::erase_if(usable, [this](const IpAddress& address) {
      return address.is_v6() != profile_.local.address->is_v6();
    });
  }
  const std::string& host = profile_.peers[peer_index_].host;
  if (usable.empty()) {
    step_failed({.code = CauseCode::name_resolution,
                 .message = host + ": " +
                            (answer.error.empty() ? "no address of the local address's family"
                                                  : answer.error)},
                now);
    return;
  }
  // A name with several addresses: each attempt takes the next one.
  use_address(usable[address_turn_++ % usable.size()], now);
}

bool Client::needs_pin(const IpAddress& address) const {
  if (address.is_loopback() || kind_.report_only) return false;
  if (profile_.routes.default_route) return true;
  return std::any_of(profile_.routes.add.begin(), profile_.routes.add.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

void Client::unpin(std::optional<IpAddress>& place) {
  if (place) context_.environment.dataplane.unpin_route(*place);
  place.reset();
}

void Client::use_address(const IpAddress& address, TimePoint now) {
  const bool has_ports = profile_.transport == config::Transport::udp;
  peer_ = {address, has_ports ? profile_.peers[peer_index_].port : std::uint16_t{0}, 0};
  if (!needs_pin(address)) {
    dial(now);
    return;
  }
  if (!trying_primary_) set_state(State::pinning);
  pin(trying_primary_ ? candidate_pin_ : pinned_, address, true);
}

void Client::pin(std::optional<IpAddress>& place, const IpAddress& address, bool then_dial) {
  unpin(place);
  place = address;
  context_.environment.dataplane.pin_route(
      address, [this, attempt = attempt_, then_dial, alive = std::weak_ptr<int>(alive_)](
                   const Result<kernel::Underlay, kernel::KernelError>& result) {
        if (alive.expired() || attempt != attempt_) return;
        const TimePoint then = Clock::now();
        if (!then_dial) {
          const Tunnel* current = tunnel();
          if (!current) return;
          for (const auto& [id, session] : current->sessions()) session->apply_network(then);
        } else if (result) {
          dial(then);
        } else {
          step_failed({.code = CauseCode::no_answer, .message = result.error().to_string()}, then);
        }
      });
}

Result<std::shared_ptr<ControlSocket>, SocketError> Client::port_for(const Endpoint& peer) {
  Endpoint local{
      profile_.local.address.value_or(peer.address.is_v4() ? IpAddress() : IpAddress::v6({})),
      profile_.local.port, 0};
  PortTable& ports = context_.environment.ports;
  if (local.port != 0 || profile_.local.any_port) return ports.acquire(local);
  // Our own tunnels never share a 4-tuple: data of two could not be told apart before Linux 6.11.
  local.port = config::kL2tpPort;
  const auto others = context_.environment.tunnels.with_peer(peer);
  const bool taken = std::any_of(others.begin(), others.end(), [](const Tunnel* other) {
    return !other->has_ended() && other->local().port == config::kL2tpPort;
  });
  if (!taken) {
    auto port = ports.acquire(local);
    if (port || (port.error().code != EADDRINUSE && port.error().code != EACCES)) return port;
    log(LogLevel::info, log_context(),
        "port 1701 belongs to another program, taking an ephemeral one");
  }
  local.port = 0;
  return ports.acquire(local);
}

void Client::dial(TimePoint now) {
  Environment& env = context_.environment;
  const auto id = env.tunnels.allocate(env.random, now);
  if (!id) {
    step_failed({.code = CauseCode::no_resources, .message = "no tunnel id is free"}, now);
    return;
  }
  auto address = address_for(*id);
  if (!address) {
    env.tunnels.release(*id, now);
    step_failed({.code = CauseCode::kernel_failed, .message = address.error().to_string()}, now);
    return;
  }
  const std::string tunnel_name = trying_primary_ ? profile_.name + "~primary" : profile_.name;
  Tunnel& tunnel = env.tunnels.add(std::make_unique<Tunnel>(
      env, *this, *id, tunnel_name, tunnel_settings(), std::move(*address)));
  ++tunnels_;
  if (trying_primary_) {
    candidate_ = *id;
  } else {
    current_ = *id;
    set_state(State::dialling);
  }
  tunnel.dial(profile_.tunnel.port_float == config::PortFloat::accept_theirs, now);
}

// On a later LNS: is the first one back? The session in use stays until its tunnel stands.
void Client::try_primary(TimePoint) {
  if (trying_primary_ || profile_.peers.size() < 2 || peer_index_ == 0) return;
  trying_primary_ = true;
  ++attempt_;
  fallback_ = Fallback{peer_index_, peer_};
  resolve_peer(0);
}

// The first LNS did not answer: stay where we are.
void Client::primary_failed(TimePoint now) {
  trying_primary_ = false;
  candidate_ = {};
  unpin(candidate_pin_);
  peer_index_ = fallback_.peer_index;
  peer_ = fallback_.peer;
  chooser_.failed(0, now);
  if (state_ == State::connected) arm_while_up();
}

// The session in use has gone, or nobody wants it any more: there is nothing to stay with.
void Client::abandon_primary(const Cause& cause, TimePoint now) {
  forget_question();
  ++attempt_;
  Tunnel* tunnel = candidate_ ? context_.environment.tunnels.find(candidate_) : nullptr;
  candidate_ = {};
  trying_primary_ = false;
  unpin(candidate_pin_);
  peer_index_ = fallback_.peer_index;
  peer_ = fallback_.peer;
  if (tunnel && !tunnel->has_ended()) tunnel->close(cause, now);
}

void Client::tunnel_up(Tunnel& tunnel, TimePoint now) {
  if (tunnel.id() == candidate_) {
    log(LogLevel::notice, log_context(), "the first LNS answers again, going back to it");
    Tunnel* old = this->tunnel();
    current_ = candidate_;
    candidate_ = {};
    trying_primary_ = false;
    unpin(pinned_);
    pinned_ = std::exchange(candidate_pin_, std::nullopt);
    if (old) old->rename(profile_.name + "~old");
    tunnel.rename(profile_.name);
    set_state(State::dialling);
    if (old && !old->has_ended()) old->close({.code = CauseCode::replaced}, now);
  }
  place_call(tunnel, now);
}

void Client::place_call(Tunnel& tunnel, TimePoint now) {
  call_ = {};
  const bool is_v3 = tunnel.connection().version() == 3;
  if (is_v3 && !is_ppp_alone()) {
    place_wires(now);
    return;
  }
  if (!is_v3 && !profile_.has_ppp) {
    tunnel.close({.code = CauseCode::not_supported,
                  .message = "the peer speaks L2TPv2, which carries no Ethernet"},
                 now);
    return;
  }
  if (profile_.answer_outgoing.enabled && !is_v3) {
    connected(now);  // the LNS calls us
    return;
  }
  if (sessions_ != 0) {
    dial_when_clear_ = true;
    return;
  }
  if (is_v3) {
    call_ = tunnel.place_pseudowire(ppp_wire(), now);
  } else {
    call_ = place_ppp_call(tunnel, now);
  }
  if (!call_) {
    tunnel.close({.code = CauseCode::no_resources, .message = "no session id is free"}, now);
    return;
  }
}

SessionId Client::place_ppp_call(Tunnel& tunnel, TimePoint now) {
  l2tp::IncomingCallRequest request;
  request.bearer_type = wire::kBearerDigital;
  request.connect.tx_connect_speed = 1000000000;
  request.connect.framing_type = wire::kFramingSync;
  request.connect.sequencing_required = profile_.data_sequencing == config::DataSequencing::require;
  return tunnel.place_incoming_call(request, now);
}

void Client::tunnel_down(Tunnel& tunnel, const Cause& cause, TimePoint now) {
  if (tunnel.id() == candidate_) {
    primary_failed(now);
    return;
  }
  if (tunnel.id() != current_) return;  // an older one, already replaced
  current_ = {};
  if (trying_primary_) abandon_primary({.code = CauseCode::admin_close}, now);
  attempt_failed(cause, &tunnel, now);
}

void Client::tunnel_gone(Tunnel&, TimePoint) {
  --tunnels_;
  if (tunnels_ == 0 && state_ == State::closing) set_state(State::stopped);
}

TunnelView Client::view() const {
  TunnelView view;
  if (const Tunnel* current = tunnel()) {
    view = current->view();
  } else {
    view.name = profile_.name;
    view.profile = profile_.name;
    view.role = "lac";
    const config::Peer& peer = profile_.peers[peer_index_];
    const bool is_resolved = !peer_.address.is_unspecified();
    const bool over_ip = profile_.transport == config::Transport::ip;
    view.remote = is_resolved ? peer_.to_string()
                  : over_ip   ? peer.host
                              : peer.host + ":" + std::to_string(peer.port);
    view.state = name(state_);
    view.remote_address = is_resolved ? peer_.address.to_string() : peer.host;
    view.remote_port = over_ip ? std::uint16_t{0} : is_resolved ? peer_.port : peer.port;
    view.version = profile_.version == config::Version::two ? 2 : 3;
    if (over_ip) view.encapsulation = "ip";
  }
  view.transient = kind_.transient;
  view.reports_only = kind_.report_only;
  view.owner = kind_.owner;
  view.retry_at = retry_at_;
  if (last_error_.code != CauseCode::none) view.last_error = last_error_;
  return view;
}

}  // namespace l2tpm::daemon
