// What is wrong with a configuration, in a form that a person can act on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace l2tpm::config {

enum class Severity : std::uint8_t { error, warning };
std::string_view name(Severity severity);

struct ConfigError {
  Severity severity = Severity::error;
  std::string file;     // as it was opened; "<text>" when it was handed in
  unsigned line = 0;    // 1-based; 0: the file as a whole
  unsigned column = 0;  // 1-based, in octets
  std::string pointer;  // RFC 6901 JSON pointer, "" for the whole document
  std::string message;  // what was found and what was meant; never a secret's value
  std::string profile;  // whose it is, when it is a profile's

  // "profiles.d/work.json:12:7: /ppp/mru: must be between 128 and 16384"
  std::string to_string() const;
  friend bool operator==(const ConfigError&, const ConfigError&) = default;
};

using ConfigErrors = std::vector<ConfigError>;

}  // namespace l2tpm::config
