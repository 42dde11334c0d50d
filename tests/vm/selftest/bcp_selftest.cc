// BCP in the kernel, against a real one: run by bcp_selftest.sh as the daemon's user, with its
// capabilities, once in each of two namespaces:
//
//   [ns bta: bcp_selftest] 10.0.0.1 --veth-- 10.0.0.2 [ns btb: bcp_selftest peer]
//   bridge lan, 10.9.9.1, port bcp1                   bridge lan, 10.9.9.2, port bcp1
//
// The peer does what it is told on its standard input and answers each line with one.
#include "bcp_selftest.h"

#include <signal.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "kernel/features.h"
#include "relay/offloads.h"

using namespace l2tpm;
using namespace l2tpm::kernel;
using namespace l2tpm::selftest;

namespace {

SharedFd tunnel_socket(const char* local, const char* peer) {
  const Endpoint from{*IpAddress::parse(local), 1701, 0};
  const Endpoint to{*IpAddress::parse(peer), 1701, 0};
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = from.to_sockaddr(storage);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("bind");
  length = to.to_sockaddr(storage);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) std::perror("connect");
  return std::make_shared<const UniqueFd>(std::move(fd));
}

bool no_offloads() {
  return relay::set_offloads("lan",
                             {
                                 {"tx-checksum-ip-generic",  false},
                                 {"tx-generic-segmentation", false},
                                 {"tx-tcp-segmentation",     false},
                                 {"rx-gro",                  false}
  })
      .has_value();
}

int peer() {
  auto dataplane = make(false);
  dataplane->add_tunnel({TunnelId(1), TunnelId(1), tunnel_socket("10.0.0.2", "10.0.0.1")});
  std::optional<BcpInstalled> installed;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb, rest;
    words >> verb;
    std::getline(words >> std::ws, rest);
    std::string answer = "ok";
    if (verb == "install" || verb == "relay" || verb == "unit") {
      BcpSpec spec = bcp_spec();
      if (verb == "relay") spec = multilink_spec();
      if (verb == "unit") spec.path = BcpPath::relay_unit;
      auto result = verb == "unit" ? install_beside_ip(*dataplane, "10.8.8.2", "10.8.8.1")
                                   : install(*dataplane, spec);
      if (result)
        installed = std::move(*result);
      else
        answer = result.error().to_string();
    } else if (verb == "send") {
      dataplane->send_frame(kKey, octets(rest));
    } else if (verb == "flood") {
      const Bytes frame = octets(rest);
      for (int i = 0; i < 2000; ++i) dataplane->send_frame(kKey, frame);
    } else if (verb == "read") {
      answer = "not installed";
      if (installed)
        answer =
            to_hex(next_frame(*dataplane, installed->unit ? installed->unit : installed->channel));
    } else if (verb == "no_offloads") {
      if (!no_offloads()) answer = "no";
    } else if (verb == "remove") {
      answer = remove(*dataplane) && nothing_left() ? "ok" : "something is left";
    } else {
      const Shell done = shell(line);
      if (!done.good) answer = "no: " + done.output;
      for (char& c : answer)
        if (c == '\n') c = ' ';
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

void test_traffic() {
  run("ip addr add 10.9.9.1/24 dev lan");
  tell("ip addr add 10.9.9.2/24 dev lan");
  check(shell("cat /sys/class/net/lan/mtu").output == "1500\n", "the bridge's MTU is 1500");
  run("ping -c 5 -i 0.2 -W 5 -q 10.9.9.2");
  run("ping -c 3 -i 0.2 -W 5 -q -M do -s 1472 10.9.9.2");
  tell("ping -c 3 -i 0.2 -W 5 -q -M do -s 1472 10.9.9.1");
  check(!shell("ping -c 1 -W 1 -M do -s 1473 10.9.9.2").good, "no octet more than 1500");
  for (const bool offloads : {true, false}) {
    if (!offloads) {
      check(no_offloads(), "offloads of the bridge off");
      tell("no_offloads");
    }
    for (const std::string direction : {"", " -R"}) {
      tell("iperf3 -s -1 -D");
      run("for i in 1 2 3 4 5 6 7 8; do iperf3 -c 10.9.9.2 -n 4M" + direction +
          " && exit 0; sleep 0.3; done; exit 1");
    }
  }
  run("ip link add link lan name v7 type vlan id 7 && ip link set v7 up && "
      "ip addr add 10.9.7.1/24 dev v7");
  tell(
      "ip link add link lan name v7 type vlan id 7 && ip link set v7 up && "
      "ip addr add 10.9.7.2/24 dev v7");
  run("ping -c 3 -i 0.2 -W 5 -q -M do -s 1472 10.9.7.2");
  tell("iperf3 -s -1 -D");
  run("for i in 1 2 3 4 5 6 7 8; do iperf3 -c 10.9.7.2 -n 2M && exit 0; sleep 0.3; done; exit 1");
  for (const std::string& wrong :
       {shell("nstat -az | grep -E 'CsumErr' | grep -vE ' 0 +0.0$'").output,
        shell("dmesg 2>/dev/null | grep -i 'csum failure'").output})
    check(wrong.empty(), "no checksum was wrong" + (wrong.empty() ? "" : ": " + wrong));
}

void test_control(Dataplane& dataplane, const BcpInstalled& installed) {
  const Bytes echo = octets("c021090100080badcafe");
  dataplane.send_frame(kKey, echo);
  check(ask("read") == to_hex(echo), "an LCP Echo-Request goes to the peer's daemon");
  for (const char* const frame :
       {"c0210a0100080badcafe", "8031010100040103", "802101010004", "00210000000000000000",
        "003120010102030405060708090a0b0c0d0e0f", "003140010102030405060708090a0b0c0d0e0f",
        "003110010102030405060708090a0b0c0d0e0f"}) {
    tell(std::string("send ") + frame);
    const std::string got = to_hex(next_frame(dataplane, installed.channel));
    check(got == frame, std::string("to the daemon: ") + frame + (got == frame ? "" : ": " + got));
  }
  const auto now = counters(dataplane);
  check(now.control == 4 && now.flagged == 3 && now.dropped == 0, "they are counted");

  const std::string large = "c021" + to_hex(Bytes(1590, 0x5a));
  tell("send " + large);
  check(to_hex(next_frame(dataplane, installed.channel)) == large,
        "a control frame of 1592 octets");
}

void test_flood(Dataplane& dataplane, const BcpInstalled& installed) {
  tell("flood c021090200080badcafe");
  // Some of the 2000 are lost on their way: sockets and rings have their sizes.
  const auto limit = Clock::now() + std::chrono::seconds(10);
  std::uint64_t up = 0;
  Bytes frame(4096);
  BcpCounters now;
  while (Clock::now() < limit && now.control + now.dropped < 1000) {
    dataplane.dispatch_completions();
    while (read(installed.channel->get(), frame.data(), frame.size()) > 0) ++up;
    now = counters(dataplane);
  }
  std::printf("     flood: %llu up, %llu dropped\n", static_cast<unsigned long long>(now.control),
              static_cast<unsigned long long>(now.dropped));
  check(now.control + now.dropped >= 1000 && now.dropped > 0, "a flood is limited, and counted");
  run("ping -c 2 -i 0.2 -W 5 -q 10.9.9.2");
}

// Data as other implementations frame it, looked at behind the bridge.
void test_framing(Dataplane& dataplane) {
  Sniffer sniffer;
  const auto arrives = [&](const std::string& name, const std::string& ppp,
                           const std::string& expected) {
    tell("send " + ppp);
    const Bytes frame = sniffer.next(expected.empty() ? 300 : 5000);
    check(to_hex(frame) == expected,
          name + (to_hex(frame) == expected ? "" : ": got " + to_hex(frame)));
  };
  const std::string frame = "ffffffffffff02aabbccdd0188b5" + to_hex(Bytes(50, 0x77));
  const auto before = counters(dataplane);
  arrives("as RouterOS sends it", "00310001" + frame, frame);
  arrives("with an FCS", "00318001" + frame + "01020304", frame);
  arrives("with 3 pads", "00310301" + frame + "000000", frame);
  arrives("with FCS and 15 pads", "00318f01" + frame + "01020304" + to_hex(Bytes(15, 0)), frame);
  arrives("MAC type 2 is dropped", "00310002" + frame, "");
  arrives("more pads than frame are dropped", "00318f01ffffffffffff02aabbccdd0188b50102", "");
  arrives("half a header is dropped", "00310001ffffffffffff", "");
  const std::string tagged = "ffffffffffff02aabbccdd0188b5" + to_hex(Bytes(1500, 0x42));
  arrives("1500 octets with FCS", "00318001" + tagged + "01020304", tagged);
  const auto after = counters(dataplane);
  check(after.fcs - before.fcs == 3 && after.padded - before.padded == 2 &&
            after.mac_type - before.mac_type == 1 && after.malformed - before.malformed == 2,
        "counted: FCS, pads, MAC types, malformed");
}

std::unique_ptr<Dataplane> ours() {
  auto dataplane = make(false);
  dataplane->add_tunnel({TunnelId(1), TunnelId(1), tunnel_socket("10.0.0.1", "10.0.0.2")});
  return dataplane;
}

int forbidden() {
  auto dataplane = make(false);
  const auto probed =
      await<Done>(*dataplane, [&](auto done) { dataplane->probe_bcp(std::move(done)); });
  check(!probed && probed.error().error == EPERM,
        "without CAP_BPF: " + (probed ? "it works" : probed.error().to_string()));
  check(nothing_left(), "a refused probe leaves nothing");
  return failures;
}

void test_all(const char* self) {
  check(probe_features().bcp, "the probe says yes");
  auto dataplane = ours();
  good(await<Done>(*dataplane, [&](auto done) { dataplane->probe_bcp(std::move(done)); }),
       "probe_bcp");
  check(nothing_left(), "a probe leaves nothing");

  // As the daemon does it: unbound while LCP runs, bridged when BCP has opened.
  SessionSpec unbound;
  unbound.key = kKey;
  unbound.peer_session = SessionId(1);
  unbound.with_unit = false;
  {
    const auto first = await<Installed>(
        *dataplane, [&](auto done) { dataplane->install(unbound, std::move(done)); });
    good(first, "an unbound session");
  }
  tell("install");
  tell("send 803101020004");  // waits on our unbound session
  usleep(200'000);            // nothing tells when it has come
  auto installed = install(*dataplane, bcp_spec());
  if (!good(installed, "bridging it")) return;
  // Beside what the peer's bridge says of itself.
  check(std::any_of(installed->frames.begin(), installed->frames.end(),
                    [](const Bytes& frame) { return to_hex(frame) == "803101020004"; }),
        "the frame that waited is handed over");
  check(installed->made_bridge, "the bridge was made");
  test_traffic();
  test_control(*dataplane, *installed);
  test_framing(*dataplane);
  test_flood(*dataplane, *installed);
  const auto all = await<std::vector<Counters>>(
      *dataplane, [&](auto done) { dataplane->read_counters(std::move(done)); });
  check(all && all->size() == 1 && all->front().key == kKey && all->front().rx_bytes > 4'000'000 &&
            all->front().tx_bytes > 4'000'000,
        "the port's octets are counted");
  if (all && !all->empty())
    std::printf("     rx %llu packets %llu octets, tx %llu packets %llu octets\n",
                static_cast<unsigned long long>(all->front().rx_packets),
                static_cast<unsigned long long>(all->front().rx_bytes),
                static_cast<unsigned long long>(all->front().tx_packets),
                static_cast<unsigned long long>(all->front().tx_bytes));
  good(await<Done>(*dataplane,
                   [&](auto done) { dataplane->set_carrier(kKey, false, std::move(done)); }),
       "carrier off");
  check(!shell("ping -c 1 -W 1 10.9.9.2").good, "nothing passes without carrier");
  good(await<Done>(*dataplane,
                   [&](auto done) { dataplane->set_carrier(kKey, true, std::move(done)); }),
       "carrier on");
  run("for i in 1 2 3 4 5 6; do ping -c 1 -W 2 10.9.9.2 && exit 0; done; exit 1");
  check(remove(*dataplane) && nothing_left(), "removal leaves nothing");
  test_relay(*dataplane);
  test_limits(*dataplane);
  test_repairs(*dataplane);
  dataplane.reset();

  run(std::string("! ") + self + " leave");  // it ends by SIGKILL
  check(!shell("ip -o link show bcp1").output.empty(), "a killed daemon leaves its ports");
  dataplane = ours();
  const auto swept =
      await<unsigned>(*dataplane, [&](auto done) { dataplane->sweep_leftovers(std::move(done)); });
  check(swept && *swept == 2 && nothing_left(), "its successor removes port and bridge");
  good(install(*dataplane, bcp_spec()), "and installs again");
  run("ip addr add 10.9.9.1/24 dev lan");
  run("ping -c 2 -i 0.2 -W 5 -q 10.9.9.2");
  check(await<Done>(*dataplane,
                    [&](auto done) { dataplane->remove_tunnel(TunnelId(1), std::move(done)); })
            .has_value(),
        "removing the tunnel");
  check(nothing_left(), "that leaves nothing");
  tell("remove");
}

int leave() {
  auto dataplane = ours();
  if (install(*dataplane, bcp_spec())) kill(getpid(), SIGKILL);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string role = count > 1 ? arguments[1] : "";
  if (role == "peer") return peer();
  if (role == "leave") return leave();
  if (role == "forbidden") return forbidden();
  test_all(arguments[0]);
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
