#include "daemon/client.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "daemon/machine_settings.h"
#include "daemon/message_ids.h"
#include "daemon/realtime.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {
namespace {

// Interface names have at most 15 characters and no '/' (the kernel's IFNAMSIZ).
std::string interface_for(const config::ClientProfile& profile) {
  if (!profile.interface.empty()) return profile.interface;
  std::string text = "l2tp-" + profile.name;
  if (text.size() > 15) text.resize(15);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '/' || c == ':' || c <= ' '; }, '-');
  return text;
}

// "Try another": the peer lives but has no room (CDN or StopCCN; RFC 2661 §4.4.2).
bool is_busy(const Cause& cause) {
  return cause.by_peer &&
         (cause.code == CauseCode::no_resources || cause.code == CauseCode::refused);
}

bool is_silence(const Cause& cause) {
  return cause.code == CauseCode::no_answer || cause.code == CauseCode::peer_silent ||
         cause.code == CauseCode::setup_timeout || cause.code == CauseCode::echo_timeout ||
         cause.code == CauseCode::name_resolution;
}

}  // namespace

std::string_view name(Client::State state) {
  switch (state) {
    case Client::State::stopped:
      return "idle";
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
    : context_(context),
      number_(number),
      profile_(std::move(profile)),
      backoff_(profile_.redial),
      chooser_(profile_.peers.size(), profile_.redial.primary_retry) {}

Client::~Client() {
  arm(std::nullopt);
  forget_question();
  unpin(pinned_);
  unpin(candidate_pin_);
}

void Client::forget_question() {
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
}

void Client::arm(std::optional<TimePoint> when) {
  context_.environment.timers.set(timer_key(TimerKind::client, number_), when);
}

Tunnel* Client::tunnel() const {
  return current_ ? context_.environment.tunnels.find(current_) : nullptr;
}

void Client::start(TimePoint now) {
  if (state_ != State::stopped && state_ != State::failed && state_ != State::closing &&
      state_ != State::backoff)
    return;
  backoff_.reset();
  last_error_ = {};
  attempt(now);
}

void Client::stop(const Cause& cause, TimePoint now) {
  arm(std::nullopt);
  dial_when_clear_ = false;
  retry_at_ = 0;
  ++attempt_;
  forget_question();
  set_state(tunnels_ == 0 ? State::stopped : State::closing);
  if (trying_primary_) abandon_primary(cause, now);
  if (Tunnel* current = tunnel(); current && !current->has_ended()) current->close(cause, now);
  unpin(pinned_);
  set_state(tunnels_ == 0 ? State::stopped : State::closing);
}

void Client::reconfigure(config::ClientProfile profile, TimePoint now) {
  const config::ClientProfile old = std::exchange(profile_, std::move(profile));
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
      arm(chooser_.next_primary_retry());
    }
  }
  switch (state_) {
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
    case State::connected:
      try_primary(now);
      return;
    case State::stopped:
    case State::resolving:
    case State::pinning:
    case State::dialling:
    case State::closing:
    case State::failed:
      return;
  }
}

void Client::attempt(TimePoint now) {
  retry_at_ = 0;
  ++attempt_;
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
  if (address.is_loopback()) return false;
  if (profile_.routes.default_route) return true;
  return std::any_of(profile_.routes.add.begin(), profile_.routes.add.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

void Client::unpin(std::optional<IpAddress>& place) {
  if (place) context_.environment.dataplane.unpin_route(*place);
  place.reset();
}

void Client::use_address(const IpAddress& address, TimePoint now) {
  peer_ = {address, profile_.peers[peer_index_].port, 0};
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

Result<std::shared_ptr<UdpSocket>, SocketError> Client::port_for(const Endpoint& peer) {
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
  auto port = port_for(peer_);
  if (!port) {
    step_failed({.code = CauseCode::kernel_failed, .message = port.error().to_string()}, now);
    return;
  }
  const auto id = env.tunnels.allocate(env.random, now);
  if (!id) {
    step_failed({.code = CauseCode::no_resources, .message = "no tunnel id is free"}, now);
    return;
  }
  Tunnel::Address address{.port = std::move(*port),
                          .peer = peer_,
                          .local = profile_.local.address.value_or(IpAddress()),
                          .permissive = profile_.tunnel.permissive};
  const std::string tunnel_name = trying_primary_ ? profile_.name + "~primary" : profile_.name;
  Tunnel& tunnel = env.tunnels.add(std::make_unique<Tunnel>(
      env, *this, *id, tunnel_name, l2tp_settings(profile_.tunnel, context_.machine_name, 65535),
      std::move(address)));
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
  if (state_ == State::connected) arm(chooser_.next_primary_retry());
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
  if (profile_.answer_outgoing.enabled) {
    connected(now);  // the LNS calls us
    return;
  }
  if (sessions_ != 0) {
    dial_when_clear_ = true;
    return;
  }
  l2tp::IncomingCallRequest request;
  request.bearer_type = wire::kBearerDigital;
  request.connect.tx_connect_speed = 1000000000;
  request.connect.framing_type = wire::kFramingSync;
  request.connect.sequencing_required = profile_.data_sequencing == config::DataSequencing::require;
  call_ = tunnel.place_incoming_call(request, now);
  if (!call_) {
    tunnel.close({.code = CauseCode::no_resources, .message = "no session id is free"}, now);
    return;
  }
}

void Client::tunnel_down(Tunnel& tunnel, const Cause& cause, TimePoint now) {
  if (tunnel.id() == candidate_) {
    primary_failed(now);
    return;
  }
  if (tunnel.id() != current_) return;  // an older one, already replaced
  current_ = {};
  if (trying_primary_) abandon_primary({.code = CauseCode::admin_close}, now);
  attempt_failed(cause, now);
}

// Before there is a tunnel that could end.
void Client::step_failed(const Cause& cause, TimePoint now) {
  if (trying_primary_) {
    primary_failed(now);
  } else {
    attempt_failed(cause, now);
  }
}

void Client::attempt_failed(const Cause& cause, TimePoint now) {
  last_error_ = cause;
  dial_when_clear_ = false;
  if (state_ == State::stopped || state_ == State::closing) {
    set_state(tunnels_ == 0 ? State::stopped : State::closing);
    return;
  }
  if (is_silence(cause)) {
    chooser_.failed(peer_index_, now);
  } else if (is_busy(cause)) {
    chooser_.busy(peer_index_);
  }
  unpin(pinned_);
  if (cause.code == CauseCode::idle_timeout && !cause.by_peer) {
    log(LogLevel::notice, log_context(), "nobody uses it: stopped until the next start");
    set_state(tunnels_ == 0 ? State::stopped : State::closing);
    return;
  }
  wait_and_retry(now);
}

void Client::wait_and_retry(TimePoint now) {
  const auto wait = backoff_.next(context_.environment.random);
  const LogContext about =
      message_id::on(message_id::of_failed_attempt(last_error_.code), log_context());
  if (!wait) {
    set_state(State::failed);
    log(LogLevel::warning, about, "giving up: {}", last_error_.to_string());
    return;
  }
  set_state(State::backoff);
  retry_at_ =
      realtime_usec() + static_cast<std::uint64_t>(
                            std::chrono::duration_cast<std::chrono::microseconds>(*wait).count());
  log(LogLevel::notice, about, "{}; dialling again in {:.1f} s", last_error_.to_string(),
      std::chrono::duration<double>(*wait).count());
  arm(now + *wait);
}

void Client::tunnel_gone(Tunnel&, TimePoint) {
  --tunnels_;
  if (tunnels_ == 0 && state_ == State::closing) set_state(State::stopped);
}

void Client::incoming_call(Tunnel& tunnel, SessionId session, const l2tp::IncomingCallRequest&,
                           TimePoint now) {
  tunnel.reject_call(
      session, {.code = CauseCode::not_supported, .message = "this end accepts no incoming calls"},
      now);
}

void Client::outgoing_call(Tunnel& tunnel, SessionId session, const l2tp::OutgoingCallRequest& call,
                           TimePoint now) {
  if (!profile_.answer_outgoing.enabled || !profile_.answer_outgoing.matches(call.called_number)) {
    tunnel.reject_call(
        session,
        {.code = CauseCode::refused, .message = "no profile answers outgoing calls to this number"},
        now);
    return;
  }
  if (sessions_ != 0) {
    tunnel.reject_call(
        session,
        {.code = CauseCode::no_resources, .message = "the profile's session is up already"}, now);
    return;
  }
  tunnel.accept_call(session, now);
  l2tp::CallParameters parameters;
  parameters.tx_connect_speed = 1000000000;
  parameters.framing_type = wire::kFramingSync;
  parameters.sequencing_required = profile_.data_sequencing == config::DataSequencing::require;
  tunnel.call_connected(session, parameters, now);
}

SessionPlan Client::plan_session(Session& session, const l2tp::SessionUp& call) {
  ++sessions_;
  SessionPlan plan;
  const bool sequence = profile_.data_sequencing != config::DataSequencing::none;
  const std::uint32_t fits =
      kernel::interface_mtu({.path_mtu = session.tunnel().path_mtu(),
                             .outer_ipv6 = session.tunnel().peer().address.is_v6(),
                             .sequence_numbers = sequence,
                             .ipsec = false,
                             .peer_mru = 65535,
                             .limit = {}});
  plan.link = link_settings(profile_, role_of(call.kind), fits);
  plan.install_point =
      effective_install_point(profile_.install_point, profile_.data_sequencing, false);
  plan.interface_name = interface_for(profile_);
  plan.send_sequence = sequence;
  plan.require_sequence = profile_.data_sequencing == config::DataSequencing::require;
  plan.idle_timeout = profile_.idle_timeout;
  plan.session_timeout = profile_.session_timeout;
  session.lease().user = profile_.ppp.user;
  return plan;
}

void Client::credentials_needed(Session& session, const ppp::AuthRequest& request, TimePoint now) {
  const config::AuthenticatePeer& expected = profile_.ppp.authenticate_peer;
  const bool name_fits = expected.peer_name.empty() || expected.peer_name == request.user;
  session.supply_verdict(
      name_fits ? ppp::check_password(request, expected.secret) : ppp::AuthVerdict::refused(),
      std::nullopt, now);
}

kernel::NetworkConfig Client::network_config(const Session& session) const {
  kernel::NetworkConfig config;
  if (const auto& ipv4 = session.ipv4()) {
    // A peer that names no address of its own is reached through ours: the link has two ends
    // anyway.
    // So is one that names the very address that our datagrams go to: a route to that through the
    // session would have the tunnel run through itself.
    const bool has_peer =
        !ipv4->peer.is_unspecified() && ipv4->peer != session.tunnel().peer().address;
    const IpAddress peer = has_peer ? ipv4->peer : ipv4->local;
    config.ipv4 = kernel::NetworkConfig::Ipv4{
        .local = ipv4->local, .peer = peer, .unnumbered = false, .metric = 0};
    const auto route = [&](const IpPrefix& destination) {
      config.routes.push_back({.destination = destination,
                               .source = {},
                               .metric = profile_.routes.metric,
                               .table = 0,
                               .mtu = {}});
    };
    for (const IpPrefix& prefix : profile_.routes.add) {
      if (prefix.address.is_v4()) route(prefix);
    }
    if (profile_.routes.default_route) route({IpAddress(), 0});
  }
  if (const auto& ipv6 = session.ipv6()) {
    config.ipv6 = kernel::NetworkConfig::Ipv6{.local_interface_id = ipv6->local_id,
                                              .peer_interface_id = ipv6->peer_id};
    for (const IpPrefix& prefix : profile_.routes.add) {
      if (prefix.address.is_v6()) {
        config.routes.push_back({.destination = prefix,
                                 .source = {},
                                 .metric = profile_.routes.metric,
                                 .table = 0,
                                 .mtu = {}});
      }
    }
  }
  return config;
}

void Client::session_up(Session&, TimePoint now) { connected(now); }

void Client::connected(TimePoint now) {
  set_state(State::connected);
  backoff_.reset();
  last_error_ = {};
  chooser_.succeeded(peer_index_, now);
  arm(chooser_.next_primary_retry());
}

void Client::session_down(Session& session, const Cause& cause, TimePoint now) {
  Tunnel& tunnel = session.tunnel();
  if (tunnel.has_ended() || tunnel.id() != current_) return;
  // A call that the peer placed: refused, or over; the tunnel waits for the next one.
  if (session.key().session != call_) return;
  // A client's tunnel is there for its session: begin anew, which also finds another LNS.
  tunnel.close(cause, now);
}

void Client::session_gone(Session& session, TimePoint now) {
  if (!session.was_planned()) return;
  --sessions_;
  if (sessions_ != 0 || !dial_when_clear_) return;
  dial_when_clear_ = false;
  if (Tunnel* current = this->tunnel(); current && current->is_up()) {
    place_call(*current, now);
  } else {
    attempt(now);
  }
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
    view.remote = peer_.port != 0 ? peer_.to_string() : peer.host + ":" + std::to_string(peer.port);
    view.state = name(state_);
  }
  view.retry_at = retry_at_;
  if (last_error_.code != CauseCode::none) view.last_error = last_error_;
  return view;
}

}  // namespace l2tpm::daemon
