#include "config/profile_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/files.h"
#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {

void append(ConfigErrors& to, ConfigErrors from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

ConfigError whole_file(const std::string& file, std::string message) {
  ConfigError error;
  error.file = file;
  error.message = std::move(message);
  return error;
}

bool Source::add(std::string text, const std::string& file, bool located) {
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

namespace {

// Users of a file of their own, with errors that name that file.
void read_users_file(const ProfileText& text, const std::string& users_file, Source& source,
                     ListenerProfile& listener) {
  Report& report = source.context.report;
  if (users_file.empty()) return;
  if (text.is_foreign) {
    report.warning("/users-file", "is read when the profile is");
    return;
  }
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

}  // namespace

void read_source(ProfileText text, std::vector<Piece> pieces, const DaemonConfig& daemon,
                 SecretSource& secrets, Source& source) {
  ReadContext& context = source.context;
  context.profile = text.name;
  context.secrets = &secrets;
  context.readable_by_others = text.readable_by_others;
  context.report.record_keys(source.known.get());
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
  source.merged = own;
  const auto kind_entry = own.find("kind");
  const std::string kind =
      kind_entry != own.end() && kind_entry->is_string() ? kind_entry->get<std::string>() : "";
  if (kind != "client" && kind != "listener" && kind != "static") {
    const bool missing = kind_entry == own.end();
    context.report.error(missing ? "" : "/kind",
                         missing ? "needs \"kind\": \"client\", \"listener\" or \"static\""
                                 : "must be \"client\", \"listener\" or \"static\"");
    return;
  }

  Json merged = Json::object();
  const std::string none;
  const std::string& defaults = kind == "client"     ? daemon.client_defaults
                                : kind == "listener" ? daemon.listener_defaults
                                                     : none;
  if (!defaults.empty()) {
    if (!source.add(defaults, "l2tp-manager.json, \"defaults\"", false)) return;
    merged = source.documents.back()->root();
  }
  for (Piece& piece : pieces) {
    if (!piece.text) {
      auto file = read_file(piece.path, kMaxProfileFile);
      if (!file) {
        context.report.errors().push_back(file_error(piece.path, file.error()));
        continue;
      }
      context.readable_by_others |= file->readable_by_others && !file->text.empty();
      piece.text = std::move(file->text);
    }
    if (piece.text->empty()) continue;
    if (source.add(std::move(*piece.text), piece.path))
      source.merged.merge_patch(source.documents.back()->root());
  }
  merged.merge_patch(source.merged);

  if (kind == "client") {
    source.profile = read_client(context, merged);
  } else if (kind == "static") {
    source.profile = read_static(context, merged);
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

void read_files(const Places& places, const ProfileSource& files, const DaemonConfig& daemon,
                SecretSource& secrets, Source& source, bool with_users) {
  auto file = read_file(files.path, kMaxProfileFile);
  if (!file) {
    source.context.report.errors().push_back(file_error(files.path, file.error()));
    return;
  }
  if (file->text.empty()) return;  // masked
  ProfileText text;
  text.name = files.name;
  text.file = files.path;
  // What the daemon was told to keep stands in for what an administrator wrote.
  text.directory = files.layer == Layer::vendor ? places.vendor : places.administrator;
  text.text = std::move(file->text);
  text.readable_by_others = file->readable_by_others;
  text.is_foreign = !with_users;
  std::vector<Piece> pieces;
  for (const ProfileSource::DropIn& each : files.drop_ins) pieces.push_back({each.path});
  read_source(std::move(text), std::move(pieces), daemon, secrets, source);
}

}  // namespace l2tpm::config
