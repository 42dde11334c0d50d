#include "kernel/static_jobs.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/link_group.h"
#include "kernel/retry.h"
#include "kernel/rtnl_port.h"

namespace l2tpm::kernel {

namespace {

using What = StaticStep::What;
using State = StaticRow::State;

const StaticTunnel* find(const std::vector<StaticTunnel>& tunnels, TunnelId id) {
  const auto found = std::find_if(tunnels.begin(), tunnels.end(),
                                  [&](const StaticTunnel& each) { return each.local == id; });
  return found == tunnels.end() ? nullptr : &*found;
}

TunnelRequest request_of(const StaticTunnel& tunnel) {
  TunnelRequest request;
  request.local = tunnel.local;
  request.peer = tunnel.peer;
  request.version = 3;
  request.encapsulation = tunnel.encapsulation;
  request.local_end = tunnel.local_end;
  request.peer_end = tunnel.peer_end;
  request.udp_checksum = tunnel.udp_checksum;
  return request;
}

// The kernel deletes later; what comes next must not take the dying for the living.
template <typename Get>
void wait_gone(Get get) {
  (void)retry_while_busy([&]() -> Result<Done, KernelError> {
    const auto there = get();
    if (!there || !*there) return Done{};
    return Unexpected(KernelError{EBUSY, "waiting for a deletion", {}});
  });
}

// Every id of both lists that the kernel knows.
Result<std::map<TunnelId, StaticFacts>, KernelError> ask(
    const std::vector<StaticTunnel>& wanted, const std::vector<StaticTunnel>& remembered) {
  std::map<TunnelId, StaticFacts> present;
  std::set<TunnelId> absent;
  for (const auto* list : {&wanted, &remembered})
    for (const StaticTunnel& tunnel : *list) {
      if (absent.contains(tunnel.local)) continue;
      if (!present.contains(tunnel.local)) {
        const auto state = get_tunnel(tunnel.local);
        if (!state) return Unexpected(state.error());
        if (!*state) {
          absent.insert(tunnel.local);
          continue;
        }
        present[tunnel.local].tunnel = (*state)->is;
      }
      for (const EthernetSpec& session : tunnel.sessions) {
        const SessionKey key{tunnel.local, session.key.session};
        auto& sessions = present[tunnel.local].sessions;
        if (sessions.contains(key.session)) continue;
        const auto state = get_session(key);
        if (!state) return Unexpected(state.error());
        if (*state) sessions.emplace(key.session, (*state)->is);
      }
    }
  return present;
}

}  // namespace

// What an earlier run of the program left, as far as it has to be known to take it away.
void StaticTunnels::recall(const std::vector<StaticTunnel>& remembered) {
  for (const StaticTunnel& tunnel : remembered)
    for (const EthernetSpec& session : tunnel.sessions) {
      const SessionKey key{tunnel.local, session.key.session};
      if (links_.contains(key)) continue;
      EthernetLink link;
      link.key = key;
      link.session = true;
      if (const auto index = interface_index(session.interface_name)) link.ifindex = *index;
      if (session.vlan)
        if (const auto index = interface_index(session.vlan->name)) link.vlan_ifindex = *index;
      if (const auto* port = std::get_if<BridgePort>(&session.attachment)) {
        link.bridge = port->bridge;
        context_.bridges.count(port->bridge);
      }
      links_.emplace(key, std::move(link));
    }
}

Result<StaticOutcome, KernelError> StaticTunnels::converge(
    const std::vector<StaticTunnel>& wanted, const std::vector<StaticTunnel>& remembered) {
  const auto present = ask(wanted, remembered);
  if (!present) return Unexpected(present.error());
  recall(remembered);
  failed_.clear();
  StaticOutcome outcome;
  for (const StaticStep& step : plan_static(wanted, remembered, *present)) {
    StaticRow row = carry_out(step, find(wanted, step.tunnel));
    const bool deletion = step.what == What::delete_tunnel || step.what == What::delete_session;
    if (!deletion || !step.again || row.state == State::failed)
      outcome.rows.push_back(std::move(row));
  }
  // Remembered, but gone without us.
  for (auto link = links_.begin(); link != links_.end();) {
    const StaticTunnel* const tunnel = find(wanted, link->first.tunnel);
    const bool is_wanted =
        tunnel != nullptr && std::any_of(tunnel->sessions.begin(), tunnel->sessions.end(),
                                         [&](const EthernetSpec& each) {
                                           return each.key.session == link->first.session;
                                         });
    if (is_wanted) {
      ++link;
      continue;
    }
    forget_ethernet(link->second, context_);
    link = links_.erase(link);
  }
  for (const auto& [key, link] : links_) {
    const bool has_vlan = link.vlan_ifindex != 0;
    if (link.ifindex != 0)
      outcome.interfaces.push_back({link.ifindex, key, has_vlan ? 0 : link.master, false});
    else if (!link.elsewhere.empty())
      outcome.elsewhere.push_back(key);
    if (has_vlan) outcome.interfaces.push_back({link.vlan_ifindex, key, link.master, true});
  }
  return outcome;
}

StaticRow StaticTunnels::carry_out(const StaticStep& step, const StaticTunnel* wanted) {
  StaticRow row;
  row.tunnel = step.tunnel;
  row.session = step.session;
  const auto failed = [&](const KernelError& error) {
    row.state = State::failed;
    row.detail = error.to_string();
  };
  switch (step.what) {
    case What::delete_tunnel: {
      row.state = State::removed;
      std::vector<EthernetLink> its;
      for (auto link = links_.begin(); link != links_.end();)
        if (link->first.tunnel == step.tunnel) {
          its.push_back(std::move(link->second));
          link = links_.erase(link);
        } else {
          ++link;
        }
      for (EthernetLink& link : its) detach_ethernet(link, context_);
      if (const auto gone = delete_tunnel(step.tunnel); !gone)
        failed(gone.error());
      else
        wait_gone([&] { return get_tunnel(step.tunnel); });
      for (EthernetLink& link : its) forget_ethernet(link, context_);
      break;
    }
    case What::delete_session: {
      row.state = State::removed;
      if (auto link = links_.extract({step.tunnel, step.session}))
        close_ethernet(link.mapped(), context_);
      wait_gone([&] { return get_session({step.tunnel, step.session}); });
      break;
    }
    case What::keep_tunnel:
      row.state = State::kept;
      break;
    case What::create_tunnel:
      row.state = step.again ? State::replaced : State::made;
      if (const auto made = create_tunnel(request_of(*wanted)); !made) {
        failed_.insert(step.tunnel);
        failed(made.error());
      }
      break;
    case What::keep_session:
    case What::create_session:
      if (failed_.contains(step.tunnel)) {
        row.state = State::failed;
        row.detail = "its tunnel could not be made";
        break;
      }
      return make_session(step, *wanted, step.what == What::keep_session);
    case What::conflict:
      row.state = State::conflict;
      row.detail = step.detail;
      if (auto link = links_.extract({step.tunnel, step.session}))
        forget_ethernet(link.mapped(), context_);
      break;
  }
  return row;
}

StaticRow StaticTunnels::make_session(const StaticStep& step, const StaticTunnel& tunnel,
                                      bool exists) {
  StaticRow row;
  row.tunnel = step.tunnel;
  row.session = step.session;
  row.state = exists ? State::kept : step.again ? State::replaced : State::made;
  const auto spec =
      std::find_if(tunnel.sessions.begin(), tunnel.sessions.end(),
                   [&](const EthernetSpec& each) { return each.key.session == step.session; });
  const SessionKey key{step.tunnel, step.session};
  const std::uint32_t group = link_group(instance_, tunnel.clamp_mss, 0);
  EthernetLink& link = links_[key];
  if (!exists) forget_ethernet(link, context_);  // somebody removed it
  EthernetSpec wanted = *spec;
  wanted.key = key;
  auto installed = exists ? adopt_ethernet(wanted, group, context_, link)
                          : make_ethernet(wanted, group, context_, link);
  if (installed) {
    row.installed = std::move(*installed);
    return row;
  }
  row.state = State::failed;
  row.detail = installed.error().to_string();
  // A session that was there and works in part is better than none.
  if (!exists) {
    close_ethernet(link, context_);
    links_.erase(key);
  }
  return row;
}

std::string_view name(StaticRow::State state) {
  switch (state) {
    case State::kept:
      return "kept";
    case State::made:
      return "made";
    case State::replaced:
      return "replaced";
    case State::removed:
      return "removed";
    case State::conflict:
      return "conflict";
    case State::failed:
      return "failed";
  }
  return "?";
}

}  // namespace l2tpm::kernel
