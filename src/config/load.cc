#include "config/load.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "config/files.h"
#include "config/json_document.h"
#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

void append(ConfigErrors& to, ConfigErrors from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

ConfigError whole_file(const std::string& file, std::string message) {
  ConfigError error;
  error.file = file;
  error.message = std::move(message);
  return error;
}

// The texts of one profile, and the profile they amount to. Kept until all profiles are compared,
// as errors found then want their lines too.
struct Source {
  std::vector<std::unique_ptr<Document>> documents;
  ReadContext context;
  std::optional<Profile> profile;

  bool add(std::string text, const std::string& file, bool located = true) {
    auto document = Document::parse(std::move(text), file);
    if (!document) {
      append(context.report.errors(), std::move(document.error()));
      return false;
    }
    if (!(*document)->root().is_object()) {
      context.report.add_layer(**document, located);
      context.report.error("", "must be an object");
      documents.push_back(std::move(*document));
      return false;
    }
    context.report.add_layer(**document, located);
    documents.push_back(std::move(*document));
    return true;
  }
};

// Users of a file of their own, with errors that name that file.
void read_users_file(const ProfileText& text, const std::string& users_file, Source& source,
                     ListenerProfile& listener) {
  Report& report = source.context.report;
  if (users_file.empty()) return;
  if (text.directory.empty()) {
    report.error("/users-file", "cannot be used here");
    return;
  }
  const std::string path =
      users_file.front() == '/' ? users_file : text.directory + "/" + users_file;
  auto file = read_file(path, kMaxUsersFile);
  if (!file) {
    report.error("/users-file", file_error(path, file.error()).to_string());
    return;
  }
  Source users;
  users.context.profile = text.name;
  users.context.secrets = source.context.secrets;
  users.context.readable_by_others = file->readable_by_others;
  if (users.add(std::move(file->text), path)) {
    ObjectReader root = ObjectReader::root(users.context, users.documents.front()->root());
    auto more = read_users(root);
    root.finish();
    std::move(more.begin(), more.end(), std::back_inserter(listener.users));
  }
  append(report.errors(), std::move(users.context.report.errors()));
  append(report.warnings(), std::move(users.context.report.warnings()));
}

// `drop_ins`: paths of merge patches (RFC 7386), applied in their order.
void read_source(ProfileText text, const std::vector<std::string>& drop_ins,
                 const DaemonConfig& daemon, SecretSource& secrets, Source& source) {
  ReadContext& context = source.context;
  context.profile = text.name;
  context.secrets = &secrets;
  context.readable_by_others = text.readable_by_others;
  if (!is_name(text.name)) {
    wipe(text.text);
    context.report.errors().push_back(
        whole_file(text.file,
                   "the profile's name (the file's) may have letters, digits, '-', '_' "
                   "and '.', at most 64"));
    return;
  }
  if (!source.add(std::move(text.text), text.file)) return;
  const Json& own = source.documents.front()->root();
  const auto kind_entry = own.find("kind");
  const std::string kind =
      kind_entry != own.end() && kind_entry->is_string() ? kind_entry->get<std::string>() : "";
  if (kind != "client" && kind != "listener") {
    const bool missing = kind_entry == own.end();
    context.report.error(missing ? "" : "/kind", missing
                                                     ? "needs \"kind\": \"client\" or \"listener\""
                                                     : "must be \"client\" or \"listener\"");
    return;
  }

  Json merged = Json::object();
  const std::string& defaults =
      kind == "client" ? daemon.client_defaults : daemon.listener_defaults;
  if (!defaults.empty()) {
    if (!source.add(defaults, "l2tp-manager.json, \"defaults\"", false)) return;
    merged = source.documents.back()->root();
  }
  merged.merge_patch(own);
  for (const auto& path : drop_ins) {
    auto file = read_file(path, kMaxProfileFile);
    if (!file) {
      context.report.errors().push_back(file_error(path, file.error()));
      continue;
    }
    if (file->text.empty()) continue;
    context.readable_by_others |= file->readable_by_others;
    if (source.add(std::move(file->text), path))
      merged.merge_patch(source.documents.back()->root());
  }

  if (kind == "client") {
    source.profile = read_client(context, merged);
  } else {
    std::string users_file;
    ListenerProfile listener = read_listener(context, merged, daemon, users_file);
    read_users_file(text, users_file, source, listener);
    check_users(context, listener);
    source.profile = std::move(listener);
  }
  wipe_strings(merged);
  if (context.report.failed()) source.profile.reset();
}

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

template <typename Kind>
void check_against(const std::map<std::string, Kind>& accepted, Source& source) {
  const auto* later = std::get_if<Kind>(&*source.profile);
  if (later == nullptr) return;
  for (const auto& [other_name, earlier] : accepted)
    for (auto& [pointer, message] : clashes(earlier, *later))
      source.context.report.error(pointer, std::move(message));
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

void load_profile(const std::string& directory, const std::string& file_name, SecretSource& secrets,
                  Loaded& loaded) {
  const std::string path = directory + "/profiles.d/" + file_name;
  Source source;
  ConfigErrors& errors = source.context.report.errors();
  ProfileText text;
  text.name = file_name.substr(0, file_name.size() - std::string_view(".json").size());
  text.file = path;
  text.directory = directory;
  const std::string profile_name = text.name;

  auto file = read_file(path, kMaxProfileFile);
  if (!file) {
    errors.push_back(file_error(path, file.error()));
  } else {
    if (file->text.empty()) return;  // masked
    text.text = std::move(file->text);
    text.readable_by_others = file->readable_by_others;
    std::vector<std::string> drop_ins;
    if (auto names = json_files(path + ".d"); names) {
      for (const auto& each : *names) drop_ins.push_back(path + ".d/" + each);
    } else {
      errors.push_back(file_error(path + ".d", names.error()));
    }
    read_source(std::move(text), drop_ins, loaded.config.daemon, secrets, source);
  }
  if (source.profile) {
    check_against(loaded.config.clients, source);
    check_against(loaded.config.listeners, source);
  }
  append(loaded.warnings, std::move(source.context.report.warnings()));
  if (!errors.empty()) {
    loaded.refused.push_back(profile_name);
    append(loaded.errors, std::move(errors));
  } else if (auto* client = std::get_if<ClientProfile>(&*source.profile)) {
    loaded.config.clients.emplace(profile_name, std::move(*client));
  } else if (auto* listener = std::get_if<ListenerProfile>(&*source.profile)) {
    loaded.config.listeners.emplace(profile_name, std::move(*listener));
  }
}

}  // namespace

Loaded load(const std::string& directory) {
  Loaded loaded;
  load_daemon(directory, loaded);
  const std::string profiles = directory + "/profiles.d";
  const auto names = json_files(profiles);
  if (!names) {
    loaded.errors.push_back(file_error(profiles, names.error()));
    return loaded;
  }
  SecretFiles secrets(directory);
  for (const auto& file_name : *names) load_profile(directory, file_name, secrets, loaded);
  for (const auto& problem : secrets.problems())
    (problem.severity == Severity::error ? loaded.errors : loaded.warnings).push_back(problem);
  return loaded;
}

Config keep_refused(const Config& old, const Loaded& fresh) {
  Config config = fresh.config;
  if (fresh.daemon_refused) config.daemon = old.daemon;
  for (const auto& profile : fresh.refused) {
    if (const auto client = old.clients.find(profile); client != old.clients.end())
      config.clients.insert(*client);
    if (const auto listener = old.listeners.find(profile); listener != old.listeners.end())
      config.listeners.insert(*listener);
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
