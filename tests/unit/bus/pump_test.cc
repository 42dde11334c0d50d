// The bus on the daemon's loop: it is answered however busy the loop is, and no answer waits for a
// wake-up that does not come.
#include "bus/pump.h"

#include <gtest/gtest.h>
#include <l2tpm_dbus/compat.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "support/fake_service.h"
#include "support/private_bus.h"

namespace l2tpm::bus {
namespace {

using test::PrivateBus;

class PumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = daemon::EventLoop::create();
    ASSERT_TRUE(made);
    loop = std::move(*made);
    auto opened = Server::open(service, bus.address());
    ASSERT_TRUE(opened);
    server = std::move(*opened);
    pump = std::make_unique<Pump>(*loop, *server);
    caller = dbus::connect(bus.address());
    proxy =
        sdbus::createProxy(*caller, dbus::ServiceName(dbus::kName), dbus::ObjectPath(dbus::kPath));
  }
  void TearDown() override {
    proxy.reset();
    pump.reset();
  }

  void have_tunnels(std::size_t count) {
    service.with([&](auto& state) {
      for (std::size_t i = 0; i < count; ++i) {
        daemon::TunnelView view;
        view.name = "office-" + std::to_string(i);
        view.remote = "198.18.0.1:1701";
        state.tunnels.push_back(std::move(view));
      }
    });
  }
  void list_tunnels() {
    proxy->callMethodAsync("ListTunnels")
        .onInterface(dbus::kInterface)
        .withArguments(std::map<std::string, sdbus::Variant>{}, std::uint32_t{0},
                       std::uint32_t{10'000})
        .uponReplyInvoke(
            [this](dbus::AsyncError, const std::vector<TunnelRow>& rows, const std::uint32_t&) {
              ++answers;
              rows_seen = rows.size();
            });
  }
  void let_caller_read() {
    while (dbus::process_one(*caller)) {
    }
  }

  using TunnelRow = sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string,
                                  std::string, std::string, std::uint32_t>;
  PrivateBus bus;
  test::FakeService service;
  std::unique_ptr<daemon::EventLoop> loop;
  std::unique_ptr<Server> server;
  std::unique_ptr<Pump> pump;
  std::unique_ptr<sdbus::IConnection> caller;
  std::unique_ptr<sdbus::IProxy> proxy;
  unsigned answers = 0;
  std::size_t rows_seen = 0;
};

// A listener under a flood is always ready, and comes before the bus.
TEST_F(PumpTest, AnswersWhileSomethingMoreUrgentIsAlwaysReady) {
  have_tunnels(1000);
  const UniqueFd flood{::eventfd(1, EFD_CLOEXEC)};
  unsigned urgent = 0;
  ASSERT_TRUE(loop->watch(flood.get(), EPOLLIN, daemon::LoopPriority::control,
                          [&](std::uint32_t) { ++urgent; }));
  for (unsigned call = 1; call <= 5; ++call) {
    list_tunnels();
    const TimePoint end = Clock::now() + 20s;
    while (answers < call && Clock::now() < end) {
      loop->turn(0ms);
      let_caller_read();
    }
    ASSERT_EQ(answers, call) << "after " << urgent << " urgent turns";
    EXPECT_EQ(rows_seen, 1000u);
  }
  EXPECT_GT(urgent, 0u);
}

// More than a socket takes at once: what is left goes when there is room, not when something else
// happens to wake the loop.
TEST_F(PumpTest, ALongAnswerNeedsNoOtherWakeUp) {
  have_tunnels(10'000);
  for (unsigned call = 1; call <= 3; ++call) {
    list_tunnels();
    list_tunnels();
    while (answers < 2 * call) {
      const TimePoint before = Clock::now();
      loop->turn(5s);
      ASSERT_LT(Clock::now() - before, 4s) << "the loop slept with an answer half sent";
      let_caller_read();
    }
    EXPECT_EQ(rows_seen, 10'000u);
  }
}

}  // namespace
}  // namespace l2tpm::bus
