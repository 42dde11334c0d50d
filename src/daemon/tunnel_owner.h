// Whose a tunnel is: a client profile that dialled it or a listener profile that accepted it.
// Tunnel and Session do what every tunnel and session does; what differs by profile is asked here.
#pragma once

#include <memory>
#include <string>

#include "base/cause.h"
#include "base/clock.h"
#include "base/ids.h"
#include "config/profile.h"
#include "kernel/dataplane.h"
#include "l2tp/action.h"
#include "ppp/credentials.h"
#include "ppp/link.h"

namespace l2tpm::daemon {

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
  bool for_network_manager = false;  // it manages the interface, and is told so through udev
};

class TunnelOwner {
 public:
  virtual ~TunnelOwner() = default;

  virtual const std::string& profile_name() const = 0;
  virtual bool is_client() const = 0;
  // The MSS of TCP connections through this owner's sessions is clamped.
  virtual bool clamps_mss() const = 0;

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

  virtual SessionPlan plan_session(Session& session, const l2tp::SessionUp& call) = 0;
  // Answered with Session::supply_verdict.
  virtual void credentials_needed(Session& session, const ppp::AuthRequest& request,
                                  TimePoint now) = 0;
  // What the session's interface shall have, from what the NCPs settled so far.
  virtual kernel::NetworkConfig network_config(const Session& session) const = 0;
  virtual void session_up(Session& session, TimePoint now) = 0;
  // The session has ended; whatever it was lent (an address) may be taken back when it is gone.
  virtual void session_down(Session& session, const Cause& cause, TimePoint now) = 0;
  virtual void session_gone(Session& session, TimePoint now) = 0;
};

}  // namespace l2tpm::daemon
