// The floor: the kernel calls that make and unmake a PPP session over L2TP, in a bare loop with the
// same number of threads as the daemon has workers, and nothing else: no peer, no protocol, no
// daemon. What a daemon reaches of this is its efficiency. Run it in a network namespace of its
// own.
//
// For each session, as src/kernel does it: PPPoX socket and connect, PPPIOCGCHAN, two descriptors
// of /dev/ppp, then under one lock (the kernel has one mutex there and answers EBUSY) RTM_NEWLINK
// with name, MTU, group and up state, PPPIOCATTCHAN, PPPIOCCONNECT and the modes; a device route.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <linux/ppp_defs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/bare_netlink.h"

namespace {

using namespace l2tpm::bench;
using l2tpm::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kTunnel = 1;
constexpr std::uint16_t kPeerTunnel = 2;
constexpr std::uint32_t kGroup = 0x4C320001;
constexpr std::uint32_t kLocal = 0x0A400001;      // 10.64.0.1
constexpr std::uint32_t kFirstPeer = 0x0A410000;  // 10.65.0.0
constexpr unsigned char kProtocol = 77;

// The local address, the UDP socket, the kernel's tunnel on it.
UniqueFd make_tunnel() {
  Netlink rtnl(NETLINK_ROUTE);
  Request address(RTM_NEWADDR, NLM_F_CREATE);
  address.append(ifaddrmsg{AF_INET, 32, 0, RT_SCOPE_UNIVERSE, 1})
      .put(IFA_LOCAL, htonl(kLocal))
      .put(IFA_ADDRESS, htonl(kLocal));
  errno = rtnl.ask(address);
  check(errno == 0 || errno == EEXIST, "10.64.0.1 on lo");

  UniqueFd udp = tunnel_socket();
  Netlink genl(NETLINK_GENERIC);
  Request create(l2tp_family(genl), 0);
  create.append(genlmsghdr{L2TP_CMD_TUNNEL_CREATE, L2TP_GENL_VERSION, 0})
      .put(L2TP_ATTR_CONN_ID, std::uint32_t{kTunnel})
      .put(L2TP_ATTR_PEER_CONN_ID, std::uint32_t{kPeerTunnel})
      .put(L2TP_ATTR_PROTO_VERSION, std::uint8_t{2})
      .put(L2TP_ATTR_ENCAP_TYPE, std::uint16_t{L2TP_ENCAPTYPE_UDP})
      .put(L2TP_ATTR_FD, static_cast<std::uint32_t>(udp.get()));
  genl.must(create, "creating the tunnel");
  return udp;
}

struct Session {
  UniqueFd pppox, channel, unit;
};

void set_modes(int unit, NPmode mode) {
  npioctl four{PPP_IP, mode};
  npioctl six{PPP_IPV6, mode};
  check(::ioctl(unit, PPPIOCSNPMODE, &four) == 0 && ::ioctl(unit, PPPIOCSNPMODE, &six) == 0,
        "PPPIOCSNPMODE");
}

Session make_session(std::uint16_t id, int udp, Netlink& rtnl) {
  static std::mutex ppp;
  Session session;
  session.pppox.reset(::socket(AF_PPPOX, SOCK_DGRAM | SOCK_CLOEXEC, PX_PROTO_OL2TP));
  alignas(sockaddr) sockaddr_pppol2tp address{};
  address.sa_family = AF_PPPOX;
  address.sa_protocol = PX_PROTO_OL2TP;
  address.pppol2tp.fd = udp;
  address.pppol2tp.addr.sin_family = AF_INET;
  address.pppol2tp.s_tunnel = kTunnel;
  address.pppol2tp.d_tunnel = kPeerTunnel;
  address.pppol2tp.s_session = id;
  address.pppol2tp.d_session = id;
  const void* const untyped = &address;
  check(::connect(session.pppox.get(), static_cast<const sockaddr*>(untyped), sizeof address) == 0,
        "connecting a PPPoX socket");
  int channel = 0;
  check(::ioctl(session.pppox.get(), PPPIOCGCHAN, &channel) == 0, "PPPIOCGCHAN");
  session.channel.reset(::open("/dev/ppp", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  session.unit.reset(::open("/dev/ppp", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  check(session.channel && session.unit, "/dev/ppp");
  const std::string name = "floor" + std::to_string(id);
  {
    const std::lock_guard lock(ppp);
    Request link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    ifinfomsg header{};
    header.ifi_flags = header.ifi_change = IFF_UP;
    link.append(header)
        .text(IFLA_IFNAME, name)
        .put(IFLA_MTU, std::uint32_t{1450})
        .put(IFLA_GROUP, kGroup);
    const unsigned info = link.open(IFLA_LINKINFO);
    link.text(IFLA_INFO_KIND, "ppp");
    const unsigned data = link.open(IFLA_INFO_DATA);
    link.put(IFLA_PPP_DEV_FD, session.unit.get()).close(data).close(info);
    rtnl.must(link, "creating the interface");
    int unit = 0;
    int mru = 1450;
    check(::ioctl(session.channel.get(), PPPIOCATTCHAN, &channel) == 0, "PPPIOCATTCHAN");
    check(::ioctl(session.unit.get(), PPPIOCGUNIT, &unit) == 0, "PPPIOCGUNIT");
    set_modes(session.unit.get(), NPMODE_DROP);
    check(::ioctl(session.unit.get(), PPPIOCSMRU, &mru) == 0, "PPPIOCSMRU");
    check(::ioctl(session.channel.get(), PPPIOCCONNECT, &unit) == 0, "PPPIOCCONNECT");
  }
  ifreq lookup{};
  name.copy(lookup.ifr_name, IFNAMSIZ - 1);
  check(::ioctl(udp, SIOCGIFINDEX, &lookup) == 0, "the interface's index");
  Request route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  route.append(rtmsg{AF_INET, 32, 0, 0, RT_TABLE_MAIN, kProtocol, RT_SCOPE_LINK, RTN_UNICAST, 0})
      .put(RTA_DST, htonl(kFirstPeer + id))
      .put(RTA_OIF, lookup.ifr_ifindex)
      .put(RTA_PREFSRC, htonl(kLocal));
  rtnl.must(route, "the session's route");
  {
    const std::lock_guard lock(ppp);
    set_modes(session.unit.get(), NPMODE_PASS);
  }
  return session;
}

void close_session(Session& session) {
  session.unit.reset();
  session.channel.reset();
  session.pppox.reset();
}

}  // namespace

int main(int argc, char** argv) {
  unsigned sessions = 500;
  unsigned threads = 32;
  std::string how = "one";
  CLI::App app("The kernel calls of a session in a bare loop", "kernel_floor");
  app.add_option("--sessions", sessions)->check(CLI::Range(1, 60000));
  app.add_option("--threads", threads, "As many as the daemon has workers")
      ->check(CLI::Range(1, 512));
  app.add_option("--close", how, "one by one, by threads, or interfaces by group and then threads")
      ->check(CLI::IsMember({"one", "threads", "group"}));
  CLI11_PARSE(app, argc, argv);
  const rlimit files{524288, 524288};
  (void)::setrlimit(RLIMIT_NOFILE, &files);

  const UniqueFd udp = make_tunnel();
  std::vector<Session> all(sessions);
  const double made = timed(sessions, threads, [&](unsigned at, Netlink& rtnl) {
    all[at] = make_session(static_cast<std::uint16_t>(at + 1), udp.get(), rtnl);
  });
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  const auto began = Clock::now();
  if (how == "group") {
    Netlink rtnl(NETLINK_ROUTE);
    Request remove(RTM_DELLINK, 0);
    remove.append(ifinfomsg{}).put(IFLA_GROUP, kGroup);
    rtnl.must(remove, "deleting the group");
  }
  timed(sessions, how == "one" ? 1 : threads,
        [&](unsigned at, Netlink&) { close_session(all[at]); });
  const double closed = std::chrono::duration<double>(Clock::now() - began).count();
  nlohmann::json report;
  report["sessions"] = sessions;
  report["threads"] = threads;
  report["seconds"] = made;
  report["sessions_per_second"] = sessions / made;
  report["cpu_ms_per_session"] = {milliseconds(used.ru_utime) / sessions,
                                  milliseconds(used.ru_stime) / sessions};
  report["close"] = how;
  report["close_seconds"] = closed;
  report["closed_per_second"] = sessions / closed;
  std::cout << report << std::endl;
  return 0;
}
