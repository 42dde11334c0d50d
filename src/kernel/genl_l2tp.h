// Generic netlink family "l2tp": tunnels over our own UDP sockets, and Ethernet pseudowires.
// PPP sessions are not made here: the PPPoX connect makes them without the genl mutex.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// ENOENT-like when the modules are missing; loads them if the kernel can.
Result<std::uint16_t, KernelError> l2tp_family();

// Over a bound and connected UDP socket. EEXIST is retried for a while: deletes are asynchronous.
Result<Done, KernelError> create_tunnel(TunnelId local, TunnelId peer, int socket,
                                        std::uint8_t version);
// Only starts it. A tunnel that does not exist is fine.
Result<Done, KernelError> delete_tunnel(TunnelId local);

// L2TPv3 Ethernet: the interface `name` appears.
Result<Done, KernelError> create_ethernet_session(TunnelId tunnel, SessionId local, SessionId peer,
                                                  const std::string& name);
Result<Done, KernelError> delete_session(TunnelId tunnel, SessionId local);

}  // namespace l2tpm::kernel
