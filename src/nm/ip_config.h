// The dictionaries that NetworkManager's VPN interface is told a result with: Config, Ip4Config and
// Ip6Config, with exactly its keys and types.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nm/observation.h"
#include "nm/translate.h"

namespace l2tpm::nm {

// b, u, s, ay, au, aay. An IPv4 address is a u that holds network byte order in memory.
using Value = std::variant<bool, std::uint32_t, std::string, std::vector<std::uint8_t>,
                           std::vector<std::uint32_t>, std::vector<std::vector<std::uint8_t>>>;
using Dictionary = std::map<std::string, Value>;

struct IpConfig {
  Dictionary general;
  Dictionary ipv4;  // empty: this family is off
  Dictionary ipv6;
  friend bool operator==(const IpConfig&, const IpConfig&) = default;
};

// nullopt: nothing that could be used came of the negotiation, or the interface is not there yet.
std::optional<IpConfig> make_ip_config(const Plan& plan, const IpAddress& gateway,
                                       const SessionReport& session);

}  // namespace l2tpm::nm
