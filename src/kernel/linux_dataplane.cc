#include "kernel/linux_dataplane.h"

#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <map>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kernel/completions.h"
#include "kernel/host_jobs.h"
#include "kernel/link_group.h"
#include "kernel/monitor.h"
#include "kernel/mss_clamp.h"
#include "kernel/ppp_unit.h"
#include "kernel/route_pins.h"
#include "kernel/rtnl.h"
#include "kernel/session_jobs.h"
#include "kernel/workers.h"

namespace l2tpm::kernel {

namespace {

constexpr std::size_t kMaximumQueuedFrames = 64;  // per session, behind its other calls

// Jobs that are no session's have their order, too: as sessions of tunnel 0, which no peer can
// have.
constexpr SessionKey kRoutes{TunnelId(), SessionId(1)};
constexpr SessionKey kAddresses{TunnelId(), SessionId(2)};
constexpr SessionKey kStatistics{TunnelId(), SessionId(3)};
constexpr SessionKey kWholeHost{};

class LinuxDataplane final : public Dataplane {
 public:
  LinuxDataplane(const DataplaneSettings& settings, UniqueFd event_fd, UniqueFd epoll_fd,
                 Monitor monitor)
      : settings_(settings),
        completions_(std::move(event_fd)),
        epoll_(std::move(epoll_fd)),
        monitor_(std::move(monitor)),
        pins_(settings.route_protocol, own_links_),
        addresses_(settings.route_protocol),
        workers_(settings.threads, settings.queue_limit) {}
  ~LinuxDataplane() override;

  void add_tunnel(TunnelSpec spec) override;
  void install(SessionSpec spec, Callback<Installed> done) override;
  void configure(SessionKey key, NetworkConfig config, Callback<Done> done) override;
  void deconfigure(SessionKey key, Callback<Done> done) override;
  void set_mtu(SessionKey key, std::uint32_t mtu, std::uint32_t mru, Callback<Done> done) override;
  void set_mppe(SessionKey key, MppeSpec spec, Callback<Done> done) override;
  void set_ccp_flags(SessionKey key, CcpFlags flags, Callback<Done> done) override;
  void send_frame(SessionKey key, ByteView frame) override;
  void remove(SessionKey key, Callback<Done> done) override;
  void remove_tunnel(TunnelId tunnel, Callback<Done> done) override;
  void read_counters(Callback<std::vector<Counters>> done) override;
  void hold_address(IpAddress address, Callback<Done> done) override;
  void release_address(IpAddress address) override;
  void pin_route(IpAddress peer, Callback<Underlay> done) override;
  void unpin_route(IpAddress peer) override;
  void sweep_leftovers(Callback<unsigned> done) override;
  std::uint64_t dropped_frames() const override { return dropped_frames_; }
  void set_event_handler(std::function<void(const Event&)> handler) override {
    handler_ = std::move(handler);
  }
  int completion_fd() const override { return epoll_.get(); }
  void dispatch_completions() override;

 private:
  struct Session {
    std::shared_ptr<KernelSession> kernel;
    // Copies of the loop's own, there from the completion of the install on.
    SharedFd channel, unit;
    int ifindex = 0;
    std::uint32_t pending = 0;  // calls not completed, beside the install
    bool installing = true;
  };
  struct Tunnel {
    std::shared_ptr<KernelTunnel> kernel;
    std::unordered_map<SessionId, Session> sessions;
    bool creating = false;  // or created
  };
  using SessionJob = std::function<Result<Done, KernelError>(KernelSession&)>;

  Session* find(SessionKey key);
  // The session that this kernel object belonged to, unless it was removed in the meantime.
  Session* find(SessionKey key, const std::shared_ptr<KernelSession>& kernel);
  void create_first(Tunnel& tunnel);
  void finish_install(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                      Result<Installed, KernelError> result, const Callback<Installed>& done);
  void post_session(SessionKey key, const char* doing, SessionJob job, Callback<Done> done);
  template <typename T>
  void complete(Callback<T> done, Result<T, KernelError> result) {
    if (!done) return;
    completions_.post([done = std::move(done), result = std::move(result)] { done(result); });
  }
  void post(JobKind kind, SessionKey key, Workers::Job job) {
    [[maybe_unused]] const bool taken = workers_.post(kind, key, std::move(job));
    assert(taken);
  }
  void forget(Session& session);
  std::uint16_t free_slot();
  void on_link(const LinkInfo& link, bool deleted);
  void on_route(const RouteEntry& route);
  void check_link(int ifindex, SessionKey key);
  void check_links();
  void refresh_pins();
  void emit(const Event& event) {
    if (handler_) handler_(event);
  }

  const DataplaneSettings settings_;
  std::function<void(const Event&)> handler_;
  std::unordered_map<TunnelId, Tunnel> tunnels_;
  std::unordered_map<int, SessionKey> by_ifindex_;
  std::unordered_set<std::uint16_t> slots_;
  std::uint16_t last_slot_ = 0;
  std::map<IpAddress, unsigned> pinned_;
  std::map<IpAddress, unsigned> held_;
  enum class Refresh : std::uint8_t { idle, running, again } refresh_ = Refresh::idle;
  std::uint64_t dropped_frames_ = 0;

  Completions completions_;
  UniqueFd epoll_;
  Monitor monitor_;
  OwnLinks own_links_;
  RoutePins pins_;           // touched by jobs of kRoutes only
  HeldAddresses addresses_;  // touched by jobs of kAddresses only
  Workers workers_;          // last: its end waits for jobs that use the rest
};

LinuxDataplane::~LinuxDataplane() {
  while (!tunnels_.empty()) remove_tunnel(tunnels_.begin()->first, nullptr);
  while (!pinned_.empty()) {
    pinned_.begin()->second = 1;
    unpin_route(pinned_.begin()->first);
  }
  while (!held_.empty()) {
    held_.begin()->second = 1;
    release_address(held_.begin()->first);
  }
  if (settings_.manage_nftables)
    post(JobKind::normal, kStatistics,
         [instance = settings_.instance] { (void)remove_mss_clamp(instance); });
  workers_.wait_idle();
}

LinuxDataplane::Session* LinuxDataplane::find(SessionKey key) {
  const auto tunnel = tunnels_.find(key.tunnel);
  if (tunnel == tunnels_.end()) return nullptr;
  const auto session = tunnel->second.sessions.find(key.session);
  return session == tunnel->second.sessions.end() ? nullptr : &session->second;
}

LinuxDataplane::Session* LinuxDataplane::find(SessionKey key,
                                              const std::shared_ptr<KernelSession>& kernel) {
  Session* const session = find(key);
  return session != nullptr && session->kernel == kernel ? session : nullptr;
}

std::uint16_t LinuxDataplane::free_slot() {
  // Tunnel ids have 16 bits in L2TPv2, so there is always one; two tunnels on one slot would only
  // cost the bulk deletion.
  for (unsigned tries = 0; tries < 0xffff; ++tries) {
    if (++last_slot_ == 0) last_slot_ = 1;
    if (slots_.insert(last_slot_).second) return last_slot_;
  }
  return last_slot_;
}

void LinuxDataplane::add_tunnel(TunnelSpec spec) {
  assert(!tunnels_.contains(spec.local));
  Tunnel tunnel;
  tunnel.kernel = std::make_shared<KernelTunnel>();
  tunnel.kernel->group = link_group(settings_.instance, spec.clamp_mss, free_slot());
  const TunnelId id = spec.local;
  tunnel.kernel->spec = std::move(spec);
  tunnels_.insert_or_assign(id, std::move(tunnel));
}

void LinuxDataplane::create_first(Tunnel& tunnel) {
  if (tunnel.creating) return;
  tunnel.creating = true;
  const auto kernel = tunnel.kernel;
  const TunnelId id = kernel->spec.local;
  post(JobKind::barrier, {id, SessionId()}, [this, id, kernel] {
    create_kernel_tunnel(*kernel);
    if (kernel->created) return;
    completions_.post([this, id, kernel] {  // the next install tries again
      const auto found = tunnels_.find(id);
      if (found != tunnels_.end() && found->second.kernel == kernel) found->second.creating = false;
    });
  });
}

void LinuxDataplane::install(SessionSpec spec, Callback<Installed> done) {
  const SessionKey key = spec.key;
  const auto found = tunnels_.find(key.tunnel);
  if (found == tunnels_.end()) {
    complete<Installed>(std::move(done), Unexpected(KernelError{ENOENT, "installing the session",
                                                                "its tunnel was not added"}));
    return;
  }
  Tunnel& tunnel = found->second;
  Session* session = find(key);
  const bool is_new = session == nullptr;
  if (!is_new && (session->installing || session->unit || !spec.with_unit)) {
    complete<Installed>(std::move(done), Unexpected(KernelError{EALREADY, "installing the session",
                                                                "it is installed already"}));
    return;
  }
  create_first(tunnel);
  if (is_new) {
    session = &tunnel.sessions[key.session];
    session->kernel = std::make_shared<KernelSession>();
  }
  session->installing = true;
  const auto kernel = session->kernel;
  const bool taken = workers_.post(
      JobKind::install, key,
      [this, key, kernel, spec = std::move(spec), done, tunnel_object = tunnel.kernel] {
        auto result = install_session(*tunnel_object, *kernel, spec, own_links_);
        completions_.post([this, key, kernel, done, result = std::move(result)]() mutable {
          finish_install(key, kernel, std::move(result), done);
        });
      });
  if (taken) return;
  session->installing = false;
  if (is_new) tunnel.sessions.erase(key.session);
  complete<Installed>(std::move(done),
                      Unexpected(KernelError{EBUSY, "installing the session", "queue full"}));
}

void LinuxDataplane::finish_install(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                                    Result<Installed, KernelError> result,
                                    const Callback<Installed>& done) {
  Session* const session = find(key, kernel);
  if (session == nullptr) {
    // It succeeded too late: a removal is behind it already. What the result still holds may block
    // when it closes, so it goes on a worker.
    if (result)
      post(JobKind::normal, key, [late = std::make_shared<Installed>(std::move(*result))] {});
    result = Unexpected(KernelError{ECANCELED, "installing the session", "it was removed"});
  } else if (result) {
    session->installing = false;
    session->channel = result->channel;
    session->unit = result->unit;
    session->ifindex = result->ifindex;
    if (session->ifindex != 0) by_ifindex_[session->ifindex] = key;
  } else {
    tunnels_.at(key.tunnel).sessions.erase(key.session);
  }
  if (done) done(std::move(result));
}

void LinuxDataplane::post_session(SessionKey key, const char* doing, SessionJob job,
                                  Callback<Done> done) {
  Session* const session = find(key);
  if (session == nullptr) {
    complete<Done>(std::move(done),
                   Unexpected(KernelError{ENOENT, doing, "the session is not installed"}));
    return;
  }
  ++session->pending;
  const auto kernel = session->kernel;
  post(JobKind::normal, key,
       [this, key, kernel, doing, job = std::move(job), done = std::move(done)] {
         Result<Done, KernelError> result = kernel->cancelled
                                                ? Result<Done, KernelError>(Unexpected(KernelError{
                                                      ECANCELED, doing, "the session was removed"}))
                                                : job(*kernel);
         completions_.post([this, key, kernel, done, result = std::move(result)] {
           if (Session* const still = find(key, kernel)) --still->pending;
           if (done) done(result);
         });
       });
}

void LinuxDataplane::configure(SessionKey key, NetworkConfig config, Callback<Done> done) {
  post_session(
      key, "configuring the interface",
      [config = std::move(config), protocol = settings_.route_protocol](KernelSession& session) {
        return apply_network(session, config, protocol);
      },
      std::move(done));
}

void LinuxDataplane::deconfigure(SessionKey key, Callback<Done> done) {
  configure(key, {}, std::move(done));
}

void LinuxDataplane::set_mtu(SessionKey key, std::uint32_t mtu, std::uint32_t mru,
                             Callback<Done> done) {
  post_session(
      key, "setting the MTU",
      [mtu, mru](KernelSession& session) -> Result<Done, KernelError> {
        if (!session.unit) return Unexpected(KernelError{ENOTCONN, "setting the MTU", {}});
        {
          const std::lock_guard lock(ppp_lock());
          if (auto set = set_unit_mru(session.unit->get(), mru); !set) return set;
        }
        return set_link_mtu(session.ifindex, mtu);
      },
      std::move(done));
}

void LinuxDataplane::set_mppe(SessionKey key, MppeSpec spec, Callback<Done> done) {
  post_session(
      key, "setting the MPPE key",
      [spec = std::move(spec)](KernelSession& session) -> Result<Done, KernelError> {
        if (!session.unit) return Unexpected(KernelError{ENOTCONN, "setting the MPPE key", {}});
        const std::lock_guard lock(ppp_lock());
        return set_compressor(session.unit->get(), spec);
      },
      std::move(done));
}

void LinuxDataplane::set_ccp_flags(SessionKey key, CcpFlags flags, Callback<Done> done) {
  post_session(
      key, "setting the CCP flags",
      [flags](KernelSession& session) -> Result<Done, KernelError> {
        if (!session.unit) return Unexpected(KernelError{ENOTCONN, "setting the CCP flags", {}});
        const std::lock_guard lock(ppp_lock());
        return set_ccp(session.unit->get(), flags);
      },
      std::move(done));
}

void LinuxDataplane::send_frame(SessionKey key, ByteView frame) {
  Session* const session = find(key);
  if (session == nullptr || !session->channel || frame.size() < 2) return;
  // LCP and authentication go to the channel; NCPs and CCP through the unit, where the kernel looks
  // at CCP's Configure-Acks and arms the compressors.
  const bool to_channel = frame[0] >= 0xc0 || !session->unit;
  const SharedFd& fd = to_channel ? session->channel : session->unit;
  // What goes through the unit keeps its place among what is asked of the kernel. LCP does not wait
  // for that: the Terminate-Ack of a session whose routes are being removed would be lost with it.
  if (session->pending == 0 || to_channel) {
    if (write(fd->get(), frame.data(), frame.size()) < 0) ++dropped_frames_;
    return;
  }
  if (session->pending > kMaximumQueuedFrames) {
    ++dropped_frames_;
    return;
  }
  post_session(
      key, "sending a PPP frame",
      [fd, copy = Bytes(frame.begin(), frame.end())](KernelSession&) -> Result<Done, KernelError> {
        if (write(fd->get(), copy.data(), copy.size()) < 0)
          return Unexpected(KernelError{errno, "sending a PPP frame", {}});
        return Done{};
      },
      [this](const Result<Done, KernelError>& sent) {
        if (!sent) ++dropped_frames_;
      });
}

void LinuxDataplane::forget(Session& session) {
  session.kernel->cancelled = true;
  if (session.ifindex != 0) by_ifindex_.erase(session.ifindex);
  session.unit.reset();
  session.channel.reset();
}

void LinuxDataplane::remove(SessionKey key, Callback<Done> done) {
  Session* const session = find(key);
  if (session == nullptr) {
    complete<Done>(std::move(done), Done{});
    return;
  }
  const auto kernel = session->kernel;
  // Only a worker lets go of the last reference: closing blocks.
  forget(*session);
  tunnels_.at(key.tunnel).sessions.erase(key.session);
  post(JobKind::removal, key, [this, kernel, done = std::move(done)] {
    close_session(*kernel, own_links_);
    complete<Done>(done, Done{});
  });
}

void LinuxDataplane::remove_tunnel(TunnelId id, Callback<Done> done) {
  const auto found = tunnels_.find(id);
  if (found == tunnels_.end()) {
    complete<Done>(std::move(done), Done{});
    return;
  }
  std::vector<std::shared_ptr<KernelSession>> sessions;
  sessions.reserve(found->second.sessions.size());
  for (auto& [session_id, session] : found->second.sessions) {
    forget(session);
    sessions.push_back(std::move(session.kernel));
  }
  auto kernel = std::move(found->second.kernel);
  const auto slot = static_cast<std::uint16_t>(kernel->group & 0xffff);
  tunnels_.erase(found);
  post(JobKind::barrier, {id, SessionId()},
       [this, kernel = std::move(kernel), sessions = std::move(sessions), slot,
        done = std::move(done)] {
         close_tunnel(*kernel, sessions, own_links_, workers_);
         completions_.post([this, slot, done] {
           slots_.erase(slot);
           if (done) done(Done{});
         });
       });
}

void LinuxDataplane::read_counters(Callback<std::vector<Counters>> done) {
  post(JobKind::normal, kStatistics, [this, done = std::move(done)] {
    auto read = read_link_counters();
    completions_.post([this, done, read = std::move(read)]() -> void {
      if (!done) return;
      if (!read) {
        done(Unexpected(read.error()));
        return;
      }
      std::vector<Counters> counters;
      counters.reserve(by_ifindex_.size());
      for (const LinkCounters& link : *read)
        if (const auto found = by_ifindex_.find(link.ifindex); found != by_ifindex_.end())
          counters.push_back({found->second, link.ifindex, link.rx_packets, link.tx_packets,
                              link.rx_bytes, link.tx_bytes, link.rx_errors, link.tx_errors,
                              link.rx_dropped, link.tx_dropped});
      done(std::move(counters));
    });
  });
}

void LinuxDataplane::hold_address(IpAddress address, Callback<Done> done) {
  ++held_[address];
  post(JobKind::normal, kAddresses,
       [this, address, done = std::move(done)] { complete<Done>(done, addresses_.hold(address)); });
}

void LinuxDataplane::release_address(IpAddress address) {
  const auto found = held_.find(address);
  if (found == held_.end() || --found->second > 0) return;
  held_.erase(found);
  post(JobKind::normal, kAddresses, [this, address] { addresses_.release(address); });
}

void LinuxDataplane::pin_route(IpAddress peer, Callback<Underlay> done) {
  ++pinned_[peer];
  post(JobKind::normal, kRoutes,
       [this, peer, done = std::move(done)] { complete<Underlay>(done, pins_.pin(peer)); });
}

void LinuxDataplane::unpin_route(IpAddress peer) {
  const auto found = pinned_.find(peer);
  if (found == pinned_.end() || --found->second > 0) return;
  pinned_.erase(found);
  post(JobKind::normal, kRoutes, [this, peer] { pins_.unpin(peer); });
}

void LinuxDataplane::sweep_leftovers(Callback<unsigned> done) {
  post(JobKind::barrier, kWholeHost,
       [this, done = std::move(done)] { complete<unsigned>(done, sweep(settings_)); });
}

void LinuxDataplane::on_link(const LinkInfo& link, bool deleted) {
  const auto found = by_ifindex_.find(link.ifindex);
  if (found != by_ifindex_.end()) {
    const SessionKey key = found->second;
    if (deleted)
      emit(InterfaceGone{key});
    else if (!link.up)
      check_link(link.ifindex, key);
    return;
  }
  // An underlay interface that comes or goes takes its routes along without a word (IPv4).
  if (!pinned_.empty() && !is_of_instance(link.group, settings_.instance)) refresh_pins();
}

void LinuxDataplane::on_route(const RouteEntry& route) {
  if (route.protocol == settings_.route_protocol || by_ifindex_.contains(route.ifindex)) return;
  for (const auto& [peer, count] : pinned_)
    if (peer.is_v6() == route.destination.address.is_v6() && route.destination.contains(peer)) {
      refresh_pins();
      return;
    }
}

void LinuxDataplane::refresh_pins() {
  if (refresh_ != Refresh::idle) {
    refresh_ = Refresh::again;
    return;
  }
  refresh_ = Refresh::running;
  post(JobKind::normal, kRoutes, [this] {
    completions_.post([this, changes = pins_.refresh()] {
      const bool again = std::exchange(refresh_, Refresh::idle) == Refresh::again;
      for (const UnderlayChanged& change : changes)
        if (pinned_.contains(change.peer)) emit(change);
      if (again) refresh_pins();
    });
  });
}

// The notification may be older than what we did since.
void LinuxDataplane::check_link(int ifindex, SessionKey key) {
  post(JobKind::normal, kStatistics, [this, ifindex, key] {
    const auto link = get_link(ifindex);
    if (link && link->up) return;
    completions_.post([this, ifindex, key, gone = !link] {
      const auto found = by_ifindex_.find(ifindex);
      if (found == by_ifindex_.end() || found->second != key) return;
      emit(gone ? Event(InterfaceGone{key}) : Event(InterfaceDown{key}));
    });
  });
}

void LinuxDataplane::check_links() {
  std::vector<std::pair<int, SessionKey>> expected(by_ifindex_.begin(), by_ifindex_.end());
  post(JobKind::normal, kStatistics, [this, expected = std::move(expected)] {
    const auto links = list_links(true);
    if (!links) return;
    std::unordered_set<int> present;
    for (const LinkInfo& link : *links) present.insert(link.ifindex);
    std::vector<std::pair<int, SessionKey>> gone;
    for (const auto& entry : expected)
      if (!present.contains(entry.first)) gone.push_back(entry);
    completions_.post([this, gone = std::move(gone)] {
      for (const auto& [ifindex, key] : gone)
        if (const auto found = by_ifindex_.find(ifindex);
            found != by_ifindex_.end() && found->second == key)
          emit(InterfaceGone{key});
    });
  });
}

void LinuxDataplane::dispatch_completions() {
  completions_.dispatch();
  monitor_.read({[this](const LinkInfo& link, bool deleted) { on_link(link, deleted); },
                 [this](const RouteEntry& route) { on_route(route); },
                 [this] {
                   check_links();
                   if (!pinned_.empty()) refresh_pins();
                 }});
}

}  // namespace

unsigned default_workers() { return std::clamp(8 * std::thread::hardware_concurrency(), 8u, 64u); }

Result<std::unique_ptr<Dataplane>, KernelError> make_linux_dataplane(DataplaneSettings settings) {
  const auto failed = [](const char* doing) { return Unexpected(KernelError{errno, doing, {}}); };
  if (settings.instance == 0 || settings.instance > kMaximumInstance)
    return Unexpected(KernelError{EINVAL, "starting the data plane", "instance out of range"});
  UniqueFd event_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd epoll_fd(epoll_create1(EPOLL_CLOEXEC));
  if (!event_fd || !epoll_fd) return failed("opening the data plane's descriptors");
  auto monitor = Monitor::open();
  if (!monitor) return Unexpected(monitor.error());
  for (const int fd : {event_fd.get(), monitor->fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return failed("polling the data plane's descriptors");
  }
  return std::unique_ptr<Dataplane>(std::make_unique<LinuxDataplane>(
      settings, std::move(event_fd), std::move(epoll_fd), std::move(*monitor)));
}

}  // namespace l2tpm::kernel
