// Starting and stopping: profiles, transient tunnels, single tunnels and sessions.
#include <algorithm>

#include "base/log.h"
#include "config/load.h"
#include "daemon/handed_over.h"
#include "daemon/service.h"
#include "daemon/version.h"

namespace l2tpm::daemon {
namespace {

constexpr std::size_t kMostTransient = 1024;
constexpr std::size_t kLongestProfile = 1 << 20;
constexpr std::size_t kLongestName = 64;

Unexpected<ApiError> refused(ApiErrorCode code, std::string message) {
  return Unexpected(ApiError{code, std::move(message)});
}

Cause cause_of(const CloseOptions& options) {
  return {.code = CauseCode::admin_close,
          .result_code = options.result_code,
          .message = printable(as_bytes(options.message), 255)};
}

// Letters, digits, '-', '_' and '.' are a name's; anything else becomes '-'.
std::string name_from(const std::string& hint) {
  std::string name = hint.substr(0, kLongestName - 8);
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '.');
      },
      '-');
  if (name.empty()) return "transient";
  if (name.front() == '.' || name.front() == '-') name.insert(0, "t");
  return name;
}

std::string text_of(const config::ConfigErrors& errors) {
  std::string text;
  for (const auto& error : errors)
    text += (text.empty() ? "" : "\n") + (error.pointer.empty() ? "/" : error.pointer) + ": " +
            error.message;
  return text;
}

}  // namespace

// ---- the daemon ----

std::string Service::version() const { return kVersion; }

std::string Service::state() const {
  switch (state_) {
    case State::starting:
      return "starting";
    case State::running:
      return draining_ ? "draining" : "running";
    case State::reloading:
      return "reloading";
    case State::stopping:
      return "stopping";
  }
  return "invalid";
}

std::vector<std::string> Service::features() const {
  return {"agent", "dump",        "event-stream", "l2tpv2",   "l2tpv3",
          "ppp",   "profile-put", "report-only",  "transient"};
}

std::vector<std::string> Service::kernel_features() const {
  std::vector<std::string> names;
  for (const kernel::Feature& feature : features_.features) {
    if (feature.state == kernel::FeatureState::yes) names.emplace_back(feature.id);
  }
  return names;
}

std::string Service::log_level() const {
  switch (l2tpm::log_level()) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::notice:
      return "notice";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "info";
}

Result<Done, ApiError> Service::set_log_level(const std::string& level) {
  for (const LogLevel each :
       {LogLevel::error, LogLevel::warning, LogLevel::notice, LogLevel::info, LogLevel::debug}) {
    const LogLevel before = l2tpm::log_level();
    l2tpm::set_log_level(each);
    if (log_level() != level) {
      l2tpm::set_log_level(before);
      continue;
    }
    if (before != each && events_.wants(kDaemonEvents)) events_.emit(DaemonEvent{state()});
    return Done{};
  }
  return refused(ApiErrorCode::invalid,
                 "the level is one of error, warning, notice, info and debug");
}

bool Service::draining() const { return draining_; }

void Service::set_draining(bool draining) {
  if (draining_ == draining) return;
  draining_ = draining;
  log(LogLevel::notice, {}, "{}",
      draining ? "draining: no new tunnels and sessions" : "not draining any more");
  if (events_.wants(kDaemonEvents)) events_.emit(DaemonEvent{state()});
  for (const auto& [name, listener] : listeners_) listener->announce();
}

Result<Done, ApiError> Service::set_listener_draining(const std::string& name, bool draining) {
  const auto found = listeners_.find(name);
  if (found == listeners_.end())
    return refused(ApiErrorCode::not_found, "there is no listener \"" + name + "\"");
  found->second->set_draining(draining);
  return Done{};
}

// ---- profiles ----

Result<std::string, ApiError> Service::start(const std::string& profile,
                                             const StartOptions& options) {
  const TimePoint now = Clock::now();
  if (state_ == State::stopping || state_ == State::starting)
    return refused(ApiErrorCode::wrong_state, "the daemon is " + state());
  if (draining_) return refused(ApiErrorCode::draining, "the daemon is draining");
  if (const auto client = clients_.find(profile); client != clients_.end()) {
    const Client::State state = client->second->state();
    if (state != Client::State::stopped && state != Client::State::failed &&
        state != Client::State::backoff && state != Client::State::closing) {
      return refused(ApiErrorCode::wrong_state, profile + " is running");
    }
    if (!client->second->start(now, options.password))
      return refused(ApiErrorCode::no_secrets,
                     profile + " asks for its password, and nobody can be asked");
    return profile;
  }
  if (const auto listener = listeners_.find(profile); listener != listeners_.end()) {
    if (!options.password.empty())
      return refused(ApiErrorCode::invalid, "a listener takes no password");
    if (listener->second->is_wanted())
      return refused(ApiErrorCode::wrong_state, profile + " is running");
    listener->second->start(now);
    return profile;
  }
  if (statics_.has(profile)) {
    if (!options.password.empty())
      return refused(ApiErrorCode::invalid, "a static tunnel takes no password");
    if (statics_.is_wanted(profile))
      return refused(ApiErrorCode::wrong_state, profile + " is running");
    statics_.start(profile, now);
    return profile;
  }
  return refused(ApiErrorCode::not_found, "there is no profile \"" + profile + "\"");
}

Result<Done, ApiError> Service::stop(const std::string& profile, const CloseOptions& options) {
  const TimePoint now = Clock::now();
  const Cause cause = cause_of(options);
  if (const auto client = clients_.find(profile); client != clients_.end()) {
    if (client->second->kind().transient) {
      retire(client, cause, now);
      return Done{};
    }
    if (client->second->state() == Client::State::stopped)
      return refused(ApiErrorCode::wrong_state, profile + " is not running");
    client->second->stop(cause, now);
    return Done{};
  }
  if (const auto listener = listeners_.find(profile); listener != listeners_.end()) {
    if (!listener->second->is_wanted())
      return refused(ApiErrorCode::wrong_state, profile + " is not running");
    listener->second->stop(cause, now);
    return Done{};
  }
  if (statics_.has(profile)) {
    if (!statics_.is_wanted(profile))
      return refused(ApiErrorCode::wrong_state, profile + " is not running");
    statics_.stop(profile, now);
    return Done{};
  }
  return refused(ApiErrorCode::not_found, "there is no profile \"" + profile + "\"");
}

Result<Done, ApiError> Service::restart(const std::string& profile, const StartOptions& options) {
  const auto client = clients_.find(profile);
  if (client == clients_.end()) {
    return listeners_.contains(profile) || statics_.has(profile)
               ? refused(ApiErrorCode::not_supported, "only a client is restarted")
               : refused(ApiErrorCode::not_found, "there is no profile \"" + profile + "\"");
  }
  if (draining_) return refused(ApiErrorCode::draining, "the daemon is draining");
  const TimePoint now = Clock::now();
  client->second->stop({.code = CauseCode::admin_close}, now);
  const auto started = start(profile, options);
  if (!started) return Unexpected(started.error());
  return Done{};
}

void Service::retire(std::map<std::string, std::unique_ptr<Client>>::iterator row,
                     const Cause& cause, TimePoint now) {
  row->second->stop(cause, now);
  row->second->retire();
  retired_clients_.push_back(std::move(row->second));
  clients_.erase(row);
}

void Service::add_client(config::ClientProfile profile, Client::Kind kind) {
  const std::uint32_t number = next_number_++;
  const std::string name = profile.name;
  auto& client = clients_[name];
  client = std::make_unique<Client>(context_, number, std::move(profile), std::move(kind));
  client_numbers_[number] = client.get();
}

// ---- transient tunnels ----

Result<std::string, ApiError> Service::create_transient(TransientRequest request) {
  if (state_ != State::running)
    return refused(ApiErrorCode::wrong_state, "the daemon is " + state());
  if (draining_) return refused(ApiErrorCode::draining, "the daemon is draining");
  const auto transient = std::count_if(clients_.begin(), clients_.end(), [](const auto& row) {
    return row.second->kind().transient;
  });
  if (static_cast<std::size_t>(transient) >= kMostTransient)
    return refused(ApiErrorCode::limit_exceeded, "too many transient tunnels");
  if (request.json.size() > kLongestProfile)
    return refused(ApiErrorCode::limit_exceeded, "the profile is longer than 1 MiB");

  std::map<std::string, Secret> files;
  for (const auto& [name, file] : request.files) {
    auto content = read_handed_over(file);
    if (!content)
      return refused(ApiErrorCode::invalid,
                     "file \"" + printable(as_bytes(name), 64) + "\" " + content.error());
    files.emplace(name, std::move(*content));
  }
  HandedOver secrets(std::move(request.secrets), std::move(files));
  const std::string base = name_from(request.name_hint);
  config::ProfileText text;
  text.name = base;
  text.text = std::move(request.json);
  config::DaemonConfig without_defaults = config_.daemon;
  without_defaults.client_defaults.clear();
  auto read = config::read_profile(std::move(text), without_defaults, secrets);
  if (!read) return refused(ApiErrorCode::invalid_profile, text_of(read.error()));
  auto* profile = std::get_if<config::ClientProfile>(&*read);
  if (!profile)
    return refused(ApiErrorCode::invalid_profile, "/kind: a transient profile is a client's");

  profile->name = base;
  for (unsigned suffix = 2;
       clients_.contains(profile->name) || listeners_.contains(profile->name) ||
       config_.clients.contains(profile->name) || config_.statics.contains(profile->name);
       ++suffix)
    profile->name = base + "-" + std::to_string(suffix);
  const std::string name = profile->name;
  add_client(
      std::move(*profile),
      {.transient = true, .report_only = request.report_only, .owner = std::move(request.owner)});
  log(LogLevel::info, {}, "transient tunnel \"{}\" for {}", name,
      clients_[name]->kind().owner.empty() ? "nobody in particular" : clients_[name]->kind().owner);
  if (request.start && !clients_[name]->start(Clock::now())) {
    retire(clients_.find(name), {.code = CauseCode::no_secrets}, Clock::now());
    return refused(ApiErrorCode::no_secrets,
                   "the profile asks for its password, and nobody can be asked");
  }
  return name;
}

void Service::owner_vanished(const std::string& owner) {
  retire_of([&](const std::string& whose) { return whose == owner; });
}

void Service::owners_vanished() {
  retire_of([](const std::string&) { return true; });
}

void Service::retire_of(const std::function<bool(const std::string& owner)>& gone) {
  const TimePoint now = Clock::now();
  for (auto row = clients_.begin(); row != clients_.end();) {
    const auto next = std::next(row);
    if (!row->second->kind().owner.empty() && gone(row->second->kind().owner)) {
      log(LogLevel::info, {}, "transient tunnel \"{}\" ends with its owner", row->first);
      retire(row, {.code = CauseCode::admin_close, .message = "its owner has gone"}, now);
    }
    row = next;
  }
}

// ---- tunnels and sessions ----

Result<Done, ApiError> Service::open_tunnel(const std::string& name) {
  if (!clients_.contains(name) && !statics_.has(name)) {
    return find_tunnel(name)
               ? refused(ApiErrorCode::not_supported, "the peer opens this tunnel")
               : refused(ApiErrorCode::not_found, "there is no tunnel \"" + name + "\"");
  }
  const auto started = start(name, {});
  if (!started) return Unexpected(started.error());
  return Done{};
}

Result<Done, ApiError> Service::close_tunnel(const std::string& name, const CloseOptions& options) {
  if (clients_.contains(name) || statics_.has(name)) return stop(name, options);
  Tunnel* tunnel = find_tunnel(name);
  if (!tunnel) return refused(ApiErrorCode::not_found, "there is no tunnel \"" + name + "\"");
  tunnel->close(cause_of(options), Clock::now());
  return Done{};
}

Result<Done, ApiError> Service::close_session(const std::string& tunnel, std::uint32_t session,
                                              const CloseOptions& options) {
  Tunnel* found = find_tunnel(tunnel);
  if (!found) return refused(ApiErrorCode::not_found, "there is no tunnel \"" + tunnel + "\"");
  Session* row = found->find(SessionId(session));
  if (!row)
    return refused(ApiErrorCode::not_found, tunnel + " has no session " + std::to_string(session));
  row->close(cause_of(options), Clock::now());
  return Done{};
}

Result<PlacedCall, ApiError> Service::place_outgoing_call(const OutgoingCallRequest& request) {
  if (request.called_number.size() > 64 || request.sub_address.size() > 64)
    return refused(ApiErrorCode::invalid, "a number has at most 64 octets");
  std::string listener = request.listener;
  if (listener.empty()) {
    if (const Tunnel* tunnel = find_tunnel(request.tunnel))
      listener = tunnel->owner().profile_name();
  }
  const auto found = listeners_.find(listener);
  if (found == listeners_.end())
    return refused(ApiErrorCode::not_found, "there is no listener \"" + listener + "\"");
  return found->second->place_call(request, Clock::now());
}

// ---- events and questions ----

std::uint64_t Service::subscribe(EventFilter filter, EventHandler handler) {
  return events_.subscribe(std::move(filter), std::move(handler));
}

void Service::unsubscribe(std::uint64_t subscription) { events_.unsubscribe(subscription); }

void Service::set_secret_asker(SecretAsker* asker) { secrets_.set_asker(asker); }

void Service::answer_secrets(std::uint64_t question,
                             Result<std::map<std::string, Secret>, ApiError> answer) {
  secrets_.answer(question, std::move(answer));
}

}  // namespace l2tpm::daemon
