#include <fmt/core.h>

#include <algorithm>

#include "daemon/owner_context.h"

namespace l2tpm::daemon {
namespace {

// The kernel's IFNAMSIZ without its end.
constexpr std::size_t kLongest = 15;

// FNV-1a: the same name at each start, so that rules of firewalls hold.
std::uint32_t hash_of(std::string_view text, std::uint32_t round) {
  std::uint32_t hash = 2166136261u + round;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return hash;
}

std::string made_of(const std::string& profile, std::uint32_t round) {
  std::string text = "l2tp-" + profile;
  if (text.size() > kLongest || round > 0) {
    const std::string tail = fmt::format("-{:04x}", hash_of(profile, round) & 0xffff);
    text = text.substr(0, kLongest - tail.size()) + tail;
  }
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '/' || c == ':' || c <= ' '; }, '-');
  return text;
}

}  // namespace

bool InterfaceNames::is_taken(std::uint32_t client, const std::string& name) const {
  return std::any_of(names_.begin(), names_.end(), [&](const auto& row) {
    return row.first != client && (row.second.name == name || row.second.wish == name);
  });
}

const std::string& InterfaceNames::claim(std::uint32_t client,
                                         const config::ClientProfile& profile) {
  Claim& claim = names_[client];
  if (!claim.name.empty() && claim.wish == profile.interface && claim.profile == profile.name &&
      (!claim.wish.empty() || !is_taken(client, claim.name)))
    return claim.name;
  claim.wish = profile.interface;
  claim.profile = profile.name;
  claim.name = profile.interface;
  for (std::uint32_t round = 0; claim.name.empty() || (claim.wish.empty() && round < 1000);
       ++round) {
    claim.name = made_of(profile.name, round);
    if (!is_taken(client, claim.name)) break;
  }
  return claim.name;
}

}  // namespace l2tpm::daemon
