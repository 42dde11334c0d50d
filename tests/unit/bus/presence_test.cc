// The daemon is on the bus whenever there is one.
#include "bus/presence.h"

#include <gtest/gtest.h>
#include <l2tpm_dbus/compat.h>

#include <algorithm>

#include "support/captured_log.h"
#include "support/fake_service.h"
#include "support/private_bus.h"

namespace l2tpm::bus {
namespace {

using test::PrivateBus;

class PresenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = daemon::EventLoop::create();
    ASSERT_TRUE(made);
    loop = std::move(*made);
  }
  void come(const std::string& address) {
    presence.emplace(*loop, service, address, Presence::Pauses{1ms, 50ms});
  }
  bool wait_for(bool on_bus) {
    const TimePoint end = Clock::now() + 20s;
    while (presence->is_on_bus() != on_bus && Clock::now() < end) loop->turn(100ms);
    return presence->is_on_bus() == on_bus;
  }
  // Somebody who has just come to the bus asks.
  bool answers(const std::string& address) {
    const auto caller = dbus::connect(address);
    const auto proxy =
        sdbus::createProxy(*caller, dbus::ServiceName(dbus::kName), dbus::ObjectPath(dbus::kPath));
    bool answered = false;
    proxy->callMethodAsync("ListTunnels")
        .onInterface(dbus::kInterface)
        .withArguments(std::map<std::string, sdbus::Variant>{}, std::uint32_t{0}, std::uint32_t{10})
        .uponReplyInvoke([&](dbus::AsyncError error, const std::vector<TunnelRow>&,
                             const std::uint32_t&) { answered = !error; });
    const TimePoint end = Clock::now() + 20s;
    while (!answered && Clock::now() < end) {
      loop->turn(10ms);
      while (dbus::process_one(*caller)) {
      }
    }
    return answered;
  }

  using TunnelRow = sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string,
                                  std::string, std::string, std::uint32_t>;
  test::FakeService service;
  std::unique_ptr<daemon::EventLoop> loop;
  std::optional<Presence> presence;
};

TEST_F(PresenceTest, ComesWhenTheBusComes) {
  PrivateBus bus;
  bus.kill();
  test::CapturedLog log;
  come(bus.address());
  EXPECT_FALSE(presence->is_on_bus());
  // Several attempts, and one line about them.
  const TimePoint end = Clock::now() + 200ms;
  while (Clock::now() < end) loop->turn(20ms);
  EXPECT_FALSE(presence->is_on_bus());
  EXPECT_EQ(log.count("running without D-Bus"), 1u);

  bus.restart();
  ASSERT_TRUE(wait_for(true));
  EXPECT_TRUE(answers(bus.address()));
}

TEST_F(PresenceTest, ComesBackToARestartedBusWithoutItsOwners) {
  PrivateBus bus;
  come(bus.address());
  ASSERT_TRUE(presence->is_on_bus());
  for (int i = 0; i < 2; ++i) {
    bus.restart();
    ASSERT_TRUE(wait_for(false));
    ASSERT_TRUE(wait_for(true));
    EXPECT_TRUE(answers(bus.address()));
  }
  service.with([](auto& state) {
    EXPECT_EQ(std::count(state.vanished.begin(), state.vanished.end(), "*"), 2);
  });
}

TEST_F(PresenceTest, WaitsForTheNameToBeFree) {
  PrivateBus bus;
  auto other = std::make_unique<test::FakeService>();
  auto holder = Server::open(*other, bus.address());
  ASSERT_TRUE(holder);
  come(bus.address());
  EXPECT_FALSE(presence->is_on_bus());
  holder->reset();
  ASSERT_TRUE(wait_for(true));
  EXPECT_TRUE(answers(bus.address()));
}

// The loop is not held up by a bus that takes connections and says nothing, nor is the end.
TEST_F(PresenceTest, ASilentBusHoldsUpNothing) {
  PrivateBus bus;
  bus.kill();
  come(bus.address());
  bus.restart();
  bus.stop();
  const TimePoint end = Clock::now() + 200ms;
  while (Clock::now() < end) {
    const TimePoint before = Clock::now();
    loop->turn(10ms);
    ASSERT_LT(Clock::now() - before, 5s);
  }
  EXPECT_FALSE(presence->is_on_bus());
  const TimePoint before = Clock::now();
  presence.reset();
  EXPECT_LT(Clock::now() - before, 5s);
}

}  // namespace
}  // namespace l2tpm::bus
