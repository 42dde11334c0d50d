// RFC 2661 §5.8 and appendix A, the channel by itself.
#include "l2tp/reliable_delivery.h"

#include <gtest/gtest.h>

#include "wire/l2tp_header.h"

namespace l2tpm::l2tp {
namespace {

using wire::ControlMessage;
using wire::MessageType;

Bytes hello() {
  ControlMessage message;
  message.type = MessageType::hello;
  return wire::encode(message);
}

struct Channel {
  explicit Channel(Settings settings = {}) : delivery(settings) {}

  // The Ns of everything sent since the last time; ZLBs are -1.
  std::vector<int> sent() {
    delivery.flush(now);
    std::vector<int> numbers;
    for (const Bytes& datagram : delivery.take_datagrams()) {
      const auto header = wire::decode_header(datagram);
      const bool zlb = datagram.size() == wire::kControlHeaderSize;
      numbers.push_back(zlb ? -1 : header->ns);
      last_nr = header->nr;
    }
    return numbers;
  }
  void queue(int count) {
    for (int i = 0; i < count; ++i) delivery.send(hello(), now);
  }
  ReliableDelivery::Verdict receive(std::uint16_t ns, std::uint16_t nr) {
    ControlMessage message;
    message.type = MessageType::hello;
    message.ns = ns;
    message.nr = nr;
    const auto verdict = delivery.receive(message, 20, now);
    while (const auto next = delivery.take_in_order()) delivered.push_back(next->ns);
    return verdict;
  }
  void acknowledge(std::uint16_t nr) {
    ControlMessage zlb;
    zlb.is_zlb = true;
    zlb.nr = nr;
    delivery.receive(zlb, 12, now);
  }
  void timeout() {
    now = *delivery.next_deadline();
    delivery.handle_timeout(now);
  }

  ReliableDelivery delivery;
  TimePoint now{1h};
  std::vector<int> delivered;
  int last_nr = 0;
};

using Numbers = std::vector<int>;

TEST(ReliableDelivery, SlowStartThenCongestionAvoidanceWithinThePeersWindow) {
  Channel c;
  c.delivery.set_peer_window(4);
  c.queue(20);
  EXPECT_EQ(c.sent(), (Numbers{0}));
  c.acknowledge(1);
  EXPECT_EQ(c.sent(), (Numbers{1, 2}));
  c.acknowledge(3);
  EXPECT_EQ(c.sent(), (Numbers{3, 4, 5, 6}));
  c.acknowledge(7);
  EXPECT_EQ(c.sent(), (Numbers{7, 8, 9, 10})) << "never more than the peer's window";
}

TEST(ReliableDelivery, AWindowOf1IsStopAndWait) {
  Channel c;
  c.delivery.set_peer_window(1);
  c.queue(3);
  for (std::uint16_t ns = 0; ns < 3; ++ns) {
    EXPECT_EQ(c.sent(), (Numbers{ns}));
    c.acknowledge(static_cast<std::uint16_t>(ns + 1));
  }
  EXPECT_TRUE(c.delivery.all_acknowledged());
}

TEST(ReliableDelivery, ATimeoutHalvesTheThresholdAndBeginsAgainWith1) {
  Channel c;
  c.delivery.set_peer_window(128);
  c.queue(100);
  std::uint16_t nr = 0;
  for (int round = 0; round < 4; ++round)
    c.acknowledge(nr = static_cast<std::uint16_t>(nr + c.sent().size()));
  EXPECT_EQ(c.delivery.status().congestion_window, 16u);
  EXPECT_EQ(c.sent().size(), 16u);
  c.timeout();
  EXPECT_EQ(c.delivery.status().congestion_window, 1u);
  EXPECT_EQ(c.delivery.status().slow_start_threshold, 8u);
  EXPECT_EQ(c.sent(), (Numbers{nr}));
  // The peer had kept the others: one acknowledgement covers all, and only new ones follow.
  c.acknowledge(static_cast<std::uint16_t>(nr + 16));
  EXPECT_EQ(c.sent().front(), nr + 16);
}

TEST(ReliableDelivery, NumbersWrap) {
  Channel c;
  c.delivery.set_peer_window(128);
  for (unsigned i = 0; i < 70000; ++i) {
    c.queue(1);
    const auto ns = static_cast<std::uint16_t>(i);
    ASSERT_EQ(c.sent(), (Numbers{ns}));
    ASSERT_EQ(c.receive(ns, static_cast<std::uint16_t>(i + 1)),
              ReliableDelivery::Verdict::in_order);
    ASSERT_EQ(c.receive(static_cast<std::uint16_t>(i - 5), static_cast<std::uint16_t>(i - 3)),
              ReliableDelivery::Verdict::duplicate);
    c.sent();
    ASSERT_TRUE(c.delivery.all_acknowledged());
  }
}

TEST(ReliableDelivery, AWindowInFlightAcrossTheWrap) {
  Channel c;
  c.delivery.set_peer_window(8);
  for (unsigned i = 0; i < 65533; ++i) {
    c.queue(1);
    c.sent();
    c.acknowledge(static_cast<std::uint16_t>(i + 1));
  }
  c.queue(8);
  EXPECT_EQ(c.sent(), (Numbers{65533, 65534, 65535, 0, 1, 2, 3, 4}));
  c.acknowledge(65532);
  EXPECT_EQ(c.delivery.queued(), 8u) << "the past acknowledges nothing";
  c.acknowledge(6);
  EXPECT_EQ(c.delivery.queued(), 8u) << "nor does what we never sent";
  c.acknowledge(0);
  EXPECT_EQ(c.delivery.queued(), 5u);
  c.acknowledge(5);
  EXPECT_TRUE(c.delivery.all_acknowledged());
}

TEST(ReliableDelivery, WhatComesEarlyIsKeptAndDeliveredInOrder) {
  Channel c;
  EXPECT_EQ(c.receive(2, 0), ReliableDelivery::Verdict::held);
  EXPECT_EQ(c.receive(1, 0), ReliableDelivery::Verdict::held);
  EXPECT_EQ(c.receive(1, 0), ReliableDelivery::Verdict::held);
  EXPECT_TRUE(c.delivered.empty());
  EXPECT_EQ(c.receive(0, 0), ReliableDelivery::Verdict::in_order);
  EXPECT_EQ(c.delivered, (Numbers{0, 1, 2}));
  EXPECT_EQ(c.sent(), (Numbers{-1}));
  EXPECT_EQ(c.last_nr, 3);
}

TEST(ReliableDelivery, EarlyMessagesAcrossTheWrap) {
  Channel c;
  for (unsigned i = 0; i < 65535; ++i) c.receive(static_cast<std::uint16_t>(i), 0);
  c.delivered.clear();
  c.receive(1, 0);
  c.receive(0, 0);
  c.receive(65535, 0);
  EXPECT_EQ(c.delivered, (Numbers{65535, 0, 1}));
}

TEST(ReliableDelivery, WhatIsKeptIsBounded) {
  Settings settings;
  settings.receive_window_size = 16;
  Channel c(settings);
  EXPECT_EQ(c.receive(16, 0), ReliableDelivery::Verdict::beyond_window);
  EXPECT_EQ(c.receive(15, 0), ReliableDelivery::Verdict::held);
  ControlMessage big;
  big.type = MessageType::hello;
  settings.receive_window_size = 1024;
  Channel wide(settings);
  for (std::uint16_t ns = 1; ns < 1000; ++ns) {
    big.ns = ns;
    wide.delivery.receive(big, 1400, wide.now);
  }
  EXPECT_LE(wide.delivery.status().held_out_of_order, 64u * 1024 / 1400);
}

TEST(ReliableDelivery, DuplicatesAreAcknowledgedAtOnceAndNeverDelivered) {
  Channel c;
  c.receive(0, 0);
  EXPECT_EQ(c.sent(), (Numbers{}));
  EXPECT_EQ(c.receive(0, 0), ReliableDelivery::Verdict::duplicate);
  EXPECT_EQ(c.sent(), (Numbers{-1}));
  EXPECT_EQ(c.delivered, (Numbers{0}));
}

TEST(ReliableDelivery, AnAcknowledgementWaitsForCompany) {
  Channel c;
  c.receive(0, 0);
  EXPECT_EQ(c.sent(), (Numbers{}));
  EXPECT_EQ(*c.delivery.next_deadline() - c.now, Settings{}.ack_delay);
  c.queue(1);
  EXPECT_EQ(c.sent(), (Numbers{0}));
  EXPECT_EQ(c.last_nr, 1);
  c.acknowledge(1);
  c.receive(1, 1);
  c.timeout();
  EXPECT_EQ(c.sent(), (Numbers{-1}));
  // A second message that waits is acknowledged at once.
  c.receive(2, 1);
  EXPECT_EQ(c.sent(), (Numbers{}));
  c.receive(3, 1);
  EXPECT_EQ(c.sent(), (Numbers{-1}));
}

TEST(ReliableDelivery, TheTimeoutFollowsTheRoundTrip) {
  Channel c;
  c.delivery.set_peer_window(1);
  EXPECT_EQ(c.delivery.status().rto, 1s);
  std::uint16_t nr = 0;
  for (int i = 0; i < 20; ++i) {
    c.queue(1);
    c.sent();
    c.now += 600ms;
    c.acknowledge(++nr);
  }
  EXPECT_GT(c.delivery.status().rto, 600ms);
  EXPECT_LT(c.delivery.status().rto, 800ms);
  EXPECT_NEAR(static_cast<double>(c.delivery.status().srtt.count()), 600e6, 30e6);
  const Duration before = c.delivery.status().srtt;
  // Karn: what was sent twice gives no sample.
  c.queue(1);
  c.sent();
  c.timeout();
  c.sent();
  c.now += 5ms;
  c.acknowledge(++nr);
  EXPECT_EQ(c.delivery.status().srtt, before);
}

TEST(ReliableDelivery, AShortRoundTripDoesNotShortenPatience) {
  Channel c;
  c.queue(1);
  c.sent();
  c.now += 1ms;
  c.acknowledge(1);
  EXPECT_EQ(c.delivery.status().rto, 300ms);
  c.queue(1);
  const TimePoint first = c.now;
  c.sent();
  int transmissions = 1;
  while (c.delivery.failure() == ReliableDelivery::Failure::none) {
    c.timeout();
    transmissions += static_cast<int>(c.sent().size());
  }
  EXPECT_EQ(c.now - first, 31s);
  EXPECT_GT(transmissions, 6) << "but uses it for more attempts";
}

TEST(ReliableDelivery, APeerThatTalksButNeverAcknowledgesIsGivenUpToo) {
  Channel c;
  c.queue(1);
  const TimePoint first = c.now;
  c.sent();
  std::uint16_t ns = 0;
  while (c.delivery.failure() == ReliableDelivery::Failure::none) {
    c.receive(ns++, 0);
    c.sent();
    c.timeout();
    c.sent();
    ASSERT_LE(c.now - first, 4 * 31s + 8s);
  }
  EXPECT_GT(c.now - first, 31s);
}

TEST(ReliableDelivery, TheBudgetCountsOctetsBothWays) {
  Channel c;
  c.delivery.set_peer_proven(false);
  c.queue(1);
  EXPECT_EQ(c.sent(), (Numbers{})) << "nothing came, nothing goes";
  c.acknowledge(0);  // 12 octets
  EXPECT_EQ(c.sent(), (Numbers{0})) << "20 of 36";
  c.timeout();
  EXPECT_EQ(c.sent(), (Numbers{})) << "40 would be too much";
  EXPECT_FALSE(c.delivery.next_deadline()) << "and no timer tries again";
  c.acknowledge(0);
  EXPECT_EQ(c.sent(), (Numbers{0}));
}

}  // namespace
}  // namespace l2tpm::l2tp
