// Ethernet over PPP between two daemons (BCP): which way the frames take, and what is shown of it.
#include "daemon/bridging.h"

#include "support/dialling_pair.h"
#include "support/hex.h"

namespace l2tpm::daemon {
namespace {

using config::BcpPath;
using test::DiallingPair;
using test::loopback;
using Path = kernel::BcpPath;

TEST(ChoosePath, TheKernelUnlessSomethingIsInItsWay) {
  struct Row {
    BridgeCircumstances it;
    std::optional<Path> path;
    const char* reason;
  };
  const Row rows[] = {
      {{},                                                             Path::kernel,        ""                    },
      {{.wish = BcpPath::kernel},                                      Path::kernel,        ""                    },
      {{.wish = BcpPath::relay},                                       Path::relay_channel, "the profile wants it"},
      {{.obstacle = "no CAP_BPF"},                                     Path::relay_channel, "no CAP_BPF"          },
      {{.multilink = true},                                            Path::relay_channel, "fragments (RFC 1990)"},
      {{.ip = true},                                                   Path::relay_unit,    "IP on the same link" },
      {{.mppe = true, .ip = true, .multilink = true},                  Path::relay_unit,    "MPPE"                },
      {{.wish = BcpPath::relay, .ip = true, .obstacle = "no CAP_BPF"},
       Path::relay_unit,
       "IP on the same link"                                                                                      },
      {{.wish = BcpPath::kernel, .obstacle = "no CAP_BPF"},
       std::nullopt,
       "the kernel alone cannot bridge this session: no CAP_BPF"                                                  },
      {{.wish = BcpPath::kernel, .multilink = true},
       std::nullopt,
       "the kernel alone cannot bridge this session: fragments (RFC 1990)"                                        },
  };
  for (const Row& row : rows) {
    const BridgeChoice choice = choose_path(row.it);
    EXPECT_EQ(choice.path, row.path) << row.reason;
    EXPECT_EQ(choice.reason, row.reason);
  }
}

TEST(ChoosePath, TheMruTakesWholeFrames) {
  config::Bcp settings;
  EXPECT_EQ(bridging_mru(settings), 1600);
  settings.mtu = 3000;
  EXPECT_EQ(bridging_mru(settings), 3028);  // tags and FCS
}

class Bridged : public DiallingPair {
 protected:
  void set_up_bridges(const std::string& theirs, const std::string& ours,
                      const std::string& user = {}) {
    lns.profile("lns", fmt::format(R"({{
      "kind": "listener", "listen": {{"addresses": ["{}"]}},
      "ppp": {{"authenticate": ["mschapv2"], {}}},
      "users": [{{"name": "alice", "password": "Secret1"{}}}]}})",
                                   loopback(1), theirs, user));
    client.profile("work", fmt::format(R"({{
      "kind": "client", "autostart": true, "peer": "{}", "local": {{"address": "{}"}},
      "ppp": {{"user": "alice", "password": "Secret1", "methods": ["mschapv2"], {}}},
      "redial": {{"initial": "100ms", "max": "100ms"}}}})",
                                       loopback(1), loopback(2), ours));
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
    client.run();
    ASSERT_TRUE(until([&] { return client.ready; }));
  }
  static const kernel::BcpSpec& only(const test::Daemon& daemon) {
    return daemon.dataplane.bcp_sessions.begin()->second;
  }
  // As the LNS's BCP or LCP would, which hears nothing of the answers.
  void from_peer(const char* frame) {
    client.dataplane.deliver(only(client).key, testing::from_hex(frame));
  }
  // The client alone: what it sends stays in its dataplane's frames.
  bool alone_until(const std::function<bool()>& it_is_so) {
    const TimePoint end = Clock::now() + 20s;
    while (!it_is_so() && Clock::now() < end) client.loop->turn(1ms);
    return it_is_so();
  }
  void acknowledge_bcp() {
    for (auto& sent : std::exchange(client.dataplane.frames, {})) {
      if (sent.frame.size() < 6 || sent.frame[1] != 0x31 || sent.frame[2] != 1) continue;
      sent.frame[2] = 2;
      client.dataplane.deliver(sent.key, sent.frame);
    }
  }
  BridgingView view() {
    const auto tunnel = client.service->tunnel("work");
    const auto session = client.service->session("work", tunnel->ids.at(0));
    return session && session->bridging ? *session->bridging : BridgingView{};
  }
};

const std::string kBr0 = R"("bcp": {"bridge": "br0"})";
const std::string kPool = R"("ipv4": {"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]})";

TEST_F(Bridged, ByTheKernelWhenThereIsNothingElse) {
  set_up_bridges(kBr0, R"("bcp": {"bridge": {"name": "br1", "isolated": true, "path-cost": 7},
                                  "mac": "02:00:5e:10:00:01", "broadcast-limit": 100})");
  ASSERT_TRUE(until([&] { return both_up(); }));
  ASSERT_EQ(client.dataplane.bcp_sessions.size(), 1u);
  ASSERT_EQ(lns.dataplane.bcp_sessions.size(), 1u);
  const kernel::BcpSpec& ours = only(client);
  EXPECT_EQ(ours.path, Path::kernel);
  EXPECT_EQ(ours.mtu, 1500u);
  EXPECT_EQ(ours.peer_mru, 1600u);
  EXPECT_EQ(ours.port->bridge, "br1");
  EXPECT_TRUE(ours.port->isolated);
  EXPECT_EQ(ours.port->path_cost, 7);
  EXPECT_EQ(ours.mac->to_string(), "02:00:5e:10:00:01");
  EXPECT_EQ(ours.limits.broadcast_per_second, 100u);
  EXPECT_TRUE(ours.send_tagged && ours.send_bpdus) << "both ends say that they take them";
  EXPECT_TRUE(ours.send_sequence) << "bridges want frames in their order";
  EXPECT_TRUE(only(lns).send_sequence);
  EXPECT_FALSE(only(lns).lns_mode) << "the kernel would drop what the LAC does not number";
  EXPECT_EQ(only(lns).port->bridge, "br0");
  EXPECT_FALSE(only(lns).mac.has_value()) << "users' sessions cannot share one";
  EXPECT_TRUE(client.dataplane.sessions.empty()) << "there is no PPP interface";

  const BridgingView shown = view();
  EXPECT_EQ(shown.path, "kernel");
  EXPECT_EQ(shown.reason, "");
  EXPECT_EQ(shown.bridge, "br1");
  EXPECT_EQ(shown.mac, "02:00:5e:10:00:01");
  EXPECT_EQ(shown.mtu, 1500u);
}

TEST_F(Bridged, CountsWhatHappensToFrames) {
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  const SessionKey key = client.dataplane.bcp_sessions.begin()->first;
  kernel::BcpCounters counted;
  counted.storm = 7;
  counted.fragments_in = 3;
  kernel::Counters& row = client.dataplane.counters[key];
  row.rx_bytes = 1000;
  row.bcp = std::make_shared<const kernel::BcpCounters>(counted);
  bool is_read = false;
  client.service->refresh_counters([&] { is_read = true; });
  ASSERT_TRUE(until([&] { return is_read; }));
  const auto shown = client.service->statistics(StatisticsOf::session, "work", key.session.value());
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->at("rx_bytes"), 1000u);
  EXPECT_EQ(shown->at("bcp.storm"), 7u);
  EXPECT_EQ(shown->at("bcp.fragments_in"), 3u);
  const auto described = client.service->describe_session("work", key.session.value());
  ASSERT_TRUE(described);
  EXPECT_NE(described->find("\"bcp.storm\": 7"), std::string::npos) << *described;
  const auto tunnel = client.service->statistics(StatisticsOf::tunnel, "work", 0);
  ASSERT_TRUE(tunnel);
  EXPECT_FALSE(tunnel->contains("bcp.storm")) << "no sums of these";
}

TEST_F(Bridged, WhatIsSentIsTheProfilesToDecide) {
  set_up_bridges(kBr0,
                 R"("bcp": {"bridge": "br0", "send-tagged": "never", "send-bpdus": "never"})");
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_FALSE(only(client).send_tagged || only(client).send_bpdus);
  EXPECT_TRUE(only(lns).send_tagged && only(lns).send_bpdus);
  EXPECT_FALSE(view().send_bpdus);
  EXPECT_TRUE(view().receive_bpdus);
  EXPECT_TRUE(may_send(config::BcpSend::agreed, true) && !may_send(config::BcpSend::agreed, false));
  EXPECT_TRUE(may_send(config::BcpSend::always, false));
}

TEST_F(Bridged, ByTheRelayWhenTheKernelCannot) {
  client.dataplane.fail_next("probe_bcp", {EPERM, "loading XDP programs", "no CAP_BPF"});
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(only(client).path, Path::relay_channel);
  EXPECT_EQ(only(lns).path, Path::kernel);
  EXPECT_EQ(view().path, "relay");
  EXPECT_NE(view().reason, "");
}

TEST_F(Bridged, NotAtAllWhenTheProfileInsists) {
  client.dataplane.fail_next("probe_bcp", {EPERM, "loading XDP programs", "no CAP_BPF"});
  set_up_bridges(kBr0, R"("bcp": {"bridge": "br0", "path": "kernel"})");
  ASSERT_TRUE(until([&] { return client.last_error("work").code == CauseCode::kernel_failed; }));
  EXPECT_NE(client.last_error("work").message.find("the kernel alone cannot bridge"),
            std::string::npos);
}

TEST_F(Bridged, BesideIpByTheRelay) {
  set_up_bridges(kBr0 + ", " + kPool, kBr0 + R"(, "ipv4": true)");
  ASSERT_TRUE(until([&] {
    return both_up() && client.dataplane.bcp_sessions.size() == 1 &&
           client.dataplane.networks.size() == 1;
  }));
  EXPECT_EQ(only(client).path, Path::relay_unit);
  EXPECT_EQ(client.dataplane.sessions.size(), 1u);
  EXPECT_NE(only(client).interface_name, client.dataplane.sessions.begin()->second.interface_name);
}

// The kernel's MPPE drops what is larger than the interface's MTU.
TEST_F(Bridged, EncryptedFramesFitTheInterface) {
  const std::string mppe = R"(, "mppe": "require")";
  set_up_bridges(kBr0 + mppe, kBr0 + mppe);
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(view().reason, "MPPE");
  for (const test::Daemon* end : {&client, &lns}) {
    ASSERT_EQ(end->dataplane.sessions.size(), 1u);
    EXPECT_GE(end->dataplane.sessions.begin()->second.mtu, 1516u);
  }
}

TEST_F(Bridged, FragmentsByTheRelay) {
  set_up_bridges(R"("mru": 1400, "bcp": {"bridge": "br0", "mrru": 1700})",
                 R"("bcp": {"bridge": "br0", "mrru": 1600})");
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(only(client).path, Path::relay_channel);
  EXPECT_EQ(only(client).peer_mrru, 1700u);
  EXPECT_EQ(only(client).local_mrru, 1600u);
  EXPECT_EQ(only(client).peer_mru, 1400u);
  EXPECT_EQ(only(client).mtu, 1500u);
}

// Where it has a unit the kernel makes fragments, and puts them together; the relay never sees one.
TEST_F(Bridged, FragmentsBesideIp) {
  set_up_bridges(R"("mru": 1400, "bcp": {"bridge": "br0", "mrru": 1700}, )" + kPool,
                 R"("bcp": {"bridge": "br0", "mrru": 1600}, "ipv4": true)");
  ASSERT_TRUE(until([&] { return both_up() && client.dataplane.bcp_sessions.size() == 1; }));
  EXPECT_EQ(only(client).path, Path::relay_unit);
  EXPECT_EQ(only(client).peer_mru, 1700u) << "the relay makes no fragments";
  EXPECT_EQ(only(client).peer_mrru, 0u);
  EXPECT_EQ(only(client).local_mrru, 0u);
  const kernel::SessionSpec& unit = client.dataplane.sessions.begin()->second;
  EXPECT_EQ(unit.mrru, 1600u);
  EXPECT_TRUE(unit.send_multilink);
  EXPECT_EQ(view().local_mrru, 1600u);
}

// Encrypted first, fragmented then: by the unit.
TEST_F(Bridged, EncryptedFragments) {
  const std::string mppe = R"(, "mppe": "require")";
  set_up_bridges(R"("mru": 1400, "bcp": {"bridge": "br0", "mrru": 1700})" + mppe,
                 R"("bcp": {"bridge": "br0", "mrru": 1600})" + mppe);
  ASSERT_TRUE(until([&] { return both_up() && client.dataplane.bcp_sessions.size() == 1; }));
  EXPECT_EQ(only(client).mtu, 1500u);
  EXPECT_EQ(only(client).peer_mru, 1700u) << "the relay makes no fragments";
  EXPECT_EQ(only(client).peer_mrru, 0u);
  EXPECT_EQ(view().peer_mrru, 1700u);
  const kernel::SessionSpec& unit = client.dataplane.sessions.begin()->second;
  EXPECT_TRUE(unit.send_multilink);
  EXPECT_EQ(unit.mrru, 1600u);
  EXPECT_GE(unit.mtu, 1516u);
  const kernel::SessionSpec& theirs = lns.dataplane.sessions.begin()->second;
  EXPECT_FALSE(theirs.send_multilink) << "the client takes whole frames";
  EXPECT_EQ(theirs.mrru, 1700u);
  EXPECT_EQ(theirs.mru, 1700u) << "the kernel decrypts into so much";
}

TEST_F(Bridged, APeerThatTakesLessIsSentLess) {
  set_up_bridges(R"("mru": 1400, "bcp": {"bridge": "br0"})", kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(only(client).mtu, 1384u);
  EXPECT_EQ(view().wanted_mtu, 1500u);
}

// The listener's other users have IP, this one has a bridge of its own.
TEST_F(Bridged, AUserOfItsOwn) {
  set_up_bridges(kPool, kBr0, R"(, "bcp": {"bridge": "br7", "path": "relay"})");
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(only(lns).port->bridge, "br7");
  EXPECT_EQ(only(lns).path, Path::relay_channel);
  EXPECT_TRUE(lns.dataplane.networks.empty());
}

// RFC 1661 §4.3: a Configure-Request takes an open protocol down. The port waits without carrier.
TEST_F(Bridged, NegotiatedAnewThePortGoesOn) {
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  from_peer("8031 01 70 000c 030301 080301 0902");
  bool& carrier = client.dataplane.carriers[only(client).key];
  carrier = true;
  ASSERT_TRUE(alone_until([&] { return !carrier; }));
  EXPECT_EQ(client.sessions_up(), 0u);
  acknowledge_bcp();
  ASSERT_TRUE(alone_until([&] { return carrier; }));
  EXPECT_EQ(client.sessions_up(), 1u);
  EXPECT_EQ(client.dataplane.bcp_sessions.size(), 1u);
}

TEST_F(Bridged, NegotiatedAnewWithOtherOptionsItEnds) {
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  from_peer("8031 01 70 0004");
  ASSERT_TRUE(alone_until([&] { return !client.dataplane.frames.empty(); }));
  acknowledge_bcp();
  ASSERT_TRUE(
      alone_until([&] { return client.last_error("work").code == CauseCode::network_failed; }));
  EXPECT_NE(client.last_error("work").message.find("with other options"), std::string::npos);
}

// What came while the session changed from one way to another.
TEST_F(Bridged, FramesThatWaitedAreHeard) {
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return client.dataplane.calls.back() == "probe_bcp"; }));
  ASSERT_EQ(client.dataplane.sessions.size(), 1u);
  client.dataplane.frames_at_install(client.dataplane.sessions.begin()->first,
                                     {testing::from_hex("c021 09 21 0008 00000000")});
  ASSERT_TRUE(alone_until([&] {
    const auto& frames = client.dataplane.frames;
    return std::any_of(frames.begin(), frames.end(), [](const auto& sent) {
      return sent.frame.size() > 4 && sent.frame[0] == 0xc0 && sent.frame[2] == 10 &&
             sent.frame[3] == 0x21;
    });
  })) << "an Echo-Reply";
}

TEST_F(Bridged, APeerThatDoesNotBridge) {
  set_up_bridges(kPool, kBr0);
  ASSERT_TRUE(until([&] { return client.last_error("work").code == CauseCode::network_failed; }));
  EXPECT_NE(client.last_error("work").message.find("BCP is rejected"), std::string::npos)
      << client.last_error("work").message;
}

TEST_F(Bridged, APortThatCannotBeMendedEndsTheSession) {
  set_up_bridges(kBr0, kBr0);
  ASSERT_TRUE(until([&] { return both_up(); }));
  client.dataplane.emit(kernel::InterfaceGone{only(client).key, "br0 was deleted"});
  ASSERT_TRUE(until([&] { return client.last_error("work").code == CauseCode::interface_gone; }));
  EXPECT_EQ(client.last_error("work").message, "br0 was deleted");
}

}  // namespace
}  // namespace l2tpm::daemon
