// Whose a tunnel is: a client profile that dialled it or a listener profile that accepted it.
// Tunnel and Session do what every tunnel and session does; what differs by profile is asked here.
#pragma once

#include <memory>
#include <string>

#include "base/cause.h"
#include "base/clock.h"
#include "base/ids.h"
#include "config/profile.h"
#include "daemon/failure_log.h"
#include "kernel/dataplane.h"
#include "l2tp/action.h"
#include "ppp/credentials.h"
#include "ppp/link.h"

namespace l2tpm::daemon {

class PppSession;
class Session;
class Tunnel;

// How a session is to run, fixed when its call stands.
struct SessionPlan {
  std::shared_ptr<const ppp::LinkSettings> link;
  config::InstallPoint install_point = config::InstallPoint::before_first_ncp_ack;
  std::string interface_name;
  bool send_sequence = false;
  bool require_sequence = false;
  bool lns_mode = false;
  Duration idle_timeout{};     // zero: never
  Duration session_timeout{};  // zero: never
  std::optional<std::uint32_t> forced_mtu;
  std::shared_ptr<const config::Bcp> bcp;  // of a session that bridges, unless its user has another
  bool for_network_manager = false;        // it manages the interface, and is told so through udev
};

// What sessions carried, as of the last sweep of the kernel's counters.
struct Traffic {
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0;
  void add(const Traffic& more) {
    rx_packets += more.rx_packets;
    tx_packets += more.tx_packets;
    rx_bytes += more.rx_bytes;
    tx_bytes += more.tx_bytes;
    rx_errors += more.rx_errors;
    tx_errors += more.tx_errors;
  }
};

class TunnelOwner {
 public:
  virtual ~TunnelOwner() = default;

  // Of all its sessions, those that have ended included.
  Traffic traffic;

  virtual const std::string& profile_name() const = 0;
  virtual bool is_client() const = 0;
  // Its tunnels and sessions are objects on the bus.
  virtual bool is_exported() const = 0;
  // The MSS of TCP connections through this owner's sessions is clamped.
  virtual bool clamps_mss() const = 0;

  // Its state is another one: for those who listen.
  virtual void tunnel_changed(Tunnel& tunnel, std::string_view old_state) = 0;
  virtual void tunnel_up(Tunnel& tunnel, TimePoint now) = 0;
  // No session is left and no call can be made; the tunnel may still acknowledge for a while.
  virtual void tunnel_down(Tunnel& tunnel, const Cause& cause, TimePoint now) = 0;
  // The last word: the kernel has let go of everything and the tunnel is about to be destroyed.
  virtual void tunnel_gone(Tunnel& tunnel, TimePoint now) = 0;

  // Answered with Tunnel::accept or reject, now or later.
  virtual void incoming_call(Tunnel& tunnel, SessionId session,
                             const l2tp::IncomingCallRequest& call, TimePoint now) = 0;
  virtual void outgoing_call(Tunnel& tunnel, SessionId session,
                             const l2tp::OutgoingCallRequest& call, TimePoint now) = 0;

  // L2TPv3: answered with Tunnel::accept_pseudowire or reject_call.
  virtual void pseudowire_requested(Tunnel& tunnel, SessionId session,
                                    const l2tp::PseudowireRequest& request, TimePoint now) = 0;

  virtual SessionPlan plan_session(PppSession& session, const l2tp::SessionUp& call) = 0;
  // Answered with Session::supply_verdict.
  virtual void credentials_needed(PppSession& session, const ppp::AuthRequest& request,
                                  TimePoint now) = 0;
  // What the session's interface shall have, from what the NCPs settled so far.
  virtual kernel::NetworkConfig network_config(const PppSession& session) const = 0;
  virtual void session_up(Session& session, TimePoint now) = 0;
  // The session has ended; whatever it was lent (an address) may be taken back when it is gone.
  // `end`: what is known about it, when nobody on this side asked for it; else nullptr. The owner
  // may take it.
  virtual void session_down(Session& session, const Cause& cause, Failure* end, TimePoint now) = 0;
  virtual void session_gone(Session& session, TimePoint now) = 0;
};

}  // namespace l2tpm::daemon
