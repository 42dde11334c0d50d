#include <algorithm>
#include <utility>

#include "kernel/genl_l2tp.h"
#include "kernel/link_group.h"
#include "kernel/linux_dataplane_class.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

void LinuxDataplane::read_counters(Callback<std::vector<Counters>> done) {
  std::vector<SessionKey> elsewhere(elsewhere_.begin(), elsewhere_.end());
  elsewhere.insert(elsewhere.end(), static_elsewhere_.begin(), static_elsewhere_.end());
  post(JobKind::normal, kStatistics,
       [this, elsewhere = std::move(elsewhere), bcp = bcp_counted(), done = std::move(done)] {
         auto read = read_link_counters();
         std::map<SessionKey, std::shared_ptr<const BcpCounters>> bridged;
         for (const BcpCounted& session : bcp) bridged[session.key] = read_bcp(session);
         // Their interfaces cannot be asked; the sessions can.
         std::vector<Counters> others;
         for (const SessionKey key : elsewhere) {
           const auto state = get_session(key);
           if (!state || !*state) continue;
           const SessionState& session = **state;
           others.push_back({key, 0, session.rx_packets, session.tx_packets, session.rx_bytes,
                             session.tx_bytes, session.rx_errors, session.tx_errors, 0, 0});
         }
         completions_.post([this, done, read = std::move(read), others = std::move(others),
                            bridged = std::move(bridged)]() -> void {
           if (!done) return;
           if (!read) {
             done(Unexpected(read.error()));
             return;
           }
           std::vector<Counters> counters = others;
           counters.reserve(counters.size() + by_ifindex_.size() + static_interfaces_.size());
           for (const LinkCounters& link : *read)
             if (const auto key = counted(link.ifindex))
               counters.push_back({*key, link.ifindex, link.rx_packets, link.tx_packets,
                                   link.rx_bytes, link.tx_bytes, link.rx_errors, link.tx_errors,
                                   link.rx_dropped, link.tx_dropped});
           if (!bridged.empty()) {
             for (Counters& row : counters)
               if (const auto found = bridged.find(row.key); found != bridged.end())
                 row.bcp = found->second;
           }
           done(std::move(counters));
         });
       });
}

// Whose octets an interface counts.
std::optional<SessionKey> LinuxDataplane::counted(int ifindex) const {
  if (const auto found = by_ifindex_.find(ifindex); found != by_ifindex_.end())
    return found->second;
  const auto found = static_interfaces_.find(ifindex);
  if (found == static_interfaces_.end() || found->second.is_vlan) return std::nullopt;
  return found->second.key;
}

// The session of ours that an interface belongs to.
std::optional<SessionKey> LinuxDataplane::owner_of(int ifindex) const {
  if (const auto found = by_ifindex_.find(ifindex); found != by_ifindex_.end())
    return found->second;
  const auto found = second_by_ifindex_.find(ifindex);
  if (found == second_by_ifindex_.end()) return std::nullopt;
  return found->second;
}

void LinuxDataplane::hold_address(IpAddress address, Callback<Done> done) {
  ++held_[address];
  post(JobKind::normal, kAddresses,
       [this, address, done = std::move(done)] { complete<Done>(done, addresses_.hold(address)); });
}

void LinuxDataplane::release_address(IpAddress address) {
  const auto found = held_.find(address);
  if (found == held_.end() || --found->second > 0) return;
  held_.erase(found);
  post(JobKind::normal, kAddresses, [this, address] { addresses_.release(address); });
}

void LinuxDataplane::pin_route(IpAddress peer, Callback<Underlay> done) {
  ++pinned_[peer];
  post(JobKind::normal, kRoutes,
       [this, peer, done = std::move(done)] { complete<Underlay>(done, pins_.pin(peer)); });
}

void LinuxDataplane::unpin_route(IpAddress peer) {
  const auto found = pinned_.find(peer);
  if (found == pinned_.end() || --found->second > 0) return;
  pinned_.erase(found);
  post(JobKind::normal, kRoutes, [this, peer] { pins_.unpin(peer); });
}

void LinuxDataplane::sweep_leftovers(Callback<unsigned> done) {
  post(JobKind::barrier, kWholeHost,
       [this, done = std::move(done)] { complete<unsigned>(done, sweep(settings_)); });
}

void LinuxDataplane::on_link(const LinkInfo& link, bool deleted) {
  const bool is_ours = is_of_instance(link.group, settings_.instance);
  if (!circuits_.empty() && (!is_ours || link.master != 0 || link.kind == "bridge"))
    refresh_circuits();
  if (const auto key = owner_of(link.ifindex)) {
    if (deleted)
      emit(InterfaceGone{*key});
    else if (!link.up && !is_inner_end(*key, link.ifindex))
      check_link(link.ifindex, *key);
    else
      check_bcp(*key);
    return;
  }
  on_static_link(link, deleted);
  // An underlay interface that comes or goes takes its routes along without a word (IPv4).
  if (!pinned_.empty() && !is_ours) refresh_pins();
}

void LinuxDataplane::on_route(const RouteEntry& route) {
  if (route.protocol == settings_.route_protocol || by_ifindex_.contains(route.ifindex)) return;
  for (const auto& [peer, count] : pinned_)
    if (peer.is_v6() == route.destination.address.is_v6() && route.destination.contains(peer)) {
      refresh_pins();
      return;
    }
}

void LinuxDataplane::refresh_pins() {
  if (refresh_ != Refresh::idle) {
    refresh_ = Refresh::again;
    return;
  }
  refresh_ = Refresh::running;
  post(JobKind::normal, kRoutes, [this] {
    completions_.post([this, changes = pins_.refresh()] {
      const bool again = std::exchange(refresh_, Refresh::idle) == Refresh::again;
      for (const UnderlayChanged& change : changes)
        if (pinned_.contains(change.peer)) emit(change);
      if (again) refresh_pins();
    });
  });
}

// The notification may be older than what we did since.
void LinuxDataplane::check_link(int ifindex, SessionKey key) {
  post(JobKind::normal, kStatistics, [this, ifindex, key] {
    const auto link = get_link(ifindex);
    if (link && link->up) return;
    completions_.post([this, ifindex, key, gone = !link] {
      if (owner_of(ifindex) != key) return;
      emit(gone ? Event(InterfaceGone{key}) : Event(InterfaceDown{key}));
    });
  });
}

void LinuxDataplane::check_links() {
  std::vector<std::pair<int, SessionKey>> expected(by_ifindex_.begin(), by_ifindex_.end());
  expected.insert(expected.end(), second_by_ifindex_.begin(), second_by_ifindex_.end());
  post(JobKind::normal, kStatistics, [this, expected = std::move(expected)] {
    const auto links = list_links(false);
    if (!links) return;
    std::unordered_set<int> present;
    for (const LinkInfo& link : *links) present.insert(link.ifindex);
    std::vector<std::pair<int, SessionKey>> gone;
    for (const auto& entry : expected)
      if (!present.contains(entry.first)) gone.push_back(entry);
    completions_.post([this, gone = std::move(gone)] {
      for (const auto& [ifindex, key] : gone)
        if (owner_of(ifindex) == key) emit(InterfaceGone{key});
      for (const auto& [ifindex, key] :
           std::map<int, SessionKey>(by_ifindex_.begin(), by_ifindex_.end()))
        check_bcp(key);
    });
  });
}

void LinuxDataplane::dispatch_completions() {
  completions_.dispatch();
  read_punts();
  monitor_.read({[this](const LinkInfo& link, bool deleted) { on_link(link, deleted); },
                 [this](const RouteEntry& route) { on_route(route); },
                 [this] {
                   check_links();
                   if (!pinned_.empty()) refresh_pins();
                   if (!circuits_.empty()) refresh_circuits();
                   if (!static_interfaces_.empty()) disturb();
                 }});
}

}  // namespace l2tpm::kernel
