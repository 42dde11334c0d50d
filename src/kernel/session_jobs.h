// What workers do to one session or tunnel. The objects are shared between the loop, which only
// cancels, and the jobs, which Workers puts in order; each job shares ownership of them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "kernel/bcp_jobs.h"
#include "kernel/dataplane.h"
#include "kernel/ethernet_jobs.h"
#include "kernel/route_pins.h"
#include "kernel/workers.h"

namespace l2tpm::kernel {

struct KernelTunnel {
  TunnelSpec spec;
  std::uint32_t group = 0;  // of its sessions' interfaces
  bool created = false;
  std::optional<KernelError> error;  // why it was not
};

struct KernelSession {
  std::atomic<bool> cancelled{false};
  SharedFd pppox;    // the session
  SharedFd channel;  // of /dev/ppp; null while unbound
  SharedFd unit;     // the interface
  int ifindex = 0;
  std::unique_ptr<NetworkConfig> network;  // as applied; null: none
  std::unique_ptr<EthernetLink> ethernet;  // of an Ethernet pseudowire; it has nothing of the rest
  std::unique_ptr<BcpLink> bcp;            // of a BCP session; it has no channel and unit
};

// The first install of a tunnel.
void create_kernel_tunnel(KernelTunnel& tunnel);
// Leaves nothing behind when it fails. ECANCELED when session.cancelled was seen on the way.
Result<Installed, KernelError> install_session(const KernelTunnel& tunnel, KernelSession& session,
                                               const SessionSpec& spec,
                                               const EthernetContext& context);
Result<EthernetInstalled, KernelError> install_ethernet_session(const KernelTunnel& tunnel,
                                                                KernelSession& session,
                                                                const EthernetSpec& spec,
                                                                const EthernetContext& context);
Result<BcpInstalled, KernelError> install_bcp_session(const KernelTunnel& tunnel,
                                                      KernelSession& session, const BcpSpec& spec,
                                                      const EthernetContext& context);
// Interface, channel, session, in this order. Blocks.
void close_session(KernelSession& session, const EthernetContext& context);
// All sessions of a tunnel: interfaces by group, if the group has no strangers; the rest by many
// threads at once. Then the tunnel.
void close_tunnel(KernelTunnel& tunnel, const std::vector<std::shared_ptr<KernelSession>>& sessions,
                  const EthernetContext& context, Workers& workers);

// What the kernel is to be told for a configuration: pure, for tests.
struct NetworkObjects {
  std::vector<Address> addresses;
  std::vector<RouteEntry> routes;
};
NetworkObjects network_objects(const NetworkConfig& config, int ifindex, std::uint8_t protocol);

// Replaces what is applied; an empty configuration takes everything away.
Result<Done, KernelError> apply_network(KernelSession& session, NetworkConfig config,
                                        std::uint8_t protocol);

}  // namespace l2tpm::kernel
