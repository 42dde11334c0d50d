// `l2tpctl profile new` and `l2tpctl check-config`: files and the daemon's own checker, without the
// daemon.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "config/load.h"
#include "config/parse_value.h"
#include "ctl/local.h"
#include "ctl/places.h"
#include "ctl/templates.h"
#include "ctl/write_file.h"

namespace l2tpm::ctl {
namespace {

using config::ConfigError;
using config::ConfigErrors;

constexpr std::string_view kDaemonFile = "l2tp-manager.json";

void append(ConfigErrors& to, const ConfigErrors& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// "/etc/l2tp-manager/profiles.d/work.json": "work", "/etc/l2tp-manager"
struct PathParts {
  std::string directory, file, name;
};
PathParts parts_of(const std::string& path) {
  PathParts parts;
  const auto slash = path.rfind('/');
  parts.directory = slash == std::string::npos ? "." : path.substr(0, slash);
  parts.file = path.substr(slash == std::string::npos ? 0 : slash + 1);
  parts.name = parts.file.substr(0, parts.file.rfind('.'));
  constexpr std::string_view kSub = "profiles.d";
  if (parts.directory == kSub)
    parts.directory = ".";
  else if (parts.directory.ends_with("/profiles.d"))
    parts.directory.resize(parts.directory.size() - kSub.size() - 1);
  return parts;
}

class Checker {
 public:
  explicit Checker(Context& context) : context_(context) {}

  ExitCode run() {
    const auto& words = context_.options.words;
    if (words.empty()) take(config::load(installed_places()));
    for (const std::string& word : words) {
      std::string path = word;
      while (path.size() > 1 && path.back() == '/') path.pop_back();
      if (path != "-" && is_directory(path))
        take(config::load(path));
      else if (!file(path))
        return ExitCode::usage;
    }
    return tell();
  }

 private:
  static bool is_directory(const std::string& path) { return file_exists(path + "/."); }

  void take(const config::Loaded& loaded) {
    append(found_, loaded.errors);
    append(found_, loaded.warnings);
    good_ += loaded.config.clients.size() + loaded.config.listeners.size() +
             loaded.config.statics.size();
  }

  // One file alone: what it shares with others (addresses, names) is not looked at.
  bool file(const std::string& path) {
    auto text = read_text_file(path);
    if (!text) {
      context_.err << "l2tpctl: " << clean(path) << ": " << std::strerror(errno) << '\n';
      return false;
    }
    const PathParts parts = path == "-" ? PathParts{"", "<stdin>", "stdin"} : parts_of(path);
    const std::string shown = path == "-" ? parts.file : path;
    if (parts.file == kDaemonFile) {
      const auto daemon = config::read_daemon_config(std::move(*text), shown);
      if (!daemon) append(found_, daemon.error());
      return true;
    }
    // Its neighbours: the daemon's file for the defaults and pools, the secrets.
    config::DaemonConfig daemon;
    if (!parts.directory.empty())
      if (auto own = read_text_file(parts.directory + "/" + std::string(kDaemonFile)))
        if (auto read = config::read_daemon_config(std::move(*own), std::string(kDaemonFile)))
          daemon = *read;
    config::SecretFiles secrets(parts.directory);
    ConfigErrors warnings;
    const auto profile = config::read_profile(
        {parts.name, std::move(*text), shown, parts.directory, false}, daemon, secrets, &warnings);
    if (!profile)
      append(found_, profile.error());
    else
      ++good_;
    append(found_, warnings);
    append(found_, secrets.problems());
    return true;
  }

  ExitCode tell() {
    const bool any_error = std::any_of(found_.begin(), found_.end(), [](const ConfigError& error) {
      return error.severity == config::Severity::error;
    });
    const bool bad = any_error || (context_.options.has("strict") && !found_.empty());
    if (context_.options.json != JsonStyle::off) {
      Json list = Json::array();
      for (const ConfigError& error : found_)
        list.push_back({
            {"severity", config::name(error.severity)},
            {"file",     error.file                  },
            {"line",     error.line                  },
            {"column",   error.column                },
            {"pointer",  error.pointer               },
            {"message",  error.message               }
        });
      print_json(context_,
                 {
                     {"ok",          !bad           },
                     {"profiles",    good_          },
                     {"diagnostics", std::move(list)}
      });
    } else {
      for (const ConfigError& error : found_) {
        const bool is_error = error.severity == config::Severity::error;
        context_.out << context_.print.paint(is_error ? "error" : "warning",
                                             is_error ? Colour::red : Colour::yellow)
                     << ": " << clean(error.to_string()) << '\n';
      }
    }
    return bad ? ExitCode::failure : ExitCode::ok;
  }

  Context& context_;
  ConfigErrors found_;
  std::size_t good_ = 0;
};

}  // namespace

ExitCode check_config(Context& context) { return Checker(context).run(); }

ExitCode profile_new(Context& context) {
  const Options& options = context.options;
  const std::string name = options.has("template") ? options.value("template") : "client";
  const Template* chosen = find_template(name);
  if (chosen == nullptr) return usage(context, "there is no template \"" + name + "\"");
  const std::string& profile = options.words.front();
  if (!config::is_name(profile))
    return usage(context, "a profile's name has letters, digits, '-', '_' and '.', at most 64");
  if (options.has("print")) {
    context.out << chosen->text;
    return ExitCode::ok;
  }
  const std::string directory =
      options.has("output") ? options.value("output") : std::string(kConfigDirectory);
  const std::string path = directory + "/profiles.d/" + profile + ".json";
  std::string problem = make_directory(directory, FileKind::plain);
  if (problem.empty()) problem = make_directory(directory + "/profiles.d", FileKind::plain);
  if (problem.empty())
    problem = write_file(path, chosen->text, FileKind::plain, options.has("force"));
  if (!problem.empty()) {
    context.err << "l2tpctl: " << clean(problem) << '\n';
    return ExitCode::failure;
  }
  context.print.line("wrote " + clean(path));
  std::string keys;
  for (const std::string_view key : chosen->secrets)
    keys += (keys.empty() ? "{\"" : ", \"") + std::string(key) + "\": \"...\"";
  context.print.line("next: edit it, put " + keys + "} into " +
                     clean(directory + "/secrets.d/" + profile + ".json") +
                     " (mode 0640, group l2tp-manager),");
  context.print.line("      then l2tpctl check-config && l2tpctl reload");
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
