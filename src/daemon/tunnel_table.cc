#include <utility>

#include "daemon/tunnel.h"

namespace l2tpm::daemon {

Tunnel* TunnelTable::find(TunnelId id) const {
  const auto found = tunnels_.find(id);
  return found == tunnels_.end() ? nullptr : found->second.get();
}

Tunnel* TunnelTable::find_by_peer(const Endpoint& peer, TunnelId peer_tunnel) const {
  const auto found = by_peer_tunnel_.find({peer, peer_tunnel});
  return found == by_peer_tunnel_.end() ? nullptr : find(found->second);
}

std::vector<Tunnel*> TunnelTable::with_peer(const Endpoint& peer) const {
  std::vector<Tunnel*> found;
  const auto [first, last] = by_peer_.equal_range(peer);
  for (auto row = first; row != last; ++row) {
    if (Tunnel* tunnel = find(row->second)) found.push_back(tunnel);
  }
  return found;
}

std::optional<TunnelId> TunnelTable::allocate(RandomSource& random, TimePoint now) {
  const auto id = ids_.allocate(random, now);
  if (!id) return std::nullopt;
  return TunnelId(*id);
}

Tunnel& TunnelTable::add(std::unique_ptr<Tunnel> tunnel) {
  Tunnel& added = *tunnel;
  by_peer_.emplace(added.peer(), added.id());
  tunnels_[added.id()] = std::move(tunnel);
  return added;
}

void TunnelTable::index_peer(Tunnel& tunnel, TunnelId peer_tunnel) {
  const PeerKey key{tunnel.peer(), peer_tunnel};
  const auto [row, inserted] = peer_key_of_.try_emplace(tunnel.id(), key);
  if (!inserted) {
    if (row->second == key) return;
    by_peer_tunnel_.erase(row->second);
    row->second = key;
  }
  by_peer_tunnel_[key] = tunnel.id();
}

void TunnelTable::peer_moved(Tunnel& tunnel, const Endpoint& from) {
  const auto [first, last] = by_peer_.equal_range(tunnel.peer());
  for (auto row = first; row != last; ++row) {
    if (row->second == tunnel.id()) {
      by_peer_.erase(row);
      break;
    }
  }
  by_peer_.emplace(from, tunnel.id());
}

void TunnelTable::unindex(const Tunnel& tunnel) {
  const auto [first, last] = by_peer_.equal_range(tunnel.peer());
  for (auto row = first; row != last; ++row) {
    if (row->second == tunnel.id()) {
      by_peer_.erase(row);
      break;
    }
  }
  if (const auto key = peer_key_of_.find(tunnel.id()); key != peer_key_of_.end()) {
    const auto row = by_peer_tunnel_.find(key->second);
    if (row != by_peer_tunnel_.end() && row->second == tunnel.id()) by_peer_tunnel_.erase(row);
    peer_key_of_.erase(key);
  }
}

void TunnelTable::reap(TimePoint now) {
  while (!changed_.empty()) {
    for (const TunnelId id : std::exchange(changed_, {})) {
      Tunnel* tunnel = find(id);
      if (!tunnel || !tunnel->reap(now)) continue;
      tunnel->owner().tunnel_gone(*tunnel, now);
      unindex(*tunnel);
      tunnels_.erase(id);
      ids_.release(id.value(), now);
    }
  }
}

}  // namespace l2tpm::daemon
