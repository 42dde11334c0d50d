// From one configuration to the next.
#include <algorithm>

#include "base/log.h"
#include "config/diff.h"
#include "daemon/message_ids.h"
#include "daemon/service.h"

namespace l2tpm::daemon {

namespace {

Diagnostic diagnostic_of(const config::ConfigError& error) {
  Diagnostic diagnostic;
  diagnostic.severity = config::name(error.severity);
  diagnostic.pointer = error.pointer;
  diagnostic.message = error.message;
  diagnostic.profile = error.profile;
  diagnostic.file = error.file;
  if (error.line != 0)
    diagnostic.file += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
  return diagnostic;
}

}  // namespace

Diagnostics diagnostics_of(const config::ConfigErrors& errors) {
  Diagnostics diagnostics;
  for (const config::ConfigError& error : errors) diagnostics.push_back(diagnostic_of(error));
  return diagnostics;
}

void Service::keep_errors(const config::Loaded& fresh) {
  config_errors_ = fresh.errors;
  config_errors_.insert(config_errors_.end(), fresh.warnings.begin(), fresh.warnings.end());
}

std::uint64_t Service::config_generation() const { return config_generation_; }
Diagnostics Service::config_errors() const { return diagnostics_of(config_errors_); }

ServiceApi::ReloadResult Service::reload() {
  ReloadResult result;
  std::vector<std::string>& report = result.changed;
  if (state_ == State::stopping) {
    result.diagnostics.push_back({"error", "", "the daemon is stopping"});
    return result;
  }
  const bool starting = state_ == State::starting;
  if (!starting) set_state(State::reloading);
  const config::Loaded fresh = config::load(places_);
  keep_errors(fresh);
  result.diagnostics = diagnostics_of(config_errors_);
  for (const config::ConfigError& error : fresh.errors)
    log(LogLevel::error, message_id::on(message_id::kConfigError, {}), "{}", error.to_string());
  for (const config::ConfigError& warning : fresh.warnings)
    log(LogLevel::warning, {}, "{}", warning.to_string());
  if (starting) {
    // Nothing runs yet: what is started once the leftovers are cleared is the fresh.
    config_ = config::keep_refused(config_, fresh);
    return result;
  }
  apply(config::keep_refused(config_, fresh), result, Clock::now());
  for (const std::string& line : report) log(LogLevel::notice, {}, "reload: {}", line);
  log(LogLevel::notice, message_id::on(message_id::kReloaded, {}),
      "reloaded: {} changes, {} errors", report.size(), fresh.errors.size());
  if (events_.wants(kReloadEvents)) {
    ReloadEvent event;
    event.changed = report;
    for (const config::ConfigError& error : fresh.errors) event.errors.push_back(error.to_string());
    events_.emit(std::move(event));
  }
  set_state(State::running);
  return result;
}

// One profile alone, after an edit: what else is on the disk waits for a reload.
void Service::reload_profile(const std::string& name) {
  if (state_ != State::running) return;
  const config::Loaded fresh = config::load(places_);
  keep_errors(fresh);
  const config::Config complete = config::keep_refused(config_, fresh);
  config::Config next = config_;
  next.clients.erase(name);
  next.listeners.erase(name);
  next.statics.erase(name);
  if (const auto client = complete.clients.find(name); client != complete.clients.end())
    next.clients.insert(*client);
  if (const auto listener = complete.listeners.find(name); listener != complete.listeners.end())
    next.listeners.insert(*listener);
  if (const auto fixed = complete.statics.find(name); fixed != complete.statics.end())
    next.statics.insert(*fixed);
  ReloadResult result;
  apply(next, result, Clock::now());
  for (const std::string& line : result.changed) log(LogLevel::notice, {}, "{}", line);
}

void Service::tell_profile(const std::string& name, ProfileEvent::Change change) {
  if (events_.wants(kProfileEvents)) events_.emit(ProfileEvent{name, change});
}

void Service::apply(const config::Config& fresh, ReloadResult& result, TimePoint now) {
  const auto changes = config::diff(config_, fresh);
  if (!changes.empty() || config_generation_ == 0) {
    ++config_generation_;
    if (events_.wants(kDaemonEvents)) events_.emit(DaemonEvent{state()});
  }
  for (const config::ProfileChange& change : changes) {
    result.changed.push_back(change.to_string());
    if (change.profile.empty() || change.profile == just_edited_) continue;
    using Kind = config::ProfileChange::Kind;
    using Change = ProfileEvent::Change;
    tell_profile(change.profile, change.kind == Kind::added     ? Change::added
                                 : change.kind == Kind::removed ? Change::removed
                                                                : Change::changed);
  }
  // Only a changed level is obeyed: the command line's holds against the file that was there first.
  if (fresh.daemon.log_level != config_.daemon.log_level)
    l2tpm::set_log_level(fresh.daemon.log_level);
  config_ = fresh;
  const Cause removed{.code = CauseCode::admin_close, .message = "the profile was removed"};
  for (auto row = clients_.begin(); row != clients_.end();) {
    const auto next = std::next(row);
    if (!row->second->kind().transient && !config_.clients.contains(row->first))
      retire(row, removed, now);
    row = next;
  }
  for (auto row = listeners_.begin(); row != listeners_.end();) {
    if (config_.listeners.contains(row->first)) {
      ++row;
      continue;
    }
    row->second->stop(removed, now);
    if (events_.wants(kListenerEvents))
      events_.emit(ListenerEvent{row->first, row->second->view().state, ""});
    retired_listeners_.push_back(std::move(row->second));
    row = listeners_.erase(row);
  }
  statics_.reconfigure(config_.statics, now);
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
    if (const auto found = clients_.find(name); found != clients_.end()) {
      Client& client = *found->second;
      if (client.kind().transient) {
        result.diagnostics.push_back(
            {"error", "", "a transient tunnel has this name; reload when it is gone", name, ""});
      } else if (client.profile() != profile) {
        client.reconfigure(profile, now);
      }
      continue;
    }
    add_client(profile, {});
    if (profile.autostart) clients_[name]->start(now);
  }
}

}  // namespace l2tpm::daemon
