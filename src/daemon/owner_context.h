// What client and listener profiles borrow from the Service beside the Environment.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/profile.h"
#include "daemon/address_pool.h"
#include "daemon/environment.h"
#include "daemon/resolver.h"

namespace l2tpm::daemon {

class Client;
class SecretQuestions;

// Address pools by name: listeners that name the same pool share it, and none is given an address
// that belongs to a user of another.
class PoolTable {
 public:
  // `member`: the listener's number. It leaves the pool it had before.
  std::shared_ptr<AddressPool> acquire(const std::string& name, std::uint32_t member,
                                       const std::vector<config::AddressRange>& ranges,
                                       const std::vector<config::AddressRange>& exclude,
                                       const std::vector<IpAddress>& fixed) {
    leave(member);
    Row& row = pools_[name];
    row.fixed[member] = fixed;
    std::vector<IpAddress> all;
    for (const auto& [other, addresses] : row.fixed)
      all.insert(all.end(), addresses.begin(), addresses.end());
    std::shared_ptr<AddressPool> pool = row.pool.lock();
    if (pool) {
      pool->reconfigure(ranges, exclude, all);
    } else {
      pool = std::make_shared<AddressPool>(ranges, exclude, all);
      row.pool = pool;
    }
    return pool;
  }
  void leave(std::uint32_t member) {
    for (auto row = pools_.begin(); row != pools_.end();) {
      row->second.fixed.erase(member);
      row = row->second.fixed.empty() && row->second.pool.expired() ? pools_.erase(row)
                                                                    : std::next(row);
    }
  }

 private:
  struct Row {
    std::weak_ptr<AddressPool> pool;
    std::map<std::uint32_t, std::vector<IpAddress>> fixed;  // by member
  };
  std::map<std::string, Row> pools_;
};

// Names of clients' interfaces, each one's own: names that are too long are cut, and what is left
// of two may be the same.
class InterfaceNames {
 public:
  // The name for this profile: its own wish, else made of its name. `client`: its number.
  const std::string& claim(std::uint32_t client, const config::ClientProfile& profile);
  void release(std::uint32_t client) { names_.erase(client); }

 private:
  struct Claim {
    std::string wish, profile, name;
  };
  bool is_taken(std::uint32_t client, const std::string& name) const;
  std::map<std::uint32_t, Claim> names_;
};

struct OwnerContext {
  Environment& environment;
  Resolver& resolver;
  // Who asked what; the Service hands each answer to its client.
  std::unordered_map<Resolver::Token, Client*>& questions;
  PoolTable& pools;
  InterfaceNames& interface_names;
  SecretQuestions& secrets;
  const std::string& machine_name;
  const config::DaemonConfig& daemon;  // as it stands after the last reload
  const bool& draining;                // no new tunnels and sessions
};

}  // namespace l2tpm::daemon
