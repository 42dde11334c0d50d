#include "daemon/supported.h"

#include <fmt/core.h>

#include <utility>

namespace l2tpm::daemon {

namespace {

template <typename Kind>
void refuse(std::map<std::string, Kind>& profiles, config::Loaded& loaded) {
  std::erase_if(profiles, [&](const auto& each) {
    std::string why = unsupported(config::Profile(each.second));
    if (why.empty()) return false;
    config::ConfigError error;
    error.file = each.first;
    error.profile = each.first;
    error.message = std::move(why);
    loaded.errors.push_back(std::move(error));
    loaded.refused.push_back(each.first);
    return true;
  });
}

}  // namespace

std::string unsupported(const config::Profile& profile) {
  const std::string_view what = config::needs_version3(profile);
  if (what.empty()) return {};
  return fmt::format("{} is L2TPv3, which is not supported by this build yet", what);
}

config::Loaded load_supported(const config::Places& places) {
  config::Loaded loaded = config::load(places);
  refuse(loaded.config.clients, loaded);
  refuse(loaded.config.listeners, loaded);
  refuse(loaded.config.statics, loaded);
  return loaded;
}

}  // namespace l2tpm::daemon
