#include "nm/observation.h"

#include <nlohmann/json.hpp>

namespace l2tpm::nm {
namespace {

using Json = nlohmann::json;

Json parse(std::string_view text) { return Json::parse(text, nullptr, false); }

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint32_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  const auto number = found->get<std::uint64_t>();
  return number > UINT32_MAX ? 0 : static_cast<std::uint32_t>(number);
}

const Json* object_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

std::optional<IpAddress> address_of(const Json& object, const char* key, bool v6) {
  const auto address = IpAddress::parse(text_of(object, key));
  return address && address->is_v6() == v6 ? address : std::nullopt;
}

std::vector<IpAddress> addresses_of(const Json& object, const char* key, bool v6) {
  std::vector<IpAddress> all;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return all;
  for (const Json& each : *found) {
    if (!each.is_string()) continue;
    const auto address = IpAddress::parse(each.get_ref<const std::string&>());
    if (address && address->is_v6() == v6 && !address->is_unspecified()) all.push_back(*address);
  }
  return all;
}

// "192.0.2.1:1701", "[2001:db8::1]:1701"; a name while it is not resolved yet.
std::optional<IpAddress> host_of(std::string_view endpoint) {
  const auto colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = endpoint.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  return address && !address->is_unspecified() ? address : std::nullopt;
}

bool is_negotiating(const std::string& state) {
  return state == "req-sent" || state == "ack-rcvd" || state == "ack-sent";
}

}  // namespace

std::optional<TunnelReport> parse_tunnel(std::string_view text) {
  const Json json = parse(text);
  if (!json.is_object()) return std::nullopt;
  TunnelReport report{.name = text_of(json, "name"),
                      .state = text_of(json, "state"),
                      .error = {},
                      .gateway = host_of(text_of(json, "remote")),
                      .sessions = {}};
  if (report.state.empty()) return std::nullopt;
  if (const Json* error = object_of(json, "last_error")) {
    const auto by_peer = error->find("by_peer");
    report.error = Problem{.code = text_of(*error, "code"),
                           .message = text_of(*error, "message"),
                           .by_peer = by_peer != error->end() && *by_peer == true};
  }
  if (const auto ids = json.find("session_ids"); ids != json.end() && ids->is_array()) {
    for (const Json& id : *ids) {
      if (id.is_number_unsigned() && id.get<std::uint64_t>() <= UINT32_MAX)
        report.sessions.push_back(id.get<std::uint32_t>());
    }
  }
  return report;
}

std::optional<SessionReport> parse_session(std::string_view text) {
  const Json json = parse(text);
  if (!json.is_object()) return std::nullopt;
  SessionReport report;
  report.state = text_of(json, "state");
  report.interface = text_of(json, "interface");
  report.mtu = number_of(json, "mtu");
  report.auth_message = text_of(json, "auth_message");
  report.negotiating =
      is_negotiating(text_of(json, "ipcp")) || is_negotiating(text_of(json, "ipv6cp"));
  if (report.state.empty()) return std::nullopt;
  if (const Json* ipv4 = object_of(json, "ipv4")) {
    if (const auto local = address_of(*ipv4, "local", false); local && !local->is_unspecified()) {
      report.ipv4 =
          SessionReport::Ipv4{.local = *local,
                              .peer = address_of(*ipv4, "peer", false).value_or(IpAddress()),
                              .dns = addresses_of(*ipv4, "dns", false),
                              .nbns = addresses_of(*ipv4, "nbns", false)};
    }
  }
  if (const Json* ipv6 = object_of(json, "ipv6")) {
    if (const auto local = address_of(*ipv6, "local", true); local && !local->is_unspecified()) {
      report.ipv6 =
          SessionReport::Ipv6{.local = *local,
                              .peer = address_of(*ipv6, "peer", true).value_or(IpAddress::v6({})),
                              .dns = addresses_of(*ipv6, "dns", true)};
    }
  }
  return report;
}

}  // namespace l2tpm::nm
