// "bcp" in profiles and of users.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "support/config_text.h"

namespace l2tpm::config {
namespace {

using test::read_text;

std::string client(const std::string& ppp) {
  return R"({"kind": "client", "peer": "lns.example.net", "ppp": {)" + ppp + "}}";
}
std::string listener(const std::string& ppp, const std::string& user = "") {
  return R"({"kind": "listener", "ppp": {)" + ppp +
         R"(}, "users": [{"name": "alice", "password": "Secret1")" + user + "}]}";
}

TEST(BcpProfile, BridgingAloneByDefault) {
  const auto read = read_text(client(R"("bcp": {"bridge": "br0"})"));
  ASSERT_TRUE(read.profile) << read.errors;
  const ClientPpp& ppp = read.client().ppp;
  ASSERT_TRUE(ppp.bcp);
  EXPECT_EQ(ppp.bcp->bridge.name, "br0");
  EXPECT_TRUE(ppp.bcp->bridge.learning);
  EXPECT_EQ(ppp.bcp->mtu, 1500);
  EXPECT_EQ(ppp.bcp->path, BcpPath::automatic);
  EXPECT_EQ(ppp.bcp->mrru, 0);
  EXPECT_EQ(ppp.bcp->send_tagged, BcpSend::agreed);
  EXPECT_EQ(ppp.bcp->send_bpdus, BcpSend::agreed);
  EXPECT_FALSE(ppp.ipv4.enabled || ppp.ipv6.enabled);
  EXPECT_EQ(read.client().data_sequencing, DataSequencing::want);

  const auto both = read_text(client(R"("bcp": {"bridge": "br0"}, "ipv4": true)"));
  ASSERT_TRUE(both.profile) << both.errors;
  EXPECT_TRUE(both.client().ppp.ipv4.enabled);
  EXPECT_FALSE(both.client().ppp.ipv6.enabled);
}

TEST(BcpProfile, EverythingOfIt) {
  const auto read = read_text(client(R"("bcp": {
      "bridge": {"name": "br0", "create": true, "stp": true, "learning": false, "isolated": true},
      "mtu": 1400, "mac": "02:00:5e:10:00:01", "path": "relay", "mrru": 1600,
      "send-tagged": "never", "send-bpdus": "always",
      "mac-limit": 64, "broadcast-limit": 100, "multicast-limit": 200})"));
  ASSERT_TRUE(read.profile) << read.errors;
  const Bcp& bcp = *read.client().ppp.bcp;
  EXPECT_TRUE(bcp.bridge.create && bcp.bridge.stp && bcp.bridge.isolated && !bcp.bridge.learning);
  EXPECT_EQ(bcp.mtu, 1400);
  EXPECT_EQ(bcp.mac->to_string(), "02:00:5e:10:00:01");
  EXPECT_EQ(bcp.path, BcpPath::relay);
  EXPECT_EQ(bcp.mrru, 1600);
  EXPECT_EQ(bcp.send_tagged, BcpSend::never);
  EXPECT_EQ(bcp.send_bpdus, BcpSend::always);
  EXPECT_EQ(bcp.mac_limit, 64u);
  EXPECT_EQ(bcp.broadcast_limit, 100u);
  EXPECT_EQ(bcp.multicast_limit, 200u);
}

TEST(BcpProfile, WhatContradictsItself) {
  EXPECT_NE(read_text(client(R"("bcp": {})")).errors.find("needs a \"bridge\""), std::string::npos);
  const std::string kernel = R"("bcp": {"bridge": "br0", "path": "kernel")";
  const char* const more[] = {R"(, "mrru": 1600})", R"(}, "ipv4": true)", R"(}, "ipv6": true)",
                              R"(}, "mppe": "prefer")"};
  EXPECT_TRUE(read_text(client(kernel + "}")).profile);
  for (const char* each : more) {
    const auto read = read_text(client(kernel + each));
    EXPECT_NE(read.errors.find("has \"path\": \"kernel\""), std::string::npos)
        << each << read.errors;
  }
}

TEST(BcpProfile, OfAListenerAndOfUsers) {
  const auto all = read_text(listener(R"("bcp": {"bridge": "br0"})"));
  ASSERT_TRUE(all.profile) << all.errors;
  EXPECT_TRUE(all.listener().bridges());
  EXPECT_FALSE(all.listener().ppp.ipv4.enabled || all.listener().ppp.ipv6.enabled);
  EXPECT_EQ(all.listener().data_sequencing, DataSequencing::want);

  const std::string ipv4 =
      R"("ipv4": {"local-address": "10.0.0.1", "pool": ["10.0.0.8-10.0.0.9"]})";
  const auto one = read_text(listener(ipv4, R"(, "bcp": {"bridge": "br1"})"));
  ASSERT_TRUE(one.profile) << one.errors;
  EXPECT_FALSE(one.listener().ppp.bcp);
  EXPECT_TRUE(one.listener().ppp.ipv4.enabled);
  EXPECT_EQ(one.listener().users[0].bcp->bridge.name, "br1");
  EXPECT_TRUE(one.listener().bridges());
  EXPECT_EQ(one.listener().data_sequencing, DataSequencing::none);
}

// Sessions that stand keep the port they have.
TEST(BcpProfile, AChangeIsForNewSessions) {
  const auto changes = [](const std::string& ppp) {
    Config old, fresh;
    old.clients["work"] = read_text(client(R"("bcp": {"bridge": "br0"})")).client();
    fresh.clients["work"] = read_text(client(ppp)).client();
    std::string text;
    for (const auto& change : diff(old, fresh)) text += change.to_string();
    return text;
  };
  EXPECT_EQ(changes(R"("bcp": {"bridge": "br0", "mtu": 1500})"), "");
  const std::string text = changes(R"("bcp": {"bridge": {"name": "br0", "learning": false}})");
  EXPECT_NE(text.find("changed ppp.bcp (from the next session on)"), std::string::npos) << text;
}

}  // namespace
}  // namespace l2tpm::config
