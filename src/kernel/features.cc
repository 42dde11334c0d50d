#include "kernel/features.h"

#include <fmt/core.h>
#include <linux/ppp-ioctl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/random.h"
#include "kernel/bcp_jobs.h"
#include "kernel/genl_l2tp.h"
#include "kernel/l2tp_ip_socket.h"
#include "kernel/mss_clamp.h"
#include "kernel/netlink.h"
#include "kernel/ppp_unit.h"
#include "kernel/pppol2tp.h"
#include "kernel/retry.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

namespace {

// A tunnel and its sessions that exist only for the probe. Random ids: a running tunnel of somebody
// is not in the way.
class Probe {
 public:
  explicit Probe(KernelFeatures& out) : out_(out) {}
  void run();

 private:
  struct ProbeTunnel {
    UniqueFd socket;  // bound to `at`, connected to `peer_at`
    UniqueFd peer;    // bound to `peer_at`, not connected
    Endpoint at, peer_at;
    TunnelId id;
  };

  Feature& row(std::string_view id, bool required) {
    Feature feature;
    feature.id = id;
    feature.required = required;
    out_.features.push_back(std::move(feature));
    return out_.features.back();
  }
  // Fills the newest row; true when `result` is good.
  template <typename T>
  bool judge(Feature& feature, const Result<T, KernelError>& result, std::string advice) {
    feature.state = result ? FeatureState::yes : FeatureState::no;
    if (result) return true;
    feature.detail = result.error().to_string();
    feature.advice = std::move(advice);
    return false;
  }
  Result<ProbeTunnel, KernelError> make_tunnel(IpAddress address, std::uint8_t version);
  Result<UniqueFd, KernelError> make_session(const ProbeTunnel& tunnel, SessionId& id);
  SessionId random_session() { return SessionId(1 + random_.below(0xfffe)); }

  void probe_tunnel();
  void probe_session();
  void probe_session_by_id();
  void probe_ppp();
  void probe_bridge(int channel_fd);
  void probe_ipv6();
  void probe_ethernet();
  void probe_ip();
  void probe_bcp();
  void probe_nftables();

  KernelFeatures& out_;
  SystemRandom random_;
  std::optional<ProbeTunnel> tunnel_;
  SessionId session_id_;
  UniqueFd session_;
};

Result<std::pair<UniqueFd, Endpoint>, KernelError> bound_socket(const IpAddress& address) {
  const std::string doing = "binding a UDP socket to " + address.to_string();
  UniqueFd fd(socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = Endpoint{address, 0, 0}.to_sockaddr(storage);
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
    return Unexpected(KernelError{errno, doing, {}});
  length = sizeof storage;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  const auto endpoint = Endpoint::from_sockaddr(storage);
  if (!endpoint) return Unexpected(KernelError{EINVAL, doing, {}});
  return std::pair(std::move(fd), *endpoint);
}

Result<Probe::ProbeTunnel, KernelError> Probe::make_tunnel(IpAddress address,
                                                           std::uint8_t version) {
  auto ours = bound_socket(address);
  if (!ours) return Unexpected(ours.error());
  auto peer = bound_socket(address);
  if (!peer) return Unexpected(peer.error());
  ProbeTunnel tunnel{std::move(ours->first), std::move(peer->first), ours->second, peer->second,
                     TunnelId(1 + random_.below(0xfffe))};
  sockaddr_storage storage{};
  const socklen_t length = tunnel.peer_at.to_sockaddr(storage);
  if (connect(tunnel.socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
    return Unexpected(KernelError{errno, "connecting a UDP socket", {}});
  TunnelRequest request;
  request.local = tunnel.id;
  request.peer = TunnelId(1);
  request.version = version;
  request.socket = tunnel.socket.get();
  if (auto made = create_tunnel(request); !made) return Unexpected(made.error());
  return tunnel;
}

Result<UniqueFd, KernelError> Probe::make_session(const ProbeTunnel& tunnel, SessionId& id) {
  id = random_session();
  return connect_session({2, tunnel.id, TunnelId(1), id, SessionId(1)}, tunnel.socket.get());
}

void Probe::probe_tunnel() {
  Feature& feature = row("l2tp-netlink", true);
  auto tunnel = make_tunnel(IpAddress::v4(INADDR_LOOPBACK), 2);
  out_.l2tp_netlink = judge(
      feature, tunnel,
      "load the modules l2tp_core and l2tp_netlink (kernel-modules-extra on Fedora and RHEL), "
      "and give the daemon CAP_NET_ADMIN");
  if (tunnel) tunnel_.emplace(std::move(*tunnel));
}

void Probe::probe_session() {
  Feature& feature = row("pppol2tp", true);
  if (!tunnel_) return;
  auto session = make_session(*tunnel_, session_id_);
  out_.pppol2tp = judge(feature, session, "load the module l2tp_ppp");
  if (session) session_ = std::move(*session);
}

// Data of a session that arrives on another tunnel's socket: 6.11 and later find it by its ids.
void Probe::probe_session_by_id() {
  Feature& feature = row("session-by-id", false);
  if (!session_) return;
  auto other = make_tunnel(IpAddress::v4(INADDR_LOOPBACK), 2);
  if (!other) return;
  Bytes datagram;
  ByteWriter writer(datagram);
  writer.u16(2);  // RFC 2661 §3.1: data, version 2, nothing optional
  writer.u16(static_cast<std::uint16_t>(tunnel_->id.value()));
  writer.u16(static_cast<std::uint16_t>(session_id_.value()));
  writer.u32(0xff03c021);
  writer.u32(0x09010008);  // an LCP Echo-Request, which nobody will answer
  writer.u32(0);
  sockaddr_storage storage{};
  const socklen_t length = other->at.to_sockaddr(storage);
  if (sendto(other->peer.get(), datagram.data(), datagram.size(), 0,
             reinterpret_cast<const sockaddr*>(&storage), length) < 0)
    return;
  // It surfaces on one of the two, at once: this is loopback.
  pollfd where[] = {
      {session_.get(),      POLLIN, 0},
      {other->socket.get(), POLLIN, 0}
  };
  if (poll(where, 2, 200) <= 0) return;
  out_.session_by_id = (where[0].revents & POLLIN) != 0;
  feature.state = out_.session_by_id ? FeatureState::yes : FeatureState::no;
  if (!out_.session_by_id) {
    feature.detail = "of two tunnels on one pair of addresses and ports only the newer gets data";
    feature.advice =
        "a kernel from 6.11 on; until then such tunnels are answered from another port";
  }
}

void Probe::probe_ppp() {
  Feature& device = row("ppp-device", true);
  auto unit = open_ppp();
  out_.ppp_device =
      judge(device, unit, "load ppp_generic, and let the daemon's group open /dev/ppp (udev rule)");
  Feature& bind_row = row("ppp-channel", true);
  std::optional<int> channel;
  if (session_) {
    const auto before = std::chrono::steady_clock::now();
    auto index = channel_index(session_.get());
    const auto took = std::chrono::steady_clock::now() - before;
    if (judge(bind_row, index, "load the modules pppox and ppp_generic")) {
      channel = *index;
      const double milliseconds = std::chrono::duration<double, std::milli>(took).count();
      bind_row.detail = fmt::format("PPPIOCGCHAN took {:.1f} ms{}", milliseconds,
                                    milliseconds > 2 ? ": it waits for a grace period" : "");
    }
  }
  UniqueFd channel_fd;
  if (channel && out_.ppp_device) {
    if (auto opened = open_ppp()) {
      const std::lock_guard lock(ppp_lock());
      if (attach_channel(opened->get(), *channel)) channel_fd = std::move(*opened);
    }
  }
  if (channel_fd) probe_bridge(channel_fd.get());

  Feature& link_row = row("ppp-link", true);
  if (unit) {
    // Group 1 of instance 0, which no instance has: a sweep leaves it alone.
    const PppLink link{unit->get(), fmt::format("l2tpprobe{}", random_.below(100000)), 1400, 1};
    // Another program may be at it: the kernel waits for nobody there.
    const auto made = retry_while_busy(
        [&link] {
          const std::lock_guard lock(ppp_lock());
          return create_ppp_link(link);
        },
        false);
    out_.ppp_link =
        judge(link_row, made, "a kernel whose ppp_generic knows netlink (4.6 and later)");
  }
  Feature& mppe_row = row("mppe", false);
  if (out_.ppp_link) {
    MppeSpec spec;
    spec.key = Secret(Bytes(16, 0x5a));
    const std::lock_guard lock(ppp_lock());
    out_.mppe = judge(mppe_row, set_compressor(unit->get(), spec),
                      "load the module ppp_mppe; without it sessions cannot be encrypted by MPPE");
  }
}

void Probe::probe_bridge(int channel_fd) {
  Feature& feature = row("bridge-channel", false);
  SessionId id;
  auto second = make_session(*tunnel_, id);
  if (!second) return;
  const auto index = channel_index(second->get());
  if (!index) return;
  int value = *index;
  const std::lock_guard lock(ppp_lock());
  const bool bridged = ioctl(channel_fd, PPPIOCBRIDGECHAN, &value) == 0;
  if (!bridged) feature.detail = KernelError{errno, "PPPIOCBRIDGECHAN", {}}.to_string();
  if (bridged) ioctl(channel_fd, PPPIOCUNBRIDGECHAN);
  out_.bridge_channel = bridged;
  feature.state = bridged ? FeatureState::yes : FeatureState::no;
  if (!bridged) feature.advice = "a kernel from 5.11 on";
}

void Probe::probe_ipv6() {
  Feature& feature = row("ipv6-tunnel", false);
  std::array<std::uint8_t, 16> loopback{};
  loopback[15] = 1;
  auto tunnel = make_tunnel(IpAddress::v6(loopback), 2);
  out_.ipv6_tunnel = judge(feature, tunnel, "IPv6 is off on this host");
  if (tunnel) (void)delete_tunnel(tunnel->id);
}

void Probe::probe_ethernet() {
  Feature& feature = row("l2tp-eth", false);
  auto tunnel = make_tunnel(IpAddress::v4(INADDR_LOOPBACK), 3);
  if (!tunnel) return;
  SessionRequest request;
  request.key = {tunnel->id, SessionId(1 + random_.below(0x7fffffff))};
  request.peer_session = SessionId(1);
  request.name = fmt::format("l2tpprobe{}", random_.below(100000));
  out_.l2tp_eth = judge(feature, create_session(request), "load the module l2tp_eth");
  if (out_.l2tp_eth) (void)delete_session(request.key);
  (void)delete_tunnel(tunnel->id);
}

void Probe::probe_ip() {
  std::array<std::uint8_t, 16> loopback{};
  loopback[15] = 1;
  const auto probe = [&](std::string_view id, const IpAddress& address, const char* advice) {
    return judge(row(id, false),
                 open_l2tp_ip({address, 0, 0}, TunnelId(1 + random_.below(0x7fffffff))), advice);
  };
  out_.l2tp_ip = probe("l2tp-ip", IpAddress::v4(INADDR_LOOPBACK), "load the module l2tp_ip");
  out_.l2tp_ip6 =
      probe("l2tp-ip6", IpAddress::v6(loopback), "load the module l2tp_ip6, and let IPv6 be on");
}

void Probe::probe_bcp() {
  Feature& feature = row("bcp", false);
  Bridges bridges(0);
  OwnLinks own_links;
  BcpPrograms programs;
  relay::Relay relay;
  const auto tried = try_bcp({bridges, own_links, programs, relay});
  const bool forbidden = !tried && (tried.error().error == EPERM || tried.error().error == EACCES);
  out_.bcp = judge(feature, tried,
                   forbidden ? "install the unit's drop-in bcp.conf, if sessions are to be bridged"
                             : "load the modules pppoe and veth, and a kernel from 5.18 on") &&
             out_.bridge_channel;
}

void Probe::probe_nftables() {
  Feature& feature = row("nftables", false);
  out_.nftables =
      judge(feature, check_mss_clamp(),
            "load nf_tables; without it TCP through sessions may stall on large packets");
}

void Probe::run() {
  utsname system{};
  if (uname(&system) == 0) out_.release = system.release;
  out_.features.reserve(16);  // rows are referred to while others are added
  probe_tunnel();
  probe_session();
  probe_session_by_id();
  probe_ppp();
  probe_ipv6();
  probe_ethernet();
  probe_ip();
  probe_bcp();
  probe_nftables();
  session_.reset();
  if (tunnel_) (void)delete_tunnel(tunnel_->id);
}

}  // namespace

std::string_view name(FeatureState state) {
  switch (state) {
    case FeatureState::yes:
      return "yes";
    case FeatureState::no:
      return "no";
    case FeatureState::unknown:
      return "unknown";
  }
  return "?";
}

bool KernelFeatures::usable() const {
  return !features.empty() &&
         std::all_of(features.begin(), features.end(), [](const Feature& feature) {
           return !feature.required || feature.state == FeatureState::yes;
         });
}

KernelFeatures probe_features() {
  KernelFeatures features;
  Probe(features).run();
  return features;
}

}  // namespace l2tpm::kernel
