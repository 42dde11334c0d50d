#include "daemon/listener.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/log.h"
#include "daemon/machine_settings.h"
#include "daemon/message_ids.h"
#include "daemon/realtime.h"
#include "kernel/mtu.h"
#include "wire/result_codes.h"

namespace l2tpm::daemon {
namespace {

constexpr Duration kPortRetry = 5s;
// Ephemeral ports, each good for one tunnel with every peer.
constexpr std::size_t kMaxFloatingPorts = 256;

std::uint16_t number_of(wire::StopCcnResult result) { return static_cast<std::uint16_t>(result); }
std::uint16_t number_of(wire::GeneralError error) { return static_cast<std::uint16_t>(error); }

}  // namespace

Listener::Listener(OwnerContext& context, std::uint32_t number, config::ListenerProfile profile)
    : context_(context),
      number_(number),
      profile_(std::move(profile)),
      admission_(profile_.limits, context.environment.random),
      users_(profile_.users),
      interface_ids_(profile_.ppp.ipv6.pool, {}) {
  prepare();
  announce();
}

Listener::~Listener() {
  context_.environment.timers.remove(timer_key(TimerKind::listener, number_));
  if (held_) context_.environment.dataplane.release_address(*held_);
  context_.pools.leave(number_);
}

LogContext Listener::log_context() const {
  return {.profile = profile_.name,
          .tunnel = {},
          .session = {},
          .peer = {},
          .user = {},
          .message_id = {}};
}

// What follows from the profile, at the start and after a reload.
void Listener::prepare() {
  const config::ListenerIpv4& ipv4 = profile_.ppp.ipv4;
  shared_ = {};
  // Without a pool of its own it still keeps account of its users' addresses.
  const std::string pool_name = ipv4.pool.empty() ? "@" + profile_.name : ipv4.pool;
  const std::shared_ptr<AddressPool> old_pool = pool_;
  pool_ = context_.pools.acquire(pool_name, number_, ipv4.ranges, ipv4.exclude,
                                 users_.fixed_addresses());
  if (old_pool && old_pool != pool_) move_leases(old_pool);
  std::vector<std::uint64_t> fixed_ids = users_.fixed_interface_ids();
  if (profile_.ppp.ipv6.local_interface_id)
    fixed_ids.push_back(*profile_.ppp.ipv6.local_interface_id);
  interface_ids_.reconfigure(profile_.ppp.ipv6.pool, fixed_ids);
  const std::optional<IpAddress> wanted = ipv4.enabled && !ipv4.local_address.is_unspecified()
                                              ? std::optional(ipv4.local_address)
                                              : std::nullopt;
  if (held_ == wanted) return;
  kernel::Dataplane& dataplane = context_.environment.dataplane;
  if (held_) dataplane.release_address(*held_);
  held_ = wanted;
  if (!held_) return;
  dataplane.hold_address(
      *held_, [name = profile_.name](const Result<Done, kernel::KernelError>& result) {
        const LogContext about{
            .profile = name, .tunnel = {}, .session = {}, .peer = {}, .user = {}, .message_id = {}};
        if (!result) log(LogLevel::error, about, "{}", result.error().to_string());
      });
}

void Listener::start(TimePoint now) {
  if (wanted_) return;
  wanted_ = true;
  open_ports(now);
}

void Listener::open_ports(TimePoint now) {
  ports_.clear();
  const std::string old_problem = std::exchange(problem_, {});
  for (const IpAddress& address : profile_.addresses) {
    auto port = context_.environment.ports.acquire({address, profile_.port, 0});
    if (port) {
      ports_.push_back(std::move(*port));
      continue;
    }
    // "::" is what the default says; a host without IPv6 still has the rest.
    const int code = port.error().code;
    if (address.is_v6() && address.is_unspecified() && profile_.addresses.size() > 1 &&
        (code == EAFNOSUPPORT || code == EADDRNOTAVAIL)) {
      log(LogLevel::info, log_context(), "no IPv6 here: {}", port.error().to_string());
      continue;
    }
    problem_ = port.error().to_string();
    break;
  }
  if (problem_.empty() && ports_.empty()) problem_ = "no address to listen on";
  if (problem_.empty()) {
    for (const auto& port : ports_)
      log(LogLevel::notice, log_context(), "listening on {}", port->local().to_string());
    announce();
    return;
  }
  ports_.clear();
  log(problem_ == old_problem ? LogLevel::debug : LogLevel::error,
      message_id::on(message_id::kListenerFailed, log_context()), "{}; trying again every {} s",
      problem_, std::chrono::duration_cast<std::chrono::seconds>(kPortRetry).count());
  port_retry_ = now + kPortRetry;
  arm();
  announce();
}

void Listener::handle_timeout(TimePoint now) {
  if (wanted_ && ports_.empty() && now >= port_retry_) open_ports(now);
  redial_calls(now);
  arm();
}

void Listener::arm() {
  std::optional<TimePoint> when = next_call();
  if (wanted_ && ports_.empty() && (!when || port_retry_ < *when)) when = port_retry_;
  context_.environment.timers.set(timer_key(TimerKind::listener, number_), when);
}

void Listener::set_draining(bool draining) {
  draining_ = draining;
  announce();
}

bool Listener::is_draining() const { return draining_ || context_.draining; }

std::string_view Listener::state_text() const {
  if (ports_.empty()) return wanted_ ? "failed" : "idle";
  return is_draining() ? "draining" : "listening";
}

void Listener::announce() {
  const std::string_view state = state_text();
  if (state == announced_) return;
  const std::string_view old = std::exchange(announced_, state);
  if (context_.environment.events.wants(kListenerEvents))
    context_.environment.events.emit(
        ListenerEvent{profile_.name, std::string(old), std::string(state)});
}

ListenerView Listener::view() const {
  ListenerView view;
  view.name = profile_.name;
  view.state = state_text();
  view.problem = problem_;
  for (const IpAddress& address : profile_.addresses) {
    view.local.push_back(Endpoint{address, profile_.port, 0}.to_string());
    view.addresses.push_back(address.to_string());
  }
  view.port = profile_.port;
  view.draining = is_draining();
  view.export_sessions = profile_.export_sessions;
  view.max_tunnels = profile_.limits.tunnels;
  view.max_sessions = profile_.limits.sessions;
  view.tunnels = tunnels_;
  view.sessions = sessions_;
  view.half_open = static_cast<std::uint32_t>(admission_.half_open());
  return view;
}

void Listener::stop(const Cause& cause, TimePoint now) {
  wanted_ = false;
  calls_.clear();
  context_.environment.timers.remove(timer_key(TimerKind::listener, number_));
  ports_.clear();
  floating_.clear();
  announce();
  std::vector<TunnelId> mine;
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() == this && !tunnel->has_ended()) mine.push_back(id);
  }
  for (const TunnelId id : mine) {
    if (Tunnel* tunnel = context_.environment.tunnels.find(id)) tunnel->close(cause, now);
  }
}

void Listener::reconfigure(config::ListenerProfile profile, TimePoint now) {
  const bool other_ports = profile.addresses != profile_.addresses || profile.port != profile_.port;
  const bool now_autostart = profile.autostart && !profile_.autostart;
  if (profile.limits != profile_.limits) admission_.reconfigure(profile.limits);
  profile_ = std::move(profile);
  users_.replace(profile_.users);
  prepare();
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() != this) continue;
    for (const auto& [session_id, session] : tunnel->sessions())
      session->set_limits(profile_.idle_timeout, profile_.session_timeout);
  }
  if (wanted_ && other_ports) open_ports(now);
  if (now_autostart) start(now);
  announce();
  place_new_calls(now);
}

// Another pool is in charge: it must know who has which of its addresses, and is given them back.
void Listener::move_leases(const std::shared_ptr<AddressPool>& from) {
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() != this) continue;
    for (const auto& [session_id, session] : tunnel->sessions()) {
      Lease& lease = session->lease();
      if (!lease.address || lease.pool != from) continue;
      // Taken in the new one already: it stays with the old one, which is there while it is used.
      if (!pool_->take(*lease.address)) continue;
      from->release(*lease.address);
      lease.pool = pool_;
    }
  }
}

bool Listener::answers_on(const Endpoint& local, bool exact) const {
  if (ports_.empty() || local.port != profile_.port) return false;
  return std::any_of(
      profile_.addresses.begin(), profile_.addresses.end(), [&](const IpAddress& address) {
        return exact ? address == local.address
                     : address.is_unspecified() && address.is_v6() == local.address.is_v6();
      });
}

// A StopCCN without any state: the peer is told, nothing is kept. Shorter than three times any
// SCCRQ.
void Listener::refuse(const wire::ControlMessage& message, const Datagram& datagram,
                      std::uint16_t result_code, std::optional<std::uint16_t> error_code,
                      std::string_view text) {
  wire::ControlMessage answer;
  answer.type = wire::MessageType::stopccn;
  answer.tunnel_id = message.assigned_tunnel_id.value_or(TunnelId());
  answer.nr = static_cast<std::uint16_t>(message.ns + 1);
  answer.assigned_tunnel_id = TunnelId(1 + context_.environment.random.below(65535));
  answer.result_code =
      wire::ResultCode{.result = result_code, .error = error_code, .message = std::string(text)};
  const Bytes bytes = wire::encode(answer);
  if (bytes.size() > 3 * datagram.bytes.size()) return;
  if (auto port = context_.environment.ports.find(datagram.local)) {
    port->send_to(bytes, datagram.source, datagram.local.address);
  }
}

std::shared_ptr<UdpSocket> Listener::port_for(const config::Tunnel& settings,
                                              const Datagram& datagram, TimePoint) {
  Environment& env = context_.environment;
  bool other_port = settings.port_float == config::PortFloat::ours;
  if (!other_port && !env.features.session_by_id) {
    // Before Linux 6.11 the data of two tunnels on one 4-tuple reaches only the newest socket.
    const auto others = env.tunnels.with_peer(datagram.source);
    other_port = std::any_of(others.begin(), others.end(), [&](const Tunnel* other) {
      return !other->has_ended() && other->local() == datagram.local;
    });
  }
  if (!other_port) return env.ports.find(datagram.local);
  const IpAddress any = datagram.local.address.is_v4() ? IpAddress() : IpAddress::v6({});
  std::set<std::uint16_t> taken;
  for (const Tunnel* other : env.tunnels.with_peer(datagram.source)) {
    if (!other->has_ended()) taken.insert(other->local().port);
  }
  for (const auto& port : floating_) {
    if (port->local().address == any && !taken.contains(port->local().port)) return port;
  }
  if (floating_.size() >= kMaxFloatingPorts) return nullptr;
  auto port = env.ports.acquire({any, 0, 0});
  if (!port) {
    log(LogLevel::error, log_context(), "{}", port.error().to_string());
    return nullptr;
  }
  floating_.push_back(*port);
  return *port;
}

void Listener::receive_sccrq(const wire::ControlMessage& message, const Datagram& datagram,
                             TimePoint now) {
  Environment& env = context_.environment;
  if (is_draining()) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::try_another), "draining");
    return;
  }
  if (tunnels_ >= profile_.limits.tunnels || env.tunnels.size() >= context_.daemon.max_tunnels) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::insufficient_resources), "too many tunnels");
    return;
  }
  const std::string host_name = message.host_name.value_or("");
  const config::Tunnel* settings = profile_.tunnel_for(host_name, datagram.source.address);
  if (settings == nullptr || (profile_.require_tunnel_auth && settings->secret.empty())) {
    const std::string_view text =
        settings == nullptr ? "unknown peer" : "tunnel authentication is required";
    log(refusals_logged_.take(now) ? LogLevel::notice : LogLevel::debug, log_context(),
        "{} (\"{}\") refused: {}", datagram.source.to_string(), printable(as_bytes(host_name)),
        text);
    refuse(message, datagram, number_of(wire::StopCcnResult::not_authorized), std::nullopt, text);
    return;
  }
  auto port = port_for(*settings, datagram, now);
  const auto id = port ? env.tunnels.allocate(env.random, now) : std::nullopt;
  if (!id) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::insufficient_resources), "no resources");
    return;
  }
  if (const auto evicted = admission_.add_half_open(*id, datagram.source.address)) {
    if (Tunnel* victim = env.tunnels.find(*evicted)) victim->lose_tie(now);
  }
  auto& l2tp = shared_.l2tp[settings];
  if (!l2tp) {
    config::Tunnel effective = *settings;
    // Whoever must prove itself is asked to.
    effective.challenge = effective.challenge || profile_.require_tunnel_auth;
    l2tp = l2tp_settings(effective, context_.machine_name, profile_.limits.sessions_per_tunnel);
  }
  Tunnel::Address address{.port = std::move(port),
                          .peer = datagram.source,
                          .local = datagram.local.address,
                          .permissive = settings->permissive};
  ++tunnels_;
  Tunnel& tunnel = env.tunnels.add(
      std::make_unique<Tunnel>(env, *this, *id, profile_.name + "-" + std::to_string(id->value()),
                               l2tp, std::move(address)));
  tunnel.receive(message, datagram, now);
  if (tunnel.has_ended()) tunnel.abandon();
}

void Listener::tunnel_changed(Tunnel& tunnel, std::string_view old_state) {
  EventHub& events = context_.environment.events;
  if (!events.wants(kTunnelEvents)) return;
  events.emit(
      TunnelEvent{.tunnel = tunnel.name(),
                  .profile = profile_.name,
                  .old_state = std::string(old_state),
                  .new_state = tunnel.has_ended() ? "" : std::string(tunnel.state_text()),
                  .cause = tunnel.cause(),
                  .remote = tunnel.peer().to_string(),
                  .peer_host_name = printable(as_bytes(tunnel.connection().peer().host_name))});
}

void Listener::tunnel_up(Tunnel& tunnel, TimePoint now) {
  admission_.remove_half_open(tunnel.id());
  admission_.note_proven(tunnel.peer().address, now);
  // A peer that rebooted comes back on the same 4-tuple; an older tunnel there is asked whether it
  // lives, and ends by itself if not. A forged SCCRQ never gets here and so kills nothing.
  for (Tunnel* other : context_.environment.tunnels.with_peer(tunnel.peer())) {
    if (other != &tunnel && other->is_up() && other->local() == tunnel.local()) other->probe(now);
    // Our own SCCRQ to that peer, if the peer's has won the tie (RFC 2661 §4.4.3).
    const bool is_dialling =
        other->connection().state() == l2tp::ControlConnection::State::wait_ctl_reply;
    if (is_dialling &&
        l2tp::compare_tie_breakers(other->connection().tie_breaker(),
                                   tunnel.connection().peer().tie_breaker) == l2tp::Tie::peer_wins)
      other->lose_tie(now);
  }
  place_calls(tunnel, now);
}

void Listener::tunnel_down(Tunnel& tunnel, const Cause& cause, TimePoint now) {
  admission_.remove_half_open(tunnel.id());
  forget_calls(tunnel);
  // A flood of half-open tunnels must not wash away what an administrator wants to see.
  const bool is_news = tunnel.kernel_has_it() || cause.code == CauseCode::tunnel_auth_failed;
  if (is_news && !is_asked_for(cause) && cause.code != CauseCode::peer_closed) {
    Failure end;
    end.object = "tunnel";
    end.cause = cause;
    tunnel.describe_end(end, now);
    context_.environment.failures.add(std::move(end));
  }
}

void Listener::tunnel_gone(Tunnel&, TimePoint) {
  --tunnels_;
  if (tunnels_ == 0) floating_.clear();
}

bool Listener::has_room() const {
  return sessions_ < profile_.limits.sessions &&
         context_.environment.sessions.size() <= context_.daemon.max_sessions;
}

// From the call's beginning on: what is being set up takes room, too.
void Listener::count(Session& session) {
  if (std::exchange(session.lease().counted, true)) return;
  ++sessions_;
}

void Listener::incoming_call(Tunnel& tunnel, SessionId session, const l2tp::IncomingCallRequest&,
                             TimePoint now) {
  if (is_draining()) {
    tunnel.reject_call(session,
                       {.code = CauseCode::no_resources,
                        .result_code = static_cast<std::uint16_t>(wire::CdnResult::general_error),
                        .error_code = number_of(wire::GeneralError::try_another),
                        .message = "draining"},
                       now);
    return;
  }
  if (!has_room() || !wanted_) {
    tunnel.reject_call(session, {.code = CauseCode::no_resources, .message = "too many sessions"},
                       now);
    return;
  }
  if (Session* accepted = tunnel.find(session)) count(*accepted);
  tunnel.accept_call(session, now);
}

void Listener::outgoing_call(Tunnel& tunnel, SessionId session, const l2tp::OutgoingCallRequest&,
                             TimePoint now) {
  tunnel.reject_call(
      session, {.code = CauseCode::refused, .message = "no profile answers outgoing calls"}, now);
}

std::shared_ptr<const ppp::LinkSettings> Listener::link_for(ppp::Role role, std::uint32_t fits) {
  auto& settings = shared_.link[role == ppp::Role::calling ? 1 : 0][fits];
  if (!settings) settings = link_settings(profile_, context_.machine_name, role, fits);
  return settings;
}

SessionPlan Listener::plan_session(Session& session, const l2tp::SessionUp& call) {
  count(session);
  SessionPlan plan;
  const bool sequence = call.parameters.sequencing_required ||
                        profile_.data_sequencing != config::DataSequencing::none;
  const std::uint32_t fits =
      kernel::interface_mtu({.path_mtu = session.tunnel().path_mtu(),
                             .outer_ipv6 = session.tunnel().peer().address.is_v6(),
                             .sequence_numbers = sequence,
                             .ipsec = false,
                             .peer_mru = 65535,
                             .limit = {}});
  plan.link = link_for(role_of(call.kind), fits);
  plan.install_point = effective_install_point(profile_.install_point, profile_.data_sequencing,
                                               call.parameters.sequencing_required);
  if (profile_.ppp.authenticate.empty()) {
    // Nobody will be asked who this is, so nobody will be asked for its addresses either.
    lend_addresses(session, nullptr);
    auto own = std::make_shared<ppp::LinkSettings>(*plan.link);
    own->network = listener_network(profile_, session.lease().address, session.lease().interface_id,
                                    own->mtu_limit);
    plan.link = std::move(own);
  }
  plan.interface_name = profile_.interface_prefix + std::to_string(session.slot());
  plan.send_sequence = sequence;
  plan.require_sequence = profile_.data_sequencing == config::DataSequencing::require;
  plan.lns_mode = true;
  plan.idle_timeout = profile_.idle_timeout;
  plan.session_timeout = profile_.session_timeout;
  return plan;
}

bool Listener::lend_addresses(Session& session, const config::User* user) {
  Lease& lease = session.lease();
  const std::string name = user ? user->name : std::string();
  if (profile_.ppp.ipv4.enabled && !lease.address) {
    if (user && user->address) {
      if (!pool_->take(*user->address)) return false;
      lease.address = user->address;
    } else {
      lease.address = pool_->allocate(name);
    }
    lease.pool = pool_;
  }
  if (profile_.ppp.ipv6.enabled && lease.interface_id == 0) {
    // A user's second session cannot have his identifier as well.
    if (user && user->interface_id && interface_ids_.take(*user->interface_id)) {
      lease.interface_id = *user->interface_id;
    } else if (const auto id = interface_ids_.allocate(context_.environment.random)) {
      lease.interface_id = *id;
    }
  }
  if (user) lease.routes = user->routes;
  // A listener without addresses of its own may still do IPv6; one whose pool is empty is full.
  const bool does_without = profile_.ppp.ipv4.ranges.empty() && profile_.ppp.ipv6.enabled;
  return !profile_.ppp.ipv4.enabled || lease.address.has_value() || does_without;
}

void Listener::credentials_needed(Session& session, const ppp::AuthRequest& request,
                                  TimePoint now) {
  ppp::AuthVerdict verdict = users_.check(request);
  const config::User* user = verdict.ok ? users_.find(request.user) : nullptr;
  Lease& lease = session.lease();
  if (!verdict.ok)
    lease.refusal = users_.find(request.user) ? Refusal::wrong_password : Refusal::unknown_user;
  // A session that proves itself again keeps what it has; the link itself ends when the name
  // changed.
  if (user && lease.user.empty()) {
    if (!users_.add_session(user->name)) {
      verdict = ppp::AuthVerdict::refused(ppp::MsChapError::restricted_logon_hours,
                                          "too many sessions of this user");
      lease.refusal = Refusal::too_many_sessions;
    } else {
      lease.user = user->name;
      if (!lend_addresses(session, user)) {
        users_.remove_session(std::exchange(lease.user, {}));
        verdict =
            ppp::AuthVerdict::refused(ppp::MsChapError::no_dialin_permission, "no address is free");
        lease.refusal = Refusal::no_address;
      }
    }
  }
  if (!verdict.ok) {
    LogContext about = message_id::on(message_id::kUserRefused, log_context());
    about.tunnel = session.tunnel().name();
    const std::string printable_user = request.printable_user();
    about.user = printable_user;
    lease.refused_user = printable_user;
    log(LogLevel::notice, about, "user \"{}\" refused ({}){}{}", printable_user,
        ppp::name(request.method), verdict.message.empty() ? "" : ": ", verdict.message);
  }
  session.supply_verdict(
      verdict,
      listener_network(profile_, lease.address, lease.interface_id,
                       kernel::interface_mtu({.path_mtu = session.tunnel().path_mtu(),
                                              .outer_ipv6 = session.tunnel().peer().address.is_v6(),
                                              .sequence_numbers = false,
                                              .ipsec = false,
                                              .peer_mru = 65535,
                                              .limit = profile_.ppp.link.mtu})),
      now);
}

kernel::NetworkConfig Listener::network_config(const Session& session) const {
  kernel::NetworkConfig config;
  if (const auto& ipv4 = session.ipv4()) {
    config.ipv4 = kernel::NetworkConfig::Ipv4{
        .local = ipv4->local, .peer = ipv4->peer, .unnumbered = held_ == ipv4->local, .metric = 0};
    for (const IpPrefix& prefix : session.lease().routes) {
      if (prefix.address.is_v4())
        config.routes.push_back(
            {.destination = prefix, .source = {}, .metric = 0, .table = 0, .mtu = {}});
    }
  }
  if (const auto& ipv6 = session.ipv6()) {
    config.ipv6 = kernel::NetworkConfig::Ipv6{.local_interface_id = ipv6->local_id,
                                              .peer_interface_id = ipv6->peer_id};
    for (const IpPrefix& prefix : session.lease().routes) {
      if (prefix.address.is_v6())
        config.routes.push_back(
            {.destination = prefix, .source = {}, .metric = 0, .table = 0, .mtu = {}});
    }
  }
  return config;
}

void Listener::session_up(Session& session, TimePoint) {
  if (session.is_outgoing_call()) call_is_up(session);
}

void Listener::session_down(Session& session, const Cause& cause, Failure* end, TimePoint now) {
  if (session.is_outgoing_call()) call_ended(session, cause, now);
  // Peers that hang up do what peers do.
  if (!end || !session.was_planned() || cause.code == CauseCode::peer_closed) return;
  if (end->user.empty()) end->user = session.lease().refused_user;
  if (session.lease().refusal != Refusal::none)
    end->detail("refused_because", std::string(name(session.lease().refusal)));
  context_.environment.failures.add(std::move(*end));
}

void Listener::session_gone(Session& session, TimePoint) {
  Lease& lease = session.lease();
  if (!lease.counted) return;
  --sessions_;
  if (lease.address) lease.pool->release(*lease.address);
  if (lease.interface_id != 0) interface_ids_.release(lease.interface_id);
  if (!lease.user.empty()) users_.remove_session(lease.user);
}

}  // namespace l2tpm::daemon
