// Dump: JSON lines in sealed memory files, made a slice per turn so that the loop goes on between.
//
// Whoever asks for the same thing while a dump waits shares it; one that has begun is not joined,
// for it tells of a moment before the question. A file's memory is ours until its last reader has
// closed it, so each user (root excepted) may keep only so much of it open.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "bus/errors.h"
#include "daemon/service_api.h"

namespace l2tpm::bus {

class Dumps {
 public:
  using Done = std::function<void(Result<UniqueFd, Refusal>)>;

  // Borrowed.
  explicit Dumps(daemon::ServiceApi& service) : service_(service) {}

  // `names`: with the names of users. `done` comes later, now when it is refused, never when the
  // client leaves.
  void ask(const std::string& client, uid_t user, daemon::DumpKind kind,
           const daemon::DumpFilter& filter, bool names, Done done);
  void client_left(const std::string& client);

  // One slice. False: nothing is left to do.
  bool step();
  bool busy() const { return !jobs_.empty() && !waits_for_counters_; }
  // Lets go of files that nobody has open any more. Call it now and then while has_open().
  void reap();
  bool has_open() const { return !open_.empty(); }

  static constexpr unsigned kLinesPerStep = 64;
  static constexpr std::size_t kMostWaiting = 256;
  static constexpr std::size_t kMostWaitingOfOne = 4;
  static constexpr std::size_t kMostOpenOfUser = 16;
  static constexpr std::size_t kMostOpenBytesOfUser = 128u * 1024 * 1024;
  static constexpr std::size_t kMostBytes = 512u * 1024 * 1024;  // of one dump

 private:
  struct Asker {
    std::string client;
    uid_t user;
    Done done;
  };
  struct Job {
    daemon::DumpKind kind;
    daemon::DumpFilter filter;
    bool names;
    std::vector<Asker> askers;
    std::unique_ptr<daemon::Dump> dump = {};
    UniqueFd file = {};
    std::size_t bytes = 0;
  };
  struct Open {
    UniqueFd file;
    std::vector<uid_t> users;
    std::size_t bytes;
  };
  std::optional<Refusal> begin(Job& job);
  std::optional<Refusal> write(Job& job, const std::string& lines);
  void finish(const std::optional<Refusal>& refusal);
  Result<UniqueFd, Refusal> hand_out(const Job& job);

  daemon::ServiceApi& service_;
  std::deque<Job> jobs_;
  bool waits_for_counters_ = false;
  std::vector<Open> open_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

// Empties each "user" of JSON text; the text stays JSON.
void hide_users(std::string& json);

}  // namespace l2tpm::bus
