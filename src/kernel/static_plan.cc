#include "kernel/static_plan.h"

#include <algorithm>
#include <set>

namespace l2tpm::kernel {

namespace {

using What = StaticStep::What;

constexpr auto kClockTick = std::chrono::milliseconds(10);  // the kernel's rounding of times

bool is_same_end(const Endpoint& wanted, const Endpoint& present, bool udp) {
  return (wanted.address.is_unspecified() || wanted.address == present.address) &&
         (!udp || wanted.port == present.port);
}

const StaticTunnel* find(const std::vector<StaticTunnel>& tunnels, TunnelId id) {
  const auto found = std::find_if(tunnels.begin(), tunnels.end(),
                                  [&](const StaticTunnel& each) { return each.local == id; });
  return found == tunnels.end() ? nullptr : &*found;
}

const EthernetSpec* find(const StaticTunnel* tunnel, SessionId id) {
  if (tunnel == nullptr) return nullptr;
  const auto found = std::find_if(tunnel->sessions.begin(), tunnel->sessions.end(),
                                  [&](const EthernetSpec& each) { return each.key.session == id; });
  return found == tunnel->sessions.end() ? nullptr : &*found;
}

class Planner {
 public:
  Planner(const std::vector<StaticTunnel>& wanted, const std::vector<StaticTunnel>& remembered,
          const std::map<TunnelId, StaticFacts>& present)
      : wanted_(wanted), remembered_(remembered), present_(present) {}

  std::vector<StaticStep> plan() {
    for (const StaticTunnel& old : remembered_)
      if (find(wanted_, old.local) == nullptr && is_ours(old.local))
        deletions_.push_back({What::delete_tunnel, old.local, {}, false, {}});
    std::set<TunnelId> seen;
    for (const StaticTunnel& tunnel : wanted_)
      if (seen.insert(tunnel.local).second)
        plan_tunnel(tunnel);
      else
        refuse(tunnel, "the id is used twice");
    deletions_.insert(deletions_.end(), rest_.begin(), rest_.end());
    return std::move(deletions_);
  }

 private:
  const StaticFacts* facts(TunnelId id) const {
    const auto found = present_.find(id);
    return found == present_.end() ? nullptr : &found->second;
  }
  // What is there is what we once made, and not somebody's who took the id later.
  bool is_ours(TunnelId id) const {
    const StaticTunnel* const old = find(remembered_, id);
    const StaticFacts* const there = facts(id);
    return old != nullptr && there != nullptr && is_same_tunnel(*old, there->tunnel);
  }

  void add(What what, TunnelId tunnel, SessionId session, bool again = false,
           std::string detail = {}) {
    (what == What::delete_tunnel || what == What::delete_session ? deletions_ : rest_)
        .push_back({what, tunnel, session, again, std::move(detail)});
  }

  void refuse(const StaticTunnel& tunnel, const std::string& why) {
    add(What::conflict, tunnel.local, {}, false, why);
    for (const EthernetSpec& session : tunnel.sessions)
      add(What::conflict, tunnel.local, session.key.session, false, "its tunnel is not ours");
  }

  void plan_tunnel(const StaticTunnel& tunnel) {
    const StaticFacts* const there = facts(tunnel.local);
    const bool same = there != nullptr && is_same_tunnel(tunnel, there->tunnel);
    const bool ours = is_ours(tunnel.local);
    if (there != nullptr && !same && !ours) {
      refuse(tunnel, "another tunnel has this id");
      return;
    }
    if (there != nullptr && !same) add(What::delete_tunnel, tunnel.local, {}, true);
    add(same ? What::keep_tunnel : What::create_tunnel, tunnel.local, {},
        there != nullptr && !same);

    const StaticTunnel* const old = ours ? find(remembered_, tunnel.local) : nullptr;
    if (same && old != nullptr)
      for (const EthernetSpec& session : old->sessions)
        if (find(&tunnel, session.key.session) == nullptr &&
            there->sessions.contains(session.key.session))
          add(What::delete_session, tunnel.local, session.key.session);
    std::set<SessionId> seen;
    for (const EthernetSpec& session : tunnel.sessions) {
      if (!seen.insert(session.key.session).second)
        add(What::conflict, tunnel.local, session.key.session, false, "the id is used twice");
      else
        plan_session(tunnel, session, same ? there : nullptr, old);
    }
  }

  void plan_session(const StaticTunnel& tunnel, const EthernetSpec& session,
                    const StaticFacts* there, const StaticTunnel* old) {
    const SessionId id = session.key.session;
    const auto present = there == nullptr ? std::map<SessionId, SessionRequest>::const_iterator()
                                          : there->sessions.find(id);
    if (there == nullptr || present == there->sessions.end()) {
      add(What::create_session, tunnel.local, id);
      return;
    }
    const EthernetSpec* const before = find(old, id);
    // What the kernel does not tell, and what does not change in place, is taken from what was
    // wanted before.
    const bool changed = before != nullptr &&
                         (before->framing.sublayer != session.framing.sublayer ||
                          before->vlan != session.vlan || before->attachment != session.attachment);
    if (is_same_session(session, present->second) && !changed) {
      add(What::keep_session, tunnel.local, id);
    } else if (before != nullptr) {
      add(What::delete_session, tunnel.local, id, true);
      add(What::create_session, tunnel.local, id, true);
    } else {
      add(What::conflict, tunnel.local, id, false, "another session has this id");
    }
  }

  const std::vector<StaticTunnel>& wanted_;
  const std::vector<StaticTunnel>& remembered_;
  const std::map<TunnelId, StaticFacts>& present_;
  std::vector<StaticStep> deletions_, rest_;
};

}  // namespace

bool is_same_tunnel(const StaticTunnel& wanted, const TunnelRequest& present) {
  const bool udp = wanted.encapsulation == Encapsulation::udp;
  return present.version == 3 && wanted.peer == present.peer &&
         wanted.encapsulation == present.encapsulation &&
         is_same_end(wanted.local_end, present.local_end, udp) &&
         is_same_end(wanted.peer_end, present.peer_end, udp) &&
         (!udp || wanted.udp_checksum == present.udp_checksum);
}

bool is_same_session(const EthernetSpec& wanted, const SessionRequest& present) {
  const Duration rounded = present.reorder_timeout - wanted.reorder_timeout;
  return !present.ppp && wanted.peer_session == present.peer_session &&
         wanted.framing.send_cookie == present.framing.send_cookie &&
         wanted.framing.receive_cookie == present.framing.receive_cookie &&
         wanted.send_sequence == present.send_sequence &&
         wanted.require_sequence == present.require_sequence && rounded <= kClockTick &&
         rounded >= -kClockTick && wanted.interface_name == present.name;
}

std::vector<StaticStep> plan_static(const std::vector<StaticTunnel>& wanted,
                                    const std::vector<StaticTunnel>& remembered,
                                    const std::map<TunnelId, StaticFacts>& present) {
  return Planner(wanted, remembered, present).plan();
}

}  // namespace l2tpm::kernel
