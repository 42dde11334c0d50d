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
  prepare_pseudowires();
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

void Listener::keep_port(const IpAddress& address,
                         Result<std::shared_ptr<ControlSocket>, SocketError> port) {
  if (port) {
    ports_.push_back(std::move(*port));
    return;
  }
  // "::" is what the default says; a host without IPv6 still has the rest.
  const int code = port.error().code;
  if (address.is_v6() && address.is_unspecified() && profile_.addresses.size() > 1 &&
      (code == EAFNOSUPPORT || code == EADDRNOTAVAIL)) {
    log(LogLevel::info, log_context(), "no IPv6 here: {}", port.error().to_string());
    return;
  }
  problem_ = port.error().to_string();
}

void Listener::open_ports(TimePoint now) {
  ports_.clear();
  const std::string old_problem = std::exchange(problem_, {});
  PortTable& table = context_.environment.ports;
  for (const IpAddress& address : profile_.addresses) {
    if (profile_.on_udp) keep_port(address, table.acquire({address, profile_.port, 0}));
    if (profile_.on_ip && problem_.empty()) keep_port(address, table.acquire_ip(address));
    if (!problem_.empty()) break;
  }
  if (problem_.empty() && ports_.empty()) problem_ = "no address to listen on";
  if (problem_.empty()) {
    for (const auto& port : ports_)
      log(LogLevel::notice, log_context(), "listening on {}",
          port->local().port != 0 ? port->local().to_string()
                                  : port->local().address.to_string() + " (IP protocol 115)");
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
    if (profile_.on_udp) view.local.push_back(Endpoint{address, profile_.port, 0}.to_string());
    if (profile_.on_ip) view.local.push_back(address.to_string() + " ip");
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
  const bool other_ports = profile.addresses != profile_.addresses ||
                           profile.port != profile_.port || profile.on_udp != profile_.on_udp ||
                           profile.on_ip != profile_.on_ip;
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
  end_changed_pseudowires(now);
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
  const bool is_ours =
      local.port == 0 ? profile_.on_ip : profile_.on_udp && local.port == profile_.port;
  if (ports_.empty() || !is_ours) return false;
  return std::any_of(
      profile_.addresses.begin(), profile_.addresses.end(), [&](const IpAddress& address) {
        return exact ? address == local.address
                     : address.is_unspecified() && address.is_v6() == local.address.is_v6();
      });
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

std::optional<Cause> Listener::takes_no_calls() const {
  if (is_draining())
    return Cause{.code = CauseCode::no_resources,
                 .result_code = static_cast<std::uint16_t>(wire::CdnResult::general_error),
                 .error_code = static_cast<std::uint16_t>(wire::GeneralError::try_another),
                 .message = "draining"};
  if (!has_room() || !wanted_)
    return Cause{.code = CauseCode::no_resources, .message = "too many sessions"};
  return std::nullopt;
}

void Listener::incoming_call(Tunnel& tunnel, SessionId session, const l2tp::IncomingCallRequest&,
                             TimePoint now) {
  if (const std::optional<Cause> cause = takes_no_calls()) {
    tunnel.reject_call(session, *cause, now);
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

SessionPlan Listener::plan_session(PppSession& session, const l2tp::SessionUp& call) {
  count(session);
  SessionPlan plan;
  const bool sequence = call.parameters.sequencing_required ||
                        profile_.data_sequencing != config::DataSequencing::none;
  kernel::MtuInputs path = session.path(sequence);
  path.peer_mru = 65535;
  const std::uint32_t fits = kernel::interface_mtu(path);
  plan.link = link_for(role_of(call.kind), fits);
  plan.install_point = effective_install_point(profile_.install_point, profile_.data_sequencing,
                                               call.parameters.sequencing_required);
  if (profile_.ppp.authenticate.empty()) {
    // Nobody will be asked who this is, so nobody will be asked for its addresses either.
    lend_addresses(session, nullptr);
    auto own = std::make_shared<ppp::LinkSettings>(*plan.link);
    own->network = listener_network(profile_, nullptr, session.lease().address,
                                    session.lease().interface_id, own->mtu_limit);
    plan.link = std::move(own);
  }
  plan.interface_name = profile_.interface_prefix + std::to_string(session.slot());
  plan.send_sequence = sequence;
  plan.require_sequence = profile_.data_sequencing == config::DataSequencing::require;
  // As an LNS that numbers its data the kernel drops what the LAC does not number. Where numbers
  // are a wish, for a bridge, it does as the LAC does instead: routers that bridge may have none.
  plan.lns_mode = !profile_.ppp.bcp || call.parameters.sequencing_required ||
                  profile_.data_sequencing != config::DataSequencing::want;
  if (profile_.ppp.bcp) plan.bcp = std::make_shared<config::Bcp>(*profile_.ppp.bcp);
  plan.idle_timeout = profile_.idle_timeout;
  plan.session_timeout = profile_.session_timeout;
  return plan;
}

bool Listener::lend_addresses(Session& session, const config::User* user) {
  Lease& lease = session.lease();
  const std::string name = user ? user->name : std::string();
  // Who bridges by a setting of his own gets only addresses of his own.
  const bool bridges = user && user->bcp;
  const bool wants_ipv4 = profile_.ppp.ipv4.enabled && (!bridges || user->address);
  const bool wants_ipv6 = profile_.ppp.ipv6.enabled && (!bridges || user->interface_id);
  if (wants_ipv4 && !lease.address) {
    if (user && user->address) {
      if (!pool_->take(*user->address)) return false;
      lease.address = user->address;
    } else {
      lease.address = pool_->allocate(name);
    }
    lease.pool = pool_;
  }
  if (wants_ipv6 && lease.interface_id == 0) {
    // A user's second session cannot have his identifier as well.
    if (user && user->interface_id && interface_ids_.take(*user->interface_id)) {
      lease.interface_id = *user->interface_id;
    } else if (const auto id = interface_ids_.allocate(context_.environment.random)) {
      lease.interface_id = *id;
    }
  }
  if (user) lease.routes = user->routes;
  if (bridges) lease.bcp = std::make_shared<config::Bcp>(*user->bcp);
  // A listener without addresses of its own may still do IPv6; one whose pool is empty is full.
  const bool does_without = profile_.ppp.ipv4.ranges.empty() && profile_.ppp.ipv6.enabled;
  return !wants_ipv4 || lease.address.has_value() || does_without;
}

void Listener::credentials_needed(PppSession& session, const ppp::AuthRequest& request,
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
  kernel::MtuInputs path = session.path(false);
  path.peer_mru = 65535;
  path.limit = profile_.ppp.link.mtu;
  session.supply_verdict(verdict,
                         listener_network(profile_, user, lease.address, lease.interface_id,
                                          kernel::interface_mtu(path)),
                         now);
}

kernel::NetworkConfig Listener::network_config(const PppSession& session) const {
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
