#include "kernel/ethernet_jobs.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/overloaded.h"
#include "kernel/genl_l2tp.h"

namespace l2tpm::kernel {

namespace {

SessionRequest request_of(const EthernetSpec& spec) {
  SessionRequest request;
  request.key = spec.key;
  request.peer_session = spec.peer_session;
  request.framing = spec.framing;
  request.send_sequence = spec.send_sequence;
  request.require_sequence = spec.require_sequence;
  request.reorder_timeout = spec.reorder_timeout;
  request.name = spec.interface_name;
  return request;
}

bool has_port_options(const BridgePort& port) {
  return port.path_cost || port.priority || port.isolated || !port.learning || port.pvid ||
         !port.tagged.empty();
}

Unexpected<KernelError> out_of_reach(const char* doing, const EthernetLink& link) {
  if (link.elsewhere.empty())
    return Unexpected(KernelError{ENOTCONN, doing, "it is not installed"});
  return Unexpected(
      KernelError{EXDEV, doing, "the interface is in network namespace " + link.elsewhere});
}

// `change` is applied to the interface that is to be attached, with the attachment.
Result<bool, KernelError> attach(LinkChange change, const Attachment& attachment,
                                 int present_master, const EthernetContext& context,
                                 EthernetLink& link) {
  const auto outcome = [](Outcome done) -> Result<bool, KernelError> {
    if (!done) return Unexpected(done.error());
    return false;
  };
  return std::visit(
      Overloaded{
          [&](std::monostate) { return outcome(change_link(change)); },
          [&](const BridgePort& port) -> Result<bool, KernelError> {
            change.no_ipv6_address = true;
            const bool counted = std::exchange(link.bridge, port.bridge) == port.bridge;
            const auto attached = context.bridges.attach(change, port, present_master, counted);
            if (!attached) return Unexpected(attached.error());
            link.master = attached->bridge;
            return attached->made;
          },
          [&](const VrfMember& member) -> Result<bool, KernelError> {
            const auto vrf = find_link(member.vrf, "vrf");
            if (!vrf) return Unexpected(vrf.error());
            if (vrf->ifindex != present_master) change.master = vrf->ifindex;
            link.master = vrf->ifindex;
            return outcome(change_link(change));
          },
          [&](const NamespaceMember& member) -> Result<bool, KernelError> {
            const auto there = open_namespace(member.name);
            if (!there) return Unexpected(there.error());
            change.network_namespace = there->get();
            auto moved = change_link(change);
            if (moved) link.elsewhere = member.name;
            return outcome(std::move(moved));
          },
      },
      attachment);
}

bool is_in_namespace(const EthernetSpec& spec) {
  return std::holds_alternative<NamespaceMember>(spec.attachment);
}

// From a session that exists to an interface as it is wanted.
Result<EthernetInstalled, KernelError> shape(const EthernetSpec& spec, std::uint32_t group,
                                             const EthernetContext& context, EthernetLink& link) {
  const auto index = interface_index(spec.interface_name);
  if (!index) return Unexpected(index.error());
  const auto now = get_link(*index);
  if (!now) return Unexpected(now.error());
  link.ifindex = *index;
  context.own_links.add(*index);

  EthernetInstalled installed;
  installed.ifindex = *index;
  installed.interface_name = spec.vlan ? spec.vlan->name : spec.interface_name;
  installed.mac = spec.mac.value_or(now->mac);
  installed.mtu = spec.mtu != 0 ? spec.mtu : now->mtu;

  LinkChange change;
  change.ifindex = *index;
  if (installed.mtu != now->mtu) change.mtu = installed.mtu;
  if (installed.mac != now->mac) change.mac = installed.mac;
  if (group != now->group) change.group = group;
  if (!spec.carrier) change.carrier = false;
  change.up = true;
  if (!spec.vlan) {
    auto attached = attach(std::move(change), spec.attachment, now->master, context, link);
    if (!attached) return Unexpected(attached.error());
    installed.made_bridge = *attached;
    if (!link.elsewhere.empty()) context.own_links.remove(std::exchange(link.ifindex, 0));
    return installed;
  }

  change.no_ipv6_address = true;  // it only carries the VLAN
  if (auto changed = change_link(change); !changed) return Unexpected(changed.error());
  auto vlan = interface_index(spec.vlan->name);
  if (!vlan) {
    auto made = create_vlan(*spec.vlan, *index, group);
    // It is where it was moved to when it was made.
    if (!made && made.error().error == EEXIST && is_in_namespace(spec)) {
      link.elsewhere = std::get<NamespaceMember>(spec.attachment).name;
      return installed;
    }
    if (!made) return Unexpected(made.error());
    vlan = interface_index(spec.vlan->name);
    if (!vlan) return Unexpected(vlan.error());
  }
  const auto vlan_now = get_link(*vlan);
  if (!vlan_now) return Unexpected(vlan_now.error());
  if (vlan_now->kind != "vlan" || vlan_now->lower != *index)
    return Unexpected(KernelError{EEXIST, "creating VLAN interface " + spec.vlan->name,
                                  "another interface has this name"});
  link.vlan_ifindex = *vlan;
  context.own_links.add(*vlan);
  LinkChange upper;
  upper.ifindex = *vlan;
  if (installed.mtu != vlan_now->mtu) upper.mtu = installed.mtu;
  upper.up = true;
  auto attached = attach(std::move(upper), spec.attachment, vlan_now->master, context, link);
  if (!attached) return Unexpected(attached.error());
  installed.made_bridge = *attached;
  if (!link.elsewhere.empty()) context.own_links.remove(std::exchange(link.vlan_ifindex, 0));
  return installed;
}

}  // namespace

bool remove_empty_bridge(const std::string& name, std::uint32_t group) {
  const auto bridge = find_link(name, "bridge");
  if (!bridge || bridge->group != group) return false;
  const auto links = list_links(false);
  if (!links || std::any_of(links->begin(), links->end(),
                            [&](const LinkInfo& link) { return link.master == bridge->ifindex; }))
    return false;
  return delete_link(bridge->ifindex).has_value();
}

Result<LinkInfo, KernelError> Bridges::find_or_make(const BridgePort& port, bool& made) {
  auto bridge = find_link(port.bridge, "bridge");
  if (bridge || bridge.error().error != ENODEV || !port.create) return bridge;
  auto created = create_bridge(port.bridge, *port.create, group_);
  if (!created && created.error().error != EEXIST) return Unexpected(created.error());
  made = created.has_value();
  return find_link(port.bridge, "bridge");
}

Result<Bridges::Attached, KernelError> Bridges::attach(LinkChange change, const BridgePort& port,
                                                       int present_master, bool counted) {
  const std::lock_guard lock(mutex_);
  if (!counted) ++ports_[port.bridge];
  Attached attached;
  const auto bridge = find_or_make(port, attached.made);
  if (!bridge) return Unexpected(bridge.error());
  attached.bridge = bridge->ifindex;
  // No frame passes before its VLANs are known.
  const bool options = has_port_options(port) && present_master != bridge->ifindex;
  if (present_master != bridge->ifindex) change.master = bridge->ifindex;
  const bool up = std::exchange(change.up, change.up && !options);
  if (auto changed = change_link(change); !changed) return Unexpected(changed.error());
  if (!options) return attached;
  if (auto set = set_port(change.ifindex, port); !set) return Unexpected(set.error());
  LinkChange last;
  last.ifindex = change.ifindex;
  last.up = up;
  last.carrier = change.carrier;
  if (auto changed = change_link(last); !changed) return Unexpected(changed.error());
  return attached;
}

bool Bridges::is_ours(const std::string& bridge) const {
  const auto link = find_link(bridge, "bridge");
  return link && link->group == group_;
}

void Bridges::detach(int ifindex, const std::string& bridge) {
  const std::lock_guard lock(mutex_);
  if (ifindex == 0 || !is_ours(bridge)) return;
  LinkChange change;
  change.ifindex = ifindex;
  change.master = 0;
  (void)change_link(change);
}

void Bridges::release(const std::string& bridge) {
  const std::lock_guard lock(mutex_);
  const auto found = ports_.find(bridge);
  if (found == ports_.end() || --found->second > 0) return;
  ports_.erase(found);
  (void)remove_empty_bridge(bridge, group_);
}

Result<EthernetInstalled, KernelError> make_ethernet(const EthernetSpec& spec, std::uint32_t group,
                                                     const EthernetContext& context,
                                                     EthernetLink& link) {
  link.key = spec.key;
  if (auto made = create_session(request_of(spec)); !made) return Unexpected(made.error());
  link.session = true;
  return shape(spec, group, context, link);
}

Result<EthernetInstalled, KernelError> adopt_ethernet(const EthernetSpec& spec, std::uint32_t group,
                                                      const EthernetContext& context,
                                                      EthernetLink& link) {
  link.key = spec.key;
  link.session = true;
  auto shaped = shape(spec, group, context, link);
  if (shaped || shaped.error().error != ENODEV || !is_in_namespace(spec) || spec.vlan)
    return shaped;
  link.elsewhere = std::get<NamespaceMember>(spec.attachment).name;
  EthernetInstalled installed;
  installed.interface_name = spec.interface_name;
  return installed;
}

void detach_ethernet(EthernetLink& link, const EthernetContext& context) {
  if (!link.bridge.empty())
    context.bridges.detach(link.vlan_ifindex != 0 ? link.vlan_ifindex : link.ifindex, link.bridge);
}

void forget_ethernet(EthernetLink& link, const EthernetContext& context) {
  if (link.ifindex != 0) context.own_links.remove(link.ifindex);
  if (link.vlan_ifindex != 0) context.own_links.remove(link.vlan_ifindex);
  const std::string bridge = std::move(link.bridge);
  link = {};
  if (!bridge.empty()) context.bridges.release(bridge);
}

void close_ethernet(EthernetLink& link, const EthernetContext& context) {
  detach_ethernet(link, context);
  if (link.session) (void)delete_session(link.key);
  forget_ethernet(link, context);
}

Result<Done, KernelError> set_ethernet_mtu(const EthernetLink& link, std::uint32_t mtu) {
  if (link.ifindex == 0 || !link.elsewhere.empty()) return out_of_reach("setting the MTU", link);
  if (auto set = set_link_mtu(link.ifindex, mtu); !set) return set;
  if (link.vlan_ifindex != 0) return set_link_mtu(link.vlan_ifindex, mtu);
  return Done{};
}

Result<Done, KernelError> set_ethernet_carrier(const EthernetLink& link, bool on) {
  if (link.ifindex == 0) return out_of_reach("setting the carrier", link);
  LinkChange change;
  change.ifindex = link.ifindex;
  change.carrier = on;
  return change_link(change);
}

}  // namespace l2tpm::kernel
