#include "kernel/workers.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <memory>
#include <utility>

namespace l2tpm::kernel {

namespace {
constexpr std::size_t kStackSize = 1 << 20;  // libnftables has a parser
constexpr int kNice = 5;
}  // namespace

Workers::Workers(unsigned threads, std::size_t install_limit)
    : limit_(std::max(threads, 1u)), install_limit_(install_limit) {}

Workers::~Workers() {
  wait_idle();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

bool Workers::post(JobKind kind, SessionKey key, Job job) {
  const std::lock_guard lock(mutex_);
  if (kind == JobKind::install) {
    if (waiting_installs_ >= install_limit_) return false;
    ++waiting_installs_;
  }
  ++total_;
  Tunnel& tunnel = tunnels_[key.tunnel];
  const bool held = tunnel.barrier_running || !tunnel.held.empty();
  if (kind == JobKind::barrier || held) {
    tunnel.held.push_back({kind, key, std::move(job)});
    if (!held) release_held(key.tunnel);
  } else {
    admit(tunnel, {kind, key, std::move(job)});
  }
  return true;
}

void Workers::admit(Tunnel& tunnel, Queued job) {
  ++tunnel.unfinished;
  Lane& lane = tunnel.lanes[job.key.session];
  const SessionKey key = job.key;
  const bool urgent = job.kind == JobKind::removal;
  const bool first = lane.jobs.empty() && !lane.running;
  lane.jobs.push_back(std::move(job));
  // A removal lifts what waits before it, too: that was cancelled, and takes no time.
  if (!lane.running && (first || urgent)) {
    (urgent ? urgent_ : ordinary_).push_back(key);
    wake_one();
  }
}

void Workers::release_held(TunnelId id) {
  const auto found = tunnels_.find(id);
  if (found == tunnels_.end()) return;
  Tunnel& tunnel = found->second;
  while (!tunnel.barrier_running && !tunnel.held.empty()) {
    if (tunnel.held.front().kind == JobKind::barrier) {
      if (tunnel.unfinished != 0) return;
      tunnel.barrier_running = true;
      barriers_.push_back(std::move(tunnel.held.front()));
      tunnel.held.pop_front();
      wake_one();
      return;
    }
    Queued job = std::move(tunnel.held.front());
    tunnel.held.pop_front();
    admit(tunnel, std::move(job));
  }
  if (!tunnel.barrier_running && tunnel.held.empty() && tunnel.unfinished == 0)
    tunnels_.erase(found);
}

void Workers::wake_one() {
  if (sleeping_ > notified_) {
    ++notified_;
    wake_.notify_one();
    return;
  }
  if (threads_.size() >= limit_) return;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  // Signals are the loop's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, &Workers::thread_main, this) == 0)
    threads_.push_back(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
}

bool Workers::take(Queued& out) {
  if (!barriers_.empty()) {
    out = std::move(barriers_.front());
    barriers_.pop_front();
    return true;
  }
  for (auto* queue : {&urgent_, &ordinary_}) {
    while (!queue->empty()) {
      const SessionKey key = queue->front();
      queue->pop_front();
      const auto tunnel = tunnels_.find(key.tunnel);
      if (tunnel == tunnels_.end()) continue;
      const auto lane = tunnel->second.lanes.find(key.session);
      if (lane == tunnel->second.lanes.end() || lane->second.running || lane->second.jobs.empty())
        continue;
      out = std::move(lane->second.jobs.front());
      lane->second.jobs.pop_front();
      lane->second.running = true;
      if (out.kind == JobKind::install) --waiting_installs_;
      return true;
    }
  }
  return false;
}

void Workers::finish(const Queued& done) {
  --total_;
  Tunnel& tunnel = tunnels_.at(done.key.tunnel);
  if (done.kind == JobKind::barrier) {
    tunnel.barrier_running = false;
  } else {
    --tunnel.unfinished;
    const auto lane = tunnel.lanes.find(done.key.session);
    lane->second.running = false;
    if (lane->second.jobs.empty()) {
      tunnel.lanes.erase(lane);
    } else {
      const auto& jobs = lane->second.jobs;
      const bool urgent = std::any_of(
          jobs.begin(), jobs.end(), [](const Queued& job) { return job.kind == JobKind::removal; });
      (urgent ? urgent_ : ordinary_).push_back(done.key);
    }
  }
  release_held(done.key.tunnel);
  if (total_ == 0) idle_.notify_all();
}

void* Workers::thread_main(void* self) {
  static_cast<Workers*>(self)->run();
  return nullptr;
}

void Workers::run() {
  // The loop answers HELLOs while sessions come up by the hundred: it goes before the workers.
  // Where a sandbox forbids even that, they are equals.
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  std::unique_lock lock(mutex_);
  for (;;) {
    Queued job;
    if (!helpers_.empty()) {
      const Job helper = std::move(helpers_.front());
      helpers_.pop_front();
      lock.unlock();
      helper();
      lock.lock();
    } else if (take(job)) {
      lock.unlock();
      job.job();
      job.job = nullptr;  // what it captured goes outside the lock: descriptors may close here
      lock.lock();
      finish(job);
    } else if (stopping_) {
      return;
    } else {
      ++sleeping_;
      wake_.wait(lock);
      --sleeping_;
      if (notified_ > 0) --notified_;
    }
  }
}

void Workers::for_all(std::size_t count, const std::function<void(std::size_t)>& body) {
  struct Shared {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::condition_variable quiet;
    std::size_t finished = 0;
  };
  // A helper that starts late finds nothing left and touches only `shared`, which it co-owns.
  const auto shared = std::make_shared<Shared>();
  const auto work = [shared, count, &body] {
    for (;;) {
      const std::size_t at = shared->next.fetch_add(1);
      if (at >= count) return;
      body(at);
      const std::lock_guard lock(shared->mutex);
      if (++shared->finished == count) shared->quiet.notify_all();
    }
  };
  if (count > 1) {
    const std::lock_guard lock(mutex_);
    const std::size_t helpers = std::min<std::size_t>(count, limit_) - 1;
    for (std::size_t i = 0; i < helpers; ++i) {
      helpers_.push_back(work);
      wake_one();
    }
  }
  work();
  std::unique_lock lock(shared->mutex);
  shared->quiet.wait(lock, [&] { return shared->finished == count; });
}

void Workers::wait_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return total_ == 0; });
}

}  // namespace l2tpm::kernel
