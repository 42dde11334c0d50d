#include "daemon/bridging.h"

#include <algorithm>

namespace l2tpm::daemon {

std::uint16_t bridging_mru(const config::Bcp& settings) {
  const std::uint32_t whole = settings.mtu + kBridgedHeader + kBridgedExtras;
  return static_cast<std::uint16_t>(std::max<std::uint32_t>(1600, whole));
}

BridgeChoice choose_path(const BridgeCircumstances& it) {
  const auto relay = [&](std::string reason) -> BridgeChoice {
    if (it.wish == config::BcpPath::kernel)
      return {std::nullopt, "the kernel alone cannot bridge this session: " + reason};
    // A session that may have IP or MPPE has a unit, whatever became of them.
    const bool has_unit = it.ip || it.mppe;
    return {has_unit ? kernel::BcpPath::relay_unit : kernel::BcpPath::relay_channel,
            std::move(reason)};
  };
  if (it.mppe) return relay("MPPE");
  if (it.ip) return relay("IP on the same link");
  if (it.multilink) return relay("fragments (RFC 1990)");
  if (it.wish == config::BcpPath::relay) return relay("the profile wants it");
  if (!it.obstacle.empty()) return relay(it.obstacle);
  return {kernel::BcpPath::kernel, {}};
}

bool may_send(config::BcpSend wish, bool agreed) {
  return wish == config::BcpSend::always || (wish == config::BcpSend::agreed && agreed);
}

}  // namespace l2tpm::daemon
