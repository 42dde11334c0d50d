// The wall clock, for people only: when something came up. Deadlines use TimePoint.
#pragma once

#include <cstdint>
#include <ctime>

namespace l2tpm::daemon {

inline std::uint64_t realtime_usec() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace l2tpm::daemon
