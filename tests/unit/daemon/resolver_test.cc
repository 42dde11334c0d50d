#include "daemon/resolver.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <string>

namespace l2tpm::daemon {
namespace {

// Refused without asking a server.
const std::string kTooLong(300, 'a');

// Waits on the descriptor as the loop does, at most ten seconds in all.
std::vector<Resolver::Answer> wait_for(Resolver& resolver, std::size_t count) {
  std::vector<Resolver::Answer> out;
  while (out.size() < count) {
    pollfd poller{resolver.completion_fd(), POLLIN, 0};
    if (::poll(&poller, 1, 10'000) <= 0) break;
    for (auto& answer : resolver.dispatch()) out.push_back(std::move(answer));
  }
  return out;
}

TEST(Resolver, AnswersThroughItsDescriptor) {
  Resolver resolver(2);
  const auto literal = resolver.resolve("192.0.2.1");
  auto answers = wait_for(resolver, 1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].token, literal);
  EXPECT_EQ(answers[0].addresses, std::vector<IpAddress>{*IpAddress::parse("192.0.2.1")});
  const auto local = resolver.resolve("localhost");
  answers = wait_for(resolver, 1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].token, local);
  ASSERT_FALSE(answers[0].addresses.empty()) << answers[0].error;
  EXPECT_TRUE(answers[0].addresses[0].is_loopback());
  // Nothing left to say: the descriptor is quiet.
  pollfd poller{resolver.completion_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&poller, 1, 0), 0);
}

TEST(Resolver, SaysWhatIsWrong) {
  Resolver resolver(1);
  resolver.resolve(kTooLong);
  const auto answers = wait_for(resolver, 1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].addresses.empty());
  EXPECT_NE(answers[0].error, "");
}

TEST(Resolver, ACancelledQuestionIsNotAnswered) {
  Resolver resolver(1);
  const auto first = resolver.resolve("192.0.2.1");
  const auto second = resolver.resolve("192.0.2.2");
  resolver.cancel(first);
  const auto answers = resolver.dispatch();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].token, second);
}

TEST(Resolver, TheQueueIsBounded) {
  Resolver resolver(1);
  constexpr std::size_t kMany = 3000;
  for (std::size_t i = 0; i < kMany; ++i) resolver.resolve(kTooLong);
  // Those beyond the bound are refused at once, all are answered in the end.
  const auto answers = wait_for(resolver, kMany);
  EXPECT_EQ(answers.size(), kMany);
}

TEST(Resolver, DestructionDoesNotWait) {
  const auto before = std::chrono::steady_clock::now();
  {
    Resolver resolver(4);
    for (int i = 0; i < 1000; ++i) resolver.resolve("l2tpm-no-such-name.invalid");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

}  // namespace
}  // namespace l2tpm::daemon
