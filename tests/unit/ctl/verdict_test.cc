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
  add("no-answer-ip", detailed(silent, "encapsulation", "ip"));
  add("no-answer-digest", detailed(silent, "digest_configured", "true"));
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
  // L2TPv3, in the machines' own words; each end may be the one that says them.
  const auto secret = [](const char* message, bool by_peer) {
    return failure(C::tunnel_auth_failed, message, by_peer);
  };
  add("digest-secret-wrong", secret("wrong message digest in SCCRQ", false));
  add("digest-secret-wrong",
      secret("nothing came that could be believed: 3 messages with a wrong digest, 0 without",
             false));
  add("digest-missing-there",
      secret("nothing came that could be believed: 0 messages with a wrong digest, 3 without",
             false));
  add("digest-missing-there", secret("control message authentication (digest) required", false));
  add("digest-missing-here", secret("control message authentication (digest) required", true));
  constexpr const char* kUnwelcome =
      "the peer authenticates control messages, no digest secret here";
  add("digest-missing-here", secret(kUnwelcome, false));
  add("digest-missing-there", secret(kUnwelcome, true));
  add("challenge-not-allowed",
      secret("the peer wants a Challenge Response, which is not allowed here", false));
  const auto cdn = [](C code, std::uint16_t result, const char* message) {
    Json json = failure(code, message, true);
    json["object"] = "session";
    json["cause"]["result"] = result;
    return json;
  };
  add("unknown-end-id", cdn(C::refused, 24, "remote end id \"7\" names nothing here"));
  add("end-id-of-another", cdn(C::refused, 25, "remote end id \"7\" is another peer's"));
  add("end-id-in-use", cdn(C::refused, 4, "remote end id \"7\" has a session"));
  add("wrong-pseudowire-type", cdn(C::not_supported, 14, "pseudowire type 4"));
  add("sequencing-without-sublayer", cdn(C::not_supported, 15, "data sequencing asked for"));
  add("mtu-mismatch", cdn(C::not_supported, 23, "interface MTU 1500 there, 1400 here"));
  add("sublayer-mismatch", cdn(C::not_supported, 2, "L2-specific sublayer: none there"));
  add("session-tie-lost", cdn(C::tie_lost, 13, ""));
  Json version = failure(C::not_supported, "L2TPv3 is spoken here", true);
  version["cause"]["result"] = 5;
  add("other-version", version);
  add("bad-cookie", failure(C::protocol_error, "Assigned Cookie AVP: 5 octets"));
  add("ethernet-module-missing", detailed(failure(C::kernel_failed), "missing_l2tp-eth", "ENOENT"));
  add("ip-module-missing", failure(C::kernel_failed, "the kernel module l2tp_ip6 is not there"));
  add("no-such-bridge", failure(C::kernel_failed, "looking for bridge br7: No such device"));
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
  add("bridging-refused",
      failure(C::network_failed, "BCP is rejected by the peer, and there is nothing else", true));
  add("bridging-impossible",
      failure(C::kernel_failed, "the kernel alone cannot bridge this session: MPPE"));
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
  // Those of what runs have tests of their own.
  std::set<std::string_view> tested{"unknown",
                                    "mtu-exceeds-path",
                                    "lossy-path",
                                    "peer-circuit-down",
                                    "bridging-small-frames",
                                    "bridging-by-relay",
                                    "bridging-mac-limit",
                                    "bridging-storm",
                                    "bridging-no-tags",
                                    "circuit-down",
                                    "static-conflict",
                                    "static-failed",
                                    "digests-wrong",
                                    "cookie-mismatch",
                                    "frames-out-of-sequence"};
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

std::vector<std::string> ids_of(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> ids;
  for (const Verdict& verdict : verdicts) ids.push_back(verdict.id);
  return ids;
}

TEST(Verdict, APseudowireThatIsUpMayHaveNoCircuit) {
  Json session = Json::parse(R"({"state":"up","interface":"l2eth0","mtu_exceeds_path":true,
    "ethernet":{"circuit":"eth1","circuit_active":false,"peer_circuit_active":false}})");
  const auto verdicts = judge_running(Json::object(), {session});
  EXPECT_EQ(ids_of(verdicts),
            (std::vector<std::string>{"peer-circuit-down", "circuit-down", "mtu-exceeds-path"}));
  EXPECT_EQ(verdicts[0].text, "the circuit at the peer's end is down, so l2eth0 has no carrier");
  EXPECT_EQ(verdicts[1].advice, "ip link show eth1");
  EXPECT_NE(verdicts[2].advice.find("pseudowire"), std::string::npos) << "and not of /ppp";
  session["state"] = "connecting";
  session["mtu_exceeds_path"] = false;
  EXPECT_TRUE(judge_running(Json::object(), {session}).empty());
}

TEST(Verdict, AStaticTunnelSaysWhatIsInItsWay) {
  Json tunnel = Json::parse(R"({"role":"static","convergence":"conflict",
    "last_error":{"code":"kernel-failed","message":"tunnel 7 is another program's"}})");
  EXPECT_EQ(ids_of(judge_running(tunnel, {})), std::vector<std::string>{"static-conflict"});
  EXPECT_EQ(judge_running(tunnel, {})[0].evidence[0],
            "the daemon says: tunnel 7 is another program's");
  tunnel["convergence"] = "failed";
  EXPECT_EQ(ids_of(judge_running(tunnel, {})), std::vector<std::string>{"static-failed"});
  tunnel["last_error"] = nullptr;
  EXPECT_TRUE(judge_running(tunnel, {}).empty());
}

TEST(Verdict, ForgedControlMessagesAreTold) {
  const Json tunnel{
      {"control", {{"digests_wrong", 3}}}
  };
  EXPECT_EQ(ids_of(judge_running(tunnel, {})), std::vector<std::string>{"digests-wrong"});
}

TEST(Verdict, TheKernelDropsInSilence) {
  kview::Counters counters;
  EXPECT_TRUE(judge_counters("l2eth0", counters).empty());
  counters.rx_cookie_discards = 9;
  counters.rx_sequence_discards = 2;
  const auto verdicts = judge_counters("l2eth0", counters);
  EXPECT_EQ(ids_of(verdicts),
            (std::vector<std::string>{"cookie-mismatch", "frames-out-of-sequence"}));
  EXPECT_EQ(verdicts[0].evidence[0], "the kernel dropped 9 of them for l2eth0");
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
  EXPECT_EQ(result_text("session", 14, 0), "CDN result 14: the pseudowire type is not supported");
  EXPECT_EQ(result_text("session", 22, 0),
            "CDN result 22: ATM: OAM cell emulation is not supported");
  EXPECT_EQ(result_text("session", 25, 0), "CDN result 25: the end id is another peer's");
  EXPECT_EQ(result_text("session", 99, 0), "CDN result 99");
  EXPECT_EQ(result_text("session", 3, 7),
            "CDN result 3 error 7: disconnected for administrative reasons");
}

TEST(Verdict, ABridgeMayDoLessThanWanted) {
  Json session = Json::parse(R"({"state":"up","mtu_exceeds_path":true,
    "bridging":{"port":"l2tp0","mtu":1384,"wanted_mtu":1500,"reason":"EPERM: no CAP_BPF"}})");
  EXPECT_EQ(ids_of(judge_running(Json::object(), {session})),
            (std::vector<std::string>{"bridging-small-frames", "bridging-by-relay"}));
  session["bridging"]["mtu"] = 1500;
  session["bridging"]["reason"] = "MPPE";
  session["counters"] = {
      {"bcp.strangers", 0},
      {"bcp.storm",     0},
      {"bcp.tagged",    0}
  };
  EXPECT_TRUE(judge_running(Json::object(), {session}).empty());
  session["counters"] = {
      {"bcp.strangers", 3},
      {"bcp.storm",     2},
      {"bcp.tagged",    1}
  };
  EXPECT_EQ(ids_of(judge_running(Json::object(), {session})),
            (std::vector<std::string>{"bridging-mac-limit", "bridging-storm", "bridging-no-tags"}));
}

}  // namespace
}  // namespace l2tpm::ctl
