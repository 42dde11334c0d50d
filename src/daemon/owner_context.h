// What client and listener profiles borrow from the Service beside the Environment.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "daemon/address_pool.h"
#include "daemon/environment.h"
#include "daemon/resolver.h"

namespace l2tpm::daemon {

class Client;

// Address pools by name: listeners that name the same pool share it.
class PoolTable {
 public:
  std::shared_ptr<AddressPool> acquire(const std::string& name,
                                       const std::vector<config::AddressRange>& ranges,
                                       const std::vector<config::AddressRange>& exclude,
                                       const std::vector<IpAddress>& fixed) {
    std::shared_ptr<AddressPool> pool = pools_[name].lock();
    if (pool) {
      pool->reconfigure(ranges, exclude, fixed);
    } else {
      pool = std::make_shared<AddressPool>(ranges, exclude, fixed);
      pools_[name] = pool;
    }
    return pool;
  }

 private:
  std::map<std::string, std::weak_ptr<AddressPool>> pools_;
};

struct OwnerContext {
  Environment& environment;
  Resolver& resolver;
  // Who asked what; the Service hands each answer to its client.
  std::unordered_map<Resolver::Token, Client*>& questions;
  PoolTable& pools;
  const std::string& machine_name;
};

}  // namespace l2tpm::daemon
