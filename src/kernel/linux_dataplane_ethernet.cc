// Ethernet pseudowires, what is behind them, and static tunnels.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/circuits.h"
#include "kernel/link_group.h"
#include "kernel/linux_dataplane_class.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

void LinuxDataplane::install_ethernet(EthernetSpec spec, Callback<EthernetInstalled> done) {
  const SessionKey key = spec.key;
  const auto found = tunnel_for_new(key, false);
  if (!found) {
    complete<EthernetInstalled>(std::move(done), Unexpected(found.error()));
    return;
  }
  Tunnel& tunnel = **found;
  if (tunnel.kernel->spec.version != 3) {
    complete<EthernetInstalled>(std::move(done),
                                Unexpected(KernelError{EPROTONOSUPPORT, "installing the pseudowire",
                                                       "its tunnel is not of version 3"}));
    return;
  }
  create_first(tunnel);
  Session& session = tunnel.sessions[key.session];
  session.kernel = std::make_shared<KernelSession>();
  session.is_ethernet = true;
  version3_ids_.insert(key.session);
  const auto kernel = session.kernel;
  const bool taken = workers_.post(
      JobKind::install, key,
      [this, key, kernel, spec = std::move(spec), done, tunnel_object = tunnel.kernel] {
        auto result = install_ethernet_session(*tunnel_object, *kernel, spec, ethernet_context());
        const EthernetLink* const link = kernel->ethernet.get();
        completions_.post([this, key, kernel, done, result = std::move(result),
                           vlan = link != nullptr ? link->vlan_ifindex : 0,
                           elsewhere = link != nullptr && link->ifindex == 0]() mutable {
          finish_ethernet(key, kernel, std::move(result), vlan, elsewhere, done);
        });
      });
  if (taken) return;
  drop(key);
  complete<EthernetInstalled>(
      std::move(done), Unexpected(KernelError{EBUSY, "installing the pseudowire", "queue full"}));
}

void LinuxDataplane::finish_ethernet(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                                     Result<EthernetInstalled, KernelError> result,
                                     int vlan_ifindex, bool elsewhere,
                                     const Callback<EthernetInstalled>& done) {
  Session* const session = find(key, kernel);
  if (session == nullptr) {  // a removal is behind it already
    result = Unexpected(KernelError{ECANCELED, "installing the pseudowire", "it was removed"});
  } else if (result) {
    session->installing = false;
    if (elsewhere) {
      elsewhere_.insert(key);
    } else {
      session->ifindex = result->ifindex;
      by_ifindex_[session->ifindex] = key;
    }
    session->second_ifindex = vlan_ifindex;
    if (vlan_ifindex != 0) second_by_ifindex_[vlan_ifindex] = key;
  } else {
    drop(key);
  }
  if (done) done(std::move(result));
}

void LinuxDataplane::set_carrier(SessionKey key, bool on, Callback<Done> done) {
  constexpr const char* kDoing = "setting the carrier";
  post_session(
      key, kDoing,
      [on](KernelSession& session) -> Result<Done, KernelError> {
        if (session.bcp) return set_bcp_carrier(*session.bcp, on);
        if (!session.ethernet)
          return Unexpected(KernelError{ENOTSUP, kDoing, "it is no pseudowire"});
        return set_ethernet_carrier(*session.ethernet, on);
      },
      std::move(done));
}

void LinuxDataplane::watch_circuit(std::string interface, Callback<bool> done) {
  ++circuits_[interface].count;
  post(JobKind::normal, kCircuits,
       [this, interface = std::move(interface), done = std::move(done)] {
         completions_.post([this, interface, done, links = list_links(false)] {
           if (!links) {
             if (done) done(Unexpected(links.error()));
             return;
           }
           const bool up = circuit_is_up(interface, *links, settings_.instance);
           if (const auto found = circuits_.find(interface); found != circuits_.end())
             found->second.up = up;
           if (done) done(up);
         });
       });
}

void LinuxDataplane::unwatch_circuit(const std::string& interface) {
  const auto found = circuits_.find(interface);
  if (found != circuits_.end() && --found->second.count == 0) circuits_.erase(found);
}

void LinuxDataplane::refresh_circuits() {
  if (circuits_refresh_ != Refresh::idle) {
    circuits_refresh_ = Refresh::again;
    return;
  }
  circuits_refresh_ = Refresh::running;
  post(JobKind::normal, kCircuits, [this] {
    completions_.post([this, links = list_links(false)] {
      const bool again = std::exchange(circuits_refresh_, Refresh::idle) == Refresh::again;
      if (links) judge_circuits(*links);
      if (again) refresh_circuits();
    });
  });
}

void LinuxDataplane::judge_circuits(const std::vector<LinkInfo>& links) {
  std::vector<CircuitChanged> changes;  // a handler may watch and unwatch
  for (auto& [interface, circuit] : circuits_) {
    const bool up = circuit_is_up(interface, links, settings_.instance);
    if (circuit.up && *circuit.up != up) changes.push_back({interface, up});
    if (circuit.up) circuit.up = up;  // else the first answer is still to come
  }
  for (const CircuitChanged& change : changes)
    if (circuits_.contains(change.interface)) emit(change);
}

void LinuxDataplane::converge_static(std::vector<StaticTunnel> wanted,
                                     std::vector<StaticTunnel> remembered,
                                     Callback<std::vector<StaticRow>> done) {
  ++converging_;
  disturbed_ = false;
  post(JobKind::normal, kStatics,
       [this, wanted = std::move(wanted), remembered = std::move(remembered),
        done = std::move(done)] {
         completions_.post([this, done, outcome = statics_.converge(wanted, remembered)] {
           --converging_;
           if (outcome) {
             static_interfaces_.clear();
             for (const StaticInterface& interface : outcome->interfaces)
               static_interfaces_.emplace(interface.ifindex, interface);
             static_elsewhere_ = outcome->elsewhere;
           }
           if (done) {
             if (outcome)
               done(outcome->rows);
             else
               done(Unexpected(outcome.error()));
           }
         });
       });
}

// The notification may be older than what we did since, and of an interface that is known only when
// the convergence that makes it ends: looking comes behind that.
void LinuxDataplane::on_static_link(const LinkInfo& link, bool deleted) {
  const auto found = static_interfaces_.find(link.ifindex);
  const bool known = found != static_interfaces_.end();
  if (!known && (converging_ == 0 || !is_of_instance(link.group, settings_.instance))) return;
  const bool in_place = !known || found->second.master == 0 || found->second.master == link.master;
  if (!deleted && link.up && in_place) return;
  const auto [check, is_new] = static_checks_.try_emplace(link.ifindex, false);
  if (is_new)
    check_static(link.ifindex);
  else
    check->second = true;
}

void LinuxDataplane::check_static(int ifindex) {
  post(JobKind::normal, kStatics, [this, ifindex] {
    completions_.post([this, ifindex, now = get_link(ifindex)] {
      if (const auto check = static_checks_.find(ifindex); std::exchange(check->second, false))
        check_static(ifindex);
      else
        static_checks_.erase(check);
      const auto found = static_interfaces_.find(ifindex);
      if (found == static_interfaces_.end()) return;
      const int master = found->second.master;
      if (!now || !now->up || (master != 0 && now->master != master)) disturb();
    });
  });
}

void LinuxDataplane::disturb() {
  if (!std::exchange(disturbed_, true)) emit(StaticDisturbed{});
}

}  // namespace l2tpm::kernel
