// Who has which address. A user gets the address of last time while it is free; else one that was
// never used, else the one that has been free longest. Addresses given to users for good by the
// configuration are never handed to anybody else.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/random.h"
#include "config/profile.h"

namespace l2tpm::daemon {

// IPv4. Every call is O(1) up to the number of ranges; memory grows with the addresses that were in
// use, not with the size of the ranges.
class AddressPool {
 public:
  // `exclude` and `fixed` (users' own addresses) are never allocated. A range may contain addresses
  // of either; network and broadcast addresses are the configuration's business.
  AddressPool(std::vector<config::AddressRange> ranges, std::vector<config::AddressRange> exclude,
              const std::vector<IpAddress>& fixed);

  // nullopt when all are taken. An empty `user` is remembered for nobody.
  std::optional<IpAddress> allocate(std::string_view user);
  // A particular address, inside the ranges or not (a user's own): false when somebody has it.
  bool take(const IpAddress& address);
  void release(const IpAddress& address);

  // After a reload. What is in use stays in use; what no longer belongs to the pool is forgotten
  // when it is released.
  void reconfigure(std::vector<config::AddressRange> ranges,
                   std::vector<config::AddressRange> exclude, const std::vector<IpAddress>& fixed);

  bool contains(const IpAddress& address) const;  // may be allocated from here
  std::uint64_t size() const { return size_; }    // of the ranges, exclusions not subtracted
  std::size_t in_use() const { return in_use_; }

 private:
  struct Slot {
    bool taken = false;
    std::string user;                         // who had it last
    std::list<std::uint32_t>::iterator free;  // its place in free_, valid while not taken
  };

  bool usable(std::uint32_t address) const;
  std::optional<std::uint32_t> next_unused();
  void remember(std::uint32_t address, Slot& slot, std::string_view user);
  void forget(std::uint32_t address);

  std::vector<config::AddressRange> ranges_;
  std::vector<config::AddressRange> exclude_;
  std::unordered_set<std::uint32_t> fixed_;
  std::uint64_t size_ = 0;
  std::size_t in_use_ = 0;
  std::size_t range_ = 0;  // next_unused() goes on here
  std::uint64_t offset_ = 0;
  std::unordered_map<std::uint32_t, Slot> slots_;  // addresses that are or were in use
  std::list<std::uint32_t> free_;                  // of those: free again, longest first
  std::unordered_map<std::string, std::uint32_t> last_of_user_;
};

// IPv6 interface identifiers, unique among the sessions of one listener (RFC 5072 §4.1: both ends
// of a link must differ; one per session keeps them apart in neighbour tables and logs too).
class InterfaceIdPool {
 public:
  // nullopt: random 64-bit identifiers with the "universal" bit clear. `fixed` (users' own, and
  // ours) are never allocated, within the range or not.
  InterfaceIdPool(std::optional<config::InterfaceIdRange> range,
                  const std::vector<std::uint64_t>& fixed) {
    reconfigure(range, fixed);
  }

  std::optional<std::uint64_t> allocate(RandomSource& random);
  // A particular one (a user's own): false when somebody has it.
  bool take(std::uint64_t id) { return id != 0 && taken_.insert(id).second; }
  void release(std::uint64_t id) { taken_.erase(id); }
  // After a reload; what is in use stays in use.
  void reconfigure(std::optional<config::InterfaceIdRange> range,
                   const std::vector<std::uint64_t>& fixed);
  std::size_t in_use() const { return taken_.size(); }

 private:
  bool take_unless_fixed(std::uint64_t id) { return fixed_.count(id) == 0 && take(id); }

  std::optional<config::InterfaceIdRange> range_;
  std::unordered_set<std::uint64_t> fixed_;
  std::unordered_set<std::uint64_t> taken_;
};

}  // namespace l2tpm::daemon
