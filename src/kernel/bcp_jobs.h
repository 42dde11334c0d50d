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
  BcpSpec spec;
  int outer = 0;  // the port
  int inner = 0;
  MacAddress mac;               // of the port
  std::uint32_t mtu = 0;        // of both ends
  SharedFd pppoe;               // of the kernel's path
  SharedFd line, lan, control;  // of the relay's: what it borrows
  std::string bridge;           // of which the outer end is a port
  int master = 0;               // its number
  bool attached = false;        // the programs know it
};

// Everything but the session: both ends up, and of the kernel's path the PPPoE channel, there and
// bound. What was made is in `link` even when it fails: close it. The value lacks `frames`.
Result<BcpInstalled, KernelError> make_bcp(const BcpSpec& spec, std::uint32_t group,
                                           const EthernetContext& context, BcpLink& link);
// Binds the session (a connected PPPoX socket) and ties it to the link. The value: frames that
// waited.
Result<std::vector<Bytes>, KernelError> bridge_session(int session, const BcpLink& link);
// Puts back what somebody changed: addresses, MTUs, the bridge, the channel of the inner end. The
// value: whether there was anything. The error's detail says what cannot be put back, or may not
// (`allowed`); it is empty when an interface is not there any more.
Result<bool, KernelError> repair_bcp(int session, const EthernetContext& context, bool allowed,
                                     BcpLink& link);
// The relay begins, with the session's PPPoX socket, unbound, or its unit.
Result<Done, KernelError> start_relay(SharedFd line, const EthernetContext& context, BcpLink& link);
BcpCounters counters_of(const relay::Counters& counters);
void close_bcp(BcpLink& link, const EthernetContext& context);
// As set_ethernet_carrier(): the port's operational state.
Result<Done, KernelError> set_bcp_carrier(const BcpLink& link, bool on);

// Whether this kernel and what the daemon may do carry BCP: everything but a session is made, and
// removed again.
Result<Done, KernelError> try_bcp(const EthernetContext& context);

}  // namespace l2tpm::kernel
