// What the daemon reports, as NetworkManager is told it.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>
#include <string>

#include "base/cause.h"
#include "nm/ip_config.h"
#include "nm/names.h"
#include "nm/observation.h"
#include "nm/verdict.h"

namespace l2tpm::nm {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

// As in_addr holds it.
std::uint32_t in_addr_of(std::array<std::uint8_t, 4> octets) {
  std::uint32_t value = 0;
  std::memcpy(&value, octets.data(), 4);
  return value;
}

constexpr const char* kSession = R"({"tunnel": "nm-work", "id": 7, "state": "up",
  "interface": "l2tp-7", "mtu": 1410, "ipcp": "opened", "ipv6cp": "req-sent", "auth_message": "hi",
  "ipv4": {"local": "10.9.0.2", "peer": "10.9.0.1", "dns": ["10.9.0.53", "::1", 7],
           "nbns": ["10.9.0.54"]},
  "ipv6": {"local": "fe80::2", "peer": "fe80::1"}})";

TEST(Observation, ReadsATunnel) {
  const auto report = parse_tunnel(R"({"name": "nm-work", "state": "backoff",
    "remote": "[2001:db8::1]:1701", "session_ids": [7, -1, "x", 99999999999],
    "last_error": {"code": "auth-failed", "by_peer": true, "message": "go away"}})");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->name, "nm-work");
  EXPECT_EQ(report->state, "backoff");
  EXPECT_EQ(report->gateway, ip("2001:db8::1"));
  EXPECT_EQ(report->sessions, std::vector<std::uint32_t>{7});
  ASSERT_TRUE(report->error);
  EXPECT_EQ(report->error->code, "auth-failed");
  EXPECT_TRUE(report->error->by_peer);
}

TEST(Observation, ANameIsNoGatewayYet) {
  EXPECT_EQ(parse_tunnel(R"({"state": "resolving", "remote": "lns.example.net:1701"})")->gateway,
            std::nullopt);
  EXPECT_EQ(parse_tunnel(R"({"state": "idle"})")->error.has_value(), false);
}

TEST(Observation, WhatIsNotOursIsNothing) {
  for (const char* text : {"", "{", "[]", "{}", "null", R"({"state": 7})"}) {
    EXPECT_FALSE(parse_tunnel(text)) << text;
    EXPECT_FALSE(parse_session(text)) << text;
  }
  const auto odd =
      parse_tunnel(R"({"state": "x", "last_error": 7, "session_ids": {}, "remote": 1})");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->error);
}

TEST(Observation, ReadsASession) {
  const auto report = parse_session(kSession);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->negotiating);
  ASSERT_TRUE(report->ipv4);
  EXPECT_EQ(report->ipv4->dns, std::vector{ip("10.9.0.53")});
  ASSERT_TRUE(report->ipv6);
  EXPECT_EQ(report->ipv6->local, ip("fe80::2"));
  EXPECT_EQ(report->auth_message, "hi");
  EXPECT_FALSE(parse_session(R"({"state": "up", "ipcp": "opened", "ipv6cp": ""})")->negotiating);
}

TEST(IpConfig, HasNetworkManagersKeysAndTypes) {
  Plan plan;
  plan.longest_mtu = 1400;
  const auto config = make_ip_config(plan, ip("192.0.2.1"), *parse_session(kSession));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->general, (Dictionary{
                                 {"tundev",      std::string("l2tp-7")     },
                                 {"has-ip4",     true                      },
                                 {"has-ip6",     true                      },
                                 {"can-persist", true                      },
                                 {"mtu",         std::uint32_t{1400}       },
                                 {"gateway",     in_addr_of({192, 0, 2, 1})},
  }));
  EXPECT_EQ(config->ipv4, (Dictionary{
                              {"address", in_addr_of({10, 9, 0, 2})                             },
                              {"ptp",     in_addr_of({10, 9, 0, 1})                             },
                              {"prefix",  std::uint32_t{32}                                     },
                              {"dns",     std::vector<std::uint32_t>{in_addr_of({10, 9, 0, 53})}},
                              {"nbns",    std::vector<std::uint32_t>{in_addr_of({10, 9, 0, 54})}},
  }));
  std::vector<std::uint8_t> local(16), peer(16);
  local[0] = peer[0] = 0xfe;
  local[1] = peer[1] = 0x80;
  local[15] = 2;
  peer[15] = 1;
  EXPECT_EQ(config->ipv6, (Dictionary{
                              {"address",       local             },
                              {"ptp",           peer              },
                              {"prefix",        std::uint32_t{128}},
                              {"never-default", true              },
  }));
}

TEST(IpConfig, SaysWhichFamiliesThereAre) {
  SessionReport session = *parse_session(kSession);
  Plan plan;
  plan.ipv6 = false;
  plan.server_dns = false;
  auto config = make_ip_config(plan, ip("2001:db8::1"), session);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->general.at("has-ip6"), Value(false));
  EXPECT_TRUE(config->ipv6.empty());
  EXPECT_EQ(
      config->general.at("gateway"),
      Value(std::vector<std::uint8_t>{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(config->general.at("mtu"), Value(std::uint32_t{1410}));
  EXPECT_FALSE(config->ipv4.contains("dns"));
  session.ipv4.reset();
  EXPECT_FALSE(make_ip_config(plan, ip("192.0.2.1"), session));
  plan.ipv6 = true;
  EXPECT_EQ(make_ip_config(plan, ip("192.0.2.1"), session)->general.at("has-ip4"), Value(false));
  session.interface.clear();
  EXPECT_FALSE(make_ip_config(plan, ip("192.0.2.1"), session));
}

TEST(IpConfig, APeerThatIsTheGatewayItselfIsNotRoutedIntoTheTunnel) {
  SessionReport session = *parse_session(kSession);
  session.ipv4->peer = ip("192.0.2.1");
  EXPECT_FALSE(make_ip_config({}, ip("192.0.2.1"), session)->ipv4.contains("ptp"));
  session.ipv4->peer = IpAddress();
  EXPECT_FALSE(make_ip_config({}, ip("192.0.2.1"), session)->ipv4.contains("ptp"));
}

TEST(Verdict, CausesOfTheDaemonHaveReasonsAndSentences) {
  const auto of = [](CauseCode code) {
    return judge({.code = std::string(name(code)), .message = {}, .by_peer = false}, "lns");
  };
  EXPECT_EQ(of(CauseCode::auth_failed).failure, Failure::login_failed);
  EXPECT_EQ(of(CauseCode::network_failed).failure, Failure::bad_ip_config);
  EXPECT_EQ(of(CauseCode::no_answer).failure, Failure::connect_failed);
  EXPECT_NE(of(CauseCode::no_answer).text.find("IPsec"), std::string::npos);
  EXPECT_EQ(of(CauseCode::no_secrets).failure, Failure::login_failed);
  EXPECT_EQ(judge({.code = "of-a-newer-daemon", .message = {}, .by_peer = false}, "lns").text,
            "lns: of-a-newer-daemon");
  // Every cause there is has a sentence of its own.
  std::set<std::string> sentences;
  unsigned codes = 0;
  for (unsigned i = 1; name(static_cast<CauseCode>(i)) != "invalid"; ++i, ++codes) {
    const auto code = static_cast<CauseCode>(i);
    const std::string text = of(code).text;
    EXPECT_NE(text, "lns: " + std::string(name(code)));
    EXPECT_TRUE(sentences.insert(text).second) << text;
  }
  EXPECT_EQ(codes, static_cast<unsigned>(CauseCode::interface_gone));
  EXPECT_EQ(judge({.code = "auth-failed", .message = "E=691: no", .by_peer = true}, "lns").text,
            "lns: the server refused the user name or password (it says: E=691: no)");
}

TEST(Verdict, RefusalsOfTheDaemon) {
  EXPECT_EQ(judge_refusal("org.L2tpManager1.Error.NoSecrets", "x").failure, Failure::login_failed);
  const Verdict unknown = judge_refusal("org.freedesktop.DBus.Error.ServiceUnknown", "gone");
  EXPECT_EQ(unknown.failure, Failure::connect_failed);
  EXPECT_NE(unknown.text.find("not running"), std::string::npos);
  EXPECT_NE(judge_refusal("org.L2tpManager1.Error.InvalidProfile", "/ppp: x").text.find("/ppp: x"),
            std::string::npos);
}

TEST(Names, ServiceTypesOfBusNames) {
  EXPECT_EQ(service_type_of("org.freedesktop.NetworkManager.l2tp-manager"), ServiceType::own);
  EXPECT_EQ(service_type_of("org.freedesktop.NetworkManager.l2tp-manager.Connection_3"),
            ServiceType::own);
  EXPECT_EQ(service_type_of("org.freedesktop.NetworkManager.l2tp"), ServiceType::drop_in);
  EXPECT_EQ(service_type_of("org.freedesktop.NetworkManager.l2tp.Connection_3"),
            ServiceType::drop_in);
  EXPECT_EQ(service_type_of("org.freedesktop.NetworkManager.l2tpd"), std::nullopt);
  EXPECT_EQ(service_type_of(""), std::nullopt);
}

}  // namespace
}  // namespace l2tpm::nm
