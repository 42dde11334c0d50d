// What the daemon shows to its faces (D-Bus today): plain views and a handful of verbs. The bus
// module knows only this header, so a face can be tested with a fake service and adds no logic of
// its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/cause.h"
#include "base/result.h"

namespace l2tpm::daemon {

// How a request of a user ends when it cannot be carried out; the bus maps it to an error name.
enum class ApiErrorCode : std::uint8_t {
  no_such_profile,
  no_such_tunnel,
  no_such_session,
  already_running,
  not_running,
  invalid,
  failed
};
struct ApiError {
  ApiErrorCode code;
  std::string message;
};

// Times are CLOCK_REALTIME microseconds, 0: not yet. Texts are printable.
struct TunnelView {
  std::string
      name;  // unique on this host: the profile's for a client, "PROFILE-ID" behind a listener
  std::string profile;
  std::string role;   // lac | lns
  std::string state;  // idle | resolving | connecting | established | closing | failed | backoff
  std::string local;  // "192.0.2.1:1701"
  std::string remote;
  std::string peer_host_name;
  std::string peer_vendor;
  std::uint32_t tunnel_id = 0;
  std::uint32_t peer_tunnel_id = 0;
  std::uint32_t sessions = 0;
  std::uint64_t established_at = 0;
  std::uint64_t retry_at = 0;
  Cause last_error;
};

struct SessionView {
  std::string tunnel;  // TunnelView::name
  std::uint32_t id = 0;
  std::uint32_t peer_id = 0;
  std::string pseudowire;  // ppp
  std::string state;       // connecting | authenticating | configuring | up | closing | failed
  std::string interface;   // "" until installed
  std::string user;
  std::string address;  // the inner IPv4 address of the far end (listener) or ours (client); else
                        // the IPv6 one
  std::uint64_t up_since = 0;
};

// Empty members match everything.
struct TunnelFilter {
  std::string profile, state, peer;
};
struct SessionFilter {
  std::string tunnel, user, interface, state;
};
template <typename View>
struct Page {
  std::vector<View> rows;
  std::uint32_t total = 0;
};

class ServiceApi {
 public:
  virtual ~ServiceApi() = default;

  virtual std::string version() const = 0;
  virtual std::string state() const = 0;  // starting | running | reloading | stopping
  virtual std::vector<std::string> kernel_features() const = 0;

  // Starts a profile; returns at once with the tunnel's name. Stopping ends all that the profile
  // has.
  virtual Result<std::string, ApiError> start(const std::string& profile) = 0;
  virtual Result<Done, ApiError> stop(const std::string& profile) = 0;
  virtual Result<Done, ApiError> close_session(const std::string& tunnel,
                                               std::uint32_t session) = 0;
  // What changed, one line each; errors of profiles that stayed as they were come as lines
  // beginning "error:".
  virtual std::vector<std::string> reload() = 0;

  // At most `limit` rows from `offset`, in the order of their names.
  virtual Page<TunnelView> list_tunnels(const TunnelFilter& filter, std::uint32_t offset,
                                        std::uint32_t limit) const = 0;
  virtual Page<SessionView> list_sessions(const SessionFilter& filter, std::uint32_t offset,
                                          std::uint32_t limit) const = 0;

  // JSON objects: the whole daemon (without sessions behind listeners), one tunnel, one session.
  // Never a secret.
  virtual std::string describe() const = 0;
  virtual Result<std::string, ApiError> describe_tunnel(const std::string& name) const = 0;
  virtual Result<std::string, ApiError> describe_session(const std::string& tunnel,
                                                         std::uint32_t session) const = 0;
};

}  // namespace l2tpm::daemon
