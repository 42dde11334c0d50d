// What workers do to a BCP session: the pair of interfaces with the programs between them, and the
// PPPoE channel on its inner end that is bridged to the session's.
#pragma once

#include <string>

#include "base/result.h"
#include "kernel/bcp.h"
#include "kernel/bcp_programs.h"
#include "kernel/ethernet_jobs.h"

namespace l2tpm::kernel {

// The interface number of the inner end follows; the kernel's to choose.
constexpr const char* kBcpInnerName = "l2bcp%d";

struct BcpLink {
  int outer = 0;  // the port
  int inner = 0;
  SharedFd pppoe;
  std::string bridge;  // of which the outer end is a port
  int master = 0;      // its number
  std::uint32_t inner_mtu = 0;
  bool attached = false;  // the programs know it
};

// Everything but the session: both ends up, the PPPoE channel there and bound. What was made is in
// `link` even when it fails: close it. The value lacks `frames`.
Result<BcpInstalled, KernelError> make_bcp(const BcpSpec& spec, std::uint32_t group,
                                           const EthernetContext& context, BcpLink& link);
// Binds the session (a connected PPPoX socket) and ties it to the link. The value: frames that
// waited.
Result<std::vector<Bytes>, KernelError> bridge_session(int session, const BcpLink& link);
void close_bcp(BcpLink& link, const EthernetContext& context);
// As set_ethernet_carrier(): the port's operational state.
Result<Done, KernelError> set_bcp_carrier(const BcpLink& link, bool on);

// Whether this kernel and what the daemon may do carry BCP: everything but a session is made, and
// removed again.
Result<Done, KernelError> try_bcp(const EthernetContext& context);

}  // namespace l2tpm::kernel
