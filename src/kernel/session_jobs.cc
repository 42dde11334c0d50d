#include "kernel/session_jobs.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/genl_l2tp.h"
#include "kernel/ppp_unit.h"
#include "kernel/pppol2tp.h"
#include "kernel/retry.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

SharedFd share(UniqueFd fd) { return std::make_shared<const UniqueFd>(std::move(fd)); }

Unexpected<KernelError> not_installed(const char* doing) {
  return Unexpected(KernelError{ENOTCONN, doing, "the session has no interface"});
}

// Everything from the channel to a connected interface that is up and passes nothing yet.
Result<Done, KernelError> make_interface(const KernelTunnel& tunnel, KernelSession& session,
                                         const SessionSpec& spec, OwnLinks& own_links,
                                         std::vector<Bytes>& frames) {
  frames = drain_session(session.pppox->get());
  auto index = channel_index(session.pppox->get());
  if (!index) return Unexpected(index.error());
  if (session.cancelled) return Done{};

  auto channel = open_ppp();
  if (!channel) return Unexpected(channel.error());
  auto unit = open_ppp();
  if (!unit) return Unexpected(unit.error());
  session.channel = share(std::move(*channel));
  session.unit = share(std::move(*unit));
  const int channel_fd = session.channel->get();
  const int unit_fd = session.unit->get();
  const PppLink link{unit_fd, spec.interface_name, spec.mtu, tunnel.group};

  // EBUSY: another program is at /dev/ppp. The lock is ours only, so let it go between attempts.
  auto connected = retry_while_busy(
      [&]() -> Result<Done, KernelError> {
        const std::lock_guard lock(ppp_lock());
        if (auto made = create_ppp_link(link); !made) return made;
        if (auto attached = attach_channel(channel_fd, *index); !attached) return attached;
        auto number = unit_number(unit_fd);
        if (!number) return Unexpected(number.error());
        if (auto off = set_network_modes(unit_fd, false, false); !off) return off;
        if (auto set = set_unit_mru(unit_fd, spec.mru); !set) return set;
        if (spec.mrru != 0 || spec.send_multilink)
          if (auto set = set_multilink(unit_fd, spec); !set) return set;
        return connect_channel(channel_fd, *number);
      },
      false);
  if (!connected) return connected;
  const auto made = interface_index(spec.interface_name);
  if (!made) return Unexpected(made.error());
  session.ifindex = *made;
  own_links.add(session.ifindex);
  return Done{};
}

Result<Done, KernelError> make_session(const KernelTunnel& tunnel, KernelSession& session,
                                       const SessionSpec& spec) {
  const SessionIds ids{tunnel.spec.version, spec.key.tunnel, tunnel.spec.peer, spec.key.session,
                       spec.peer_session};
  const bool version3 = tunnel.spec.version == 3;
  if (version3) {  // cookies and sublayer cannot be said to a PPPoX socket, which takes it over
    SessionRequest request;
    request.key = spec.key;
    request.peer_session = spec.peer_session;
    request.ppp = true;
    request.framing = spec.framing;
    if (auto made = create_session(request); !made) return made;
  }
  auto connected = connect_session(ids, tunnel.spec.socket->get());
  if (!connected) {
    if (version3) (void)delete_session(spec.key);
    return Unexpected(connected.error());
  }
  session.pppox = share(std::move(*connected));
  return set_session_options(session.pppox->get(), spec);
}

template <typename T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

void create_kernel_tunnel(KernelTunnel& tunnel) {
  tunnel.error.reset();
  if (tunnel.created) return;
  TunnelRequest request;
  request.local = tunnel.spec.local;
  request.peer = tunnel.spec.peer;
  request.version = tunnel.spec.version;
  request.encapsulation = tunnel.spec.encapsulation;
  request.socket = tunnel.spec.socket->get();
  auto created = create_tunnel(request);
  tunnel.created = created.has_value();
  if (!created) tunnel.error = std::move(created.error());
}

Result<Installed, KernelError> install_session(const KernelTunnel& tunnel, KernelSession& session,
                                               const SessionSpec& spec,
                                               const EthernetContext& context) {
  const auto step = [&]() -> Result<Installed, KernelError> {
    Installed installed;
    if (!tunnel.created)
      return Unexpected(tunnel.error.value_or(KernelError{ENOENT, "creating the tunnel", {}}));
    if (session.cancelled) return installed;
    if (!session.pppox)
      if (auto made = make_session(tunnel, session, spec); !made) return Unexpected(made.error());
    if (session.cancelled) return installed;
    if (!spec.with_unit) {
      installed.channel = session.pppox;
      return installed;
    }
    if (auto made = make_interface(tunnel, session, spec, context.own_links, installed.frames);
        !made)
      return Unexpected(made.error());
    installed.ifindex = session.ifindex;
    installed.interface_name = spec.interface_name;
    installed.channel = session.channel;
    installed.unit = session.unit;
    return installed;
  };
  auto result = step();
  if (result && session.cancelled)
    result = Unexpected(KernelError{ECANCELED, "installing the session", "it was removed"});
  if (!result) close_session(session, context);
  return result;
}

Result<EthernetInstalled, KernelError> install_ethernet_session(const KernelTunnel& tunnel,
                                                                KernelSession& session,
                                                                const EthernetSpec& spec,
                                                                const EthernetContext& context) {
  constexpr const char* kDoing = "installing the pseudowire";
  if (!tunnel.created)
    return Unexpected(tunnel.error.value_or(KernelError{ENOENT, "creating the tunnel", {}}));
  const KernelError removed{ECANCELED, kDoing, "it was removed"};
  if (session.cancelled) return Unexpected(removed);
  session.ethernet = std::make_unique<EthernetLink>();
  auto result = make_ethernet(spec, tunnel.group, context, *session.ethernet);
  if (result && session.cancelled) result = Unexpected(removed);
  if (!result) close_session(session, context);
  return result;
}

Result<BcpInstalled, KernelError> install_bcp_session(const KernelTunnel& tunnel,
                                                      KernelSession& session, const BcpSpec& spec,
                                                      const EthernetContext& context) {
  const auto step = [&]() -> Result<BcpInstalled, KernelError> {
    if (!tunnel.created)
      return Unexpected(tunnel.error.value_or(KernelError{ENOENT, "creating the tunnel", {}}));
    if (session.cancelled) return BcpInstalled{};
    if (!session.pppox) {
      SessionSpec plain;
      plain.key = spec.key;
      plain.peer_session = spec.peer_session;
      plain.send_sequence = spec.send_sequence;
      plain.require_sequence = spec.require_sequence;
      plain.lns_mode = spec.lns_mode;
      plain.reorder_timeout = spec.reorder_timeout;
      plain.framing = spec.framing;
      if (auto made = make_session(tunnel, session, plain); !made) return Unexpected(made.error());
    }
    if (session.cancelled) return BcpInstalled{};
    if (spec.path == BcpPath::relay_unit && !session.unit)
      return Unexpected(
          KernelError{ENOTCONN, "installing the BCP session", "the session has no unit"});
    session.bcp = std::make_unique<BcpLink>();
    auto installed = make_bcp(spec, tunnel.group, context, *session.bcp);
    if (!installed || session.cancelled) return installed;
    if (spec.path != BcpPath::kernel) {
      const bool unit = spec.path == BcpPath::relay_unit;
      if (auto begun = start_relay(unit ? session.unit : session.pppox, context, *session.bcp);
          !begun)
        return Unexpected(begun.error());
      return installed;
    }
    auto frames = bridge_session(session.pppox->get(), *session.bcp);
    if (!frames) return Unexpected(frames.error());
    installed->frames = std::move(*frames);
    return installed;
  };
  auto result = step();
  if (result && session.cancelled)
    result = Unexpected(KernelError{ECANCELED, "installing the BCP session", "it was removed"});
  if (!result) close_session(session, context);
  return result;
}

void close_session(KernelSession& session, const EthernetContext& context) {
  if (session.bcp) close_bcp(*std::exchange(session.bcp, nullptr), context);
  if (session.ethernet) {
    close_ethernet(*session.ethernet, context);
    session.ethernet.reset();
    return;
  }
  session.network.reset();
  // Somebody still reads from the unit: its interface goes now, not when they let go.
  if (session.unit && session.unit.use_count() > 1 && session.ifindex != 0)
    (void)delete_link(session.ifindex);
  session.unit.reset();
  if (session.ifindex != 0) context.own_links.remove(std::exchange(session.ifindex, 0));
  session.channel.reset();
  session.pppox.reset();
}

void close_tunnel(KernelTunnel& tunnel, const std::vector<std::shared_ptr<KernelSession>>& sessions,
                  const EthernetContext& context, Workers& workers) {
  std::unordered_set<int> ours;
  for (const auto& session : sessions)
    if (session->ifindex != 0) ours.insert(session->ifindex);
  if (ours.size() > 1) {
    // The group is a number that anybody can give to an interface of theirs.
    const auto links = list_links(false);
    const bool clean =
        links && std::all_of(links->begin(), links->end(), [&](const LinkInfo& link) {
          return link.group != tunnel.group || (link.is_ppp() && ours.contains(link.ifindex));
        });
    if (clean) (void)delete_link_group(tunnel.group);
  }
  // Ethernet sessions go with the tunnel, in one request.
  workers.for_all(sessions.size(), [&](std::size_t at) {
    if (sessions[at]->ethernet)
      detach_ethernet(*sessions[at]->ethernet, context);
    else
      close_session(*sessions[at], context);
  });
  if (std::exchange(tunnel.created, false)) (void)delete_tunnel(tunnel.spec.local);
  for (const auto& session : sessions)
    if (session->ethernet) forget_ethernet(*std::exchange(session->ethernet, nullptr), context);
  tunnel.spec.socket.reset();
}

NetworkObjects network_objects(const NetworkConfig& config, int ifindex, std::uint8_t protocol) {
  NetworkObjects objects;
  if (!config.addressed) return objects;
  const auto add_address = [&](IpAddress local, std::optional<IpAddress> peer, unsigned length) {
    Address address;
    address.ifindex = ifindex;
    address.local = local;
    address.peer = peer;
    address.length = length;
    address.protocol = protocol;
    objects.addresses.push_back(address);
  };
  if (config.ipv4 && config.ipv4->unnumbered) {
    RouteEntry route;
    route.destination = {config.ipv4->peer, 32};
    route.ifindex = ifindex;
    route.source = config.ipv4->local;
    route.metric = config.ipv4->metric;
    route.protocol = protocol;
    objects.routes.push_back(route);
  } else if (config.ipv4) {
    add_address(config.ipv4->local, config.ipv4->peer, 32);
    objects.addresses.back().metric = config.ipv4->metric;
  }
  if (config.ipv6) {
    std::array<std::uint8_t, 16> octets{0xfe, 0x80};
    for (unsigned i = 0; i < 8; ++i)
      octets[15 - i] = static_cast<std::uint8_t>(config.ipv6->local_interface_id >> (8 * i));
    add_address(IpAddress::v6(octets), std::nullopt, 64);
  }
  for (const IpPrefix& prefix : config.addresses)
    add_address(prefix.address, std::nullopt, prefix.length);
  for (const Route& wanted : config.routes) {
    RouteEntry route;
    route.destination = wanted.destination;
    route.ifindex = ifindex;
    route.source = wanted.source;
    route.metric = wanted.metric;
    route.table = wanted.table;
    route.mtu = wanted.mtu.value_or(0);
    route.protocol = protocol;
    objects.routes.push_back(route);
  }
  return objects;
}

Result<Done, KernelError> apply_network(KernelSession& session, NetworkConfig config,
                                        std::uint8_t protocol) {
  if (!session.unit || session.ifindex == 0) return not_installed("configuring the interface");
  const bool had_ipv4 = session.network && session.network->ipv4;
  const bool had_ipv6 = session.network && session.network->ipv6;
  const auto before = session.network ? network_objects(*session.network, session.ifindex, protocol)
                                      : NetworkObjects{};
  const auto after = network_objects(config, session.ifindex, protocol);
  const bool ipv4 = config.ipv4.has_value();
  const bool ipv6 = config.ipv6.has_value();

  // A family that goes stops passing before its addresses go; one that comes starts after.
  const auto set_modes = [&](bool four, bool six) {
    const std::lock_guard lock(ppp_lock());
    return set_network_modes(session.unit->get(), four, six);
  };
  if ((had_ipv4 && !ipv4) || (had_ipv6 && !ipv6))
    if (auto set = set_modes(had_ipv4 && ipv4, had_ipv6 && ipv6); !set) return set;

  // Recorded first: whatever fails half-way, the next call takes all of it away.
  session.network = std::make_unique<NetworkConfig>(std::move(config));
  for (const RouteEntry& route : before.routes)
    if (!contains(after.routes, route)) (void)delete_route(route);
  for (const Address& address : before.addresses)
    if (!contains(after.addresses, address)) (void)delete_address(address);
  for (const Address& address : after.addresses)
    if (!contains(before.addresses, address))
      if (auto added = add_address(address); !added) return added;
  for (const RouteEntry& route : after.routes)
    if (!contains(before.routes, route))
      if (auto added = add_route(route); !added) return added;
  if ((ipv4 && !had_ipv4) || (ipv6 && !had_ipv6)) return set_modes(ipv4, ipv6);
  return Done{};
}

}  // namespace l2tpm::kernel
