// What the programs that try src/kernel against a real kernel share: checks, shells, waiting.
#pragma once

#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kernel/linux_dataplane.h"

namespace l2tpm::selftest {

inline int failures = 0;

inline void check(bool good, const std::string& what) {
  std::printf("%s %s\n", good ? "ok  " : "FAIL", what.c_str());
  std::fflush(stdout);
  if (!good) ++failures;
}

inline double seconds_since(TimePoint start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The output of a shell command, and whether it succeeded.
struct Shell {
  std::string output;
  bool good = false;
};
inline Shell shell(const std::string& command) {
  Shell result;
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) result.output += buffer;
  result.good = pipe != nullptr && pclose(pipe) == 0;
  return result;
}

inline bool wait_until(kernel::Dataplane& dataplane, const std::function<bool()>& reached,
                       int seconds = 60) {
  const auto limit = Clock::now() + std::chrono::seconds(seconds);
  while (!reached()) {
    if (Clock::now() > limit) return false;
    pollfd ready{dataplane.completion_fd(), POLLIN, 0};
    poll(&ready, 1, 100);
    dataplane.dispatch_completions();
  }
  return true;
}

// Calls `start` with a callback and waits for it.
template <typename T, typename Start>
Result<T, kernel::KernelError> await(kernel::Dataplane& dataplane, Start start) {
  std::optional<Result<T, kernel::KernelError>> answer;
  start([&answer](Result<T, kernel::KernelError> result) { answer = std::move(result); });
  if (!wait_until(dataplane, [&] { return answer.has_value(); }))
    return Unexpected(kernel::KernelError{ETIMEDOUT, "waiting for a completion", {}});
  return std::move(*answer);
}

template <typename T>
bool good(const Result<T, kernel::KernelError>& result, const std::string& what) {
  check(result.has_value(), result ? what : what + ": " + result.error().to_string());
  return result.has_value();
}

inline std::unique_ptr<kernel::Dataplane> make(bool nftables = true, unsigned threads = 32) {
  kernel::DataplaneSettings settings;
  settings.manage_nftables = nftables;
  settings.threads = threads;
  auto made = kernel::make_linux_dataplane(settings);
  if (!made) {
    std::printf("FAIL %s\n", made.error().to_string().c_str());
    std::exit(1);
  }
  return std::move(*made);
}

}  // namespace l2tpm::selftest
