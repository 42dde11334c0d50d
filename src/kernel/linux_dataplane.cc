#include "kernel/linux_dataplane.h"

#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "kernel/link_group.h"
#include "kernel/linux_dataplane_class.h"
#include "kernel/mss_clamp.h"
#include "kernel/ppp_unit.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {
constexpr std::size_t kMaximumQueuedFrames = 64;  // per session, behind its other calls
}  // namespace

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

Result<LinuxDataplane::Tunnel*, KernelError> LinuxDataplane::tunnel_for_new(SessionKey key,
                                                                            bool upgrade) {
  const auto refused = [](int error, const char* why) {
    return Unexpected(KernelError{error, "installing the session", why});
  };
  const auto found = tunnels_.find(key.tunnel);
  if (found == tunnels_.end()) return refused(ENOENT, "its tunnel was not added");
  if (upgrade) return &found->second;
  if (find(key) != nullptr) return refused(EALREADY, "it is installed already");
  // Over IP the kernel would refuse it, too; over UDP frames would go to either.
  if (found->second.kernel->spec.version == 3 && version3_ids_.contains(key.session))
    return refused(EEXIST, "another L2TPv3 session has this id");
  return &found->second;
}

// The loop knows the session no more; what it is in the kernel is for a worker to take away.
void LinuxDataplane::drop(SessionKey key) {
  Tunnel& tunnel = tunnels_.at(key.tunnel);
  tunnel.sessions.erase(key.session);
  if (tunnel.kernel->spec.version == 3) version3_ids_.erase(key.session);
}

void LinuxDataplane::install(SessionSpec spec, Callback<Installed> done) {
  const SessionKey key = spec.key;
  Session* session = find(key);
  const bool is_new = session == nullptr;
  const auto found = tunnel_for_new(key, !is_new && !session->installing && !session->is_ethernet &&
                                             !session->unit && spec.with_unit);
  if (!found) {
    complete<Installed>(std::move(done), Unexpected(found.error()));
    return;
  }
  Tunnel& tunnel = **found;
  create_first(tunnel);
  if (is_new) {
    session = &tunnel.sessions[key.session];
    session->kernel = std::make_shared<KernelSession>();
    if (tunnel.kernel->spec.version == 3) version3_ids_.insert(key.session);
  }
  session->installing = true;
  const auto kernel = session->kernel;
  const bool taken = workers_.post(
      JobKind::install, key,
      [this, key, kernel, spec = std::move(spec), done, tunnel_object = tunnel.kernel] {
        auto result = install_session(*tunnel_object, *kernel, spec, ethernet_context());
        completions_.post([this, key, kernel, done, result = std::move(result)]() mutable {
          finish_install(key, kernel, std::move(result), done);
        });
      });
  if (taken) return;
  session->installing = false;
  if (is_new) drop(key);
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
    drop(key);
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
        if (session.bcp && !session.unit)
          return Unexpected(KernelError{ENOTSUP, "setting the MTU", "a BCP port keeps its own"});
        if (session.ethernet) return set_ethernet_mtu(*session.ethernet, mtu);
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

void LinuxDataplane::forget(SessionKey key, Session& session) {
  session.kernel->cancelled = true;
  if (session.ifindex != 0) by_ifindex_.erase(session.ifindex);
  if (session.second_ifindex != 0) second_by_ifindex_.erase(session.second_ifindex);
  if (session.bcp)
    for (const int ifindex : {session.bcp->outer, session.bcp->inner})
      second_by_ifindex_.erase(ifindex);
  elsewhere_.erase(key);
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
  forget(key, *session);
  drop(key);
  post(JobKind::removal, key, [this, kernel, done = std::move(done)] {
    close_session(*kernel, ethernet_context());
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
    forget({id, session_id}, session);
    if (found->second.kernel->spec.version == 3) version3_ids_.erase(session_id);
    sessions.push_back(std::move(session.kernel));
  }
  auto kernel = std::move(found->second.kernel);
  const auto slot = static_cast<std::uint16_t>(kernel->group & 0xffff);
  tunnels_.erase(found);
  post(JobKind::barrier, {id, SessionId()},
       [this, kernel = std::move(kernel), sessions = std::move(sessions), slot,
        done = std::move(done)] {
         close_tunnel(*kernel, sessions, ethernet_context(), workers_);
         completions_.post([this, slot, done] {
           slots_.erase(slot);
           if (done) done(Done{});
         });
       });
}

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
