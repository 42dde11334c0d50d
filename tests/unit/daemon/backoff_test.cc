#include "daemon/backoff.h"

#include <gtest/gtest.h>

namespace l2tpm::daemon {
namespace {

const TimePoint kStart = TimePoint{} + 1000s;

config::Redial settings(unsigned jitter, unsigned give_up = 0) {
  config::Redial redial;
  redial.initial = 1s;
  redial.max = 60s;
  redial.jitter_percent = jitter;
  redial.give_up = give_up;
  return redial;
}

TEST(Backoff, DoublesUpToItsMaximum) {
  SeededRandom random(1);
  Backoff backoff(settings(0));
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s})
    EXPECT_EQ(backoff.next(random), Duration(expected));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(backoff.next(random), Duration(60s));
  backoff.reset();
  EXPECT_EQ(backoff.next(random), Duration(1s));
}

TEST(Backoff, JitterShortensOnly) {
  SeededRandom random(2);
  Backoff backoff(settings(20));
  for (int i = 0; i < 6; ++i) backoff.next(random);
  Duration least = 1h;
  Duration most = 0s;
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = *backoff.next(random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, 48s);
  EXPECT_LE(most, 60s);
  EXPECT_LT(least, 49s);
  EXPECT_GT(most, 59s);
}

TEST(Backoff, GivesUp) {
  SeededRandom random(3);
  Backoff backoff(settings(0, 2));
  EXPECT_TRUE(backoff.next(random));
  EXPECT_TRUE(backoff.next(random));
  EXPECT_FALSE(backoff.next(random));
  backoff.reset();
  EXPECT_TRUE(backoff.next(random));
  config::Redial off = settings(0);
  off.enabled = false;
  EXPECT_FALSE(Backoff(off).next(random));
}

TEST(PeerChooser, TheSecondWhenTheFirstIsDeadAndTheFirstAgainLater) {
  PeerChooser peers(2, 5min);
  EXPECT_EQ(peers.choose(kStart), 0u);
  peers.failed(0, kStart);
  EXPECT_EQ(peers.choose(kStart + 1s), 1u);
  peers.succeeded(1, kStart + 2s);
  EXPECT_EQ(peers.next_primary_retry(), kStart + 2s + 5min);
  // Tried in vain: a whole hold time until the next try, and the second stays in use.
  peers.failed(0, kStart + 303s);
  EXPECT_EQ(peers.next_primary_retry(), kStart + 303s + 5min);
  EXPECT_EQ(peers.choose(kStart + 304s), 1u);
  peers.succeeded(0, kStart + 700s);
  EXPECT_EQ(peers.next_primary_retry(), std::nullopt);
  EXPECT_EQ(peers.choose(kStart + 701s), 0u);
}

TEST(PeerChooser, LocksGrowAndEnd) {
  PeerChooser peers(2, 0s);
  TimePoint now = kStart;
  for (const auto lock : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    peers.failed(0, now);
    EXPECT_EQ(peers.locked_until(0), now + lock);
    EXPECT_EQ(peers.choose(now + lock - 1s), 1u);
    EXPECT_EQ(peers.choose(now + lock), 0u);
    now += lock;
  }
  peers.succeeded(0, now);
  EXPECT_EQ(peers.locked_until(0), std::nullopt);
  peers.failed(0, now);
  EXPECT_EQ(peers.locked_until(0), now + 10s);
}

TEST(PeerChooser, AllLockedTheLeastRecentlyFailed) {
  PeerChooser peers(3, 0s);
  peers.failed(0, kStart);
  peers.failed(1, kStart + 1s);
  peers.failed(2, kStart + 2s);
  EXPECT_EQ(peers.choose(kStart + 3s), 0u);
  peers.failed(0, kStart + 4s);
  EXPECT_EQ(peers.choose(kStart + 5s), 1u);
}

TEST(PeerChooser, ABusyPeerIsPassedOverOnceAndNotLocked) {
  PeerChooser peers(2, 5min);
  peers.busy(0);
  EXPECT_EQ(peers.choose(kStart), 1u);
  peers.busy(1);
  EXPECT_EQ(peers.choose(kStart), 0u);
  EXPECT_EQ(peers.locked_until(0), std::nullopt);
  PeerChooser one(1, 5min);
  one.busy(0);
  EXPECT_EQ(one.choose(kStart), 0u);
}

TEST(PeerChooser, NoReturnToTheFirstWhenTheProfileSaysSo) {
  PeerChooser peers(2, 0s);
  peers.succeeded(1, kStart);
  EXPECT_EQ(peers.next_primary_retry(), std::nullopt);
}

}  // namespace
}  // namespace l2tpm::daemon
