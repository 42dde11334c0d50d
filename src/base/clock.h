// Time is handed in, never asked for: `now` is an argument everywhere below `daemon`.
#pragma once

#include <chrono>

namespace l2tpm {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using namespace std::chrono_literals;  // NOLINT: 10s, 250ms read as the RFCs do

}  // namespace l2tpm
