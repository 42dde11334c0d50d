#include "convert/nm.h"

#include <gtest/gtest.h>

#include "support/imported.h"

namespace l2tpm::convert {
namespace {

constexpr const char* kUuid = "0f6c2d9e-4a43-4bd1-a8a1-7f1f4ff0c001";

constexpr const char* kConnection =
    "[connection]\nid=Head Office\nuuid=0f6c2d9e-4a43-4bd1-a8a1-7f1f4ff0c001\ntype=vpn\n"
    "autoconnect=false\npermissions=user:alice:;\n\n"
    "[vpn]\ngateway=vpn.example.net\nuser=alice\ndomain=CORP\npassword-flags=0\nmtu=1380\n"
    "refuse-pap=yes\nrefuse-eap=yes\nrequire-mppe-128=yes\nlcp-echo-interval=30\n"
    "lcp-echo-failure=5\nephemeral-port=yes\nno-vj-comp=yes\n"
    "service-type=org.freedesktop.NetworkManager.l2tp\n\n"
    "[vpn-secrets]\npassword=won=der\\\\land\n\n"
    "[ipv4]\nmethod=auto\nnever-default=true\nignore-auto-dns=true\nroute1=10.0.0.0/8\n"
    "route2=192.168.7.0/24,0.0.0.0,50\ndns=10.0.0.53;\n\n"
    "[ipv6]\naddr-gen-mode=default\nmethod=disabled\n\n[proxy]\n";

Import import_text(std::string text, bool without_ipsec = false) {
  NmOptions options;
  options.file = "office.nmconnection";
  options.without_ipsec = without_ipsec;
  return import_nm(std::move(text), options);
}

std::string with(std::string_view after, const std::string& line, std::string text = kConnection) {
  return text.insert(text.find(after) + after.size(), line);
}

TEST(NmImport, AProfileOfTheStockPlugin) {
  const Import import = import_text(kConnection);
  ASSERT_EQ(import.profiles.size(), 1u) << test::all_notices(import);
  const ImportedProfile& imported = import.profiles[0];
  EXPECT_EQ(imported.name, "Head-Office");
  EXPECT_EQ(test::faults(imported), "") << imported.profile.dump(2);
  EXPECT_EQ(test::secret_text(imported, "password"), "won=der\\land");
  const auto profile = std::get<config::ClientProfile>(*test::checked(imported));
  EXPECT_EQ(profile.ppp.user, "CORP\\alice");
  EXPECT_EQ(profile.peers[0].host, "vpn.example.net");
  EXPECT_TRUE(profile.local.any_port);
  EXPECT_EQ(profile.ppp.link.mtu, 1380);
  EXPECT_EQ(profile.ppp.link.mru, 1400);
  EXPECT_EQ(profile.ppp.link.mppe.mode, config::MppeMode::require);
  EXPECT_EQ(profile.ppp.link.echo.failures, 5u);
  EXPECT_FALSE(profile.ppp.ipv4.request_dns);
  EXPECT_FALSE(profile.ppp.ipv6.enabled);
  EXPECT_FALSE(profile.routes.default_route);
  ASSERT_EQ(profile.routes.add.size(), 2u);
  EXPECT_EQ(profile.routes.add[1].to_string(), "192.168.7.0/24");
  EXPECT_FALSE(profile.autostart);
  EXPECT_TRUE(test::says(import, "office.nmconnection:32: warning: name servers"))
      << test::all_notices(import);
}

TEST(NmImport, EverythingGoesThroughWithoutNeverDefault) {
  std::string text = kConnection;
  text.erase(text.find("never-default=true\n"), 19);
  const auto import = import_text(text);
  EXPECT_EQ(import.profiles.at(0).profile["routes"]["default"], true);
}

TEST(NmImport, IpsecIsRefusedUnlessItIsGivenUpInWords) {
  const std::string wants =
      with("[vpn]\n", "ipsec-enabled=yes\nipsec-psk=swordfish\nipsec-ike=x\n");
  const Import refused = import_text(wants);
  EXPECT_TRUE(refused.profiles.empty());
  EXPECT_TRUE(test::says(refused, "office.nmconnection:9: error: asks for IPsec"))
      << test::all_notices(refused);

  const Import given_up = import_text(wants, true);
  ASSERT_EQ(given_up.profiles.size(), 1u) << test::all_notices(given_up);
  EXPECT_TRUE(test::says(given_up, "warning: IPsec is left out"));
  EXPECT_EQ(given_up.profiles[0].secrets.count("ipsec-psk"), 0u);
  EXPECT_EQ(given_up.profiles[0].profile.dump().find("swordfish"), std::string::npos);
  EXPECT_FALSE(given_up.profiles[0].profile.value("autostart", false));
}

// A pre-shared key without a word about IPsec can mean one thing only.
TEST(NmImport, APresharedKeyAloneAsksForIpsec) {
  EXPECT_TRUE(import_text(with("[vpn-secrets]\n", "ipsec-psk=x\n")).profiles.empty());
  EXPECT_TRUE(import_text(with("[vpn]\n", "machine-cert=/x.pem\n")).profiles.empty());
  EXPECT_EQ(import_text(with("[vpn]\n", "ipsec-enabled=no\nipsec-psk=x\n")).profiles.size(), 1u);
}

TEST(NmImport, APasswordThatSomebodyElseKeeps) {
  std::string text = kConnection;
  text.replace(text.find("password-flags=0"), 16, "password-flags=1");
  text.erase(text.find("[vpn-secrets]"), text.find("[ipv4]") - text.find("[vpn-secrets]"));
  const Import import = import_text(text);
  ASSERT_EQ(import.profiles.size(), 1u) << test::all_notices(import);
  EXPECT_TRUE(import.profiles[0].secrets.empty());
  EXPECT_FALSE(import.profiles[0].profile["ppp"].contains("password"));
  EXPECT_EQ(import.profiles[0].profile["ppp"]["user"], "CORP\\alice");
  EXPECT_TRUE(test::says(import, "--ask"));
}

TEST(NmImport, WhatIsNotAnL2tpConnection) {
  EXPECT_TRUE(import_text("").has_errors());
  EXPECT_TRUE(import_text("[connection]\nid=x\ntype=wifi\n").has_errors());
  EXPECT_TRUE(
      test::says(import_text("[vpn]\nservice-type=org.freedesktop.NetworkManager.openvpn\n"),
                 "not of an L2TP plugin"));
  EXPECT_TRUE(import_text("[vpn]\nuser=x\n").has_errors());
  EXPECT_TRUE(import_text(with("[vpn]\n", "user-auth-type=tls\n")).has_errors());
}

config::ClientProfile exported_from(const Import& import) {
  return std::get<config::ClientProfile>(*test::checked(import.profiles.at(0)));
}

TEST(NmExport, ComesBackAsItWas) {
  const config::ClientProfile before = exported_from(import_text(kConnection));
  const Exported exported = export_nm(before, kUuid, true);
  EXPECT_TRUE(exported.warnings.empty());
  EXPECT_NE(exported.text.find("service-type=org.freedesktop.NetworkManager.l2tp-manager\n"),
            std::string::npos);
  const Import again = import_text(exported.text);
  ASSERT_EQ(again.profiles.size(), 1u) << test::all_notices(again) << exported.text;
  EXPECT_EQ(exported_from(again), before) << exported.text;
}

TEST(NmExport, ThePasswordOnlyWhenAskedFor) {
  const config::ClientProfile profile = exported_from(import_text(kConnection));
  const std::string text = export_nm(profile, kUuid, false).text;
  EXPECT_EQ(text.find("land"), std::string::npos);
  EXPECT_EQ(text.find("[vpn-secrets]"), std::string::npos);
  EXPECT_NE(text.find("password-flags=1\n"), std::string::npos);
}

TEST(NmExport, WhatHasNoCounterpartIsSaid) {
  config::ClientProfile profile = exported_from(import_text(kConnection));
  profile.peers.push_back({"second.example.net", 1701});
  profile.peers[0].port = 1702;
  profile.tunnel.secret = Secret(std::string_view("hush"));
  profile.interface = "l2tp-work";
  profile.autostart = true;
  const Exported exported = export_nm(profile, kUuid, true);
  EXPECT_EQ(exported.warnings.size(), 5u);
  EXPECT_EQ(exported.text.find("hush"), std::string::npos);
}

}  // namespace
}  // namespace l2tpm::convert
