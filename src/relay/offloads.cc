#include "relay/offloads.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>

#include "base/fd.h"

namespace l2tpm::relay {
namespace {

constexpr std::size_t kMaximumFeatures = 1024;

// Whether a feature shall be on; nothing: as it is.
using Wanted = std::function<std::optional<bool>(std::string_view)>;

Result<Done, int> set(const std::string& interface, const Wanted& wanted) {
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name) return Unexpected(EINVAL);
  interface.copy(request.ifr_name, interface.size());
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected(errno);
  const auto ask = [&](void* command) {
    request.ifr_data = static_cast<char*>(command);
    return ioctl(fd.get(), SIOCETHTOOL, &request) >= 0;
  };

  // Structures with a variable tail: words are aligned as they ask.
  std::vector<std::uint32_t> info((sizeof(ethtool_sset_info) + 4) / 4 + 1);
  auto* const features_set = reinterpret_cast<ethtool_sset_info*>(info.data());
  features_set->cmd = ETHTOOL_GSSET_INFO;
  features_set->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (!ask(features_set)) return Unexpected(errno);
  const std::uint32_t count = features_set->sset_mask != 0 ? features_set->data[0] : 0;
  if (count == 0 || count > kMaximumFeatures) return Unexpected(EOPNOTSUPP);

  std::vector<std::uint32_t> text((sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN) / 4 + 1);
  auto* const names = reinterpret_cast<ethtool_gstrings*>(text.data());
  names->cmd = ETHTOOL_GSTRINGS;
  names->string_set = ETH_SS_FEATURES;
  names->len = count;
  if (!ask(names)) return Unexpected(errno);

  // Each is a bit.
  const std::uint32_t words = (count + 31) / 32;
  std::vector<std::uint32_t> change(
      (sizeof(ethtool_sfeatures) + words * sizeof(ethtool_set_features_block)) / 4);
  auto* const features = reinterpret_cast<ethtool_sfeatures*>(change.data());
  features->cmd = ETHTOOL_SFEATURES;
  features->size = words;
  for (std::uint32_t at = 0; at < count; ++at) {
    const char* const name =
        reinterpret_cast<const char*>(names->data) + std::size_t{at} * ETH_GSTRING_LEN;
    const auto on = wanted({name, strnlen(name, ETH_GSTRING_LEN)});
    if (!on) continue;
    auto& block = features->features[at / 32];
    block.valid |= 1u << (at % 32);
    if (*on) block.requested |= 1u << (at % 32);
  }
  // Positive: what could not be changed is fixed.
  if (!ask(features)) return Unexpected(errno);
  return Done{};
}

}  // namespace

Result<Done, int> set_offloads(const std::string& interface,
                               const std::vector<std::pair<std::string, bool>>& wanted) {
  return set(interface, [&](std::string_view feature) -> std::optional<bool> {
    const auto found = std::find_if(wanted.begin(), wanted.end(),
                                    [&](const auto& entry) { return entry.first == feature; });
    if (found == wanted.end()) return std::nullopt;
    return found->second;
  });
}

Result<Done, int> switch_offloads_off(const std::string& interface) {
  // What would leave work on a frame to a device that we are not. The lock is none, and asking for
  // it is an error up to Linux 6.11.
  return set(interface, [](std::string_view feature) -> std::optional<bool> {
    if (!feature.starts_with("tx-") || feature == "tx-lockless") return std::nullopt;
    return false;
  });
}

}  // namespace l2tpm::relay
