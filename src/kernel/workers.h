// A pool of threads for what may block in the kernel (RCU grace periods, RTNL), with just enough
// order: jobs of one session run one after the other in the order posted, jobs of different
// sessions run side by side, and a barrier waits for everything posted for its tunnel before it and
// holds back everything posted after it. Removals go before installs. Threads are started when
// needed.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace l2tpm::kernel {

enum class JobKind : std::uint8_t {
  install,  // refused when too many wait
  normal,   // never refused
  removal,  // never refused, goes first; so do the jobs waiting before it in its session's order
  barrier,  // for the whole tunnel; goes first
};

class Workers {
 public:
  using Job = std::function<void()>;

  Workers(unsigned threads, std::size_t install_limit);
  // Runs everything posted, then ends the threads.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // False: refused, the job is dropped. The session of a barrier is ignored.
  [[nodiscard]] bool post(JobKind kind, SessionKey key, Job job);
  // For a job: body(0), ..., body(count - 1) by itself and whoever is idle; returns when all are
  // done. Cannot dead-lock: the caller would do all of it alone.
  void for_all(std::size_t count, const std::function<void(std::size_t)>& body);
  // Blocks until nothing is left; for tests and the end.
  void wait_idle();

 private:
  struct Queued {
    JobKind kind;
    SessionKey key;
    Job job;
  };
  struct Lane {  // a session's jobs; exists while it has any
    std::deque<Queued> jobs;
    bool running = false;
  };
  struct Tunnel {
    std::unordered_map<SessionId, Lane> lanes;
    std::size_t unfinished = 0;  // jobs in lanes, running or not
    bool barrier_running = false;
    std::deque<Queued> held;  // a barrier and all that came after it
  };

  static void* thread_main(void* self);
  void run();
  void admit(Tunnel& tunnel, Queued job);
  void release_held(TunnelId id);
  bool take(Queued& out);
  void finish(const Queued& job);
  void wake_one();

  const unsigned limit_;
  const std::size_t install_limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<pthread_t> threads_;
  unsigned sleeping_ = 0;
  unsigned notified_ = 0;  // of those asleep
  bool stopping_ = false;
  std::size_t total_ = 0;             // posted and unfinished
  std::size_t waiting_installs_ = 0;  // not yet started
  std::unordered_map<TunnelId, Tunnel> tunnels_;
  // Sessions that may have something to run. Hints: an entry whose lane is running or gone is
  // skipped.
  std::deque<SessionKey> urgent_, ordinary_;
  std::deque<Queued> barriers_;  // ready to run
  std::deque<Job> helpers_;      // for_all's
};

}  // namespace l2tpm::kernel
