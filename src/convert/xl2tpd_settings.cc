#include "convert/xl2tpd_settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace l2tpm::convert {
namespace {

using Level = Notice::Level;

// Settings that have no counterpart in any section.
struct Needless {
  std::string_view key;
  Level level;
  std::string_view why;
};
constexpr Needless kNeedless[] = {
    {"length bit",          Level::note,    "the L bit is always set in what needs it"                 },
    {"call rws",            Level::note,    "calls have no receive window in RFC 2661"                 },
    {"ppp debug",           Level::note,    "see \"l2tpctl trace\""                                    },
    {"pass peer",           Level::note,    "there is no pppd to pass it to"                           },
    {"rand source",         Level::note,    "randomness is the kernel's"                               },
    {"force userspace",     Level::note,    "data is always the kernel's"                              },
    {"cap backoff",         Level::note,    "the longest wait is tunnel.retransmit.max-interval"       },
    {"debug avp",           Level::note,    "see \"l2tpctl trace\""                                    },
    {"debug network",       Level::note,    "see \"l2tpctl trace\""                                    },
    {"debug packet",        Level::note,    "see \"l2tpctl trace\""                                    },
    {"debug state",         Level::note,    "see \"l2tpctl log-level\""                                },
    {"debug tunnel",        Level::note,    "see \"l2tpctl log-level\""                                },
    {"flow bit",            Level::warning, "data is not numbered unless \"data-sequencing\" says so"  },
    {"tx bps",              Level::warning, "speeds are not announced"                                 },
    {"rx bps",              Level::warning, "speeds are not announced"                                 },
    {"bps",                 Level::warning, "speeds are not announced"                                 },
    {"local ip range",      Level::warning, "one local address serves every session; give \"local ip\""},
    {"unix auth",           Level::warning, "users are those of the profile, not the system's"         },
    {"unix authentication", Level::warning, "users are those of the profile, not the system's"         },
    {"saref refinfo",       Level::warning, "IPsec SA tracking is not supported"                       },
};

std::optional<bool> parse_bool(const std::string& text) {
  const std::string value = lower(text);
  if (value == "yes" || value == "true" || value == "1" || value == "on") return true;
  if (value == "no" || value == "false" || value == "0" || value == "off") return false;
  return std::nullopt;
}

}  // namespace

Settings::Settings(const Section* defaults, const Section& own, std::string file, Import& import)
    : file_(std::move(file)), import_(import) {
  if (defaults != nullptr && defaults != &own)
    settings_.insert(settings_.end(), defaults->settings.begin(), defaults->settings.end());
  settings_.insert(settings_.end(), own.settings.begin(), own.settings.end());
  used_.resize(settings_.size(), false);
}

std::optional<bool> Settings::boolean(std::string_view key) {
  unsigned line = 0;
  const auto value = take(key, &line);
  if (!value) return std::nullopt;
  const auto flag = parse_bool(*value);
  if (!flag) warn(line, fmt::format("\"{}\" must be yes or no, not \"{}\"", key, *value));
  return flag;
}

std::optional<unsigned> Settings::number(std::string_view key, unsigned most) {
  unsigned line = 0;
  const auto value = take(key, &line);
  if (!value) return std::nullopt;
  const auto parsed = parse_number(*value, most);
  if (!parsed) warn(line, fmt::format("\"{}\" is not a number up to {}", key, most));
  return parsed;
}

std::optional<IpAddress> Settings::address(std::string_view key) {
  unsigned line = 0;
  const auto value = take(key, &line);
  if (!value) return std::nullopt;
  const auto parsed = IpAddress::parse(*value);
  if (!parsed || !parsed->is_v4()) {
    warn(line, fmt::format("\"{}\" is not an IPv4 address", *value));
    return std::nullopt;
  }
  return parsed;
}

void Settings::each(std::string_view key,
                    const std::function<void(std::string_view value, unsigned line)>& visit) {
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (settings_[i].key != key) continue;
    used_[i] = true;
    for (const std::string_view part : split(settings_[i].value, ','))
      if (!part.empty()) visit(part, settings_[i].line);
  }
}

void Settings::warn(unsigned line, std::string text) {
  import_.say(Level::warning, file_, line, std::move(text));
}

unsigned Settings::line_of(std::string_view key) const {
  unsigned line = 0;
  for (const Setting& setting : settings_)
    if (setting.key == key) line = setting.line;
  return line;
}

void Settings::finish() {
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (used_[i]) continue;
    const Setting& setting = settings_[i];
    const auto* needless =
        std::find_if(std::begin(kNeedless), std::end(kNeedless),
                     [&](const Needless& one) { return one.key == setting.key; });
    if (needless == std::end(kNeedless))
      warn(setting.line, fmt::format("\"{}\" is not known here", setting.key));
    else if (needless->level == Level::note || parse_bool(setting.value) != false)
      import_.say(needless->level, file_, setting.line,
                  fmt::format("\"{}\" has no counterpart: {}", setting.key, needless->why));
  }
}

std::optional<std::string> Settings::take(std::string_view key, unsigned* line) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (settings_[i].key != key) continue;
    used_[i] = true;
    value = settings_[i].value;
    if (line != nullptr) *line = settings_[i].line;
  }
  return value;
}

Json lns_list(Settings& settings) {
  Json peers = Json::array();
  settings.each("lns", [&](std::string_view value, unsigned line) {
    const auto colon = value.rfind(':');
    if (colon == std::string_view::npos || value.find(':') != colon) {
      peers.push_back(std::string(value));
      return;
    }
    const auto port = parse_number(value.substr(colon + 1), 65535);
    if (!port || *port == 0)
      settings.warn(line, fmt::format("\"{}\" has no port behind its colon", value));
    else
      peers.push_back({
          {"host", std::string(value.substr(0, colon))},
          {"port",      *port                          }
      });
  });
  return peers;
}

void address_pools(Settings& settings, Json& ipv4) {
  Json ranges = Json::array();
  Json exclude = Json::array();
  const auto add = [&](Json& to, std::string_view value, unsigned line) {
    const auto span = parse_span(value);
    if (!span)
      settings.warn(line, fmt::format("\"{}\" is not a range of IPv4 addresses", value));
    else if (span->first == span->last)
      to.push_back(span->first.to_string());
    else
      to.push_back(span->first.to_string() + "-" + span->last.to_string());
  };
  settings.each("ip range",
                [&](std::string_view value, unsigned line) { add(ranges, value, line); });
  settings.each("no ip range",
                [&](std::string_view value, unsigned line) { add(exclude, value, line); });
  if (settings.boolean("assign ip") == false) {
    settings.warn(settings.line_of("assign ip"),
                  "addresses come from nowhere else: only users with one of their own get one");
    return;
  }
  if (!ranges.empty()) ipv4["pool"] = std::move(ranges);
  if (!exclude.empty()) ipv4["exclude"] = std::move(exclude);
}

}  // namespace l2tpm::convert
