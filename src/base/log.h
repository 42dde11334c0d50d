// Logging with fields. Every line may say which tunnel, session, peer, user and profile it is
// about; the sink (journald or stderr, set by main) decides how they look. Peer-controlled text
// goes through printable() first, secrets cannot be formatted at all.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace l2tpm {

enum class LogLevel : std::uint8_t {
  error = 3,
  warning = 4,
  notice = 5,
  info = 6,
  debug = 7
};  // syslog's numbers

// What a line is about; empty members are left out.
struct LogContext {
  std::string_view profile;
  std::string_view tunnel;      // L2TPM_TUNNEL
  std::string_view session;     // L2TPM_SESSION
  std::string_view peer;        // L2TPM_PEER
  std::string_view user;        // L2TPM_USER
  std::string_view message_id;  // a catalog entry, 32 hex digits
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, const LogContext& context, std::string_view message) = 0;
};

// Neither owns. nullptr discards. Set before threads start.
void set_log_sink(LogSink* sink);
void set_log_level(LogLevel level);
LogLevel log_level();
bool log_enabled(LogLevel level);
void log_text(LogLevel level, const LogContext& context, std::string_view message);

template <typename... Args>
void log(LogLevel level, const LogContext& context, fmt::format_string<Args...> format,
         Args&&... args) {
  if (log_enabled(level))
    log_text(level, context, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace l2tpm
