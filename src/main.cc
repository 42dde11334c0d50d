// l2tp-manager: reads its options, puts the parts together, runs the loop.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "base/log.h"
#include "bus/presence.h"
#include "config/load.h"
#include "daemon/event_loop.h"
#include "daemon/log_sink.h"
#include "daemon/message_ids.h"
#include "daemon/service.h"
#include "daemon/service_manager.h"
#include "daemon/version.h"
#include "kernel/linux_dataplane.h"

namespace {

using namespace l2tpm;  // NOLINT: this is the program

struct Options {
  std::string config_directory;
  std::string vendor_directory;
  std::string state_directory;
  std::string runtime_directory;
  std::string bus;  // empty: the system bus
  std::string log_level;
  std::uint32_t instance = 1;
  bool check_config = false;
};

constexpr const char* kAdministrator = "/etc/l2tp-manager";
constexpr const char* kVendor = "/usr/lib/l2tp-manager";

// The first of what systemd's StateDirectory= and RuntimeDirectory= made.
std::string directory_of(const char* variable) {
  const char* const list = std::getenv(variable);
  const std::string text = list != nullptr ? list : "";
  return text.substr(0, text.find(':'));
}

// Where profiles are. Packages' profiles belong to the administrator's usual place.
config::Places places_of(const Options& options) {
  config::Places places;
  const bool is_usual = options.config_directory.empty();
  places.administrator = is_usual ? kAdministrator : options.config_directory;
  places.vendor = !options.vendor_directory.empty() ? options.vendor_directory
                  : is_usual                        ? kVendor
                                                    : "";
  places.state =
      options.state_directory.empty() ? directory_of("STATE_DIRECTORY") : options.state_directory;
  places.runtime = options.runtime_directory.empty() ? directory_of("RUNTIME_DIRECTORY")
                                                     : options.runtime_directory;
  return places;
}

int check_config(const config::Places& places) {
  const config::Loaded loaded = config::load(places);
  const std::string& directory = places.administrator;
  for (const auto& error : loaded.errors) std::cout << error.to_string() << "\n";
  for (const auto& warning : loaded.warnings) std::cout << warning.to_string() << "\n";
  if (loaded.ok()) {
    std::cout << directory << ": " << loaded.config.clients.size() << " clients, "
              << loaded.config.listeners.size() << " listeners and " << loaded.config.statics.size()
              << " static tunnels, no errors\n";
  }
  return loaded.ok() ? 0 : 1;
}

std::optional<LogLevel> level_of(const std::string& text) {
  if (text == "error") return LogLevel::error;
  if (text == "warning") return LogLevel::warning;
  if (text == "notice") return LogLevel::notice;
  if (text == "info") return LogLevel::info;
  if (text == "debug") return LogLevel::debug;
  return std::nullopt;
}

// Three descriptors a session and one a tunnel: as many as we are allowed.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const Options& options) {
  const auto sink = daemon::make_log_sink();
  set_log_sink(sink.get());
  config::Loaded loaded = config::load(places_of(options));
  set_log_level(level_of(options.log_level).value_or(loaded.config.daemon.log_level));
  for (const auto& error : loaded.errors)
    log(LogLevel::error, daemon::message_id::on(daemon::message_id::kConfigError, {}), "{}",
        error.to_string());
  for (const auto& warning : loaded.warnings) log(LogLevel::warning, {}, "{}", warning.to_string());

  // Every thread inherits this: the loop takes signals when it is ready for them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // No core dump and no ptrace by our own user: secrets are in here.
  prctl(PR_SET_DUMPABLE, 0);
  raise_descriptor_limit();

  auto loop = daemon::EventLoop::create();
  if (!loop) {
    log(LogLevel::error, {}, "{}", loop.error());
    return 1;
  }
  kernel::KernelFeatures features = kernel::probe_features();
  for (const auto& feature : features.features) {
    if (feature.state == kernel::FeatureState::no) {
      log(feature.required ? LogLevel::error : LogLevel::info,
          daemon::message_id::on(daemon::message_id::kKernelFeatureMissing, {}),
          "kernel {}: no {}: {}. {}", features.release, feature.id, feature.detail, feature.advice);
    }
  }
  kernel::DataplaneSettings settings;
  settings.instance = options.instance;
  if (loaded.config.daemon.workers != 0) settings.threads = loaded.config.daemon.workers;
  auto dataplane = kernel::make_linux_dataplane(settings);
  if (!dataplane) {
    log(LogLevel::error, {}, "{}", dataplane.error().to_string());
    return 1;
  }
  daemon::Service service(**loop, **dataplane, std::move(features), places_of(options),
                          std::move(loaded));

  daemon::ServiceManager manager(**loop, [&] {
    return fmt::format("{}: {} tunnels, {} sessions", service.state(), service.tunnel_count(),
                       service.session_count());
  });
  std::optional<bus::Presence> presence;
  if (options.bus != "none") presence.emplace(**loop, service, options.bus);

  const auto stop = [&] {
    manager.stopping();
    service.shut_down([&] { (*loop)->stop(); });
  };
  const auto reload = [&] {
    manager.reloading();
    service.reload();
    manager.ready();
  };
  const auto started = service.run([&] {
    log(LogLevel::notice, daemon::message_id::on(daemon::message_id::kReady, {}),
        "l2tp-manager {} is ready", daemon::kVersion);
    manager.ready();
  });
  if (!started || !(*loop)->on_signal(SIGTERM, stop) || !(*loop)->on_signal(SIGINT, stop) ||
      !(*loop)->on_signal(SIGHUP, reload)) {
    log(LogLevel::error, {}, "the event loop refuses: {}", started ? "signals" : started.error());
    return 1;
  }
  if (const auto ran = (*loop)->run(); !ran) {
    log(LogLevel::error, {}, "{}", ran.error());
    return 1;
  }
  log(LogLevel::notice, daemon::message_id::on(daemon::message_id::kStopped, {}), "stopped");
  presence.reset();
  // The dataplane goes after the service: it waits until the kernel has given everything back.
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"L2TP daemon: dials and answers L2TPv2 tunnels; the kernel carries their sessions."};
  app.add_option("--config", options.config_directory,
                 "Directory of l2tp-manager.json, profiles.d and secrets.d (default: "
                 "/etc/l2tp-manager, above /usr/lib/l2tp-manager)");
  app.add_option("--vendor", options.vendor_directory, "Directory of packages' profiles.d");
  app.add_option("--state", options.state_directory,
                 "Directory for profiles that the daemon is told to keep (default: "
                 "$STATE_DIRECTORY)");
  app.add_option("--runtime", options.runtime_directory,
                 "The same until the next boot (default: $RUNTIME_DIRECTORY)");
  app.add_option("--bus", options.bus,
                 "D-Bus address; \"none\" runs without (default: the system bus)");
  app.add_option("--log-level", options.log_level, "error, warning, notice, info or debug")
      ->check(CLI::IsMember({"error", "warning", "notice", "info", "debug"}));
  app.add_option("--instance", options.instance,
                 "Number that keeps several daemons in one network namespace apart")
      ->check(CLI::Range(1, 16383))
      ->capture_default_str();
  app.add_flag("--check-config", options.check_config,
               "Read the configuration, say what is wrong with it, and exit");
  app.set_version_flag("--version", std::string("l2tp-manager ") + daemon::kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return options.check_config ? check_config(places_of(options)) : run(options);
}
