#include "convert/xl2tpd.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "convert/xl2tpd_export.h"
#include "support/imported.h"

namespace l2tpm::convert {
namespace {

using test::Files;

Import import_files(const Files& files) {
  Xl2tpdFiles paths;
  paths.config = "xl2tpd.conf";
  return import_xl2tpd(paths, test::reader_of(files));
}

// As the how-tos for L2TP clients have it.
const Files kClient{
    {"xl2tpd.conf",
     "[global]\n"
     "access control = no\n"
     "\n"
     "[lac myvpn]\n"
     "lns = vpn.example.net\n"
     "ppp debug = yes\n"
     "pppoptfile = /etc/ppp/options.l2tpd.client\n"
     "length bit = yes\n"
     "autodial = yes\n"
     "redial = yes\n"
     "redial timeout = 15\n"
     "max redials = 5\n"                                                                  },
    {"/etc/ppp/options.l2tpd.client",
     "ipcp-accept-local\nipcp-accept-remote\nrefuse-eap\nrequire-mschap-v2\nnoccp\nnoauth\n"
     "idle 1800\nmtu 1410\nmru 1410\ndefaultroute\nusepeerdns\ndebug\nconnect-delay 5000\n"
     "name alice\npassword wonderland\nlcp-echo-interval 30\nlcp-echo-failure 4\nunit 3\n"},
};

TEST(Xl2tpdImport, AClientOfTheHowTos) {
  const Import import = import_files(kClient);
  ASSERT_EQ(import.profiles.size(), 1u) << test::all_notices(import);
  const ImportedProfile& imported = import.profiles[0];
  EXPECT_EQ(imported.name, "myvpn");
  EXPECT_EQ(test::faults(imported), "");
  EXPECT_EQ(test::secret_text(imported, "password"), "wonderland");
  EXPECT_EQ(imported.profile.dump().find("wonderland"), std::string::npos);

  const auto profile = std::get<config::ClientProfile>(*test::checked(imported));
  EXPECT_TRUE(profile.autostart);
  EXPECT_EQ(profile.peers[0].host, "vpn.example.net");
  EXPECT_EQ(profile.ppp.user, "alice");
  EXPECT_EQ(profile.ppp.methods.size(), 4u);
  EXPECT_EQ(profile.ppp.link.mtu, 1410);
  EXPECT_EQ(profile.ppp.link.mru, 1410);
  EXPECT_EQ(profile.ppp.link.echo.interval, 30s);
  EXPECT_EQ(profile.ppp.link.mppe.mode, config::MppeMode::off);
  EXPECT_FALSE(profile.ppp.ipv6.enabled);
  EXPECT_TRUE(profile.ppp.ipv4.request_dns);
  EXPECT_TRUE(profile.routes.default_route);
  EXPECT_EQ(profile.redial.initial, 15s);
  EXPECT_EQ(profile.redial.give_up, 5u);
  EXPECT_EQ(profile.idle_timeout, 1800s);
  EXPECT_EQ(profile.interface, "ppp3");

  EXPECT_TRUE(test::says(import, "xl2tpd.conf:6: note: \"ppp debug\""))
      << test::all_notices(import);
  EXPECT_TRUE(test::says(import, "/etc/ppp/options.l2tpd.client:13: note: \"connect-delay 5000\""));
  EXPECT_TRUE(test::says(import, "do not insist (noauth)"));
}

TEST(Xl2tpdImport, SecretsOfThreeFiles) {
  Files files{
      {"xl2tpd.conf",
       "[lac a]\nlns = 192.0.2.1:1702\nlns = 192.0.2.2\nname = bob\nchallenge = yes\n"
       "hidden bit = yes\nhostname = branch\nrefuse pap = yes\n"                             },
      {"/etc/ppp/chap-secrets",    "alice * other\nbob lns \"chap secret\" *\n* * nobody\n"  },
      {"/etc/ppp/pap-secrets",     "bob * \"chap secret\"\n"                                 },
      {"/etc/xl2tpd/l2tp-secrets", "; us them secret\nelse * wrong\nbranch * tunnel-secret\n"},
  };
  const Import import = import_files(files);
  ASSERT_EQ(import.profiles.size(), 1u);
  const ImportedProfile& imported = import.profiles[0];
  EXPECT_EQ(test::faults(imported), "");
  EXPECT_EQ(test::secret_text(imported, "password"), "chap secret");
  EXPECT_EQ(test::secret_text(imported, "tunnel"), "tunnel-secret");
  const auto profile = std::get<config::ClientProfile>(*test::checked(imported));
  ASSERT_EQ(profile.peers.size(), 2u);
  EXPECT_EQ(profile.peers[0].port, 1702);
  EXPECT_TRUE(profile.tunnel.challenge);
  EXPECT_TRUE(profile.tunnel.hide_avps);
  EXPECT_FALSE(profile.redial.enabled);
  for (const auto method : profile.ppp.methods) EXPECT_NE(method, config::AuthMethod::pap);
}

const Files kServer{
    {"xl2tpd.conf",
     "[global]\nport = 1701\nlisten-addr = 192.0.2.1\nauth file = /etc/xl2tpd/l2tp-secrets\n\n"
     "[lns default]\n"
     "ip range = 10.9.0.10-10.9.0.200\n"
     "ip range = 10.9.1.5\n"
     "no ip range = 10.9.0.50\n"
     "lac = 192.0.2.0 - 192.0.2.255\n"
     "no lac = 192.0.2.66\n"
     "local ip = 10.9.0.1\n"
     "require chap = yes\n"
     "refuse pap = yes\n"
     "require authentication = yes\n"
     "name = lns\n"
     "hidden bit = no\n"
     "flow bit = yes\n"
     "rx bps = 1000000\n"
     "exclusive = yes\n"
     "pppoptfile = /etc/ppp/options.xl2tpd\n"
     "typo = 1\n"                                                                            },
    {"/etc/ppp/options.xl2tpd",
     "require-mschap-v2\nrequire-mppe-128\nms-dns 10.9.0.1\nms-dns 8.8.8.8\nms-wins 10.9.0.2\n"
     "mtu 1400\nproxyarp\nlock\nplugin radius.so\nwhatever 1 2 3\nnobsdcomp\n"               },
    {"/etc/ppp/chap-secrets",
     "# client server secret addresses\nalice lns wonder 10.9.0.11\nbob * \"land two\" *\n"
     "carol other x *\ndave lns @/etc/dave *\nerin lns y 10.0.0.0/8 10.1.0.0/16\n* lns z *\n"},
    {"/etc/xl2tpd/l2tp-secrets", "* branch-7 seven\n* * everybody\n"                         },
};

TEST(Xl2tpdImport, AServer) {
  const Import import = import_files(kServer);
  ASSERT_EQ(import.profiles.size(), 1u) << test::all_notices(import);
  const ImportedProfile& imported = import.profiles[0];
  EXPECT_EQ(imported.name, "lns");
  EXPECT_EQ(test::faults(imported), "") << imported.profile.dump(2);
  const auto profile = std::get<config::ListenerProfile>(*test::checked(imported));
  ASSERT_EQ(profile.addresses.size(), 1u);
  EXPECT_EQ(profile.addresses[0].to_string(), "192.0.2.1");
  EXPECT_EQ(profile.ppp.ipv4.local_address.to_string(), "10.9.0.1");
  ASSERT_EQ(profile.ppp.ipv4.ranges.size(), 2u);
  ASSERT_EQ(profile.ppp.ipv4.exclude.size(), 2u);  // and our own address
  EXPECT_EQ(profile.ppp.ipv4.dns.size(), 2u);
  EXPECT_EQ(profile.ppp.link.mppe.mode, config::MppeMode::require);
  EXPECT_FALSE(profile.ppp.link.mppe.bits_40);
  // Without keys for MPPE, "require chap" cannot stand.
  EXPECT_EQ(profile.ppp.authenticate, std::vector{config::AuthMethod::mschap_v2});

  ASSERT_EQ(profile.users.size(), 3u);
  EXPECT_EQ(profile.users[0].name, "alice");
  EXPECT_EQ(profile.users[0].address->to_string(), "10.9.0.11");
  EXPECT_EQ(as_text(profile.users[1].password.octets()), "land two");
  EXPECT_EQ(profile.users[2].name, "erin");

  EXPECT_FALSE(profile.allow_unknown_peers);
  const IpAddress inside = *IpAddress::parse("192.0.2.9");
  EXPECT_EQ(profile.tunnel_for("x", *IpAddress::parse("192.0.2.66")), nullptr);
  EXPECT_EQ(profile.tunnel_for("x", *IpAddress::parse("198.51.100.1")), nullptr);
  ASSERT_NE(profile.tunnel_for("x", inside), nullptr);
  EXPECT_EQ(as_text(profile.tunnel_for("x", inside)->secret.octets()), "everybody");
  EXPECT_EQ(as_text(profile.tunnel_for("branch-7", inside)->secret.octets()), "seven");
  EXPECT_FALSE(profile.require_tunnel_auth);

  for (const char* expected :
       {"xl2tpd.conf:18: warning: \"flow bit\"", "xl2tpd.conf:19: warning: \"rx bps\"",
        "xl2tpd.conf:20: warning: several tunnels", "xl2tpd.conf:22: warning: \"typo\"",
        "options.xl2tpd:7: warning: \"proxyarp\"",
        "options.xl2tpd:9: warning: \"plugin radius.so\"",
        "options.xl2tpd:10: warning: \"whatever\"", "chap-secrets:4: note: is for another server",
        "chap-secrets:5: warning: secrets in other files",
        "chap-secrets:6: warning: which addresses \"erin\"",
        "chap-secrets:7: warning: a password for any name"})
    EXPECT_TRUE(test::says(import, expected)) << expected << "\n" << test::all_notices(import);
}

// No secret is in what is printed.
TEST(Xl2tpdImport, NoticesHoldNoSecret) {
  for (const Files& files : {kServer, kClient}) {
    const std::string text = test::all_notices(import_files(files));
    for (const char* secret : {"wonder", "land two", "seven", "everybody", "wonderland"})
      EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  }
}

TEST(Xl2tpdImport, OverridesOfTheFiles) {
  Files files = kClient;
  files["my-options"] = "user carol\nmtu 1300\n";
  files["my-secrets"] = "carol * hers\n";
  Xl2tpdFiles paths;
  paths.config = "xl2tpd.conf";
  paths.ppp_options = "my-options";
  paths.ppp_secrets = "my-secrets";
  const Import import = import_xl2tpd(paths, test::reader_of(files));
  ASSERT_EQ(import.profiles.size(), 1u);
  EXPECT_EQ(import.profiles[0].profile["ppp"]["user"], "carol");
  EXPECT_EQ(import.profiles[0].profile["ppp"]["mtu"], 1300);
  EXPECT_EQ(test::secret_text(import.profiles[0], "password"), "hers");
}

TEST(Xl2tpdImport, DefaultsAndSeveralSections) {
  const Import import = import_files({
      {"xl2tpd.conf",
       "[lac default]\nredial = yes\n[lac a b]\nlns = one\n"
       "[lac a-b]\nlns = two\nredial = no\n[lac c]\n"
       "[lns x]\nlocal ip = 10.0.0.1\nip range = 10.0.0.2-9\n"
       "[lns y]\nlocal ip = 10.1.0.1\n[what]\n"}
  });
  ASSERT_EQ(import.profiles.size(), 3u) << test::all_notices(import);
  EXPECT_EQ(import.profiles[0].name, "a-b");
  EXPECT_EQ(import.profiles[0].profile["redial"]["enabled"], true);
  EXPECT_EQ(import.profiles[1].name, "a-b-2");
  EXPECT_EQ(import.profiles[1].profile["redial"]["enabled"], false);
  EXPECT_EQ(import.profiles[2].name, "x");
  EXPECT_TRUE(test::says(import, "xl2tpd.conf:8: error: [lac c] names no lns"));
  EXPECT_TRUE(test::says(import, "error: [lns y] is left out"));
  EXPECT_TRUE(test::says(import, "there is no section [what]"));
}

TEST(Xl2tpdImport, WithoutAnything) {
  EXPECT_TRUE(import_files({}).has_errors());
  EXPECT_TRUE(import_files({
                               {"xl2tpd.conf", ""}
  })
                  .has_errors());
  // An options file that names itself.
  const Import import = import_files({
      {"xl2tpd.conf", "[lac a]\nlns = x\npppoptfile = o\n"},
      {"o",           "file o\n"                          }
  });
  EXPECT_TRUE(test::says(import, "not followed this deep"));
}

// Out and in again: the same profile.
TEST(Xl2tpdExport, ComesBackAsItWas) {
  const ImportedProfile client = import_files(kClient).profiles.at(0);
  const ImportedProfile server = import_files(kServer).profiles.at(0);
  for (const ImportedProfile& imported : {client, server}) {
    const auto profile = *test::checked(imported);
    Files files;
    for (const ExportedFile& file : export_xl2tpd(profile, "D").files) {
      files[file.name == "xl2tpd.conf" ? file.name : "D/" + file.name] = file.text;
      // A secret is in a file of secrets only.
      if (!file.secret) {
        EXPECT_EQ(file.text.find("wonder"), std::string::npos) << file.name;
      }
    }
    files["/etc/ppp/chap-secrets"] = files["D/chap-secrets"];
    files["/etc/ppp/pap-secrets"] = files["D/pap-secrets"];
    const Import again = import_files(files);
    ASSERT_EQ(again.profiles.size(), 1u) << test::all_notices(again);
    const auto back = test::checked(again.profiles[0]);
    ASSERT_TRUE(back) << test::faults(again.profiles[0]);
    if (std::holds_alternative<config::ClientProfile>(profile)) {
      EXPECT_EQ(*back, profile);
    } else {
      const auto& expected = std::get<config::ListenerProfile>(profile);
      const auto& now = std::get<config::ListenerProfile>(*back);
      EXPECT_EQ(now.ppp, expected.ppp);
      EXPECT_EQ(now.users, expected.users);
      EXPECT_EQ(now.addresses, expected.addresses);
      EXPECT_EQ(now.allow_unknown_peers, expected.allow_unknown_peers);
    }
  }
}

// What an exported profile is after it was read again, as our import reads it.
struct Again {
  Import import;
  std::vector<std::string> warnings;
  std::string secrets_file;

  bool warns(const std::string& part) const {
    return std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
      return warning.find(part) != std::string::npos;
    });
  }
};

Again out_and_in(const config::Profile& profile) {
  Again again;
  const ExportedFiles exported = export_xl2tpd(profile, "D");
  Files files;
  for (const ExportedFile& file : exported.files) {
    files[file.name == "xl2tpd.conf" ? file.name : "D/" + file.name] = file.text;
    if (file.name == "l2tp-secrets") again.secrets_file = file.text;
  }
  files["/etc/ppp/chap-secrets"] = files["D/chap-secrets"];
  files["/etc/ppp/pap-secrets"] = files["D/pap-secrets"];
  again.import = import_files(files);
  again.warnings = exported.warnings;
  return again;
}

config::ClientProfile a_client() {
  return std::get<config::ClientProfile>(*test::checked(import_files(kClient).profiles.at(0)));
}
config::ListenerProfile a_listener() {
  auto listener =
      std::get<config::ListenerProfile>(*test::checked(import_files(kServer).profiles.at(0)));
  listener.peers.clear();
  listener.allow_unknown_peers = true;
  listener.tunnel.secret = Secret();
  return listener;
}
config::PeerRule rule_of(const std::string& name, const std::string& host, const char* secret) {
  config::PeerRule rule;
  rule.name = name;
  rule.host_name = host;
  rule.tunnel.secret = Secret(secret);
  return rule;
}

TEST(Xl2tpdExport, TunnelSecretsThatAreNoWordsAreLeftOut) {
  for (const char* word : {"plain", "a-B_c.9", "ends$", "@home"}) {
    config::ClientProfile client = a_client();
    client.tunnel.secret = Secret(word);
    const Again again = out_and_in(client);
    EXPECT_EQ(again.warnings, std::vector<std::string>{}) << word;
    EXPECT_EQ(test::secret_text(again.import.profiles.at(0), "tunnel"), word);
  }
  const std::string long_one(76, 'x');
  for (const char* odd : {"two words", "a;b", "a#b", "#a", "\"quoted\"", "it's", "back\\slash",
                          "a\nb", "a\tb", "bang!", "\xc3\xa9t\xc3\xa9", long_one.c_str()}) {
    config::ClientProfile client = a_client();
    client.tunnel.secret = Secret(odd);
    const Again again = out_and_in(client);
    EXPECT_TRUE(again.warns("myvpn: its tunnel secret is left out")) << odd;
    EXPECT_EQ(again.secrets_file, "") << odd;
    EXPECT_EQ(test::secret_text(again.import.profiles.at(0), "tunnel"), "(none)") << odd;
    for (const std::string& warning : again.warnings)
      EXPECT_EQ(warning.find(odd), std::string::npos) << "a warning says the secret";
  }
}

TEST(Xl2tpdExport, TunnelSecretsOfPeers) {
  config::ListenerProfile listener = a_listener();
  listener.peers = {rule_of("a", "branch-1", "one"),   rule_of("b", "two words", "lost"),
                    rule_of("c", "branch-*", "lost"),  rule_of("d", "branch-2", "not these two"),
                    rule_of("e", "branch-3", "three"), rule_of("f", "", "everybody")};
  const Again again = out_and_in(listener);
  EXPECT_EQ(again.secrets_file, "* branch-1 one\n* branch-3 three\n* * everybody\n");
  for (const char* name : {"\"b\"", "\"c\"", "\"d\""})
    EXPECT_TRUE(again.warns(std::string(name) + ": its tunnel secret is left out")) << name;
  const ImportedProfile& imported = again.import.profiles.at(0);
  EXPECT_EQ(test::secret_text(imported, "tunnel"), "everybody");
  EXPECT_EQ(test::secret_text(imported, "tunnel-1"), "one");
  EXPECT_EQ(test::secret_text(imported, "tunnel-2"), "three");
}

// xl2tpd knows peers by their names alone.
TEST(Xl2tpdExport, TunnelSecretsOfAddresses) {
  config::ListenerProfile listener = a_listener();
  config::PeerRule here = rule_of("here", "", "ofhere");
  here.address = IpPrefix::parse("192.0.2.0/24");
  listener.peers = {here};
  Again again = out_and_in(listener);
  EXPECT_EQ(again.secrets_file, "* * ofhere\n");
  EXPECT_TRUE(again.warns("\"here\": its tunnel secret is for peers of any address"));

  listener.tunnel.secret = Secret("ours");
  again = out_and_in(listener);
  EXPECT_EQ(again.secrets_file, "* * ours\n");
  EXPECT_TRUE(again.warns("\"here\": its tunnel secret is left out"));

  listener.peers[0].tunnel.secret = Secret("ours");
  again = out_and_in(listener);
  EXPECT_EQ(again.secrets_file, "* * ours\n");
  EXPECT_FALSE(again.warns("secret"));
}

// reference/peers.md section 4, row 33: what a user writes becomes no line and no option of a file
// that root's programs read.
TEST(Xl2tpdExport, PeersSection4Row33_QuotesAndNewlines) {
  for (const char* text : {"al\"ice", "al'ice", "al\\ice", "\"", "\\", "a # b", "a;b", " a ",
                           "$(id)", "a\" * \"b", "@home"}) {
    config::ClientProfile client = a_client();
    client.ppp.user = text;
    client.ppp.password = Secret(text);
    client.tunnel.host_name = text;
    const Again again = out_and_in(client);
    ASSERT_EQ(again.import.profiles.size(), 1u) << text;
    const auto back = test::checked(again.import.profiles[0]);
    ASSERT_TRUE(back) << text << test::faults(again.import.profiles[0]);
    const auto& now = std::get<config::ClientProfile>(*back);
    EXPECT_EQ(now.ppp, client.ppp) << text;
    EXPECT_TRUE(now.tunnel.host_name == text ||
                (now.tunnel.host_name.empty() && again.warns("\"hostname\" is left out")))
        << text;
  }
  for (const char* text : {"a\nplugin evil.so", "a\r", "\x01", "@/etc/shadow"}) {
    config::ClientProfile client = a_client();
    client.ppp.password = Secret(text);
    const Again again = out_and_in(client);
    EXPECT_TRUE(again.warns("the password of \"alice\" is left out")) << text;
    EXPECT_EQ(test::secret_text(again.import.profiles.at(0), "password"), "(none)") << text;
  }
  config::ClientProfile client = a_client();
  client.peers[0].host = "a;b";
  EXPECT_TRUE(out_and_in(client).warns("\"lns\" is left out"));
  config::ListenerProfile listener = a_listener();
  listener.users[0].name = "*";
  const Again again = out_and_in(listener);
  EXPECT_TRUE(again.warns("stands for everybody"));
  ASSERT_EQ(test::faults(again.import.profiles.at(0)), "");
  EXPECT_EQ(
      std::get<config::ListenerProfile>(*test::checked(again.import.profiles[0])).users.size(),
      listener.users.size() - 1);
  // Nor do such names come in: no file and no caller gets a control character past our own reader.
  ImportedProfile odd = import_files(kClient).profiles.at(0);
  for (const char* pointer : {"/ppp/user", "/peers/0/host", "/tunnel/host-name"}) {
    ImportedProfile profile = odd;
    profile.profile[Json::json_pointer(pointer)] = "a\nb";
    EXPECT_NE(test::faults(profile), "") << pointer;
  }
}

}  // namespace
}  // namespace l2tpm::convert
