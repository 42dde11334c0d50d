#include "kernel/bcp_jobs.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/random.h"
#include "kernel/bcp_abi.h"
#include "kernel/ethtool.h"
#include "kernel/ppp_unit.h"
#include "kernel/pppoe.h"
#include "kernel/pppol2tp.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

// Beside the frame: PPPoE, PPP and BCP headers, the frame's own Ethernet header, two VLAN tags.
constexpr std::uint32_t kMtuMargin = 100;
constexpr std::size_t kMaximumDrained = 64;
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

Outcome bring_up(const BcpSpec& spec, const EthernetContext& context, BcpLink& link,
                 BcpInstalled& installed) {
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
  link.bridge = spec.port->bridge;
  const auto attached = context.bridges.attach(std::move(outer), *spec.port, 0, false);
  if (!attached) return Unexpected(attached.error());
  link.master = attached->bridge;
  installed.made_bridge = attached->made;
  // A bridge takes the least MTU of its ports, and this one has more than it shall have.
  if (attached->made) return set_link_mtu(attached->bridge, spec.mtu);
  return Done{};
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
  constexpr const char* kDoing = "installing the BCP session";
  if (spec.mtu < 68 || spec.mtu > kMaximumBcpMtu)
    return Unexpected(
        KernelError{EINVAL, kDoing, fmt::format("the MTU is not 68 to {}", kMaximumBcpMtu)});
  if (spec.path != BcpPath::kernel)
    return Unexpected(KernelError{ENOTSUP, kDoing, "only the kernel carries BCP here"});
  if (auto loaded = context.programs.load(); !loaded) return Unexpected(loaded.error());

  BcpInstalled installed;
  installed.interface_name = spec.interface_name;
  installed.mac = spec.mac.value_or(random_mac());
  link.inner_mtu = spec.mtu + kMtuMargin;
  VethPair pair;
  pair.name = spec.interface_name;
  pair.peer_name = kBcpInnerName;
  pair.mac = installed.mac;
  pair.peer_mac = MacAddress(kInnerMac);
  pair.mtu = link.inner_mtu;
  pair.group = group;
  if (auto made = create_veth(pair); !made) return Unexpected(made.error());
  const auto outer = find_link(spec.interface_name, "veth");
  if (!outer) return Unexpected(outer.error());
  link.outer = installed.ifindex = outer->ifindex;
  link.inner = outer->lower;
  context.own_links.add(link.outer);
  context.own_links.add(link.inner);
  // A tag that an offload keeps beside the frame would not be seen by the context.programs.
  if (auto set = set_offloads(
          spec.interface_name,
          {
              {"tx-vlan-hw-insert",      false},
              {"tx-vlan-stag-hw-insert", false},
              {"rx-gro",                 true }
  });
      !set)
    return Unexpected(set.error());

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Unexpected(KernelError{errno, kDoing, {}});
  installed.channel = share(UniqueFd(ends[0]));
  link.attached = true;
  if (auto attached = context.programs.attach(link.outer, link.inner, share(UniqueFd(ends[1])));
      !attached)
    return Unexpected(attached.error());
  if (auto up = bring_up(spec, context, link, installed); !up) return Unexpected(up.error());

  const auto inner = get_link(link.inner);
  if (!inner) return Unexpected(inner.error());
  auto pppoe = connect_pppoe(inner->name, BCP_PPPOE_ID(link.inner), MacAddress(BCP_KEY_MAC));
  if (!pppoe) return Unexpected(pppoe.error());
  link.pppoe = share(std::move(*pppoe));
  return installed;
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

void close_bcp(BcpLink& link, const EthernetContext& context) {
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
