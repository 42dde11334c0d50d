// L2TPv3 between two daemons: Ethernet pseudowires, circuits, PPP, and what does not fit.
#include <algorithm>

#include "support/dialling_pair.h"

namespace l2tpm::daemon {
namespace {

using test::DiallingPair;
using test::loopback;

class Pseudowire : public DiallingPair {
 protected:
  void set_up_wires(const std::string& theirs, const std::string& ours,
                    const std::string& listener_more = {}, const std::string& client_more = {}) {
    lns.profile("lns", listener(theirs, listener_more));
    client.profile("work", dialer(ours, client_more));
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
    client.run();
    ASSERT_TRUE(until([&] { return client.ready; }));
  }
  static std::string listener(const std::string& wires, const std::string& more = {}) {
    return fmt::format(R"({{"kind": "listener", "versions": [3],
                            "listen": {{"addresses": ["{}"]}}, "pseudowires": [{}]{}{}}})",
                       loopback(1), wires, more.empty() ? "" : ", ", more);
  }
  static std::string dialer(const std::string& wires, const std::string& more = {}) {
    return fmt::format(R"({{"kind": "client", "version": 3, "autostart": true, "peer": "{}",
                            "local": {{"address": "{}"}},
                            "redial": {{"initial": "100ms", "max": "100ms"}},
                            "pseudowires": [{}]{}{}}})",
                       loopback(1), loopback(2), wires, more.empty() ? "" : ", ", more);
  }
  bool both_have(std::size_t count) const {
    return lns.sessions_up() == count && client.sessions_up() == count;
  }
  static const kernel::EthernetSpec& only(const test::Daemon& daemon) {
    return daemon.dataplane.pseudowires.begin()->second;
  }
};

TEST_F(Pseudowire, ComesUpAtBothEnds) {
  set_up_wires(R"({"name": "site", "interface": "l2a", "bridge": {"name": "br0"}})",
               R"({"name": "site", "interface": "l2b", "mtu": 1500, "cookie": 4})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  const kernel::EthernetSpec& theirs = only(lns);
  const kernel::EthernetSpec& ours = only(client);
  EXPECT_EQ(theirs.key.session, ours.peer_session);
  EXPECT_EQ(ours.key.session, theirs.peer_session);
  EXPECT_EQ(theirs.framing.send_cookie, ours.framing.receive_cookie);
  EXPECT_EQ(theirs.framing.receive_cookie, ours.framing.send_cookie);
  EXPECT_EQ(ours.framing.receive_cookie.size(), 4u);
  EXPECT_EQ(ours.framing.send_cookie.size(), 8u);
  EXPECT_EQ(ours.mtu, 1500u);
  EXPECT_TRUE(ours.carrier);
  EXPECT_EQ(std::get<kernel::BridgePort>(theirs.attachment).bridge, "br0");
  EXPECT_EQ(client.dataplane.tunnels.begin()->second.version, 3);
  const auto tunnel = client.service->tunnel("work");
  ASSERT_TRUE(tunnel);
  EXPECT_EQ(tunnel->version, 3);
  const auto session = client.service->session("work", tunnel->ids.at(0));
  ASSERT_TRUE(session);
  EXPECT_EQ(session->session.pseudowire, "ethernet");
  ASSERT_TRUE(session->ethernet);
  EXPECT_EQ(session->ethernet->cookie, 4u);
  EXPECT_EQ(session->ethernet->peer_cookie, 8u);
  EXPECT_TRUE(session->ethernet->peer_circuit_active);
  // What its control connection is, for faces: no digests here.
  EXPECT_EQ(tunnel->version3.digest, "none");
  EXPECT_FALSE(tunnel->version3.authenticated);
  EXPECT_EQ(tunnel->version3.peer_secret, 0u);
  EXPECT_FALSE(tunnel->version3.router_id.empty());
  EXPECT_FALSE(tunnel->version3.peer_router_id.empty());
  EXPECT_EQ(tunnel->version3.peer_pseudowires, std::vector<std::string>{"ethernet"});
}

// While a secret is being replaced each end says which one the other still uses.
TEST_F(Pseudowire, FacesAreToldWhichSecretThePeerUses) {
  set_up_wires(R"({"name": "site"})", R"({"name": "site"})",
               R"("tunnel": {"secret": "new", "second-secret": "old", "digest": "sha1"},
                  "export-sessions": true)",
               R"("tunnel": {"secret": "old", "digest": "md5"})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  const Version3View ours = client.service->tunnel("work")->version3;
  EXPECT_EQ(ours.digest, "md5");
  EXPECT_TRUE(ours.authenticated);
  EXPECT_EQ(ours.peer_secret, 1u);
  const auto theirs = lns.service->list_tunnels({}, 0, 1).rows.at(0).version3;
  EXPECT_EQ(theirs.digest, "sha1");
  EXPECT_EQ(theirs.peer_secret, 2u);
}

TEST_F(Pseudowire, OfSeveralEachHasItsOwnLife) {
  set_up_wires(
      R"({"name": "a"}, {"name": "b", "type": "ethernet-vlan", "vlan": 7})",
      R"({"name": "a"}, {"name": "b", "type": "ethernet-vlan", "vlan": 7}, {"name": "c"})");
  ASSERT_TRUE(until([&] { return both_have(2); }));
  // The third is unknown there, which the failure says; the others stay.
  ASSERT_TRUE(until([&] { return client.failures().find("\"c\"") != std::string::npos; }));
  EXPECT_TRUE(both_have(2));
  // It is granted later, and comes.
  lns.profile("lns", listener(R"({"name": "a"}, {"name": "b", "type": "ethernet-vlan", "vlan": 7},
                                 {"name": "c"})"));
  lns.service->reload();
  // Tunnels that stand keep what they were told; the kind of "c" is among it.
  ASSERT_TRUE(until([&] { return both_have(3); }));
}

TEST_F(Pseudowire, ADigestOfAnotherSecretIsNotBelieved) {
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})", R"("tunnel": {"secret": "right"})",
               R"("tunnel": {"secret": "wrong", "setup-timeout": "1s",
                             "retransmit": {"initial": "100ms", "count": 2}})");
  ASSERT_TRUE(until([&] { return client.last_error("work").code != CauseCode::none; }));
  EXPECT_EQ(lns.sessions_up(), 0u);
  EXPECT_TRUE(lns.dataplane.tunnels.empty());
}

TEST_F(Pseudowire, WithTheRightSecretItComesUp) {
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})",
               R"("tunnel": {"secret": "new", "second-secret": "old", "digest": "md5"})",
               R"("tunnel": {"secret": "old", "hide-avps": true})");
  EXPECT_TRUE(until([&] { return both_have(1); }));
}

// "authentication" and "password" of an l2tp-class: no digests, but Challenges as in version 2.
TEST_F(Pseudowire, CiscosChallengeAuthenticatesBothEnds) {
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})",
               R"("tunnel": {"secret": "same", "cisco-challenge": true})",
               R"("tunnel": {"secret": "same", "cisco-challenge": true})");
  ASSERT_TRUE(until([&] { return both_have(1); })) << client.failures() << lns.failures();
  EXPECT_EQ(client.service->tunnel("work")->version3.digest, "none");
  EXPECT_NE(client.service->describe_tunnel("work")->find(R"("peer_authenticated": true)"),
            std::string::npos);
}

TEST_F(Pseudowire, CiscosChallengeIsNotForgivenAnotherSecret) {
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})",
               R"("tunnel": {"secret": "right", "cisco-challenge": true})",
               R"("tunnel": {"secret": "wrong", "cisco-challenge": true})");
  ASSERT_TRUE(until([&] { return client.last_error("work").code != CauseCode::none; }));
  EXPECT_EQ(client.last_error("work").code, CauseCode::tunnel_auth_failed);
  EXPECT_EQ(lns.sessions_up(), 0u);
}

TEST_F(Pseudowire, AKernelThatRefusesIsToldToThePeer) {
  lns.dataplane.fail_next("install_ethernet",
                          kernel::KernelError{ENOENT, "joining bridge br9", "there is none"});
  set_up_wires(R"({"name": "a", "bridge": {"name": "br9"}})", R"({"name": "a"})");
  ASSERT_TRUE(until([&] {
    return client.failures().find("joining bridge br9") != std::string::npos;
  })) << client.failures();
  EXPECT_TRUE(until([&] { return both_have(1); }));
}

TEST_F(Pseudowire, ANameThatIsTakenIsLeftToItsOwner) {
  lns.dataplane.fail_next("install_ethernet", kernel::KernelError{EEXIST, "creating l2eth0", ""});
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  EXPECT_EQ(only(lns).interface_name, fmt::format("l2e{:x}", only(lns).key.session.value()));
  EXPECT_EQ(client.failures(), "");
}

TEST_F(Pseudowire, BothEndsWorkOutTheSameMtu) {
  set_up_wires(R"({"name": "a", "cookie": 0})", R"({"name": "a", "cookie": 8})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  EXPECT_EQ(only(lns).mtu, only(client).mtu);
}

TEST_F(Pseudowire, CircuitsShowAtTheOtherEnd) {
  client.dataplane.circuits["eth1"] = false;
  set_up_wires(R"({"name": "a"})", R"({"name": "a", "circuit": "eth1"})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  const SessionKey key = only(lns).key;
  EXPECT_FALSE(lns.dataplane.carriers[key]);
  client.dataplane.emit(kernel::CircuitChanged{"eth1", true});
  EXPECT_TRUE(until([&] { return lns.dataplane.carriers[key]; }));
  client.dataplane.emit(kernel::CircuitChanged{"eth1", false});
  EXPECT_TRUE(until([&] { return !lns.dataplane.carriers[key]; }));
}

TEST_F(Pseudowire, AnInterfaceThatIsTakenAwayComesBack) {
  set_up_wires(R"({"name": "a"})", R"({"name": "a"})");
  ASSERT_TRUE(until([&] { return both_have(1); }));
  const SessionKey before = only(lns).key;
  lns.dataplane.emit(kernel::InterfaceGone{before});
  EXPECT_TRUE(until([&] { return both_have(1) && only(lns).key != before; }));
  EXPECT_EQ(client.state_of("work"), "established");
}

TEST_F(Pseudowire, OneThatAReloadTakesAwayEnds) {
  set_up_wires(R"({"name": "a"}, {"name": "b"})", R"({"name": "a"}, {"name": "b"})");
  ASSERT_TRUE(until([&] { return both_have(2); }));
  client.profile("work", dialer(R"({"name": "b"})"));
  client.service->reload();
  EXPECT_TRUE(until([&] { return both_have(1); }));
}

TEST_F(Pseudowire, AWrongTypeIsNamed) {
  set_up_wires(R"({"name": "a", "type": "ethernet-vlan", "vlan": 3}, {"name": "z"})",
               R"({"name": "a"})");
  ASSERT_TRUE(until([&] { return client.last_error("work").code != CauseCode::none; }));
  EXPECT_NE(client.last_error("work").to_string().find("type"), std::string::npos)
      << client.last_error("work").to_string();
}

constexpr const char* kPppClient = R"("ppp": {"user": "alice", "password": "Secret1",
    "methods": ["mschapv2"], "ipv6": false})";
constexpr const char* kPppListener = R"("ppp": {"authenticate": ["mschapv2"],
    "ipv4": {"local-address": "10.9.0.1", "pool": ["10.9.0.10-10.9.0.20"]}, "ipv6": false},
    "users": [{"name": "alice", "password": "Secret1"}])";

TEST_F(Pseudowire, PppRunsInOneToo) {
  set_up_wires(R"({"name": "users", "type": "ppp"})", R"({"name": "users", "type": "ppp"})",
               kPppListener, kPppClient);
  ASSERT_TRUE(until([&] { return both_have(1); }));
  EXPECT_EQ(client.dataplane.sessions.begin()->second.framing.send_cookie.size(), 8u);
  EXPECT_EQ(client.service->list_sessions({}, 0, 1).rows.at(0).pseudowire, "ppp");
}

TEST_F(DiallingPair, TheHighestVersionOfBothIsSpoken) {
  for (const bool lns_has_three : {false, true}) {
    SCOPED_TRACE(lns_has_three);
    lns.profile("lns", test::listener_text(1, lns_has_three ? R"("versions": [2, 3])" : ""));
    client.profile("work", test::client_text(2, 1, R"("version": "3-then-2")"));
    if (!lns.service) {
      lns.run();
      client.run();
    } else {
      client.service->reload();
      lns.service->reload();
      ASSERT_TRUE(client.service->restart("work", {}));
    }
    ASSERT_TRUE(until([&] {
      const auto tunnel = client.service->tunnel("work");
      return both_up() && tunnel && tunnel->version == (lns_has_three ? 3 : 2);
    })) << client.failures();
  }
}

}  // namespace
}  // namespace l2tpm::daemon
