// From one configuration to the next.
#include <algorithm>

#include "base/log.h"
#include "config/diff.h"
#include "daemon/message_ids.h"
#include "daemon/service.h"

namespace l2tpm::daemon {

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
    if (const auto found = clients_.find(name); found != clients_.end()) {
      Client& client = *found->second;
      if (client.kind().transient) {
        report.push_back("error: " + name +
                         ": a transient tunnel has this name; reload when it is gone");
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
