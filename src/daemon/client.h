// A client profile at work: resolves the LNS's name, pins the way to it, dials, places its call,
// and does it again when that ends: with back-off, through the profile's list of LNSs, and back to
// the first one when it answers again. One PPP session; in L2TPv3 also any number of Ethernet
// pseudowires, each of which is asked for again by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/backoff.h"
#include "daemon/owner_context.h"
#include "daemon/service_api.h"
#include "daemon/tunnel.h"
#include "daemon/tunnel_owner.h"

namespace l2tpm::daemon {

class Client final : public TunnelOwner {
 public:
  // `number` is its own in the timer wheel.
  // What a profile that came over the bus is beside its text.
  struct Kind {
    bool transient = false;
    bool report_only = false;  // addresses and routes are somebody else's to apply
    std::string owner;         // unique bus name that it lives as long as; "": it does not
  };
  Client(OwnerContext& context, std::uint32_t number, config::ClientProfile profile);
  Client(OwnerContext& context, std::uint32_t number, config::ClientProfile profile, Kind kind);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  enum class State : std::uint8_t {
    stopped,  // not wanted
    asking,   // somebody is asked for the password
    resolving,
    pinning,    // the host route to the LNS is being made
    dialling,   // SCCRQ is out, up to the session being up
    connected,  // the session is up (or, answering outgoing calls, the tunnel is)
    backoff,
    closing,  // stopped, but something of it still stands
    failed,   // gave up
  };

  // `password`: instead of the profile's, until it is stopped or refused. False: a password is to
  // be asked for and there is nobody to ask.
  bool start(TimePoint now, Secret password = {});
  void stop(const Cause& cause, TimePoint now);
  // A reload: what runs keeps what it has, except for redial; routes apply at once.
  void reconfigure(config::ClientProfile profile, TimePoint now);
  void handle_timeout(TimePoint now);
  void resolved(const Resolver::Answer& answer, TimePoint now);
  // Its row is gone for those who listen; what it has still comes down.
  void retire();

  const config::ClientProfile& profile() const { return profile_; }
  const Kind& kind() const { return kind_; }
  State state() const { return state_; }
  bool has_tunnels() const { return tunnels_ != 0; }
  TunnelView view() const;
  Tunnel* tunnel() const;
  unsigned attempts() const { return backoff_.failures(); }

  // TunnelOwner
  const std::string& profile_name() const override { return profile_.name; }
  bool is_client() const override { return true; }
  bool is_exported() const override { return true; }
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
  // One of the profile's pseudowires; with Ethernet among them PPP is one, too.
  struct Wire {
    std::shared_ptr<const config::Pseudowire> settings;
    SessionKey key;     // of its session, until that has gone
    bool down = false;  // and the session has ended
    Backoff backoff;
    std::optional<TimePoint> retry_at;  // absent: it stands, or has been given up
  };

  void set_state(State state);
  std::string_view view_state() const;
  void announce();
  void attempt(TimePoint now);
  bool ask_for_password(TimePoint now);
  void answered(Result<std::map<std::string, Secret>, ApiError> answer, TimePoint now);
  bool was_given_password_refused(const Cause& cause);
  void record_failure(const Cause& cause, const Tunnel* tunnel, TimePoint now);
  void use_address(const IpAddress& address, TimePoint now);
  void dial(TimePoint now);
  void try_primary(TimePoint now);
  void primary_failed(TimePoint now);
  void abandon_primary(const Cause& cause, TimePoint now);
  void step_failed(const Cause& cause, TimePoint now);
  void resolve_peer(std::size_t peer_index);
  void forget_question();
  void place_call(Tunnel& tunnel, TimePoint now);
  SessionId place_ppp_call(Tunnel& tunnel, TimePoint now);
  // client_pseudowires.cc
  // The profile's one session is PPP: it and the tunnel end together, as in version 2.
  bool is_ppp_alone() const;
  std::shared_ptr<const config::Pseudowire> ppp_wire() const;
  void prepare_wires();
  void place_wires(TimePoint now);
  void reload_wires(TimePoint now);
  Wire* wire_of(const Session& session);
  void wire_down(Wire& wire, Session& session, const Cause& cause, Failure* end, TimePoint now);
  std::optional<TimePoint> next_wire() const;
  void arm_while_up();
  std::shared_ptr<const l2tp::Settings> tunnel_settings() const;
  Result<Tunnel::Address, SocketError> address_for(TunnelId id);
  void attempt_failed(const Cause& cause, const Tunnel* tunnel, TimePoint now);
  void wait_and_retry(TimePoint now);
  void arm(std::optional<TimePoint> when);
  void connected(TimePoint now);
  void pin(std::optional<IpAddress>& place, const IpAddress& address, bool then_dial);
  void unpin(std::optional<IpAddress>& place);
  bool needs_pin(const IpAddress& address) const;
  Result<std::shared_ptr<ControlSocket>, SocketError> port_for(const Endpoint& peer);
  LogContext log_context() const;

  OwnerContext& context_;
  std::uint32_t number_;
  config::ClientProfile profile_;
  Kind kind_;
  State state_ = State::stopped;
  Backoff backoff_;
  PeerChooser chooser_;
  std::size_t peer_index_ = 0;
  unsigned address_turn_ = 0;  // which of a name's addresses is next
  std::optional<Resolver::Token> question_;
  std::optional<std::uint64_t> secret_question_;
  Secret given_password_;       // with start() or by an agent
  bool was_refused_ = false;    // what was given before
  std::optional<Failure> end_;  // of the session whose end ends the tunnel
  Endpoint peer_;
  // Asked for, not necessarily done yet; each is given back once, whatever became of it.
  std::optional<IpAddress> pinned_;
  std::optional<IpAddress> candidate_pin_;
  struct Fallback {
    std::size_t peer_index = 0;
    Endpoint peer;
  } fallback_;                 // where we stay when the first LNS does not answer
  std::uint64_t attempt_ = 0;  // tells a late answer of an earlier attempt from this one's
  std::vector<Wire> wires_;
  TunnelId current_;
  SessionId call_;      // the one that we placed in it
  TunnelId candidate_;  // a tunnel to the first LNS while a later one is in use
  unsigned tunnels_ = 0;
  unsigned sessions_ = 0;
  bool dial_when_clear_ = false;
  bool trying_primary_ = false;
  Cause last_error_;
  std::string_view announced_;  // the state that was told; "": none yet
  bool retired_ = false;
  std::uint64_t retry_at_ = 0;  // CLOCK_REALTIME microseconds
  // Completions outlive a profile that a reload removed; they hold this weakly.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};
std::string_view name(Client::State state);

}  // namespace l2tpm::daemon
