#include "relay/relay.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <span>

#include "base/fd.h"

namespace l2tpm::relay {
namespace {

// Descriptors served between two looks at epoll; it hands them out in turn.
constexpr int kTurn = 16;
// A descriptor that yields nothing but errors so many times in a row is not asked again.
constexpr unsigned kPatience = 100;

// A burst of some hundred frames waits, and the memory of many flooded sessions stays bearable.
constexpr int kReceiveBuffer = 1 << 20;

enum class Side : std::uint8_t { line, lan, control };

int make_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

// As far as this process may; the default does.
void widen(int fd, FdKind kind) {
  if (kind == FdKind::file) return;
  constexpr socklen_t kSize = sizeof kReceiveBuffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, kSize) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, kSize);
  }
}

}  // namespace

struct Relay::Entry {
  struct Port {
    Entry* entry = nullptr;
    Side side = Side::line;
    int fd = -1;
    unsigned failures = 0;
    std::atomic<int> gone{0};  // errno, once it is not listened to any more
  };

  Entry(const Descriptors& descriptors, const Settings& settings) : session(descriptors, settings) {
    const int fds[] = {descriptors.line, descriptors.lan, descriptors.control};
    for (std::size_t i = 0; i < ports.size(); ++i) {
      ports[i].entry = this;
      ports[i].side = static_cast<Side>(i);
      ports[i].fd = fds[i];
    }
  }

  Session session;
  std::array<Port, 3> ports;
  Thread* thread = nullptr;
};

// One thread, its epoll instance and its memory for frames.
class Relay::Thread {
 public:
  Thread() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Thread() {
    if (!running_) return;
    stopping_.store(true);
    wake();
    pthread_join(thread_, nullptr);
    for (Retired& retired : retired_) retired.done();
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  int start() {
    if (!epoll_ || !wake_) return EMFILE;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) < 0) return errno;
    // Signals are the loop's business.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(
        &thread_, nullptr,
        [](void* self) -> void* {
          // By itself: of another thread the name is a file of /proc, which the sandbox keeps shut.
          pthread_setname_np(pthread_self(), "relay");
          static_cast<Thread*>(self)->run();
          return nullptr;
        },
        this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    running_ = error == 0;
    return error;
  }

  int watch(Entry& entry) {
    ++sessions_;
    for (Entry::Port& port : entry.ports) {
      if (port.fd < 0) continue;
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &port}};
      if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, port.fd, &event) == 0) continue;
      return errno;
    }
    return 0;
  }

  // The thread may be at work on the entry, so it is the one that lets go of it.
  void retire(std::shared_ptr<Entry> entry, std::function<void()> done) {
    unwatch(*entry);
    --sessions_;
    {
      const std::lock_guard lock(mutex_);
      retired_.push_back({std::move(entry), std::move(done)});
    }
    wake();
  }

  std::size_t sessions() const { return sessions_; }

 private:
  struct Retired {
    std::shared_ptr<Entry> entry;
    std::function<void()> done;
  };

  void unwatch(const Entry& entry) {
    for (const Entry::Port& port : entry.ports) {
      if (port.fd >= 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, port.fd, nullptr);
    }
  }

  void wake() {
    const std::uint64_t one = 1;
    // A full counter wakes as well.
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  }

  void run() {
    std::array<epoll_event, kTurn> events;
    while (!stopping_.load()) {
      const int count = epoll_wait(epoll_.get(), events.data(), kTurn, -1);
      const TimePoint now = Clock::now();
      const auto ready = std::span(events).first(static_cast<std::size_t>(std::max(count, 0)));
      for (const epoll_event& event : ready) {
        if (event.data.ptr == nullptr) continue;
        serve(*static_cast<Entry::Port*>(event.data.ptr), event.events, now);
      }
      let_go();
    }
  }

  void serve(Entry::Port& port, std::uint32_t events, TimePoint now) {
    int error = 0;
    switch (port.side) {
      case Side::line:
        error = port.entry->session.forward_line(in_, out_, now);
        break;
      case Side::lan:
        error = port.entry->session.forward_lan(in_, out_, now);
        break;
      case Side::control:
        error = port.entry->session.forward_control(in_, out_);
        break;
    }
    // Nothing to read, but an end or an error that stays.
    if (error == 0 && (events & EPOLLIN) == 0) error = EPIPE;
    if (error == 0) {
      port.failures = 0;
    } else if (++port.failures == kPatience) {
      port.gone.store(error, std::memory_order_relaxed);
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, port.fd, nullptr);
    }
  }

  // Everything retired before the events that were just served: none of them is at work now, and
  // later events cannot name it.
  void let_go() {
    std::uint64_t woken = 0;
    if (read(wake_.get(), &woken, sizeof woken) < 0) return;
    std::vector<Retired> retired;
    {
      const std::lock_guard lock(mutex_);
      retired.swap(retired_);
    }
    for (Retired& each : retired) {
      each.entry.reset();
      each.done();
    }
  }

  UniqueFd epoll_;
  UniqueFd wake_;
  pthread_t thread_{};
  bool running_ = false;
  std::atomic<bool> stopping_{false};
  std::size_t sessions_ = 0;  // the relay's, under its lock
  std::mutex mutex_;
  std::vector<Retired> retired_;
  InBatch in_;
  OutBatch out_;
};

Relay::Relay(unsigned threads) : thread_count_(std::max(threads, 1u)) {}

// The threads first: they serve the entries.
Relay::~Relay() { threads_.clear(); }

bool Relay::start_threads() {
  while (threads_.size() < thread_count_) {
    auto thread = std::make_unique<Thread>();
    if (thread->start() != 0) break;
    threads_.push_back(std::move(thread));
  }
  return !threads_.empty();
}

Result<Done, int> Relay::add(SessionKey key, const Descriptors& descriptors,
                             const Settings& settings) {
  for (const int fd : {descriptors.line, descriptors.lan}) {
    if (const int error = make_nonblocking(fd); error != 0) return Unexpected(error);
  }
  if (descriptors.control >= 0) {
    if (const int error = make_nonblocking(descriptors.control); error != 0) {
      return Unexpected(error);
    }
  }
  widen(descriptors.line, descriptors.line_kind);
  widen(descriptors.lan, descriptors.lan_kind);
  auto entry = std::make_shared<Entry>(descriptors, settings);
  int error = 0;
  {
    const std::lock_guard lock(mutex_);
    if (entries_.contains(key)) return Unexpected(EEXIST);
    if (!start_threads()) return Unexpected(EAGAIN);
    const auto least = std::min_element(
        threads_.begin(), threads_.end(),
        [](const auto& a, const auto& b) { return a->sessions() < b->sessions(); });
    entry->thread = least->get();
    entries_.emplace(key, entry);
    error = entry->thread->watch(*entry);
  }
  if (error == 0) return Done{};
  // One of its descriptors may have been served already.
  remove(key);
  return Unexpected(error);
}

void Relay::remove(SessionKey key, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      Thread& thread = *found->second->thread;
      thread.retire(std::move(found->second), std::move(done));
      entries_.erase(found);
      return;
    }
  }
  done();
}

void Relay::remove(SessionKey key) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
  };
  const auto gate = std::make_shared<Gate>();
  remove(key, [gate] {
    const std::lock_guard lock(gate->mutex);
    gate->open = true;
    gate->changed.notify_all();
  });
  std::unique_lock lock(gate->mutex);
  gate->changed.wait(lock, [&] { return gate->open; });
}

std::optional<Counters> Relay::counters(SessionKey key) const {
  std::shared_ptr<const Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    entry = found->second;
  }
  Counters counters;
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    counters.values[i] = entry->session.counters()[static_cast<Counter>(i)];
  }
  const auto gone = [&](Side side) {
    return entry->ports[static_cast<std::size_t>(side)].gone.load(std::memory_order_relaxed);
  };
  counters.line_error = gone(Side::line);
  counters.lan_error = gone(Side::lan);
  return counters;
}

}  // namespace l2tpm::relay
