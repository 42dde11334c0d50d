// nm-l2tp-manager-service: reads its options, gives up its privileges, serves one connection.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <string>

#include "base/log.h"
#include "nm_bus/run.h"

namespace {

using namespace l2tpm;  // NOLINT: this is the program

// NetworkManager's journal has what its plugins write to stderr.
class Stderr final : public LogSink {
 public:
  void write(LogLevel level, const LogContext& context, std::string_view message) override {
    std::string line;
    if (std::getenv("INVOCATION_ID") != nullptr)
      line = "<" + std::to_string(static_cast<int>(level)) + ">";
    line += "nm-l2tp-manager: ";
    if (!context.profile.empty()) line.append(context.profile).append(": ");
    line.append(message).append("\n");
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  }
};

// NetworkManager says 0 unless its VPN_PLUGIN log domain is on; what went wrong is always said.
LogLevel level_from_environment() {
  const char* text = std::getenv("NM_VPN_LOG_LEVEL");
  const int level = text == nullptr ? 0 : std::atoi(text);
  if (level >= static_cast<int>(LogLevel::debug)) return LogLevel::debug;
  return level == static_cast<int>(LogLevel::info) ? LogLevel::info : LogLevel::notice;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The VPN service of l2tp-manager for NetworkManager, which starts it.",
               "nm-l2tp-manager-service");
  nm_bus::ServiceOptions options;
  options.bus_name = nm::kOwnService;
  bool debug = false;
  app.add_option("--bus-name", options.bus_name, "The D-Bus name to take");
  app.add_option("--bus", options.bus, "The D-Bus to be on; default: the system bus");
  app.add_flag("--debug", debug, "Log everything");
  app.set_version_flag("--version", "nm-l2tp-manager-service " L2TPM_VERSION);
  CLI11_PARSE(app, argc, argv);

  Stderr sink;
  set_log_sink(&sink);
  set_log_level(debug ? LogLevel::debug : level_from_environment());
  const auto type = nm::service_type_of(options.bus_name);
  if (!type) {
    log(LogLevel::error, {}, "{} is not a name of this service", options.bus_name);
    return 2;
  }
  options.type = *type;
  if (!nm_bus::drop_privileges()) {
    log(LogLevel::error, {}, "cannot give up privileges");
    return 1;
  }
  return nm_bus::serve(options);
}
