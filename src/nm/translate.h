// A NetworkManager VPN connection becomes a client profile of ours. Pure: no bus, no file is
// opened.
//
// The keys are those of NetworkManager-l2tp, whose profiles and editors we serve. Every key is
// honoured, or does nothing here and is warned about, or asks for something that matters and that
// we do not have: then the connection is refused with a sentence that says so. IPsec is such a
// thing; a connection that asks for it never comes up without it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "nm/connection.h"
#include "nm/names.h"

namespace l2tpm::nm {

struct Plan {
  std::string profile;                    // JSON; the password in it is {"$secret": "password"}
  std::map<std::string, Secret> secrets;  // what those stand for
  std::string gateway;                    // as in the profile, without brackets
  bool gateway_is_name = false;
  std::string user;                          // "" when we do not authenticate
  bool ipv4 = true, ipv6 = true;             // wanted
  bool server_dns = true;                    // use the name servers that the peer names
  std::optional<std::uint32_t> longest_mtu;  // the interface gets no more; nullopt: no limit
  std::vector<std::string> warnings;
};

// `interface` is the name of the network interface unless "unit" asks for another. The error is a
// sentence for the user.
Result<Plan, std::string> translate(const Connection& connection, ServiceType type,
                                    const std::string& interface);

// Whether the profile is one that a password belongs to: not one that is refused anyway, nor one
// that says it needs none.
bool takes_password(const Connection& connection);
// Whether it has to be asked for before it makes sense to connect.
bool needs_password(const Connection& connection);

}  // namespace l2tpm::nm
