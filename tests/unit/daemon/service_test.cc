#include "daemon/service.h"

#include "l2tp/control_connection.h"
#include "support/l2tp_build.h"
#include "support/two_daemons.h"
#include "wire/l2tp_header.h"

namespace l2tpm::daemon {
namespace {

using test::Daemon;
using test::loopback;
using test::run_until;

std::string listener_text(unsigned host, const std::string& more = {},
                          const std::string& pool = "10.9.0.10-10.9.0.20") {
  return fmt::format(R"({{
    "kind": "listener", "listen": {{"addresses": ["{}"]}},
    "ppp": {{"authenticate": ["mschapv2"],
            "ipv4": {{"local-address": "10.9.0.1", "pool": ["{}"]}}, "ipv6": false}},
    "users": [{{"name": "alice", "password": "Secret1"}}]{}{}
  }})",
                     loopback(host), pool, more.empty() ? "" : ", ", more);
}

std::string client_text(unsigned own, unsigned peer, const std::string& more = {},
                        const std::string& password = "Secret1") {
  return fmt::format(R"({{
    "kind": "client", "autostart": true, "peer": "{}", "local": {{"address": "{}"}},
    "ppp": {{"user": "alice", "password": "{}", "methods": ["mschapv2"], "ipv6": false}},
    "redial": {{"initial": "100ms", "max": "100ms"}}{}{}
  }})",
                     loopback(peer), loopback(own), password, more.empty() ? "" : ", ", more);
}

// An LNS and a client that dials it.
class Service2 : public ::testing::Test {
 protected:
  void set_up(const std::string& listener_more = {}, const std::string& client_more = {},
              const std::string& password = "Secret1") {
    lns.profile("lns", listener_text(1, listener_more));
    client.profile("work", client_text(2, 1, client_more, password));
    run();
  }
  void run() {
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
    client.run();
  }
  bool until(const std::function<bool()>& it_is_so) { return run_until({&lns, &client}, it_is_so); }
  bool both_up() const { return lns.sessions_up() == 1 && client.sessions_up() == 1; }
  bool is_installing(const Daemon& daemon) const {
    return daemon.count_calls("install") > 0 && daemon.dataplane.pending() > 0;
  }
  // Both stop; nothing may be left.
  void stop_both() {
    client.shut_down();
    EXPECT_TRUE(until([&] { return client.stopped; }));
    lns.shut_down();
    EXPECT_TRUE(until([&] { return lns.stopped; }));
    client.service.reset();
    lns.service.reset();
    EXPECT_TRUE(lns.dataplane.sessions.empty());
    EXPECT_TRUE(client.dataplane.sessions.empty());
    EXPECT_TRUE(lns.dataplane.tunnels.empty());
    EXPECT_TRUE(client.dataplane.tunnels.empty());
    EXPECT_TRUE(client.dataplane.pins.empty());
    EXPECT_TRUE(lns.dataplane.held.empty());
  }

  Daemon lns, client;
};

TEST_F(Service2, DialsAuthenticatesInstallsAndStops) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); })) << client.tunnels();
  EXPECT_EQ(client.state_of("work"), "established");
  EXPECT_EQ(lns.count_calls("install"), 1u);
  EXPECT_EQ(client.count_calls("install"), 1u);
  const auto row = lns.service->list_sessions({}, 0, 10).rows.at(0);
  EXPECT_EQ(row.user, "alice");
  EXPECT_EQ(row.address, "10.9.0.10");
  EXPECT_EQ(lns.dataplane.held.size(), 1u);
  // Listener tunnels are found by name, of any spelling.
  EXPECT_TRUE(lns.service->describe_tunnel(row.tunnel));
  EXPECT_TRUE(lns.service->describe_session(row.tunnel, row.id));
  EXPECT_FALSE(lns.service->describe_tunnel("lns-0"));
  EXPECT_FALSE(lns.service->describe_tunnel("lns-"));
  EXPECT_FALSE(lns.service->describe_tunnel("lns-99999999999999999999"));
  ASSERT_TRUE(client.service->stop("work", {}));
  EXPECT_TRUE(until([&] {
    return client.state_of("work") == "idle" && lns.tunnels().empty() && lns.holds_nothing() &&
           client.holds_nothing();
  })) << client.tunnels();
  EXPECT_FALSE(client.service->stop("work", {}));
  stop_both();
}

TEST_F(Service2, AWrongPasswordReachesNoKernel) {
  set_up({}, {}, "Wrong");
  EXPECT_TRUE(until([&] { return client.last_error("work").code == CauseCode::auth_failed; }))
      << client.last_error("work").to_string();
  EXPECT_EQ(lns.count_calls("install"), 0u);
  EXPECT_EQ(client.count_calls("install"), 0u);
  EXPECT_NE(lns.failures().find("auth-failed"), std::string::npos);
  stop_both();
}

TEST_F(Service2, AFailedInstallIsACdnWithItsCause) {
  lns.dataplane.fail_next("install", {EIO, "making the interface", "no such luck"});
  set_up();
  EXPECT_TRUE(until([&] { return client.last_error("work").code == CauseCode::refused; }))
      << client.last_error("work").to_string();
  EXPECT_TRUE(client.last_error("work").by_peer);
  EXPECT_NE(lns.failures().find("making the interface"), std::string::npos);
  stop_both();
}

TEST_F(Service2, TheQueueIsFull) {
  lns.dataplane.fail_next("install", {EBUSY, "installing the session", "queue full"});
  set_up();
  EXPECT_TRUE(until([&] { return client.last_error("work").code == CauseCode::refused; }))
      << client.last_error("work").to_string();
  EXPECT_NE(lns.failures().find("no-resources"), std::string::npos);
  // The next attempt gets in, with the same address.
  EXPECT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(lns.service->list_sessions({}, 0, 10).rows.at(0).address, "10.9.0.10");
  stop_both();
}

TEST_F(Service2, ThePeerHangsUpDuringTheInstall) {
  lns.dataplane.hold();
  lns.profile("lns", listener_text(1));
  client.profile("work", client_text(2, 1));
  lns.run();
  lns.dataplane.release(1);  // the leftovers are swept
  ASSERT_TRUE(run_until({&lns}, [&] { return lns.ready; }));
  lns.dataplane.release(1);  // the address is held
  client.run();
  ASSERT_TRUE(until([&] { return lns.count_calls("install") == 1; }));
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return lns.count_calls("remove") >= 1; }));
  EXPECT_TRUE(lns.tunnels().empty());
  lns.dataplane.release();
  EXPECT_TRUE(until([&] { return lns.holds_nothing() && client.state_of("work") == "idle"; }));
  // And again: no id, slot or address has been lost.
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(lns.service->list_sessions({}, 0, 10).rows.at(0).address, "10.9.0.10");
  EXPECT_EQ(lns.service->list_sessions({}, 0, 10).rows.at(0).interface, "l2tp0");
  stop_both();
}

TEST_F(Service2, TermDuringTheInstall) {
  set_up();
  ASSERT_TRUE(until([&] { return client.ready; }));
  client.dataplane.hold();
  ASSERT_TRUE(until([&] { return is_installing(client); }));
  client.shut_down();
  ASSERT_TRUE(until([&] { return client.count_calls("remove_tunnel") == 1; }));
  EXPECT_FALSE(client.stopped);
  client.dataplane.release();
  EXPECT_TRUE(until([&] { return client.stopped && client.holds_nothing(); }));
  stop_both();
}

TEST_F(Service2, TermBeforeTheLeftoversAreSwept) {
  lns.dataplane.hold();
  lns.profile("lns", listener_text(1));
  lns.run();
  EXPECT_TRUE(lns.service->reload().changed.empty());
  EXPECT_FALSE(lns.service->start("lns", {}));
  lns.shut_down();
  ASSERT_TRUE(run_until({&lns}, [&] { return lns.stopped; }));
  lns.dataplane.release();
  EXPECT_FALSE(lns.ready);
  EXPECT_EQ(lns.service->reload().diagnostics.at(0).message, "the daemon is stopping");
  EXPECT_EQ(lns.service->state(), "stopping");
}

TEST_F(Service2, ReloadAddsChangesAndRemoves) {
  // How long what is cut off mid-dialling lingers at the end is not what is looked at here.
  lns.settings(R"({"shutdown-timeout": "200ms"})");
  client.settings(R"({"shutdown-timeout": "200ms"})");
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  lns.profile("other", listener_text(3, {}, "10.9.7.1-10.9.7.9"));
  const auto report = lns.service->reload().changed;
  EXPECT_EQ(report, std::vector<std::string>{"other: added"});
  EXPECT_NE(lns.service->describe().find("\"other\""), std::string::npos);
  // Changed: the session stays; its address comes back to the pool that is now in charge.
  lns.profile("lns", listener_text(1, R"("idle-timeout": "1h")", "10.9.0.10-10.9.0.11"));
  EXPECT_EQ(lns.service->reload().changed.size(), 1u);
  EXPECT_TRUE(both_up());
  client.profile("second", client_text(4, 1));
  client.service->reload();
  ASSERT_TRUE(until([&] { return lns.sessions_up() == 2; }));
  // Removed: its tunnels end, the profile goes when they have gone.
  lns.drop_profile("lns");
  EXPECT_EQ(lns.service->reload().changed, std::vector<std::string>{"lns: removed"});
  EXPECT_TRUE(until([&] { return lns.tunnels().empty() && lns.dataplane.sessions.empty(); }));
  client.drop_profile("second");
  client.service->reload();
  EXPECT_EQ(client.state_of("second"), "");
  stop_both();
}

TEST_F(Service2, ReloadStartsWhatIsPutRight) {
  set_up({}, R"("idle-timeout": "never")", "Wrong");
  ASSERT_TRUE(until([&] { return client.last_error("work").code == CauseCode::auth_failed; }));
  client.profile("work", client_text(2, 1));
  client.service->reload();
  EXPECT_TRUE(until([&] { return both_up(); }));
  stop_both();
}

TEST_F(Service2, AnInterfaceThatSomebodyRemovesIsDialledAgain) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  const SessionKey key = client.dataplane.sessions.begin()->first;
  client.dataplane.emit(kernel::InterfaceGone{key});
  EXPECT_TRUE(until([&] { return client.last_error("work").code == CauseCode::interface_gone; }));
  EXPECT_TRUE(until([&] { return both_up() && client.count_calls("install") == 2; }));
  stop_both();
}

TEST_F(Service2, AnIdleSessionEndsAndIsNotDialledAgain) {
  set_up({}, R"("idle-timeout": "60s")");
  ASSERT_TRUE(until([&] { return both_up(); }));
  const SessionKey key = client.dataplane.sessions.begin()->first;
  Session* session = client.service->tunnels().find(key.tunnel)->find(key.session);
  kernel::Counters counters;
  counters.tx_packets = 1;
  session->note_counters(counters, Clock::now() + 50s);
  session->note_counters(counters, Clock::now() + 100s);
  EXPECT_TRUE(both_up());
  session->note_counters(counters, Clock::now() + 111s);
  EXPECT_TRUE(until([&] { return client.state_of("work") == "idle"; }));
  EXPECT_EQ(client.last_error("work").code, CauseCode::idle_timeout);
  stop_both();
}

TEST_F(Service2, SequencedDataIsNumberedByTheKernelFromTheFirstFrame) {
  set_up({}, R"("data-sequencing": "require")");
  ASSERT_TRUE(until([&] { return both_up(); }));
  for (const Daemon* each : {&lns, &client}) {
    EXPECT_EQ(each->count_calls("install"), 2u);
    const auto first = std::find_if(each->dataplane.calls.begin(), each->dataplane.calls.end(),
                                    [](const auto& call) { return call.rfind("install", 0) == 0; });
    EXPECT_NE(first->find(" unbound send-sequence"), std::string::npos) << *first;
    EXPECT_GT(each->frames_carried, 0u);
  }
  stop_both();
}

TEST_F(Service2, AnUnboundInstallThatFailsEndsTheCall) {
  client.dataplane.fail_next("install", {EIO, "making the session", ""});
  set_up({}, R"("data-sequencing": "want")");
  EXPECT_TRUE(until([&] { return client.last_error("work").code == CauseCode::kernel_failed; }));
  EXPECT_TRUE(until([&] { return both_up(); }));
  ASSERT_TRUE(client.service->stop("work", {}));
  EXPECT_TRUE(until([&] { return client.holds_nothing() && lns.holds_nothing(); }));
  stop_both();
}

TEST_F(Service2, MssClampIsAsTheProfileSays) {
  set_up(R"("mss-clamp": false)");
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_FALSE(lns.dataplane.tunnels.begin()->second.clamp_mss);
  EXPECT_TRUE(client.dataplane.tunnels.begin()->second.clamp_mss);
  stop_both();
}

TEST_F(Service2, TheDaemonsOwnLimitsHold) {
  lns.settings(R"({"limits": {"sessions": 1}})");
  client.profile("second", client_text(4, 1));
  set_up();
  EXPECT_TRUE(until([&] {
    return lns.sessions_up() == 1 && (client.last_error("work").code == CauseCode::refused ||
                                      client.last_error("second").code == CauseCode::refused);
  }));
  stop_both();
}

TEST_F(Service2, SeveralListenersOnOnePortByAddress) {
  lns.profile("other", listener_text(3, {}, "10.9.7.1-10.9.7.9"));
  client.profile("second", client_text(4, 3));
  set_up();
  ASSERT_TRUE(until([&] { return lns.sessions_up() == 2; }));
  std::string rows;
  for (const auto& row : lns.service->list_sessions({}, 0, 10).rows)
    rows += row.tunnel.substr(0, row.tunnel.find('-')) + " " + row.address + "; ";
  EXPECT_EQ(rows, "lns 10.9.0.10; other 10.9.7.1; ");
  stop_both();
}

TEST_F(Service2, OneAddressIsLentToOneAtATimeAndComesBackOnce) {
  lns.profile("lns", listener_text(1, {}, "10.9.0.10-10.9.0.10"));
  client.profile("work", client_text(2, 1));
  run();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(until([&] { return both_up(); })) << client.last_error("work").to_string();
    EXPECT_EQ(lns.service->list_sessions({}, 0, 10).rows.at(0).address, "10.9.0.10");
    ASSERT_TRUE(client.service->stop("work", {}));
    ASSERT_TRUE(until([&] { return client.state_of("work") == "idle"; }));
    ASSERT_TRUE(client.service->start("work", {}));
  }
  ASSERT_TRUE(until([&] { return both_up(); }));
  client.profile("second", client_text(4, 1));
  client.service->reload();
  EXPECT_TRUE(until([&] { return client.last_error("second").code == CauseCode::auth_failed; }));
  EXPECT_EQ(lns.sessions_up(), 1u);
  stop_both();
}

TEST_F(Service2, APinThatFailedIsGivenBack) {
  client.profile("far", R"({
    "kind": "client", "autostart": true, "peer": "192.0.2.77", "routes": {"default": true},
    "ppp": {"user": "alice", "password": "x", "methods": ["mschapv2"]},
    "redial": {"enabled": false}
  })");
  client.dataplane.fail_next("pin_route", {ENETUNREACH, "looking for the way", ""});
  client.run();
  EXPECT_TRUE(run_until({&client}, [&] { return client.state_of("far") == "failed"; }));
  EXPECT_TRUE(client.dataplane.pins.empty());
  // And one that is not done yet when nobody wants it any more.
  client.dataplane.hold();
  ASSERT_TRUE(client.service->start("far", {}));
  ASSERT_TRUE(run_until({&client}, [&] { return client.count_calls("pin_route") == 2; }));
  ASSERT_TRUE(client.service->stop("far", {}));
  client.drop_profile("far");
  client.service->reload();
  client.dataplane.release();
  EXPECT_TRUE(run_until({&client}, [&] { return client.holds_nothing(); }));
  EXPECT_EQ(client.count_calls("unpin_route"), 2u);
}

}  // namespace
}  // namespace l2tpm::daemon
