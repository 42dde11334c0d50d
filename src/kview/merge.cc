#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "kview/view.h"

namespace l2tpm::kview {
namespace {

// kernel/link_group.h: bit 30..17 are the instance, bit 31 is clear.
constexpr unsigned kInstanceShift = 17;
constexpr std::uint32_t kMaximumInstance = 0x3fff;
constexpr std::string_view kDaemonProcess = "l2tp-manager";  // in /proc/PID/comm

using SessionKey = std::pair<std::uint32_t, std::uint32_t>;
SessionKey key_of(const Session& session) { return {session.tunnel, session.id}; }

// An IPv4 peer of a dual-stack socket is ::ffff:a.b.c.d in udp6 and plain in the tunnel.
Endpoint unmapped(Endpoint endpoint) {
  const ByteView octets = endpoint.address.octets();
  if (!endpoint.address.is_v6()) return endpoint;
  for (std::size_t i = 0; i < 10; ++i)
    if (octets[i] != 0) return endpoint;
  if (octets[10] != 0xff || octets[11] != 0xff) return endpoint;
  endpoint.address =
      IpAddress::v4(std::uint32_t{octets[12]} << 24 | std::uint32_t{octets[13]} << 16 |
                    std::uint32_t{octets[14]} << 8 | octets[15]);
  return endpoint;
}

class Judge {
 public:
  explicit Judge(const Material& material) : material_(material) {
    for (const UdpSocket& socket : material.udp_sockets)
      sockets_.emplace(std::pair(unmapped(socket.local), unmapped(socket.remote)), &socket);
    if (material.daemon_tunnels)
      for (const DaemonTunnel& tunnel : *material.daemon_tunnels)
        listed_.emplace(std::pair(tunnel.local, tunnel.remote), &tunnel);
  }

  Owner owner_of(const Tunnel& tunnel) const {
    Owner owner;
    for (const Session& session : tunnel.sessions)
      if (session.link && owner.instance == 0)
        owner.instance = instance_of_group(session.link->group);
    look_at_socket(tunnel, owner);
    if (const DaemonTunnel* listed = listed_as(tunnel)) {
      owner.whose = Owner::Whose::ours;
      owner.evidence = Owner::Evidence::daemon;
      owner.tunnel_name = listed->name;
    } else if (owner.of_kernel || !owner.processes.empty()) {
      const bool ours = std::any_of(owner.processes.begin(), owner.processes.end(),
                                    [](const Process& p) { return p.name == kDaemonProcess; });
      owner.whose = ours ? Owner::Whose::ours : Owner::Whose::foreign;
      owner.evidence = Owner::Evidence::socket;
    } else if (owner.instance != 0) {
      owner.whose = Owner::Whose::ours;
      owner.evidence = Owner::Evidence::group;
    } else if (std::any_of(tunnel.sessions.begin(), tunnel.sessions.end(),
                           [](const Session& session) { return session.link.has_value(); })) {
      // Our interfaces are made with their group: one without is somebody else's.
      owner.whose = Owner::Whose::foreign;
      owner.evidence = Owner::Evidence::group;
    }
    return owner;
  }

 private:
  // Ids are small and come again: the addresses have to be the same, too.
  const DaemonTunnel* listed_as(const Tunnel& tunnel) const {
    if (!tunnel.local || !tunnel.remote) return nullptr;
    const auto [first, last] =
        listed_.equal_range({tunnel.local->to_string(), tunnel.remote->to_string()});
    for (auto it = first; it != last; ++it)
      if (it->second->id == 0 || it->second->id == tunnel.id) return it->second;
    return nullptr;
  }

  void look_at_socket(const Tunnel& tunnel, Owner& owner) const {
    if (tunnel.encapsulation != Encapsulation::udp || !tunnel.local || !tunnel.remote) return;
    const auto [first, last] = sockets_.equal_range({*tunnel.local, *tunnel.remote});
    std::size_t count = 0;
    bool all_of_kernel = true;
    for (auto it = first; it != last; ++it, ++count) {
      const UdpSocket& socket = *it->second;
      const auto holders = material_.holders.find(socket.inode);
      const bool held = holders != material_.holders.end() && !holders->second.empty();
      all_of_kernel &= socket.inode == 0 || (!held && material_.all_holders_known);
      if (socket.inode == 0 || holders == material_.holders.end()) continue;
      for (const Process& process : holders->second)
        if (std::find(owner.processes.begin(), owner.processes.end(), process) ==
            owner.processes.end())
          owner.processes.push_back(process);
    }
    owner.of_kernel = count > 0 && all_of_kernel;
  }

  const Material& material_;
  std::multimap<std::pair<Endpoint, Endpoint>, const UdpSocket*> sockets_;
  std::multimap<std::pair<std::string, std::string>, const DaemonTunnel*> listed_;
};

Tunnel bare(const Tunnel& tunnel) {
  Tunnel copy = tunnel;
  copy.sessions.clear();
  return copy;
}

// The same session in another snapshot of its tunnel; a snapshot's sessions are in order.
const Session* find_again(const Tunnel& tunnel, const Session& session) {
  const auto it = std::lower_bound(tunnel.sessions.begin(), tunnel.sessions.end(), session.id,
                                   [](const Session& s, std::uint32_t id) { return s.id < id; });
  const bool same = it != tunnel.sessions.end() && it->id == session.id &&
                    it->peer_id == session.peer_id && it->pseudowire == session.pseudowire;
  return same ? &*it : nullptr;
}

std::string session_detail(const Session& before, const Session& after) {
  if (before.interface != after.interface)
    return after.interface.empty() ? "no interface any more" : "interface " + after.interface;
  if (!before.link || !after.link || before.link->up == after.link->up) return {};
  return after.interface + (after.link->up ? " is up" : " is down");
}

}  // namespace

std::string_view name(Encapsulation encapsulation) {
  switch (encapsulation) {
    case Encapsulation::udp:
      return "udp";
    case Encapsulation::ip:
      return "ip";
    case Encapsulation::other:
      return "other";
  }
  return "other";
}

std::string pseudowire_name(std::uint16_t type) {
  if (type == kPpp) return "ppp";
  if (type == kEthernet) return "ethernet";
  if (type == kEthernetVlan) return "ethernet-vlan";
  return fmt::format("type {}", type);
}

std::string_view name(Owner::Whose whose) {
  switch (whose) {
    case Owner::Whose::ours:
      return "ours";
    case Owner::Whose::foreign:
      return "foreign";
    case Owner::Whose::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view name(Owner::Evidence evidence) {
  switch (evidence) {
    case Owner::Evidence::none:
      return "none";
    case Owner::Evidence::daemon:
      return "daemon";
    case Owner::Evidence::socket:
      return "socket";
    case Owner::Evidence::group:
      return "group";
  }
  return "none";
}

std::string_view name(Change::What what) {
  switch (what) {
    case Change::What::appeared:
      return "appeared";
    case Change::What::vanished:
      return "vanished";
    case Change::What::changed:
      return "changed";
  }
  return "changed";
}

std::uint32_t instance_of_group(std::uint32_t group) {
  return group >> 31 != 0 ? 0 : group >> kInstanceShift & kMaximumInstance;
}

Snapshot merge(Material material) {
  std::map<std::string, const Link*, std::less<>> links;
  std::map<int, const Link*> by_index;
  for (const Link& link : material.links) {
    links.emplace(link.name, &link);
    by_index.emplace(link.index, &link);
  }

  std::map<SessionKey, Session> sessions;
  for (Session& session : material.sessions) sessions.insert_or_assign(key_of(session), session);
  for (Session& ppp : material.ppp) {
    const auto [it, is_new] = sessions.try_emplace(key_of(ppp), ppp);
    if (is_new) continue;
    it->second.has_socket = ppp.has_socket;
    if (!ppp.interface.empty()) it->second.interface = ppp.interface;
  }

  std::map<std::uint32_t, Tunnel> tunnels;
  for (Tunnel& tunnel : material.tunnels) tunnels.insert_or_assign(tunnel.id, std::move(tunnel));
  for (auto& [key, session] : sessions) {
    if (const auto link = links.find(session.interface); link != links.end()) {
      session.link = *link->second;
      if (const auto master = by_index.find(session.link->master); master != by_index.end()) {
        session.link->master_name = master->second->name;
        session.link->master_kind = master->second->kind;
      }
    }
    // A session whose tunnel was not there yet when the tunnels were read.
    Tunnel& tunnel = tunnels[session.tunnel];
    tunnel.id = session.tunnel;
    if (tunnel.peer_id == 0) tunnel.peer_id = session.peer_tunnel;
    // Session 0 is no session: a PPPoX socket through which a program asks about the tunnel.
    if (session.id != 0) tunnel.sessions.push_back(session);
  }

  const Judge judge(material);
  Snapshot snapshot;
  for (auto& [id, tunnel] : tunnels) {
    tunnel.owner = judge.owner_of(tunnel);
    snapshot.push_back(std::move(tunnel));
  }
  return snapshot;
}

std::vector<Change> changes(const Snapshot& before, const Snapshot& after) {
  using What = Change::What;
  std::vector<Change> result;
  const auto add = [&](What what, const Tunnel& tunnel, const Session* session,
                       std::string detail = {}) {
    result.push_back({what, bare(tunnel),
                      session == nullptr ? std::nullopt : std::optional<Session>(*session),
                      std::move(detail)});
  };
  std::map<std::uint32_t, const Tunnel*> old_tunnels;
  for (const Tunnel& tunnel : before) old_tunnels.emplace(tunnel.id, &tunnel);
  std::map<std::uint32_t, const Tunnel*> new_tunnels;
  for (const Tunnel& tunnel : after) new_tunnels.emplace(tunnel.id, &tunnel);

  const auto find = [](const auto& tunnels, std::uint32_t id) {
    const auto it = tunnels.find(id);
    return it == tunnels.end() ? nullptr : it->second;
  };
  // The same id with other ends is another tunnel.
  const auto same = [](const Tunnel& a, const Tunnel& b) {
    return a.peer_id == b.peer_id && a.local == b.local && a.remote == b.remote;
  };
  for (const Tunnel& old_tunnel : before) {
    const Tunnel* now = find(new_tunnels, old_tunnel.id);
    const bool stays = now != nullptr && same(old_tunnel, *now);
    for (const Session& session : old_tunnel.sessions) {
      if (!stays || find_again(*now, session) == nullptr) add(What::vanished, old_tunnel, &session);
    }
    if (!stays) add(What::vanished, old_tunnel, nullptr);
  }
  for (const Tunnel& tunnel : after) {
    const Tunnel* old_tunnel = find(old_tunnels, tunnel.id);
    const bool stayed = old_tunnel != nullptr && same(*old_tunnel, tunnel);
    if (!stayed)
      add(What::appeared, tunnel, nullptr);
    else if (old_tunnel->owner.whose != tunnel.owner.whose)
      add(What::changed, tunnel, nullptr, fmt::format("owner {}", name(tunnel.owner.whose)));
    for (const Session& session : tunnel.sessions) {
      const Session* old_session = stayed ? find_again(*old_tunnel, session) : nullptr;
      if (old_session == nullptr)
        add(What::appeared, tunnel, &session);
      else if (std::string detail = session_detail(*old_session, session); !detail.empty())
        add(What::changed, tunnel, &session, std::move(detail));
    }
  }
  return result;
}

}  // namespace l2tpm::kview
