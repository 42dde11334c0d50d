// Asks the kernel: dumps for a snapshot, notifications to know when to take the next one. Needs
// CAP_NET_ADMIN; looks into the network namespace it runs in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kview/view.h"

namespace l2tpm::kview {

struct ViewError {
  enum class Reason : std::uint8_t {
    failure,
    no_module,      // the kernel has no generic netlink family "l2tp"
    no_permission,  // CAP_NET_ADMIN is missing
  };
  Reason reason = Reason::failure;
  std::string message;  // a sentence, with what to do
};

class Source {
 public:
  // Loads the kernel's module if that can be done.
  static Result<Source, ViewError> open();
  Source(Source&&) noexcept;
  Source& operator=(Source&&) noexcept;
  ~Source();

  // Everything there is. Not atomic: what comes or goes meanwhile may be half there.
  Result<Snapshot, ViewError> read(const std::optional<std::vector<DaemonTunnel>>& daemon_tunnels);

  // From here on wait() knows of changes. Sessions that a PPPoX connect makes, and tunnels whose
  // socket is closed, emit no l2tp event: links are listened to as well, and callers look again
  // now and then even if nothing was heard.
  Result<Done, ViewError> listen();
  // Waits until something may have changed, at most `limit`, or until `stop` (a descriptor; -1:
  // none) is readable. Several notifications in a row count as one.
  enum class Heard : std::uint8_t { nothing, something, stop };
  Result<Heard, ViewError> wait(std::chrono::milliseconds limit, int stop);

 private:
  struct Impl;
  explicit Source(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Who holds sockets with these inodes, by /proc/PID/fd.
struct Holders {
  std::map<std::uint64_t, std::vector<Process>> of;
  // Every process was looked into, those of other PID namespaces, too: who is not found here is
  // nobody.
  bool complete = false;
};
Holders socket_holders(const std::vector<std::uint64_t>& inodes);

}  // namespace l2tpm::kview
