// What a reload changes, and what it costs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/profile.h"

namespace l2tpm::config {

// What it takes for a change to count; a profile's is the highest of its keys'.
enum class Effect : std::uint8_t {
  live,     // applied to what is up: limits, users, redial, log level
  session,  // applies to the next session
  tunnel,   // applies to the next tunnel
  restart,  // applies when the daemon is started again
};
std::string_view name(Effect effect);

struct ProfileChange {
  enum class Kind : std::uint8_t { added, removed, changed };
  std::string profile;  // empty: the daemon-wide file
  Kind kind = Kind::changed;
  Effect effect = Effect::live;
  std::vector<std::string> keys;  // dotted, "ppp.mru"; empty unless `changed`

  // "work: changed ppp.mru, routes.add (from the next session on)"
  std::string to_string() const;
  friend bool operator==(const ProfileChange&, const ProfileChange&) = default;
};
std::string_view name(ProfileChange::Kind kind);

// Ordered by profile name; empty when nothing changed. A profile that changed its kind is removed
// and added.
std::vector<ProfileChange> diff(const Config& old, const Config& fresh);

}  // namespace l2tpm::config
