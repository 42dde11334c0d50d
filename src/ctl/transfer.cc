// `l2tpctl import` and `l2tpctl export`: the files around what convert makes of them.
#include <dirent.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <ostream>

#include "base/random.h"
#include "config/load.h"
#include "convert/ip_l2tp.h"
#include "convert/keyfile.h"
#include "convert/nm.h"
#include "convert/xl2tpd.h"
#include "convert/xl2tpd_export.h"
#include "ctl/local.h"
#include "ctl/places.h"
#include "ctl/write_file.h"
#include "kview/source.h"

namespace l2tpm::ctl {
namespace {

using convert::Import;
using convert::ImportedProfile;
using convert::Notice;

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string secrets_text(const ImportedProfile& imported) {
  Json json = Json::object();
  for (const auto& [key, secret] : imported.secrets)
    json[key] = std::string(as_text(secret.octets()));
  return text_of(json);
}

class Secrets final : public config::SecretSource {
 public:
  explicit Secrets(const ImportedProfile& imported) : imported_(imported) {}
  std::optional<Secret> find(std::string_view, std::string_view name) override {
    const auto found = imported_.secrets.find(std::string(name));
    if (found == imported_.secrets.end()) return std::nullopt;
    return found->second;
  }

 private:
  const ImportedProfile& imported_;
};

class Output {
 public:
  Output(Context& context, Import import)
      : context_(context), import_(std::move(import)), directory_(kConfigDirectory) {
    if (context.options.has("output")) directory_ = context.options.value("output");
  }

  ExitCode run() {
    const bool dry = context_.options.has("dry-run");
    for (const ImportedProfile& imported : import_.profiles) check(imported);
    if (context_.options.json == JsonStyle::off)
      for (const Notice& notice : import_.notices)
        context_.err << clean(notice.to_string()) << '\n';
    bool failed = import_.has_errors();
    for (const ImportedProfile& imported : import_.profiles) {
      if (dry && context_.options.json == JsonStyle::off)
        show(imported);
      else if (!dry && !write(imported))
        failed = true;
    }
    if (context_.options.json != JsonStyle::off) print_json(context_, json(dry));
    return failed ? ExitCode::failure : ExitCode::ok;
  }

 private:
  std::string profile_path(const ImportedProfile& imported) const {
    return directory_ + "/profiles.d/" + imported.name + ".json";
  }
  std::string secrets_path(const ImportedProfile& imported) const {
    return directory_ + "/secrets.d/" + imported.name + ".json";
  }

  // What the daemon would say to it. The file is written all the same: it is what to start from.
  void check(const ImportedProfile& imported) {
    Secrets secrets(imported);
    config::ConfigErrors warnings;
    const auto profile = config::read_profile(
        {imported.name, text_of(imported.profile), profile_path(imported), directory_, false}, {},
        secrets, &warnings);
    const auto say = [&](Notice::Level level, const config::ConfigError& error) {
      import_.say(level, error.file, error.line,
                  (error.pointer.empty() ? "" : error.pointer + ": ") + error.message);
    };
    if (!profile)
      for (const auto& error : profile.error()) say(Notice::Level::error, error);
    for (const auto& warning : warnings) say(Notice::Level::warning, warning);
  }

  void show(const ImportedProfile& imported) {
    context_.out << "// " << clean(profile_path(imported)) << '\n' << text_of(imported.profile);
    if (imported.secrets.empty()) return;
    context_.out << "// " << clean(secrets_path(imported)) << " would have:";
    for (const auto& [key, secret] : imported.secrets) context_.out << ' ' << key;
    context_.out << '\n';
  }

  bool write(const ImportedProfile& imported) {
    const bool force = context_.options.has("force");
    std::string problem;
    const auto attempt = [&](std::string result) {
      if (problem.empty()) problem = std::move(result);
      return problem.empty();
    };
    attempt(make_directory(directory_, FileKind::plain));
    attempt(make_directory(directory_ + "/profiles.d", FileKind::plain));
    const bool has_secrets = !imported.secrets.empty();
    if (has_secrets) attempt(make_directory(directory_ + "/secrets.d", FileKind::secret));
    // Neither, rather than one of the two.
    if (!force && has_secrets && file_exists(profile_path(imported)))
      attempt(profile_path(imported) + " is there already; --force overwrites it");
    if (has_secrets && problem.empty()) {
      std::string text = secrets_text(imported);
      attempt(write_file(secrets_path(imported), text, FileKind::secret, force));
      wipe(text);
    }
    if (problem.empty())
      attempt(
          write_file(profile_path(imported), text_of(imported.profile), FileKind::plain, force));
    if (!problem.empty()) {
      context_.err << "l2tpctl: " << clean(problem) << '\n';
      return false;
    }
    if (context_.options.json == JsonStyle::off) {
      context_.print.line("wrote " + clean(profile_path(imported)));
      if (has_secrets) context_.print.line("wrote " + clean(secrets_path(imported)));
    }
    return true;
  }

  Json json(bool dry) const {
    Json profiles = Json::array();
    for (const ImportedProfile& imported : import_.profiles) {
      Json keys = Json::array();
      for (const auto& [key, secret] : imported.secrets) keys.push_back(key);
      profiles.push_back({
          {"name",    imported.name         },
          {"path",    profile_path(imported)},
          {"profile", imported.profile      },
          {"secrets", std::move(keys)       }
      });
    }
    Json notices = Json::array();
    for (const Notice& notice : import_.notices)
      notices.push_back({
          {"level", convert::name(notice.level)},
          {"file",  notice.file                },
          {"line",  notice.line                },
          {"text",  notice.text                }
      });
    return {
        {"profiles", std::move(profiles)},
        {"notices",  std::move(notices) },
        {"dry_run",  dry                }
    };
  }

  Context& context_;
  Import import_;
  std::string directory_;
};

// Where NetworkManager keeps its profiles, the administrator's first.
constexpr const char* kNmDirectories[] = {"/etc/NetworkManager/system-connections",
                                          "/run/NetworkManager/system-connections",
                                          "/usr/lib/NetworkManager/system-connections"};

// The file of the connection with that UUID or name; "" if there is none that can be read.
std::string find_connection(const std::string& wanted) {
  for (const char* directory : kNmDirectories) {
    const std::unique_ptr<DIR, int (*)(DIR*)> list(opendir(directory), closedir);
    while (const dirent* entry = list ? readdir(list.get()) : nullptr) {
      const std::string path = std::string(directory) + "/" + entry->d_name;
      if (entry->d_name[0] == '.') continue;
      auto text = read_text_file(path);
      if (!text) continue;
      convert::KeyFile file = convert::parse_key_file(*text);
      wipe(*text);
      const auto* connection = file.find("connection");
      const bool found = connection != nullptr &&
                         (connection->text("uuid") == wanted || connection->text("id") == wanted);
      file.wipe_values();
      if (found) return path;
    }
  }
  return {};
}

// Version 4 of RFC 4122.
std::string random_uuid() {
  SystemRandom random;
  std::string hex;
  for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", random.u32());
  hex[12] = '4';
  hex[16] = "89ab"[random.u32() & 3];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

// Others know L2TPv2 only; a profile of either version goes as one of 2.
bool speaks_version2(const config::Profile& profile) {
  if (const auto* client = std::get_if<config::ClientProfile>(&profile))
    return client->version != config::Version::three;
  const auto* listener = std::get_if<config::ListenerProfile>(&profile);
  return listener != nullptr && listener->accepts_two;
}

ExitCode export_to_nm(Context& context, const config::Profile& profile) {
  const auto* client = std::get_if<config::ClientProfile>(&profile);
  if (client == nullptr)
    return usage(context, "a listener is no connection of NetworkManager: only clients are");
  const bool secrets = context.options.has("with-secrets");
  convert::Exported exported = convert::export_nm(*client, random_uuid(), secrets);
  for (const std::string& warning : exported.warnings)
    context.err << clean(client->name + ": warning: " + warning) << '\n';
  ExitCode code = ExitCode::ok;
  if (!context.options.has("output")) {
    context.out << exported.text;
  } else {
    const std::string path = context.options.value("output") + "/" + client->name + ".nmconnection";
    // NetworkManager reads only files that nobody else can.
    const std::string problem =
        write_file(path, exported.text, FileKind::secret, context.options.has("force"));
    if (problem.empty()) {
      context.print.line("wrote " + clean(path));
    } else {
      context.err << "l2tpctl: " << clean(problem) << '\n';
      code = ExitCode::failure;
    }
  }
  wipe(exported.text);
  return code;
}

ExitCode export_to_xl2tpd(Context& context, const config::Profile& profile) {
  const bool to_files = context.options.has("output");
  const std::string directory =
      to_files ? context.options.value("output") : std::string("/etc/xl2tpd");
  convert::ExportedFiles exported = convert::export_xl2tpd(profile, directory);
  for (const std::string& warning : exported.warnings)
    context.err << clean(config::profile_name(profile) + ": warning: " + warning) << '\n';
  ExitCode code = ExitCode::ok;
  if (to_files)
    if (const std::string problem = make_directory(directory, FileKind::plain); !problem.empty())
      context.err << "l2tpctl: " << clean(problem) << '\n';
  for (convert::ExportedFile& file : exported.files) {
    if (!to_files) {
      context.out << "# ---- " << file.name << '\n';
      if (file.secret && !context.options.has("with-secrets"))
        context.out << "# (secrets: --with-secrets prints them, --output writes them)\n";
      else
        context.out << file.text;
    } else if (const std::string problem = write_file(
                   directory + "/" + file.name, file.text,
                   file.secret ? FileKind::secret : FileKind::plain, context.options.has("force"));
               problem.empty()) {
      context.print.line("wrote " + clean(directory + "/" + file.name));
    } else {
      context.err << "l2tpctl: " << clean(problem) << '\n';
      code = ExitCode::failure;
    }
    wipe(file.text);
  }
  return code;
}

}  // namespace

ExitCode import_xl2tpd(Context& context) {
  const Options& options = context.options;
  convert::Xl2tpdFiles files;
  if (!options.words.empty()) files.config = options.words.front();
  files.ppp_options = options.value("ppp-options");
  files.ppp_secrets = options.value("secrets");
  files.tunnel_secrets = options.value("tunnel-secrets");
  return Output(context, convert::import_xl2tpd(files, read_text_file)).run();
}

ExitCode import_nm(Context& context) {
  const std::string& wanted = context.options.words.front();
  std::string path = wanted;
  auto text = read_text_file(path);
  if (!text && errno == ENOENT && wanted.find('/') == std::string::npos) {
    path = find_connection(wanted);
    if (!path.empty()) text = read_text_file(path);
  }
  if (!text) {
    const int error = errno;
    context.err << "l2tpctl: "
                << clean(path.empty() ? "there is no file and no connection \"" + wanted +
                                            "\" that could be read"
                                      : path + ": " + std::strerror(error))
                << '\n';
    return path.empty() || error == ENOENT ? ExitCode::no_such_object
           : error == EACCES               ? ExitCode::refused
                                           : ExitCode::failure;
  }
  return Output(context,
                convert::import_nm(std::move(*text), {path, context.options.has("without-ipsec")}))
      .run();
}

ExitCode import_ip_l2tp(Context& context) {
  convert::IpL2tpOptions options;
  if (!context.options.words.empty()) {
    const std::string& word = context.options.words.front();
    std::uint32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size())
      return usage(context, "TUNNEL is a tunnel's number, as l2tpctl kernel show has it");
    options.tunnel = id;
  }
  const auto failed = [&](const kview::ViewError& error) {
    context.err << "l2tpctl: " << clean(error.message) << '\n';
    return error.reason == kview::ViewError::Reason::no_permission ? ExitCode::refused
                                                                   : ExitCode::failure;
  };
  auto source = kview::Source::open();
  if (!source) return failed(source.error());
  const auto snapshot = source->read(std::nullopt);
  if (!snapshot) return failed(snapshot.error());
  return Output(context, convert::import_ip_l2tp(*snapshot, options)).run();
}

ExitCode export_profile(Context& context) {
  const Options& options = context.options;
  if (options.has("nm") == options.has("xl2tpd"))
    return usage(context, "say where to: --nm or --xl2tpd");
  const std::string& name = options.words.front();
  const config::Loaded loaded = options.has("config") ? config::load(options.value("config"))
                                                      : config::load(installed_places());
  std::optional<config::Profile> profile;
  if (const auto found = loaded.config.clients.find(name); found != loaded.config.clients.end())
    profile = found->second;
  if (const auto found = loaded.config.listeners.find(name); found != loaded.config.listeners.end())
    profile = found->second;
  if (const auto found = loaded.config.statics.find(name); found != loaded.config.statics.end())
    profile = found->second;
  if (!profile) {
    const bool refused =
        std::find(loaded.refused.begin(), loaded.refused.end(), name) != loaded.refused.end();
    context.err << "l2tpctl: "
                << clean(refused ? "profile \"" + name + "\" has errors; see l2tpctl check-config"
                                 : "there is no profile \"" + name + "\"")
                << '\n';
    return refused ? ExitCode::failure : ExitCode::no_such_object;
  }
  if (!speaks_version2(*profile)) {
    context.err << "l2tpctl: " << clean("profile \"" + name + "\" is L2TPv3, which ")
                << (options.has("nm") ? "NetworkManager's profiles do" : "xl2tpd does")
                << " not know\n";
    return ExitCode::failure;
  }
  return options.has("nm") ? export_to_nm(context, *profile) : export_to_xl2tpd(context, *profile);
}

}  // namespace l2tpm::ctl
