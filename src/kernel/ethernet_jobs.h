// What workers do to an Ethernet pseudowire: the kernel session, its interface, and where that is
// attached. The same for sessions of our own tunnels and of static ones.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "kernel/bcp_programs.h"
#include "kernel/dataplane.h"
#include "kernel/error.h"
#include "kernel/link_group.h"
#include "kernel/route_pins.h"
#include "kernel/rtnl_port.h"
#include "relay/relay.h"

namespace l2tpm::kernel {

// Bridges that a profile asked to make have this group: slot 0 is no tunnel's.
constexpr std::uint32_t bridge_group(std::uint32_t instance) {
  return link_group(instance, false, 0);
}

// The bridges that pseudowires of ours are ports of. One of the group above goes with its last
// port, whoever's the ports are. Workers share this.
class Bridges {
 public:
  explicit Bridges(std::uint32_t instance) : group_(bridge_group(instance)) {}
  struct Attached {
    int bridge = 0;
    bool made = false;
  };
  // Applies `change` and makes the interface a port, unless `present_master` says that it is one.
  // `counted`: release() for this port is owed already; after this it is, in any case.
  Result<Attached, KernelError> attach(LinkChange change, const BridgePort& port,
                                       int present_master, bool counted);
  // A port of an earlier run, for which release() is owed from now on.
  void count(const std::string& bridge) {
    const std::lock_guard lock(mutex_);
    ++ports_[bridge];
  }
  // Takes the port out (0: it is gone already), if the bridge is ours, so that release() finds it
  // empty: what the kernel deletes, it deletes later.
  void detach(int ifindex, const std::string& bridge);
  void release(const std::string& bridge);
  std::uint32_t group() const { return group_; }

 private:
  Result<LinkInfo, KernelError> find_or_make(const BridgePort& port, bool& made);
  bool is_ours(const std::string& bridge) const;

  const std::uint32_t group_;
  std::mutex mutex_;
  std::map<std::string, unsigned> ports_;
};

// True: it was there, of this group, without a port, and has been removed.
bool remove_empty_bridge(const std::string& name, std::uint32_t group);

// What there is of a pseudowire.
struct EthernetLink {
  SessionKey key;
  bool session = false;   // the kernel session, and with it the interface
  int ifindex = 0;        // of the interface; 0: none, or in a namespace where it cannot be reached
  int vlan_ifindex = 0;   // likewise, of the VLAN device
  std::string bridge;     // of which it is a port
  int master = 0;         // that bridge or VRF
  std::string elsewhere;  // the namespace it has moved to
};

struct EthernetContext {
  Bridges& bridges;
  OwnLinks& own_links;
  BcpPrograms& programs;
  relay::Relay& relay;
};

// Session, interface, attachment. What was made is in `link` even when it fails: close it.
Result<EthernetInstalled, KernelError> make_ethernet(const EthernetSpec& spec, std::uint32_t group,
                                                     const EthernetContext& context,
                                                     EthernetLink& link);
// The interface and attachment of a session that exists, put right where they are not as wanted.
// ENODEV: the session's interface is not there and is not in a namespace either.
Result<EthernetInstalled, KernelError> adopt_ethernet(const EthernetSpec& spec, std::uint32_t group,
                                                      const EthernetContext& context,
                                                      EthernetLink& link);
// Session, interface, and a bridge of ours that has no port left.
void close_ethernet(EthernetLink& link, const EthernetContext& context);
// The same without the session, which goes with its tunnel: before that, and after.
void detach_ethernet(EthernetLink& link, const EthernetContext& context);
void forget_ethernet(EthernetLink& link, const EthernetContext& context);

Result<Done, KernelError> set_ethernet_mtu(const EthernetLink& link, std::uint32_t mtu);
Result<Done, KernelError> set_ethernet_carrier(const EthernetLink& link, bool on);

}  // namespace l2tpm::kernel
