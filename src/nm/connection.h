// What NetworkManager hands over with Connect, NeedSecrets and NewSecrets: of its a{sa{sv}} the
// part that a VPN plugin reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace l2tpm::nm {

struct Connection {
  struct Family {
    std::string method;   // auto, manual, disabled, ...; "" when the connection says nothing
    std::string address;  // the first static one, "" without
    bool ignore_auto_dns = false;
  };

  std::string id;             // for people
  std::string uuid;           // "" when the connection has none
  std::string user_name;      // vpn.user-name
  bool persistent = false;    // vpn.persistent
  std::uint32_t timeout = 0;  // vpn.timeout, seconds; 0: the default
  std::map<std::string, std::string> data;
  std::map<std::string, Secret> secrets;
  Family ipv4;
  Family ipv6;

  // "" when there is no such item.
  std::string_view item(const std::string& key) const;
  bool has_secret(const std::string& key) const;  // and it is not empty
};

}  // namespace l2tpm::nm
