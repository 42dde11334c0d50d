#include "base/log.h"

#include <atomic>

namespace l2tpm {
namespace {
std::atomic<LogSink*> g_sink{nullptr};
std::atomic<LogLevel> g_level{LogLevel::info};
}  // namespace

void set_log_sink(LogSink* sink) { g_sink.store(sink); }
void set_log_level(LogLevel level) { g_level.store(level); }
LogLevel log_level() { return g_level.load(); }

bool log_enabled(LogLevel level) { return g_sink.load() != nullptr && level <= g_level.load(); }

void log_text(LogLevel level, const LogContext& context, std::string_view message) {
  if (LogSink* sink = g_sink.load(); sink != nullptr) sink->write(level, context, message);
}

}  // namespace l2tpm
