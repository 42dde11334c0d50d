// The class behind make_linux_dataplane(), shared by the files that implement it:
// linux_dataplane.cc tunnels and PPP sessions, linux_dataplane_bcp.cc BCP,
// linux_dataplane_ethernet.cc pseudowires and static tunnels, linux_dataplane_host.cc the host as a
// whole.
#pragma once

#include <cassert>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kernel/completions.h"
#include "kernel/host_jobs.h"
#include "kernel/linux_dataplane.h"
#include "kernel/monitor.h"
#include "kernel/route_pins.h"
#include "kernel/session_jobs.h"
#include "kernel/static_jobs.h"
#include "kernel/workers.h"

namespace l2tpm::kernel {

// Jobs that are no session's have their order, too: as sessions of tunnel 0, which no peer can
// have.
constexpr SessionKey kRoutes{TunnelId(), SessionId(1)};
constexpr SessionKey kAddresses{TunnelId(), SessionId(2)};
constexpr SessionKey kStatistics{TunnelId(), SessionId(3)};
constexpr SessionKey kStatics{TunnelId(), SessionId(4)};
constexpr SessionKey kCircuits{TunnelId(), SessionId(5)};
constexpr SessionKey kWholeHost{};

constexpr unsigned kRelayThreads = 2;

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
        bridges_(settings.instance),
        statics_(settings.instance, ethernet_context()),
        workers_(settings.threads, settings.queue_limit) {}
  ~LinuxDataplane() override;

  void add_tunnel(TunnelSpec spec) override;
  void install(SessionSpec spec, Callback<Installed> done) override;
  void install_ethernet(EthernetSpec spec, Callback<EthernetInstalled> done) override;
  void install_bcp(BcpSpec spec, Callback<BcpInstalled> done) override;
  void probe_bcp(Callback<Done> done) override;
  void set_carrier(SessionKey key, bool on, Callback<Done> done) override;
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
  void watch_circuit(std::string interface, Callback<bool> done) override;
  void unwatch_circuit(const std::string& interface) override;
  void converge_static(std::vector<StaticTunnel> wanted, std::vector<StaticTunnel> remembered,
                       Callback<std::vector<StaticRow>> done) override;
  void sweep_leftovers(Callback<unsigned> done) override;
  std::uint64_t dropped_frames() const override { return dropped_frames_; }
  void set_event_handler(std::function<void(const Event&)> handler) override {
    handler_ = std::move(handler);
  }
  int completion_fd() const override { return epoll_.get(); }
  void dispatch_completions() override;

 private:
  enum class Refresh : std::uint8_t { idle, running, again };
  // Looking after a BCP port.
  struct BcpWatch {
    int outer = 0, inner = 0;
    Refresh check = Refresh::idle;
    std::uint64_t repairs = 0;
    unsigned recent = 0;  // repairs since
    TimePoint since{};
  };
  struct Session {
    std::shared_ptr<KernelSession> kernel;
    // Copies of the loop's own, there from the completion of the install on.
    SharedFd channel, unit;
    int ifindex = 0;
    int second_ifindex = 0;     // of a pseudowire's VLAN device
    std::uint32_t pending = 0;  // calls not completed, beside the install
    bool installing = true;
    bool is_ethernet = false;
    std::optional<BcpWatch> bcp;
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
  // The tunnel to install a session in, unless there is a reason against it.
  Result<Tunnel*, KernelError> tunnel_for_new(SessionKey key, bool upgrade);
  void drop(SessionKey key);
  void create_first(Tunnel& tunnel);
  void finish_ethernet(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                       Result<EthernetInstalled, KernelError> result, int vlan_ifindex,
                       bool elsewhere, const Callback<EthernetInstalled>& done);
  void finish_bcp(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                  Result<BcpInstalled, KernelError> result, const Callback<BcpInstalled>& done);
  void read_punts();
  bool is_inner_end(SessionKey key, int ifindex) {
    const Session* const session = find(key);
    return session != nullptr && session->bcp && session->bcp->inner == ifindex;
  }
  void check_bcp(SessionKey key);
  void finish_check(SessionKey key, const std::shared_ptr<KernelSession>& kernel,
                    const Result<bool, KernelError>& result);
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
  void forget(SessionKey key, Session& session);
  std::uint16_t free_slot();
  EthernetContext ethernet_context() { return {bridges_, own_links_, programs_, relay_}; }
  std::optional<SessionKey> owner_of(int ifindex) const;
  std::optional<SessionKey> counted(int ifindex) const;
  // What read_bcp(), in a worker, needs of a session.
  struct BcpCounted {
    SessionKey key;
    int outer = 0;
    std::uint64_t repairs = 0;
  };
  std::vector<BcpCounted> bcp_counted();
  std::shared_ptr<const BcpCounters> read_bcp(const BcpCounted& session);
  void disturb();
  void on_link(const LinkInfo& link, bool deleted);
  void on_static_link(const LinkInfo& link, bool deleted);
  void check_static(int ifindex);
  void refresh_circuits();
  void judge_circuits(const std::vector<LinkInfo>& links);
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
  std::unordered_map<int, SessionKey> by_ifindex_;         // those that count
  std::unordered_map<int, SessionKey> second_by_ifindex_;  // VLAN devices, inner ends
  std::set<SessionKey> elsewhere_;    // their interface is in another namespace
  std::set<SessionId> version3_ids_;  // in use; one space for all tunnels
  std::unordered_set<std::uint16_t> slots_;
  std::uint16_t last_slot_ = 0;
  std::map<IpAddress, unsigned> pinned_;
  std::map<IpAddress, unsigned> held_;
  Refresh refresh_ = Refresh::idle;
  struct Circuit {
    unsigned count = 0;
    std::optional<bool> up;  // as last said
  };
  std::map<std::string, Circuit> circuits_;
  Refresh circuits_refresh_ = Refresh::idle;
  std::map<int, StaticInterface> static_interfaces_;
  std::vector<SessionKey> static_elsewhere_;
  unsigned converging_ = 0;
  bool disturbed_ = false;             // said already
  std::map<int, bool> static_checks_;  // interfaces that are being looked at; true: and again
  std::uint64_t dropped_frames_ = 0;

  Completions completions_;
  UniqueFd epoll_;
  Monitor monitor_;
  OwnLinks own_links_;
  RoutePins pins_;           // touched by jobs of kRoutes only
  HeldAddresses addresses_;  // touched by jobs of kAddresses only
  Bridges bridges_;
  BcpPrograms programs_;
  relay::Relay relay_{kRelayThreads};
  int punts_fd_ = -1;      // of the programs, once they are loaded
  StaticTunnels statics_;  // touched by jobs of kStatics only
  Workers workers_;        // last: its end waits for jobs that use the rest
};

}  // namespace l2tpm::kernel
