#include "nm_bus/run.h"

#include <cap-ng.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/log.h"
#include "nm_bus/plugin.h"

namespace l2tpm::nm_bus {
namespace {

volatile std::sig_atomic_t g_terminated = 0;

timespec time_left(TimePoint deadline, TimePoint now) {
  const auto left = std::max<std::chrono::nanoseconds>(deadline - now, 0ns);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = static_cast<std::time_t>(seconds.count()),
          .tv_nsec = static_cast<long>((left - seconds).count())};
}

// Until the bus, a deadline or a signal has something for us.
void wait(sdbus::IConnection& connection, const Plugin& plugin, const sigset_t& signals) {
  const dbus::Poll data = dbus::poll_of(connection);
  std::optional<TimePoint> until = plugin.next_deadline();
  if (data.deadline) {
    const TimePoint bus(std::chrono::duration_cast<Duration>(*data.deadline));
    until = until ? std::min(*until, bus) : bus;
  }
  std::array<pollfd, 2> polled{
      pollfd{.fd = data.fd,       .events = data.events, .revents = 0},
      pollfd{.fd = data.event_fd, .events = POLLIN,      .revents = 0}
  };
  timespec left{};
  if (until) left = time_left(*until, Clock::now());
  ppoll(polled.data(), polled.size(), until ? &left : nullptr, &signals);
}

void take_signals(sigset_t& outside) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT}) {
    sigaddset(&taken, number);
    struct sigaction action {};
    action.sa_handler = [](int) { g_terminated = 1; };
    sigaction(number, &action, nullptr);
  }
  // They come only while we wait.
  sigprocmask(SIG_BLOCK, &taken, &outside);
  sigdelset(&outside, SIGTERM);
  sigdelset(&outside, SIGINT);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

bool drop_privileges() {
  // No core dump, no ptrace by others: passwords are in here.
  prctl(PR_SET_DUMPABLE, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  capng_clear(CAPNG_SELECT_CAPS);
  return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

int serve(const ServiceOptions& options) {
  sigset_t outside;
  take_signals(outside);
  try {
    const auto connection = dbus::connect(options.bus);
    Plugin plugin(*connection, options.type, "l2tp-" + std::to_string(getpid()));
    connection->requestName(dbus::ServiceName(options.bus_name));
    while (!plugin.is_done()) {
      while (dbus::process_one(*connection)) plugin.carry_out();
      if (g_terminated != 0) plugin.terminate(Clock::now());
      plugin.handle_timeout(Clock::now());
      plugin.carry_out();
      if (!plugin.is_done()) wait(*connection, plugin, outside);
    }
    return 0;
  } catch (const sdbus::Error& error) {
    log(LogLevel::error, {}, "D-Bus: {}: {}", error.getName(), error.getMessage());
  } catch (const std::exception& error) {
    log(LogLevel::error, {}, "{}", error.what());
  }
  return 1;
}

}  // namespace l2tpm::nm_bus
