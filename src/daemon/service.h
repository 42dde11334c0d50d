// The daemon itself: profiles at work, every datagram and deadline to whom it concerns, and the
// verbs that faces offer. It owns all tables; time is read once per wake-up and handed down.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/load.h"
#include "config/store.h"
#include "daemon/background.h"
#include "daemon/client.h"
#include "daemon/environment.h"
#include "daemon/event_loop.h"
#include "daemon/interface_notes.h"
#include "daemon/listener.h"
#include "daemon/owner_context.h"
#include "daemon/ports.h"
#include "daemon/secret_questions.h"
#include "daemon/service_api.h"
#include "daemon/static_tunnels.h"
#include "daemon/tunnel.h"
#include "kernel/dataplane.h"
#include "kernel/features.h"

namespace l2tpm::daemon {

class Service final : public ServiceApi {
 public:
  enum class State : std::uint8_t { starting, running, reloading, stopping };

  // Borrows the loop and the dataplane.
  Service(EventLoop& loop, kernel::Dataplane& dataplane, kernel::KernelFeatures features,
          config::Places places, config::Loaded loaded);
  ~Service() override;

  // Clears what a killed predecessor left, then starts the profiles that want it. `on_ready` is
  // called once when the listeners listen.
  Result<Done, std::string> run(std::function<void()> on_ready);
  // SIGTERM: every tunnel is closed politely; `on_stopped` is called when all is gone, or after the
  // configured time at the latest.
  void shut_down(std::function<void()> on_stopped);

  const TunnelTable& tunnels() const { return tunnels_; }

  // ServiceApi
  std::string version() const override;
  std::string state() const override;
  std::vector<std::string> features() const override;
  std::vector<std::string> kernel_features() const override;
  std::uint32_t tunnel_count() const override;
  std::uint32_t session_count() const override;
  std::string log_level() const override;
  Result<Done, ApiError> set_log_level(const std::string& level) override;
  bool draining() const override;
  void set_draining(bool draining) override;
  std::vector<ProfileView> list_profiles() const override;
  Result<std::string, ApiError> get_profile(const std::string& name, bool with_secrets) override;
  void put_profile(const std::string& name, const std::string& json, const PutOptions& options,
                   ApiCallback<Diagnostics> done) override;
  void patch_profile(const std::string& name, const std::string& merge_patch,
                     const PutOptions& options, ApiCallback<Diagnostics> done) override;
  void remove_profile(const std::string& name, bool stop, ApiCallback<Diagnostics> done) override;
  Diagnostics check_config(const std::string& name, const std::string& json) override;
  ReloadResult reload() override;
  std::uint64_t config_generation() const override;
  Diagnostics config_errors() const override;
  Result<std::string, ApiError> start(const std::string& profile,
                                      const StartOptions& options) override;
  Result<Done, ApiError> stop(const std::string& profile, const CloseOptions& options) override;
  Result<Done, ApiError> restart(const std::string& profile, const StartOptions& options) override;
  Result<std::string, ApiError> create_transient(TransientRequest request) override;
  void owner_vanished(const std::string& owner) override;
  void owners_vanished() override;
  Result<TunnelView, ApiError> tunnel(const std::string& name) const override;
  Result<SessionDetailsView, ApiError> session(const std::string& tunnel,
                                               std::uint32_t session) const override;
  Result<PlacedCall, ApiError> session_by_interface(const std::string& interface) const override;
  Page<TunnelView> list_tunnels(const TunnelFilter& filter, std::uint32_t offset,
                                std::uint32_t limit) const override;
  Page<SessionView> list_sessions(const SessionFilter& filter, std::uint32_t offset,
                                  std::uint32_t limit) const override;
  Result<Done, ApiError> open_tunnel(const std::string& name) override;
  Result<Done, ApiError> close_tunnel(const std::string& name,
                                      const CloseOptions& options) override;
  void ping_tunnel(const std::string& name, ApiCallback<Duration> done) override;
  Result<Done, ApiError> close_session(const std::string& tunnel, std::uint32_t session,
                                       const CloseOptions& options) override;
  Result<PlacedCall, ApiError> place_outgoing_call(const OutgoingCallRequest& request) override;
  std::vector<ListenerView> list_listeners() const override;
  Result<ListenerView, ApiError> listener(const std::string& name) const override;
  Result<Done, ApiError> set_listener_draining(const std::string& name, bool draining) override;
  std::string describe() const override;
  Result<std::string, ApiError> describe_tunnel(const std::string& name) const override;
  Result<std::string, ApiError> describe_session(const std::string& tunnel,
                                                 std::uint32_t session) const override;
  Result<std::string, ApiError> describe_listener(const std::string& name) const override;
  std::unique_ptr<Dump> dump(DumpKind kind, const DumpFilter& filter) const override;
  void refresh_counters(std::function<void()> done) override;
  Result<Counters, ApiError> statistics(StatisticsOf object, const std::string& name,
                                        std::uint32_t session) const override;
  std::uint64_t subscribe(EventFilter filter, EventHandler handler) override;
  void unsubscribe(std::uint64_t subscription) override;
  void set_secret_asker(SecretAsker* asker) override;
  void answer_secrets(std::uint64_t question,
                      Result<std::map<std::string, Secret>, ApiError> answer) override;

  // What arrived and was nobody's, by reason; for describe().
  struct Drops {
    std::uint64_t malformed = 0;
    std::uint64_t unknown_tunnel = 0;
    std::uint64_t wrong_source = 0;
    std::uint64_t no_listener = 0;
    std::uint64_t stray_data = 0;
  };

 private:
  void read_port(ControlSocket& port);
  void read_tunnel_sockets();
  void read_ppp_descriptors();
  void on_datagram(const Datagram& datagram, TimePoint now);
  void on_v3(const Datagram& datagram, TimePoint now);
  void on_control(const wire::Header& header, const Datagram& datagram, TimePoint now);
  void drop_from_elsewhere(Tunnel& tunnel, std::string_view what, const Datagram& datagram);
  void on_sccrq(const wire::ControlMessage& message, const Datagram& datagram, TimePoint now);
  bool settle_tie(const wire::ControlMessage& sccrq, const Datagram& datagram, TimePoint now);
  Listener* listener_for(const Endpoint& local) const;
  void on_deadlines();
  void on_deadline(TimerKey key, TimePoint now);
  void on_kernel_event(const kernel::Event& event);
  void on_circuit(const kernel::CircuitChanged& changed, TimePoint now);
  void on_answers();
  void sweep_counters(TimePoint now);
  void fair_turn();
  void end_of_turn();
  void set_state(State state);
  void start_profiles(TimePoint now);
  void apply(const config::Config& fresh, ReloadResult& result, TimePoint now);
  void check_stopped();
  using Plan = std::function<Result<config::Edit, config::ConfigErrors>()>;
  void edit_profile(const std::string& name, bool apply, Plan plan, ApiCallback<Diagnostics> done);
  void next_edit();
  void reload_profile(const std::string& name);
  void keep_errors(const config::Loaded& fresh);
  void tell_profile(const std::string& name, ProfileEvent::Change change);
  Result<std::string, ApiError> profile_text(const std::string& name, bool with_secrets) const;
  // Runs when the turn ends: answers never come inside the call that asked.
  void later(std::function<void()> what) { later_.push_back(std::move(what)); }
  void add_client(config::ClientProfile profile, Client::Kind kind);
  // Ends the transient tunnels whose owner has gone.
  void retire_of(const std::function<bool(const std::string& owner)>& gone);
  void retire(std::map<std::string, std::unique_ptr<Client>>::iterator row, const Cause& cause,
              TimePoint now);
  void take_send_errors(ControlSocket& port);
  void check_pings(Tunnel* tunnel, TimePoint now);
  std::optional<TimePoint> next_ping_deadline() const;
  Tunnel* find_tunnel(const std::string& name) const;

  EventLoop& loop_;
  kernel::Dataplane& dataplane_;
  kernel::KernelFeatures features_;
  config::Places places_;
  std::string machine_name_;
  std::string machine_id_;
  config::Config config_;
  config::ConfigErrors config_errors_;  // and warnings, of the last load
  std::uint64_t config_generation_ = 0;
  State state_ = State::starting;

  SystemRandom random_;
  DeadlineWheel<TimerKey> timers_;
  std::unique_ptr<Poller> tunnel_sockets_;
  std::unique_ptr<Poller> ppp_descriptors_;
  SessionSlots sessions_;
  IdPool v3_sessions_{0xffffffff, TunnelTable::kIdQuarantine};
  TunnelTable tunnels_;
  PortTable ports_;
  InterfaceNotes interface_notes_;
  EventHub events_;
  FailureLog failures_;
  Resolver resolver_;
  std::unordered_map<Resolver::Token, Client*> questions_;
  PoolTable pools_;
  InterfaceNames interface_names_;
  SecretQuestions secrets_;
  bool draining_ = false;
  Environment environment_;
  OwnerContext context_;
  StaticTunnels statics_;

  // By profile name. One that a reload removed stays in `retired_` until its last tunnel is gone.
  std::map<std::string, std::unique_ptr<Client>> clients_;
  std::map<std::string, std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Client>> retired_clients_;
  std::vector<std::unique_ptr<Listener>> retired_listeners_;
  std::unordered_map<std::uint32_t, Client*> client_numbers_;
  std::unordered_map<std::uint32_t, Listener*> listener_numbers_;
  std::uint32_t next_number_ = 0;

  DatagramBuffer buffer_;
  std::vector<Datagram> batch_;
  Drops drops_;
  Traffic retired_traffic_;  // of profiles that are gone
  // Tunnels that may still have something to say when the daemon stops; those at the end first.
  std::vector<TunnelId> unsettled_;
  std::vector<std::function<void()>> later_;

  // Sweeps of the kernel's counters.
  bool sweeping_ = false;
  TimePoint swept_at_{};
  Duration sweep_took_{};
  std::vector<std::function<void()>> sweep_waiters_;

  struct Ping {
    TunnelId tunnel;
    std::uint16_t ns = 0;  // acknowledged when everything before it is
    TimePoint sent_at;
    ApiCallback<Duration> done;
  };
  std::vector<Ping> pings_;

  // Changes of profiles, one at a time: each is planned on what the one before has written.
  std::deque<std::function<void()>> edits_;
  bool is_editing_ = false;
  std::string just_edited_;
  // What an unprivileged caller asked last: reading all files takes time.
  Diagnostics checked_;
  std::optional<TimePoint> checked_at_;
  // Last: its thread may still be at work.
  Background background_;
  std::function<void()> on_stopped_;
};

Diagnostics diagnostics_of(const config::ConfigErrors& errors);

}  // namespace l2tpm::daemon
