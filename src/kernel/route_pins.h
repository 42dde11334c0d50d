// Host routes to peers along the underlay, so that a default route through a session never catches
// the tunnel that carries it. One job at a time uses this.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "kernel/dataplane.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

// Interface indexes that are ours; workers add and remove, others ask.
class OwnLinks {
 public:
  void add(int ifindex) {
    const std::lock_guard lock(mutex_);
    links_.insert(ifindex);
  }
  void remove(int ifindex) {
    const std::lock_guard lock(mutex_);
    links_.erase(ifindex);
  }
  bool contains(int ifindex) const {
    const std::lock_guard lock(mutex_);
    return links_.contains(ifindex);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<int> links_;
};

// The route that the kernel would take to `destination` among `routes`, were those of protocol
// `own_protocol` and through `own_links` not there: longest prefix, then smallest metric. nullptr:
// none, or one that says unreachable.
const RouteEntry* best_route(const std::vector<RouteEntry>& routes, const IpAddress& destination,
                             std::uint8_t own_protocol, const OwnLinks& own_links);

class RoutePins {
 public:
  RoutePins(std::uint8_t protocol, const OwnLinks& own_links)
      : protocol_(protocol), own_links_(own_links) {}

  Result<Underlay, KernelError> pin(const IpAddress& peer);
  void unpin(const IpAddress& peer);
  // Looks at all pins again and puts them back where they belong.
  std::vector<UnderlayChanged> refresh();

 private:
  struct Pin {
    std::uint32_t table = 0;  // where the underlay's route was found, and the pin is
    std::optional<Underlay> underlay;
    // Somebody else's host route leads there already: nothing can come before it, and ours would
    // take its place.
    bool routed_by_others = false;
  };
  struct Way {
    Underlay underlay;
    bool host_route = false;
  };
  // The way to a peer in a table, from a dump that is made once for each family and table.
  using Dumps = std::map<std::pair<bool, std::uint32_t>, std::vector<RouteEntry>>;
  std::optional<Way> find_way(const IpAddress& peer, std::uint32_t table, Dumps& dumps) const;
  RouteEntry route_of(const IpAddress& peer, const Pin& pin) const;

  const std::uint8_t protocol_;
  const OwnLinks& own_links_;
  std::map<IpAddress, Pin> pins_;
};

}  // namespace l2tpm::kernel
