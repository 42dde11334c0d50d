// L2TPv3 in kernel/ against a real kernel, with iproute2 at the other end: run by
// ethernet_selftest.sh.
//
//   [eta: this program] 10.0.0.1, fd00::1 --veth-- 10.0.0.2, fd00::2 [etb: a shell, `ip l2tp`]
#include "ethernet_selftest.h"

#include <signal.h>
#include <sys/resource.h>

#include "kernel/mtu.h"

using namespace l2tpm;
using namespace l2tpm::selftest;

namespace {

// ---- every encapsulation, cookie and sublayer ----

void test_framings(const Kind& kind) {
  auto dataplane = make(false);
  add_tunnel(*dataplane, kind, 10);
  check(peer(peer_tunnel(kind, 10)), std::string(kind.name) + ": the peer's tunnel");
  unsigned id = 100;
  for (const std::size_t cookie : {0u, 4u, 8u})
    for (const bool sublayer : {false, true}) {
      ++id;
      // Over IPv6 the header in front is no other: the least and the most.
      if (kind.v6 && !(cookie == 0 && !sublayer) && !(cookie == 8 && sublayer)) continue;
      auto spec = wire(10, id, "wire" + std::to_string(id));
      spec.framing.sublayer = sublayer;
      spec.framing.send_cookie.assign(cookie, static_cast<std::uint8_t>(id));
      spec.framing.receive_cookie.assign(cookie, static_cast<std::uint8_t>(id + 7));
      spec.send_sequence = spec.require_sequence = sublayer && cookie == 8;
      const std::string what = std::string(kind.name) + ", cookie " + std::to_string(cookie) +
                               (sublayer ? ", sublayer" : ", no sublayer") +
                               (spec.send_sequence ? ", sequence" : "");
      const auto installed = install(*dataplane, spec);
      if (!good(installed, what)) continue;
      check(peer(peer_session(spec, "far" + std::to_string(id)) + " && ip addr add 192.168." +
                 std::to_string(id) + ".2/24 dev far" + std::to_string(id)),
            "the peer's session");
      shell("ip addr add 192.168." + std::to_string(id) + ".1/24 dev " + spec.interface_name);
      const std::string far = "192.168." + std::to_string(id) + ".2";
      check(ping("", far), "ping");
      check(ping("-s 1472 -M do", far), "1500 octets");
      check(installed->mac == *spec.mac &&
                shell("ip link show " + spec.interface_name + " | grep " + spec.mac->to_string())
                    .good,
            "the MAC is the one given");
    }
  // The kernel's own idea of the MTU is ours.
  auto spec = wire(10, 120, "wire120");
  spec.mtu = 0;
  const auto installed = install(*dataplane, spec);
  if (good(installed, "MTU of the kernel")) {
    const Version3Framing framing{kind.udp, kind.v6, 0, true};
    check(installed->mtu == ethernet_mtu(1500, framing, false, false, {}),
          "MTU " + std::to_string(installed->mtu));
    check(await<Done>(
              *dataplane,
              [&](auto done) {
                dataplane->set_mtu(spec.key, 1400, 0, std::move(done));
              }).has_value() &&
              shell("ip link show wire120 | grep 'mtu 1400'").good,
          "and can be changed");
  }
  auto twice = wire(10, 101, "twice");
  const auto refused = install(*dataplane, twice);
  check(!refused, "a session twice: " + (refused ? "" : refused.error().to_string()));
  add_tunnel(*dataplane, {"", true, false}, 11);
  twice = wire(11, 101, "twice");
  const auto duplicate = install(*dataplane, twice);
  check(!duplicate && duplicate.error().error == EEXIST,
        "an id twice: " + (duplicate ? "" : duplicate.error().to_string()));
  auto taken = wire(10, 130, "va");
  const auto refused_name = install(*dataplane, taken);
  check(!refused_name && refused_name.error().error == EEXIST,
        "a taken name: " + (refused_name ? "" : refused_name.error().to_string()));
  auto odd = wire(10, 131, "odd");
  odd.framing.send_cookie = {1, 2, 3};
  check(!install(*dataplane, odd), "a cookie of three octets is refused");
  const auto counters =
      await<std::vector<Counters>>(*dataplane, [&](auto done) { dataplane->read_counters(done); });
  check(counters && counters->size() == (kind.v6 ? 3u : 7u), "counters of all");
  check(remove(*dataplane, {TunnelId(10), SessionId(101)}) && soon("! ip link show wire101"),
        "one session is removed");
  check(remove_tunnel(*dataplane, 10) && remove_tunnel(*dataplane, 11), "the tunnel is removed");
  check(nothing_left(kind.name), "nothing is left");
  remove_peer_tunnel(10);
}

// ---- control messages over IP ----

Bytes receive(int fd) {
  pollfd ready{fd, POLLIN, 0};
  if (poll(&ready, 1, 5000) <= 0) return {};
  Bytes bytes(2048);
  const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

void test_ip_control(const char* address) {
  const Endpoint here{*IpAddress::parse(address), 0, 0};
  auto listener = open_l2tp_ip(here, TunnelId());
  auto dialler = open_l2tp_ip(here, TunnelId(77));
  if (!good(listener, std::string("a listener on ") + address) || !good(dialler, "and a socket"))
    return;
  check(!open_l2tp_ip(here, TunnelId(77)), "an id is bound once");
  UniqueFd raw(socket(here.address.is_v6() ? AF_INET6 : AF_INET, SOCK_RAW, 115));
  good(connect_l2tp_ip(dialler->get(), here, TunnelId()), "connect before the peer's id is known");
  // SCCRQ-like: T, L, S, version 3; length 12; connection id 0; Ns, Nr.
  const Bytes first = {0xc8, 3, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0};
  check(send(dialler->get(), first.data(), first.size(), 0) == 12, "send");
  check(receive(listener->get()) == first, "the listener hears it, without the zero octets");
  Bytes wire = receive(raw.get());
  if (!here.address.is_v6() && wire.size() > 20) wire.erase(wire.begin(), wire.begin() + 20);
  check(wire.size() == 16 && wire[0] == 0 && wire[3] == 0 && wire[4] == 0xc8,
        "which are on the wire");
  Bytes answer = first;
  answer[7] = 77;
  sockaddr_storage storage{};
  const socklen_t length = here.to_sockaddr(storage);
  check(sendto(listener->get(), answer.data(), answer.size(), 0,
               reinterpret_cast<sockaddr*>(&storage), length) == 12,
        "the listener answers");
  check(receive(dialler->get()) == answer, "to the id's socket");
  good(connect_l2tp_ip(dialler->get(), here, TunnelId(5)), "connect again");
  const auto mtu = path_mtu(dialler->get());
  check(mtu && *mtu > 1280, "its path MTU is known");
}

// ---- many ----

void test_many(unsigned count) {
  auto dataplane = make(false);
  const auto timed = [&](const char* what, const std::function<void()>& act) {
    const auto start = Clock::now();
    act();
    const double took = seconds_since(start);
    std::printf("     %-34s %7.3f s  %7.0f/s\n", what, took, count / took);
  };
  for (const bool bulk : {false, true}) {
    add_tunnel(*dataplane, kKinds[0], 70);
    unsigned finished = 0, succeeded = 0;
    timed("install", [&] {
      for (unsigned i = 1; i <= count; ++i)
        dataplane->install_ethernet(wire(70, i, "many" + std::to_string(i)),
                                    [&](const Result<EthernetInstalled, KernelError>& result) {
                                      ++finished;
                                      succeeded += result ? 1 : 0;
                                      if (!result)
                                        std::printf("     %s\n",
                                                    result.error().to_string().c_str());
                                    });
      wait_until(
          *dataplane, [&] { return finished == count; }, 120);
    });
    check(succeeded == count, "all installed");
    finished = 0;
    timed(bulk ? "remove_tunnel" : "remove, all at once", [&] {
      if (!bulk)
        for (unsigned i = 1; i <= count; ++i)
          dataplane->remove({TunnelId(70), SessionId(i)}, [&](const auto&) { ++finished; });
      if (!bulk)
        wait_until(
            *dataplane, [&] { return finished == count; }, 120);
      if (bulk) remove_tunnel(*dataplane, 70);
    });
    if (!bulk) remove_tunnel(*dataplane, 70);
    check(nothing_left("many"), "nothing is left");
  }
  // A removal at any moment of an install.
  add_tunnel(*dataplane, kKinds[0], 71);
  unsigned cancelled = 0, succeeded = 0, other = 0, removed = 0;
  constexpr unsigned kTrials = 40;
  for (unsigned i = 1; i <= kTrials; ++i) {
    auto spec = wire(71, i, "cut" + std::to_string(i));
    BridgePort port;
    port.bridge = "br-cut";
    port.create = BridgeSettings{};
    spec.attachment = port;
    dataplane->install_ethernet(spec, [&](const Result<EthernetInstalled, KernelError>& result) {
      ++(result ? succeeded : result.error().error == ECANCELED ? cancelled : other);
    });
    const auto until = Clock::now() + std::chrono::microseconds(200 * i);
    while (Clock::now() < until) dataplane->dispatch_completions();
    dataplane->remove(spec.key, [&](const auto&) { ++removed; });
  }
  wait_until(*dataplane, [&] { return removed == kTrials; });
  std::printf("     %u cancelled, %u succeeded, %u failed\n", cancelled, succeeded, other);
  check(other == 0 && cancelled + succeeded == kTrials, "removal during install");
  remove_tunnel(*dataplane, 71);
  check(nothing_left("cancelled"), "nothing is left");
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit files{65536, 65536};
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN);
  for (const Kind& kind : kKinds) test_framings(kind);
  test_ip_control("127.0.0.1");
  test_ip_control("::1");
  test_places();
  test_static_tunnels();
  test_ppp(true);
  test_ppp(false);
  test_many(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 200);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
