// The floor of L2TPv3: the netlink calls that make and unmake Ethernet pseudowires of one tunnel,
// in a bare loop with as many threads as the daemon has workers. Run it in a network namespace of
// its own.
//
// For each session, as src/kernel does it: L2TP_CMD_SESSION_CREATE with cookies, then RTM_NEWLINK
// with MAC address, MTU and up state; at the end L2TP_CMD_SESSION_DELETE.
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/bare_netlink.h"

namespace {

using namespace l2tpm::bench;
using l2tpm::UniqueFd;

constexpr std::uint32_t kTunnel = 1;
constexpr std::uint32_t kPeerTunnel = 2;

UniqueFd make_tunnel(std::uint16_t family) {
  UniqueFd udp = tunnel_socket();
  Netlink genl(NETLINK_GENERIC);
  Request create(family, 0);
  create.append(genlmsghdr{L2TP_CMD_TUNNEL_CREATE, L2TP_GENL_VERSION, 0})
      .put(L2TP_ATTR_CONN_ID, kTunnel)
      .put(L2TP_ATTR_PEER_CONN_ID, kPeerTunnel)
      .put(L2TP_ATTR_PROTO_VERSION, std::uint8_t{3})
      .put(L2TP_ATTR_ENCAP_TYPE, std::uint16_t{L2TP_ENCAPTYPE_UDP})
      .put(L2TP_ATTR_FD, static_cast<std::uint32_t>(udp.get()));
  genl.must(create, "creating the tunnel");
  return udp;
}

void make_session(std::uint32_t id, std::uint16_t family, Netlink& rtnl, Netlink& genl) {
  const std::string name = "floor" + std::to_string(id);
  const std::array<std::uint8_t, 8> cookie{1, 2, 3, 4, 5, 6, 7, 8};
  Request create(family, 0);
  create.append(genlmsghdr{L2TP_CMD_SESSION_CREATE, L2TP_GENL_VERSION, 0})
      .put(L2TP_ATTR_CONN_ID, kTunnel)
      .put(L2TP_ATTR_SESSION_ID, id)
      .put(L2TP_ATTR_PEER_SESSION_ID, id)
      .put(L2TP_ATTR_PW_TYPE, std::uint16_t{L2TP_PWTYPE_ETH})
      .put(L2TP_ATTR_L2SPEC_TYPE, std::uint8_t{L2TP_L2SPECTYPE_NONE})
      .put(L2TP_ATTR_COOKIE, cookie.data(), cookie.size())
      .put(L2TP_ATTR_PEER_COOKIE, cookie.data(), cookie.size())
      .text(L2TP_ATTR_IFNAME, name);
  genl.must(create, "creating a session");
  const std::array<std::uint8_t, ETH_ALEN> mac{2,
                                               0,
                                               static_cast<std::uint8_t>(id >> 24),
                                               static_cast<std::uint8_t>(id >> 16),
                                               static_cast<std::uint8_t>(id >> 8),
                                               static_cast<std::uint8_t>(id)};
  Request link(RTM_NEWLINK, 0);
  ifinfomsg header{};
  header.ifi_flags = header.ifi_change = IFF_UP;
  link.append(header)
      .text(IFLA_IFNAME, name)
      .put(IFLA_ADDRESS, mac.data(), mac.size())
      .put(IFLA_MTU, std::uint32_t{1450});
  rtnl.must(link, "the interface");
}

void remove_session(std::uint32_t id, std::uint16_t family, Netlink& genl) {
  Request remove(family, 0);
  remove.append(genlmsghdr{L2TP_CMD_SESSION_DELETE, L2TP_GENL_VERSION, 0})
      .put(L2TP_ATTR_CONN_ID, kTunnel)
      .put(L2TP_ATTR_SESSION_ID, id);
  genl.must(remove, "deleting a session");
}

// The kernel has answered a deletion before the interface is gone.
void wait_until_gone() {
  for (bool left = true; left;) {
    left = false;
    std::ifstream interfaces("/proc/net/dev");
    for (std::string line; !left && std::getline(interfaces, line);)
      left = line.find("floor") != std::string::npos;
    if (left) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  unsigned sessions = 1000;
  unsigned threads = 16;
  CLI::App app("The netlink calls of Ethernet pseudowires in a bare loop", "ethernet_floor");
  app.add_option("--sessions", sessions)->check(CLI::Range(1, 60000));
  app.add_option("--threads", threads, "As many as the daemon has workers")
      ->check(CLI::Range(1, 512));
  CLI11_PARSE(app, argc, argv);

  Netlink asking(NETLINK_GENERIC);
  const std::uint16_t family = l2tp_family(asking);
  const UniqueFd udp = make_tunnel(family);
  const double made = timed(sessions, threads, [&](unsigned at, Netlink& rtnl) {
    thread_local Netlink genl(NETLINK_GENERIC);
    make_session(at + 1, family, rtnl, genl);
  });
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  const auto began = std::chrono::steady_clock::now();
  timed(sessions, threads, [&](unsigned at, Netlink&) {
    thread_local Netlink genl(NETLINK_GENERIC);
    remove_session(at + 1, family, genl);
  });
  wait_until_gone();
  const double closed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  nlohmann::json report;
  report["sessions"] = sessions;
  report["threads"] = threads;
  report["sessions_per_second"] = sessions / made;
  report["cpu_ms_per_session"] = {milliseconds(used.ru_utime) / sessions,
                                  milliseconds(used.ru_stime) / sessions};
  report["closed_per_second"] = sessions / closed;
  std::cout << report << std::endl;
  return 0;
}
