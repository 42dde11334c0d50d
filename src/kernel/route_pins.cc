#include "kernel/route_pins.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

namespace l2tpm::kernel {

namespace {

IpPrefix host_prefix(const IpAddress& address) { return {address, address.is_v6() ? 128u : 32u}; }

std::uint32_t way_mtu(const RouteEntry& route) {
  const auto link = get_link(route.ifindex);
  const std::uint32_t of_link = link ? link->mtu : 0;
  if (route.mtu == 0 || of_link == 0) return std::max(route.mtu, of_link);
  return std::min(route.mtu, of_link);
}

Underlay underlay_of(const RouteEntry& route) {
  Underlay underlay;
  underlay.ifindex = route.ifindex;
  underlay.gateway = route.gateway;
  underlay.source = route.source;
  underlay.mtu = way_mtu(route);
  return underlay;
}

}  // namespace

const RouteEntry* best_route(const std::vector<RouteEntry>& routes, const IpAddress& destination,
                             std::uint8_t own_protocol, const OwnLinks& own_links) {
  const RouteEntry* best = nullptr;
  for (const RouteEntry& route : routes) {
    if (route.protocol == own_protocol || route.dead || own_links.contains(route.ifindex)) continue;
    if (route.destination.address.is_v6() != destination.is_v6()) continue;
    if (!route.destination.contains(destination)) continue;
    if (best == nullptr || route.destination.length > best->destination.length ||
        (route.destination.length == best->destination.length && route.metric < best->metric))
      best = &route;
  }
  return best != nullptr && best->type == RTN_UNICAST ? best : nullptr;
}

std::optional<RoutePins::Way> RoutePins::find_way(const IpAddress& peer, std::uint32_t table,
                                                  Dumps& dumps) const {
  const auto key = std::pair(peer.is_v6(), table);
  auto found = dumps.find(key);
  if (found == dumps.end()) {
    auto routes = list_routes(peer.is_v6(), table);
    if (!routes) return std::nullopt;
    found = dumps.emplace(key, std::move(*routes)).first;
  }
  const RouteEntry* const route = best_route(found->second, peer, protocol_, own_links_);
  if (route == nullptr) return std::nullopt;
  return Way{underlay_of(*route), route->destination.length == host_prefix(peer).length};
}

RouteEntry RoutePins::route_of(const IpAddress& peer, const Pin& pin) const {
  RouteEntry route;
  route.destination = host_prefix(peer);
  route.table = pin.table;
  route.protocol = protocol_;
  if (pin.underlay) {
    route.ifindex = pin.underlay->ifindex;
    route.gateway = pin.underlay->gateway;
    route.source = pin.underlay->source;
  }
  return route;
}

Result<Underlay, KernelError> RoutePins::pin(const IpAddress& peer) {
  if (const auto known = pins_.find(peer); known != pins_.end() && known->second.underlay)
    return *known->second.underlay;
  auto now = lookup_route(peer);
  if (!now) return Unexpected(now.error());
  if (now->type == RTN_LOCAL || (peer.is_v6() && peer.is_link_local())) {
    Underlay here;
    here.ifindex = now->ifindex;
    here.local = now->type == RTN_LOCAL;
    here.mtu = way_mtu(*now);
    return here;
  }
  const bool through_us = own_links_.contains(now->ifindex);
  Pin pin;
  pin.table = through_us ? std::uint32_t{RT_TABLE_MAIN} : now->table;
  Dumps dumps;
  auto way = find_way(peer, pin.table, dumps);
  // A table that only policy rules or a VRF lead to may not list it; the lookup is good enough.
  if (!way && !through_us) {
    now->source.reset();
    way = Way{underlay_of(*now), false};
  }
  if (!way)
    return Unexpected(KernelError{ENETUNREACH, "looking for the way to " + peer.to_string(),
                                  "only our own sessions lead there"});
  pin.underlay = way->underlay;
  pin.routed_by_others = way->host_route;
  if (!pin.routed_by_others)
    if (auto set = replace_route(route_of(peer, pin)); !set) return Unexpected(set.error());
  pins_[peer] = pin;
  return *pin.underlay;
}

void RoutePins::unpin(const IpAddress& peer) {
  const auto found = pins_.find(peer);
  if (found == pins_.end()) return;
  if (found->second.underlay && !found->second.routed_by_others)
    (void)delete_route(route_of(peer, found->second));
  pins_.erase(found);
}

std::vector<UnderlayChanged> RoutePins::refresh() {
  std::vector<UnderlayChanged> changes;
  Dumps dumps;
  for (auto& [peer, pin] : pins_) {
    const auto way = find_way(peer, pin.table, dumps);
    Pin wanted{pin.table, std::nullopt, false};
    if (way) {
      wanted.underlay = way->underlay;
      wanted.routed_by_others = way->host_route;
      // Also when nothing changed: the kernel drops a pin silently when its interface goes down.
      if (!wanted.routed_by_others && !replace_route(route_of(peer, wanted)))
        wanted.underlay.reset();
    }
    const bool ours_before = pin.underlay && !pin.routed_by_others;
    const bool ours_now = wanted.underlay && !wanted.routed_by_others;
    if (ours_before && !ours_now) (void)delete_route(route_of(peer, pin));
    const bool changed = wanted.underlay != pin.underlay;
    pin = wanted;
    if (changed) changes.push_back({peer, pin.underlay});
  }
  return changes;
}

}  // namespace l2tpm::kernel
