#include <fmt/core.h>

#include <algorithm>

#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

constexpr std::initializer_list<MppeMode> kModes = {MppeMode::off, MppeMode::prefer,
                                                    MppeMode::require};

bool yields_keys(AuthMethod method) {
  return method == AuthMethod::mschap_v1 || method == AuthMethod::mschap_v2;
}

void read_mppe(ObjectReader& ppp, Mppe& mppe) {
  const Json* json = ppp.find("mppe");
  if (json != nullptr && json->is_string()) {
    ppp.choice("mppe", mppe.mode, kModes);
    return;
  }
  ObjectReader reader = ppp.object("mppe");
  reader.choice("mode", mppe.mode, kModes);
  if (json != nullptr && json->is_object() && !reader.has("mode"))
    reader.error("", "needs \"mode\": \"off\", \"prefer\" or \"require\"");
  if (const Json* strengths = reader.find("strengths"); strengths != nullptr) {
    bool good = strengths->is_array() && !strengths->empty();
    bool bits_128 = false;
    bool bits_40 = false;
    for (const auto& strength : *strengths) {
      if (strength == 128)
        bits_128 = true;
      else if (strength == 40)
        bits_40 = true;
      else
        good = false;
    }
    if (good) {
      mppe.bits_128 = bits_128;
      mppe.bits_40 = bits_40;
    } else {
      reader.error("strengths", "must be an array of 128 and 40 (the kernel has no 56)");
    }
  }
  reader.boolean("stateful", mppe.stateful);
  reader.finish();
}

// "auto" or a number.
void read_size(ObjectReader& ppp, std::string_view key, std::optional<std::uint16_t>& out) {
  const Json* json = ppp.find(key);
  if (json == nullptr) return;
  if (json->is_string() && json->get_ref<const std::string&>() == "auto") {
    out.reset();
    return;
  }
  if (json->is_string()) {
    ppp.error(key, "must be \"auto\" or a whole number");
    return;
  }
  // RFC 1661 §6.1 has no bounds; below 128 nothing works, above 16384 nothing is L2TP over UDP.
  std::uint16_t size = 0;
  if (ppp.number(key, size, 128, 16384)) out = size;
}

}  // namespace

void read_common_keys(ObjectReader& root) {
  std::string ignored;
  root.text("$schema", ignored, 1024);
  root.text("description", ignored, 1024);
  root.find("kind");
}

void read_tunnel(ObjectReader reader, Tunnel& tunnel, bool responder, bool version3) {
  reader.text("host-name", tunnel.host_name);
  if (reader.has("host-name") && tunnel.host_name.empty())
    reader.error("host-name", "is empty: leave it out for the machine's name");
  if (reader.secret("secret", tunnel.secret)) tunnel.challenge = true;
  reader.boolean("challenge", tunnel.challenge);
  reader.boolean("hide-avps", tunnel.hide_avps);
  reader.duration_or_never("hello", tunnel.hello, 1s, 1h);
  reader.number("receive-window", tunnel.receive_window, 1, 1024);
  ObjectReader retransmit = reader.object("retransmit");
  retransmit.duration("initial", tunnel.retransmit.initial, 100ms, 60s);
  retransmit.duration("max-interval", tunnel.retransmit.max_interval, 100ms, 5min);
  retransmit.number("count", tunnel.retransmit.count, 1, 100);
  if (tunnel.retransmit.max_interval < tunnel.retransmit.initial)
    retransmit.error("", "\"max-interval\" is shorter than \"initial\"");
  retransmit.finish();
  reader.duration("setup-timeout", tunnel.setup_timeout, 1s, 10min);
  if (responder) {
    reader.choice("port-float", tunnel.port_float, {PortFloat::never, PortFloat::ours});
  } else {
    reader.choice("port-float", tunnel.port_float, {PortFloat::accept_theirs, PortFloat::never});
    reader.boolean("tie-breaker", tunnel.tie_breaker);
  }
  reader.boolean("cisco-challenge", tunnel.cisco_challenge);
  if (!reader.choice("digest", tunnel.digest,
                     {MessageDigest::none, MessageDigest::md5, MessageDigest::sha1}) &&
      version3 && !tunnel.secret.empty() && !tunnel.cisco_challenge)
    tunnel.digest = MessageDigest::sha1;
  reader.secret("second-secret", tunnel.second_secret);
  reader.parsed("router-id", tunnel.router_id, "four numbers such as \"192.0.2.1\", not all zero",
                [](std::string_view text) -> std::optional<std::uint32_t> {
                  const auto address = IpAddress::parse(text);
                  if (!address || !address->is_v4() || address->is_unspecified())
                    return std::nullopt;
                  return address->v4_value();
                });
  for (const std::string_view key : {"digest", "second-secret", "cisco-challenge", "router-id"})
    if (reader.has(key) && !version3) reader.error(key, "is of version 3 only");
  reader.boolean("permissive", tunnel.permissive);
  reader.boolean("ignore-unanswered-hello", tunnel.ignore_unanswered_hello);
  reader.finish();
  if (tunnel.secret.empty()) {
    if (tunnel.challenge) reader.error("challenge", "needs a \"secret\"");
    if (tunnel.hide_avps) reader.error("hide-avps", "needs a \"secret\" (RFC 2661 section 4.3)");
    if (!tunnel.second_secret.empty()) reader.error("second-secret", "needs a \"secret\"");
    if (tunnel.cisco_challenge) reader.error("cisco-challenge", "needs a \"secret\"");
  }
}

void read_link(ObjectReader& ppp, PppLink& link) {
  read_size(ppp, "mru", link.mru);
  read_size(ppp, "mtu", link.mtu);
  read_mppe(ppp, link.mppe);
  ObjectReader echo = ppp.object("echo");
  echo.duration_or_never("interval", link.echo.interval, 1s, 1h);
  echo.number("failures", link.echo.failures, 1, 100);
  echo.finish();
}

void read_install_point(ObjectReader& root, std::optional<InstallPoint>& point) {
  InstallPoint chosen{};
  if (root.choice("install-point", chosen,
                  {InstallPoint::before_first_ncp_ack, InstallPoint::after_authentication,
                   InstallPoint::at_call_established}))
    point = chosen;
}

Pool read_pool(ObjectReader& reader, std::string_view ranges_key) {
  constexpr std::string_view kExpected =
      "a range \"10.0.0.10-10.0.0.250\", a prefix \"10.0.0.0/24\" or an IPv4 address";
  Pool pool;
  reader.parsed_list(ranges_key, pool.ranges, kMaxEntries, kExpected, parse_range);
  for (std::size_t i = 0; i < pool.ranges.size(); ++i) {
    const auto clash =
        std::find_if(pool.ranges.begin(), pool.ranges.begin() + static_cast<long>(i),
                     [&](const auto& each) { return overlap(each, pool.ranges[i]); });
    if (clash != pool.ranges.begin() + static_cast<long>(i))
      reader.error(std::string(ranges_key), fmt::format("{} and {} overlap", clash->to_string(),
                                                        pool.ranges[i].to_string()));
  }
  // Whole prefixes are meant here, so nothing is left out of them.
  reader.parsed_list("exclude", pool.exclude, kMaxEntries, kExpected,
                     [](std::string_view text) -> std::optional<AddressRange> {
                       const auto prefix = IpPrefix::parse(text);
                       if (!prefix || !prefix->address.is_v4() || prefix->length == 0)
                         return parse_range(text);
                       const std::uint32_t first = prefix->address.v4_value();
                       const std::uint32_t last = first + ((1u << (32 - prefix->length)) - 1);
                       return AddressRange{IpAddress::v4(first), IpAddress::v4(last)};
                     });
  return pool;
}

void check_mppe(ObjectReader& ppp, const Mppe& mppe, const std::vector<AuthMethod>& methods,
                const std::vector<AuthMethod>& other_direction) {
  if (mppe.mode == MppeMode::off) return;
  const auto some = [](const auto& list) {
    return std::any_of(list.begin(), list.end(), yields_keys);
  };
  const auto every = [](const auto& list) {
    return std::all_of(list.begin(), list.end(), yields_keys);
  };
  if (!some(methods) && !some(other_direction)) {
    ppp.error("mppe",
              "needs \"mschapv2\" (or \"mschap\") among the authentication methods: its "
              "keys come from there (RFC 3079)");
  } else if (mppe.mode == MppeMode::require && !every(methods) && other_direction.empty()) {
    ppp.warning("mppe",
                "is required, so a session authenticated by another method than "
                "\"mschapv2\" or \"mschap\" ends");
  }
}

void check_install_point(ObjectReader& root, const std::optional<InstallPoint>& point,
                         const Mppe& mppe, DataSequencing sequencing) {
  if (!point) return;
  if (sequencing != DataSequencing::none && *point != InstallPoint::at_call_established)
    root.error("install-point",
               "must be \"at-call-established\" with \"data-sequencing\": the "
               "kernel numbers from 0 and cannot start later");
  if (mppe.mode != MppeMode::off && *point == InstallPoint::before_first_ncp_ack)
    root.error("install-point",
               "is too late for \"mppe\": the kernel must see CCP; use \"after-authentication\"");
}

}  // namespace l2tpm::config
