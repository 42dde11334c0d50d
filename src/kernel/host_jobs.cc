#include "kernel/host_jobs.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

#include "kernel/ethernet_jobs.h"
#include "kernel/link_group.h"
#include "kernel/mss_clamp.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

Address on_loopback(const IpAddress& address, std::uint8_t protocol) {
  Address out;
  out.ifindex = static_cast<int>(if_nametoindex("lo"));
  out.local = address;
  out.length = address.is_v6() ? 128 : 32;
  out.protocol = protocol;
  return out;
}

}  // namespace

Result<Done, KernelError> HeldAddresses::hold(const IpAddress& address) {
  if (ours_.contains(address)) return Done{};
  const auto route = lookup_route(address);
  if (route && route->type == RTN_LOCAL) return Done{};
  auto added = add_address(on_loopback(address, protocol_));
  if (added) ours_.insert(address);
  return added;
}

void HeldAddresses::release(const IpAddress& address) {
  if (ours_.erase(address) > 0) (void)delete_address(on_loopback(address, protocol_));
}

Result<unsigned, KernelError> sweep(const DataplaneSettings& settings) {
  unsigned removed = 0;
  const auto links = list_links(false);
  if (!links) return Unexpected(links.error());
  // BCP ports come first: bridges of ours go when they have no port left.
  for (const LinkInfo& link : *links)
    if (link.kind == "veth" && link.lower < link.ifindex &&
        is_of_instance(link.group, settings.instance)) {
      if (auto gone = delete_link(link.ifindex); !gone) return Unexpected(gone.error());
      ++removed;
    }
  for (const LinkInfo& link : *links) {
    if (link.kind == "bridge" && link.group == bridge_group(settings.instance))
      removed += remove_empty_bridge(link.name, link.group) ? 1 : 0;
    if (link.is_ppp() && is_of_instance(link.group, settings.instance)) {
      if (auto gone = delete_link(link.ifindex); !gone) return Unexpected(gone.error());
      ++removed;
    }
  }
  for (const bool ipv6 : {false, true}) {
    const auto routes = list_routes(ipv6, 0);
    if (!routes) return Unexpected(routes.error());
    for (const RouteEntry& route : *routes)
      if (route.protocol == settings.route_protocol) {
        if (auto gone = delete_route(route); !gone) return Unexpected(gone.error());
        ++removed;
      }
  }
  const auto addresses = list_addresses();
  if (!addresses) return Unexpected(addresses.error());
  for (const Address& address : *addresses)
    if (address.protocol == settings.route_protocol) {
      if (auto gone = delete_address(address); !gone) return Unexpected(gone.error());
      ++removed;
    }
  if (settings.manage_nftables)
    if (auto made = install_mss_clamp(settings.instance); !made) return Unexpected(made.error());
  return removed;
}

}  // namespace l2tpm::kernel
