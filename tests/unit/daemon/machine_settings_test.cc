// What a profile says reaches the machines.
#include "daemon/machine_settings.h"

#include <gtest/gtest.h>

#include "support/config_text.h"

namespace l2tpm::daemon {
namespace {

config::ListenerProfile listener(const std::string& ppp, const std::string& more = {}) {
  const auto read =
      test::read_text(fmt::format(R"({{
    "kind": "listener", "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}{}{}}},
    "users": [{{"name": "alice", "password": "p"}}]{}{}
  }})",
                                  ppp.empty() ? "" : ", ", ppp, more.empty() ? "" : ", ", more));
  EXPECT_EQ(read.errors, "");
  return read.listener();
}

TEST(MachineSettings, ARepeatedChallenge) {
  EXPECT_EQ(link_settings(listener(""), "lns", ppp::Role::called, 1462)->rechallenge_interval, 0s);
  const auto settings =
      link_settings(listener(R"("rechallenge": "5m")"), "lns", ppp::Role::called, 1462);
  EXPECT_EQ(settings->rechallenge_interval, 5min);
}

TEST(MachineSettings, WhatIsForgivenToAPeer) {
  const auto plain = listener("");
  EXPECT_FALSE(l2tp_settings(plain.tunnel, "lns", 1)->quirks.ignore_unanswered_hello);
  const auto kind = listener("", R"("tunnel": {"ignore-unanswered-hello": true})");
  EXPECT_TRUE(l2tp_settings(kind.tunnel, "lns", 1)->quirks.ignore_unanswered_hello);
}

}  // namespace
}  // namespace l2tpm::daemon
