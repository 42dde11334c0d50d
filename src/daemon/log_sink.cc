#include "daemon/log_sink.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace l2tpm::daemon {
namespace {

// sd_journal_sendv takes FIELD=value pairs; what is not systemd.journal-fields(7) begins with
// L2TPM_.
class JournalSink final : public LogSink {
 public:
  void write(LogLevel level, const LogContext& context, std::string_view message) override {
    std::vector<std::string> fields;
    const auto add = [&fields](std::string_view field, std::string_view value) {
      if (!value.empty()) fields.push_back(std::string(field) + std::string(value));
    };
    add("MESSAGE=", message);
    add("PRIORITY=", std::to_string(static_cast<int>(level)));
    add("SYSLOG_IDENTIFIER=", "l2tp-manager");
    add("MESSAGE_ID=", context.message_id);
    add("L2TPM_PROFILE=", context.profile);
    add("L2TPM_TUNNEL=", context.tunnel);
    add("L2TPM_SESSION=", context.session);
    add("L2TPM_PEER=", context.peer);
    add("L2TPM_USER=", context.user);
    std::vector<iovec> vectors;
    for (std::string& field : fields) vectors.push_back({field.data(), field.size()});
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
  }
};

class StderrSink final : public LogSink {
 public:
  explicit StderrSink(bool with_prefix) : with_prefix_(with_prefix) {}

  void write(LogLevel level, const LogContext& context, std::string_view message) override {
    std::string line;
    if (with_prefix_) {
      line = "<" + std::to_string(static_cast<int>(level)) + ">";
    } else {
      timespec now{};
      clock_gettime(CLOCK_REALTIME, &now);
      std::tm local{};
      localtime_r(&now.tv_sec, &local);
      line = fmt::format("{:02}:{:02}:{:02}.{:03} ", local.tm_hour, local.tm_min, local.tm_sec,
                         now.tv_nsec / 1000000);
      if (level <= LogLevel::warning) line += level == LogLevel::error ? "error: " : "warning: ";
    }
    if (!context.tunnel.empty()) {
      line.append(context.tunnel).append(": ");
    } else if (!context.profile.empty()) {
      line.append(context.profile).append(": ");
    }
    line.append(message).append("\n");
    // One write per line, so that lines of several processes do not mix.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }

 private:
  bool with_prefix_;
};

// systemd says in $JOURNAL_STREAM which file stderr was when it started us.
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (stream == nullptr) return false;
  unsigned long device = 0;
  unsigned long inode = 0;
  if (std::sscanf(stream, "%lu:%lu", &device, &inode) != 2) return false;  // NOLINT(cert-err34-c)
  struct stat status {};
  return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

}  // namespace

std::unique_ptr<LogSink> make_log_sink() {
  if (stderr_is_the_journal()) return std::make_unique<JournalSink>();
  return std::make_unique<StderrSink>(std::getenv("INVOCATION_ID") != nullptr);
}

}  // namespace l2tpm::daemon
