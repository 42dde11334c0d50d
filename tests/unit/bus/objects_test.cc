// Which tunnels and sessions are objects, and what is told about them.
#include "bus/objects.h"

#include <gtest/gtest.h>

#include "support/bus_client.h"
#include "support/bus_listener.h"
#include "support/private_bus.h"
#include "support/served_bus.h"

namespace l2tpm::bus {
namespace {

using test::error_of;
using test::managed_paths;

daemon::TunnelView tunnel(const std::string& name, const std::string& role, bool exported) {
  daemon::TunnelView view;
  view.name = name;
  view.profile = role == "lac" ? name : "isp";
  view.role = role;
  view.state = "established";
  view.remote_address = "192.0.2.1";
  view.remote_port = 1701;
  view.exported = exported;
  return view;
}

daemon::SessionView session(const std::string& of, std::uint32_t id) {
  daemon::SessionView view;
  view.tunnel = of;
  view.id = id;
  view.pseudowire = "ppp";
  view.state = "up";
  view.user = "alice";
  return view;
}

constexpr const char* kTunnel = "org.L2tpManager1.Tunnel";
constexpr const char* kSession = "org.L2tpManager1.Session";
constexpr const char* kPpp = "org.L2tpManager1.Ppp";
constexpr const char* kEthernet = "org.L2tpManager1.Ethernet";
constexpr const char* kUnknownProperty = "org.freedesktop.DBus.Error.UnknownProperty";

class BusObjects : public testing::Test {
 protected:
  void with(const std::function<void(test::FakeService::State&)>& change) {
    served_.run([&] { served_.service.with(change); });
  }
  void emit(std::vector<daemon::Event> events) {
    served_.run([&] {
      for (const auto& event : events) served_.service.emit(event);
    });
  }
  void tunnel_comes(const daemon::TunnelView& view) {
    with([&](auto& state) { state.tunnels.push_back(view); });
    emit({
        {0, daemon::TunnelEvent{view.name, view.profile, "", view.state, {}, "", ""}}
    });
  }
  void tunnel_goes(const std::string& name) {
    with([&](auto& state) {
      std::erase_if(state.tunnels, [&](const auto& view) { return view.name == name; });
    });
    emit({
        {0, daemon::TunnelEvent{name, name, "established", "", {}, "", ""}}
    });
  }
  // What was noted has been worked off when a later call is answered a few times over.
  std::set<std::string> paths() {
    for (int i = 0; i < 8; ++i) manager_.State();
    return managed_paths(*connection_);
  }
  template <typename Done>
  void hear_until(Done done) {
    while (!done()) dbus::process_one(*connection_);
  }

  test::PrivateBus bus_;
  test::ServedBus served_{bus_.address()};
  std::unique_ptr<sdbus::IConnection> connection_ = dbus::connect(bus_.address());
  test::ManagerClient manager_{*connection_};
};

TEST_F(BusObjects, ClientsAreObjectsAcceptedTunnelsAreNot) {
  with([](auto& state) {
    daemon::ListenerView listener;
    listener.name = "isp";
    listener.state = "listening";
    state.listeners.push_back(listener);
    state.sessions.push_back(session("work", 7));
  });
  emit({
      {0, daemon::ListenerEvent{"isp", "", "listening"}}
  });
  tunnel_comes(tunnel("work", "lac", true));
  tunnel_comes(tunnel("isp-12", "lns", false));
  tunnel_comes(tunnel("lab-1", "lns", true));
  EXPECT_EQ(paths(),
            (std::set<std::string>{
                "/org/L2tpManager1/listener/isp", "/org/L2tpManager1/tunnel/lab_2d1",
                "/org/L2tpManager1/tunnel/work", "/org/L2tpManager1/tunnel/work/session/7"}));
  tunnel_goes("work");
  EXPECT_FALSE(paths().contains("/org/L2tpManager1/tunnel/work"));
}

TEST_F(BusObjects, AFetchedTunnelIsAnObjectUntilItsFetcherLeaves) {
  tunnel_comes(tunnel("isp-12", "lns", false));
  const std::string path = "/org/L2tpManager1/tunnel/isp_2d12";
  EXPECT_EQ(error_of([&] { manager_.GetTunnel("isp-13"); }), "org.L2tpManager1.Error.NotFound");
  {
    const auto other = dbus::connect(bus_.address());
    test::ManagerClient fetcher(*other);
    EXPECT_EQ(fetcher.GetTunnel("isp-12"), path);
    EXPECT_EQ(fetcher.GetTunnel("isp-12"), path) << "twice is once";
    EXPECT_TRUE(paths().contains(path));
    EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "State"), "established");
  }
  while (paths().contains(path)) {
  }
  EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "State"),
            "org.freedesktop.DBus.Error.UnknownObject");
}

TEST_F(BusObjects, WhoFetchesManyLosesTheOldest) {
  for (std::size_t i = 0; i <= Objects::kMostFetchedByOne; ++i)
    tunnel_comes(tunnel("isp-" + std::to_string(i), "lns", false));
  for (std::size_t i = 0; i <= Objects::kMostFetchedByOne; ++i)
    manager_.GetTunnel("isp-" + std::to_string(i));
  const auto all = paths();
  EXPECT_EQ(all.size(), Objects::kMostFetchedByOne);
  EXPECT_FALSE(all.contains("/org/L2tpManager1/tunnel/isp_2d0"));
}

TEST_F(BusObjects, TellsStatesWithTheirCauseAndWhatElseChanged) {
  tunnel_comes(tunnel("work", "lac", true));
  paths();
  test::BusListener listener(*connection_, "type='signal',path='/org/L2tpManager1/tunnel/work'");
  with([](auto& state) {
    state.tunnels[0].state = "backoff";
    state.tunnels[0].retry_at = 5;
    state.tunnels[0].last_error = {.code = CauseCode::no_answer, .message = "nobody there"};
  });
  emit({
      {0, daemon::TunnelEvent{"work", "work", "established", "closing", {}, "", ""}},
      {0, daemon::TunnelEvent{"work",
                              "work",
                              "closing",
                              "backoff",
                              {.code = CauseCode::no_answer, .message = "nobody there"},
                              "",
                              ""}                                         }
  });
  hear_until([&] { return listener.members.size() >= 3; });
  EXPECT_EQ(listener.words,
            (std::vector<std::string>{
                "established>closing  ",
                "closing>backoff org.L2tpManager1.Error.PeerUnreachable nobody there", "State",
                "LastError", "RetryAt"}));
}

TEST_F(BusObjects, ASessionsPppIsTold) {
  with([](auto& state) { state.sessions.push_back(session("work", 7)); });
  tunnel_comes(tunnel("work", "lac", true));
  paths();
  const std::string path = "/org/L2tpManager1/tunnel/work/session/7";
  EXPECT_EQ(test::text_property(*connection_, path, kPpp, "User"), "alice");
  test::BusListener listener(*connection_, "type='signal',path='" + path + "'");
  with([](auto& state) {
    auto& details = state.details[{"work", 7}];
    details.ipv6 = {true, "fe80::1", "fe80::2", {}};
    details.mtu = 1400;
  });
  emit({
      {0, daemon::SessionEvent{"work", 7, "up", "up", {}, "", "", ""}}
  });
  hear_until([&] { return listener.words.size() >= 2; });
  EXPECT_EQ(listener.words, (std::vector<std::string>{"Mtu", "IPv6"})) << "the state is the same";
}

// Cookies by their lengths; the circuits as SLI changes them.
TEST_F(BusObjects, APseudowiresEthernetIsTold) {
  with([](auto& state) {
    daemon::SessionView view = session("site", 0x12345678);
    view.pseudowire = "ethernet";
    state.sessions.push_back(view);
    auto& details = state.details[{"site", view.id}];
    details.path_mtu_limit = 1442;
    details.ethernet = daemon::EthernetView{.name = "lan",
                                            .remote_end_id = "4711",
                                            .mac = "02:00:00:00:00:01",
                                            .attached_to = "bridge br0",
                                            .cookie = 8,
                                            .peer_cookie = 4,
                                            .send_sequence = true,
                                            .circuit = "eth1",
                                            .circuit_active = true};
  });
  tunnel_comes(tunnel("site", "lac", true));
  paths();
  const std::string path = "/org/L2tpManager1/tunnel/site/session/305419896";
  const auto proxy =
      sdbus::createProxy(*connection_, dbus::ServiceName(dbus::kName), dbus::ObjectPath(path));
  const auto get = [&](const char* property) {
    return proxy->getProperty(property).onInterface(kEthernet);
  };
  using Lengths = sdbus::Struct<std::uint32_t, std::uint32_t>;
  using Words = sdbus::Struct<std::string, std::string>;
  using Flags = sdbus::Struct<bool, bool>;
  EXPECT_EQ(get("CookieLengths").get<Lengths>(), Lengths(8u, 4u));
  EXPECT_EQ(get("Attachment").get<Words>(), Words("bridge", "br0"));
  EXPECT_EQ(get("Sequencing").get<Flags>(), Flags(true, false));
  EXPECT_EQ(get("PathMtu").get<std::uint32_t>(), 1442u);
  EXPECT_EQ(test::text_property(*connection_, path, kEthernet, "RemoteEndId"), "4711");
  EXPECT_EQ(test::text_property(*connection_, path, kEthernet, "MacAddress"), "02:00:00:00:00:01");
  EXPECT_EQ(test::text_property(*connection_, path, kPpp, "Phase"), kUnknownProperty);
  test::BusListener listener(*connection_, "type='signal',path='" + path + "'");
  with([](auto& state) {
    auto& ethernet = *state.details[{"site", 0x12345678}].ethernet;
    ethernet.circuit_active = false;
    ethernet.peer_circuit_active = true;
  });
  emit({
      {0, daemon::SessionEvent{"site", 0x12345678, "up", "up", {}, "", "", ""}}
  });
  hear_until([&] { return listener.words.size() >= 2; });
  EXPECT_EQ(listener.words, (std::vector<std::string>{"CircuitActive", "PeerCircuitActive"}));
}

TEST_F(BusObjects, StaticTunnelsAreObjectsAndSayHowTheyAre) {
  daemon::TunnelView fixed = tunnel("attic", "static", true);
  fixed.version = 3;
  fixed.version3.convergence = "conflict";
  fixed.state = "failed";
  fixed.last_error = {.code = CauseCode::kernel_failed, .message = "somebody else has tunnel 7"};
  tunnel_comes(fixed);
  const std::string path = "/org/L2tpManager1/tunnel/attic";
  EXPECT_TRUE(paths().contains(path));
  EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "Role"), "static");
  EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "Convergence"), "conflict");
  test::BusListener listener(*connection_, "type='signal',path='" + path + "'");
  with([](auto& state) {
    state.tunnels[0].version3.convergence = "converged";
    state.tunnels[0].state = "established";
  });
  emit({
      {0, daemon::TunnelEvent{"attic", "attic", "failed", "established", {}, "", ""}}
  });
  hear_until([&] { return listener.words.size() >= 3; });
  EXPECT_EQ(listener.words,
            (std::vector<std::string>{"failed>established  ", "State", "Convergence"}));
}

TEST_F(BusObjects, Version3OfATunnelIsTold) {
  tunnel_comes(tunnel("site", "lac", true));
  paths();
  const std::string path = "/org/L2tpManager1/tunnel/site";
  test::BusListener listener(*connection_, "type='signal',path='" + path + "'");
  with([](auto& state) {
    state.tunnels[0].version = 3;
    state.tunnels[0].version3 = {
        .router_id = "192.0.2.1",
        .peer_router_id = "192.0.2.2",
        .peer_pseudowires = {"ethernet", "6"},
        .digest = "sha1",
        .authenticated = true,
        .peer_secret = 2,
        .convergence = ""
    };
  });
  emit({
      {0, daemon::TunnelEvent{"site", "site", "established", "established", {}, "", ""}}
  });
  hear_until([&] { return listener.words.size() >= 6; });
  EXPECT_EQ(listener.words,
            (std::vector<std::string>{"ProtocolVersion", "RouterId", "PeerRouterId",
                                      "PeerPseudowires", "Digest", "DigestAuthenticated"}));
  EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "PeerRouterId"), "192.0.2.2");
  EXPECT_EQ(test::text_property(*connection_, path, kTunnel, "Digest"), "sha1");
}

TEST_F(BusObjects, NamesOfSubscribersAreNotInProperties) {
  with([](auto& state) { state.sessions.push_back(session("lab-1", 7)); });
  tunnel_comes(tunnel("lab-1", "lns", true));
  paths();
  EXPECT_EQ(
      test::text_property(*connection_, "/org/L2tpManager1/tunnel/lab_2d1/session/7", kPpp, "User"),
      "");
  EXPECT_EQ(test::text_property(*connection_, "/org/L2tpManager1/tunnel/lab_2d1/session/7",
                                kSession, "State"),
            "up");
}

TEST_F(BusObjects, TunnelNewIsSentWhileSomebodyHasSubscribed) {
  test::BusListener listener(*connection_, "type='signal',path='/org/L2tpManager1'");
  const auto count = [&](const char* member) {
    return std::count(listener.members.begin(), listener.members.end(), member);
  };
  tunnel_comes(tunnel("isp-1", "lns", false));
  paths();
  EXPECT_EQ(error_of([&] { manager_.Unsubscribe(); }), "org.L2tpManager1.Error.WrongState");
  manager_.Subscribe();
  tunnel_comes(tunnel("isp-2", "lns", false));
  hear_until([&] { return count("TunnelNew") > 0; });
  EXPECT_EQ(count("TunnelNew"), 1) << "the first came when nobody listened";
  tunnel_goes("isp-2");
  hear_until([&] { return count("TunnelRemoved") > 0; });
  manager_.Unsubscribe();
  tunnel_comes(tunnel("isp-3", "lns", false));
  paths();
  while (dbus::process_one(*connection_)) {
  }
  EXPECT_EQ(count("TunnelNew"), 1);
}

// A listener with thousands of exported tunnels does not fill the bus.
TEST_F(BusObjects, AreBoundedBehindListeners) {
  with([](auto& state) {
    for (std::size_t i = 0; i < 2 * Objects::kMostAccepted; ++i)
      state.tunnels.push_back(tunnel("lab-" + std::to_string(i), "lns", true));
  });
  std::vector<daemon::Event> events;
  for (std::size_t i = 0; i < 2 * Objects::kMostAccepted; ++i)
    events.push_back({
        0, daemon::TunnelEvent{"lab-" + std::to_string(i), "isp", "", "established", {}, "", ""}
    });
  // Told one after another, so with this one all have been.
  test::BusListener last(*connection_,
                         "type='signal',member='InterfacesAdded',"
                         "arg0path='/org/L2tpManager1/tunnel/work'");
  emit(std::move(events));
  tunnel_comes(tunnel("work", "lac", true));
  hear_until([&] { return !last.members.empty(); });
  EXPECT_EQ(managed_paths(*connection_).size(), Objects::kMostAccepted + 1);
}

}  // namespace
}  // namespace l2tpm::bus
