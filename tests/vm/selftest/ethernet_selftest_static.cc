// Static tunnels, and PPP over L2TPv3.
#include "ethernet_selftest.h"

namespace l2tpm::selftest {

namespace {

// ---- static tunnels ----

Result<std::vector<StaticRow>, KernelError> converge(Dataplane& dataplane,
                                                     const std::vector<StaticTunnel>& wanted,
                                                     const std::vector<StaticTunnel>& remembered) {
  return await<std::vector<StaticRow>>(dataplane, [&](auto done) {
    dataplane.converge_static(wanted, remembered, std::move(done));
  });
}

// "made kept failed: why"
std::string states(const Result<std::vector<StaticRow>, KernelError>& rows) {
  if (!rows) return rows.error().to_string();
  std::string text;
  for (const StaticRow& row : *rows) {
    if (!text.empty()) text += " ";
    text += name(row.state);
    if (row.state == StaticRow::State::failed) text += ": " + row.detail;
  }
  return text;
}

void expect(const Result<std::vector<StaticRow>, KernelError>& rows, const std::string& wanted,
            const std::string& what) {
  check(states(rows) == wanted,
        states(rows) == wanted ? what : what + ": " + states(rows) + ", not " + wanted);
}

StaticTunnel static_tunnel(const Kind& kind, std::uint32_t id, std::uint32_t session) {
  StaticTunnel tunnel;
  tunnel.local = TunnelId(id);
  tunnel.peer = TunnelId(id + 1000);
  tunnel.encapsulation = kind.udp ? Encapsulation::udp : Encapsulation::ip;
  const std::uint16_t port = kind.udp ? kPort : 0;
  tunnel.local_end = {*IpAddress::parse(kind.ours()), port, 0};
  tunnel.peer_end = {*IpAddress::parse(kind.theirs()), port, 0};
  tunnel.sessions.push_back(wire(id, session, "fix" + std::to_string(session)));
  tunnel.sessions.back().framing.send_cookie = {1, 2, 3, 4, 5, 6, 7, 8};
  tunnel.sessions.back().framing.receive_cookie = {8, 7, 6, 5};
  return tunnel;
}

void test_static(const Kind& kind) {
  const auto wanted = static_tunnel(kind, 40, 140);
  const EthernetSpec& spec = wanted.sessions.front();
  {
    auto dataplane = make(false);
    expect(converge(*dataplane, {wanted}, {}), "made made", std::string("static ") + kind.name);
    check(peer(peer_tunnel(kind, 40)) &&
              peer(peer_session(spec, "far140") + " && ip addr add 192.168.140.2/24 dev far140"),
          "the peer's");
    shell("ip addr add 192.168.140.1/24 dev fix140");
    check(ping("-s 1472 -M do", "192.168.140.2"), "ping");
    expect(converge(*dataplane, {wanted}, {wanted}), "kept kept", "again: nothing to do");
  }
  check(ping("", "192.168.140.2"), "it survives the program");
  auto dataplane = make(false);
  bool disturbed = false;
  dataplane->set_event_handler(
      [&](const Event& event) { disturbed |= std::holds_alternative<StaticDisturbed>(event); });
  expect(converge(*dataplane, {wanted}, {wanted}), "kept kept", "and is found again");
  check(ping("", "192.168.140.2"), "undisturbed");
  const auto counters =
      await<std::vector<Counters>>(*dataplane, [&](auto done) { dataplane->read_counters(done); });
  check(counters && counters->size() == 1 && counters->front().key == spec.key, "counters");
  auto changed = wanted;
  changed.sessions[0].mtu = 1300;
  expect(converge(*dataplane, {changed}, {wanted}), "kept kept", "another MTU, in place");
  check(shell("ip link show fix140 | grep 'mtu 1300'").good, "it is there");
  check(!disturbed, "our own doing disturbs nobody");
  shell("ip link set fix140 down");
  check(wait_until(*dataplane, [&] { return disturbed; }), "somebody else's does");
  expect(converge(*dataplane, {wanted}, {changed}), "kept kept", "and is put right");
  check(shell("ip link show fix140 | grep 'UP.*mtu 1500'").good, "up again");
  disturbed = false;
  shell("ip l2tp del session tunnel_id 40 session_id 140");
  check(wait_until(*dataplane, [&] { return disturbed; }), "a deleted session is noticed");
  expect(converge(*dataplane, {wanted}, {wanted}), "kept made", "and made again");
  shell("ip addr add 192.168.140.1/24 dev fix140");
  check(ping("", "192.168.140.2"), "it works");
  changed = wanted;
  changed.sessions[0].framing.receive_cookie = {9, 9, 9, 9};
  expect(converge(*dataplane, {changed}, {wanted}), "kept replaced", "another cookie");
  check(!shell("ping -c 1 -W 1 192.168.140.2").good, "which the peer does not have");
  changed = wanted;
  BridgePort port;
  port.bridge = "br-fix";
  port.create = BridgeSettings{};
  changed.sessions[0].attachment = port;
  expect(converge(*dataplane, {changed}, {wanted}), "kept replaced", "into a bridge");
  check(shell("ip link show fix140 | grep 'master br-fix'").good, "it is a port");
  auto moved = changed;
  moved.peer = TunnelId(4040);
  expect(converge(*dataplane, {moved}, {changed}), "replaced made", "another tunnel id");
  expect(converge(*dataplane, {}, {moved}), "removed", "not wanted any more");
  check(soon("! ip link show br-fix"), "its bridge goes, too");
  check(nothing_left("static"), "nothing is left");
  remove_peer_tunnel(40);
}

void test_foreign() {
  auto dataplane = make(false);
  const auto wanted = static_tunnel(kKinds[0], 50, 150);
  shell(
      "ip l2tp add tunnel tunnel_id 50 peer_tunnel_id 9 encap udp local 10.0.0.1 remote 10.0.0.2 "
      "udp_sport 5000 udp_dport 5000");
  expect(converge(*dataplane, {wanted}, {}), "conflict conflict", "a foreign tunnel has the id");
  expect(converge(*dataplane, {}, {wanted}), "", "and is not removed as ours");
  check(shell("ip l2tp show tunnel tunnel_id 50 | grep 'Peer tunnel 9'").good, "it is there");
  shell("ip l2tp del tunnel tunnel_id 50");
  check(nothing_left("foreign"), "until it goes");
  shell(
      "ip l2tp add tunnel tunnel_id 50 peer_tunnel_id 1050 encap udp local 10.0.0.1 remote "
      "10.0.0.2 udp_sport 5000 udp_dport 5000 udp_csum on");
  shell(
      "ip l2tp add session tunnel_id 50 session_id 150 peer_session_id 1150 name fix150 cookie "
      "0102030405060708 peer_cookie 08070605");
  expect(converge(*dataplane, {wanted}, {}), "kept kept", "what is as wanted is adopted");
  check(shell("ip link show fix150 | grep 'UP.*mtu 1500'").good, "with its MTU, up");
  expect(converge(*dataplane, {}, {wanted}), "removed", "and removed");
  auto no_checksum = wanted;
  no_checksum.udp_checksum = false;
  expect(converge(*dataplane, {no_checksum}, {}), "made made", "without UDP checksums");
  expect(converge(*dataplane, {no_checksum}, {no_checksum}), "kept kept",
         "as the kernel says, too");
  expect(converge(*dataplane, {wanted}, {no_checksum}), "replaced made", "with them");
  auto named = wanted;
  named.sessions[0].interface_name = "va";
  const auto rows = converge(*dataplane, {named}, {wanted});
  check(rows && rows->size() == 2 && (*rows)[1].state == StaticRow::State::failed,
        "a taken name: " + states(rows));
  expect(converge(*dataplane, {}, {named}), "removed", "removed");
  check(nothing_left("foreign"), "nothing is left");
}

}  // namespace

void test_static_tunnels() {
  for (const Kind& kind : kKinds) test_static(kind);
  test_foreign();
}

// ---- PPP over L2TPv3 ----

void test_ppp(bool udp) {
  auto dataplane = make(false);
  const Endpoint one{*IpAddress::parse("127.0.0.1"), 5101, 0};
  const Endpoint two{*IpAddress::parse("127.0.0.2"), 5102, 0};
  for (const bool first : {true, false}) {
    TunnelSpec spec;
    spec.local = TunnelId(first ? 61 : 62);
    spec.peer = TunnelId(first ? 62 : 61);
    spec.version = 3;
    spec.encapsulation = udp ? Encapsulation::udp : Encapsulation::ip;
    spec.socket = udp ? udp_socket(first ? one : two, first ? two : one)
                      : ip_socket(first ? one : two, spec.local, first ? two : one, spec.peer);
    dataplane->add_tunnel(std::move(spec));
  }
  const std::string what = udp ? "PPP over UDP" : "PPP over IP";
  std::optional<Installed> ends[2];
  for (const bool first : {true, false}) {
    SessionSpec spec;
    spec.key = {TunnelId(first ? 61 : 62), SessionId(first ? 0x10000601 : 0x10000602)};
    spec.peer_session = SessionId(first ? 0x10000602 : 0x10000601);
    spec.interface_name = first ? "pone" : "ptwo";
    spec.framing.send_cookie.assign(8, first ? 0x11 : 0x22);
    spec.framing.receive_cookie.assign(8, first ? 0x22 : 0x11);
    spec.framing.sublayer = !udp;
    auto installed =
        await<Installed>(*dataplane, [&](auto done) { dataplane->install(spec, done); });
    if (!good(installed, what)) return;
    ends[first ? 0 : 1] = *installed;
  }
  const Bytes echo = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
  dataplane->send_frame({TunnelId(61), SessionId(0x10000601)}, echo);
  pollfd ready{ends[1]->channel->get(), POLLIN, 0};
  poll(&ready, 1, 5000);
  Bytes frame(64);
  const ssize_t got = read(ends[1]->channel->get(), frame.data(), frame.size());
  frame.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  check(frame == echo, "an LCP frame passes");
  ends[0].reset();
  ends[1].reset();
  check(remove_tunnel(*dataplane, 61) && remove_tunnel(*dataplane, 62) && nothing_left(what),
        "nothing is left");
}

}  // namespace l2tpm::selftest
