// What faces ask for: events, failures, statistics, pings, draining, calls, profiles.
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "daemon/failure_log.h"
#include "support/dialling_pair.h"
#include "support/l2tp_build.h"

namespace l2tpm::daemon {
namespace {

using nlohmann::json;
using test::client_text;
using test::listener_text;
using test::Listening;
using test::loopback;

class Api : public test::DiallingPair {
 protected:
  json only_failure(const std::string& peer = {}) {
    DumpFilter filter;
    filter.peer = peer;
    const std::string text = client.dump(DumpKind::failures, filter);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    return json::parse(text.substr(0, text.find('\n')), nullptr, false);
  }
  // Of an asynchronous verb.
  template <typename T>
  ApiCallback<T> keep(std::optional<Result<T, ApiError>>& answer) {
    return [&answer](Result<T, ApiError> given) { answer.emplace(std::move(given)); };
  }
};

// ---- events ----

TEST_F(Api, EventsTellAStory) {
  run();
  client.profile("work", client_text(2, 1, {}, "\"Secret1\"", "false"));
  std::vector<std::string> story, packets;
  std::optional<Listening> all;
  all.emplace(client, kAllButPackets, [&](const Event& event) {
    const json line = json::parse(json_line(event));
    EXPECT_GT(line["time"].get<std::uint64_t>(), 1'500'000'000'000'000u);
    std::string text = line["event"].get<std::string>();
    for (const char* key : {"old", "new", "change", "interface", "user"})
      if (line.contains(key)) text += " " + line[key].get<std::string>();
    story.push_back(text);
  });
  const Listening to_packets(client, kPacketEvents,
                             [&](const Event& event) { packets.push_back(json_line(event)); });
  client.service->reload();
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_TRUE(until([&] { return both_up(); }));
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.holds_nothing() && lns.tunnels().empty(); }));
  const auto has = [&](const std::string& text) {
    return std::find(story.begin(), story.end(), text) != story.end();
  };
  EXPECT_TRUE(has("profile added"));
  EXPECT_TRUE(has("tunnel  idle"));
  EXPECT_TRUE(has("tunnel connecting established"));
  EXPECT_TRUE(has("session  connecting  "));
  EXPECT_TRUE(has("session configuring up l2tp-work alice"));
  EXPECT_TRUE(has("tunnel closing idle"));
  EXPECT_TRUE(has("reload"));
  // Packets: no octet of a secret, everything else.
  std::string everything;
  for (const auto& packet : packets) everything += packet;
  for (const char* text : {"SCCRQ", "SCCRP", "ICCN", "CHAP Response", "IPCP Configure-Request",
                           "\"direction\":\"in\"", "\"direction\":\"out\"", "Host Name"})
    EXPECT_NE(everything.find(text), std::string::npos) << text;
  for (const auto& packet : packets) {
    const json line = json::parse(packet);
    if (line["summary"].get<std::string>().find("CHAP Response") == std::string::npos) continue;
    // c223, code, id, length, 49, and then zeros.
    EXPECT_EQ(line["data"].get<std::string>().substr(14, 98), std::string(98, '0'));
  }
  all.reset();
  const std::size_t told = story.size();
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(story.size(), told);
}

TEST(EventHub, CostsNothingUnheardAndSurvivesItsHandlers) {
  EventHub hub;
  EXPECT_FALSE(hub.wants(~0u));
  int first = 0, second = 0;
  std::uint64_t both[2];
  EventFilter filter;
  filter.kinds = kTunnelEvents;
  filter.tunnel = "a";
  both[0] = hub.subscribe(filter, [&](const Event&) {
    ++first;
    hub.unsubscribe(both[0]);
    hub.unsubscribe(both[1]);
  });
  both[1] = hub.subscribe(filter, [&](const Event&) { ++second; });
  EXPECT_TRUE(hub.wants(kTunnelEvents));
  EXPECT_FALSE(hub.wants(kPacketEvents | kSessionEvents));
  TunnelEvent event;
  event.tunnel = "b";
  hub.emit(event);
  EXPECT_EQ(first, 0);
  event.tunnel = "a";
  hub.emit(event);
  hub.emit(event);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  EXPECT_FALSE(hub.wants(~0u));
}

// ---- failures ----

TEST_F(Api, NobodyAnswersThere) {
  // Nothing listens on host 9 and the kernel says so.
  client.profile("work", client_text(2, 9, R"("tunnel": {"retransmit": {"initial": "100ms",
      "max-interval": "100ms", "count": 2}})"));
  run();
  ASSERT_TRUE(until([&] { return client.failures().find("\"repeated\":2") != std::string::npos; }));
  ASSERT_TRUE(client.service->stop("work", {}));
  const json failure = only_failure(loopback(9));
  EXPECT_EQ(failure["object"], "tunnel");
  EXPECT_EQ(failure["cause"]["code"], "no-answer");
  EXPECT_EQ(failure["tried"][0]["address"], loopback(9) + ":1701");
  EXPECT_GE(failure["tried"][0]["sent"].get<int>(), 4);
  EXPECT_EQ(failure["tried"][0]["icmp"], "port-unreachable");
  EXPECT_EQ(failure["heard"], nullptr);
  EXPECT_LE(failure["first_time"].get<std::uint64_t>(), failure["time"].get<std::uint64_t>());
  EXPECT_EQ(
      client.dump(DumpKind::failures,
                  {.tunnel = {}, .profile = {}, .user = {}, .peer = "somebody else", .limit = 0}),
      "");
}

TEST_F(Api, AnAnswerFromAnotherPortIsRemembered) {
  client.profile("work", client_text(2, 1, R"("tunnel": {"port-float": "never",
      "retransmit": {"initial": "100ms", "max-interval": "100ms", "count": 1}})"));
  run(R"("tunnel": {"port-float": "ours"})");
  ASSERT_TRUE(until([&] { return !client.failures().empty(); }));
  const json failure = only_failure("work");
  EXPECT_EQ(failure["cause"]["code"], "no-answer");
  ASSERT_FALSE(failure["heard"].is_null());
  EXPECT_EQ(failure["heard"]["from"].get<std::string>().rfind(loopback(1) + ":", 0), 0u);
  EXPECT_GE(failure["heard"]["messages"].get<int>(), 1);
  EXPECT_EQ(failure["details"]["ignored"], "other-port");
  EXPECT_EQ(failure["details"]["port_float"], "never");
}

TEST_F(Api, BothEndsRememberAWrongPassword) {
  set_up({}, {}, "\"wrong\"");
  ASSERT_TRUE(until([&] { return !client.failures().empty() && !lns.failures().empty(); }));
  const json failure = only_failure("alice");
  EXPECT_EQ(failure["object"], "session");
  EXPECT_EQ(failure["cause"]["code"], "auth-failed");
  EXPECT_TRUE(failure["cause"]["by_peer"].get<bool>());
  EXPECT_EQ(failure["details"]["stage"], "authenticating");
  EXPECT_NE(lns.failures().find("\"refused_because\":\"wrong-password\""), std::string::npos)
      << lns.failures();
  EXPECT_NE(lns.failures().find("\"user\":\"alice\""), std::string::npos) << lns.failures();
}

TEST_F(Api, AWrongTunnelSecretAndAnEmptyPool) {
  client.profile("work", client_text(2, 1, R"("tunnel": {"secret": "a"})"));
  run(R"("tunnel": {"secret": "b"})");
  ASSERT_TRUE(until([&] { return !client.failures().empty(); }));
  const json failure = only_failure();
  EXPECT_EQ(failure["cause"]["code"], "tunnel-auth-failed");
  EXPECT_EQ(failure["details"]["secret_configured"], "true");
  ASSERT_TRUE(client.service->stop("work", {}));
  client.drop_profile("work");
  client.service->reload();
  lns.profile("lns", listener_text(1, {}, "10.9.0.10-10.9.0.10"));
  lns.service->reload();
  client.profile("one", client_text(2, 1));
  client.profile("two", client_text(3, 1));
  client.service->reload();
  ASSERT_TRUE(until([&] { return lns.failures().find("no-address") != std::string::npos; }));
}

TEST_F(Api, WhatWasAskedForIsNoFailure) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.holds_nothing() && lns.tunnels().empty(); }));
  EXPECT_EQ(client.failures(), "");
  EXPECT_EQ(lns.failures(), "");
}

TEST(FailureLog, IsBoundedAndFair) {
  FailureLog log;
  const auto entry = [](const std::string& profile, const std::string& message) {
    Failure failure;
    failure.profile = profile;
    failure.role = "lac";
    failure.object = "tunnel";
    failure.cause = {.code = CauseCode::no_answer, .message = message};
    return failure;
  };
  log.add(entry("rare", "once"));
  for (int i = 0; i < 1000; ++i) log.add(entry("noisy", std::to_string(i)));
  EXPECT_EQ(log.entries().size(), FailureLog::kMost);
  EXPECT_EQ(log.entries().front().profile, "rare");
  for (int i = 0; i < 10; ++i) log.add(entry("rare", "once"));
  EXPECT_EQ(log.entries().size(), FailureLog::kMost);
  EXPECT_EQ(log.entries().back().repeated, 11u);
  for (int i = 0; i < 1000; ++i) {
    Failure failure = entry("noisy", std::to_string(i));
    for (int k = 0; k < 40; ++k) failure.detail("key" + std::to_string(k), std::string(5000, 'x'));
    log.add(std::move(failure));
  }
  EXPECT_LE(log.bytes(), FailureLog::kMostBytes);
  EXPECT_GT(log.entries().size(), 5u);
}

// ---- statistics ----

TEST_F(Api, CountersComeFromOneSweep) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  const SessionKey key = client.dataplane.sessions.begin()->first;
  kernel::Counters counters;
  counters.rx_bytes = 1000;
  counters.tx_errors = 3;
  client.dataplane.counters[key] = counters;
  client.dataplane.calls.clear();
  int answers = 0;
  for (int i = 0; i < 100; ++i) {
    client.service->refresh_counters([&] {
      // The last sweep is fresh: no other is made.
      if (++answers == 100) client.service->refresh_counters([&] { ++answers; });
    });
  }
  EXPECT_EQ(answers, 0) << "never inside the call";
  ASSERT_TRUE(until([&] { return answers == 101; }));
  EXPECT_EQ(client.count_calls("read_counters"), 1u);
  const std::uint32_t session = key.session.value();
  for (const auto& [object, id] : {
           std::pair{StatisticsOf::manager, 0u     },
           std::pair{StatisticsOf::tunnel,  0u     },
           std::pair{StatisticsOf::session, session}
  }) {
    const auto counted = client.service->statistics(object, "work", id);
    ASSERT_TRUE(counted);
    EXPECT_EQ(counted->at("rx_bytes"), 1000u);
    EXPECT_EQ(counted->at("tx_errors"), 3u);
  }
  EXPECT_GT(client.service->statistics(StatisticsOf::tunnel, "work", 0)->at("control_rx"), 0u);
  EXPECT_TRUE(lns.service->statistics(StatisticsOf::listener, "lns", 0));
  EXPECT_FALSE(lns.service->statistics(StatisticsOf::listener, "work", 0));
  EXPECT_FALSE(client.service->statistics(StatisticsOf::session, "work", 65535));
  // What a session carried stays in its owner's sum when it has gone.
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.holds_nothing(); }));
  EXPECT_EQ(client.service->statistics(StatisticsOf::manager, "", 0)->at("rx_bytes"), 1000u);
}

TEST_F(Api, DumpsAreLinesOfJson) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  for (const DumpKind kind :
       {DumpKind::state, DumpKind::sessions, DumpKind::statistics, DumpKind::config}) {
    std::istringstream lines(lns.dump(kind));
    std::string line;
    unsigned count = 0;
    for (; std::getline(lines, line); ++count) {
      const json object = json::parse(line, nullptr, false);
      ASSERT_FALSE(object.is_discarded()) << line;
      EXPECT_TRUE(object.contains("kind")) << line;
      EXPECT_EQ(line.find("Secret1"), std::string::npos);
    }
    EXPECT_GE(count, 1u);
  }
  // A dump that was begun goes on when what it is about has gone.
  const auto begun = client.service->dump(DumpKind::sessions, {});
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.holds_nothing(); }));
  std::string out;
  EXPECT_FALSE(begun->next(out, 10));
  EXPECT_EQ(out, "");
}

// ---- verbs ----

TEST_F(Api, PingMeasures) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  std::optional<Result<Duration, ApiError>> answer;
  client.service->ping_tunnel("work", keep(answer));
  EXPECT_FALSE(answer);
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().message;
  EXPECT_GT(**answer, Duration::zero());
  EXPECT_LT(**answer, 10s);
  answer.reset();
  client.service->ping_tunnel("nobody", keep(answer));
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, ApiErrorCode::not_found);
  // The tunnel goes while it is being pinged.
  answer.reset();
  client.service->ping_tunnel("work", keep(answer));
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  EXPECT_FALSE(*answer);
  answer.reset();
  client.service->ping_tunnel("work", keep(answer));
  ASSERT_TRUE(until([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, ApiErrorCode::wrong_state);
}

TEST_F(Api, DrainingKeepsWhatIsThere) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  lns.service->set_draining(true);
  EXPECT_EQ(lns.service->state(), "draining");
  EXPECT_EQ(lns.service->listener("lns")->state, "draining");
  client.profile("late", client_text(3, 1));
  client.service->reload();
  ASSERT_TRUE(until([&] { return client.failures().find("draining") != std::string::npos; }));
  EXPECT_TRUE(both_up());
  lns.service->set_draining(false);
  ASSERT_TRUE(until([&] { return lns.sessions_up() == 2; }));
  ASSERT_TRUE(lns.service->set_listener_draining("lns", true));
  EXPECT_EQ(lns.service->state(), "running");
  EXPECT_EQ(lns.service->listener("lns")->state, "draining");
  EXPECT_FALSE(lns.service->set_listener_draining("nobody", true));
}

TEST_F(Api, ClosingTellsThePeerWhy) {
  std::string text = client_text(2, 1);
  text.replace(text.find("\"initial\""), 0, "\"enabled\": false, ");
  client.profile("work", text);
  run();
  ASSERT_TRUE(until([&] { return both_up(); }));
  const auto row = lns.service->list_sessions({}, 0, 1).rows.at(0);
  ASSERT_TRUE(lns.service->close_tunnel(row.tunnel, {.message = "maintenance", .result_code = 6}));
  ASSERT_TRUE(until([&] { return client.state_of("work") == "failed"; }));
  const json failure = only_failure();
  EXPECT_EQ(failure["cause"]["result"], 6);
  EXPECT_EQ(failure["cause"]["message"], "maintenance");
  EXPECT_TRUE(failure["cause"]["by_peer"].get<bool>());
  EXPECT_FALSE(lns.service->open_tunnel(row.tunnel));
}

TEST_F(Api, RestartAndLogLevel) {
  set_up();
  ASSERT_TRUE(until([&] { return both_up(); }));
  const auto before = client.service->tunnel("work")->tunnel_id;
  ASSERT_TRUE(client.service->restart("work", {}));
  ASSERT_TRUE(
      until([&] { return both_up() && client.service->tunnel("work")->tunnel_id != before; }));
  EXPECT_FALSE(lns.service->restart("lns", {}));
  const LogLevel level = l2tpm::log_level();
  EXPECT_FALSE(client.service->set_log_level("loud"));
  ASSERT_TRUE(client.service->set_log_level("debug"));
  EXPECT_EQ(client.service->log_level(), "debug");
  l2tpm::set_log_level(level);
}

TEST_F(Api, CallsAreRedialledAndPlacedOnDemand) {
  const std::string rules =
      R"("peers": [{"name": "branch", "match": {"host-name": "branch"}}], "outgoing": )";
  client.profile("work", client_text(2, 1, R"("tunnel": {"host-name": "branch"},
      "calls": {"answer-outgoing": true})"));
  run(rules + R"([{"peer": "branch", "called-number": "1"}])");
  ASSERT_TRUE(until([&] { return lns.tunnels().find("established") != std::string::npos; }));
  EXPECT_EQ(lns.service->session_count(), 0u) << "autostart is off";
  OutgoingCallRequest request;
  request.listener = "lns";
  EXPECT_EQ(lns.service->place_outgoing_call(request).error().code, ApiErrorCode::invalid);
  request.peer = "nobody";
  EXPECT_EQ(lns.service->place_outgoing_call(request).error().code, ApiErrorCode::not_found);
  request.peer = "branch";
  const auto placed = lns.service->place_outgoing_call(request);
  ASSERT_TRUE(placed) << placed.error().message;
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(lns.service->session(placed->tunnel, placed->session)->called_number, "1");
  ASSERT_TRUE(lns.service->close_session(placed->tunnel, placed->session, {}));
  ASSERT_TRUE(until([&] { return lns.service->session_count() == 0; }));
  // A reload wants the call: it is placed in the tunnel that is up, and again when it ends.
  lns.profile("lns", listener_text(1, rules + R"([{"peer": "branch", "called-number": "2",
      "autostart": true}])"));
  lns.service->reload();
  ASSERT_TRUE(until([&] { return both_up(); }));
  lns.dataplane.emit(kernel::InterfaceGone{lns.dataplane.sessions.begin()->first});
  ASSERT_TRUE(until([&] { return !both_up(); }));
  ASSERT_TRUE(until([&] { return both_up(); }));
}

TEST_F(Api, CutInterfaceNamesDoNotCollide) {
  client.profile("branch-office-1", client_text(2, 1));
  client.profile("branch-office-2", client_text(3, 1));
  // What the first would be called is somebody's wish.
  client.profile("work", client_text(4, 1));
  client.profile("wish", client_text(5, 1, R"("interface": "l2tp-work")"));
  run();
  ASSERT_TRUE(until([&] { return client.sessions_up() == 4; })) << client.tunnels();
  std::set<std::string> names;
  for (const auto& row : client.service->list_sessions({}, 0, 10).rows) {
    EXPECT_LE(row.interface.size(), 15u);
    names.insert(row.interface);
    EXPECT_EQ(row.tunnel == "wish", row.interface == "l2tp-work");
  }
  EXPECT_EQ(names.size(), 4u);
}

TEST_F(Api, IPv6GetsItsDefaultRouteToo) {
  client.profile("work", R"({"kind": "client", "autostart": true, "peer": ")" + loopback(1) +
                             R"(", "local": {"address": ")" + loopback(2) +
                             R"("}, "ppp": {"user": "alice", "password": "Secret1"},
                             "routes": {"default": true}})");
  lns.profile("lns", R"({"kind": "listener", "listen": {"addresses": [")" + loopback(1) + R"("]},
      "ppp": {"ipv4": {"local-address": "10.9.0.1", "pool": ["10.9.0.2-10.9.0.9"]}},
      "users": [{"name": "alice", "password": "Secret1"}]})");
  lns.run();
  client.run();
  ASSERT_TRUE(until([&] {
    return std::any_of(
        client.dataplane.calls.begin(), client.dataplane.calls.end(), [](const std::string& call) {
          return call.rfind("configure", 0) == 0 && call.find("route ::/0") != std::string::npos;
        });
  }));
}

// ---- profiles ----

TEST_F(Api, ProfilesArePutPatchedAndRemoved) {
  run();
  std::vector<std::string> told;
  const Listening to_profiles(client, kProfileEvents, [&](const Event& event) {
    told.push_back(json::parse(json_line(event))["change"].get<std::string>());
  });
  std::optional<Result<Diagnostics, ApiError>> answer;
  const auto answered = [&] { return until([&] { return answer.has_value(); }); };
  const std::uint64_t generation = client.service->config_generation();
  PutOptions apply;
  apply.apply = true;
  client.service->put_profile("work", client_text(2, 1), apply, keep(answer));
  EXPECT_FALSE(answer) << "never inside the call";
  ASSERT_TRUE(answered());
  ASSERT_TRUE(*answer) << answer->error().message;
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_GT(client.service->config_generation(), generation);
  EXPECT_TRUE(std::filesystem::exists(client.directory / "state/profiles.d/work.json"));
  const auto rows = client.service->list_profiles();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].layer, "state");
  EXPECT_EQ(rows[0].kind, "client");
  EXPECT_TRUE(rows[0].enabled);
  // Not there a second time, when that is what is wanted.
  PutOptions fresh;
  fresh.must_not_exist = true;
  answer.reset();
  client.service->put_profile("work", client_text(2, 1), fresh, keep(answer));
  ASSERT_TRUE(answered());
  EXPECT_EQ(answer->error().code, ApiErrorCode::already_exists);
  // Two patches at once are one after the other.
  std::optional<Result<Diagnostics, ApiError>> second;
  answer.reset();
  client.service->patch_profile("work", R"({"idle-timeout": "1h"})", apply, keep(answer));
  client.service->patch_profile("work", R"({"session-timeout": "2h"})", apply, keep(second));
  ASSERT_TRUE(until([&] { return answer && second; }));
  ASSERT_TRUE(*answer && *second);
  const auto text = client.service->get_profile("work", false);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("1h"), std::string::npos);
  EXPECT_NE(text->find("2h"), std::string::npos);
  EXPECT_EQ(text->find("Secret1"), std::string::npos);
  EXPECT_NE(client.service->get_profile("work", true)->find("Secret1"), std::string::npos);
  EXPECT_TRUE(both_up()) << "what runs keeps running";
  answer.reset();
  client.service->patch_profile("work", R"({"typo": 1})", apply, keep(answer));
  ASSERT_TRUE(answered());
  EXPECT_EQ(answer->error().code, ApiErrorCode::invalid_profile);
  EXPECT_NE(answer->error().message.find("/typo"), std::string::npos);
  answer.reset();
  client.service->remove_profile("work", true, keep(answer));
  ASSERT_TRUE(answered());
  ASSERT_TRUE(*answer);
  EXPECT_TRUE(until([&] { return client.tunnels().empty() && client.holds_nothing(); }));
  EXPECT_EQ(told, (std::vector<std::string>{"added", "changed", "changed", "removed"}));
  answer.reset();
  client.service->remove_profile("work", true, keep(answer));
  ASSERT_TRUE(answered());
  EXPECT_EQ(answer->error().code, ApiErrorCode::not_found);
}

TEST_F(Api, ConfigurationErrorsAreKept) {
  run();
  client.profile("bad", R"({"kind": "client", "peer": "x", "typo": 1})");
  const auto result = client.service->reload();
  ASSERT_EQ(result.diagnostics.size(), 1u);
  const Diagnostics kept = client.service->config_errors();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].profile, "bad");
  EXPECT_EQ(kept[0].pointer, "/typo");
  EXPECT_EQ(kept[0].severity, "error");
  const auto rows = client.service->list_profiles();
  EXPECT_EQ(rows.at(0).errors, 1u);
  EXPECT_FALSE(rows.at(0).loaded);
  EXPECT_EQ(client.service->check_config("", "").size(), 1u);
  EXPECT_EQ(client.service->check_config("bad", "").size(), 1u);
  EXPECT_EQ(client.service->check_config("nobody", "").size(), 1u);
  EXPECT_TRUE(client.service->check_config("x", client_text(2, 1)).empty());
  EXPECT_EQ(client.service->check_config("x", "{").size(), 1u);
}

}  // namespace
}  // namespace l2tpm::daemon
