// What is to be done so that the kernel's static tunnels become what is wanted. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/ethernet.h"
#include "kernel/genl_l2tp.h"

namespace l2tpm::kernel {

// What the kernel has of one tunnel id, of the sessions that matter.
struct StaticFacts {
  TunnelRequest tunnel;
  std::map<SessionId, SessionRequest> sessions;
};

struct StaticStep {
  enum class What : std::uint8_t {
    delete_tunnel,   // with its sessions; wanted no more, or about to be made anew
    delete_session,  // likewise
    keep_tunnel,
    create_tunnel,
    keep_session,  // its interface may still need work
    create_session,
    conflict,  // somebody else's, or the same id twice; nothing is done
  };
  What what = What::conflict;
  TunnelId tunnel;
  SessionId session;   // none: the tunnel itself
  bool again = false;  // of deletions: made anew later; of creations: was deleted just before
  std::string detail;  // of conflicts
  friend bool operator==(const StaticStep&, const StaticStep&) = default;
};

// Whether the kernel's is what is wanted. An unspecified local address in `wanted` stands for any.
bool is_same_tunnel(const StaticTunnel& wanted, const TunnelRequest& present);
// The sublayer cannot be compared: the kernel does not tell.
bool is_same_session(const EthernetSpec& wanted, const SessionRequest& present);

// In the order in which to do it: deletions first. `present` has the facts of every tunnel id and
// session id of `wanted` and `remembered` that the kernel knows.
std::vector<StaticStep> plan_static(const std::vector<StaticTunnel>& wanted,
                                    const std::vector<StaticTunnel>& remembered,
                                    const std::map<TunnelId, StaticFacts>& present);

}  // namespace l2tpm::kernel
