#include "relay/lan.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace l2tpm::relay {
namespace {

bool set_name(ifreq& request, const std::string& name) {
  if (name.empty() || name.size() >= sizeof request.ifr_name) return false;
  std::memcpy(request.ifr_name, name.data(), name.size());
  return true;
}

// What would leave work on a frame to a device that we are not. The lock is none, and asking for it
// is an error up to Linux 6.11.
bool is_transmit_offload(std::string_view feature) {
  return feature.starts_with("tx-") && feature != "tx-lockless";
}

}  // namespace

Result<UniqueFd, int> open_packet_lan(int ifindex) {
  // No protocol yet: other interfaces' frames would come until it is bound.
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected(errno);
  const int on = 1;
  for (const int option : {PACKET_IGNORE_OUTGOING, PACKET_AUXDATA, PACKET_QDISC_BYPASS}) {
    if (setsockopt(fd.get(), SOL_PACKET, option, &on, sizeof on) < 0) return Unexpected(errno);
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return Unexpected(errno);
  }
  return fd;
}

Result<UniqueFd, int> open_tap_lan(const std::string& name) {
  ifreq request{};
  if (!set_name(request, name)) return Unexpected(EINVAL);
  UniqueFd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return Unexpected(errno);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(fd.get(), TUNSETIFF, &request) < 0) return Unexpected(errno);
  return fd;
}

Result<Done, int> switch_offloads_off(const std::string& name) {
  ifreq request{};
  if (!set_name(request, name)) return Unexpected(EINVAL);
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Unexpected(errno);
  // The kernel's names of its features, in order; each is a bit.
  std::array<char, sizeof(ethtool_sset_info) + sizeof(std::uint32_t)> sizes{};
  ethtool_sset_info info{};
  info.cmd = ETHTOOL_GSSET_INFO;
  info.sset_mask = 1ull << ETH_SS_FEATURES;
  std::memcpy(sizes.data(), &info, sizeof info);
  request.ifr_data = sizes.data();
  if (ioctl(fd.get(), SIOCETHTOOL, &request) < 0) return Unexpected(errno);
  std::uint32_t count = 0;
  std::memcpy(&count, sizes.data() + sizeof info, sizeof count);
  std::vector<char> names(sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN);
  ethtool_gstrings strings{};
  strings.cmd = ETHTOOL_GSTRINGS;
  strings.string_set = ETH_SS_FEATURES;
  strings.len = count;
  std::memcpy(names.data(), &strings, sizeof strings);
  request.ifr_data = names.data();
  if (ioctl(fd.get(), SIOCETHTOOL, &request) < 0) return Unexpected(errno);

  std::vector<ethtool_set_features_block> blocks((count + 31) / 32);
  for (std::size_t i = 0; i < count; ++i) {
    const char* text = names.data() + sizeof strings + i * ETH_GSTRING_LEN;
    if (is_transmit_offload({text, strnlen(text, ETH_GSTRING_LEN)})) {
      blocks[i / 32].valid |= 1u << (i % 32);
    }
  }
  // ethtool_sfeatures: two words, then the blocks.
  const std::array<std::uint32_t, 2> head = {ETHTOOL_SFEATURES,
                                             static_cast<std::uint32_t>(blocks.size())};
  static_assert(sizeof(ethtool_sfeatures) == sizeof head);
  std::vector<char> order(sizeof head + blocks.size() * sizeof(ethtool_set_features_block));
  std::memcpy(order.data(), head.data(), sizeof head);
  std::memcpy(order.data() + sizeof head, blocks.data(),
              blocks.size() * sizeof(ethtool_set_features_block));
  request.ifr_data = order.data();
  // Positive: what could not be changed is fixed, and off or harmless.
  if (ioctl(fd.get(), SIOCETHTOOL, &request) < 0) return Unexpected(errno);
  return Done{};
}

}  // namespace l2tpm::relay
