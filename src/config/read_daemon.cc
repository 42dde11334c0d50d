#include <fmt/core.h>

#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

constexpr std::pair<std::string_view, LogLevel> kLogLevels[] = {
    {"error",   LogLevel::error  },
    {"warning", LogLevel::warning},
    {"notice",  LogLevel::notice },
    {"info",    LogLevel::info   },
    {"debug",   LogLevel::debug  },
};

// Kept as a text, so that every profile reads them as if they were its own.
std::string read_defaults(ObjectReader& reader, std::string_view key) {
  const Json* json = reader.find(key);
  if (json == nullptr) return {};
  if (!json->is_object()) {
    reader.error(key, "must be an object: part of a profile");
    return {};
  }
  for (const auto* own : {"kind", "users", "users-file", "peer", "peers", "outgoing"})
    if (json->contains(own))
      reader.error(key, fmt::format("must not contain \"{}\": it is each profile's own", own));
  return json->dump();
}

}  // namespace

DaemonConfig read_daemon(ReadContext& context, const Json& json) {
  ObjectReader root = ObjectReader::root(context, json);
  DaemonConfig daemon;
  std::string ignored;
  root.text("$schema", ignored, 1024);
  root.text("description", ignored, 1024);
  root.parsed("log-level", daemon.log_level,
              "\"error\", \"warning\", \"notice\", \"info\" or \"debug\"",
              [](std::string_view text) -> std::optional<LogLevel> {
                for (const auto& [level_name, level] : kLogLevels)
                  if (level_name == text) return level;
                return std::nullopt;
              });
  root.number("workers", daemon.workers, 0, 256);
  root.number("resolver-threads", daemon.resolver_threads, 1, 4);
  root.duration("shutdown-timeout", daemon.shutdown_timeout, 0s, 60s);
  ObjectReader limits = root.object("limits");
  limits.number("tunnels", daemon.max_tunnels, 1, 65535);
  limits.number("sessions", daemon.max_sessions, 1, 1'000'000);
  limits.finish();

  for (auto& [pool_name, reader] : root.named_objects("pools")) {
    if (!is_name(pool_name)) reader.error("", "is not a name: letters, digits, '-', '_' and '.'");
    Pool pool = read_pool(reader, "ranges");
    if (pool.ranges.empty()) reader.error("", "needs \"ranges\"");
    reader.finish();
    for (const auto& [other_name, other] : daemon.pools)
      for (const auto& theirs : other.ranges)
        for (const auto& ours : pool.ranges)
          if (overlap(ours, theirs))
            reader.error("ranges", fmt::format("{} overlaps {} of pool \"{}\"", ours.to_string(),
                                               theirs.to_string(), other_name));
    daemon.pools.emplace(pool_name, std::move(pool));
  }

  ObjectReader defaults = root.object("defaults");
  daemon.client_defaults = read_defaults(defaults, "client");
  daemon.listener_defaults = read_defaults(defaults, "listener");
  defaults.finish();
  root.finish();
  return daemon;
}

}  // namespace l2tpm::config
