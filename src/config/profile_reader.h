// From texts to one profile: the file, what is merged into it, users files. Internal to config.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/object_reader.h"

namespace l2tpm::config {

// The texts of one profile, and the profile they amount to. Kept until all profiles are compared,
// as errors found then want their lines too.
struct Source {
  std::vector<std::unique_ptr<Document>> documents;
  ReadContext context;
  std::optional<Profile> profile;
  // What the texts amount to, without "defaults". Holds secrets: wiped when it goes.
  Json merged;
  std::unique_ptr<KnownKeys> known;  // what the reader asked for; set to have it recorded

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { wipe_strings(merged); }
  bool add(std::string text, const std::string& file, bool located = true);
};

// A merge patch (RFC 7386): a file, or a text that is not in a file yet.
struct Piece {
  std::string path;
  std::optional<std::string> text = {};
};

// `pieces` are merged in their order.
void read_source(ProfileText text, std::vector<Piece> pieces, const DaemonConfig& daemon,
                 SecretSource& secrets, Source& source);
// From files. A masked profile reads as nothing: no profile and no errors. `with_users`: and from
// its users file.
void read_files(const Places& places, const ProfileSource& files, const DaemonConfig& daemon,
                SecretSource& secrets, Source& source, bool with_users = true);
// What the profile must not share with those of `others` (but itself) is reported.
void check_against_others(const Config& others, Source& source);

void append(ConfigErrors& to, ConfigErrors from);
ConfigError whole_file(const std::string& file, std::string message);

}  // namespace l2tpm::config
