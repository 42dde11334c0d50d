#include "config/load.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "config/files.h"
#include "config/parse_value.h"
#include "config/profile_reader.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

// What two profiles must not share. Returns what is wrong with `later`, with its pointer.
std::vector<std::pair<std::string, std::string>> clashes(const ClientProfile& earlier,
                                                         const ClientProfile& later) {
  if (!later.interface.empty() && earlier.interface == later.interface)
    return {
        {"/interface", fmt::format("is profile \"{}\"'s too", earlier.name)}
    };
  return {};
}

std::vector<std::pair<std::string, std::string>> clashes(const ListenerProfile& earlier,
                                                         const ListenerProfile& later) {
  std::vector<std::pair<std::string, std::string>> out;
  if (earlier.port == later.port)
    for (const auto& address : later.addresses)
      if (std::find(earlier.addresses.begin(), earlier.addresses.end(), address) !=
          earlier.addresses.end())
        out.emplace_back("/listen",
                         fmt::format("{} is profile \"{}\"'s too",
                                     Endpoint{address, later.port}.to_string(), earlier.name));
  if (earlier.ppp.ipv4.pool == later.ppp.ipv4.pool) return out;
  for (const auto& ours : later.ppp.ipv4.ranges)
    for (const auto& theirs : earlier.ppp.ipv4.ranges)
      if (overlap(ours, theirs))
        out.emplace_back("/ppp/ipv4/pool",
                         fmt::format("{} overlaps {} of profile \"{}\"; two listeners share "
                                     "addresses only through a pool in l2tp-manager.json",
                                     ours.to_string(), theirs.to_string(), earlier.name));
  return out;
}

// Ids are the host's: L2TPv3 has one space of session ids for all tunnels.
std::vector<std::pair<std::string, std::string>> clashes(const StaticProfile& earlier,
                                                         const StaticProfile& later) {
  std::vector<std::pair<std::string, std::string>> out;
  if (earlier.tunnel == later.tunnel)
    out.emplace_back("/tunnel-id", fmt::format("is profile \"{}\"'s too", earlier.name));
  for (std::size_t i = 0; i < later.sessions.size(); ++i)
    for (const StaticSession& other : earlier.sessions) {
      const StaticSession& session = later.sessions[i];
      if (session.local == other.local)
        out.emplace_back(fmt::format("/sessions/{}/session-id", i),
                         fmt::format("is profile \"{}\"'s too", earlier.name));
      if (session.port.interface == other.port.interface)
        out.emplace_back(fmt::format("/sessions/{}/interface", i),
                         fmt::format("is profile \"{}\"'s too", earlier.name));
    }
  return out;
}

template <typename Kind>
void check_against(const std::map<std::string, Kind>& accepted, Source& source) {
  const auto* later = std::get_if<Kind>(&*source.profile);
  if (later == nullptr) return;
  for (const auto& [other_name, earlier] : accepted) {
    if (other_name == later->name) continue;
    for (auto& [pointer, message] : clashes(earlier, *later))
      source.context.report.error(pointer, std::move(message));
  }
}

void load_daemon(const std::string& directory, Loaded& loaded) {
  const std::string path = directory + "/l2tp-manager.json";
  auto file = read_file(path, kMaxProfileFile);
  if (!file) {
    if (file.error() == ENOENT) return;
    loaded.errors.push_back(file_error(path, file.error()));
    loaded.daemon_refused = true;
    return;
  }
  if (file->text.empty()) return;
  auto daemon = read_daemon_config(std::move(file->text), path);
  if (daemon) {
    loaded.config.daemon = std::move(*daemon);
  } else {
    append(loaded.errors, std::move(daemon.error()));
    loaded.daemon_refused = true;
  }
}

void load_profile(const Places& places, const ProfileSource& files, SecretSource& secrets,
                  Loaded& loaded) {
  Source source;
  ConfigErrors& errors = source.context.report.errors();
  read_files(places, files, loaded.config.daemon, secrets, source);
  if (source.profile) check_against_others(loaded.config, source);
  for (ConfigErrors* list : {&errors, &source.context.report.warnings()}) {
    for (ConfigError& each : *list) each.profile = files.name;
  }
  append(loaded.warnings, std::move(source.context.report.warnings()));
  if (!errors.empty()) {
    loaded.refused.push_back(files.name);
    append(loaded.errors, std::move(errors));
    return;
  }
  if (!source.profile) return;  // masked
  if (auto* client = std::get_if<ClientProfile>(&*source.profile)) {
    loaded.config.clients.emplace(files.name, std::move(*client));
  } else if (auto* listener = std::get_if<ListenerProfile>(&*source.profile)) {
    loaded.config.listeners.emplace(files.name, std::move(*listener));
  } else if (auto* fixed = std::get_if<StaticProfile>(&*source.profile)) {
    loaded.config.statics.emplace(files.name, std::move(*fixed));
  }
}

}  // namespace

void check_against_others(const Config& others, Source& source) {
  check_against(others.clients, source);
  check_against(others.listeners, source);
  check_against(others.statics, source);
}

Loaded load(const Places& places) {
  Loaded loaded;
  load_daemon(places.administrator, loaded);
  SecretFiles secrets(places.administrator);
  const auto profiles = find_profiles(places, loaded.errors);
  // Drop-ins that cannot be read might say anything: not without them.
  for (const ConfigError& error : loaded.errors) {
    if (!error.profile.empty()) loaded.refused.push_back(error.profile);
  }
  const std::vector<std::string> unreadable = loaded.refused;
  for (const auto& [profile, files] : profiles) {
    if (files.path.empty() || files.masked) continue;
    if (std::find(unreadable.begin(), unreadable.end(), profile) != unreadable.end()) continue;
    load_profile(places, files, secrets, loaded);
  }
  for (const auto& problem : secrets.problems())
    (problem.severity == Severity::error ? loaded.errors : loaded.warnings).push_back(problem);
  return loaded;
}

Loaded load(const std::string& directory) {
  Places places;
  places.administrator = directory;
  return load(places);
}

Config keep_refused(const Config& old, const Loaded& fresh) {
  Config config = fresh.config;
  if (fresh.daemon_refused) config.daemon = old.daemon;
  for (const auto& profile : fresh.refused) {
    if (const auto client = old.clients.find(profile); client != old.clients.end())
      config.clients.insert(*client);
    if (const auto listener = old.listeners.find(profile); listener != old.listeners.end())
      config.listeners.insert(*listener);
    if (const auto fixed = old.statics.find(profile); fixed != old.statics.end())
      config.statics.insert(*fixed);
  }
  return config;
}

Result<Profile, ConfigErrors> read_profile(ProfileText profile, const DaemonConfig& daemon,
                                           SecretSource& secrets, ConfigErrors* warnings) {
  Source source;
  read_source(std::move(profile), {}, daemon, secrets, source);
  if (warnings != nullptr) append(*warnings, std::move(source.context.report.warnings()));
  if (!source.profile) return Unexpected(std::move(source.context.report.errors()));
  return std::move(*source.profile);
}

Result<DaemonConfig, ConfigErrors> read_daemon_config(std::string text, const std::string& file) {
  Source source;
  if (source.add(std::move(text), file)) {
    DaemonConfig daemon = read_daemon(source.context, source.documents.front()->root());
    if (!source.context.report.failed()) return daemon;
  }
  return Unexpected(std::move(source.context.report.errors()));
}

}  // namespace l2tpm::config
