// A listener profile at work: the LNS. It answers SCCRQs on its ports, decides whom it lets in, and
// gives each session its addresses. What a stranger can cost is bounded by Admission before
// anything is allocated.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "daemon/admission.h"
#include "daemon/backoff.h"
#include "daemon/credentials.h"
#include "daemon/owner_context.h"
#include "daemon/service_api.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_owner.h"

namespace l2tpm::daemon {

class Listener final : public TunnelOwner {
 public:
  Listener(OwnerContext& context, std::uint32_t number, config::ListenerProfile profile);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Opens its ports. When one cannot be had it says so and tries again every few seconds.
  void start(TimePoint now);
  void stop(const Cause& cause, TimePoint now);
  void reconfigure(config::ListenerProfile profile, TimePoint now);
  void handle_timeout(TimePoint now);

  // Does it answer on this local endpoint? `exact`: by address, not by a wildcard.
  bool answers_on(const Endpoint& local, bool exact) const;
  // A stranger's SCCRQ: is there time for it? What is refused here is dropped without a word.
  bool admits(const Endpoint& source, TimePoint now) {
    return admission_.judge(source.address, now) == Admission::Verdict::admitted;
  }
  // A SCCRQ that belongs to no tunnel yet and was admitted.
  void receive_sccrq(const wire::ControlMessage& message, const Datagram& datagram, TimePoint now);

  // No new tunnels and calls; peers are told to try another.
  void set_draining(bool draining);
  bool is_draining() const;
  // The state may be another one, for a reason outside.
  void announce();
  // Asks a LAC to place a call (OCRQ). The tunnel's name and the session's id.
  Result<PlacedCall, ApiError> place_call(const OutgoingCallRequest& request, TimePoint now);

  const config::ListenerProfile& profile() const { return profile_; }
  ListenerView view() const;
  bool is_wanted() const { return wanted_; }
  const std::string& problem() const { return problem_; }
  const Admission& admission() const { return admission_; }
  std::uint32_t tunnels() const { return tunnels_; }
  std::uint32_t sessions() const { return sessions_; }
  bool is_idle() const { return tunnels_ == 0; }
  // TunnelOwner
  const std::string& profile_name() const override { return profile_.name; }
  bool is_client() const override { return false; }
  bool is_exported() const override { return profile_.export_sessions; }
  bool clamps_mss() const override { return profile_.mss_clamp; }
  void tunnel_changed(Tunnel& tunnel, std::string_view old_state) override;
  void tunnel_up(Tunnel& tunnel, TimePoint now) override;
  void tunnel_down(Tunnel& tunnel, const Cause& cause, TimePoint now) override;
  void tunnel_gone(Tunnel& tunnel, TimePoint now) override;
  void incoming_call(Tunnel& tunnel, SessionId session, const l2tp::IncomingCallRequest& call,
                     TimePoint now) override;
  void outgoing_call(Tunnel& tunnel, SessionId session, const l2tp::OutgoingCallRequest& call,
                     TimePoint now) override;
  void pseudowire_requested(Tunnel& tunnel, SessionId session,
                            const l2tp::PseudowireRequest& request, TimePoint now) override;
  SessionPlan plan_session(PppSession& session, const l2tp::SessionUp& call) override;
  void credentials_needed(PppSession& session, const ppp::AuthRequest& request,
                          TimePoint now) override;
  kernel::NetworkConfig network_config(const PppSession& session) const override;
  void session_up(Session& session, TimePoint now) override;
  void session_down(Session& session, const Cause& cause, Failure* end, TimePoint now) override;
  void session_gone(Session& session, TimePoint now) override;

 private:
  // Machine settings made from the profile once and shared; a reload begins a new set.
  struct Shared {
    // By what is said of the peer, our router id, and whether it is over IP.
    using Key = std::tuple<const config::Tunnel*, std::uint32_t, bool>;
    std::map<Key, std::shared_ptr<const l2tp::Settings>> l2tp;
    std::map<std::uint32_t, std::shared_ptr<const ppp::LinkSettings>>
        link[2];  // by what the path fits; as the called and the calling end
  };

  void open_ports(TimePoint now);
  void keep_port(const IpAddress& address,
                 Result<std::shared_ptr<ControlSocket>, SocketError> port);
  void prepare();
  void refuse(const wire::ControlMessage& message, const Datagram& datagram,
              std::uint16_t result_code, std::optional<std::uint16_t> error_code,
              std::string_view text);
  const std::shared_ptr<const l2tp::Settings>& settings_for(const config::Tunnel& settings,
                                                            const Datagram& datagram);
  std::shared_ptr<ControlSocket> port_for(const config::Tunnel& settings, const Datagram& datagram,
                                          TimePoint now);
  std::shared_ptr<const ppp::LinkSettings> link_for(ppp::Role role, std::uint32_t fits);
  std::optional<ControlSocket> socket_for(TunnelId id, const Datagram& datagram);
  bool has_room() const;
  std::optional<Cause> takes_no_calls() const;  // why not, of either version
  void count(Session& session);
  void move_leases(const std::shared_ptr<AddressPool>& from);
  bool lend_addresses(Session& session, const config::User* user);
  std::string_view state_text() const;
  void arm();
  // listener_pseudowires.cc
  using Wire = std::shared_ptr<const config::Pseudowire>;
  void prepare_pseudowires();
  void end_changed_pseudowires(TimePoint now);
  Result<Wire, Cause> granted(const Tunnel& tunnel, const l2tp::PseudowireRequest& request) const;
  Tunnel* user_of(const config::Pseudowire& wire) const;
  // listener_calls.cc
  const config::PeerRule* rule_of(const config::OutgoingCall& call) const;
  void place_calls(Tunnel& tunnel, TimePoint now);
  void place_new_calls(TimePoint now);
  SessionId place(Tunnel& tunnel, const config::OutgoingCall& call, TimePoint now);
  void redial_calls(TimePoint now);
  std::optional<TimePoint> next_call() const;
  void call_is_up(const Session& session);
  void call_ended(const Session& session, const Cause& cause, TimePoint now);
  void forget_calls(const Tunnel& tunnel);
  LogContext log_context() const;

  // An "outgoing" with autostart on one tunnel: placed, or waiting to be placed again.
  struct Call {
    config::OutgoingCall call;
    TunnelId tunnel;
    SessionId session;  // none: waiting
    Backoff backoff;
    TimePoint retry_at{};
  };

  OwnerContext& context_;
  std::uint32_t number_;
  config::ListenerProfile profile_;
  bool wanted_ = false;
  bool draining_ = false;
  std::string_view announced_;  // the state that was told; "": none yet
  TimePoint port_retry_{};
  std::vector<Call> calls_;
  std::vector<std::shared_ptr<ControlSocket>> ports_;
  std::vector<std::shared_ptr<ControlSocket>>
      floating_;  // ephemeral, for answers from another port
  std::vector<Wire> wires_;
  std::string problem_;
  Admission admission_;
  UserTable users_;
  std::shared_ptr<AddressPool> pool_;
  InterfaceIdPool interface_ids_;
  Shared shared_;
  std::optional<IpAddress> held_;  // our address of all sessions
  std::uint32_t tunnels_ = 0;
  std::uint32_t sessions_ = 0;
  TokenBucket refusals_logged_{1, 10};  // a line a second: a flood is not to fill the journal
};

}  // namespace l2tpm::daemon
