#include "bus/dumps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>

namespace l2tpm::bus {
namespace {

Refusal refused(const std::string& what) { return {kLimitExceeded, what}; }

Refusal system_error(const char* what) {
  return {"org.L2tpManager1.Error.Failed",
          std::string(what) + ": " + std::generic_category().message(errno)};
}

bool operator==(const daemon::DumpFilter& a, const daemon::DumpFilter& b) {
  return a.tunnel == b.tunnel && a.profile == b.profile && a.user == b.user && a.peer == b.peer &&
         a.limit == b.limit;
}

// A file description of its own, with its own offset, for one reader.
UniqueFd reopen(const UniqueFd& file) {
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// A write lease is given only while no other description of the file is open and nothing maps it.
bool is_open_elsewhere(const UniqueFd& file) {
  if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) == 0) {
    ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
    return false;
  }
  return errno == EAGAIN;
}

}  // namespace

void hide_users(std::string& json) {
  // A quote inside a JSON string is escaped, so this can only be a key.
  static constexpr std::string_view kKey = "\"user\":";
  for (std::size_t at = json.find(kKey); at != std::string::npos; at = json.find(kKey, at)) {
    at += kKey.size();
    while (at < json.size() && json[at] == ' ') ++at;
    if (at >= json.size() || json[at] != '"') continue;
    std::size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end < json.size()) json.erase(at + 1, end - at - 1);
  }
}

void Dumps::ask(const std::string& client, uid_t user, daemon::DumpKind kind,
                const daemon::DumpFilter& filter, bool names, Done done) {
  reap();
  std::size_t waiting = 0, waiting_of_one = 0, open = 0, bytes = 0;
  for (const Job& job : jobs_) {
    waiting += job.askers.size();
    waiting_of_one += static_cast<std::size_t>(
        std::count_if(job.askers.begin(), job.askers.end(),
                      [&](const Asker& asker) { return asker.client == client; }));
  }
  for (const Open& row : open_) {
    if (user == 0 || std::find(row.users.begin(), row.users.end(), user) == row.users.end())
      continue;
    ++open;
    bytes += row.bytes;
  }
  if (waiting >= kMostWaiting) return done(Unexpected(refused("too many dumps are being made")));
  if (waiting_of_one >= kMostWaitingOfOne)
    return done(Unexpected(refused("wait for the dumps that are being made for you")));
  if (open >= kMostOpenOfUser || bytes >= kMostOpenBytesOfUser)
    return done(Unexpected(refused("close the dumps that you have")));

  // The first may have begun.
  const auto same =
      std::find_if(jobs_.begin() + (jobs_.empty() ? 0 : 1), jobs_.end(), [&](const Job& job) {
        return job.kind == kind && job.names == names && job.filter == filter;
      });
  if (same != jobs_.end()) {
    same->askers.push_back({client, user, std::move(done)});
    return;
  }
  Job job{.kind = kind, .filter = filter, .names = names, .askers = {}};
  job.askers.push_back({client, user, std::move(done)});
  jobs_.push_back(std::move(job));
}

void Dumps::client_left(const std::string& client) {
  for (Job& job : jobs_)
    std::erase_if(job.askers, [&](const Asker& asker) { return asker.client == client; });
}

bool Dumps::step() {
  if (!busy()) return false;
  Job& job = jobs_.front();
  if (job.askers.empty()) {
    jobs_.pop_front();
    return busy();
  }
  std::optional<Refusal> refusal;
  bool more = true;
  try {
    if (!job.file) {
      refusal = begin(job);
    } else {
      std::string lines;
      more = job.dump && job.dump->next(lines, kLinesPerStep);
      if (!job.names) hide_users(lines);
      refusal = write(job, lines);
    }
  } catch (const std::exception& error) {
    refusal = Refusal{kInternal, error.what()};
  }
  if (refusal || !more) finish(refusal);
  return busy();
}

std::optional<Refusal> Dumps::begin(Job& job) {
  job.file = UniqueFd(::memfd_create("l2tp-manager-dump", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!job.file) return system_error("no memory file");
  if (job.kind != daemon::DumpKind::statistics) {
    job.dump = service_.dump(job.kind, job.filter);
    return std::nullopt;
  }
  waits_for_counters_ = true;
  service_.refresh_counters([this, alive = std::weak_ptr<int>(alive_)] {
    if (alive.expired()) return;
    waits_for_counters_ = false;
    Job& waiting = jobs_.front();
    waiting.dump = service_.dump(waiting.kind, waiting.filter);
  });
  return std::nullopt;
}

std::optional<Refusal> Dumps::write(Job& job, const std::string& lines) {
  job.bytes += lines.size();
  if (job.bytes > kMostBytes) return refused("there is too much for one dump");
  for (std::size_t done = 0; done < lines.size();) {
    const ssize_t written = ::write(job.file.get(), lines.data() + done, lines.size() - done);
    if (written < 0) return system_error("the memory file cannot be written");
    done += static_cast<std::size_t>(written);
  }
  return std::nullopt;
}

void Dumps::finish(const std::optional<Refusal>& refusal) {
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  if (!refusal)
    ::fcntl(job.file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  for (Asker& asker : job.askers) {
    if (refusal)
      asker.done(Unexpected(*refusal));
    else
      asker.done(hand_out(job));
  }
  if (refusal) return;
  // A lease wants a description that cannot write.
  Open row{reopen(job.file), {}, job.bytes};
  for (const Asker& asker : job.askers) row.users.push_back(asker.user);
  if (row.file) open_.push_back(std::move(row));
}

Result<UniqueFd, Refusal> Dumps::hand_out(const Job& job) {
  UniqueFd file = reopen(job.file);
  if (!file) return Unexpected(system_error("the memory file cannot be opened again"));
  return file;
}

void Dumps::reap() {
  std::erase_if(open_, [](const Open& row) { return !is_open_elsewhere(row.file); });
}

}  // namespace l2tpm::bus
