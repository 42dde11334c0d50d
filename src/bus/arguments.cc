#include "bus/arguments.h"

#include <algorithm>
#include <string_view>

#include "bus/errors.h"

namespace l2tpm::bus {
namespace {

constexpr std::size_t kMostSecrets = 16;
constexpr std::size_t kMostFiles = 16;
constexpr std::size_t kMostEventNames = 16;
constexpr std::size_t kLongestCloseMessage = 255;  // as much as an AVP's text may well have

// The keys of one a{sv}: what is asked for is known, what else is there is refused at the end.
class Keys {
 public:
  explicit Keys(const Options& options) : options_(options) {}

  template <typename T>
  bool take(const char* key, T& value, const char* type_name) {
    known_.emplace_back(key);
    const auto found = options_.find(key);
    if (found == options_.end()) return false;
    if (!found->second.containsValueOfType<T>())
      invalid("\"" + std::string(key) + "\" is " + type_name);
    value = found->second.get<T>();
    return true;
  }
  bool text(const char* key, std::string& value, std::size_t longest = kLongestName) {
    if (!take(key, value, "a string")) return false;
    if (value.size() > longest)
      invalid("\"" + std::string(key) + "\" has more than " + std::to_string(longest) + " octets");
    return true;
  }
  void finish() const {
    for (const auto& [key, value] : options_) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string message = key.size() > kLongestName ? "a key" : "\"" + key + "\"";
      message += " is not known here; known:";
      for (const std::string_view known : known_) message += " " + std::string(known);
      invalid(message);
    }
  }

 private:
  const Options& options_;
  std::vector<std::string_view> known_;
};

}  // namespace

void check_name(const std::string& name) {
  if (name.size() > kLongestName)
    invalid("a name has at most " + std::to_string(kLongestName) + " octets");
}

void check_json(const std::string& json) {
  if (json.size() > kLongestJson)
    invalid("a profile has at most " + std::to_string(kLongestJson) + " octets");
}

void check_flags(std::uint32_t flags, std::uint32_t known) {
  if ((flags & ~known) != 0) invalid("unknown flags " + std::to_string(flags & ~known));
}

daemon::TunnelFilter tunnel_filter(const Options& filter) {
  daemon::TunnelFilter result;
  Keys keys(filter);
  keys.text("profile", result.profile);
  keys.text("state", result.state);
  keys.text("peer", result.peer);
  keys.take("version", result.version, "a byte");
  keys.finish();
  return result;
}

daemon::SessionFilter session_filter(const Options& filter) {
  daemon::SessionFilter result;
  Keys keys(filter);
  keys.text("tunnel", result.tunnel);
  keys.text("user", result.user);
  keys.text("interface", result.interface);
  keys.text("state", result.state);
  keys.finish();
  return result;
}

daemon::DumpKind dump_kind(const std::string& kind) {
  using daemon::DumpKind;
  if (kind == "state") return DumpKind::state;
  if (kind == "sessions") return DumpKind::sessions;
  if (kind == "statistics") return DumpKind::statistics;
  if (kind == "config") return DumpKind::config;
  if (kind == "failures") return DumpKind::failures;
  invalid("kind is state, sessions, statistics, config or failures");
}

daemon::DumpFilter dump_filter(const Options& filter) {
  daemon::DumpFilter result;
  Keys keys(filter);
  keys.text("tunnel", result.tunnel);
  keys.text("profile", result.profile);
  keys.text("user", result.user);
  keys.text("peer", result.peer);
  keys.take("limit", result.limit, "an unsigned number (u)");
  keys.finish();
  return result;
}

daemon::EventFilter event_filter(const Options& filter) {
  daemon::EventFilter result;
  Keys keys(filter);
  std::vector<std::string> names;
  bool packets = false;
  if (keys.take("events", names, "an array of strings")) {
    if (names.size() > kMostEventNames) invalid("\"events\" has too many elements");
    result.kinds = 0;
    for (const std::string& name : names) {
      const std::uint32_t kind = name.size() > kLongestName ? 0 : daemon::event_kind(name);
      if (kind == 0)
        invalid("\"events\" knows tunnel, session, profile, reload, daemon, listener and packet");
      result.kinds |= kind;
    }
  }
  keys.text("tunnel", result.tunnel);
  keys.take("session", result.session, "an unsigned number (u)");
  if (keys.take("packets", packets, "a boolean") && packets) result.kinds |= daemon::kPacketEvents;
  keys.finish();
  return result;
}

daemon::StartOptions start_options(Options& options) {
  daemon::StartOptions result;
  Keys keys(options);
  std::string password;
  if (keys.text("password", password, kLongestSecret)) {
    result.password = Secret(password);
    wipe(password);
  }
  keys.finish();
  return result;
}

daemon::CloseOptions close_options(const Options& options) {
  daemon::CloseOptions result;
  Keys keys(options);
  keys.text("message", result.message, kLongestCloseMessage);
  keys.take("result-code", result.result_code, "an unsigned number (q)");
  keys.finish();
  return result;
}

daemon::OutgoingCallRequest outgoing_call(const Options& call) {
  daemon::OutgoingCallRequest result;
  Keys keys(call);
  keys.text("listener", result.listener);
  keys.text("tunnel", result.tunnel);
  keys.text("peer", result.peer);
  keys.text("called-number", result.called_number);
  keys.text("sub-address", result.sub_address);
  keys.finish();
  return result;
}

daemon::PutOptions put_options(std::uint32_t flags, bool may_be_exclusive) {
  check_flags(flags, may_be_exclusive ? 7 : 3);
  return {
      .runtime = (flags & 1) != 0, .apply = (flags & 2) != 0, .must_not_exist = (flags & 4) != 0};
}

daemon::TransientRequest transient_request(const std::string& name_hint, const Options& settings,
                                           std::map<std::string, std::string>& secrets,
                                           std::map<std::string, sdbus::UnixFd>& files,
                                           std::uint32_t flags, const std::string& owner) {
  constexpr std::uint32_t kDiesWithCaller = 1;
  constexpr std::uint32_t kDoNotStart = 2;
  constexpr std::uint32_t kReportOnly = 4;
  check_flags(flags, kDiesWithCaller | kDoNotStart | kReportOnly);
  check_name(name_hint);
  daemon::TransientRequest request{.name_hint = name_hint, .json = {}};
  Keys keys(settings);
  if (!keys.text("profile", request.json, kLongestJson)) invalid("settings have no \"profile\"");
  keys.finish();
  if (secrets.size() > kMostSecrets || files.size() > kMostFiles)
    invalid("too many secrets or files");
  for (auto& [name, text] : secrets) {
    check_name(name);
    if (text.size() > kLongestSecret) invalid("a secret is too long");
    request.secrets.emplace(name, Secret(text));
    wipe(text);
  }
  for (auto& [name, file] : files) {
    check_name(name);
    request.files.emplace(name, UniqueFd(file.release()));
  }
  if ((flags & kDiesWithCaller) != 0) request.owner = owner;
  request.start = (flags & kDoNotStart) == 0;
  request.report_only = (flags & kReportOnly) != 0;
  return request;
}

}  // namespace l2tpm::bus
