// Dataplane::converge_static(): asks the kernel, plans, carries out.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "kernel/ethernet_jobs.h"
#include "kernel/static_plan.h"

namespace l2tpm::kernel {

// An interface that is to stay as it is; those in other namespaces cannot be watched.
struct StaticInterface {
  int ifindex = 0;
  SessionKey key;
  int master = 0;  // that it has; 0: nobody cares
  bool is_vlan = false;
};

struct StaticOutcome {
  std::vector<StaticRow> rows;
  std::vector<StaticInterface> interfaces;
  std::vector<SessionKey> elsewhere;  // whose pseudowire's interface is in another namespace
};

// One job at a time uses this.
class StaticTunnels {
 public:
  StaticTunnels(std::uint32_t instance, const EthernetContext& context)
      : instance_(instance), context_(context) {}

  Result<StaticOutcome, KernelError> converge(const std::vector<StaticTunnel>& wanted,
                                              const std::vector<StaticTunnel>& remembered);

 private:
  StaticRow carry_out(const StaticStep& step, const StaticTunnel* wanted);
  StaticRow make_session(const StaticStep& step, const StaticTunnel& tunnel, bool exists);
  void recall(const std::vector<StaticTunnel>& remembered);

  const std::uint32_t instance_;
  const EthernetContext context_;
  // Of sessions that exist, by this run or recalled.
  std::map<SessionKey, EthernetLink> links_;
  std::set<TunnelId> failed_;  // in this convergence
};

}  // namespace l2tpm::kernel
