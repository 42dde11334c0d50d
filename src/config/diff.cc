#include "config/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace l2tpm::config {
namespace {

// Collects the keys that differ and the highest of their effects.
class Comparison {
 public:
  template <typename T>
  void operator()(std::string key, const T& old, const T& fresh, Effect effect) {
    if (old == fresh) return;
    change_.keys.push_back(std::move(key));
    change_.effect = std::max(change_.effect, effect);
  }
  ProfileChange take(std::string profile) {
    change_.profile = std::move(profile);
    return std::move(change_);
  }

 private:
  ProfileChange change_;
};

void compare(Comparison& same, const std::string& at, const Tunnel& old, const Tunnel& fresh) {
  same(at + ".host-name", old.host_name, fresh.host_name, Effect::tunnel);
  same(at + ".secret", old.secret, fresh.secret, Effect::tunnel);
  same(at + ".challenge", old.challenge, fresh.challenge, Effect::tunnel);
  same(at + ".hide-avps", old.hide_avps, fresh.hide_avps, Effect::tunnel);
  same(at + ".hello", old.hello, fresh.hello, Effect::tunnel);
  same(at + ".receive-window", old.receive_window, fresh.receive_window, Effect::tunnel);
  same(at + ".retransmit", old.retransmit, fresh.retransmit, Effect::tunnel);
  same(at + ".setup-timeout", old.setup_timeout, fresh.setup_timeout, Effect::tunnel);
  same(at + ".port-float", old.port_float, fresh.port_float, Effect::tunnel);
  same(at + ".tie-breaker", old.tie_breaker, fresh.tie_breaker, Effect::tunnel);
  same(at + ".digest", old.digest, fresh.digest, Effect::tunnel);
  same(at + ".second-secret", old.second_secret, fresh.second_secret, Effect::tunnel);
  same(at + ".cisco-challenge", old.cisco_challenge, fresh.cisco_challenge, Effect::tunnel);
  same(at + ".router-id", old.router_id, fresh.router_id, Effect::tunnel);
  same(at + ".permissive", old.permissive, fresh.permissive, Effect::tunnel);
  same(at + ".ignore-unanswered-hello", old.ignore_unanswered_hello, fresh.ignore_unanswered_hello,
       Effect::tunnel);
}

void compare(Comparison& same, const PppLink& old, const PppLink& fresh) {
  same("ppp.mru", old.mru, fresh.mru, Effect::session);
  same("ppp.mtu", old.mtu, fresh.mtu, Effect::session);
  same("ppp.mppe", old.mppe, fresh.mppe, Effect::session);
  same("ppp.echo", old.echo, fresh.echo, Effect::session);
}

ProfileChange compare(const ClientProfile& old, const ClientProfile& fresh) {
  Comparison same;
  same("autostart", old.autostart, fresh.autostart, Effect::live);
  same("version", old.version, fresh.version, Effect::tunnel);
  same("transport", old.transport, fresh.transport, Effect::tunnel);
  same("pseudowires", old.pseudowires, fresh.pseudowires, Effect::session);
  same("peers", old.peers, fresh.peers, Effect::tunnel);
  same("local", old.local, fresh.local, Effect::tunnel);
  compare(same, "tunnel", old.tunnel, fresh.tunnel);
  same("calls", old.answer_outgoing, fresh.answer_outgoing, Effect::live);
  same("ppp.user", old.ppp.user, fresh.ppp.user, Effect::session);
  same("ppp.password", std::pair(old.ppp.password, old.ppp.ask_password),
       std::pair(fresh.ppp.password, fresh.ppp.ask_password), Effect::session);
  same("ppp.methods", old.ppp.methods, fresh.ppp.methods, Effect::session);
  same("ppp.authenticate-peer", old.ppp.authenticate_peer, fresh.ppp.authenticate_peer,
       Effect::session);
  compare(same, old.ppp.link, fresh.ppp.link);
  same("ppp.ipv4", old.ppp.ipv4, fresh.ppp.ipv4, Effect::session);
  same("ppp.ipv6", old.ppp.ipv6, fresh.ppp.ipv6, Effect::session);
  same("ppp.bcp", old.ppp.bcp, fresh.ppp.bcp, Effect::session);
  same("interface", old.interface, fresh.interface, Effect::session);
  same("routes", old.routes, fresh.routes, Effect::session);
  same("mss-clamp", old.mss_clamp, fresh.mss_clamp, Effect::session);
  same("data-sequencing", old.data_sequencing, fresh.data_sequencing, Effect::session);
  same("redial", old.redial, fresh.redial, Effect::live);
  same("idle-timeout", old.idle_timeout, fresh.idle_timeout, Effect::live);
  same("session-timeout", old.session_timeout, fresh.session_timeout, Effect::live);
  same("install-point", old.install_point, fresh.install_point, Effect::session);
  return same.take(fresh.name);
}

ProfileChange compare(const ListenerProfile& old, const ListenerProfile& fresh) {
  Comparison same;
  same("autostart", old.autostart, fresh.autostart, Effect::live);
  same("listen.addresses", old.addresses, fresh.addresses, Effect::live);
  same("listen.port", old.port, fresh.port, Effect::live);
  same("listen.transports", std::pair(old.on_udp, old.on_ip), std::pair(fresh.on_udp, fresh.on_ip),
       Effect::live);
  same("versions", std::pair(old.accepts_two, old.accepts_three),
       std::pair(fresh.accepts_two, fresh.accepts_three), Effect::tunnel);
  same("pseudowires", old.pseudowires, fresh.pseudowires, Effect::session);
  compare(same, "tunnel", old.tunnel, fresh.tunnel);
  same("require-tunnel-auth", old.require_tunnel_auth, fresh.require_tunnel_auth, Effect::tunnel);
  same("peers", old.peers, fresh.peers, Effect::tunnel);
  same("allow-unknown-peers", old.allow_unknown_peers, fresh.allow_unknown_peers, Effect::tunnel);
  same("limits", old.limits, fresh.limits, Effect::live);
  same("ppp.authenticate", old.ppp.authenticate, fresh.ppp.authenticate, Effect::session);
  same("ppp.name", old.ppp.name, fresh.ppp.name, Effect::session);
  same("ppp.user", old.ppp.user, fresh.ppp.user, Effect::session);
  same("ppp.password", old.ppp.password, fresh.ppp.password, Effect::session);
  same("ppp.rechallenge", old.ppp.rechallenge, fresh.ppp.rechallenge, Effect::session);
  compare(same, old.ppp.link, fresh.ppp.link);
  same("ppp.ipv4", old.ppp.ipv4, fresh.ppp.ipv4, Effect::session);
  same("ppp.ipv6", old.ppp.ipv6, fresh.ppp.ipv6, Effect::session);
  same("ppp.bcp", old.ppp.bcp, fresh.ppp.bcp, Effect::session);
  same("users", old.users, fresh.users, Effect::session);
  same("interface-prefix", old.interface_prefix, fresh.interface_prefix, Effect::session);
  same("export-sessions", old.export_sessions, fresh.export_sessions, Effect::live);
  same("data-sequencing", old.data_sequencing, fresh.data_sequencing, Effect::session);
  same("mss-clamp", old.mss_clamp, fresh.mss_clamp, Effect::session);
  same("idle-timeout", old.idle_timeout, fresh.idle_timeout, Effect::live);
  same("session-timeout", old.session_timeout, fresh.session_timeout, Effect::live);
  same("outgoing", old.outgoing, fresh.outgoing, Effect::live);
  same("install-point", old.install_point, fresh.install_point, Effect::session);
  return same.take(fresh.name);
}

// What stays the same is not disturbed: each session is judged by itself.
ProfileChange compare(const StaticProfile& old, const StaticProfile& fresh) {
  Comparison same;
  same("autostart", old.autostart, fresh.autostart, Effect::live);
  same("transport", old.transport, fresh.transport, Effect::tunnel);
  same("local", old.local, fresh.local, Effect::tunnel);
  same("peer", old.peer, fresh.peer, Effect::tunnel);
  same("udp-checksum", old.udp_checksum, fresh.udp_checksum, Effect::tunnel);
  same("tunnel-id", old.tunnel, fresh.tunnel, Effect::tunnel);
  same("peer-tunnel-id", old.peer_tunnel, fresh.peer_tunnel, Effect::tunnel);
  same("sessions", old.sessions, fresh.sessions, Effect::session);
  same("mss-clamp", old.mss_clamp, fresh.mss_clamp, Effect::tunnel);
  return same.take(fresh.name);
}

// "defaults" are not compared: the profiles that use them show what came of it.
ProfileChange compare(const DaemonConfig& old, const DaemonConfig& fresh) {
  Comparison same;
  same("log-level", old.log_level, fresh.log_level, Effect::live);
  same("workers", old.workers, fresh.workers, Effect::restart);
  same("resolver-threads", old.resolver_threads, fresh.resolver_threads, Effect::restart);
  same("limits.tunnels", old.max_tunnels, fresh.max_tunnels, Effect::live);
  same("limits.sessions", old.max_sessions, fresh.max_sessions, Effect::live);
  same("shutdown-timeout", old.shutdown_timeout, fresh.shutdown_timeout, Effect::live);
  same("pools", old.pools, fresh.pools, Effect::live);
  return same.take({});
}

template <typename Kind>
void compare_all(const std::map<std::string, Kind>& old, const std::map<std::string, Kind>& fresh,
                 std::vector<ProfileChange>& out) {
  for (const auto& [profile, was] : old)
    if (fresh.count(profile) == 0)
      out.push_back({profile, ProfileChange::Kind::removed, Effect::tunnel, {}});
  for (const auto& [profile, is] : fresh) {
    const auto was = old.find(profile);
    if (was == old.end()) {
      out.push_back({profile, ProfileChange::Kind::added, Effect::live, {}});
    } else if (auto change = compare(was->second, is); !change.keys.empty()) {
      out.push_back(std::move(change));
    }
  }
}

std::string_view when(Effect effect) {
  switch (effect) {
    case Effect::live:
      return "at once";
    case Effect::session:
      return "from the next session on";
    case Effect::tunnel:
      return "from the next tunnel on";
    case Effect::restart:
      return "needs a restart";
  }
  return "?";
}

}  // namespace

std::string_view name(Effect effect) {
  switch (effect) {
    case Effect::live:
      return "live";
    case Effect::session:
      return "session";
    case Effect::tunnel:
      return "tunnel";
    case Effect::restart:
      return "restart";
  }
  return "?";
}

std::string_view name(ProfileChange::Kind kind) {
  switch (kind) {
    case ProfileChange::Kind::added:
      return "added";
    case ProfileChange::Kind::removed:
      return "removed";
    case ProfileChange::Kind::changed:
      return "changed";
  }
  return "?";
}

std::string ProfileChange::to_string() const {
  std::string out =
      fmt::format("{}: {}", profile.empty() ? "l2tp-manager.json" : profile, name(kind));
  if (kind != Kind::changed) return out;
  for (std::size_t i = 0; i < keys.size(); ++i) out += (i == 0 ? " " : ", ") + keys[i];
  return out + fmt::format(" ({})", when(effect));
}

std::vector<ProfileChange> diff(const Config& old, const Config& fresh) {
  std::vector<ProfileChange> out;
  if (auto change = compare(old.daemon, fresh.daemon); !change.keys.empty())
    out.push_back(std::move(change));
  compare_all(old.clients, fresh.clients, out);
  compare_all(old.listeners, fresh.listeners, out);
  compare_all(old.statics, fresh.statics, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.profile < b.profile; });
  return out;
}

}  // namespace l2tpm::config
