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

std::map<std::string, std::uint64_t> named(const kernel::BcpCounters& counters) {
  return {
      {"bcp.control",        counters.control       },
      {"bcp.flagged",        counters.flagged       },
      {"bcp.dropped",        counters.dropped       },
      {"bcp.mac_type",       counters.mac_type      },
      {"bcp.malformed",      counters.malformed     },
      {"bcp.fcs",            counters.fcs           },
      {"bcp.padded",         counters.padded        },
      {"bcp.storm",          counters.storm         },
      {"bcp.strangers",      counters.strangers     },
      {"bcp.stations",       counters.stations      },
      {"bcp.tagged",         counters.tagged        },
      {"bcp.bpdus",          counters.bpdus         },
      {"bcp.inflated",       counters.inflated      },
      {"bcp.fragments_in",   counters.fragments_in  },
      {"bcp.fragments_out",  counters.fragments_out },
      {"bcp.reassembled",    counters.reassembled   },
      {"bcp.fragments_lost", counters.fragments_lost},
      {"bcp.too_big",        counters.too_big       },
      {"bcp.full",           counters.full          },
      {"bcp.repairs",        counters.repairs       }
  };
}

bool may_send(config::BcpSend wish, bool agreed) {
  return wish == config::BcpSend::always || (wish == config::BcpSend::agreed && agreed);
}

}  // namespace l2tpm::daemon
