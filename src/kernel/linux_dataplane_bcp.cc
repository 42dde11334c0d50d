// BCP sessions: Ethernet bridged over PPP.
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "kernel/linux_dataplane_class.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

void LinuxDataplane::install_bcp(BcpSpec spec, Callback<BcpInstalled> done) {
  const SessionKey key = spec.key;
  Session* session = find(key);
  const bool is_new = session == nullptr;
  const auto found = tunnel_for_new(
      key, !is_new && !session->installing && !session->is_ethernet && session->ifindex == 0);
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
    session->channel = kernel->pppox;  // frames are sent there, past the bridged channels
    session->unit.reset();
    session->ifindex = result->ifindex;
    session->second_ifindex = kernel->bcp->inner;
    session->master = kernel->bcp->master;
    session->inner_mtu = kernel->bcp->inner_mtu;
    by_ifindex_[session->ifindex] = key;
    second_by_ifindex_[session->second_ifindex] = key;
    // What happened to it until now came to nobody.
    check_bcp(session->ifindex, key);
    check_bcp(session->second_ifindex, key);
  } else {
    drop(key);
  }
  if (done) done(std::move(result));
}

void LinuxDataplane::probe_bcp(Callback<Done> done) {
  post(JobKind::normal, kStatistics,
       [this, done = std::move(done)] { complete<Done>(done, try_bcp(ethernet_context())); });
}

void LinuxDataplane::read_bcp_counters(SessionKey key, Callback<BcpCounters> done) {
  const Session* const session = find(key);
  if (session == nullptr || session->inner_mtu == 0) {
    complete<BcpCounters>(std::move(done),
                          Unexpected(KernelError{ENOENT, "reading the counters of a BCP session",
                                                 "the session is not installed"}));
    return;
  }
  post(JobKind::normal, kStatistics, [this, ifindex = session->ifindex, done = std::move(done)] {
    complete<BcpCounters>(done, programs_.read(ifindex));
  });
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

std::string_view LinuxDataplane::disturbed(const Session& session, const LinkInfo& link) {
  if (session.inner_mtu == 0) return {};
  if (link.ifindex == session.second_ifindex)
    return link.mtu == session.inner_mtu ? "" : "the MTU of its inner end was changed";
  if (session.master != 0 && link.master != session.master) return "it was taken out of its bridge";
  return {};
}

// The notification may be older than what we did since.
void LinuxDataplane::check_bcp(int ifindex, SessionKey key) {
  post(JobKind::normal, kStatistics, [this, ifindex, key] {
    completions_.post([this, ifindex, key, link = get_link(ifindex)] {
      const Session* const session = find(key);
      if (session == nullptr || owner_of(ifindex) != key) return;
      if (!link) {
        emit(InterfaceGone{key});
      } else if (const auto why = disturbed(*session, *link); !why.empty()) {
        emit(InterfaceGone{key, std::string(why)});
      }
    });
  });
}

}  // namespace l2tpm::kernel
