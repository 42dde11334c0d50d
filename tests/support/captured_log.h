// The log as tests see it: every line, debug ones included, while one of these lives.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace l2tpm::test {

// What a peer says must not write lines of its own, nor steer a terminal.
inline bool is_one_clean_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet >= 0x20 && octet != 0x7f;
  });
}

class CapturedLog final : public LogSink {
 public:
  CapturedLog() : level_(log_level()) {
    set_log_sink(this);
    set_log_level(LogLevel::debug);
  }
  ~CapturedLog() override {
    set_log_sink(nullptr);
    set_log_level(level_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  void write(LogLevel level, const LogContext&, std::string_view message) override {
    all_clean = all_clean && is_one_clean_line(message);
    if (level <= kept) lines.emplace_back(message);
  }
  // How many lines have `part` in them.
  std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(),
        [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }

  LogLevel kept = LogLevel::debug;
  std::vector<std::string> lines;
  bool all_clean = true;

 private:
  LogLevel level_;
};

}  // namespace l2tpm::test
