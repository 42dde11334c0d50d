// BCP sessions: Ethernet bridged over PPP.
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "kernel/linux_dataplane_class.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

// Somebody who changes a port more often than this means it.
constexpr unsigned kRepairs = 5;
constexpr Duration kRepairWindow = 60s;

void LinuxDataplane::install_bcp(BcpSpec spec, Callback<BcpInstalled> done) {
  const SessionKey key = spec.key;
  Session* session = find(key);
  const bool is_new = session == nullptr;
  const bool with_unit = spec.path == BcpPath::relay_unit;
  const bool upgrade = !is_new && !session->installing && !session->is_ethernet && !session->bcp &&
                       (session->unit != nullptr) == with_unit;
  const auto found = tunnel_for_new(key, upgrade);
  if (!found) {
    complete<BcpInstalled>(std::move(done), Unexpected(found.error()));
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
        auto result = install_bcp_session(*tunnel_object, *kernel, spec, ethernet_context());
        completions_.post([this, key, kernel, done, result = std::move(result)]() mutable {
          finish_bcp(key, kernel, std::move(result), done);
        });
      });
  if (taken) return;
  session->installing = false;
  if (is_new) drop(key);
  complete<BcpInstalled>(
      std::move(done), Unexpected(KernelError{EBUSY, "installing the BCP session", "queue full"}));
}

void LinuxDataplane::finish_bcp(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                                Result<BcpInstalled, KernelError> result,
                                const Callback<BcpInstalled>& done) {
  Session* const session = find(key, kernel);
  if (session == nullptr) {  // a removal is behind it already
    result = Unexpected(KernelError{ECANCELED, "installing the BCP session", "it was removed"});
  } else if (result) {
    session->installing = false;
    const BcpLink& link = *kernel->bcp;
    session->bcp.emplace();
    session->bcp->outer = link.outer;
    session->bcp->inner = link.inner;
    if (link.spec.path != BcpPath::relay_unit) {
      session->channel = kernel->pppox;  // frames are sent there, past who reads them
      session->ifindex = link.outer;
      by_ifindex_[link.outer] = key;
    }
    for (const int ifindex : {link.outer, link.inner}) second_by_ifindex_[ifindex] = key;
    // What happened to it until now came to nobody.
    check_bcp(key);
  } else {
    forget(key, *session);
    drop(key);
  }
  if (done) done(std::move(result));
}

void LinuxDataplane::probe_bcp(Callback<Done> done) {
  post(JobKind::normal, kStatistics,
       [this, done = std::move(done)] { complete<Done>(done, try_bcp(ethernet_context())); });
}

std::vector<LinuxDataplane::BcpCounted> LinuxDataplane::bcp_counted() {
  std::vector<BcpCounted> wanted;
  for (const auto& [ifindex, key] : second_by_ifindex_) {
    const Session* const session = find(key);
    if (session != nullptr && session->bcp && session->bcp->outer == ifindex)
      wanted.push_back({key, ifindex, session->bcp->repairs});
  }
  return wanted;
}

std::shared_ptr<const BcpCounters> LinuxDataplane::read_bcp(const BcpCounted& session) {
  const auto relayed = relay_.counters(session.key);
  auto counters = relayed ? counters_of(*relayed) : programs_.read(session.outer);
  if (!counters) return nullptr;
  counters->repairs = session.repairs;
  return std::make_shared<const BcpCounters>(*counters);
}

// The descriptor stays where it is from the moment when a worker has loaded the programs.
void LinuxDataplane::read_punts() {
  if (punts_fd_ < 0) {
    const int fd = programs_.fd();
    if (fd < 0) return;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return;  // and again next time
    punts_fd_ = fd;
  }
  programs_.read_punts();
}

// A notification says no more than that there may be something to look at.
void LinuxDataplane::check_bcp(SessionKey key) {
  Session* const session = find(key);
  if (session == nullptr || !session->bcp) return;
  BcpWatch& watch = *session->bcp;
  if (watch.check != Refresh::idle) {
    watch.check = Refresh::again;
    return;
  }
  watch.check = Refresh::running;
  if (Clock::now() - watch.since > kRepairWindow) watch.recent = 0;
  const auto kernel = session->kernel;
  post(JobKind::normal, key, [this, key, kernel, allowed = watch.recent < kRepairs] {
    if (kernel->cancelled || !kernel->bcp) return;
    completions_.post([this, key, kernel,
                       result = repair_bcp(kernel->pppox->get(), ethernet_context(), allowed,
                                           *kernel->bcp)] { finish_check(key, kernel, result); });
  });
}

void LinuxDataplane::finish_check(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                                  const Result<bool, KernelError>& result) {
  Session* const session = find(key, kernel);
  if (session == nullptr || !session->bcp) return;
  BcpWatch& watch = *session->bcp;
  const bool again = std::exchange(watch.check, Refresh::idle) == Refresh::again;
  if (!result) {
    emit(InterfaceGone{key, result.error().detail});
    return;
  }
  if (*result) {
    ++watch.repairs;
    if (watch.recent++ == 0) watch.since = Clock::now();
  }
  if (again) check_bcp(key);
}

}  // namespace l2tpm::kernel
