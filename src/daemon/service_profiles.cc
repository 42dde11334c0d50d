// Profiles as documents: listed, shown, stored, checked. What is written is written by a thread.
#include <algorithm>

#include "base/log.h"
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {

constexpr std::size_t kMostEdits = 64;
constexpr Duration kCheckIsGood = 2s;

Unexpected<ApiError> refused(ApiErrorCode code, std::string message) {
  return Unexpected(ApiError{code, std::move(message)});
}

// Every error of a profile in one text, a line each.
std::string text_of(const config::ConfigErrors& errors) {
  std::string text;
  for (const config::ConfigError& error : errors) {
    if (error.severity != config::Severity::error) continue;
    text += (text.empty() ? "" : "\n") + error.pointer + (error.pointer.empty() ? "" : ": ") +
            error.message;
  }
  return text;
}

}  // namespace

std::vector<ProfileView> Service::list_profiles() const {
  std::vector<ProfileView> rows;
  config::ConfigErrors ignored;
  for (const auto& [name, source] : config::find_profiles(places_, ignored)) {
    if (source.path.empty()) continue;
    ProfileView row;
    row.name = name;
    row.path = source.path;
    row.layer = config::name(source.layer);
    row.masked = source.masked;
    if (const auto client = config_.clients.find(name); client != config_.clients.end()) {
      row.kind = "client";
      row.enabled = client->second.autostart && !row.masked;
      row.loaded = true;
    } else if (const auto listener = config_.listeners.find(name);
               listener != config_.listeners.end()) {
      row.kind = "listener";
      row.enabled = listener->second.autostart && !row.masked;
      row.loaded = true;
    } else if (const auto fixed = config_.statics.find(name); fixed != config_.statics.end()) {
      row.kind = "static";
      row.enabled = fixed->second.autostart && !row.masked;
      row.loaded = true;
    }
    row.errors = static_cast<std::uint32_t>(std::count_if(
        config_errors_.begin(), config_errors_.end(), [&, profile = name](const auto& error) {
          return error.profile == profile && error.severity == config::Severity::error;
        }));
    rows.push_back(std::move(row));
  }
  for (const auto& [name, client] : clients_) {
    if (!client->kind().transient) continue;
    ProfileView row;
    row.name = name;
    row.kind = "client";
    row.layer = "transient";
    row.loaded = true;
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return rows;
}

Result<std::string, ApiError> Service::profile_text(const std::string& name,
                                                    bool with_secrets) const {
  if (const auto client = clients_.find(name);
      client != clients_.end() && client->second->kind().transient)
    return refused(ApiErrorCode::not_supported, name + " is transient, its text was not kept");
  auto text = config::show_profile(places_, name, with_secrets);
  if (text) return std::move(*text);
  return refused(ApiErrorCode::not_found, "\"" + name + "\": " + text_of(text.error()));
}

Result<std::string, ApiError> Service::get_profile(const std::string& name, bool with_secrets) {
  return profile_text(name, with_secrets);
}

// ---- changes ----

void Service::edit_profile(const std::string& name, bool apply, Plan plan,
                           ApiCallback<Diagnostics> done) {
  if (edits_.size() >= kMostEdits) {
    later([done = std::move(done)] {
      done(refused(ApiErrorCode::limit_exceeded, "too many changes at once"));
    });
    return;
  }
  edits_.emplace_back([this, name, apply, plan = std::move(plan), done = std::move(done)] {
    config::ConfigErrors ignored;
    const config::ProfileSource before = config::find_profile(places_, name, ignored);
    const bool was_there = !before.path.empty() && !before.masked;
    auto planned = plan();
    if (!planned) {
      const bool is_absent = planned.error().size() == 1 &&
                             planned.error().front().message == "there is no such profile";
      done(refused(is_absent ? ApiErrorCode::not_found : ApiErrorCode::invalid_profile,
                   text_of(planned.error())));
      next_edit();
      return;
    }
    const auto edit = std::make_shared<const config::Edit>(std::move(*planned));
    background_.run([this, edit, name, apply, was_there, done]() -> std::function<void()> {
      const auto written = config::carry_out(*edit);
      const std::string problem = written ? "" : written.error();
      return [this, edit, name, apply, was_there, done, problem] {
        if (!problem.empty()) {
          log(LogLevel::error, {}, "{}", problem);
          done(refused(ApiErrorCode::failed, problem));
        } else {
          config::ConfigErrors none;
          const config::ProfileSource now = config::find_profile(places_, name, none);
          const bool is_there = !now.path.empty() && !now.masked;
          using Change = ProfileEvent::Change;
          tell_profile(name, !is_there    ? Change::removed
                             : !was_there ? Change::added
                                          : Change::changed);
          just_edited_ = name;
          if (apply) reload_profile(name);
          just_edited_.clear();
          checked_at_.reset();
          done(diagnostics_of(edit->notes));
        }
        next_edit();
      };
    });
  });
  if (is_editing_) return;
  is_editing_ = true;
  later([this] { next_edit(); });
}

void Service::next_edit() {
  if (edits_.empty()) {
    is_editing_ = false;
    return;
  }
  is_editing_ = true;
  const auto edit = std::move(edits_.front());
  edits_.pop_front();
  edit();
}

void Service::put_profile(const std::string& name, const std::string& json,
                          const PutOptions& options, ApiCallback<Diagnostics> done) {
  const auto layer = options.runtime ? config::Layer::runtime : config::Layer::state;
  const auto refuse = [&](ApiErrorCode code, std::string message) {
    later([done = std::move(done), error = ApiError{code, std::move(message)}] {
      done(Unexpected(error));
    });
  };
  if (clients_.contains(name) && clients_.find(name)->second->kind().transient)
    return refuse(ApiErrorCode::already_exists, name + " is a transient tunnel's name");
  if (options.must_not_exist) {
    config::ConfigErrors ignored;
    const config::ProfileSource there = config::find_profile(places_, name, ignored);
    if (!there.path.empty() && !there.masked)
      return refuse(ApiErrorCode::already_exists, name + " is there: " + there.path);
  }
  edit_profile(
      name, options.apply,
      [this, layer, name, json] { return config::plan_put(places_, layer, name, json, config_); },
      std::move(done));
}

void Service::patch_profile(const std::string& name, const std::string& merge_patch,
                            const PutOptions& options, ApiCallback<Diagnostics> done) {
  const auto layer = options.runtime ? config::Layer::runtime : config::Layer::state;
  edit_profile(
      name, options.apply,
      [this, layer, name, merge_patch] {
        return config::plan_patch(places_, layer, name, merge_patch, config_);
      },
      std::move(done));
}

void Service::remove_profile(const std::string& name, bool stop, ApiCallback<Diagnostics> done) {
  edit_profile(
      name, stop, [this, name] { return config::plan_remove(places_, name); }, std::move(done));
}

Diagnostics Service::check_config(const std::string& name, const std::string& json) {
  if (!json.empty())
    return diagnostics_of(config::check_text(name.empty() ? "profile" : name, json, config_));
  const TimePoint now = Clock::now();
  if (!checked_at_ || now - *checked_at_ > kCheckIsGood) {
    const config::Loaded loaded = config::load(places_);
    checked_ = diagnostics_of(loaded.errors);
    for (auto& warning : diagnostics_of(loaded.warnings)) checked_.push_back(std::move(warning));
    checked_at_ = now;
  }
  if (name.empty()) return checked_;
  Diagnostics its;
  for (const Diagnostic& each : checked_) {
    if (each.profile == name) its.push_back(each);
  }
  config::ConfigErrors ignored;
  if (config::find_profile(places_, name, ignored).path.empty())
    its.push_back({"error", "", "there is no such profile", name, ""});
  return its;
}

}  // namespace l2tpm::daemon
