// The daemon as l2tpctl sees it: org.L2tpManager1.Manager with errors as values. Calls block; the
// bus's own timeout (25 s) bounds them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/run.h"

namespace l2tpm::ctl {

struct ClientError {
  ExitCode code = ExitCode::failure;
  std::string name;  // D-Bus error name
  std::string message;
};

// The exit code that an error of the bus or the daemon leads to.
ExitCode exit_code_of(const std::string& error_name);

inline constexpr const char* kAlreadyRunning = "org.L2tpManager1.Error.AlreadyRunning";

// As in dbus/org.L2tpManager1.Manager.xml.
struct TunnelRow {
  std::string name, role, state, local, remote;
  std::uint32_t sessions = 0;
};
struct SessionRow {
  std::string tunnel;
  std::uint32_t id = 0;
  std::uint32_t peer_id = 0;
  std::string state, interface, user, address;
  std::uint64_t up_since = 0;  // CLOCK_REALTIME microseconds; 0: not yet
};
struct TunnelQuery {
  std::string profile, state, peer;
};
struct SessionQuery {
  std::string tunnel, user, interface, state;
};
struct Changes {
  std::vector<std::string> changed;
  std::vector<std::string> errors;
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

  Answer<Done> start(const std::string& profile);
  Answer<Done> stop(const std::string& profile);
  Answer<Done> close_session(const std::string& tunnel, std::uint32_t session);
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

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace l2tpm::ctl
