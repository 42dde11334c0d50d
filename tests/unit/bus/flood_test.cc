// The daemon whole, with five thousand control connections up, under clients of the bus that mean
// harm: what peers wait for comes first.
#include <gtest/gtest.h>
#include <l2tpm_dbus/compat.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "bus/presence.h"
#include "support/dialling_pair.h"
#include "support/private_bus.h"
#include "support/raw_l2tp_peer.h"

namespace l2tpm::bus {
namespace {

using test::RawPeer;

constexpr unsigned kTunnels = 5000;
constexpr unsigned kProbes = 30;
// A turn serves what is most urgent; a look at the bus in between is part of a turn.
constexpr unsigned kTurnsToAnswer = 4;

// Calls Dump and GetManagedObjects as fast as the bus takes them, and reads what comes.
class Flooder {
 public:
  explicit Flooder(const std::string& address)
      : thread_([this, address] {
          const auto connection = dbus::connect(address);
          sd_bus* const bus = dbus::raw_bus(*connection);
          while (!stop_) {
            call(bus, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
            call(bus, dbus::kInterface, "Dump", "sa{sv}", "state", 0);
            sd_bus_flush(bus);
            while (dbus::process_one(*connection)) {
            }
          }
        }) {}
  ~Flooder() {
    stop_ = true;
    thread_.join();
  }
  Flooder(const Flooder&) = delete;
  Flooder& operator=(const Flooder&) = delete;

  std::atomic<unsigned> asked = 0;
  std::atomic<unsigned> answered = 0;

 private:
  template <typename... Arguments>
  void call(sd_bus* bus, const char* interface, const char* member, const char* types,
            Arguments... arguments) {
    const auto on_answer = [](sd_bus_message*, void* self, sd_bus_error*) {
      ++static_cast<Flooder*>(self)->answered;
      return 0;
    };
    if (sd_bus_call_method_async(bus, nullptr, dbus::kName, dbus::kPath, interface, member,
                                 on_answer, this, types, arguments...) >= 0)
      ++asked;
  }
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class BusFlood : public ::testing::Test {
 protected:
  void SetUp() override {
    // Two sockets for each tunnel, ours and the peer's.
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    ASSERT_GE(limit.rlim_max, 2 * kTunnels + 500) << "raise the limit of open files";
    lns_.profile("lns", test::listener_text(1, R"("limits": {"tunnels": 65000, "half-open": 65000,
                                     "sccrq-per-source": 100000, "sccrq-total": 1000000})"));
    lns_.run();
    ASSERT_TRUE(test::run_until({&lns_}, [&] { return lns_.ready; }));
    presence_.emplace(*lns_.loop, *lns_.service, bus_.address());
    ASSERT_TRUE(presence_->is_on_bus());
  }
  void TearDown() override { presence_.reset(); }

  std::unique_ptr<RawPeer> peer(unsigned number) {
    return std::make_unique<RawPeer>(
        test::endpoint(test::loopback(2), static_cast<std::uint16_t>(10'000 + number)),
        test::endpoint(test::loopback(1), 1701));
  }
  // Turns until the peer has heard that; 0: it has not within so many.
  unsigned turns_until(RawPeer& who, wire::MessageType heard, unsigned most) {
    for (unsigned turn = 1; turn <= most; ++turn) {
      lns_.loop->turn(10ms);
      if (!who.heard(heard).empty()) return turn;
    }
    return 0;
  }

  test::PrivateBus bus_;
  test::Daemon lns_;
  std::optional<Presence> presence_;
};

TEST_F(BusFlood, PeersAreAnsweredFirst) {
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (unsigned number = 0; number < kTunnels; ++number) {
    peers.push_back(peer(number));
    peers.back()->ask(number + 1);
    ASSERT_NE(turns_until(*peers.back(), wire::MessageType::sccrp, 100), 0u) << number;
    peers.back()->connect(
        *peers.back()->heard(wire::MessageType::sccrp).front().assigned_tunnel_id);
  }
  const auto established = [&] {
    return lns_.service
        ->list_tunnels({.profile = {}, .state = "established", .peer = {}, .version = 0}, 0, 1)
        .total;
  };
  for (const TimePoint end = Clock::now() + 60s; established() < kTunnels && Clock::now() < end;)
    lns_.loop->turn(10ms);
  ASSERT_EQ(established(), kTunnels);

  // One that asks for everything and reads nothing.
  const auto silent = dbus::connect(bus_.address());
  for (int i = 0; i < 50; ++i)
    sd_bus_call_method_async(dbus::raw_bus(*silent), nullptr, dbus::kName, dbus::kPath,
                             dbus::kInterface, "ListTunnels", nullptr, nullptr, "a{sv}uu", 0, 0,
                             10'000);
  sd_bus_flush(dbus::raw_bus(*silent));
  Flooder flooder(bus_.address());
  while (flooder.answered < 100) lns_.loop->turn(10ms);

  for (unsigned probe = 0; probe < kProbes; ++probe) {
    const unsigned before = flooder.answered;
    // A stranger's SCCRQ is answered at once; a HELLO after the delay of an acknowledgement.
    const auto stranger = peer(kTunnels + probe);
    stranger->ask(kTunnels + probe + 1);
    EXPECT_NE(turns_until(*stranger, wire::MessageType::sccrp, kTurnsToAnswer), 0u) << probe;
    RawPeer& old = *peers[probe * (kTunnels / kProbes)];
    wire::ControlMessage hello;
    hello.type = wire::MessageType::hello;
    hello.tunnel_id = *old.heard(wire::MessageType::sccrp).front().assigned_tunnel_id;
    hello.ns = 2;
    hello.nr = 1;
    const auto acknowledged = [&] {
      const auto heard = old.heard(wire::MessageType::none);
      return !heard.empty() && heard.back().nr == 3;
    };
    old.say(hello);
    for (const TimePoint end = Clock::now() + 20s; !acknowledged() && Clock::now() < end;)
      lns_.loop->turn(10ms);
    EXPECT_TRUE(acknowledged()) << probe;
    while (flooder.answered == before) lns_.loop->turn(10ms);
  }
  EXPECT_GT(flooder.asked, 500u);
}

}  // namespace
}  // namespace l2tpm::bus
