// What an importer made of somebody else's files, and what it has to say about them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace l2tpm::convert {

using Json = nlohmann::ordered_json;  // keys stay in the order in which people read them

struct Notice {
  enum class Level : std::uint8_t {
    note,     // has no counterpart and needs none
    warning,  // something is lost, or has to be looked at
    error,    // nothing was made of it
  };
  Level level = Level::warning;
  std::string file;
  unsigned line = 0;  // from 1; 0: the file as a whole
  std::string text;
  // "xl2tpd.conf:12: warning: ..."
  std::string to_string() const;
  friend bool operator==(const Notice&, const Notice&) = default;
};
std::string_view name(Notice::Level level);

struct ImportedProfile {
  std::string name;  // fit for a file name
  Json profile;      // as profiles.d/NAME.json; secrets are {"$secret": KEY} in it
  std::map<std::string, Secret> secrets;
};

struct Import {
  std::vector<ImportedProfile> profiles;
  std::vector<Notice> notices;

  void say(Notice::Level level, std::string file, unsigned line, std::string text) {
    notices.push_back({level, std::move(file), line, std::move(text)});
  }
  bool has_errors() const;
};

// A file's text; nullopt: it is not there or cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

// What a profile may be called, made from any text; "imported" when nothing of it is left.
std::string profile_name_from(std::string_view text);

}  // namespace l2tpm::convert
