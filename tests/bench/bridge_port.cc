// An end of a BCP session on an L2TPv2 tunnel, without the control connection: src/kernel's
// dataplane puts it there as the daemon does, or the naive loop (naive_bridge.h) moves its frames.
// It says "ready", and stays until it is ended.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "base/address.h"
#include "bench/naive_bridge.h"
#include "kernel/genl_l2tp.h"
#include "kernel/pppol2tp.h"
#include "kernel/rtnl.h"
#include "support/tap_lan.h"
#include "vm/selftest/selftest.h"

namespace {

using namespace l2tpm;
using namespace l2tpm::kernel;

SharedFd tunnel_socket(const std::string& local, const std::string& peer, std::uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  for (const bool ours : {true, false}) {
    const auto address = IpAddress::parse(ours ? local : peer);
    sockaddr_storage storage{};
    if (!address) return nullptr;
    const socklen_t length = Endpoint{*address, port, 0}.to_sockaddr(storage);
    const auto* to = reinterpret_cast<const sockaddr*>(&storage);
    if ((ours ? bind(fd.get(), to, length) : connect(fd.get(), to, length)) != 0) return nullptr;
  }
  return std::make_shared<const UniqueFd>(std::move(fd));
}

int say(const KernelError& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return 1;
}

int run_naive(std::uint32_t tunnel, const UniqueFd& socket, const std::string& interface) {
  TunnelRequest request;
  request.local = request.peer = TunnelId(tunnel);
  request.socket = socket.get();
  if (const auto made = create_tunnel(request); !made) return say(made.error());
  const SessionIds ids{2, TunnelId(tunnel), TunnelId(tunnel), SessionId(1), SessionId(1)};
  const auto session = connect_session(ids, socket.get());
  if (!session) return say(session.error());
  const auto unit = bench::make_unit(session->get());
  if (!unit) return say(unit.error());
  const auto lan = open_tap_lan(interface);
  if (!lan) return say({lan.error(), "making a TAP", {}});
  fcntl(unit->unit.get(), F_SETFL, O_NONBLOCK);
  std::puts("ready");
  std::fflush(stdout);
  bench::move_frames(unit->unit.get(), lan->get(), false);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string local, peer, interface = "bcp", bridge, path = "kernel";
  std::uint32_t tunnel = 1;
  std::uint16_t port = 1701;
  const std::map<std::string, BcpPath> paths{
      {"kernel", BcpPath::kernel       },
      {"relay",  BcpPath::relay_channel}
  };
  CLI::App app("An end of a BCP session", "bridge_port");
  app.add_option("--local", local)->required();
  app.add_option("--peer", peer)->required();
  app.add_option("--port", port, "Of both ends");
  app.add_option("--tunnel", tunnel, "The ids of both ends");
  app.add_option("--path", path)->check(CLI::IsMember({"kernel", "relay", "naive"}));
  app.add_option("--interface", interface);
  app.add_option("--bridge", bridge, "Not of a naive one, which is nobody's port")->required();
  CLI11_PARSE(app, argc, argv);

  SharedFd socket = tunnel_socket(local, peer, port);
  if (!socket) {
    std::fprintf(stderr, "the tunnel's socket: %s\n", std::strerror(errno));
    return 1;
  }
  if (path == "naive") return run_naive(tunnel, *socket, interface);
  const auto dataplane = selftest::make(false);
  dataplane->add_tunnel({TunnelId(tunnel), TunnelId(tunnel), std::move(socket)});
  BcpSpec spec;
  spec.key = {TunnelId(tunnel), SessionId(1)};
  spec.peer_session = SessionId(1);
  spec.path = paths.at(path);
  spec.peer_mru = 1600;
  spec.interface_name = interface;
  spec.port.emplace();
  spec.port->bridge = bridge;
  const auto installed = selftest::await<BcpInstalled>(
      *dataplane, [&](auto done) { dataplane->install_bcp(spec, std::move(done)); });
  if (!installed) return say(installed.error());
  std::puts("ready");
  std::fflush(stdout);
  return pause();
}
