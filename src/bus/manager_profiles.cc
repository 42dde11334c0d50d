// The profile verbs of Manager.
#include <algorithm>
#include <utility>

#include "bus/manager.h"

namespace l2tpm::bus {
namespace {

// A profile may have its secrets written into it: kept until polkit has answered, then wiped.
std::shared_ptr<const std::string> wiped_later(std::string& json) {
  std::shared_ptr<std::string> text(new std::string(json), [](std::string* old) {
    wipe(*old);
    delete old;
  });
  wipe(json);
  return text;
}

}  // namespace

std::vector<Manager::Diagnostic> Manager::rows_of(const daemon::Diagnostics& diagnostics) {
  std::vector<Diagnostic> rows;
  rows.reserve(diagnostics.size());
  for (const daemon::Diagnostic& diagnostic : diagnostics) {
    // Where it is found, for what is about a file.
    const std::string where = diagnostic.file.empty() ? "" : diagnostic.file + ": ";
    rows.emplace_back(diagnostic.severity, diagnostic.pointer, where + diagnostic.message);
  }
  return rows;
}

std::vector<Manager::ConfigError> Manager::ConfigErrors() {
  std::vector<ConfigError> rows;
  for (const daemon::Diagnostic& error : face_.service.config_errors()) {
    const std::string where = error.file.empty() ? "" : error.file + ": ";
    rows.emplace_back(error.profile, error.severity, error.pointer, where + error.message);
  }
  return rows;
}

std::vector<Manager::ProfileRow> Manager::ListProfiles() {
  return looked_up([&] {
    std::vector<ProfileRow> rows;
    for (const daemon::ProfileView& profile : face_.service.list_profiles())
      rows.emplace_back(profile.name, profile.kind, profile.path, profile.enabled);
    return rows;
  });
}

void Manager::GetProfile(Text&& result, std::string name, std::uint32_t flags) {
  constexpr std::uint32_t kWithSecrets = 1;
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(name);
    check_flags(flags, kWithSecrets);
    const bool with_secrets = (flags & kWithSecrets) != 0;
    const auto get = [this, name, with_secrets](const Text& to) {
      std::string json = value_of(face_.service.get_profile(name, with_secrets));
      to.returnResults(json);
      if (with_secrets) wipe(json);
    };
    if (with_secrets)
      face_.authorized(caller_of(getObject()), action::kReadSecrets, name, reply, get);
    else
      get(*reply);
  });
}

void Manager::PutProfile(Diagnosed&& result, std::string name, std::string json,
                         std::uint32_t flags) {
  configure(std::move(result), name, [&] {
    check_json(json);
    const auto options = put_options(flags, true);
    return [this, name, text = wiped_later(json),
            options](daemon::ApiCallback<daemon::Diagnostics> done) {
      face_.service.put_profile(name, *text, options, std::move(done));
    };
  });
}

void Manager::PatchProfile(Diagnosed&& result, std::string name, std::string merge_patch,
                           std::uint32_t flags) {
  configure(std::move(result), name, [&] {
    check_json(merge_patch);
    const auto options = put_options(flags, false);
    return [this, name, text = wiped_later(merge_patch),
            options](daemon::ApiCallback<daemon::Diagnostics> done) {
      face_.service.patch_profile(name, *text, options, std::move(done));
    };
  });
}

void Manager::RemoveProfile(Diagnosed&& result, std::string name, std::uint32_t flags) {
  configure(std::move(result), name, [&] {
    check_flags(flags, 1);
    return [this, name, stop = flags == 1](daemon::ApiCallback<daemon::Diagnostics> done) {
      face_.service.remove_profile(name, stop, std::move(done));
    };
  });
}

void Manager::configure(Diagnosed&& result, const std::string& name,
                        std::function<DiagnosedVerb()> check) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(name);
    face_.authorized(
        caller_of(getObject()), action::kConfigure, name, reply,
        [this, reply, verb = check()](const auto&) {
          const auto done = [this,
                             reply](const Result<daemon::Diagnostics, daemon::ApiError>& end) {
            pending_ = true;
            face_.answer(*reply, [&] { reply->returnResults(rows_of(value_of(end))); });
          };
          verb(face_.later(done));
        });
  });
}

std::tuple<bool, std::vector<Manager::Diagnostic>> Manager::CheckConfig(const std::string& name,
                                                                        const std::string& json) {
  return looked_up([&] {
    check_name(name);
    check_json(json);
    const auto diagnostics = face_.service.check_config(name, json);
    const bool ok = std::none_of(
        diagnostics.begin(), diagnostics.end(),
        [](const daemon::Diagnostic& diagnostic) { return diagnostic.severity == "error"; });
    return std::tuple(ok, rows_of(diagnostics));
  });
}

void Manager::Reload(sdbus::Result<std::vector<std::string>, std::vector<Diagnostic>>&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.authorized(caller_of(getObject()), action::kReload, "", reply, [this](const auto& to) {
      const auto done = face_.service.reload();
      pending_ = true;
      to.returnResults(done.changed, rows_of(done.diagnostics));
    });
  });
}

}  // namespace l2tpm::bus
