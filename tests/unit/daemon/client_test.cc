#include "daemon/client.h"

#include "support/raw_l2tp_peer.h"
#include "support/two_daemons.h"

namespace l2tpm::daemon {
namespace {

using test::ControlPeer;
using test::Daemon;
using test::endpoint;
using test::loopback;
using test::run_until;

std::string client_text(const std::string& peers, const std::string& more = {}) {
  return fmt::format(R"({{
    "kind": "client", "autostart": true, "peers": [{}], "local": {{"address": "{}"}},
    "tunnel": {{"retransmit": {{"initial": "100ms", "max-interval": "100ms", "count": 1}}}},
    "ppp": {{"user": "alice", "password": "Secret1", "methods": ["mschapv2"], "ipv6": false}}{}{}
  }})",
                     peers, loopback(2), more.empty() ? "" : ", ", more);
}

std::string quoted(unsigned host) { return "\"" + loopback(host) + "\""; }

std::string lns_text(unsigned host) {
  return fmt::format(R"({{
    "kind": "listener", "listen": {{"addresses": ["{}"]}},
    "ppp": {{"authenticate": ["mschapv2"], "ipv6": false,
            "ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}}},
    "users": [{{"name": "alice", "password": "Secret1"}}]
  }})",
                     loopback(host));
}

TEST(ClientAtWork, ACallThatNobodyWantsLeavesTheTunnelAlone) {
  Daemon client;
  ControlPeer lns(endpoint(loopback(1), 1701));
  client.profile("work", client_text(quoted(1)));
  client.run();
  const auto until = [&](const std::function<bool()>& it_is_so) {
    return run_until({&client}, [&] {
      lns.turn();
      return it_is_so();
    });
  };
  ASSERT_TRUE(until([&] { return lns.sessions_up == 1; }));
  const SessionId call = lns.call(Clock::now());
  ASSERT_TRUE(until([&] { return !lns.down.empty(); }));
  EXPECT_EQ(lns.down, std::vector<SessionId>{call});
  // What the refusal could have brought along has been sent by now.
  const SessionId again = lns.call(Clock::now());
  ASSERT_TRUE(until([&] { return lns.down.size() == 2; }));
  EXPECT_EQ(lns.down.back(), again);
  EXPECT_TRUE(lns.is_up);
  EXPECT_EQ(client.state_of("work"), "established");
}

TEST(ClientAtWork, DialsFromAnyPortWhereThatIsAskedFor) {
  Daemon client;
  ControlPeer lns(endpoint(loopback(1), 1701));
  std::string text = client_text(quoted(1));
  const std::string address = R"("local": {)";
  text.insert(text.find(address) + address.size(), R"("port": "any", )");
  client.profile("work", text);
  client.run();
  ASSERT_TRUE(run_until({&client}, [&] {
    lns.turn();
    return lns.sessions_up == 1;
  }));
  EXPECT_NE(client.service->list_tunnels({}, 0, 1).rows.at(0).local, loopback(2) + ":1701");
}

TEST(ClientAtWork, WithoutRedialOneFailureIsTheEnd) {
  Daemon client;
  client.profile("work", client_text(quoted(1), R"("redial": {"enabled": false})"));
  client.run();
  EXPECT_TRUE(run_until({&client}, [&] { return client.state_of("work") == "failed"; }));
  EXPECT_EQ(client.last_error("work").code, CauseCode::no_answer);
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_TRUE(client.service->stop("work", {}));
  EXPECT_TRUE(run_until({&client}, [&] { return client.state_of("work") == "idle"; }));
}

TEST(ClientAtWork, StopAtEveryStepLeavesNothing) {
  Daemon lns, client;
  lns.profile("lns", lns_text(1));
  client.profile("work", client_text(quoted(1)));
  lns.run();
  ASSERT_TRUE(run_until({&lns}, [&] { return lns.ready; }));
  client.run();
  ASSERT_TRUE(run_until({&lns, &client}, [&] { return client.ready; }));
  for (int turns = 0; turns < 60; ++turns) {
    static_cast<void>(client.service->start("work", {}));
    for (int i = 0; i < turns; ++i) {
      lns.loop->turn(0ms);
      client.loop->turn(0ms);
    }
    static_cast<void>(client.service->stop("work", {}));
    ASSERT_TRUE(run_until({&lns, &client},
                          [&] {
                            return client.state_of("work") == "idle" && client.holds_nothing() &&
                                   lns.holds_nothing();
                          }))
        << "after " << turns << " turns";
  }
  EXPECT_TRUE(run_until({&lns}, [&] { return lns.tunnels().empty(); }));
  EXPECT_EQ(client.service->list_sessions({}, 0, 10).total, 0u);
}

TEST(ClientAtWork, GoesBackToTheFirstLnsAndRedialsWhenThatFailsMeanwhile) {
  Daemon lns, client;
  lns.profile("second", lns_text(5));
  client.profile("work", client_text(quoted(4) + ", " + quoted(5),
                                     R"("redial": {"initial": "100ms", "max": "100ms"})"));
  lns.run();
  ASSERT_TRUE(run_until({&lns}, [&] { return lns.ready; }));
  client.run();
  const auto until = [&](const std::function<bool()>& it_is_so) {
    return run_until({&lns, &client}, it_is_so);
  };
  const auto up_with = [&](unsigned host) {
    const auto rows = client.service->list_tunnels({}, 0, 1).rows;
    return client.sessions_up() == 1 && rows.at(0).remote == loopback(host) + ":1701";
  };
  const auto tunnel = [&]() -> Tunnel& {
    return *client.service->tunnels().find(client.dataplane.sessions.begin()->first.tunnel);
  };
  ASSERT_TRUE(until([&] { return up_with(5); })) << client.last_error("work").to_string();

  // The first does not answer yet: nothing happens to the session.
  const TimePoint when_due = Clock::now() + 1h;
  auto& owner = dynamic_cast<Client&>(tunnel().owner());
  owner.handle_timeout(when_due);
  ASSERT_TRUE(until([&] { return client.service->tunnels().size() == 2; }));
  ASSERT_TRUE(until([&] { return client.service->tunnels().size() == 1; }));
  EXPECT_TRUE(up_with(5));

  // While it is asked again the session ends: that is dialled anew.
  owner.handle_timeout(when_due);
  ASSERT_TRUE(until([&] { return client.service->tunnels().size() == 2; }));
  const std::size_t installs = client.count_calls("install");
  client.dataplane.emit(kernel::InterfaceGone{client.dataplane.sessions.begin()->first});
  ASSERT_TRUE(until([&] { return up_with(5) && client.count_calls("install") > installs; }));

  // And now it answers.
  lns.profile("first", lns_text(4));
  lns.service->reload();
  owner.handle_timeout(when_due);
  ASSERT_TRUE(until([&] { return up_with(4); }));
  EXPECT_EQ(tunnel().name(), "work");
  EXPECT_TRUE(until([&] { return client.dataplane.tunnels.size() == 1; }));
  ASSERT_TRUE(client.service->stop("work", {}));
  EXPECT_TRUE(until([&] { return client.holds_nothing() && lns.holds_nothing(); }));
}

}  // namespace
}  // namespace l2tpm::daemon
