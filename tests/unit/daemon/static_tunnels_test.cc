// Profiles without a control connection: what the kernel is asked for, and what is remembered.
#include <algorithm>
#include <filesystem>

#include "daemon/static_memory.h"
#include "support/two_daemons.h"

namespace l2tpm::daemon {
namespace {

using test::Daemon;
using test::run_until;

constexpr const char* kProfile =
    R"({"kind": "static", "local": {"address": "127.0.0.1", "port": 5000},
  "peer": {"address": "127.0.0.2", "port": 5000}, "tunnel-id": 7, "peer-tunnel-id": 8,
  "sessions": [{"session-id": 70, "peer-session-id": 80, "interface": "l2s0"}]})";

TEST(StaticTunnels, AreKeptAndGoWithTheirProfile) {
  Daemon daemon;
  daemon.profile("fixed", kProfile);
  daemon.run();
  ASSERT_TRUE(run_until({&daemon}, [&] { return daemon.dataplane.statics.size() == 1; }));
  EXPECT_TRUE(run_until({&daemon}, [&] { return daemon.state_of("fixed") == "established"; }));
  EXPECT_EQ(daemon.sessions_up(), 1u);
  EXPECT_EQ(daemon.dataplane.statics[0].sessions.at(0).interface_name, "l2s0");
  const auto memory = daemon.directory / "state" / "static-tunnels.json";
  EXPECT_TRUE(run_until({&daemon}, [&] { return std::filesystem::exists(memory); }));

  const std::size_t before = daemon.count_calls("converge_static");
  daemon.dataplane.emit(kernel::StaticDisturbed{});
  EXPECT_TRUE(run_until({&daemon}, [&] { return daemon.count_calls("converge_static") > before; }));

  daemon.drop_profile("fixed");
  daemon.service->reload();
  EXPECT_TRUE(run_until({&daemon}, [&] {
    return daemon.dataplane.statics.empty() && !std::filesystem::exists(memory);
  }));
  EXPECT_EQ(daemon.state_of("fixed"), "");
}

TEST(StaticTunnels, AreStartedAndStopped) {
  Daemon daemon;
  daemon.profile("fixed", kProfile);
  daemon.run();
  ASSERT_TRUE(run_until({&daemon}, [&] { return daemon.state_of("fixed") == "established"; }));
  ASSERT_TRUE(daemon.service->stop("fixed", {}));
  EXPECT_TRUE(run_until({&daemon}, [&] { return daemon.dataplane.statics.empty(); }));
  EXPECT_EQ(daemon.state_of("fixed"), "idle");
  ASSERT_TRUE(daemon.service->start("fixed", {}));
  EXPECT_TRUE(run_until({&daemon}, [&] { return daemon.state_of("fixed") == "established"; }));
}

TEST(StaticTunnels, AreShownInFull) {
  Daemon daemon;
  daemon.profile("fixed", kProfile);
  daemon.run();
  ASSERT_TRUE(run_until({&daemon}, [&] { return daemon.state_of("fixed") == "established"; }));
  const auto tunnel = daemon.service->tunnel("fixed");
  ASSERT_TRUE(tunnel);
  EXPECT_EQ(tunnel->role, "static");
  EXPECT_EQ(tunnel->ids, std::vector<std::uint32_t>{70});
  const auto session = daemon.service->session("fixed", 70);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->session.state, "up");
  ASSERT_TRUE(session->ethernet);
  EXPECT_TRUE(session->ethernet->sublayer);
  EXPECT_EQ(daemon.service->session_by_interface("l2s0")->session, 70u);
  EXPECT_TRUE(daemon.service->describe_session("fixed", 70));
  EXPECT_TRUE(daemon.service->statistics(StatisticsOf::session, "fixed", 70));
  EXPECT_TRUE(daemon.service->statistics(StatisticsOf::tunnel, "fixed", 0));
  EXPECT_FALSE(daemon.service->session("fixed", 71));
  EXPECT_FALSE(daemon.service->describe_session("fixed", 71));
  EXPECT_FALSE(daemon.service->statistics(StatisticsOf::session, "fixed", 71));
}

// Faces are told each step, and what is in the way in words.
TEST(StaticTunnels, SayHowTheyAre) {
  Daemon daemon;
  daemon.profile("fixed", kProfile);
  std::vector<std::string> told;
  daemon.run();
  daemon.service->subscribe({kTunnelEvents | kSessionEvents, {}, 0}, [&](const Event& event) {
    if (const auto* tunnel = std::get_if<TunnelEvent>(&event.what))
      told.push_back(tunnel->tunnel + " " + tunnel->old_state + ">" + tunnel->new_state);
    if (const auto* session = std::get_if<SessionEvent>(&event.what))
      told.push_back(std::to_string(session->session) + " " + session->pseudowire + " " +
                     session->old_state + ">" + session->new_state);
  });
  ASSERT_TRUE(run_until({&daemon}, [&] { return daemon.state_of("fixed") == "established"; }));
  EXPECT_EQ(daemon.service->tunnel("fixed")->version3.convergence, "converged");
  EXPECT_TRUE(daemon.service->tunnel("fixed")->exported);
  EXPECT_EQ(told.back(), "70 ethernet connecting>up") << told.size();
  ASSERT_TRUE(daemon.service->stop("fixed", {}));
  EXPECT_TRUE(run_until({&daemon}, [&] { return daemon.dataplane.statics.empty(); }));
  EXPECT_EQ(daemon.service->tunnel("fixed")->version3.convergence, "idle");
  EXPECT_NE(std::find(told.begin(), told.end(), "fixed established>idle"), told.end());
  EXPECT_NE(std::find(told.begin(), told.end(), "70 ethernet up>"), told.end());
  daemon.drop_profile("fixed");
  daemon.service->reload();
  EXPECT_TRUE(run_until({&daemon}, [&] { return told.back() == "fixed idle>"; }));
}

TEST(StaticMemory, ComesBackAsItWas) {
  kernel::StaticTunnel tunnel;
  tunnel.local = TunnelId(7);
  tunnel.peer = TunnelId(8);
  tunnel.local_end = {IpAddress::v4(0x7f000001), 5000, 0};
  tunnel.peer_end = {IpAddress::v4(0x7f000002), 5000, 0};
  kernel::EthernetSpec session;
  session.key = {TunnelId(7), SessionId(0x80000001)};
  session.peer_session = SessionId(2);
  session.framing = {
      {1,       2, 3, 0xff},
      {},
      false
  };
  session.interface_name = "l2s0";
  session.vlan = kernel::VlanDevice{5, "v5"};
  kernel::BridgePort port;
  port.bridge = "br0";
  port.create.emplace();
  session.attachment = port;
  tunnel.sessions = {session};
  EXPECT_EQ(static_tunnels_of(text_of({tunnel})), std::vector{tunnel});
  for (const char* bad : {"", "x", "{}", "[1]", R"([{"tunnel": 7}])"})
    EXPECT_TRUE(static_tunnels_of(bad).empty()) << bad;
}

}  // namespace
}  // namespace l2tpm::daemon
