// For fuzz targets: debug lines are formatted, too (peers.md, section 4, row 15), and none may
// carry what a peer could steer a terminal with.
#pragma once

#include <cstdlib>

#include "support/captured_log.h"

namespace l2tpm::test {

class FuzzedLog final : public LogSink {
 public:
  FuzzedLog() {
    set_log_sink(this);
    set_log_level(LogLevel::debug);
  }
  void write(LogLevel, const LogContext&, std::string_view message) override {
    if (!is_one_clean_line(message)) std::abort();
  }
};
inline FuzzedLog fuzzed_log;

}  // namespace l2tpm::test
