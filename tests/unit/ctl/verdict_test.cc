#include "ctl/verdict.h"

#include <gtest/gtest.h>

#include <set>

#include "base/cause.h"
#include "ctl/result_text.h"

namespace l2tpm::ctl {
namespace {

Json failure(CauseCode code, const std::string& message = "", bool by_peer = false) {
  Json cause{
      {"code",    name(code)},
      {"by_peer", by_peer   },
      {"message", message   }
  };
  return {
      {"kind",   "failure"       },
      {"object", "tunnel"        },
      {"tunnel", "work"          },
      {"peer",   "192.0.2.1:1701"},
      {"role",   "lac"           },
      {"user",   "alice"         },
      {"cause",  cause           }
  };
}

Json with(Json json, const char* key, Json value) {
  json[key] = std::move(value);
  return json;
}

Json tried(const char* icmp) {
  Json each{
      {"address", "192.0.2.1:1701"},
      {"sent",    6               },
      {"for_ms",  31000           }
  };
  each["icmp"] = *icmp ? Json(icmp) : Json();
  return Json::array({each});
}

Json heard(const char* from) {
  return {
      {"from",     from},
      {"messages", 2   }
  };
}

struct Case {
  const char* id;
  Json failure;
};

std::vector<Case> cases() {
  using C = CauseCode;
  const Json silent = with(failure(C::no_answer), "tried", tried(""));
  const auto as_lns = [](C code, const char* because) {
    Json json = with(failure(code), "role", "lns");
    json["details"]["refused_because"] = because;
    return json;
  };
  const auto detailed = [](Json json, const char* key, const char* value) {
    json["details"][key] = value;
    return json;
  };
  const auto refused = [](const char* message) { return failure(C::auth_failed, message, true); };
  Json path = failure(C::echo_timeout);
  path["details"] = {
      {"mtu",            "1500"},
      {"path_mtu_limit", "1462"}
  };
  std::vector<Case> all;
  const auto add = [&](const char* id, Json json) { all.push_back({id, std::move(json)}); };
  add("name-resolution", failure(C::name_resolution, "Name or service not known"));
  add("no-answer", silent);
  add("other-address", with(silent, "heard", heard("192.0.2.9:1701")));
  add("other-port", with(silent, "heard", heard("192.0.2.1:40000")));
  add("half-answer", detailed(silent, "messages_received", "1"));
  add("nothing-listens", with(silent, "tried", tried("port-unreachable")));
  add("no-route", with(silent, "tried", tried("host-unreachable")));
  add("peer-silent", failure(C::peer_silent));
  add("mtu-black-hole", with(failure(C::peer_silent), "tried", tried("fragmentation-needed")));
  add("mtu-black-hole", path);
  add("mtu-black-hole", failure(C::setup_timeout, "sendto: Message too long"));
  add("data-lost", failure(C::echo_timeout));
  add("setup-timeout", failure(C::setup_timeout));
  add("wrong-tunnel-secret", failure(C::tunnel_auth_failed, "wrong Challenge Response"));
  add("tunnel-secret-missing-there", failure(C::tunnel_auth_failed, "no Challenge Response"));
  const Json without_secret =
      detailed(failure(C::tunnel_auth_failed, "", true), "secret_configured", "false");
  add("not-authorized", without_secret);
  add("tunnel-secret-missing-here", detailed(without_secret, "peer_challenged", "true"));
  add("wrong-password", refused("E=691 R=0 C=00 V=3 M=Access denied"));
  add("account-disabled", refused("E=647 R=0"));
  add("restricted-hours", refused("E=646 R=0"));
  add("password-expired", refused("E=648 R=0"));
  add("no-dialin-permission", refused("E=649 R=0"));
  add("wrong-password", refused("E=6491"));
  add("wrong-password-of-user", as_lns(C::auth_failed, "wrong-password"));
  add("unknown-user", as_lns(C::auth_failed, "unknown-user"));
  add("too-many-sessions", as_lns(C::auth_failed, "too-many-sessions"));
  add("too-many-sessions", as_lns(C::no_resources, "too-many-sessions"));
  add("no-common-authentication", failure(C::auth_unacceptable));
  add("peer-not-authentic", failure(C::peer_not_authentic));
  add("no-password", failure(C::no_secrets));
  add("encryption-required", failure(C::encryption_required));
  add("protocol-error", failure(C::protocol_error));
  add("unknown-avp", failure(C::unknown_mandatory_avp));
  add("not-supported", failure(C::not_supported));
  add("lcp-failed", failure(C::lcp_failed));
  add("no-address", failure(C::network_failed));
  add("user-took-no-address", as_lns(C::network_failed, ""));
  add("pool-empty", as_lns(C::network_failed, "no-address"));
  add("pool-empty", failure(C::no_resources, "no free address in the pool"));
  add("peer-full", failure(C::no_resources, "", true));
  add("limit-reached", failure(C::no_resources, "too many sessions"));
  add("loop", failure(C::loopback));
  add("route-loop", failure(C::refused, "route recursion detected"));
  add("refused", failure(C::refused, "busy", true));
  add("user-changed", failure(C::user_changed));
  add("replaced", failure(C::replaced));
  add("tie-lost", failure(C::tie_lost));
  add("module-missing", failure(C::kernel_failed, "Address family not supported by protocol"));
  add("module-missing", detailed(failure(C::kernel_failed), "missing_l2tp-ppp", "no module"));
  add("no-permission", failure(C::kernel_failed, "open /dev/ppp: Permission denied"));
  add("interface-name-taken", failure(C::kernel_failed, "new link: File exists"));
  add("port-taken", failure(C::kernel_failed, "bind: Address already in use"));
  add("kernel", failure(C::kernel_failed, "Invalid argument"));
  add("interface-gone", failure(C::interface_gone));
  add("peer-closed", failure(C::peer_closed, "bye", true));
  add("idle", failure(C::idle_timeout));
  add("session-time-over", failure(C::session_timeout));
  add("closed-here", failure(C::admin_close));
  add("shutdown", failure(C::shutdown));
  return all;
}

TEST(Verdict, EachFailureHasItsOwn) {
  for (const Case& each : cases()) {
    const Verdict verdict = judge(each.failure);
    EXPECT_EQ(verdict.id, each.id) << each.failure.dump();
    EXPECT_FALSE(verdict.text.empty());
    EXPECT_EQ(verdict.text.find('%'), std::string::npos) << verdict.text;
  }
}

TEST(Verdict, EveryRowOfTheTableIsTested) {
  std::set<std::string_view> tested{"unknown", "mtu-exceeds-path", "lossy-path"};
  for (const Case& each : cases()) tested.insert(each.id);
  for (const std::string_view id : verdict_ids()) EXPECT_EQ(tested.count(id), 1u) << id;
}

TEST(Verdict, EveryCauseHasOne) {
  for (int value = 1; value <= static_cast<int>(CauseCode::interface_gone); ++value) {
    const auto code = static_cast<CauseCode>(value);
    EXPECT_NE(judge(failure(code)).id, "unknown") << name(code);
  }
}

TEST(Verdict, SaysWhatWasTriedAndHeard) {
  Json all = with(failure(CauseCode::no_answer), "tried", tried(""));
  all["heard"] = heard("192.0.2.1:40000");
  const Verdict verdict = judge(all);
  EXPECT_NE(verdict.text.find("192.0.2.1:40000"), std::string::npos) << verdict.text;
  EXPECT_EQ(verdict.evidence,
            (std::vector<std::string>{"asked 192.0.2.1:1701: 6 messages in 31s, nothing came back",
                                      "heard 2 messages from 192.0.2.1:40000"}));
}

TEST(Verdict, HasThePeersTextAndCodes) {
  Json refused = failure(CauseCode::auth_failed, "E=691 R=0 M=go away\x1b[2J", true);
  refused["object"] = "session";
  refused["cause"]["result"] = 2;
  refused["cause"]["error"] = 6;
  const Verdict verdict = judge(refused);
  EXPECT_EQ(verdict.text, "the peer refused user \"alice\" and its password");
  EXPECT_EQ(verdict.evidence, (std::vector<std::string>{
                                  "the peer says: E=691 R=0 M=go away?[2J",
                                  "the peer sent CDN result 2 error 6: a vendor-specific error"}));
}

TEST(Verdict, DoesWithoutTheUsersName) {
  Json nameless = with(failure(CauseCode::auth_failed), "role", "lns");
  nameless["user"] = "";
  EXPECT_EQ(judge(nameless).text, "the user gave a wrong password");
}

TEST(Verdict, OfANewerDaemonIsToldAsItSaysIt) {
  const Verdict verdict = judge({
      {"cause", {{"code", "eaten-by-a-grue"}, {"message", "dark"}}}
  });
  EXPECT_EQ(verdict.id, "unknown");
  EXPECT_EQ(verdict.text, "eaten-by-a-grue");
  EXPECT_EQ(judge(Json::object()).id, "unknown");
  EXPECT_EQ(judge({
                      {"cause",   7  },
                      {"tried",   "x"},
                      {"heard",   3  },
                      {"details", {1}}
  })
                .id,
            "unknown");
}

TEST(Verdict, WhatRunsCanBeUnwell) {
  const Json tunnel{
      {"control", {{"messages_sent", 20}, {"retransmissions", 12}}}
  };
  const Json session{
      {"mtu_exceeds_path", true},
      {"mtu",              1500},
      {"path_mtu_limit",   1462}
  };
  const auto verdicts = judge_running(tunnel, {session, Json::object()});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[0].id, "mtu-exceeds-path");
  EXPECT_EQ(verdicts[0].evidence[0], "the interface's MTU is 1500, the path carries 1462");
  EXPECT_EQ(verdicts[1].id, "lossy-path");
  EXPECT_TRUE(judge_running(Json::object(), {Json::object()}).empty());
}

TEST(Verdict, TheKernelsLackIsNamed) {
  Json daemon;
  daemon["kernel"]["features"] = Json::parse(R"([
    {"id":"l2tp-ppp","state":"no","required":true,"detail":"ENOENT","advice":"modprobe l2tp_ppp"},
    {"id":"mppe","state":"no","required":false}, {"id":"ppp","state":"yes","required":true}])");
  const auto verdicts = judge_kernel(daemon);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_EQ(verdicts[0].text, "the kernel lacks \"l2tp-ppp\"");
  EXPECT_EQ(verdicts[0].advice, "modprobe l2tp_ppp");
}

TEST(ResultText, HasTheMeaningsOfTheRfc) {
  EXPECT_EQ(result_text("tunnel", 4, 0), "StopCCN result 4: the requester is not authorized");
  EXPECT_EQ(result_text("session", 2, 4), "CDN result 2 error 4: insufficient resources");
  EXPECT_EQ(result_text("session", 99, 0), "CDN result 99");
  EXPECT_EQ(result_text("session", 3, 7),
            "CDN result 3 error 7: disconnected for administrative reasons");
}

}  // namespace
}  // namespace l2tpm::ctl
