#include "nm/translate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/config_text.h"

namespace l2tpm::nm {
namespace {

using Json = nlohmann::json;
using Items = std::map<std::string, std::string>;

Connection basic(Items more = {}) {
  Connection connection;
  connection.id = "work";
  connection.data = {
      {"gateway", "lns.example.net"},
      {"user",    "alice"          }
  };
  connection.secrets["password"] = Secret(std::string_view("sesame"));
  for (auto& [key, value] : more) connection.data[key] = value;
  return connection;
}

// The plan, after the daemon's own reader has accepted its profile.
struct Translated {
  Plan plan;
  Json json;
  config::ClientProfile client;
};
Translated accepted(const Connection& connection, ServiceType type = ServiceType::own) {
  auto plan = translate(connection, type, "l2tp-7");
  if (!plan) {
    ADD_FAILURE() << plan.error();
    return {};
  }
  const auto read = test::read_text(
      plan->profile,
      {
  },
      test::FakeSecrets(std::map<std::string, std::string>{{"password", "sesame"}}));
  EXPECT_EQ(read.errors, "") << plan->profile;
  EXPECT_EQ(read.warnings, "") << plan->profile;
  if (!read.profile) return {};
  const Json json = Json::parse(plan->profile);
  return {std::move(*plan), json, read.client()};
}

std::string refused(const Connection& connection, ServiceType type = ServiceType::own) {
  const auto plan = translate(connection, type, "l2tp-7");
  return plan ? "accepted: " + plan->profile : plan.error();
}

TEST(Translate, MakesAClientProfile) {
  const auto got = accepted(basic());
  EXPECT_EQ(got.client.peers, (std::vector<config::Peer>{
                                  {"lns.example.net", 1701}
  }));
  EXPECT_EQ(got.client.ppp.user, "alice");
  EXPECT_EQ(got.client.ppp.password, Secret(std::string_view("sesame")));
  EXPECT_EQ(got.client.interface, "l2tp-7");
  EXPECT_FALSE(got.client.autostart);
  EXPECT_FALSE(got.client.routes.default_route);
  EXPECT_TRUE(got.client.ppp.ipv4.request_dns);
  EXPECT_TRUE(got.client.ppp.ipv6.enabled);
  EXPECT_EQ(got.client.ppp.link.mru, 1400);
  EXPECT_EQ(got.client.ppp.link.mtu, std::nullopt);
  EXPECT_EQ(got.plan.longest_mtu, 1400u);
  EXPECT_EQ(got.client.ppp.link.mppe.mode, config::MppeMode::off);
  EXPECT_TRUE(got.client.redial.enabled);
  EXPECT_TRUE(got.plan.gateway_is_name);
  EXPECT_TRUE(got.plan.warnings.empty());
}

TEST(Translate, KeepsThePasswordOutOfTheProfile) {
  const auto got = accepted(basic());
  EXPECT_EQ(got.plan.profile.find("sesame"), std::string::npos);
  EXPECT_EQ(got.json["ppp"]["password"], (Json{
                                             {"$secret", "password"}
  }));
  EXPECT_EQ(got.plan.secrets.at("password"), Secret(std::string_view("sesame")));
}

TEST(Translate, GatewayIsANameOrAnAddress) {
  const auto gateway = [](std::string text) {
    return basic({
        {"gateway", std::move(text)}
    });
  };
  EXPECT_FALSE(accepted(gateway("192.0.2.1")).plan.gateway_is_name);
  EXPECT_EQ(accepted(gateway(" 192.0.2.1 ")).plan.gateway, "192.0.2.1");
  EXPECT_EQ(accepted(gateway("2001:db8::1")).plan.gateway, "2001:db8::1");
  EXPECT_EQ(accepted(gateway("[2001:db8::1]")).plan.gateway, "2001:db8::1");
  for (const char* wrong : {"", " ", "a b", "lns:1701", "[192.0.2.1]", "[lns]", "0.0.0.0",
                            "224.0.0.1", "lns/x", "2001:db8::1%eth0"}) {
    EXPECT_NE(refused(gateway(wrong)).find("gateway"), std::string::npos) << wrong;
  }
}

TEST(Translate, UserNameFallsBackToTheSettingsOwnAndTakesADomain) {
  Connection connection = basic({
      {"user",   ""    },
      {"domain", "CORP"}
  });
  connection.user_name = "bob";
  EXPECT_EQ(accepted(connection).client.ppp.user, "CORP\\bob");
  EXPECT_EQ(accepted(basic({
                         {"domain", "CORP"}
  }))
                .client.ppp.user,
            "CORP\\alice");
}

TEST(Translate, WithoutAPasswordOnlyWhenNoneIsRequired) {
  Connection connection = basic();
  connection.secrets.clear();
  EXPECT_EQ(refused(connection), "there is no password");
  connection.data["password-flags"] = "4";
  const auto got = accepted(connection);
  EXPECT_EQ(got.client.ppp.user, "");
  EXPECT_EQ(got.plan.warnings.size(), 1u);
}

TEST(Translate, APasswordNeedsAUser) {
  EXPECT_EQ(refused(basic({
                {"user", ""}
  })),
            "the connection has a password and no user name");
}

TEST(Translate, MethodsAreWhatIsNotRefused) {
  using config::AuthMethod;
  EXPECT_EQ(accepted(basic()).client.ppp.methods,
            (std::vector{AuthMethod::mschap_v2, AuthMethod::mschap_v1, AuthMethod::chap_md5,
                         AuthMethod::pap}));
  EXPECT_EQ(accepted(basic({
                         {"refuse-pap",    "yes"},
                         {"refuse-mschap", "yes"},
                         {"refuse-eap",    "yes"}
  }))
                .client.ppp.methods,
            (std::vector{AuthMethod::mschap_v2, AuthMethod::chap_md5}));
  EXPECT_EQ(refused(basic({
                {"refuse-pap",      "yes"},
                {"refuse-chap",     "yes"},
                {"refuse-mschap",   "yes"},
                {"refuse-mschapv2", "yes"}
  })),
            "the connection refuses every way to authenticate");
}

TEST(Translate, MppeIsRequiredAndLeavesTheMethodsThatMakeItsKeys) {
  using config::AuthMethod;
  const auto any = accepted(basic({
                                {"require-mppe", "yes"}
  }))
                       .client.ppp;
  EXPECT_EQ(any.link.mppe, (config::Mppe{.mode = config::MppeMode::require,
                                         .bits_128 = true,
                                         .bits_40 = true,
                                         .stateful = false}));
  EXPECT_EQ(any.methods, (std::vector{AuthMethod::mschap_v2, AuthMethod::mschap_v1}));
  const auto strong = accepted(basic({
                                   {"require-mppe-128", "yes"},
                                   {"mppe-stateful",    "yes"}
  }))
                          .client.ppp.link.mppe;
  EXPECT_EQ(strong, (config::Mppe{.mode = config::MppeMode::require,
                                  .bits_128 = true,
                                  .bits_40 = false,
                                  .stateful = true}));
  EXPECT_FALSE(accepted(basic({
                            {"require-mppe-40", "yes"}
  }))
                   .client.ppp.link.mppe.bits_128);
  EXPECT_EQ(accepted(basic({
                         {"require-mppe", "no"}
  }))
                .client.ppp.link.mppe.mode,
            config::MppeMode::off);
  EXPECT_EQ(accepted(basic({
                         {"mppe-stateful", "yes"}
  }))
                .plan.warnings.size(),
            1u);
  EXPECT_NE(
      refused(basic({
                  {"require-mppe",    "yes"},
                  {"refuse-mschap",   "yes"},
                  {"refuse-mschapv2", "yes"}
  }))
          .find("MS-CHAP"),
      std::string::npos);
}

TEST(Translate, SizesAndEchoes) {
  const auto link = accepted(basic({
      {"mtu",               "1300"},
      {"mru",               "1310"},
      {"lcp-echo-interval", "20"  },
      {"lcp-echo-failure",  "3"   }
  }));
  EXPECT_EQ(link.client.ppp.link.mtu, 1300);
  EXPECT_EQ(link.client.ppp.link.mru, 1310);
  EXPECT_EQ(link.plan.longest_mtu, std::nullopt);
  EXPECT_EQ(link.client.ppp.link.echo, (config::Echo{.interval = 20s, .failures = 3}));
  EXPECT_EQ(accepted(basic()).client.ppp.link.echo, config::Echo());
  EXPECT_EQ(accepted(basic({
                         {"lcp-echo-interval", "0"}
  }))
                .client.ppp.link.echo.interval,
            0s);
  EXPECT_EQ(accepted(basic({
                         {"lcp-echo-failure", "0"}
  }))
                .client.ppp.link.echo.interval,
            0s);
  EXPECT_EQ(refused(basic({
                {"mtu", "17000"}
  })),
            "mtu=17000 is not a number from 128 to 16384");
  EXPECT_EQ(refused(basic({
                {"mru", "1400x"}
  })),
            "mru=1400x is not a number");
}

TEST(Translate, TheRestOfTheTunnelsKeys) {
  const auto got = accepted(basic({
      {"unit",               "5"       },
      {"xl2tpd-max-retries", "9"       },
      {"ipcp-peer-ip",       "10.0.0.1"},
      {"ephemeral-port",     "yes"     }
  }));
  EXPECT_EQ(got.client.interface, "ppp5");
  EXPECT_EQ(got.client.tunnel.retransmit.count, 9u);
  EXPECT_EQ(got.client.ppp.ipv4.peer_address, IpAddress::parse("10.0.0.1"));
  EXPECT_TRUE(got.client.local.any_port);
  EXPECT_FALSE(accepted(basic({
                            {"ephemeral-port", "no"}
  }))
                   .client.local.any_port);
  EXPECT_NE(refused(basic({
                        {"ipcp-peer-ip", "peer"}
  }))
                .find("ipcp-peer-ip"),
            std::string::npos);
  EXPECT_NE(refused(basic({
                        {"xl2tpd-max-retries", "0"}
  }))
                .find("xl2tpd-max-retries"),
            std::string::npos);
}

TEST(Translate, WhatPppdWouldNotCompressWeNeverDo) {
  EXPECT_TRUE(accepted(basic({
                           {"nobsdcomp",  "yes"},
                           {"nodeflate",  "yes"},
                           {"no-vj-comp", "yes"},
                           {"nopcomp",    "yes"},
                           {"noaccomp",   "yes"}
  }))
                  .plan.warnings.empty());
}

TEST(Translate, FamiliesFollowTheConnectionsMethods) {
  Connection connection = basic();
  connection.ipv6.method = "ignore";
  EXPECT_FALSE(accepted(connection).client.ppp.ipv6.enabled);
  connection.ipv4.method = "disabled";
  EXPECT_EQ(refused(connection), "the connection has both IPv4 and IPv6 switched off");
  connection.ipv6.method = "auto";
  EXPECT_FALSE(accepted(connection).client.ppp.ipv4.enabled);
  connection.ipv4 = {.method = "manual", .address = "10.9.0.7", .ignore_auto_dns = true};
  const auto got = accepted(connection).client.ppp.ipv4;
  EXPECT_EQ(got.address, IpAddress::parse("10.9.0.7"));
  EXPECT_FALSE(got.request_dns);
  connection.ipv4.method = "auto";
  EXPECT_EQ(accepted(connection).client.ppp.ipv4.address, std::nullopt);
}

TEST(Translate, IpsecIsRefusedHoweverItIsAskedFor) {
  const auto is_refused = [](const Connection& connection) {
    for (const ServiceType type : {ServiceType::own, ServiceType::drop_in})
      if (refused(connection, type).find("IPsec") == std::string::npos) return false;
    return !needs_password(connection);
  };
  EXPECT_TRUE(is_refused(basic({
      {"ipsec-enabled", "yes"}
  })));
  EXPECT_TRUE(is_refused(basic({
      {"ipsec-enabled", "yes"},
      {"nonsense",      "1"  }
  })));
  EXPECT_TRUE(is_refused(basic({
      {"ipsec-psk", "0sc2VjcmV0"}
  })));
  EXPECT_TRUE(is_refused(basic({
      {"machine-auth-type", "tls"}
  })));
  EXPECT_TRUE(is_refused(basic({
      {"machine-cert", "/home/alice/cert.pem"}
  })));
  Connection secret = basic();
  secret.secrets["ipsec-psk"] = Secret(std::string_view("psk"));
  EXPECT_TRUE(is_refused(secret));
  secret.secrets["password"] = Secret();
  EXPECT_TRUE(is_refused(secret));
}

TEST(Translate, WhatIsLeftOfIpsecThatWasSwitchedOffDoesNoHarm) {
  Connection connection = basic({
      {"ipsec-enabled",     "no"                 },
      {"ipsec-psk",         "left over"          },
      {"ipsec-gateway-id",  "@vpn"               },
      {"ipsec-ike",         "aes256-sha1-ecp384!"},
      {"machine-auth-type", "psk"                }
  });
  connection.secrets["ipsec-psk"] = Secret(std::string_view("left over"));
  const auto got = accepted(connection);
  EXPECT_TRUE(got.plan.warnings.empty());
  EXPECT_EQ(got.plan.secrets.size(), 1u);
  EXPECT_EQ(got.plan.profile.find("left over"), std::string::npos);
}

TEST(Translate, WhatWeDoNotHaveIsRefusedInWords) {
  EXPECT_NE(refused(basic({
                        {"user-auth-type", "tls"}
  }))
                .find("EAP-TLS"),
            std::string::npos);
  EXPECT_FALSE(needs_password(basic({
      {"user-auth-type", "tls"}
  })));
  EXPECT_NE(refused(basic({
                        {"user-auth-type", "magic"}
  }))
                .find("magic"),
            std::string::npos);
  EXPECT_NE(refused(basic({
                        {"mrru", "1600"}
  }))
                .find("multilink"),
            std::string::npos);
}

TEST(Translate, UnknownKeysAreAMistakeHereAndAWarningInTheDropIn) {
  EXPECT_EQ(refused(basic({
                {"gatewy", "x"}
  })),
            "vpn.data has an unknown key \"gatewy\"");
  const auto got = accepted(basic({
                                {"gatewy", "x"}
  }),
                            ServiceType::drop_in);
  EXPECT_EQ(got.plan.warnings,
            (std::vector<std::string>{"the unknown key \"gatewy\" of vpn.data is ignored"}));
}

TEST(Translate, ControlCharactersAndHalfBooleansAreRefused) {
  EXPECT_NE(refused(basic({
                        {"domain", "a\nplugin evil.so"}
  }))
                .find("control"),
            std::string::npos);
  EXPECT_NE(refused(basic({
                        {"refuse-pap", "true"}
  }))
                .find("neither yes nor no"),
            std::string::npos);
  EXPECT_NE(refused(basic({
                        {"password-flags", "x"}
  }))
                .find("password-flags"),
            std::string::npos);
}

TEST(Translate, CertificatesWithoutTlsAreWarnedAbout) {
  EXPECT_EQ(accepted(basic({
                         {"user-cert", "/home/alice/cert.pem"}
  }))
                .plan.warnings.size(),
            1u);
}

TEST(NeedsPassword, HonoursItsFlags) {
  Connection connection = basic();
  EXPECT_FALSE(needs_password(connection));
  connection.secrets["password"] = Secret();
  EXPECT_TRUE(needs_password(connection));
  for (const char* flags : {"0", "1", "2"}) {
    connection.data["password-flags"] = flags;
    EXPECT_TRUE(needs_password(connection)) << flags;
  }
  connection.data["password-flags"] = "4";
  EXPECT_FALSE(needs_password(connection));
  connection.data["password-flags"] = "0";
  connection.data["user"] = "";
  EXPECT_FALSE(needs_password(connection));
}

}  // namespace
}  // namespace l2tpm::nm
