// Where pseudowires are attached, and what is behind them.
#include <algorithm>

#include "ethernet_selftest.h"

namespace l2tpm::selftest {

namespace {

// ---- attachments ----

Result<Done, KernelError> carrier(Dataplane& dataplane, SessionKey key, bool on) {
  return await<Done>(dataplane,
                     [&](auto done) { dataplane.set_carrier(key, on, std::move(done)); });
}

void test_bridges() {
  auto dataplane = make(false);
  const Kind& kind = kKinds[0];
  add_tunnel(*dataplane, kind, 20);
  check(peer(peer_tunnel(kind, 20)), "the peer's tunnel");
  auto spec = wire(20, 201, "wire201");
  BridgePort port;
  port.bridge = "br-new";
  port.create = BridgeSettings{};
  port.create->stp = false;
  port.create->vlan_filtering = true;
  port.create->priority = 0x7000;
  port.path_cost = 50;
  port.pvid = 30;
  port.tagged = {
      {7,  7 },
      {40, 42}
  };
  spec.attachment = port;
  auto installed = install(*dataplane, spec);
  if (!good(installed, "into a new bridge")) return;
  check(installed->made_bridge, "which was made");
  const auto details = shell("ip -d link show br-new").output;
  check(details.find("vlan_filtering 1") != std::string::npos &&
            details.find("priority 28672") != std::string::npos,
        "as it was wanted");
  const auto vlans = shell("bridge vlan show dev wire201").output;
  std::printf("%s", vlans.c_str());
  check(vlans.find("30 PVID Egress Untagged") != std::string::npos &&
            vlans.find(" 7\n") != std::string::npos && vlans.find(" 41\n") != std::string::npos &&
            vlans.find(" 1 ") == std::string::npos,
        "the port has its VLANs");
  check(shell("ip -d link show wire201 | grep 'cost 50'").good, "and its cost");
  check(shell("ip -6 -o addr show dev wire201").output.empty(), "a port has no IPv6 address");

  auto second = wire(20, 202, "wire202");
  BridgePort plain;
  plain.bridge = "br-new";
  plain.isolated = true;
  second.attachment = plain;
  installed = install(*dataplane, second);
  check(installed && !installed->made_bridge, "a second port");
  check(shell("bridge vlan show dev wire202 | grep '1 PVID'").good, "with the default PVID");
  check(remove(*dataplane, spec.key) && soon("! ip link show wire201") &&
            shell("ip link show br-new").good,
        "the bridge stays with its second port");
  check(remove(*dataplane, second.key) && soon("! ip link show br-new"), "and goes with the last");

  // An administrator's bridge stays as it is.
  shell(
      "ip link add br-old type bridge vlan_filtering 1 vlan_default_pvid 10; ip link set br-old "
      "up");
  BridgePort old;
  old.bridge = "br-old";
  old.create = BridgeSettings{};
  old.create->stp = true;
  spec.attachment = old;
  installed = install(*dataplane, spec);
  check(installed && !installed->made_bridge, "into a bridge that is there");
  check(shell("ip -d link show br-old | grep 'stp_state 0.*vlan_filtering 1'").good,
        "which is not changed");
  check(shell("bridge vlan show dev wire201 | grep '10 PVID'").good,
        "its default PVID is the port's");

  check(peer(peer_session(spec, "far201") + " && ip addr add 192.168.201.2/24 dev far201"),
        "the peer's session");
  shell("ip link set br-old type bridge vlan_filtering 0; ip addr add 192.168.201.1/24 dev br-old");
  check(ping("", "192.168.201.2"), "ping through the bridge");
  check(ping("-s 1472 -M do", "192.168.201.2"), "1500 octets through the bridge");

  good(carrier(*dataplane, spec.key, false), "carrier off");
  std::printf("%s", shell("ip link show wire201; bridge link show dev wire201").output.c_str());
  check(shell("ip link show wire201 | grep 'state DORMANT'").good &&
            shell("bridge link show dev wire201 | grep 'state disabled'").good,
        "the interface is dormant, the port disabled");
  check(!shell("ping -c 1 -W 1 192.168.201.2").good, "nothing passes");
  good(carrier(*dataplane, spec.key, true), "carrier on");
  check(shell("bridge link show dev wire201 | grep 'state forwarding'").good &&
            ping("", "192.168.201.2"),
        "and back");
  remove(*dataplane, spec.key);
  check(soon("! ip link show wire201") && shell("ip link show br-old").good,
        "an administrator's bridge stays");
  spec.carrier = false;
  good(install(*dataplane, spec), "made without carrier");
  check(shell("ip link show wire201 | grep 'state DORMANT'").good, "it is dormant from the start");
  old.bridge = "br-none";
  old.create.reset();
  spec.attachment = old;
  remove(*dataplane, spec.key);
  auto refused = install(*dataplane, spec);
  check(!refused, "a bridge that is not there: " + (refused ? "" : refused.error().to_string()));
  old.bridge = "va";
  spec.attachment = old;
  refused = install(*dataplane, spec);
  check(!refused,
        "an interface that is no bridge: " + (refused ? "" : refused.error().to_string()));
  shell("ip link del br-old");
  check(remove_tunnel(*dataplane, 20) && nothing_left("bridges"), "nothing is left");
  remove_peer_tunnel(20);
}

void test_vlans_and_namespaces() {
  auto dataplane = make(false);
  const Kind& kind = kKinds[2];
  add_tunnel(*dataplane, kind, 30);
  check(peer(peer_tunnel(kind, 30)), "the peer's tunnel");
  // An Ethernet VLAN pseudowire.
  auto spec = wire(30, 211, "wire211");
  spec.vlan = VlanDevice{7, "vlan7"};
  auto installed = install(*dataplane, spec);
  good(installed, "with a VLAN device");
  check(installed && installed->interface_name == "vlan7", "which is what is attached");
  check(peer(peer_session(spec, "far211") +
             " && ip link add link far211 name far211.7 type vlan id 7 && ip link set far211.7 up"
             " && ip addr add 192.168.211.2/24 dev far211.7"),
        "the peer's session");
  shell("ip addr add 192.168.211.1/24 dev vlan7");
  check(ping("", "192.168.211.2"), "ping with tags");
  check(ping("-s 1472 -M do", "192.168.211.2"), "1500 octets with tags");
  good(carrier(*dataplane, spec.key, false), "carrier off");
  check(soon("ip link show vlan7 | grep 'state DORMANT'"), "the VLAN device follows");
  bool gone = false;
  dataplane->set_event_handler([&](const Event& event) {
    const auto* which = std::get_if<InterfaceGone>(&event);
    gone |= which != nullptr && which->key == spec.key;
  });
  shell("ip link del vlan7");
  check(wait_until(*dataplane, [&] { return gone; }), "a removed VLAN device is noticed");
  remove(*dataplane, spec.key);
  check(soon("! ip link show wire211"), "removed");

  // VLAN tags pass an Ethernet pseudowire as they are.
  spec = wire(30, 212, "wire212");
  good(install(*dataplane, spec), "without a VLAN device");
  check(peer(peer_session(spec, "far212") +
             " && ip link add link far212 name far212.9 type vlan id 9 && ip link set far212.9 up"
             " && ip addr add 192.168.212.2/24 dev far212.9"),
        "the peer's session");
  shell(
      "ip link add link wire212 name tagged9 type vlan id 9; ip link set tagged9 up; "
      "ip addr add 192.168.212.1/24 dev tagged9");
  check(ping("-s 1472 -M do", "192.168.212.2"), "tagged frames pass");
  gone = false;
  dataplane->set_event_handler([&](const Event& event) {
    const auto* which = std::get_if<InterfaceGone>(&event);
    gone |= which != nullptr && which->key == spec.key;
  });
  shell("ip l2tp del session tunnel_id 30 session_id 212");
  check(wait_until(*dataplane, [&] { return gone; }), "a removed session is noticed");
  remove(*dataplane, spec.key);

  // A VRF.
  spec = wire(30, 213, "wire213");
  spec.attachment = VrfMember{"blue"};
  good(install(*dataplane, spec), "into a VRF");
  check(peer(peer_session(spec, "far213") + " && ip addr add 192.168.213.2/24 dev far213"),
        "the peer's session");
  shell("ip addr add 192.168.213.1/24 dev wire213");
  check(ping("-I blue", "192.168.213.2"), "ping in the VRF");
  remove(*dataplane, spec.key);
  spec.attachment = VrfMember{"va"};
  check(!install(*dataplane, spec), "what is no VRF is refused");

  // Another namespace.
  spec = wire(30, 214, "wire214");
  spec.attachment = NamespaceMember{"etc"};
  good(install(*dataplane, spec), "into a namespace");
  check(peer(peer_session(spec, "far214") + " && ip addr add 192.168.214.2/24 dev far214"),
        "the peer's session");
  check(peer("ip -n etc link show wire214 | grep -q 'UP.*mtu 1500' "
             "&& ip -n etc addr add 192.168.214.1/24 dev wire214 "
             "&& ip netns exec etc ping -c 2 -i 0.2 -W 5 192.168.214.2"),
        "ping in the namespace");
  const auto counters =
      await<std::vector<Counters>>(*dataplane, [&](auto done) { dataplane->read_counters(done); });
  check(counters && counters->size() == 1 && counters->front().rx_packets >= 2,
        "its counters come from the session");
  const auto refused = carrier(*dataplane, spec.key, false);
  check(!refused && refused.error().error == EXDEV,
        "carrier: " + (refused ? "" : refused.error().to_string()));
  remove(*dataplane, spec.key);
  check(soon([] { return peer("! ip -n etc link show wire214"); }),
        "it goes from there with its session");
  spec.attachment = NamespaceMember{"../etc"};
  check(!install(*dataplane, spec), "a path is no namespace");
  check(remove_tunnel(*dataplane, 30) && nothing_left("places"), "nothing is left");
  remove_peer_tunnel(30);
}

void test_circuits() {
  auto dataplane = make(false);
  std::vector<std::pair<std::string, bool>> heard;
  dataplane->set_event_handler([&](const Event& event) {
    if (const auto* changed = std::get_if<CircuitChanged>(&event))
      heard.emplace_back(changed->interface, changed->up);
  });
  const auto watch = [&](const char* name) {
    return await<bool>(*dataplane, [&](auto done) { dataplane->watch_circuit(name, done); });
  };
  const auto hears = [&](const char* name, bool up) {
    const bool good = wait_until(
                          *dataplane, [&] { return !heard.empty(); }, 10) &&
                      heard.front() == std::pair(std::string(name), up);
    heard.clear();
    return good;
  };
  const auto none = watch("lan0");
  check(none && !*none, "a circuit that is not there is down");
  shell("ip link add lan0 type veth peer name lan1; ip link set lan1 up");
  shell("ip link set lan0 up");
  check(hears("lan0", true), "it comes up");
  shell("ip link set lan1 down");
  check(hears("lan0", false), "its carrier goes");
  shell("ip link set lan1 up");
  check(hears("lan0", true), "and comes");
  shell("ip link add brc type bridge; ip link set brc up");
  const auto bridge = watch("brc");
  check(bridge && *bridge, "a bridge without ports is up");
  shell("ip link set lan0 master brc; ip link set lan1 down");
  wait_until(
      *dataplane, [&] { return heard.size() >= 2; }, 10);
  check(std::find(heard.begin(), heard.end(), std::pair(std::string("brc"), false)) != heard.end(),
        "a bridge whose only port is down is down");
  heard.clear();
  shell("ip link set lan0 nomaster");
  check(hears("brc", true), "without it, it is up");
  dataplane->unwatch_circuit("lan0");
  shell("ip link del lan0; ip link del brc");
  check(hears("brc", false), "a bridge that is removed is down");
}

}  // namespace

void test_places() {
  test_bridges();
  test_vlans_and_namespaces();
  test_circuits();
}

}  // namespace l2tpm::selftest
