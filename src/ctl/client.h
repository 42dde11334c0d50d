// The daemon as l2tpctl sees it: org.L2tpManager1 with errors as values. Calls block; the bus's own
// timeout (25 s) bounds them, and three minutes bound what polkit may ask a person about.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/secret.h"
#include "ctl/run.h"

namespace l2tpm::ctl {

struct ClientError {
  ExitCode code = ExitCode::failure;
  std::string name;  // D-Bus error name
  std::string message;
};

// The exit code that an error of the bus or the daemon leads to.
ExitCode exit_code_of(const std::string& error_name);

inline constexpr const char* kWrongState = "org.L2tpManager1.Error.WrongState";

// As in dbus/org.L2tpManager1.xml.
struct TunnelRow {
  std::string name, role, state, local, remote;
  std::uint32_t sessions = 0;
};
struct SessionRow {
  std::string tunnel;
  std::uint32_t id = 0;
  std::uint32_t peer_id = 0;
  std::string pseudowire, state, interface, user, address;
  std::uint64_t up_since = 0;  // CLOCK_REALTIME microseconds; 0: not yet
};
struct ProfileRow {
  std::string name;
  std::string kind;  // client, listener or static
  std::string path;  // "": transient
  bool enabled = false;
};
struct TunnelQuery {
  std::string profile, state, peer;
};
struct SessionQuery {
  std::string tunnel, user, interface, state;
};
struct Diagnostic {
  std::string severity;  // error, warning or hint
  std::string pointer;   // JSON pointer
  std::string text;
};
struct Changes {
  std::vector<std::string> changed;
  std::vector<Diagnostic> diagnostics;
};
struct Checked {
  bool ok = false;
  std::vector<Diagnostic> diagnostics;
};
// Of PutProfile and PatchProfile.
struct Writing {
  bool until_reboot = false;
  bool apply = false;
  bool must_not_exist = false;  // PutProfile only
};
struct EventQuery {
  std::vector<std::string> events;  // empty: all
  std::string tunnel;
  std::uint32_t session = 0;
  bool packets = false;
};
// Of CreateTransient; it ends with our connection to the bus.
struct Transient {
  std::string name_hint;
  std::string profile;  // JSON
  std::map<std::string, Secret> secrets;
};

template <typename T>
using Answer = Result<T, ClientError>;

class Client {
 public:
  // "" is the system bus. Fails with not_running when there is no bus or no daemon on it; the
  // daemon is never started by asking for it.
  static Answer<Client> connect(const std::string& address);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  Answer<std::string> version();
  Answer<std::string> state();
  Answer<std::vector<std::string>> kernel_features();
  Answer<std::string> log_level();
  Answer<Done> set_log_level(const std::string& level);

  // The password is for this start only; empty: the profile's own.
  Answer<Done> start(const std::string& profile, const Secret& password);
  Answer<Done> restart(const std::string& profile, const Secret& password);
  Answer<Done> stop(const std::string& profile);
  Answer<Done> close_session(const std::string& tunnel, std::uint32_t session,
                             const std::string& message);
  Answer<std::chrono::microseconds> ping(const std::string& tunnel);
  // The name that the tunnel got.
  Answer<std::string> create_transient(const Transient& transient);
  Answer<Done> close_tunnel(const std::string& tunnel);
  // "" is the whole daemon.
  Answer<Done> set_draining(const std::string& listener, bool draining);

  Answer<std::vector<ProfileRow>> profiles();
  Answer<std::string> profile(const std::string& name);  // JSON, secrets as {"$secret":"***"}
  Answer<std::vector<Diagnostic>> put_profile(const std::string& name, const std::string& json,
                                              Writing how);
  Answer<std::vector<Diagnostic>> patch_profile(const std::string& name, const std::string& patch,
                                                Writing how);
  Answer<std::vector<Diagnostic>> remove_profile(const std::string& name, bool stop);
  // json "": what is on disk.
  Answer<Checked> check_config(const std::string& name, const std::string& json);
  Answer<Changes> reload();

  // All that match, page by page, at most `limit`; `total` gets how many match.
  Answer<std::vector<TunnelRow>> tunnels(const TunnelQuery& query, std::uint32_t limit,
                                         std::uint32_t& total);
  Answer<std::vector<SessionRow>> sessions(const SessionQuery& query, std::uint32_t limit,
                                           std::uint32_t& total);

  // JSON texts as the daemon sends them.
  Answer<std::string> describe();
  Answer<std::string> describe_tunnel(const std::string& tunnel);
  Answer<std::string> describe_session(const std::string& tunnel, std::uint32_t session);
  Answer<std::string> describe_listener(const std::string& listener);

  // Descriptors to read JSON lines from: to their end, and until we close it.
  Answer<UniqueFd> dump(const std::string& kind, const std::map<std::string, std::string>& filter);
  Answer<UniqueFd> events(const EventQuery& query);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace l2tpm::ctl
