// The server alone: its turns, its name, what it does when the bus goes, and what it refuses.
#include "bus/server.h"

#include <gtest/gtest.h>
#include <l2tpm_dbus/compat.h>

#include <condition_variable>

#include "bus/errors.h"
#include "support/bus_client.h"
#include "support/bus_listener.h"
#include "support/private_bus.h"
#include "support/served_bus.h"

// sdbus-c++ 1.2 leaks the bus object when an address cannot be connected to.
extern "C" const char* __lsan_default_suppressions() { return "leak:sd_bus_new\n"; }

namespace l2tpm::bus {
namespace {

using test::error_of;
using test::PrivateBus;
using test::ServedBus;

TEST(Server, SaysWhyItCannotOpen) {
  test::FakeService service;
  const auto nowhere = Server::open(service, "unix:path=/nonexistent/bus");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message, "");

  const PrivateBus bus;
  const auto first = Server::open(service, bus.address());
  ASSERT_TRUE(first);
  const auto second = Server::open(service, bus.address());
  ASSERT_FALSE(second) << "the name is taken";
  EXPECT_NE(second.error().name, "");
}

TEST(Server, IsUnmovedByTheBusGoing) {
  PrivateBus bus;
  ServedBus served(bus.address());
  bus.kill();
  served.join();
  EXPECT_TRUE(served.lost);
}

TEST(Server, AfterTheBusHasGoneEveryCallIsHarmless) {
  PrivateBus bus;
  test::FakeService service;
  auto server = Server::open(service, bus.address());
  ASSERT_TRUE(server);
  bus.kill();
  auto last = Server::Turn::more;
  while (last != Server::Turn::lost) last = test::turn(**server, -1, true);
  EXPECT_EQ((*server)->process(5), Server::Turn::lost);
  EXPECT_EQ((*server)->poll_data().fd, -1);
  service.emit({0, daemon::DaemonEvent{"stopping"}});
}

// A flood on the bus costs the loop a bounded number of messages per turn.
TEST(Server, HandlesABoundedNumberOfMessagesPerTurn) {
  const PrivateBus bus;
  test::FakeService service;
  auto server = Server::open(service, bus.address());
  ASSERT_TRUE(server);
  while ((*server)->process(1) == Server::Turn::more) {
  }

  const auto connection = dbus::connect(bus.address());
  constexpr int kCalls = 20;
  const auto proxy = sdbus::createProxy(*connection, dbus::ServiceName(dbus::kName),
                                        dbus::ObjectPath(dbus::kPath));
  int answers = 0;
  for (int i = 0; i < kCalls; ++i)
    proxy->callMethodAsync("Describe")
        .onInterface(dbus::kInterface)
        .uponReplyInvoke([&](dbus::AsyncError, const std::string&) { ++answers; });
  int turns_with_more = 0;
  while (answers < kCalls) {
    if (test::turn(**server, -1, false) == Server::Turn::more) ++turns_with_more;
    while (dbus::process_one(*connection)) {
    }
  }
  EXPECT_GT(turns_with_more, 0) << "20 calls fit into no turn of 4";
}

TEST(Server, AnnouncesItsState) {
  const PrivateBus bus;
  test::FakeService service;
  auto server = Server::open(service, bus.address());
  ASSERT_TRUE(server);
  const auto connection = dbus::connect(bus.address());
  const test::BusListener listener(*connection, "type='signal',path='/org/L2tpManager1'");
  const std::vector<std::string>& heard = listener.members;
  for (const char* state : {"reloading", "running"}) {
    service.with([&](auto& facts) { facts.daemon_state = state; });
    service.emit({0, daemon::DaemonEvent{state}});
  }
  while (heard.size() < 2) {
    test::turn(**server, -1, false);
    dbus::process_one(*connection);
  }
  EXPECT_EQ(heard, (std::vector<std::string>{"Reloading", "Reloading"}))
      << "what is as it was has not changed";
  service.with([](auto& facts) { facts.daemon_state = "draining"; });
  service.emit({0, daemon::DaemonEvent{"draining"}});
  while (heard.size() < 3) {
    test::turn(**server, -1, false);
    dbus::process_one(*connection);
  }
  EXPECT_EQ(heard.back(), "PropertiesChanged");
  EXPECT_EQ((*server)->failed_emits(), 0u);
}

class Served : public testing::Test {
 protected:
  PrivateBus bus_;
  ServedBus served_{bus_.address()};
  std::unique_ptr<sdbus::IConnection> connection_ = dbus::connect(bus_.address());
  test::ManagerClient manager_{*connection_};
};

TEST_F(Served, StartReturnsTheTunnelsPath) {
  served_.service.with([](auto& state) { state.profiles = {"head-office"}; });
  EXPECT_EQ(manager_.Start("head-office", {}), "/org/L2tpManager1/tunnel/head_2doffice");
}

TEST_F(Served, ErrorsHaveTheirNames) {
  EXPECT_EQ(error_of([&] { manager_.Start("nobody", {}); }), "org.L2tpManager1.Error.NotFound");
  EXPECT_EQ(error_of([&] { manager_.Stop("nobody", {}); }), "org.L2tpManager1.Error.WrongState");
  EXPECT_EQ(error_of([&] { manager_.CloseSession("work", 1, {}); }),
            "org.L2tpManager1.Error.NotFound");
  EXPECT_EQ(error_of([&] { manager_.DescribeTunnel("work"); }), "org.L2tpManager1.Error.NotFound");
  EXPECT_EQ(error_of([&] { manager_.DescribeSession("work", 1); }),
            "org.L2tpManager1.Error.NotFound");
}

TEST_F(Served, RefusesOptionsAndFiltersItDoesNotKnow) {
  EXPECT_EQ(error_of([&] {
              manager_.Start("work", {
                                         {"wait", sdbus::Variant(true)}
              });
            }),
            kInvalidArgs);
  EXPECT_EQ(error_of([&] {
              manager_.ListTunnels(
                  {
                      {"colour", sdbus::Variant(std::string("red"))}
              },
                  0, 0);
            }),
            kInvalidArgs);
  EXPECT_EQ(error_of([&] {
              manager_.ListSessions(
                  {
                      {"user", sdbus::Variant(std::uint32_t{7})}
              },
                  0, 0);
            }),
            kInvalidArgs);
  served_.service.with([](auto& state) { EXPECT_TRUE(state.asked.empty()); });
}

TEST_F(Served, ListsArePaged) {
  served_.service.with([](auto& state) {
    for (std::uint32_t id = 1; id <= 1500; ++id) {
      daemon::SessionView view;
      view.tunnel = "isp";
      view.id = id;
      state.sessions.push_back(view);
    }
  });
  const auto [rows, total] = manager_.ListSessions({}, 0, 0);
  EXPECT_EQ(rows.size(), 1000u) << "the default limit";
  EXPECT_EQ(total, 1500u);
  const auto [rest, again] = manager_.ListSessions({}, 1490, 100);
  ASSERT_EQ(rest.size(), 10u);
  EXPECT_EQ(std::get<1>(rest.back()), 1500u);
}

TEST_F(Served, ReloadTellsErrorsFromChanges) {
  served_.service.with([](auto& state) {
    state.reload_lines = {"work: changed", "error: isp.json:3:1: unknown key"};
  });
  const auto [changed, diagnostics] = manager_.Reload();
  EXPECT_EQ(changed, std::vector<std::string>{"work: changed"});
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(std::get<0>(diagnostics[0]), "error");
  EXPECT_EQ(std::get<2>(diagnostics[0]), "isp.json:3:1: unknown key");
}

TEST_F(Served, PropertiesAreTheServices) {
  EXPECT_EQ(manager_.Version(), "9.8.7");
  EXPECT_EQ(manager_.State(), "running");
  EXPECT_EQ(manager_.KernelFeatures(), (std::vector<std::string>{"ppp", "mppe"}));
}

}  // namespace
}  // namespace l2tpm::bus
