// One VPN connection of NetworkManager, from Connect to Disconnect, as a machine: what
// NetworkManager calls and what the daemon reports goes in, signals and requests come out by
// take_actions(). It knows neither bus nor clock.
//
// The daemon's tunnel is looked at as a whole (`observed`), never by single signals: a signal that
// was lost, merged or overtaken makes no difference.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "nm/connection.h"
#include "nm/ip_config.h"
#include "nm/names.h"
#include "nm/observation.h"
#include "nm/translate.h"
#include "nm/verdict.h"

namespace l2tpm::nm {

// For NetworkManager: signals.
struct EmitState {
  ServiceState state;
};
struct EmitFailure {
  Failure failure;
};
struct EmitSecretsRequired {
  std::string message;
  std::vector<std::string> names;
};
struct EmitBanner {
  std::string text;
};
struct EmitConfig {
  IpConfig config;
};
// For the daemon.
struct CreateTunnel {  // and open it; answered by tunnel_created or tunnel_refused
  std::string name_hint;
  std::string profile;
  std::map<std::string, Secret> secrets;
};
struct CloseTunnel {};  // and forget it: no answer
struct Look {};         // answered by observed or tunnel_vanished
// For whoever reads the journal.
struct Say {
  LogLevel level;
  std::string text;
};
struct Quit {};
using Action = std::variant<EmitState, EmitFailure, EmitSecretsRequired, EmitBanner, EmitConfig,
                            CreateTunnel, CloseTunnel, Look, Say, Quit>;

class Activation {
 public:
  // `interface` is the network interface's name unless the connection asks for another.
  Activation(ServiceType type, std::string interface, TimePoint now);

  // NetworkManager's calls. NeedSecrets answers "vpn" while something is missing, else "".
  std::string need_secrets(const Connection& connection, TimePoint now);
  Result<Done, PluginError> connect(const Connection& connection, bool interactive, TimePoint now);
  Result<Done, PluginError> new_secrets(const Connection& connection, TimePoint now);
  Result<Done, PluginError> disconnect(TimePoint now);
  void network_manager_gone(TimePoint now);

  // The daemon. After CloseTunnel, or when the daemon has gone, none of the first four may come for
  // the tunnel that was.
  void tunnel_created(TimePoint now);
  void tunnel_refused(const std::string& error_name, const std::string& message, TimePoint now);
  void observed(const Observation& observation, TimePoint now);
  void tunnel_vanished(TimePoint now);
  // False as soon as it is known to be stopping; once more when it has gone does no harm.
  void daemon_running(bool running, TimePoint now);

  void handle_timeout(TimePoint now);
  std::vector<Action> take_actions();
  std::optional<TimePoint> next_deadline() const;

  ServiceState state() const { return state_; }

 private:
  enum class Tunnel : std::uint8_t {
    none,
    creating,
    open,
    waiting_for_secrets,
    waiting_for_daemon
  };

  template <typename T>
  void emit(T action) {
    actions_.emplace_back(std::move(action));
  }
  void say(LogLevel level, std::string text) { emit(Say{level, std::move(text)}); }
  void set_state(ServiceState state);
  bool is_active() const {
    return state_ == ServiceState::starting || state_ == ServiceState::started;
  }
  void create_tunnel(TimePoint now);
  void close_tunnel();
  void attempt_failed(const Problem& problem, bool will_redial, TimePoint now);
  void ask_again(const Verdict& verdict, const Problem& problem, TimePoint now);
  bool may_ask_again() const;
  void link_lost(const std::string& why, TimePoint now);
  void session_up(const Observation& observation, TimePoint now);
  void fail(const Verdict& verdict);
  void stop();

  ServiceType type_;
  std::string interface_;
  ServiceState state_ = ServiceState::init;
  Tunnel tunnel_ = Tunnel::none;
  bool interactive_ = false;
  bool password_was_asked_ = false;  // an agent gave it, it is not only the profile's
  unsigned asked_again_ = 0;
  bool was_up_ = false;
  bool persistent_ = false;
  Duration patience_{};  // for a connection to come up, or to come back
  std::string name_hint_;
  Plan plan_;
  std::optional<IpConfig> reported_;
  std::optional<Problem> last_problem_;
  std::optional<TimePoint> quit_at_;     // nobody wants anything
  std::optional<TimePoint> give_up_at_;  // not up by then
  std::optional<TimePoint> look_at_;
  std::optional<TimePoint> settled_by_;  // until then the other address family has its chance
  std::vector<Action> actions_;
};

}  // namespace l2tpm::nm
