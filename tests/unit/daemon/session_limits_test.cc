// How long a session may be.
#include "support/two_daemons.h"

namespace l2tpm::daemon {
namespace {

using test::Daemon;
using test::loopback;
using test::run_until;

TEST(SessionLimits, ASessionEndsWhenItsTimeIsOver) {
  Daemon lns, client;
  lns.profile("lns", fmt::format(R"({{
    "kind": "listener", "listen": {{"addresses": ["{}"]}}, "session-timeout": "1s",
    "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}, "ipv6": false}},
    "users": [{{"name": "alice", "password": "Secret1"}}]
  }})",
                                 loopback(1)));
  client.profile("work", fmt::format(R"({{
    "kind": "client", "autostart": true, "peer": "{}", "local": {{"address": "{}"}},
    "ppp": {{"user": "alice", "password": "Secret1", "ipv6": false}}, "redial": {{"enabled": false}}
  }})",
                                     loopback(1), loopback(2)));
  lns.run();
  ASSERT_TRUE(run_until({&lns}, [&] { return lns.ready; }));
  client.run();
  ASSERT_TRUE(run_until({&lns, &client}, [&] { return lns.sessions_up() == 1; }));
  const TimePoint up = Clock::now();
  ASSERT_TRUE(run_until({&lns, &client}, [&] { return client.state_of("work") == "failed"; }));
  EXPECT_GE(Clock::now() - up, 900ms);
  // The LNS's Terminate-Request says so, and so does its CDN.
  EXPECT_NE(client.last_error("work").message.find("session-timeout"), std::string::npos)
      << client.last_error("work").to_string();
  EXPECT_TRUE(run_until({&lns, &client}, [&] { return lns.holds_nothing(); }));
}

}  // namespace
}  // namespace l2tpm::daemon
