// The loop over pairs of AF_UNIX sockets: a message is a frame, as on a PPPoX socket.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <set>

#include "base/fd.h"
#include "relay/relay.h"

namespace l2tpm::relay {
namespace {

constexpr int kPatienceMs = 10'000;

struct Pair {
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    ours = UniqueFd(fds[0]);
    relays = UniqueFd(fds[1]);
  }
  void send(ByteView frame) const {
    EXPECT_EQ(::send(ours.get(), frame.data(), frame.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frame.size()));
  }
  // What comes next; nothing for kPatienceMs is a failure.
  Bytes receive() const {
    pollfd waiting{ours.get(), POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing came";
      return {};
    }
    Bytes frame(20000);
    const ssize_t size = recv(ours.get(), frame.data(), frame.size(), 0);
    frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return frame;
  }
  bool is_silent() const {
    pollfd waiting{ours.get(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 0;
  }
  UniqueFd ours, relays;
};

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    usleep(1000);
  }
  return true;
}

SessionKey key(std::uint32_t number) { return {TunnelId(1), SessionId(number)}; }

Bytes ethernet(std::size_t size, std::uint8_t last = 2, std::uint8_t source = 1) {
  Bytes frame{2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, source, 0x08, 0x00};
  while (frame.size() < size) frame.push_back(static_cast<std::uint8_t>(frame.size() * 7));
  return frame;
}

Bytes with(Bytes head, const Bytes& rest) {
  head.insert(head.end(), rest.begin(), rest.end());
  return head;
}

Bytes on_line(const Bytes& frame) { return with({0x00, 0x31, 0x00, 0x01}, frame); }

struct Ends {
  Pair line, lan, control;
  Descriptors descriptors() const {
    return {.line = line.relays.get(),
            .line_kind = FdKind::socket,
            .lan = lan.relays.get(),
            .lan_kind = FdKind::socket,
            .control = control.relays.get()};
  }
};

class Loop : public testing::Test {
 protected:
  void start(const Settings& settings = {}) {
    ASSERT_TRUE(relay_.add(key(1), ends_.descriptors(), settings));
  }
  std::uint64_t count(Counter counter) const {
    const auto counters = relay_.counters(key(1));
    return counters ? (*counters)[counter] : ~std::uint64_t{0};
  }
  // A frame that passes shows that all before it have been dealt with.
  void expect_dropped_by_line(ByteView frame, Counter counter) {
    const auto before = count(counter);
    ends_.line.send(frame);
    const Bytes good = ethernet(60, 2, 1);
    ends_.line.send(on_line(good));
    EXPECT_EQ(ends_.lan.receive(), good);
    EXPECT_EQ(count(counter), before + 1) << name(counter);
  }
  void expect_dropped_by_lan(ByteView frame, Counter counter) {
    const auto before = count(counter);
    ends_.lan.send(frame);
    const Bytes good = ethernet(60);
    ends_.lan.send(good);
    EXPECT_EQ(ends_.line.receive(), on_line(good));
    EXPECT_EQ(count(counter), before + 1) << name(counter);
  }

  Ends ends_;
  Relay relay_;
};

TEST_F(Loop, FramesTravelBothWaysUnchanged) {
  start({.peer_mru = 1600});
  for (const std::size_t size : {14u, 60u, 1514u, 1598u}) {
    const Bytes frame = ethernet(size);
    ends_.lan.send(frame);
    EXPECT_EQ(ends_.line.receive(), on_line(frame));
    ends_.line.send(on_line(frame));
    EXPECT_EQ(ends_.lan.receive(), frame);
    ends_.line.send(with({0xff, 0x03}, on_line(frame)));
    EXPECT_EQ(ends_.lan.receive(), frame);
    ends_.line.send(with({0x31, 0x83, 0x01}, with(frame, Bytes(7, 0xee))));
    EXPECT_EQ(ends_.lan.receive(), frame);
  }
  EXPECT_EQ(count(Counter::lan_in_frames), 4u);
  EXPECT_EQ(count(Counter::lan_in_octets), 14u + 60 + 1514 + 1598);
  EXPECT_TRUE(eventually([&] { return count(Counter::lan_out_frames) == 12; }));
  EXPECT_TRUE(eventually([&] { return count(Counter::line_out_frames) == 4; }));
  EXPECT_EQ(count(Counter::line_out_octets), 14u + 60 + 1514 + 1598 + 4 * 4);
  EXPECT_EQ(count(Counter::line_in_frames), 12u);
  EXPECT_EQ(count(Counter::checksummed), 4u);
  EXPECT_EQ(count(Counter::padded), 4u);
}

TEST_F(Loop, TinygramsAreFilledUp) {
  start();
  const Bytes frame = ethernet(40);
  ends_.line.send(with({0x00, 0x31, 0x22, 0x01}, with(frame, Bytes(2, 0xee))));
  EXPECT_EQ(ends_.lan.receive(), with(frame, Bytes(20, 0)));
  EXPECT_EQ(count(Counter::inflated), 1u);
}

TEST_F(Loop, WhatIsNotBridgedGoesToControl) {
  start();
  const Bytes echo{0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
  ends_.line.send(echo);
  EXPECT_EQ(ends_.control.receive(), echo);
  ends_.line.send(with({0xff, 0x03}, echo));
  EXPECT_EQ(ends_.control.receive(), echo);
  const Bytes compressed{0x21, 0x45, 0};  // IPv4, which is nobody's business here
  ends_.line.send(compressed);
  EXPECT_EQ(ends_.control.receive(), with({0x00}, compressed));
  ends_.control.send(echo);
  EXPECT_EQ(ends_.line.receive(), echo);
  EXPECT_TRUE(eventually([&] { return count(Counter::control_in) == 3; }));
  EXPECT_TRUE(eventually([&] { return count(Counter::control_out) == 1; }));
}

TEST_F(Loop, DropsHaveTheirCounters) {
  start({.send_tagged = false, .send_bpdus = false, .limits = {.stations = 1}});
  const Bytes frame = ethernet(60);
  expect_dropped_by_line(Bytes{0x00}, Counter::malformed);
  expect_dropped_by_line(Bytes{0x00, 0x31, 0x00, 0x01, 1, 2, 3}, Counter::malformed);
  expect_dropped_by_line(with({0x00, 0x31, 0x00, 0x03}, frame), Counter::foreign_mac_type);
  expect_dropped_by_line(with({0x00, 0x31, 0x40, 0x01}, frame), Counter::lan_id);
  expect_dropped_by_line(with({0x00, 0x3d, 0xc0, 0, 0, 0}, on_line(frame)),
                         Counter::unexpected_multilink);
  expect_dropped_by_line(on_line(ethernet(60, 2, 9)), Counter::too_many_stations);
  EXPECT_EQ(count(Counter::stations), 1u);
  expect_dropped_by_lan(ethernet(1499), Counter::too_big);
  expect_dropped_by_lan(Bytes(13, 2), Counter::malformed);
  Bytes tagged = ethernet(60);
  tagged[12] = 0x81;
  expect_dropped_by_lan(tagged, Counter::tagged);
  Bytes service_tagged = ethernet(60);
  service_tagged[12] = 0x88;
  service_tagged[13] = 0xa8;
  expect_dropped_by_lan(service_tagged, Counter::tagged);
  Bytes bpdu = ethernet(60);
  const Bytes group{0x01, 0x80, 0xc2, 0, 0, 0};
  std::copy(group.begin(), group.end(), bpdu.begin());
  expect_dropped_by_lan(bpdu, Counter::bpdus);
}

TEST_F(Loop, StormsAreLimitedEachWayAndBridgesAreHeard) {
  start({
      .limits = {.broadcast_per_second = 1, .multicast_per_second = 1}
  });
  Bytes broadcast = ethernet(60);
  std::fill_n(broadcast.begin(), 6, std::uint8_t{0xff});
  Bytes multicast = ethernet(60);
  multicast[0] = 1;
  Bytes bpdu = ethernet(60);
  const Bytes group{0x01, 0x80, 0xc2, 0, 0, 0};
  std::copy(group.begin(), group.end(), bpdu.begin());
  for (const bool from_line : {true, false}) {
    const Pair& in = from_line ? ends_.line : ends_.lan;
    const Pair& out = from_line ? ends_.lan : ends_.line;
    for (int i = 0; i < 20; ++i) {
      for (const Bytes& frame : {broadcast, multicast, bpdu}) {
        in.send(from_line ? on_line(frame) : frame);
      }
    }
    const Bytes last = ethernet(61);
    in.send(from_line ? on_line(last) : last);
    std::size_t broadcasts = 0;
    std::size_t multicasts = 0;
    std::size_t bpdus = 0;
    for (Bytes frame = out.receive(); !frame.empty(); frame = out.receive()) {
      if (!from_line) frame.erase(frame.begin(), frame.begin() + 4);
      if (frame == last) break;
      broadcasts += frame == broadcast ? 1 : 0;
      multicasts += frame == multicast ? 1 : 0;
      bpdus += frame == bpdu ? 1 : 0;
    }
    EXPECT_GE(broadcasts, 8u);
    EXPECT_LT(broadcasts, 20u);
    EXPECT_GE(multicasts, 8u);
    EXPECT_LT(multicasts, 20u);
    EXPECT_EQ(bpdus, 20u);
  }
  EXPECT_GT(count(Counter::storm_broadcast), 0u);
  EXPECT_GT(count(Counter::storm_multicast), 0u);
}

TEST_F(Loop, FramesAboveTheMruTravelInFragments) {
  for (const bool short_sequence : {false, true}) {
    SCOPED_TRACE(short_sequence);
    start({.peer_mru = 600,
           .peer_mrru = 1600,
           .local_mrru = 1600,
           .send_short_sequence = short_sequence,
           .receive_short_sequence = short_sequence});
    ends_.lan.send(ethernet(598));
    EXPECT_EQ(ends_.line.receive(), on_line(ethernet(598)));
    const Bytes frame = ethernet(1518);
    ends_.lan.send(frame);
    Bytes whole;
    for (std::uint8_t i = 0; i < 3; ++i) {
      const Bytes fragment = ends_.line.receive();
      const std::size_t header = short_sequence ? 4 : 6;
      ASSERT_GT(fragment.size(), header);
      EXPECT_LE(fragment.size(), 602u);
      EXPECT_EQ(fragment[1], 0x3d);
      EXPECT_EQ(fragment[2], i == 0 ? 0x80 : i == 2 ? 0x40 : 0);
      EXPECT_EQ(fragment[header - 1], i);
      whole.insert(whole.end(), fragment.begin() + static_cast<std::ptrdiff_t>(header),
                   fragment.end());
      ends_.line.send(fragment);
    }
    EXPECT_EQ(whole, on_line(frame));
    EXPECT_EQ(ends_.lan.receive(), frame);
    EXPECT_EQ(count(Counter::fragments_out), 3u);
    EXPECT_EQ(count(Counter::fragments_in), 3u);
    EXPECT_TRUE(eventually([&] { return count(Counter::reassembled) == 1; }));
    EXPECT_TRUE(eventually([&] { return count(Counter::line_out_frames) == 2; }));
    expect_dropped_by_lan(ethernet(1599), Counter::too_big);
    // A fragment inside a fragment.
    Bytes nested = with({0x00, 0x3d}, short_sequence ? Bytes{0xc0, 9} : Bytes{0xc0, 0, 0, 9});
    nested = with(nested, with({0x00, 0x3d, 0xc0, 0, 0, 0}, on_line(frame)));
    expect_dropped_by_line(nested, Counter::malformed);
    relay_.remove(key(1));
  }
}

TEST_F(Loop, AFullFragmentBatchIsFlushedInBetween) {
  start({.peer_mru = 72, .peer_mrru = 1600, .local_mrru = 1600});
  const int larger = 4 << 20;
  setsockopt(ends_.line.relays.get(), SOL_SOCKET, SO_SNDBUF, &larger, sizeof larger);
  for (int i = 0; i < 8; ++i) ends_.lan.send(ethernet(1500));
  for (int i = 0; i < 8 * 23; ++i) {
    const Bytes fragment = ends_.line.receive();
    ASSERT_EQ(fragment.size(), i % 23 == 22 ? 1504u % 68 + 6 : 74u) << i;
  }
}

TEST_F(Loop, NobodyReadingControlCostsNothingElse) {
  start();
  const Bytes echo = with({0xc0, 0x21}, Bytes(1000, 1));
  const Bytes frame = ethernet(60);
  while (count(Counter::control_full) == 0) {
    ends_.line.send(echo);
    ends_.line.send(on_line(frame));
    ASSERT_EQ(ends_.lan.receive(), frame);
  }
}

TEST_F(Loop, ALineThatTakesNothingIsNoHindrance) {
  start();
  Ends other;
  ASSERT_TRUE(relay_.add(key(2), other.descriptors(), {}));
  const Bytes frame = ethernet(1400);
  // Nobody reads this line any more.
  while (count(Counter::line_full) == 0) ends_.lan.send(frame);
  for (int i = 0; i < 100; ++i) {
    ends_.lan.send(frame);
    other.lan.send(frame);
    ASSERT_EQ(other.line.receive(), on_line(frame));
  }
  // What it sends comes through all the same.
  ends_.line.send(on_line(frame));
  EXPECT_EQ(ends_.lan.receive(), frame);
}

TEST_F(Loop, RemovalLetsGoUnderLoad) {
  const Bytes frame = ethernet(100);
  for (int round = 0; round < 50; ++round) {
    Ends ends;
    ASSERT_TRUE(relay_.add(key(7), ends.descriptors(), {}));
    fcntl(ends.lan.ours.get(), F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 200; ++i) {
      if (send(ends.lan.ours.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0) break;
    }
    relay_.remove(key(7));
    EXPECT_FALSE(relay_.counters(key(7)));
    // Nothing is read any more.
    ends.line.send(on_line(frame));
    EXPECT_TRUE(ends.lan.is_silent());
    Bytes left(200);
    EXPECT_EQ(recv(ends.line.relays.get(), left.data(), left.size(), MSG_DONTWAIT), 104);
  }
}

TEST_F(Loop, RemovalSaysWhenItIsDone) {
  start();
  std::atomic<int> done{0};
  relay_.remove(key(1), [&] { ++done; });
  relay_.remove(key(99), [&] { ++done; });
  EXPECT_TRUE(eventually([&] { return done == 2; }));
}

TEST_F(Loop, TheEndOfALineIsNoBusyLoop) {
  start();
  ends_.line.ours.reset();
  EXPECT_TRUE(eventually([&] { return relay_.counters(key(1))->line_error == EPIPE; }));
  EXPECT_EQ(relay_.counters(key(1))->lan_error, 0);
  ends_.lan.send(ethernet(60));
  EXPECT_TRUE(eventually([&] { return count(Counter::line_failed) == 1; }));
}

TEST_F(Loop, RefusesWhatCannotBeServed) {
  start();
  EXPECT_EQ(relay_.add(key(1), ends_.descriptors(), {}).error(), EEXIST);
  Descriptors descriptors = ends_.descriptors();
  descriptors.lan = descriptors.control = -1;
  EXPECT_EQ(relay_.add(key(2), descriptors, {}).error(), EBADF);
  const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Ends other;
  descriptors = other.descriptors();
  descriptors.lan = file.get();
  EXPECT_EQ(relay_.add(key(3), descriptors, {}).error(), EPERM);
  EXPECT_FALSE(relay_.counters(key(3)));
}

TEST_F(Loop, ManySessionsOnTwoThreads) {
  Relay relay(2);
  std::vector<Ends> all(64);
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(relay.add(key(i), all[i].descriptors(), {}));
  }
  for (int round = 0; round < 20; ++round) {
    for (const Ends& ends : all) ends.lan.send(ethernet(60, static_cast<std::uint8_t>(round)));
    for (const Ends& ends : all) {
      ASSERT_EQ(ends.line.receive(), on_line(ethernet(60, static_cast<std::uint8_t>(round))));
    }
  }
  for (std::uint32_t i = 0; i < all.size(); i += 2) relay.remove(key(i));
  for (std::uint32_t i = 1; i < all.size(); i += 2) {
    all[i].line.send(on_line(ethernet(60)));
    ASSERT_EQ(all[i].lan.receive(), ethernet(60));
  }
}

TEST(RelayEnd, SessionsMayBeLeftOver) {
  Ends ends;
  Relay relay;
  ASSERT_TRUE(relay.add(key(1), ends.descriptors(), {}));
  ends.lan.send(ethernet(60));
}

TEST(RelayCounters, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kCounterCount; ++i) names.insert(name(static_cast<Counter>(i)));
  EXPECT_EQ(names.size(), kCounterCount);
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace l2tpm::relay
