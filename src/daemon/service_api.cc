// The verbs of Service: profiles, look-up, reload.
#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "config/diff.h"
#include "daemon/message_ids.h"
#include "daemon/service.h"
#include "daemon/version.h"

namespace l2tpm::daemon {

std::string Service::version() const { return kVersion; }

std::string Service::state() const {
  switch (state_) {
    case State::starting:
      return "starting";
    case State::running:
      return "running";
    case State::reloading:
      return "reloading";
    case State::stopping:
      return "stopping";
  }
  return "invalid";
}

std::vector<std::string> Service::kernel_features() const {
  std::vector<std::string> names;
  for (const kernel::Feature& feature : features_.features) {
    if (feature.state == kernel::FeatureState::yes) names.emplace_back(feature.id);
  }
  return names;
}

Result<std::string, ApiError> Service::start(const std::string& profile, const StartOptions&) {
  const TimePoint now = Clock::now();
  if (state_ == State::stopping || state_ == State::starting)
    return Unexpected(ApiError{ApiErrorCode::failed, "the daemon is " + state()});
  if (const auto client = clients_.find(profile); client != clients_.end()) {
    const Client::State state = client->second->state();
    if (state != Client::State::stopped && state != Client::State::failed &&
        state != Client::State::backoff && state != Client::State::closing) {
      return Unexpected(ApiError{ApiErrorCode::wrong_state, profile + " is running"});
    }
    client->second->start(now);
    return profile;
  }
  if (const auto listener = listeners_.find(profile); listener != listeners_.end()) {
    if (listener->second->is_wanted())
      return Unexpected(ApiError{ApiErrorCode::wrong_state, profile + " is running"});
    listener->second->start(now);
    return profile;
  }
  return Unexpected(ApiError{ApiErrorCode::not_found, "there is no profile \"" + profile + "\""});
}

Result<Done, ApiError> Service::stop(const std::string& profile, const CloseOptions&) {
  const TimePoint now = Clock::now();
  const Cause cause{.code = CauseCode::admin_close};
  if (const auto client = clients_.find(profile); client != clients_.end()) {
    if (client->second->state() == Client::State::stopped) {
      return Unexpected(ApiError{ApiErrorCode::wrong_state, profile + " is not running"});
    }
    client->second->stop(cause, now);
    return Done{};
  }
  if (const auto listener = listeners_.find(profile); listener != listeners_.end()) {
    if (!listener->second->is_wanted())
      return Unexpected(ApiError{ApiErrorCode::wrong_state, profile + " is not running"});
    listener->second->stop(cause, now);
    return Done{};
  }
  return Unexpected(ApiError{ApiErrorCode::not_found, "there is no profile \"" + profile + "\""});
}

Tunnel* Service::find_tunnel(const std::string& name) const {
  if (const auto client = clients_.find(name); client != clients_.end())
    return client->second->tunnel();
  // A listener's tunnels are called after it and their id.
  const auto dash = name.rfind('-');
  std::uint32_t number = 0;
  if (dash == std::string::npos) return nullptr;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + dash + 1, end, number);
  if (error != std::errc() || rest != end) return nullptr;
  Tunnel* tunnel = tunnels_.find(TunnelId(number));
  return tunnel && tunnel->name() == name && !tunnel->has_ended() ? tunnel : nullptr;
}

Result<Done, ApiError> Service::close_session(const std::string& tunnel, std::uint32_t session,
                                              const CloseOptions&) {
  Tunnel* found = find_tunnel(tunnel);
  if (!found)
    return Unexpected(ApiError{ApiErrorCode::not_found, "there is no tunnel \"" + tunnel + "\""});
  Session* row = found->find(SessionId(session));
  if (!row) {
    return Unexpected(
        ApiError{ApiErrorCode::not_found, tunnel + " has no session " + std::to_string(session)});
  }
  row->close({.code = CauseCode::admin_close}, Clock::now());
  return Done{};
}

ServiceApi::ReloadResult Service::reload() {
  ReloadResult result;
  std::vector<std::string>& report = result.changed;
  if (state_ == State::stopping) {
    result.diagnostics.push_back({"error", "", "the daemon is stopping"});
    return result;
  }
  const bool starting = state_ == State::starting;
  if (!starting) set_state(State::reloading);
  const config::Loaded fresh = config::load(config_directory_);
  for (const config::ConfigError& error : fresh.errors) {
    log(LogLevel::error, message_id::on(message_id::kConfigError, {}), "{}", error.to_string());
    result.diagnostics.push_back({"error", error.pointer, error.to_string()});
  }
  for (const config::ConfigError& warning : fresh.warnings)
    log(LogLevel::warning, {}, "{}", warning.to_string());
  if (starting) {
    // Nothing runs yet: what is started once the leftovers are cleared is the fresh.
    config_ = config::keep_refused(config_, fresh);
    return result;
  }
  apply(config::keep_refused(config_, fresh), report, Clock::now());
  for (const std::string& line : report) log(LogLevel::notice, {}, "reload: {}", line);
  log(LogLevel::notice, message_id::on(message_id::kReloaded, {}),
      "reloaded: {} changes, {} errors", report.size(), fresh.errors.size());
  set_state(State::running);
  return result;
}

void Service::apply(const config::Config& fresh, std::vector<std::string>& report, TimePoint now) {
  for (const config::ProfileChange& change : config::diff(config_, fresh))
    report.push_back(change.to_string());
  // Only a changed level is obeyed: the command line's holds against the file that was there first.
  if (fresh.daemon.log_level != config_.daemon.log_level)
    l2tpm::set_log_level(fresh.daemon.log_level);
  config_ = fresh;
  const Cause removed{.code = CauseCode::admin_close, .message = "the profile was removed"};
  for (auto row = clients_.begin(); row != clients_.end();) {
    if (config_.clients.contains(row->first)) {
      ++row;
      continue;
    }
    row->second->stop(removed, now);
    retired_clients_.push_back(std::move(row->second));
    row = clients_.erase(row);
  }
  for (auto row = listeners_.begin(); row != listeners_.end();) {
    if (config_.listeners.contains(row->first)) {
      ++row;
      continue;
    }
    row->second->stop(removed, now);
    retired_listeners_.push_back(std::move(row->second));
    row = listeners_.erase(row);
  }
  // Listeners first: a client of the same daemon may dial one.
  for (const auto& [name, profile] : config_.listeners) {
    auto& listener = listeners_[name];
    if (listener) {
      if (listener->profile() != profile) listener->reconfigure(profile, now);
      continue;
    }
    const std::uint32_t number = next_number_++;
    listener = std::make_unique<Listener>(context_, number, profile);
    listener_numbers_[number] = listener.get();
    if (profile.autostart) listener->start(now);
  }
  for (const auto& [name, profile] : config_.clients) {
    auto& client = clients_[name];
    if (client) {
      if (client->profile() != profile) client->reconfigure(profile, now);
      continue;
    }
    const std::uint32_t number = next_number_++;
    client = std::make_unique<Client>(context_, number, profile);
    client_numbers_[number] = client.get();
    if (profile.autostart) client->start(now);
  }
}

Page<TunnelView> Service::list_tunnels(const TunnelFilter& filter, std::uint32_t offset,
                                       std::uint32_t limit) const {
  std::vector<TunnelView> rows;
  for (const auto& [name, client] : clients_) rows.push_back(client->view());
  for (const auto& [id, tunnel] : tunnels_.all()) {
    // A client's tunnel is its client's row; one that has ended only acknowledges.
    if (!tunnel->owner().is_client() && !tunnel->has_ended()) rows.push_back(tunnel->view());
  }
  std::erase_if(rows, [&](const TunnelView& row) {
    return (!filter.profile.empty() && row.profile != filter.profile) ||
           (!filter.state.empty() && row.state != filter.state) ||
           (!filter.peer.empty() && row.remote != filter.peer && row.peer_host_name != filter.peer);
  });
  std::sort(rows.begin(), rows.end(),
            [](const TunnelView& a, const TunnelView& b) { return a.name < b.name; });
  Page<TunnelView> page;
  page.total = static_cast<std::uint32_t>(rows.size());
  const std::size_t first = std::min<std::size_t>(offset, rows.size());
  const std::size_t last = std::min<std::size_t>(first + limit, rows.size());
  page.rows.assign(rows.begin() + static_cast<std::ptrdiff_t>(first),
                   rows.begin() + static_cast<std::ptrdiff_t>(last));
  return page;
}

Page<SessionView> Service::list_sessions(const SessionFilter& filter, std::uint32_t offset,
                                         std::uint32_t limit) const {
  std::vector<SessionView> rows;
  for (const auto& [id, tunnel] : tunnels_.all()) {
    if (!filter.tunnel.empty() && tunnel->name() != filter.tunnel) continue;
    for (const auto& [session_id, session] : tunnel->sessions()) {
      if (session->state() == Session::State::closing) continue;
      SessionView row = session->view();
      if (!filter.user.empty() && row.user != filter.user) continue;
      if (!filter.interface.empty() && row.interface != filter.interface) continue;
      if (!filter.state.empty() && row.state != filter.state) continue;
      rows.push_back(std::move(row));
    }
  }
  std::sort(rows.begin(), rows.end(), [](const SessionView& a, const SessionView& b) {
    return a.tunnel != b.tunnel ? a.tunnel < b.tunnel : a.id < b.id;
  });
  Page<SessionView> page;
  page.total = static_cast<std::uint32_t>(rows.size());
  const std::size_t first = std::min<std::size_t>(offset, rows.size());
  const std::size_t last = std::min<std::size_t>(first + limit, rows.size());
  page.rows.assign(rows.begin() + static_cast<std::ptrdiff_t>(first),
                   rows.begin() + static_cast<std::ptrdiff_t>(last));
  return page;
}

}  // namespace l2tpm::daemon
