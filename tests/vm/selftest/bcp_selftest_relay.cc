// BCP by the relay: what it carries, multilink, IP beside it.
#include "bcp_selftest.h"

namespace l2tpm::selftest {

Result<BcpInstalled, KernelError> install_beside_ip(Dataplane& dataplane, const char* local,
                                                    const char* peer) {
  SessionSpec session;
  session.key = kKey;
  session.peer_session = SessionId(1);
  session.interface_name = "ppp7";
  session.mru = 1600;
  if (const auto made = await<Installed>(
          dataplane, [&](auto done) { dataplane.install(session, std::move(done)); });
      !made)
    return Unexpected(made.error());
  BcpSpec spec = bcp_spec();
  spec.path = BcpPath::relay_unit;
  spec.peer_mru = 1600;
  auto installed = install(dataplane, spec);
  NetworkConfig network;
  network.ipv4.emplace();
  network.ipv4->local = *IpAddress::parse(local);
  network.ipv4->peer = *IpAddress::parse(peer);
  if (installed)
    if (const auto set = await<Done>(
            dataplane, [&](auto done) { dataplane.configure(kKey, network, std::move(done)); });
        !set)
      return Unexpected(set.error());
  return installed;
}

namespace {

// By the relay on this side, or on both.
void traffic_through_relay(const std::string& what) {
  run("ip addr add 10.9.9.1/24 dev lan");
  run("for i in 1 2 3 4 5 6; do ping -c 1 -W 2 10.9.9.2 && exit 0; done; exit 1");
  run("ping -c 3 -i 0.2 -W 5 -q -M do -s 1472 10.9.9.2");
  run("ip link add link lan name v7 type vlan id 7 && ip link set v7 up && "
      "ip addr add 10.9.7.1/24 dev v7");
  run("ping -c 3 -i 0.2 -W 5 -q -M do -s 1472 10.9.7.2");
  for (const std::string direction : {"", " -R"}) {
    tell("iperf3 -s -1 -D");
    run("for i in 1 2 3 4 5 6 7 8; do iperf3 -c 10.9.9.2 -n 2M" + direction +
        " && exit 0; sleep 0.3; done; exit 1");
  }
  std::printf("     that was: %s\n", what.c_str());
}

}  // namespace

void test_relay(Dataplane& dataplane) {
  const auto control = [&](const SharedFd& ours, bool from_unit) {
    const Bytes request = octets(from_unit ? "8031010100040103" : "c021090100080badcafe");
    dataplane.send_frame(kKey, request);
    check(ask("read") == to_hex(request), "a control frame goes to the peer");
    tell("send " + to_hex(request));
    check(to_hex(next_frame(dataplane, ours)) == to_hex(request), "and one comes");
  };
  BcpSpec spec = bcp_spec();
  spec.path = BcpPath::relay_channel;
  spec.peer_mru = 1600;
  auto installed = install(dataplane, spec);
  if (!good(installed, "a session by the relay")) return;
  traffic_through_relay("relay here, kernel there");
  control(installed->channel, false);
  run("ip link set $(ip -o link | grep -o 'l2bcp[0-9]*' | head -1) down");
  check(wait_until(
            dataplane, [&] { return counters(dataplane).repairs > 0; }, 10),
        "the relay's end that was set down is repaired");
  run("for i in 1 2 3 4 5 6; do ping -c 1 -W 2 10.9.9.2 && exit 0; done; exit 1");
  check(remove(dataplane) && nothing_left(), "removal leaves nothing");

  const auto peer_as = [&](const std::string& verb) {
    tell("remove");
    tell(verb);
    tell(
        "ip addr add 10.9.9.2/24 dev lan && ip link add link lan name v7 type vlan id 7 && "
        "ip link set v7 up && ip addr add 10.9.7.2/24 dev v7");
  };
  peer_as("relay");
  installed = install(dataplane, multilink_spec());
  if (!good(installed, "a session with multilink")) return;
  traffic_through_relay("relay on both sides, multilink");
  const auto now = counters(dataplane);
  check(now.fragments_in > 1000 && now.fragments_out > 1000 && now.reassembled > 500 &&
            now.too_big == 0,
        "large frames went in fragments");
  control(installed->channel, false);
  check(remove(dataplane) && nothing_left(), "removal leaves nothing");

  peer_as("unit");
  installed = install_beside_ip(dataplane, "10.8.8.1", "10.8.8.2");
  if (!good(installed, "a session beside IP")) return;
  check(installed->unit && !installed->channel, "the unit is replaced");
  traffic_through_relay("relay on both sides, beside IP");
  run("ping -c 3 -i 0.2 -W 5 -q 10.8.8.2");
  control(installed->unit, true);
  check(remove(dataplane) && nothing_left(), "removal leaves nothing");
  peer_as("install");
}

}  // namespace l2tpm::selftest
