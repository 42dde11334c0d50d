// What the files of ethernet_selftest share: the shell at the other end, tunnels and pseudowires
// between here and there.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "kernel/l2tp_ip_socket.h"
#include "selftest.h"

namespace l2tpm::selftest {

using namespace l2tpm::kernel;

// What the shell in the other namespace answers; false is reported.
inline bool peer(const std::string& command) {
  dprintf(3, "%s\n", command.c_str());
  std::string answer;
  char c = 0;
  while (read(4, &c, 1) == 1 && c != '\n') answer += c;
  if (answer != "ok") std::printf("     peer %s\n", answer.c_str());
  return answer == "ok";
}

struct Kind {
  const char* name;
  bool udp, v6;
  const char* ours() const { return v6 ? "fd00::1" : "10.0.0.1"; }
  const char* theirs() const { return v6 ? "fd00::2" : "10.0.0.2"; }
};
inline constexpr Kind kKinds[] = {
    {"UDP/IPv4", true,  false},
    {"UDP/IPv6", true,  true },
    {"IP/IPv4",  false, false},
    {"IP/IPv6",  false, true }
};

inline SharedFd share(UniqueFd fd) { return std::make_shared<const UniqueFd>(std::move(fd)); }

inline SharedFd udp_socket(const Endpoint& from, const Endpoint& to) {
  UniqueFd fd(socket(from.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = from.to_sockaddr(storage);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("bind");
  length = to.to_sockaddr(storage);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("connect");
  return share(std::move(fd));
}

inline SharedFd ip_socket(const Endpoint& from, TunnelId id, const Endpoint& to, TunnelId peer_id) {
  auto fd = open_l2tp_ip(from, id);
  if (!good(fd, "an L2TP/IP socket")) return nullptr;
  if (auto connected = connect_l2tp_ip(fd->get(), to, peer_id); !connected)
    good(connected, "connecting an L2TP/IP socket");
  return share(std::move(*fd));
}

constexpr std::uint16_t kPort = 5000;

inline void add_tunnel(Dataplane& dataplane, const Kind& kind, std::uint32_t id) {
  const Endpoint from{*IpAddress::parse(kind.ours()), kPort, 0};
  const Endpoint to{*IpAddress::parse(kind.theirs()), kPort, 0};
  TunnelSpec spec;
  spec.local = TunnelId(id);
  spec.peer = TunnelId(id + 1000);
  spec.version = 3;
  spec.encapsulation = kind.udp ? Encapsulation::udp : Encapsulation::ip;
  spec.socket = kind.udp ? udp_socket(from, to) : ip_socket(from, spec.local, to, spec.peer);
  dataplane.add_tunnel(std::move(spec));
}

inline std::string peer_tunnel(const Kind& kind, std::uint32_t id) {
  const std::string text = std::string("ip l2tp add tunnel tunnel_id ") +
                           std::to_string(id + 1000) + " peer_tunnel_id " + std::to_string(id) +
                           " encap " + (kind.udp ? "udp" : "ip") + " local " + kind.theirs() +
                           " remote " + kind.ours();
  return kind.udp ? text + " udp_sport 5000 udp_dport 5000" : text;
}

inline std::string peer_session(const EthernetSpec& spec, const std::string& name) {
  std::string text = "ip l2tp add session tunnel_id " +
                     std::to_string(spec.key.tunnel.value() + 1000) + " session_id " +
                     std::to_string(spec.peer_session.value()) + " peer_session_id " +
                     std::to_string(spec.key.session.value()) + " name " + name + " l2spec_type " +
                     (spec.framing.sublayer ? "default" : "none");
  if (!spec.framing.receive_cookie.empty())
    text += " cookie " + to_hex(spec.framing.receive_cookie);
  if (!spec.framing.send_cookie.empty()) text += " peer_cookie " + to_hex(spec.framing.send_cookie);
  if (spec.send_sequence) text += " seq both";
  return text + " && ip link set " + name + " mtu 1500 up";
}

inline EthernetSpec wire(std::uint32_t tunnel, std::uint32_t id, const std::string& name) {
  EthernetSpec spec;
  spec.key = {TunnelId(tunnel), SessionId(id)};
  spec.peer_session = SessionId(id + 1000);
  spec.interface_name = name;
  spec.mtu = 1500;
  spec.mac = MacAddress::from_text(name);
  return spec;
}

inline Result<EthernetInstalled, KernelError> install(Dataplane& dataplane,
                                                      const EthernetSpec& spec) {
  return await<EthernetInstalled>(
      dataplane, [&](auto done) { dataplane.install_ethernet(spec, std::move(done)); });
}

inline bool remove(Dataplane& dataplane, SessionKey key) {
  return await<Done>(dataplane, [&](auto done) { dataplane.remove(key, std::move(done)); })
      .has_value();
}
inline bool remove_tunnel(Dataplane& dataplane, std::uint32_t id) {
  return await<Done>(dataplane,
                     [&](auto done) { dataplane.remove_tunnel(TunnelId(id), std::move(done)); })
      .has_value();
}

// Deletes are asynchronous in the kernel.
inline bool soon(const std::function<bool()>& reached) {
  const auto limit = Clock::now() + std::chrono::seconds(20);
  while (!reached()) {
    if (Clock::now() > limit) return false;
    usleep(50'000);
  }
  return true;
}
inline bool soon(const std::string& command) {
  return soon([&] { return shell(command).good; });
}

// The peer's tunnel with our @p id goes, and is gone: 6.1 keeps the id for a moment longer.
inline void remove_peer_tunnel(std::uint32_t id) {
  const std::string theirs = std::to_string(id + 1000);
  peer("ip l2tp del tunnel tunnel_id " + theirs);
  check(soon([&] { return peer("! ip l2tp show tunnel | grep -q '^Tunnel " + theirs + ",'"); }),
        "the peer's tunnel is gone");
}

inline bool nothing_left(const std::string& what) {
  const auto left = [] {
    return shell(
               "ip -o link | grep -vE ': (lo|va(@[a-z0-9]+)?|blue):'; ip l2tp show tunnel; "
               "ip l2tp show session")
        .output;
  };
  if (soon([&] { return left().empty(); })) return true;
  std::printf("left (%s):\n%s", what.c_str(), left().c_str());
  return false;
}

inline bool ping(const std::string& options, const std::string& address) {
  return shell("ping -c 1 -W 5 " + options + " " + address).good;
}

// Bridges, VLANs, VRFs, namespaces, circuits: ethernet_selftest_places.cc.
void test_places();
// Static tunnels, and PPP over L2TPv3: ethernet_selftest_static.cc.
void test_static_tunnels();
void test_ppp(bool udp);

}  // namespace l2tpm::selftest
