#include "config/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/fd.h"
#include "config/files.h"
#include "config/parse_value.h"
#include "config/profile_reader.h"

namespace l2tpm::config {
namespace {

constexpr std::string_view kPlaceholder = "***";

// The keys that secrets stand under, in whatever object (tests/unit/config/store_test.cc compares
// with the schema).
bool is_secret_key(std::string_view key) {
  return key == "password" || key == "secret" || key == "second-secret" || key == "send-cookie" ||
         key == "receive-cookie";
}

bool is_reference(const Json& json) {
  return json.is_object() && json.size() == 1 &&
         (json.contains("$secret") || json.contains("$file") || json.contains("$ask"));
}
bool is_placeholder(const Json& json) {
  return is_reference(json) && json.contains("$secret") && json["$secret"] == Json(kPlaceholder);
}
void hide(Json& json) {
  wipe_strings(json);
  json = Json{
      {"$secret", kPlaceholder}
  };
}

void redact(Json& json, const KnownKeys& known, const std::string& pattern) {
  if (json.is_array()) {
    for (Json& each : json) {
      if (each.is_structured()) redact(each, known, pattern + "/*");
    }
    return;
  }
  const auto keys = known.find(pattern);
  for (auto& [key, value] : json.items()) {
    const bool is_known = keys != known.end() && keys->second.count(key) > 0;
    if (is_secret_key(key) || !is_known) {
      // "kind" is all that is known of a profile that says no kind that there is.
      if (!is_reference(value) && key != "kind") hide(value);
    } else if (value.is_structured()) {
      redact(value, known, pattern + "/" + escape_pointer(key));
    }
  }
}

// What stands for a secret becomes the secret that is there.
void restore(Json& fresh, const Json* old) {
  if (is_placeholder(fresh)) {
    if (old) fresh = *old;
    return;
  }
  if (fresh.is_object()) {
    for (auto& [key, value] : fresh.items()) {
      const bool has = old && old->is_object() && old->contains(key);
      restore(value, has ? &(*old)[key] : nullptr);
    }
  } else if (fresh.is_array()) {
    for (Json& each : fresh) {
      const Json* same = nullptr;
      if (each.is_object() && each.contains("name") && old && old->is_array()) {
        for (const Json& candidate : *old) {
          if (candidate.is_object() && candidate.contains("name") &&
              candidate["name"] == each["name"])
            same = &candidate;
        }
      }
      restore(each, same);
    }
  }
}

// One merge patch for two, the second applied after the first: a null stays one.
void compose(Json& first, const Json& second) {
  if (!second.is_object() || !first.is_object()) {
    first = second;
    return;
  }
  for (const auto& [key, value] : second.items()) {
    if (first.contains(key) && first[key].is_object() && value.is_object()) {
      compose(first[key], value);
    } else {
      first[key] = value;
    }
  }
}

ConfigErrors error_of(const std::string& profile, std::string message) {
  ConfigErrors errors{whole_file("", std::move(message))};
  errors.back().profile = profile;
  return errors;
}

ConfigError note(const std::string& profile, std::string message) {
  ConfigError error = whole_file("", std::move(message));
  error.severity = Severity::warning;
  error.profile = profile;
  return error;
}

// A text that is not a profile's yet: parsed, or what is wrong with it.
Result<Json, ConfigErrors> parse_object(const std::string& profile, const std::string& text) {
  if (text.size() > kMaxEditText) return Unexpected(error_of(profile, "is longer than 1 MiB"));
  auto document = Document::parse(text, "<text>");
  if (!document) return Unexpected(std::move(document.error()));
  if (!(*document)->root().is_object()) return Unexpected(error_of(profile, "must be an object"));
  return Json((*document)->root());
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Every name is there.
class AnySecret final : public SecretSource {
 public:
  std::optional<Secret> find(std::string_view, std::string_view) override {
    return Secret(std::string_view("unknown"));
  }
};

Result<Done, ConfigErrors> is_possible(const Places& places, Layer layer,
                                       const std::string& profile) {
  if (!is_name(profile))
    return Unexpected(
        error_of(profile, "a profile's name has letters, digits, '-', '_' and '.', at most 64"));
  if (places.directory(layer).empty())
    return Unexpected(error_of(
        profile, "the daemon was given no directory to keep profiles in (StateDirectory=)"));
  return Done{};
}

ConfigErrors problems_of(Source& source) {
  ConfigErrors errors = std::move(source.context.report.errors());
  append(errors, std::move(source.context.report.warnings()));
  return errors;
}

// Reads what the profile would be; errors, or the notes that go with it.
Result<ConfigErrors, ConfigErrors> judge(const Places& places, const std::string& profile,
                                         std::string text, std::vector<Piece> pieces,
                                         const Config& current, Source& source) {
  SecretFiles secrets(places.administrator);
  ProfileText whole;
  whole.name = profile;
  whole.text = std::move(text);
  whole.directory = places.administrator;
  read_source(std::move(whole), std::move(pieces), current.daemon, secrets, source);
  if (source.profile) check_against_others(current, source);
  const bool failed = source.context.report.failed();
  ConfigErrors all = problems_of(source);
  for (ConfigError& each : all) each.profile = profile;
  if (failed) return Unexpected(std::move(all));
  return all;
}

// The document that a profile is now; null when there is none or it cannot be read.
Json document_of(const Places& places, const ProfileSource& files, const Config& current) {
  if (files.path.empty() || files.masked) return nullptr;
  SecretFiles secrets(places.administrator);
  Source source;
  read_files(places, files, current.daemon, secrets, source, false);
  return source.merged;
}

void mention_what_hides(const Places& places, Layer layer, const std::string& profile,
                        ConfigErrors& notes) {
  if (layer == Layer::runtime) return;
  ConfigErrors ignored;
  const ProfileSource files = find_profile(places, profile, ignored);
  const bool is_hidden = files.layer == Layer::runtime && !files.path.empty();
  const bool is_patched =
      std::any_of(files.drop_ins.begin(), files.drop_ins.end(),
                  [](const auto& each) { return each.layer == Layer::runtime; });
  if (is_hidden || is_patched)
    notes.push_back(note(profile, std::string("what the runtime layer has of it ") +
                                      (is_hidden ? "hides this" : "may override this") +
                                      " until the next boot, or until it is removed"));
}

}  // namespace

Result<std::string, ConfigErrors> show_profile(const Places& places, const std::string& profile,
                                               bool with_secrets) {
  if (!is_name(profile)) return Unexpected(error_of(profile, "is not a profile's name"));
  ConfigErrors errors;
  const ProfileSource files = find_profile(places, profile, errors);
  if (files.path.empty() || files.masked)
    return Unexpected(error_of(profile, "there is no such profile"));
  AnySecret secrets;
  Source source;
  source.known = std::make_unique<KnownKeys>();
  read_files(places, files, DaemonConfig{}, secrets, source, false);
  if (!source.merged.is_object()) {
    append(errors, std::move(source.context.report.errors()));
    return Unexpected(std::move(errors));
  }
  if (!with_secrets) redact(source.merged, *source.known, "");
  return text_of(source.merged);
}

Result<Edit, ConfigErrors> plan_put(const Places& places, Layer layer, const std::string& profile,
                                    const std::string& json, const Config& current) {
  if (auto possible = is_possible(places, layer, profile); !possible)
    return Unexpected(std::move(possible.error()));
  auto fresh = parse_object(profile, json);
  if (!fresh) return Unexpected(std::move(fresh.error()));
  ConfigErrors errors;
  const ProfileSource files = find_profile(places, profile, errors);
  Json before = *fresh;
  Json old = document_of(places, files, current);
  restore(*fresh, old.is_object() ? &old : nullptr);
  // As it was written, comments and all, unless there is something to fill in.
  std::string text = *fresh == before ? json : text_of(*fresh);
  for (Json* each : {&*fresh, &before, &old}) wipe_strings(*each);

  const std::string own_drop_in = drop_in_path(places, layer, profile);
  std::vector<Piece> pieces;
  for (const ProfileSource::DropIn& each : files.drop_ins) {
    if (each.layer >= layer && each.path != own_drop_in) pieces.push_back({each.path});
  }
  Source source;
  auto notes = judge(places, profile, text, std::move(pieces), current, source);
  if (!notes) return Unexpected(std::move(notes.error()));
  Edit edit;
  edit.path = profile_path(places, layer, profile);
  edit.text = std::move(text);
  edit.writes = true;
  edit.removes.push_back(own_drop_in);
  edit.notes = std::move(*notes);
  mention_what_hides(places, layer, profile, edit.notes);
  return edit;
}

Result<Edit, ConfigErrors> plan_patch(const Places& places, Layer layer, const std::string& profile,
                                      const std::string& merge_patch, const Config& current) {
  if (auto possible = is_possible(places, layer, profile); !possible)
    return Unexpected(std::move(possible.error()));
  auto patch = parse_object(profile, merge_patch);
  if (!patch) return Unexpected(std::move(patch.error()));
  ConfigErrors errors;
  const ProfileSource files = find_profile(places, profile, errors);
  if (files.path.empty() || files.masked)
    return Unexpected(error_of(profile, "there is no such profile"));
  if (!errors.empty()) return Unexpected(std::move(errors));
  Json old = document_of(places, files, current);
  restore(*patch, old.is_object() ? &old : nullptr);
  wipe_strings(old);

  auto main = read_file(files.path, kMaxProfileFile);
  if (!main) return Unexpected(ConfigErrors{file_error(files.path, main.error())});
  Edit edit;
  edit.writes = true;
  const std::string own_drop_in = drop_in_path(places, layer, profile);
  std::vector<Piece> pieces;
  if (files.layer == layer) {
    auto document = parse_object(profile, main->text);
    if (!document) return Unexpected(std::move(document.error()));
    document->merge_patch(*patch);
    edit.path = files.path;
    edit.text = text_of(*document);
    wipe_strings(*document);
    wipe(main->text);
    main->text = edit.text;
    for (const ProfileSource::DropIn& each : files.drop_ins) pieces.push_back({each.path});
  } else {
    Json all = Json::object();
    if (auto drop_in = read_file(own_drop_in, kMaxProfileFile); drop_in && !drop_in->text.empty()) {
      auto document = parse_object(profile, drop_in->text);
      wipe(drop_in->text);
      if (!document) return Unexpected(std::move(document.error()));
      all = std::move(*document);
    }
    compose(all, *patch);
    edit.path = own_drop_in;
    edit.text = text_of(all);
    wipe_strings(all);
    bool is_placed = false;
    for (const ProfileSource::DropIn& each : files.drop_ins) {
      const bool is_later = each.layer > layer || (each.layer == layer && each.path > own_drop_in);
      if (is_later && !is_placed) {
        pieces.push_back({own_drop_in, edit.text});
        is_placed = true;
      }
      if (each.path != own_drop_in) pieces.push_back({each.path});
    }
    if (!is_placed) pieces.push_back({own_drop_in, edit.text});
  }
  Source source;
  auto notes = judge(places, profile, std::move(main->text), std::move(pieces), current, source);
  if (!notes) return Unexpected(std::move(notes.error()));
  edit.notes = std::move(*notes);
  // Applied once more it should change nothing; if it does, something later has the last word.
  Json again = source.merged;
  again.merge_patch(*patch);
  if (again != source.merged)
    edit.notes.push_back(
        note(profile, "a drop-in that is merged later sets some of this to something else"));
  wipe_strings(again);
  wipe_strings(*patch);
  return edit;
}

Result<Edit, ConfigErrors> plan_remove(const Places& places, const std::string& profile) {
  if (!is_name(profile)) return Unexpected(error_of(profile, "is not a profile's name"));
  ConfigErrors errors;
  const ProfileSource files = find_profile(places, profile, errors);
  if (files.path.empty() || files.masked)
    return Unexpected(error_of(profile, "there is no such profile"));
  Edit edit;
  for (const Layer layer : {Layer::state, Layer::runtime}) {
    if (places.directory(layer).empty()) continue;
    edit.removes.push_back(profile_path(places, layer, profile));
    edit.removes.push_back(drop_in_path(places, layer, profile));
  }
  Places below = places;
  below.state.clear();
  below.runtime.clear();
  const ProfileSource rest = find_profile(below, profile, errors);
  if (rest.path.empty() || rest.masked) return edit;
  if (files.layer == Layer::state || files.layer == Layer::runtime) {
    edit.notes.push_back(note(profile, "the version in " + rest.path + " counts again"));
    return edit;
  }
  if (auto possible = is_possible(places, Layer::state, profile); !possible)
    return Unexpected(std::move(possible.error()));
  edit.path = profile_path(places, Layer::state, profile);
  std::erase(edit.removes, edit.path);
  edit.writes = true;  // nothing: a mask
  edit.notes.push_back(
      note(profile, rest.path + " is not the daemon's to delete: it is masked by " + edit.path));
  return edit;
}

Result<Done, std::string> carry_out(const Edit& edit) {
  const auto failed = [](const std::string& doing, const std::string& path) {
    return Unexpected(doing + " " + path + ": " + std::strerror(errno));
  };
  const auto sync_directory = [](const std::string& directory) {
    const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) ::fsync(fd.get());
  };
  if (edit.writes) {
    // The layer's directory is there; what is below it is made.
    for (std::size_t slash = edit.path.find('/', 1); slash != std::string::npos;
         slash = edit.path.find('/', slash + 1)) {
      const std::string directory = edit.path.substr(0, slash);
      if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST && errno != EROFS &&
          errno != EACCES && errno != EPERM)
        return failed("making", directory);
    }
    std::string beside = edit.path + ".XXXXXX";
    const UniqueFd fd(::mkostemp(beside.data(), O_CLOEXEC));
    if (!fd) return failed("making", beside);
    std::size_t done = 0;
    bool good = true;
    while (good && done < edit.text.size()) {
      const ssize_t wrote = ::write(fd.get(), edit.text.data() + done, edit.text.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      good = wrote > 0;
      if (good) done += static_cast<std::size_t>(wrote);
    }
    good = good && ::fsync(fd.get()) == 0 && ::rename(beside.c_str(), edit.path.c_str()) == 0;
    if (!good) {
      const auto error = failed("writing", edit.path);
      ::unlink(beside.c_str());
      return error;
    }
    sync_directory(edit.path.substr(0, edit.path.rfind('/')));
  }
  for (const std::string& path : edit.removes) {
    if (::unlink(path.c_str()) < 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return failed("removing", path);
    }
    const std::string directory = path.substr(0, path.rfind('/'));
    sync_directory(directory);
    // The directory of the daemon's own drop-in, when nothing else is in it.
    if (directory.ends_with(".d") && !directory.ends_with("/profiles.d"))
      ::rmdir(directory.c_str());
  }
  return Done{};
}

ConfigErrors check_text(const std::string& profile, const std::string& json,
                        const Config& current) {
  if (json.size() > kMaxEditText) return error_of(profile, "is longer than 1 MiB");
  AnySecret secrets;
  ProfileText text;
  text.name = profile;
  text.text = json;
  text.is_foreign = true;
  Source source;
  read_source(std::move(text), {}, current.daemon, secrets, source);
  if (source.profile) check_against_others(current, source);
  ConfigErrors all = problems_of(source);
  for (ConfigError& each : all) each.profile = profile;
  return all;
}

}  // namespace l2tpm::config
