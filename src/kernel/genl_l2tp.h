// Generic netlink family "l2tp": tunnels over our own sockets or over the kernel's, and sessions of
// L2TPv3. PPP sessions of version 2 are not made here: the PPPoX connect makes them without the
// genl mutex.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "kernel/error.h"
#include "kernel/ethernet.h"

namespace l2tpm::kernel {

// ENOENT-like when the modules are missing; loads them if the kernel can.
Result<std::uint16_t, KernelError> l2tp_family();

struct TunnelRequest {
  TunnelId local;
  TunnelId peer;
  std::uint8_t version = 2;
  Encapsulation encapsulation = Encapsulation::udp;
  int socket = -1;  // bound and connected; -1: a socket of the kernel's own, between these ends
  Endpoint local_end, peer_end;
  bool udp_checksum = true;
};
// EEXIST is retried for a while: deletes are asynchronous.
Result<Done, KernelError> create_tunnel(const TunnelRequest& request);
// Only starts it. A tunnel that does not exist is fine.
Result<Done, KernelError> delete_tunnel(TunnelId local);

struct SessionRequest {
  SessionKey key;
  SessionId peer_session;
  bool ppp = false;  // else Ethernet: the interface `name` appears
  SessionFraming framing;
  bool send_sequence = false;
  bool require_sequence = false;
  Duration reorder_timeout{};
  std::string name;
};
// Of a tunnel of version 3. EEXIST is retried, too: an id or a name that is being let go.
Result<Done, KernelError> create_session(const SessionRequest& request);
// A session that does not exist is fine.
Result<Done, KernelError> delete_session(SessionKey key);

// What the kernel tells about a tunnel; it does not say whose the socket is.
struct TunnelState {
  TunnelRequest is;
};
// nullopt: there is none.
Result<std::optional<TunnelState>, KernelError> get_tunnel(TunnelId local);

struct SessionState {
  SessionRequest is;  // but for framing.sublayer, which the kernel does not tell
  // The name at its making; it does not follow a renaming.
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0;
};
Result<std::optional<SessionState>, KernelError> get_session(SessionKey key);

}  // namespace l2tpm::kernel
