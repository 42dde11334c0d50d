#include "daemon/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/fd.h"

namespace l2tpm::daemon {
namespace {

TEST(EventLoop, StoppingIsNoError) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop);
  const UniqueFd ready(eventfd(1, EFD_CLOEXEC));
  ASSERT_TRUE((*loop)->watch(ready.get(), EPOLLIN, LoopPriority::control,
                             [&](std::uint32_t) { (*loop)->stop(); }));
  EXPECT_TRUE((*loop)->run());
}

// The service manager restarts a daemon that says it failed, not one that ends well.
TEST(EventLoop, AnErrorOfSdEventIsReturned) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop);
  const UniqueFd ready(eventfd(1, EFD_CLOEXEC));
  std::string error;
  ASSERT_TRUE((*loop)->watch(ready.get(), EPOLLIN, LoopPriority::control, [&](std::uint32_t) {
    const auto inner = (*loop)->run();  // sd-event refuses: it is running
    if (!inner) error = inner.error();
    (*loop)->stop();
  }));
  EXPECT_FALSE((*loop)->run());
  EXPECT_NE(error.find("running the event loop: "), std::string::npos) << error;
}

}  // namespace
}  // namespace l2tpm::daemon
