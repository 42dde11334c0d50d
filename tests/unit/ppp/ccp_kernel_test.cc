// Two Ccp machines and two kernel models over a link that loses, duplicates and reorders: when both
// are open, each direction is encrypted with one key that both kernels initialised once.

#include <gtest/gtest.h>

#include "ppp/ccp.h"
#include "support/mppe_unit.h"
#include "support/ppp_auth.h"

namespace l2tpm::ppp {
namespace {

using testing::in_step;
using testing::MppeUnit;
using testing::Packet;

const TimePoint kStart{};
const FsmTimers kTimers;

struct End {
  End(const MppePolicy& settings, const MppeKeys& keys) : ccp(settings, keys, kTimers) {}
  Ccp ccp;
  MppeUnit unit;
  bool up = false;
  bool failed = false;
};

class Wire {
 public:
  Wire(const MppePolicy& a_settings, const MppePolicy& z_settings, std::uint64_t seed)
      : a(a_settings, mschapv2_keys(Bytes(16, 1), Bytes(24, 2), true)),
        z(z_settings, mschapv2_keys(Bytes(16, 1), Bytes(24, 2), false)),
        random_(seed) {}

  End a, z;
  unsigned loss = 0, duplication = 0, jitter = 0;
  TimePoint now = kStart;

  void open() {
    a.ccp.open(now);
    z.ccp.open(now);
    drain();
  }
  void run(TimePoint until) {
    for (int steps = 0; steps < 100000; ++steps) {
      std::optional<TimePoint> next;
      const auto consider = [&next](std::optional<TimePoint> when) {
        if (when && (!next || *when < *next)) next = when;
      };
      for (const auto& flight : flying_) consider(flight.when);
      consider(a.ccp.next_deadline());
      consider(z.ccp.next_deadline());
      if (!next || *next > until) {
        now = until;
        return;
      }
      now = std::max(now, *next);
      deliver();
      a.ccp.handle_timeout(now);
      z.ccp.handle_timeout(now);
      drain();
    }
    FAIL() << "the negotiation does not come to rest";
  }
  void drain() {
    drain(a, z);
    drain(z, a);
  }
  bool both_up() const { return a.up && z.up; }
  bool encrypted() const { return in_step(a.unit, z.unit) && in_step(z.unit, a.unit); }

 private:
  struct Flight {
    TimePoint when;
    End* to;
    Bytes frame;
  };
  void deliver() {
    std::vector<Flight> due;
    for (auto it = flying_.begin(); it != flying_.end();)
      if (it->when <= now) {
        due.push_back(*it);
        it = flying_.erase(it);
      } else {
        ++it;
      }
    for (const auto& flight : due) {
      flight.to->unit.peek(ByteView(flight.frame).subspan(2), true);
      flight.to->ccp.receive(*Packet(flight.frame).packet, now);
      drain();
    }
  }
  void drain(End& end, End& other) {
    for (auto& action : end.ccp.take_actions()) {
      if (const auto* key = std::get_if<SetMppe>(&action)) end.unit.set(*key);
      if (const auto* flags = std::get_if<SetCcpFlags>(&action)) end.unit.set(*flags);
      if (std::get_if<CcpUp>(&action)) end.up = true;
      if (std::get_if<CcpDown>(&action)) end.up = false;
      if (std::get_if<CcpFailed>(&action)) end.failed = true;
      if (const auto* frame = std::get_if<SendFrame>(&action)) {
        end.unit.peek(ByteView(frame->frame).subspan(2), false);
        const unsigned copies = random_.below(100) < duplication ? 2 : 1;
        for (unsigned copy = 0; copy < copies; ++copy)
          if (random_.below(100) >= loss)
            flying_.push_back(
                {now + 20ms + std::chrono::milliseconds(jitter ? random_.below(jitter) : 0), &other,
                 frame->frame});
      }
    }
  }

  SeededRandom random_;
  std::vector<Flight> flying_;
};

MppePolicy require(bool bits_40, bool bits_128) {
  return {.use = MppeUse::require, .allow_40 = bits_40, .allow_128 = bits_128};
}

TEST(CcpKernel, GoodWeatherEveryPolicy) {
  for (const bool a40 : {false, true})
    for (const bool a128 : {false, true})
      for (const bool z40 : {false, true})
        for (const bool z128 : {false, true}) {
          if (!(a40 || a128) || !(z40 || z128)) continue;
          Wire wire(require(a40, a128), require(z40, z128), 1);
          wire.open();
          wire.run(kStart + 60s);
          const bool possible = (a40 && z40) || (a128 && z128);
          EXPECT_EQ(wire.both_up(), possible) << a40 << a128 << z40 << z128;
          EXPECT_EQ(wire.encrypted(), possible);
          EXPECT_EQ(wire.a.failed && wire.z.failed, !possible);
          if (possible && a128 && z128) {
            EXPECT_EQ(wire.a.ccp.transmit_mode()->strength, MppeStrength::bits_128);
          }
        }
}

TEST(CcpKernel, LossDuplicatesReordering) {
  unsigned up = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Wire wire(require(seed % 2 == 0, true), require(true, true), seed);
    wire.loss = 20;
    wire.duplication = 10;
    wire.jitter = seed % 3 == 0 ? 200 : 0;
    wire.open();
    // The weather clears after a while; whatever state that finds must heal.
    wire.run(kStart + 10s);
    wire.loss = wire.duplication = wire.jitter = 0;
    wire.run(kStart + 60s);
    if (wire.a.failed || wire.z.failed) continue;
    ++up;
    EXPECT_TRUE(wire.both_up());
    EXPECT_TRUE(wire.encrypted());
  }
  EXPECT_GE(up, 390u);
}

// A decryption error, the Reset lost for a while or for good.
TEST(CcpKernel, SynchronisationIsRegained) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Wire wire(require(false, true), require(false, true), seed);
    wire.open();
    wire.run(kStart + 5s);
    ASSERT_TRUE(wire.encrypted());
    wire.a.unit.receive_error = true;
    wire.loss = seed % 2 == 0 ? 0 : 60;
    wire.a.ccp.lost_synchronisation(wire.now);
    wire.drain();
    wire.run(kStart + 12s);
    wire.loss = 0;
    wire.run(kStart + 60s);
    if (wire.a.failed || wire.z.failed) continue;
    EXPECT_TRUE(wire.both_up() && wire.encrypted());
    EXPECT_FALSE(wire.a.unit.receive_error);
  }
}

TEST(CcpKernel, CloseStopsBothKernels) {
  Wire wire({.use = MppeUse::prefer}, {.use = MppeUse::prefer}, 1);
  wire.open();
  wire.run(kStart + 5s);
  ASSERT_TRUE(wire.encrypted());
  wire.a.ccp.close(wire.now);
  wire.drain();
  wire.run(kStart + 60s);
  for (const End* end : {&wire.a, &wire.z}) {
    EXPECT_FALSE(end->up);
    EXPECT_FALSE(end->unit.receive.running || end->unit.transmit.running);
    EXPECT_EQ(end->unit.flags, SetCcpFlags{});
  }
}

}  // namespace
}  // namespace l2tpm::ppp
