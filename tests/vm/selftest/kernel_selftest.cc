// kernel/ against a real kernel: run by kernel_selftest.sh as the daemon's user, with its three
// capabilities, once in each of two namespaces:
//
//   [ns a: kernel_selftest main] 10.0.0.1 --veth-- 10.0.0.2 [ns b: kernel_selftest peer]
//   tunnel 100, sessions 1..                       tunnel 200, sessions 1..
//
// The peer does what it is told on its standard input and answers each line with "ok" or "no".
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include "kernel/features.h"
#include "kernel/linux_dataplane.h"
#include "kernel/mtu.h"
#include "selftest.h"

using namespace l2tpm;
using namespace l2tpm::kernel;
using namespace l2tpm::selftest;

namespace {

SharedFd tunnel_socket(const char* local, const char* peer, std::uint16_t port) {
  const Endpoint from{*IpAddress::parse(local), port, 0};
  const Endpoint to{*IpAddress::parse(peer), port, 0};
  UniqueFd fd(socket(from.address.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = from.to_sockaddr(storage);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("bind");
  length = to.to_sockaddr(storage);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("connect");
  return std::make_shared<const UniqueFd>(std::move(fd));
}

SessionSpec session_spec(std::uint32_t tunnel, std::uint32_t id,
                         const std::string& prefix = "l2s") {
  SessionSpec spec;
  spec.key = {TunnelId(tunnel), SessionId(id)};
  spec.peer_session = SessionId(id);
  spec.interface_name = prefix + std::to_string(id);
  spec.mtu = 1462;
  return spec;
}

NetworkConfig network(const char* local, const char* peer, std::uint64_t interface_id) {
  NetworkConfig config;
  config.ipv4 = NetworkConfig::Ipv4{*IpAddress::parse(local), *IpAddress::parse(peer), false, 0};
  config.ipv6 = NetworkConfig::Ipv6{interface_id, 0};
  return config;
}

Bytes read_frame(const SharedFd& fd, int milliseconds = 5000) {
  pollfd ready{fd->get(), POLLIN, 0};
  if (poll(&ready, 1, milliseconds) <= 0) return {};
  Bytes frame(2048);
  const ssize_t got = read(fd->get(), frame.data(), frame.size());
  frame.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return frame;
}

const Bytes kEchoRequest = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
const Bytes kCcpAck = {0x80, 0xfd, 2, 1, 0, 10, 18, 6, 1, 0, 0, 0x40};  // MPPE-128 stateless

Result<Done, KernelError> arm_mppe(Dataplane& dataplane, SessionKey key, std::uint8_t send_key,
                                   std::uint8_t receive_key) {
  MppeSpec send;
  send.key = Secret(Bytes(16, send_key));
  MppeSpec receive = send;
  receive.direction = MppeDirection::receive;
  receive.key = Secret(Bytes(16, receive_key));
  dataplane.set_ccp_flags(key, {true, false, false}, nullptr);
  dataplane.set_mppe(key, send, nullptr);
  auto set =
      await<Done>(dataplane, [&](auto done) { dataplane.set_mppe(key, receive, std::move(done)); });
  return set;
}

Result<Done, KernelError> require_mppe(Dataplane& dataplane, SessionKey key) {
  return await<Done>(dataplane, [&](auto done) {
    dataplane.set_ccp_flags(key, {true, true, true}, std::move(done));
  });
}

Result<Installed, KernelError> install(Dataplane& dataplane, const SessionSpec& spec) {
  return await<Installed>(dataplane, [&](auto done) { dataplane.install(spec, std::move(done)); });
}

// --- the peer -----------------------------------------------------------------------------------

int peer() {
  auto dataplane = make(false);
  const TunnelId tunnel(200);
  std::optional<Installed> first, second;
  dataplane->add_tunnel({tunnel, TunnelId(100), tunnel_socket("10.0.0.2", "10.0.0.1", 1701)});
  dataplane->add_tunnel({TunnelId(206), TunnelId(106), tunnel_socket("fd00::2", "fd00::1", 1701)});
  std::optional<Installed> sixth;
  const SessionKey key{tunnel, SessionId(1)};
  std::string line;
  while (std::getline(std::cin, line)) {
    bool done = false;
    if (line == "install") {
      auto one = install(*dataplane, session_spec(200, 1));
      auto two = install(*dataplane, session_spec(200, 2));
      auto six = install(*dataplane, session_spec(206, 6));
      done = one && two && six;
      if (!one) std::cerr << one.error().to_string() << "\n";
      if (!six) std::cerr << six.error().to_string() << "\n";
      if (one) first = *one;
      if (two) second = *two;
      if (six) sixth = *six;
      const auto config = network("10.9.0.2", "10.9.0.1", 2);
      done = done && await<Done>(*dataplane, [&](auto callback) {
               dataplane->configure(key, config, std::move(callback));
             });
      done = done && await<Done>(*dataplane, [&](auto callback) {
               dataplane->configure({TunnelId(206), SessionId(6)},
                                    network("10.9.6.2", "10.9.6.1", 6), std::move(callback));
             });
    } else if (line == "echo") {  // an LCP frame back to where it came from
      const Bytes frame = read_frame(first->channel);
      dataplane->send_frame(key, frame);
      done = frame == kEchoRequest;
    } else if (line == "send2") {
      dataplane->send_frame({tunnel, SessionId(2)}, kEchoRequest);
      done = true;
    } else if (line == "mppe") {
      done = arm_mppe(*dataplane, key, 0x22, 0x11).has_value();
    } else if (line == "ack") {
      dataplane->send_frame(key, kCcpAck);
      done = true;
    } else if (line == "must") {
      done = read_frame(first->unit) == kCcpAck && require_mppe(*dataplane, key).has_value();
    }
    std::cout << (done ? "ok" : "no") << std::endl;
  }
  first.reset();
  second.reset();
  sixth.reset();
  return 0;
}

bool tell_peer(const char* command) {
  std::cout.flush();
  dprintf(3, "%s\n", command);
  std::string answer;
  char c = 0;
  while (read(4, &c, 1) == 1 && c != '\n') answer += c;
  return answer == "ok";
}

// --- the tests ----------------------------------------------------------------------------------

bool nothing_left(const std::string& extra = "") {
  const auto links = shell("ip -o link show type ppp");
  const auto routes =
      shell("ip route show table all proto 76; ip -6 route show table all proto 76");
  const auto addresses = shell("ip -o addr show dev lo | grep 10.9");
  if (!links.output.empty() || !routes.output.empty() || !addresses.output.empty())
    std::printf("left (%s):\n%s%s%s", extra.c_str(), links.output.c_str(), routes.output.c_str(),
                addresses.output.c_str());
  return links.output.empty() && routes.output.empty() && addresses.output.empty();
}

void test_features() {
  const auto start = Clock::now();
  const KernelFeatures features = probe_features();
  std::printf("kernel %s, probed in %.3f s\n", features.release.c_str(), seconds_since(start));
  for (const Feature& feature : features.features)
    std::printf("     %-15.*s %-8.*s%s\n", static_cast<int>(feature.id.size()), feature.id.data(),
                static_cast<int>(name(feature.state).size()), name(feature.state).data(),
                feature.detail.c_str());
  check(features.usable(), "the kernel is usable");
  check(features.mppe && features.ipv6_tunnel && features.l2tp_eth && features.nftables &&
            features.bridge_channel && features.l2tp_ip && features.l2tp_ip6,
        "the optional features are there");
  check(shell("ip -o link | grep l2tpprobe").output.empty(), "the probe leaves no interface");
}

void test_traffic(Dataplane& dataplane) {
  const SessionKey key{TunnelId(100), SessionId(1)};
  const auto socket = tunnel_socket("10.0.0.1", "10.0.0.2", 1701);
  const auto path = path_mtu(socket->get());
  check(path && *path == 1500, "path MTU of the tunnel socket");
  dataplane.add_tunnel({TunnelId(100), TunnelId(200), socket});
  auto installed = install(dataplane, session_spec(100, 1));
  if (!good(installed, "install")) return;
  good(await<Done>(dataplane,
                   [&](auto done) {
                     dataplane.configure(key, network("10.9.0.1", "10.9.0.2", 1), std::move(done));
                   }),
       "configure");
  check(tell_peer("install"), "the peer has installed");
  std::printf("%s%s", shell("ip -d -o link show l2s1").output.c_str(),
              shell("ip -o addr show dev l2s1").output.c_str());
  check(shell("ip -o addr show dev l2s1 | grep -c inet6").output == "1\n", "one IPv6 address only");
  check(shell("ping -c 3 -i 0.2 -W 5 10.9.0.2").good, "ping through the session");
  check(shell("ping -c 1 -W 5 -M do -s 1434 10.9.0.2").good, "a full packet through the session");
  check(shell("ping -6 -c 2 -i 0.2 -W 5 fe80::2%l2s1").good, "IPv6 ping through the session");

  dataplane.send_frame(key, kEchoRequest);
  check(tell_peer("echo"), "an LCP frame reaches the peer's channel");
  check(read_frame(installed->channel) == kEchoRequest, "and comes back on ours");

  check(tell_peer("mppe") && arm_mppe(dataplane, key, 0x11, 0x22).has_value(), "MPPE keys");
  dataplane.send_frame(key, kCcpAck);
  tell_peer("ack");
  check(read_frame(installed->unit) == kCcpAck, "CCP arrives on the unit");
  check(tell_peer("must") && require_mppe(dataplane, key).has_value(), "encryption is required");
  check(shell("ping -c 3 -i 0.2 -W 5 10.9.0.2").good, "ping through MPPE");

  auto counters =
      await<std::vector<Counters>>(dataplane, [&](auto done) { dataplane.read_counters(done); });
  check(counters && counters->size() == 1 && counters->front().key == key &&
            counters->front().rx_packets >= 6,
        "counters");

  good(await<Done>(dataplane, [&](auto done) { dataplane.set_mtu(key, 1300, 1500, done); }), "MTU");
  check(shell("ip -o link show l2s1 | grep 'mtu 1300'").good, "the MTU has changed");
  auto with_route = network("10.9.0.1", "10.9.0.2", 1);
  with_route.routes.push_back({*IpPrefix::parse("10.77.0.0/16"), std::nullopt, 50, 0, {}});
  with_route.routes.push_back({*IpPrefix::parse("0.0.0.0/0"), std::nullopt, 700, 0, {}});
  with_route.routes.push_back({*IpPrefix::parse("2001:db8::/32"), std::nullopt, 50, 1000, {}});
  good(await<Done>(dataplane, [&](auto done) { dataplane.configure(key, with_route, done); }),
       "routes");
  check(shell("ip route show proto 76 | wc -l").output == "2\n" &&
            shell("ip -6 route show table 1000 | wc -l").output == "1\n",
        "the routes are there");
  good(await<Done>(dataplane, [&](auto done) { dataplane.deconfigure(key, done); }), "deconfigure");
  check(shell("ip route show proto 76; ip -o addr show dev l2s1").output.empty(),
        "addresses and routes are gone");

  good(await<Done>(dataplane,
                   [&](auto done) { dataplane.hold_address(*IpAddress::parse("10.9.1.1"), done); }),
       "hold an address");
  NetworkConfig unnumbered;
  unnumbered.ipv4 =
      NetworkConfig::Ipv4{*IpAddress::parse("10.9.1.1"), *IpAddress::parse("10.9.1.2"), true, 0};
  good(await<Done>(dataplane, [&](auto done) { dataplane.configure(key, unnumbered, done); }),
       "unnumbered");
  check(shell("ip route get 10.9.1.2 | grep 'dev l2s1 src 10.9.1.1'").good, "the unnumbered route");

  // The rule's own expression, with a counter, on what this host sends.
  check(
      shell("nft 'add table inet probe; add chain inet probe out { type filter hook output "
            "priority 0; }; add rule inet probe out meta oifgroup & 0xffff0000 == 0x20000 counter'")
          .good,
      "the group expression is accepted");
  shell("ping -c 1 -W 1 10.9.1.2");
  check(shell("nft list table inet probe | grep 'packets [1-9]'").good, "it matches our interface");
  shell("nft delete table inet probe");
  std::printf("%s", shell("nft list table inet l2tp-manager").output.c_str());

  bool gone = false;
  dataplane.set_event_handler([&](const Event& event) {
    const auto* const which = std::get_if<InterfaceGone>(&event);
    gone |= which != nullptr && which->key == key;
  });
  shell("ip link del l2s1");
  check(wait_until(dataplane, [&] { return gone; }), "a removed interface is noticed");
  installed = Unexpected(KernelError{});
  good(await<Done>(dataplane, [&](auto done) { dataplane.remove(key, done); }), "remove");
  dataplane.release_address(*IpAddress::parse("10.9.1.1"));
  wait_until(dataplane, [] { return shell("ip -o addr show dev lo | grep 10.9").output.empty(); });
  check(nothing_left("traffic"), "nothing is left");
}

void test_unbound(Dataplane& dataplane) {
  auto spec = session_spec(100, 2);
  spec.with_unit = false;
  auto unbound = install(dataplane, spec);
  if (!good(unbound, "install without a unit")) return;
  tell_peer("send2");
  check(read_frame(unbound->channel) == kEchoRequest, "a frame on the unbound session");
  dataplane.send_frame(spec.key, kEchoRequest);
  tell_peer("send2");
  pollfd ready{unbound->channel->get(), POLLIN, 0};
  poll(&ready, 1, 5000);
  spec.with_unit = true;
  auto bound = install(dataplane, spec);
  good(bound, "upgrade to a unit");
  check(bound && bound->frames.size() == 1 && bound->frames[0] == kEchoRequest,
        "the frame that waited is handed over");
  auto again = install(dataplane, spec);
  check(!again && again.error().error == EALREADY, "a second install is refused");
  auto taken = session_spec(100, 3);
  taken.interface_name = spec.interface_name;
  auto refused = install(dataplane, taken);
  check(!refused && refused.error().error == EEXIST,
        "a taken name: " + (refused ? "" : refused.error().to_string()));
  unbound = Unexpected(KernelError{});
  bound = Unexpected(KernelError{});
  good(await<Done>(dataplane, [&](auto done) { dataplane.remove(spec.key, done); }), "remove");
  check(nothing_left("unbound"), "nothing is left");
}

void test_ipv6_tunnel(Dataplane& dataplane) {
  dataplane.add_tunnel({TunnelId(106), TunnelId(206), tunnel_socket("fd00::1", "fd00::2", 1701)});
  const auto spec = session_spec(106, 6);
  if (!good(install(dataplane, spec), "install over IPv6")) return;
  good(await<Done>(dataplane,
                   [&](auto done) {
                     dataplane.configure(spec.key, network("10.9.6.1", "10.9.6.2", 16), done);
                   }),
       "configure");
  check(shell("ping -c 2 -i 0.2 -W 5 10.9.6.2").good, "ping through the IPv6 tunnel");
  good(await<Done>(dataplane, [&](auto done) { dataplane.remove_tunnel(TunnelId(106), done); }),
       "remove the tunnel");
  check(nothing_left("ipv6"), "nothing is left");
}

unsigned install_many(Dataplane& dataplane, std::uint32_t tunnel, unsigned count) {
  unsigned succeeded = 0, finished = 0;
  for (unsigned i = 1; i <= count; ++i)
    dataplane.install(session_spec(tunnel, i, "many"),
                      [&](const Result<Installed, KernelError>& result) {
                        ++finished;
                        if (result)
                          ++succeeded;
                        else
                          std::printf("     %s\n", result.error().to_string().c_str());
                      });
  wait_until(
      dataplane, [&] { return finished == count; }, 300);
  return succeeded;
}

void test_many(Dataplane& dataplane, unsigned count) {
  const TunnelId tunnel(300);
  const auto add = [&] {
    dataplane.add_tunnel({tunnel, TunnelId(301), tunnel_socket("10.0.0.1", "10.0.0.2", 3000)});
  };
  const auto timed = [&](const char* what, const std::function<void()>& act) {
    const auto start = Clock::now();
    act();
    const double took = seconds_since(start);
    std::printf("     %-34s %7.3f s  %7.0f/s\n", what, took, count / took);
    return took;
  };
  add();
  unsigned made = 0;
  timed("install, 32 workers", [&] { made = install_many(dataplane, 300, count); });
  check(made == count, "all installed");
  timed("counters", [&] {
    auto counters =
        await<std::vector<Counters>>(dataplane, [&](auto done) { dataplane.read_counters(done); });
    check(counters && counters->size() == count, "counters of all");
  });
  const double one_by_one = timed("remove, one after the other", [&] {
    for (unsigned i = 1; i <= count; ++i)
      (void)await<Done>(dataplane, [&](auto done) {
        dataplane.remove({tunnel, SessionId(i)}, std::move(done));
      });
  });
  check(nothing_left("one by one"), "nothing is left");
  install_many(dataplane, 300, count);
  timed("remove, all at once", [&] {
    unsigned removed = 0;
    for (unsigned i = 1; i <= count; ++i)
      dataplane.remove({tunnel, SessionId(i)}, [&](const auto&) { ++removed; });
    wait_until(
        dataplane, [&] { return removed == count; }, 300);
  });
  check(nothing_left("at once"), "nothing is left");
  install_many(dataplane, 300, count);
  const double bulk = timed("remove_tunnel", [&] {
    (void)await<Done>(dataplane,
                      [&](auto done) { dataplane.remove_tunnel(tunnel, std::move(done)); });
  });
  std::printf("     remove_tunnel is %.1f times as fast as one by one\n", one_by_one / bulk);
  check(nothing_left("bulk"), "nothing is left");
  // A stranger in our group: the bulk deletion must not take it along.
  add();
  install_many(dataplane, 300, 3);
  const auto group =
      shell("ip -d -o link show many1 | sed 's/.* group \\([0-9]*\\) .*/\\1/'").output;
  shell("ip link add stranger type dummy; ip link set stranger group " + group);
  (void)await<Done>(dataplane,
                    [&](auto done) { dataplane.remove_tunnel(tunnel, std::move(done)); });
  check(shell("ip -o link show stranger").good, "a stranger in our group survives");
  shell("ip link del stranger");
  check(nothing_left("stranger"), "nothing of ours is left");
}

// A removal that comes at any moment of an install: each callback once, and nothing stays.
void test_cancellation(Dataplane& dataplane) {
  dataplane.add_tunnel({TunnelId(400), TunnelId(401), tunnel_socket("10.0.0.1", "10.0.0.2", 4000)});
  unsigned cancelled = 0, succeeded = 0, other = 0, removed = 0, trials = 0;
  const auto before = Clock::now();
  good(install(dataplane, session_spec(400, 99, "cut")), "an install that is left alone");
  const Duration whole = Clock::now() - before;
  while (trials < 80) {
    const auto spec = session_spec(400, ++trials, "cut");
    dataplane.install(spec, [&](const Result<Installed, KernelError>& result) {
      if (result)
        ++succeeded;
      else if (result.error().error == ECANCELED)
        ++cancelled;
      else
        ++other;
    });
    const auto until = Clock::now() + whole * trials / 40;
    while (Clock::now() < until) dataplane.dispatch_completions();
    dataplane.remove(spec.key, [&](const auto&) { ++removed; });
  }
  wait_until(dataplane, [&] { return removed == trials; });
  std::printf("     %u trials: %u cancelled, %u succeeded, %u failed\n", trials, cancelled,
              succeeded, other);
  check(other == 0 && cancelled + succeeded == trials, "removal during install");
  (void)await<Done>(dataplane, [&](auto done) {
    dataplane.remove({TunnelId(400), SessionId(99)}, std::move(done));
  });
  check(nothing_left("cancelled"), "nothing is left");
  unsigned finished = 0;
  for (unsigned i = 1; i <= 40; ++i)
    dataplane.install(session_spec(400, i, "cut"), [&](const auto&) { ++finished; });
  good(await<Done>(dataplane, [&](auto done) { dataplane.remove_tunnel(TunnelId(400), done); }),
       "remove_tunnel during 40 installs");
  check(finished == 40 && nothing_left("tunnel"), "nothing is left");
}

void test_pins(Dataplane& dataplane) {
  const auto peer = *IpAddress::parse("198.51.100.7");
  std::vector<UnderlayChanged> changes;
  dataplane.set_event_handler([&](const Event& event) {
    if (const auto* const change = std::get_if<UnderlayChanged>(&event)) changes.push_back(*change);
  });
  const auto none = await<Underlay>(dataplane, [&](auto done) { dataplane.pin_route(peer, done); });
  check(!none && none.error().error == ENETUNREACH, "no way to pin");
  dataplane.unpin_route(peer);
  shell("ip route add default via 10.0.0.254");
  const auto pinned =
      await<Underlay>(dataplane, [&](auto done) { dataplane.pin_route(peer, done); });
  check(good(pinned, "pin") && pinned->gateway == IpAddress::parse("10.0.0.254") &&
            pinned->mtu == 1500,
        "the pin knows the way");
  check(shell("ip route show 198.51.100.7 proto 76 | grep 'via 10.0.0.254'").good, "it is there");
  shell("ip route replace default via 10.0.0.253");
  check(wait_until(dataplane, [&] { return changes.size() == 1; }) && changes[0].underlay &&
            changes[0].underlay->gateway == IpAddress::parse("10.0.0.253") &&
            shell("ip route show 198.51.100.7 | grep 'via 10.0.0.253'").good,
        "the pin follows the gateway");
  shell("ip link set va down; ip link set va up; ip route replace default via 10.0.0.252");
  check(wait_until(dataplane,
                   [&] {
                     return !changes.empty() && changes.back().underlay &&
                            changes.back().underlay->gateway == IpAddress::parse("10.0.0.252");
                   }) &&
            shell("ip route show 198.51.100.7 | grep 'via 10.0.0.252'").good,
        "it comes back with its interface");
  shell("ip route del default");
  check(wait_until(dataplane, [&] { return !changes.back().underlay; }) &&
            shell("ip route show proto 76").output.empty(),
        "without a way there is no pin");
  dataplane.unpin_route(peer);
}

// What a killed daemon leaves: routes, an address, the nftables table, and here even an interface,
// since a child of its still has the descriptors.
void test_sweep() {
  shell("ip route add default via 10.0.0.254");
  const pid_t daemon = fork();
  if (daemon == 0) {
    auto doomed = make();
    (void)await<unsigned>(*doomed, [&](auto done) { doomed->sweep_leftovers(std::move(done)); });
    doomed->add_tunnel({TunnelId(500), TunnelId(501), tunnel_socket("10.0.0.1", "10.0.0.2", 5000)});
    auto held = install(*doomed, session_spec(500, 1));
    (void)await<Done>(*doomed, [&](auto done) {
      doomed->hold_address(*IpAddress::parse("10.9.1.1"), std::move(done));
    });
    (void)await<Underlay>(*doomed, [&](auto done) {
      doomed->pin_route(*IpAddress::parse("198.51.100.7"), std::move(done));
    });
    if (fork() == 0) {
      alarm(120);
      for (;;) pause();
    }
    kill(getpid(), SIGKILL);
  }
  waitpid(daemon, nullptr, 0);
  check(!nothing_left("as expected"), "a killed daemon leaves things");
  {
    auto heir = make();
    const auto swept =
        await<unsigned>(*heir, [&](auto done) { heir->sweep_leftovers(std::move(done)); });
    check(good(swept, "sweep") && *swept == 3, "an interface, a route and an address were swept");
    check(nothing_left("swept"), "nothing is left");
    check(shell("nft list table inet l2tp-manager").good, "the table is there");
  }
  check(!shell("nft list table inet l2tp-manager").good, "and goes with the daemon");
  shell("ip route del default");
}

int main_role(unsigned count) {
  test_features();
  {
    auto dataplane = make();
    good(await<unsigned>(*dataplane, [&](auto done) { dataplane->sweep_leftovers(done); }),
         "sweep");
    test_traffic(*dataplane);
    test_unbound(*dataplane);
    test_ipv6_tunnel(*dataplane);
    test_cancellation(*dataplane);
    test_pins(*dataplane);
    test_many(*dataplane, count);
  }
  check(nothing_left("end"), "nothing is left at the end");
  test_sweep();
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const rlimit files{65536, 65536};
  setrlimit(RLIMIT_NOFILE, &files);
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && std::strcmp(argv[1], "peer") == 0) return peer();
  return main_role(argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 200);
}
