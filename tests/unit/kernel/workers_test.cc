#include "kernel/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "base/random.h"

namespace l2tpm::kernel {
namespace {

SessionKey key(std::uint32_t tunnel, std::uint32_t session) {
  return {TunnelId(tunnel), SessionId(session)};
}

// What happened, in order, as seen by all threads.
class Diary {
 public:
  void write(const std::string& line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Jobs wait here until the test opens it; the test can wait until so many do.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for(unsigned count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned waiting_ = 0;
  bool open_ = false;
};

using Lines = std::vector<std::string>;

TEST(Workers, OneSessionInOrderOthersBeside) {
  Workers workers(4, 100);
  Diary diary;
  Gate gate;
  ASSERT_TRUE(workers.post(JobKind::normal, key(1, 1), [&] {
    gate.pass();
    diary.write("first");
  }));
  ASSERT_TRUE(workers.post(JobKind::normal, key(1, 1), [&] { diary.write("second"); }));
  Gate other;
  ASSERT_TRUE(workers.post(JobKind::normal, key(1, 2), [&] {
    diary.write("other session");
    other.pass();
  }));
  gate.wait_for(1);
  other.wait_for(1);
  EXPECT_EQ(diary.lines(), Lines{"other session"});
  other.open();
  gate.open();
  workers.wait_idle();
  EXPECT_EQ(diary.lines(), (Lines{"other session", "first", "second"}));
}

TEST(Workers, BarrierWaitsAndHolds) {
  Workers workers(4, 100);
  Diary diary;
  Gate before, barrier;
  for (std::uint32_t session = 1; session <= 3; ++session)
    ASSERT_TRUE(workers.post(JobKind::normal, key(1, session), [&] {
      before.pass();
      diary.write("before");
    }));
  ASSERT_TRUE(workers.post(JobKind::barrier, key(1, 0), [&] {
    barrier.pass();
    diary.write("barrier");
  }));
  ASSERT_TRUE(workers.post(JobKind::normal, key(1, 9), [&] { diary.write("after"); }));
  ASSERT_TRUE(workers.post(JobKind::barrier, key(1, 0), [&] { diary.write("second barrier"); }));
  ASSERT_TRUE(workers.post(JobKind::removal, key(1, 9), [&] { diary.write("last"); }));
  // Another tunnel's jobs know nothing of it.
  Gate elsewhere;
  ASSERT_TRUE(workers.post(JobKind::normal, key(2, 1), [&] { elsewhere.pass(); }));
  elsewhere.wait_for(1);
  elsewhere.open();
  before.wait_for(3);
  EXPECT_EQ(diary.lines(), Lines{});
  before.open();
  barrier.wait_for(1);
  EXPECT_EQ(diary.lines(), (Lines{"before", "before", "before"}));
  barrier.open();
  workers.wait_idle();
  EXPECT_EQ(diary.lines(),
            (Lines{"before", "before", "before", "barrier", "after", "second barrier", "last"}));
}

TEST(Workers, RemovalsGoBeforeInstalls) {
  Workers workers(1, 100);
  Diary diary;
  Gate gate;
  ASSERT_TRUE(workers.post(JobKind::normal, key(9, 9), [&] { gate.pass(); }));
  gate.wait_for(1);
  for (std::uint32_t session = 1; session <= 3; ++session)
    ASSERT_TRUE(workers.post(JobKind::install, key(1, session), [&diary, session] {
      diary.write("install " + std::to_string(session));
    }));
  ASSERT_TRUE(workers.post(JobKind::removal, key(2, 1), [&] { diary.write("remove 2/1"); }));
  // The install before it, in its own session, is lifted with it.
  ASSERT_TRUE(workers.post(JobKind::removal, key(1, 3), [&] { diary.write("remove 1/3"); }));
  gate.open();
  workers.wait_idle();
  EXPECT_EQ(diary.lines(),
            (Lines{"remove 2/1", "install 3", "remove 1/3", "install 1", "install 2"}));
}

TEST(Workers, FullQueueRefusesInstallsOnly) {
  Workers workers(1, 2);
  Gate gate;
  std::atomic<int> ran{0};
  ASSERT_TRUE(workers.post(JobKind::normal, key(9, 9), [&] { gate.pass(); }));
  gate.wait_for(1);
  EXPECT_TRUE(workers.post(JobKind::install, key(1, 1), [&] { ++ran; }));
  EXPECT_TRUE(workers.post(JobKind::install, key(1, 2), [&] { ++ran; }));
  EXPECT_FALSE(workers.post(JobKind::install, key(1, 3), [&] { ++ran; }));
  EXPECT_TRUE(workers.post(JobKind::normal, key(1, 3), [&] { ++ran; }));
  EXPECT_TRUE(workers.post(JobKind::removal, key(1, 1), [&] { ++ran; }));
  gate.open();
  workers.wait_idle();
  EXPECT_EQ(ran, 4);
  EXPECT_TRUE(workers.post(JobKind::install, key(1, 3), [&] { ++ran; }));  // room again
  workers.wait_idle();
  EXPECT_EQ(ran, 5);
}

TEST(Workers, InstallsBehindABarrierCountAsWaiting) {
  Workers workers(2, 1);
  Gate gate;
  ASSERT_TRUE(workers.post(JobKind::barrier, key(1, 0), [&] { gate.pass(); }));
  gate.wait_for(1);
  EXPECT_TRUE(workers.post(JobKind::install, key(1, 1), [] {}));
  EXPECT_FALSE(workers.post(JobKind::install, key(2, 1), [] {}));
  gate.open();
  workers.wait_idle();
  EXPECT_TRUE(workers.post(JobKind::install, key(2, 1), [] {}));
}

TEST(Workers, ForAllUsesTheIdleAndNeverNeedsThem) {
  for (const unsigned threads : {1u, 2u, 8u}) {
    Workers workers(threads, 10);
    std::vector<std::atomic<int>> visits(500);
    // Every worker is inside for_all at once: each would have to do all of it alone.
    for (std::uint32_t tunnel = 1; tunnel <= 8; ++tunnel)
      ASSERT_TRUE(workers.post(JobKind::barrier, key(tunnel, 0), [&] {
        workers.for_all(visits.size(), [&](std::size_t at) { ++visits[at]; });
      }));
    workers.wait_idle();
    for (const auto& count : visits) EXPECT_EQ(count, 8);
    workers.for_all(0, [](std::size_t) { FAIL(); });
  }
}

TEST(Workers, ForAllRunsSideBySide) {
  Workers workers(4, 10);
  Gate gate;
  ASSERT_TRUE(workers.post(JobKind::barrier, key(1, 0),
                           [&] { workers.for_all(4, [&](std::size_t) { gate.pass(); }); }));
  gate.wait_for(4);  // hangs when they do not
  gate.open();
}

// Any mixture of jobs: a session's run in order and one at a time, nothing of a tunnel runs beside
// its barrier, and everything runs once.
TEST(Workers, AnyMixtureKeepsTheOrder) {
  constexpr std::uint64_t kSeed = 20260722;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  SeededRandom random(kSeed);
  struct TunnelWatch {
    std::atomic<int> running{0};
    std::atomic<bool> in_barrier{false};
    std::atomic<int> last[4]{};
    std::atomic<int> busy[4]{};
    int posted[4]{};
  };
  TunnelWatch watches[3];
  std::atomic<int> ran{0}, wrong{0};
  constexpr int kJobs = 20000;
  {
    Workers workers(6, kJobs);
    for (int i = 0; i < kJobs; ++i) {
      const std::uint32_t tunnel = random.below(3);
      TunnelWatch& watch = watches[tunnel];
      if (random.below(50) == 0) {
        ASSERT_TRUE(workers.post(JobKind::barrier, key(tunnel + 1, 0), [&] {
          watch.in_barrier = true;
          if (watch.running != 0) ++wrong;
          watch.in_barrier = false;
          ++ran;
        }));
        continue;
      }
      const std::uint32_t session = random.below(4);
      const int number = ++watch.posted[session];
      const JobKind kinds[] = {JobKind::install, JobKind::normal, JobKind::removal};
      ASSERT_TRUE(workers.post(kinds[random.below(3)], key(tunnel + 1, session + 1),
                               [&watch, &wrong, &ran, session, number] {
                                 ++watch.running;
                                 if (watch.busy[session]++ != 0) ++wrong;
                                 if (watch.in_barrier) ++wrong;
                                 if (watch.last[session] != number - 1) ++wrong;
                                 watch.last[session] = number;
                                 --watch.busy[session];
                                 --watch.running;
                                 ++ran;
                               }));
    }
  }  // the end waits for all
  EXPECT_EQ(ran, kJobs);
  EXPECT_EQ(wrong, 0);
}

// The last reference to a descriptor often is a job's, and closing it blocks: not under the pool's
// lock, and before anything that waits for the job.
TEST(Workers, WhatAJobHoldsGoesWithoutTheLock) {
  Workers workers(2, 10);
  Diary diary;
  struct Held {
    Workers& pool;
    Diary& log;
    ~Held() {
      log.write("closed");
      // Needs the lock: hangs when it is held.
      (void)pool.post(JobKind::normal, key(2, 1), [this_log = &log] { this_log->write("posted"); });
    }
  };
  auto held = std::shared_ptr<Held>(new Held{workers, diary});
  ASSERT_TRUE(workers.post(JobKind::normal, key(1, 1), [held = std::move(held)] {}));
  ASSERT_TRUE(workers.post(JobKind::barrier, key(1, 0), [&] { diary.write("barrier"); }));
  workers.wait_idle();
  auto lines = diary.lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "closed");
}

}  // namespace
}  // namespace l2tpm::kernel
