#include "kernel/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "kernel/netlink.h"

namespace l2tpm::kernel {

namespace {

constexpr std::size_t kMaximumFeatures = 1024;

bool ask(int fd, const std::string& interface, void* command) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = static_cast<char*>(command);
  return ioctl(fd, SIOCETHTOOL, &request) >= 0;
}

}  // namespace

Result<Done, KernelError> set_offloads(const std::string& interface,
                                       const std::vector<std::pair<std::string, bool>>& wanted) {
  const auto failed = [&] {
    return Unexpected(KernelError{errno, "setting the offloads of " + interface, {}});
  };
  const auto socket = thread_rtnl();
  if (!socket) return Unexpected(socket.error());
  const int fd = (*socket)->fd();

  // Structures with a variable tail: words are aligned as they ask.
  std::vector<std::uint32_t> info((sizeof(ethtool_sset_info) + 4) / 4 + 1);
  auto* const set = reinterpret_cast<ethtool_sset_info*>(info.data());
  set->cmd = ETHTOOL_GSSET_INFO;
  set->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (!ask(fd, interface, set)) return failed();
  const std::uint32_t count = set->sset_mask != 0 ? set->data[0] : 0;
  if (count == 0 || count > kMaximumFeatures) {
    errno = EOPNOTSUPP;
    return failed();
  }

  std::vector<std::uint32_t> text((sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN) / 4 + 1);
  auto* const names = reinterpret_cast<ethtool_gstrings*>(text.data());
  names->cmd = ETHTOOL_GSTRINGS;
  names->string_set = ETH_SS_FEATURES;
  names->len = count;
  if (!ask(fd, interface, names)) return failed();

  const std::uint32_t words = (count + 31) / 32;
  std::vector<std::uint32_t> change(
      (sizeof(ethtool_sfeatures) + words * sizeof(ethtool_set_features_block)) / 4);
  auto* const features = reinterpret_cast<ethtool_sfeatures*>(change.data());
  features->cmd = ETHTOOL_SFEATURES;
  features->size = words;
  for (std::uint32_t at = 0; at < count; ++at) {
    const char* const name =
        reinterpret_cast<const char*>(names->data) + std::size_t{at} * ETH_GSTRING_LEN;
    for (const auto& [offload, on] : wanted) {
      if (std::strncmp(name, offload.c_str(), ETH_GSTRING_LEN) != 0) continue;
      auto& block = features->features[at / 32];
      block.valid |= 1u << (at % 32);
      if (on) block.requested |= 1u << (at % 32);
    }
  }
  if (!ask(fd, interface, features)) return failed();
  return Done{};
}

}  // namespace l2tpm::kernel
