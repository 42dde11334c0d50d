// An end of a BCP session on an L2TPv2 tunnel, without the control connection: src/kernel's
// dataplane puts it there as the daemon does. It stays until its standard input ends; "ready" is
// said before.
#include <arpa/inet.h>
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
  app.add_option("--path", path)->check(CLI::IsMember(paths));
  app.add_option("--interface", interface);
  app.add_option("--bridge", bridge)->required();
  CLI11_PARSE(app, argc, argv);

  SharedFd socket = tunnel_socket(local, peer, port);
  if (!socket) {
    std::fprintf(stderr, "the tunnel's socket: %s\n", std::strerror(errno));
    return 1;
  }
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
  if (!installed) {
    std::fprintf(stderr, "%s\n", installed.error().to_string().c_str());
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  return pause();
}
