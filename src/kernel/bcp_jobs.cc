#include "kernel/bcp_jobs.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/random.h"
#include "kernel/bcp_abi.h"
#include "kernel/ppp_unit.h"
#include "kernel/pppoe.h"
#include "kernel/pppol2tp.h"
#include "kernel/rtnl.h"
#include "relay/lan.h"
#include "relay/offloads.h"

namespace l2tpm::kernel {

namespace {

// Beside the frame: PPPoE, PPP and BCP headers, the frame's own Ethernet header, two VLAN tags.
constexpr std::uint32_t kMtuMargin = 100;
constexpr std::size_t kMaximumDrained = 64;
constexpr const char* kInstalling = "installing the BCP session";
// Of the inner ends; nothing but its peer ever sees it.
constexpr std::array<std::uint8_t, 6> kInnerMac = {0x02, 0, 0, 0, 0, 0x02};

SharedFd share(UniqueFd fd) { return std::make_shared<const UniqueFd>(std::move(fd)); }

MacAddress random_mac() {
  SystemRandom random;
  std::array<std::uint8_t, 6> octets{};
  for (auto& octet : octets) octet = static_cast<std::uint8_t>(random.below(256));
  octets[0] = static_cast<std::uint8_t>((octets[0] & 0xfc) | 0x02);
  return MacAddress(octets);
}

Outcome make_pair(const BcpSpec& spec, std::uint32_t group, const EthernetContext& context,
                  BcpLink& link, BcpInstalled& installed) {
  installed.interface_name = spec.interface_name;
  installed.mac = spec.mac.value_or(random_mac());
  link.spec = spec;
  link.mac = installed.mac;
  link.mtu = spec.mtu + kMtuMargin;
  VethPair pair;
  pair.name = spec.interface_name;
  pair.peer_name = kBcpInnerName;
  pair.mac = installed.mac;
  pair.peer_mac = MacAddress(kInnerMac);
  pair.mtu = link.mtu;
  pair.group = group;
  if (auto made = create_veth(pair); !made) return made;
  const auto outer = find_link(spec.interface_name, "veth");
  if (!outer) return Unexpected(outer.error());
  link.outer = installed.ifindex = outer->ifindex;
  link.inner = outer->lower;
  context.own_links.add(link.outer);
  context.own_links.add(link.inner);
  // A tag that an offload keeps beside the frame would not be seen by the programs.
  static const std::vector<std::pair<std::string, bool>> kForPrograms = {
      {"tx-vlan-hw-insert",      false},
      {"tx-vlan-stag-hw-insert", false},
      {"rx-gro",                 true },
  };
  const auto set = spec.path == BcpPath::kernel
                       ? relay::set_offloads(spec.interface_name, kForPrograms)
                       : relay::switch_offloads_off(spec.interface_name);
  if (!set) return Unexpected(KernelError{set.error(), "setting the offloads of the port", {}});
  return Done{};
}

// The value: whether the bridge was made.
Result<bool, KernelError> attach_port(LinkChange outer, const EthernetContext& context,
                                      BcpLink& link) {
  const BridgePort& port = *link.spec.port;
  const bool counted = std::exchange(link.bridge, port.bridge) == port.bridge;
  const auto attached = context.bridges.attach(std::move(outer), port, 0, counted);
  if (!attached) return Unexpected(attached.error());
  link.master = attached->bridge;
  // A bridge takes the least MTU of its ports, and this one has more than it shall have.
  if (attached->made)
    if (auto set = set_link_mtu(attached->bridge, link.spec.mtu); !set)
      return Unexpected(set.error());
  return attached->made;
}

Outcome bring_up(const EthernetContext& context, BcpLink& link, BcpInstalled& installed) {
  const BcpSpec& spec = link.spec;
  LinkChange inner;
  inner.ifindex = link.inner;
  inner.no_ipv6_address = true;
  inner.up = true;
  if (auto up = change_link(inner); !up) return up;
  LinkChange outer;
  outer.ifindex = link.outer;
  outer.no_ipv6_address = true;
  outer.up = true;
  if (!spec.port) return change_link(outer);
  const auto made = attach_port(std::move(outer), context, link);
  if (!made) return Unexpected(made.error());
  installed.made_bridge = *made;
  return Done{};
}

Outcome connect_inner(BcpLink& link) {
  const auto inner = get_link(link.inner);
  if (!inner) return Unexpected(inner.error());
  auto pppoe = connect_pppoe(inner->name, BCP_PPPOE_ID(link.inner), MacAddress(BCP_KEY_MAC));
  if (!pppoe) return Unexpected(pppoe.error());
  link.pppoe = share(std::move(*pppoe));
  return Done{};
}

// Whether frames pass between the inner end and the line, as far as can be seen.
bool is_tied(const BcpLink& link, const EthernetContext& context) {
  if (link.pppoe) return is_pppoe_alive(link.pppoe->get());
  const auto relayed = context.relay.counters(link.spec.key);
  return relayed && relayed->lan_error == 0;
}

// What is not as it was made; empty: nothing.
std::string_view disturbed(const BcpLink& link, const LinkInfo& outer, const LinkInfo& inner,
                           const EthernetContext& context) {
  if (outer.mac != link.mac) return "its address was changed";
  if (outer.mtu != link.mtu) return "its MTU was changed";
  if (link.spec.port && outer.master != link.master) return "it was taken out of its bridge";
  if (inner.mac != MacAddress(kInnerMac)) return "the address of its inner end was changed";
  if (inner.mtu != link.mtu) return "the MTU of its inner end was changed";
  if (!inner.up) return "its inner end was set down";
  if (!is_tied(link, context)) return "its inner end was changed for a while";
  return {};
}

}  // namespace

std::string_view name(BcpPath path) {
  switch (path) {
    case BcpPath::kernel:
      return "kernel";
    case BcpPath::relay_channel:
      return "relay-channel";
    case BcpPath::relay_unit:
      return "relay-unit";
  }
  return {};
}

Result<BcpInstalled, KernelError> make_bcp(const BcpSpec& spec, std::uint32_t group,
                                           const EthernetContext& context, BcpLink& link) {
  if (spec.mtu < 68 || spec.mtu > kMaximumBcpMtu)
    return Unexpected(
        KernelError{EINVAL, kInstalling, fmt::format("the MTU is not 68 to {}", kMaximumBcpMtu)});
  const bool by_kernel = spec.path == BcpPath::kernel;
  if (by_kernel)
    if (auto loaded = context.programs.load(); !loaded) return Unexpected(loaded.error());

  BcpInstalled installed;
  if (auto made = make_pair(spec, group, context, link, installed); !made)
    return Unexpected(made.error());
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Unexpected(KernelError{errno, kInstalling, {}});
  (spec.path == BcpPath::relay_unit ? installed.unit : installed.channel) =
      share(UniqueFd(ends[0]));
  link.control = share(UniqueFd(ends[1]));
  if (by_kernel) {
    link.attached = true;
    if (auto attached = context.programs.attach(link.outer, link.inner, link.control, spec);
        !attached)
      return Unexpected(attached.error());
  }
  if (auto up = bring_up(context, link, installed); !up) return Unexpected(up.error());
  if (by_kernel)
    if (auto connected = connect_inner(link); !connected) return Unexpected(connected.error());
  return installed;
}

Result<Done, KernelError> start_relay(SharedFd line, const EthernetContext& context,
                                      BcpLink& link) {
  const BcpSpec& spec = link.spec;
  auto lan = relay::open_packet_lan(link.inner);
  if (!lan) return Unexpected(KernelError{lan.error(), "opening the relay's end of the port", {}});
  link.lan = share(std::move(*lan));
  link.line = std::move(line);
  relay::Descriptors descriptors;
  descriptors.line = link.line->get();
  descriptors.line_kind =
      spec.path == BcpPath::relay_unit ? relay::FdKind::file : relay::FdKind::socket;
  descriptors.lan = link.lan->get();
  descriptors.lan_kind = relay::FdKind::packet;
  descriptors.control = link.control->get();
  relay::Settings settings;
  settings.peer_mru = spec.peer_mru;
  settings.peer_mrru = spec.peer_mrru;
  settings.local_mrru = spec.local_mrru;
  settings.send_short_sequence = spec.short_sequence;
  settings.send_tagged = spec.send_tagged;
  settings.send_bpdus = spec.send_bpdus;
  settings.limits = {spec.limits.macs, spec.limits.broadcast_per_second,
                     spec.limits.multicast_per_second};
  if (auto added = context.relay.add(spec.key, descriptors, settings); !added)
    return Unexpected(KernelError{added.error(), "starting the relay", {}});
  return Done{};
}

BcpCounters counters_of(const relay::Counters& from) {
  using relay::Counter;
  BcpCounters counters;
  counters.control = from[Counter::control_in];
  counters.dropped = from[Counter::control_full];
  counters.mac_type = from[Counter::foreign_mac_type] + from[Counter::lan_id];
  counters.malformed = from[Counter::malformed] + from[Counter::unexpected_multilink];
  counters.fcs = from[Counter::checksummed];
  counters.padded = from[Counter::padded];
  counters.storm = from[Counter::storm_broadcast] + from[Counter::storm_multicast];
  counters.strangers = from[Counter::too_many_stations];
  counters.stations = from[Counter::stations];
  counters.tagged = from[Counter::tagged];
  counters.bpdus = from[Counter::bpdus];
  counters.inflated = from[Counter::inflated];
  counters.fragments_in = from[Counter::fragments_in];
  counters.fragments_out = from[Counter::fragments_out];
  counters.reassembled = from[Counter::reassembled];
  counters.fragments_lost = from[Counter::fragments_lost] + from[Counter::fragments_stale];
  counters.too_big = from[Counter::too_big];
  counters.full = from[Counter::line_full] + from[Counter::line_failed] + from[Counter::lan_full] +
                  from[Counter::lan_failed];
  return counters;
}

Result<std::vector<Bytes>, KernelError> bridge_session(int session, const BcpLink& link) {
  const auto other = channel_index(link.pppoe->get());
  if (!other) return Unexpected(other.error());
  auto frames = drain_session(session);
  const auto index = channel_index(session);
  if (!index) return Unexpected(index.error());
  const auto channel = open_ppp();
  if (!channel) return Unexpected(channel.error());
  {
    const std::lock_guard lock(ppp_lock());
    if (auto done = attach_channel(channel->get(), *index); !done) return Unexpected(done.error());
    if (auto done = bridge_channel(channel->get(), *other); !done) return Unexpected(done.error());
  }
  // What came between binding and bridging.
  std::array<std::uint8_t, 4096> buffer;
  while (frames.size() < kMaximumDrained) {
    const ssize_t got = ::read(channel->get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    frames.emplace_back(buffer.begin(), buffer.begin() + got);
  }
  return frames;
}

Result<bool, KernelError> repair_bcp(int session, const EthernetContext& context, bool allowed,
                                     BcpLink& link) {
  const auto outer = get_link(link.outer);
  const auto inner = get_link(link.inner);
  if (!outer || !inner) return Unexpected(KernelError{ENODEV, "repairing the BCP port", {}});
  const auto what = disturbed(link, *outer, *inner, context);
  if (what.empty()) return false;
  if (!allowed)
    return Unexpected(
        KernelError{EBUSY, "repairing the BCP port", fmt::format("{}, again and again", what)});

  const auto failed = [&](const KernelError& error) {
    return Unexpected(KernelError{error.error, "repairing the BCP port",
                                  fmt::format("{}: {}", what, error.to_string())});
  };
  LinkChange change;
  change.ifindex = link.outer;
  if (outer->mac != link.mac) change.mac = link.mac;
  if (outer->mtu != link.mtu) change.mtu = link.mtu;
  if (auto changed = change_link(change); !changed) return failed(changed.error());
  if (link.spec.port && outer->master != link.master) {
    LinkChange back;
    back.ifindex = link.outer;
    back.up = outer->up;
    if (auto put = attach_port(std::move(back), context, link); !put) return failed(put.error());
  }
  change = {};
  change.ifindex = link.inner;
  if (inner->mac != MacAddress(kInnerMac)) change.mac = MacAddress(kInnerMac);
  if (inner->mtu != link.mtu) change.mtu = link.mtu;
  change.up = true;
  if (auto changed = change_link(change); !changed) return failed(changed.error());
  if (is_tied(link, context)) return true;
  if (!link.pppoe) {
    context.relay.remove(link.spec.key);
    if (auto begun = start_relay(link.line, context, link); !begun) return failed(begun.error());
    return true;
  }
  link.pppoe.reset();  // its place is free for another only then
  if (auto connected = connect_inner(link); !connected) return failed(connected.error());
  if (auto bridged = bridge_session(session, link); !bridged) return failed(bridged.error());
  return true;
}

void close_bcp(BcpLink& link, const EthernetContext& context) {
  if (link.line) context.relay.remove(link.spec.key);
  if (!link.bridge.empty()) context.bridges.detach(link.outer, link.bridge);
  link.pppoe.reset();  // the bridging of the channels ends here
  if (link.outer != 0) {
    (void)delete_link(link.outer);  // and the inner end
    context.own_links.remove(link.outer);
    context.own_links.remove(link.inner);
  }
  if (link.attached) context.programs.forget(link.outer);
  const std::string bridge = std::move(link.bridge);
  link = {};
  if (!bridge.empty()) context.bridges.release(bridge);
}

Result<Done, KernelError> set_bcp_carrier(const BcpLink& link, bool on) {
  LinkChange change;
  change.ifindex = link.outer;
  change.carrier = on;
  return change_link(change);
}

Result<Done, KernelError> try_bcp(const EthernetContext& context) {
  SystemRandom random;
  BcpSpec spec;
  spec.interface_name = fmt::format("l2tpprobe{}", random.below(100000));
  BcpLink link;
  // Group 1 of instance 0, which no instance has: a sweep leaves it alone.
  const auto made = make_bcp(spec, 1, context, link);
  Result<Done, KernelError> result = Done{};
  if (!made) {
    result = Unexpected(made.error());
  } else if (const auto index = channel_index(link.pppoe->get()); !index) {
    result = Unexpected(index.error());
  }
  close_bcp(link, context);
  return result;
}

}  // namespace l2tpm::kernel
