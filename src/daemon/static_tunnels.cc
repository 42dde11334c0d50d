#include "daemon/static_tunnels.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "config/store.h"
#include "daemon/pseudowire_session.h"
#include "daemon/static_memory.h"
#include "daemon/tunnel.h"

namespace l2tpm::daemon {
namespace {

constexpr Duration kPause = 1s;
constexpr Duration kLongestPause = 60s;

using State = kernel::StaticRow::State;

bool is_there(State state) {
  return state == State::kept || state == State::made || state == State::replaced;
}

bool has_tunnel(const std::vector<kernel::StaticTunnel>& tunnels, TunnelId id) {
  return std::any_of(tunnels.begin(), tunnels.end(),
                     [&](const kernel::StaticTunnel& each) { return each.local == id; });
}

kernel::EthernetSpec spec_of(const config::StaticProfile& profile,
                             const config::StaticSession& session, const std::string& machine_id) {
  kernel::EthernetSpec spec;
  spec.key = {profile.tunnel, session.local};
  spec.peer_session = session.peer;
  spec.framing = {.send_cookie = session.send_cookie,
                  .receive_cookie = session.receive_cookie,
                  .sublayer = session.sublayer};
  spec.send_sequence = session.send_sequence;
  spec.require_sequence = session.require_sequence;
  spec.reorder_timeout = session.reorder_timeout;
  spec.interface_name = session.port.interface;
  if (session.port.vlan != 0) {
    spec.vlan = kernel::VlanDevice{session.port.vlan, session.port.interface};
    spec.interface_name = fmt::format("l2e{:x}", session.local.value());
  }
  spec.mtu = session.port.mtu.value_or(0);
  spec.mac = session.port.mac.value_or(MacAddress::from_text(
      fmt::format("{}/{}/{}", machine_id, profile.name, session.local.value())));
  spec.attachment = attachment_of(session.port);
  return spec;
}

SessionEvent event_of(const SessionView& view, std::string old_state, std::string new_state) {
  return {.tunnel = view.tunnel,
          .session = view.id,
          .old_state = std::move(old_state),
          .new_state = std::move(new_state),
          .cause = {},
          .interface = view.interface,
          .user = {},
          .address = {},
          .pseudowire = view.pseudowire,
          .circuit_active = true,
          .peer_circuit_active = true};
}

}  // namespace

StaticTunnels::StaticTunnels(Environment& environment, Background& background, std::string path)
    : env_(environment), background_(background), path_(std::move(path)) {}

void StaticTunnels::recall() {
  if (path_.empty()) return;
  std::ifstream file(path_);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!text.empty()) remembered_ = static_tunnels_of(text);
}

void StaticTunnels::reconfigure(const std::map<std::string, config::StaticProfile>& profiles,
                                TimePoint now) {
  std::set<std::string> wanted;
  for (const auto& [name, profile] : profiles) {
    const auto before = profiles_.find(name);
    const bool begins =
        profile.autostart && (before == profiles_.end() || !before->second.autostart);
    if (begins || wanted_.contains(name)) wanted.insert(name);
  }
  // What runs may be out of date only if something is, was or may have been wanted.
  const bool is_new = profiles != profiles_ || wanted != wanted_ || !remembered_.empty();
  profiles_ = profiles;
  wanted_ = std::move(wanted);
  if (is_new && (ever_ || !wanted_.empty() || !remembered_.empty())) converge(now);
  announce();
}

void StaticTunnels::start(const std::string& profile, TimePoint now) {
  wanted_.insert(profile);
  converge(now);
  announce();
}

void StaticTunnels::stop(const std::string& profile, TimePoint now) {
  wanted_.erase(profile);
  converge(now);
  announce();
}

void StaticTunnels::disturbed(TimePoint now) {
  log(LogLevel::notice, {}, "somebody changed a static tunnel");
  env_.timers.set(timer_key(TimerKind::service, kStaticTimer), now + kPause);
}

void StaticTunnels::handle_timeout(TimePoint now) { converge(now); }

std::vector<kernel::StaticTunnel> StaticTunnels::wanted_tunnels() const {
  std::vector<kernel::StaticTunnel> tunnels;
  for (const std::string& name : wanted_) {
    const config::StaticProfile& profile = profiles_.at(name);
    kernel::StaticTunnel tunnel;
    tunnel.local = profile.tunnel;
    tunnel.peer = profile.peer_tunnel;
    tunnel.encapsulation = profile.transport == config::Transport::ip ? kernel::Encapsulation::ip
                                                                      : kernel::Encapsulation::udp;
    tunnel.local_end = profile.local;
    tunnel.peer_end = profile.peer;
    tunnel.udp_checksum = profile.udp_checksum;
    tunnel.clamp_mss = profile.mss_clamp;
    for (const config::StaticSession& session : profile.sessions)
      tunnel.sessions.push_back(spec_of(profile, session, env_.machine_id));
    tunnels.push_back(std::move(tunnel));
  }
  return tunnels;
}

// Ours are not to be given to tunnels and sessions that are negotiated.
void StaticTunnels::keep_ids(const std::vector<kernel::StaticTunnel>& tunnels, TimePoint now) {
  std::set<std::uint32_t> tunnel_ids, session_ids;
  for (const kernel::StaticTunnel& tunnel : tunnels) {
    if (tunnel_ids_.erase(tunnel.local.value()) != 0 || env_.tunnels.reserve(tunnel.local))
      tunnel_ids.insert(tunnel.local.value());
    for (const kernel::EthernetSpec& session : tunnel.sessions) {
      const std::uint32_t id = session.key.session.value();
      if (session_ids_.erase(id) != 0 || env_.v3_sessions.reserve(id)) session_ids.insert(id);
    }
  }
  for (const std::uint32_t id : tunnel_ids_) env_.tunnels.release(TunnelId(id), now);
  for (const std::uint32_t id : session_ids_) env_.v3_sessions.release(id, now);
  tunnel_ids_ = std::move(tunnel_ids);
  session_ids_ = std::move(session_ids);
}

// Written down before the kernel is asked: a daemon that is killed in between still knows what may
// be there.
void StaticTunnels::converge(TimePoint now) {
  ever_ = true;
  env_.timers.remove(timer_key(TimerKind::service, kStaticTimer));
  if (std::exchange(busy_, true)) {
    again_ = true;
    return;
  }
  again_ = false;
  converging_ = wanted_tunnels();
  keep_ids(converging_, now);
  note_interfaces();
  std::vector<kernel::StaticTunnel> either = converging_;
  for (const kernel::StaticTunnel& old : remembered_) {
    if (!has_tunnel(converging_, old.local)) either.push_back(old);
  }
  write(either, [this] {
    env_.dataplane.converge_static(
        converging_, remembered_,
        [this](const Result<std::vector<kernel::StaticRow>, kernel::KernelError>& rows) {
          converged(rows, Clock::now());
        });
  });
}

void StaticTunnels::converged(
    const Result<std::vector<kernel::StaticRow>, kernel::KernelError>& rows, TimePoint now) {
  busy_ = false;
  if (!rows) {
    problem_ = rows.error().to_string();
    log(LogLevel::error, {}, "static tunnels: {}", problem_);
    announce();
    env_.timers.set(timer_key(TimerKind::service, kStaticTimer), now + kPause);
    return;
  }
  problem_.clear();
  bool has_bad = false;
  std::map<SessionKey, Row> fresh;
  for (const kernel::StaticRow& row : *rows) {
    const SessionKey key{row.tunnel, row.session};
    const Row* before = row_of(key);
    const bool is_bad = row.state == State::conflict || row.state == State::failed;
    const bool is_news = row.state != State::kept &&
                         (!before || before->state != row.state || before->detail != row.detail);
    if (is_news)
      log(is_bad ? LogLevel::error : LogLevel::notice, {}, "static tunnel {}{}: {}{}{}",
          row.tunnel.value(),
          row.session ? fmt::format(" session {}", row.session.value()) : std::string(),
          kernel::name(row.state), row.detail.empty() ? "" : ": ", row.detail);
    if (is_bad) has_bad = true;
    if (row.state != State::removed)
      fresh[key] = {row.state, row.detail, row.installed,
                    before ? before->counters : kernel::Counters{}};
  }
  rows_ = std::move(fresh);
  announce();
  // What could not be removed is not forgotten.
  std::vector<kernel::StaticTunnel> left = converging_;
  for (const kernel::StaticTunnel& old : remembered_) {
    const Row* row = row_of({old.local, {}});
    if (row && row->state == State::failed && !has_tunnel(converging_, old.local))
      left.push_back(old);
  }
  remembered_ = std::move(left);
  write(remembered_, [] {});
  if (again_) return converge(now);
  // A bridge that is missing may come, what somebody else has may go.
  pause_ = has_bad ? std::clamp(2 * pause_, kPause, kLongestPause) : Duration{};
  if (has_bad) env_.timers.set(timer_key(TimerKind::service, kStaticTimer), now + pause_);
}

void StaticTunnels::write(const std::vector<kernel::StaticTunnel>& tunnels,
                          std::function<void()> then) {
  if (path_.empty()) {
    background_.run([then = std::move(then)]() -> std::function<void()> { return then; });
    return;
  }
  const auto edit = std::make_shared<config::Edit>();
  edit->path = path_;
  if (tunnels.empty()) {
    edit->removes.push_back(path_);
  } else {
    edit->text = text_of(tunnels);
    edit->writes = true;
  }
  background_.run([edit, then = std::move(then)]() -> std::function<void()> {
    const auto written = config::carry_out(*edit);
    const std::string problem = written ? "" : written.error();
    return [then, problem] {
      if (!problem.empty()) log(LogLevel::error, {}, "{}", problem);
      then();
    };
  });
}

const StaticTunnels::Row* StaticTunnels::row_of(const SessionKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

TunnelView StaticTunnels::view_of(const config::StaticProfile& profile) const {
  TunnelView view;
  view.name = profile.name;
  view.profile = profile.name;
  view.role = "static";
  view.version = 3;
  view.encapsulation = config::name(profile.transport);
  view.local = profile.local.to_string();
  view.remote = profile.peer.to_string();
  view.local_address = profile.local.address.to_string();
  view.remote_address = profile.peer.address.to_string();
  view.local_port = profile.local.port;
  view.remote_port = profile.peer.port;
  view.tunnel_id = profile.tunnel.value();
  view.peer_tunnel_id = profile.peer_tunnel.value();
  const Row* row = row_of({profile.tunnel, {}});
  if (!is_wanted(profile.name)) {
    view.state = "idle";
  } else if (row && is_there(row->state)) {
    view.state = "established";
  } else if (row || !problem_.empty()) {
    view.state = "failed";
    view.last_error = {.code = CauseCode::kernel_failed, .message = row ? row->detail : problem_};
  } else {
    view.state = "connecting";
  }
  for (const config::StaticSession& session : profile.sessions) {
    const Row* its = row_of({profile.tunnel, session.local});
    if (its && is_there(its->state)) ++view.sessions;
    if (its && !is_there(its->state) && view.last_error.code == CauseCode::none)
      view.last_error = {.code = CauseCode::kernel_failed, .message = its->detail};
  }
  view.version3.convergence = convergence_of(profile);
  return view;
}

std::string StaticTunnels::convergence_of(const config::StaticProfile& profile) const {
  if (!is_wanted(profile.name)) return "idle";
  std::vector<const Row*> all{row_of({profile.tunnel, {}})};
  for (const config::StaticSession& session : profile.sessions)
    all.push_back(row_of({profile.tunnel, session.local}));
  const auto any = [&](auto is) { return std::any_of(all.begin(), all.end(), is); };
  if (any([](const Row* row) { return row && row->state == State::conflict; })) return "conflict";
  if (!problem_.empty() || any([](const Row* row) { return row && !is_there(row->state); }))
    return "failed";
  return any([](const Row* row) { return row == nullptr; }) ? "converging" : "converged";
}

void StaticTunnels::announce() {
  std::map<std::string, Told> tunnels_now;
  for (const TunnelView& view : tunnels()) {
    Told& now = tunnels_now[view.name];
    now = {view.state, view.version3.convergence + view.last_error.message};
    const auto before = told_.find(view.name);
    const std::string old_state = before == told_.end() ? std::string() : before->second.state;
    if (before != told_.end() && before->second == now) continue;
    env_.events.emit(TunnelEvent{.tunnel = view.name,
                                 .profile = view.profile,
                                 .old_state = old_state,
                                 .new_state = view.state,
                                 .cause = view.last_error,
                                 .remote = view.remote,
                                 .peer_host_name = {}});
  }
  std::map<std::pair<std::string, std::uint32_t>, Told> sessions_now;
  for (const SessionView& view : sessions()) {
    Told& now = sessions_now[{view.tunnel, view.id}];
    now = {view.state, view.interface};
    const auto before = told_sessions_.find({view.tunnel, view.id});
    if (before != told_sessions_.end() && before->second == now) continue;
    const std::string old_state =
        before == told_sessions_.end() ? std::string() : before->second.state;
    env_.events.emit(event_of(view, old_state, view.state));
  }
  for (const auto& [key, before] : told_sessions_) {
    if (sessions_now.contains(key)) continue;
    SessionView gone;
    gone.tunnel = key.first;
    gone.id = key.second;
    gone.pseudowire = "ethernet";
    env_.events.emit(event_of(gone, before.state, {}));
  }
  for (const auto& [name, before] : told_) {
    if (tunnels_now.contains(name)) continue;
    env_.events.emit(TunnelEvent{.tunnel = name,
                                 .profile = name,
                                 .old_state = before.state,
                                 .new_state = {},
                                 .cause = {},
                                 .remote = {},
                                 .peer_host_name = {}});
  }
  told_ = std::move(tunnels_now);
  told_sessions_ = std::move(sessions_now);
}

// Others than the administrator's own programs shall leave the interfaces alone.
void StaticTunnels::note_interfaces() {
  std::set<std::string> wanted;
  for (const kernel::StaticTunnel& tunnel : converging_) {
    for (const kernel::EthernetSpec& session : tunnel.sessions) {
      const auto profile = std::find_if(profiles_.begin(), profiles_.end(), [&](const auto& each) {
        return each.second.tunnel == tunnel.local;
      });
      if (profile == profiles_.end()) continue;
      const auto note = [&](const std::string& interface) {
        if (interface.empty() || !wanted.insert(interface).second || noted_.contains(interface))
          return;
        env_.interface_notes.write(interface, profile->first, session.key.session.value(), false);
      };
      note(session.interface_name);
      if (session.vlan) note(session.vlan->name);
    }
  }
  for (const std::string& interface : noted_) {
    if (!wanted.contains(interface)) env_.interface_notes.remove(interface);
  }
  noted_ = std::move(wanted);
}

std::vector<TunnelView> StaticTunnels::tunnels() const {
  std::vector<TunnelView> views;
  for (const auto& [name, profile] : profiles_) views.push_back(view_of(profile));
  return views;
}

std::optional<TunnelView> StaticTunnels::tunnel(const std::string& profile) const {
  const auto found = profiles_.find(profile);
  if (found == profiles_.end()) return std::nullopt;
  TunnelView view = view_of(found->second);
  if (!is_wanted(profile)) return view;
  for (const config::StaticSession& session : found->second.sessions)
    view.ids.push_back(session.local.value());
  std::sort(view.ids.begin(), view.ids.end());
  return view;
}

SessionView StaticTunnels::view_of(const config::StaticProfile& profile,
                                   const config::StaticSession& session) const {
  SessionView view;
  view.tunnel = profile.name;
  view.id = session.local.value();
  view.peer_id = session.peer.value();
  view.pseudowire = session.port.vlan != 0 ? "ethernet-vlan" : "ethernet";
  const Row* row = row_of({profile.tunnel, session.local});
  const bool there = row && is_there(row->state);
  view.state = there ? "up" : row ? "failed" : "connecting";
  if (there) view.interface = row->installed.interface_name;
  return view;
}

std::vector<SessionView> StaticTunnels::sessions() const {
  std::vector<SessionView> views;
  for (const std::string& name : wanted_) {
    const config::StaticProfile& profile = profiles_.at(name);
    for (const config::StaticSession& session : profile.sessions)
      views.push_back(view_of(profile, session));
  }
  return views;
}

const config::StaticSession* StaticTunnels::find(const std::string& profile, SessionId id) const {
  if (!is_wanted(profile)) return nullptr;
  for (const config::StaticSession& session : profiles_.at(profile).sessions) {
    if (session.local == id) return &session;
  }
  return nullptr;
}

std::optional<SessionDetailsView> StaticTunnels::session(const std::string& profile,
                                                         SessionId id) const {
  const config::StaticSession* session = find(profile, id);
  if (!session) return std::nullopt;
  const config::StaticProfile& its = profiles_.at(profile);
  SessionDetailsView view;
  view.session = view_of(its, *session);
  EthernetView& ethernet = view.ethernet.emplace();
  ethernet.attached_to = attachment_text(session->port);
  ethernet.vlan = session->port.vlan;
  ethernet.cookie = static_cast<std::uint32_t>(session->receive_cookie.size());
  ethernet.peer_cookie = static_cast<std::uint32_t>(session->send_cookie.size());
  ethernet.sublayer = session->sublayer;
  ethernet.send_sequence = session->send_sequence;
  ethernet.receive_sequence = session->require_sequence;
  ethernet.circuit_active = ethernet.peer_circuit_active = true;
  const Row* row = row_of({its.tunnel, id});
  if (!row) return view;
  if (!is_there(row->state)) {
    view.last_error = {.code = CauseCode::kernel_failed, .message = row->detail};
    return view;
  }
  view.ifindex = row->installed.ifindex;
  view.mtu = row->installed.mtu;
  ethernet.mac = row->installed.mac.to_string();
  return view;
}

std::optional<kernel::Counters> StaticTunnels::counters(const std::string& profile,
                                                        SessionId id) const {
  if (!find(profile, id)) return std::nullopt;
  const Row* row = row_of({profiles_.at(profile).tunnel, id});
  return row ? row->counters : kernel::Counters{};
}

bool StaticTunnels::any() const { return !wanted_.empty(); }

void StaticTunnels::note_counters(const kernel::Counters& counters) {
  const auto found = rows_.find(counters.key);
  if (found != rows_.end()) found->second.counters = counters;
}

}  // namespace l2tpm::daemon
