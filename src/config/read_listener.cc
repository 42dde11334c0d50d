#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

std::optional<IpAddress> parse_v4(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address && address->is_v4() && !address->is_unspecified() && !address->is_multicast()
             ? address
             : std::nullopt;
}
constexpr std::string_view kV4Expected = "the IPv4 address of one host";

void read_listen(ObjectReader reader, ListenerProfile& listener) {
  listener.addresses = {IpAddress::v4(0), IpAddress::v6({})};
  if (reader.parsed_list("addresses", listener.addresses, 64, "an IP address", IpAddress::parse)) {
    auto& addresses = listener.addresses;
    if (addresses.empty()) reader.error("addresses", "is empty: nothing would be heard");
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (addresses[i].is_multicast())
        reader.error("addresses", addresses[i].to_string() + " is a multicast address");
      if (std::find(addresses.begin(), addresses.begin() + static_cast<long>(i), addresses[i]) !=
          addresses.begin() + static_cast<long>(i))
        reader.error("addresses", addresses[i].to_string() + " is there twice");
    }
  }
  reader.number("port", listener.port, 1, 65535);
  std::vector<Transport> transports = {Transport::udp};
  if (reader.choices("transports", transports, {Transport::udp, Transport::ip})) {
    const auto has = [&](Transport transport) {
      return std::find(transports.begin(), transports.end(), transport) != transports.end();
    };
    listener.on_udp = has(Transport::udp);
    listener.on_ip = has(Transport::ip);
    if (transports.empty()) reader.error("transports", "is empty: nothing would be heard");
    if (listener.on_ip && !listener.accepts_three)
      reader.error("transports", "has \"ip\", which needs 3 among \"versions\"");
    if (!listener.on_udp && listener.accepts_two)
      reader.error("transports",
                   "has no \"udp\", which version 2 needs: take it out of \"versions\"");
  }
  reader.finish();
}

// "versions": an array of 2 and 3.
void read_versions(ObjectReader& root, ListenerProfile& listener) {
  const Json* json = root.find("versions");
  if (json == nullptr) return;
  bool good = json->is_array() && !json->empty();
  bool two = false, three = false;
  if (good)
    for (const Json& each : *json) {
      bool& which = each == 3 ? three : two;
      good = good && (each == 2 || each == 3) && !which;
      which = true;
    }
  if (!good) {
    root.error("versions", "must be [2], [3] or [2, 3]");
    return;
  }
  listener.accepts_two = two;
  listener.accepts_three = three;
}

void read_rules(ObjectReader& root, ListenerProfile& listener) {
  std::set<std::string> names;
  for (auto& reader : root.objects("peers", kMaxEntries)) {
    PeerRule rule;
    rule.tunnel = listener.tunnel;
    reader.text("name", rule.name, 64);
    ObjectReader match = reader.object("match");
    match.text("host-name", rule.host_name);
    IpPrefix prefix;
    if (match.parsed("address", prefix, "an address or a prefix such as \"192.0.2.0/24\"",
                     IpPrefix::parse))
      rule.address = prefix;
    match.finish();
    reader.boolean("allow", rule.allow);
    read_tunnel(reader.object("tunnel"), rule.tunnel, true, listener.accepts_three);
    reader.finish();
    if (rule.name.empty())
      rule.name = !rule.host_name.empty() ? rule.host_name
                  : rule.address          ? rule.address->to_string()
                                          : "any";
    if (!names.insert(rule.name).second)
      reader.error("", fmt::format("a rule before this one is called \"{}\" too", rule.name));
    listener.peers.push_back(std::move(rule));
  }
}

void read_limits(ObjectReader reader, ListenerLimits& limits) {
  reader.number("tunnels", limits.tunnels, 1, 65535);
  reader.number("sessions", limits.sessions, 1, 1'000'000);
  reader.number("sessions-per-tunnel", limits.sessions_per_tunnel, 1, 65535);
  reader.number("half-open", limits.half_open, 1, 65535);
  reader.number("sccrq-per-source", limits.sccrq_per_source, 1, 100'000);
  reader.number("sccrq-total", limits.sccrq_total, 1, 1'000'000);
  reader.finish();
}

// "pool": the name of one of the daemon's, or ranges of its own.
void read_listener_pool(ObjectReader& reader, ListenerProfile& listener,
                        const DaemonConfig& daemon) {
  ListenerIpv4& ipv4 = listener.ppp.ipv4;
  const Json* json = reader.find("pool");
  if (json != nullptr && json->is_string()) {
    reader.text("pool", ipv4.pool, 64);
    const auto found = daemon.pools.find(ipv4.pool);
    if (found == daemon.pools.end()) {
      std::vector<std::string_view> names;
      for (const auto& [name, pool] : daemon.pools) names.push_back(name);
      const auto near = nearest(ipv4.pool, names);
      reader.error("pool", near.empty()
                               ? "there is no such pool in l2tp-manager.json (ranges are written "
                                 "as an array)"
                               : fmt::format("there is no such pool; did you mean \"{}\"?", near));
    } else {
      ipv4.ranges = found->second.ranges;
      ipv4.exclude = found->second.exclude;
    }
    if (reader.find("exclude") != nullptr)
      reader.error("exclude", "belongs to the pool in l2tp-manager.json");
  } else {
    Pool pool = read_pool(reader, "pool");
    ipv4.ranges = std::move(pool.ranges);
    ipv4.exclude = std::move(pool.exclude);
    if (!ipv4.ranges.empty()) ipv4.pool = "@" + listener.name;
    if (ipv4.ranges.empty() && !ipv4.exclude.empty())
      reader.error("exclude", "is not used without \"pool\"");
  }
  // Ours is never given away, wherever it lies.
  if (reader.has("local-address")) ipv4.exclude.push_back({ipv4.local_address, ipv4.local_address});
}

void read_ipv4(ObjectReader& ppp, ListenerProfile& listener, const DaemonConfig& daemon) {
  ListenerIpv4& ipv4 = listener.ppp.ipv4;
  if (const Json* json = ppp.find("ipv4"); json != nullptr && json->is_boolean()) {
    ipv4.enabled = json->get<bool>();
    if (ipv4.enabled) ppp.error("ipv4", "must be an object with \"local-address\" and \"pool\"");
    return;
  }
  ObjectReader reader = ppp.object("ipv4");
  reader.boolean("enabled", ipv4.enabled);
  reader.parsed("local-address", ipv4.local_address, kV4Expected, parse_v4);
  read_listener_pool(reader, listener, daemon);
  reader.parsed_list("dns", ipv4.dns, 2, kV4Expected, parse_v4);
  reader.parsed_list("nbns", ipv4.nbns, 2, kV4Expected, parse_v4);
  if (ipv4.enabled && !reader.has("local-address"))
    reader.error("", "needs a \"local-address\": ours on every session");
  reader.finish();
}

void read_ipv6(ObjectReader& ppp, ListenerIpv6& ipv6) {
  if (const Json* json = ppp.find("ipv6"); json != nullptr && json->is_boolean()) {
    ipv6.enabled = json->get<bool>();
    return;
  }
  ObjectReader reader = ppp.object("ipv6");
  reader.boolean("enabled", ipv6.enabled);
  std::uint64_t id = 0;
  if (reader.parsed("local-interface-id", id, "an interface identifier such as \"0:0:0:1\"",
                    parse_interface_id))
    ipv6.local_interface_id = id;
  InterfaceIdRange range;
  if (reader.parsed("pool", range, "a range such as \"0:0:0:100-0:0:0:1ff\"",
                    parse_interface_id_range))
    ipv6.pool = range;
  if (ipv6.pool && ipv6.local_interface_id && *ipv6.local_interface_id >= ipv6.pool->first &&
      *ipv6.local_interface_id <= ipv6.pool->last)
    reader.error("pool", "contains \"local-interface-id\"");
  reader.finish();
}

void read_listener_ppp(ObjectReader reader, ListenerProfile& listener, const DaemonConfig& daemon) {
  ListenerPpp& ppp = listener.ppp;
  reader.choices("authenticate", ppp.authenticate, kAuthMethods);
  reader.text("name", ppp.name, 255);
  reader.text("user", ppp.user, 253);
  reader.secret("password", ppp.password);
  reader.duration_or_never("rechallenge", ppp.rechallenge, 1s, 24h);
  read_link(reader, ppp.link);
  ppp.bcp = read_bcp(reader, ppp.link.mppe.mode == MppeMode::off ? "" : "mppe");
  if (ppp.bcp && !reader.has("ipv4")) ppp.ipv4.enabled = false;
  read_ipv4(reader, listener, daemon);
  read_ipv6(reader, ppp.ipv6);
  if (ppp.bcp && !reader.has("ipv6")) ppp.ipv6.enabled = false;
  if (ppp.bcp && ppp.bcp->path == BcpPath::kernel && (ppp.ipv4.enabled || ppp.ipv6.enabled))
    reader.error("bcp", "has \"path\": \"kernel\", which carries no IP on the same link");
  reader.finish();
  if (!ppp.user.empty() && ppp.password.empty() && !reader.has("password"))
    reader.error("user", "needs a \"password\"");
  if (ppp.user.empty() && !ppp.password.empty()) reader.error("password", "needs a \"user\"");
  const bool knows_chap = std::any_of(ppp.authenticate.begin(), ppp.authenticate.end(),
                                      [](AuthMethod method) { return method != AuthMethod::pap; });
  if (ppp.rechallenge != Duration::zero() && !knows_chap)
    reader.error("rechallenge", "needs a CHAP method in \"authenticate\": PAP asks once");
  if (!ppp.ipv4.enabled && !ppp.ipv6.enabled && !ppp.bcp)
    reader.error("", "has none of \"ipv4\", \"ipv6\" and \"bcp\": nothing could be carried");
  check_mppe(reader, ppp.link.mppe, ppp.authenticate, {});
  if (ppp.authenticate.empty())
    reader.warning("authenticate", "is empty: whoever comes is let in without a password");
}

void read_outgoing(ObjectReader& root, ListenerProfile& listener) {
  for (auto& reader : root.objects("outgoing", kMaxEntries)) {
    OutgoingCall call;
    reader.text("peer", call.peer, 255);
    reader.text("called-number", call.called_number, 64);
    reader.text("sub-address", call.sub_address, 64);
    reader.boolean("autostart", call.autostart);
    reader.finish();
    std::vector<std::string_view> names;
    for (const auto& rule : listener.peers) names.push_back(rule.name);
    if (!reader.has("peer")) {
      reader.error("", "needs a \"peer\"");
    } else if (std::find(names.begin(), names.end(), call.peer) == names.end()) {
      const auto near = nearest(call.peer, names);
      reader.error("peer", near.empty()
                               ? "is not the name of an entry of \"peers\""
                               : fmt::format("is not the name of an entry of \"peers\"; did you "
                                             "mean \"{}\"?",
                                             near));
    }
    if (call.called_number.empty())
      reader.error("", "needs a \"called-number\" (RFC 2661 section 6.9)");
    listener.outgoing.push_back(std::move(call));
  }
}

}  // namespace

std::vector<User> read_users(ObjectReader& reader) {
  std::vector<User> users;
  for (auto& entry : reader.objects("users", kMaxUsers)) {
    User user;
    entry.text("name", user.name, 253);
    if (user.name.empty()) entry.error("", "needs a \"name\"");
    entry.secret("password", user.password);
    if (!entry.has("password")) entry.error("", "needs a \"password\"");
    IpAddress address;
    if (entry.parsed("address", address, kV4Expected, parse_v4)) user.address = address;
    std::uint64_t id = 0;
    if (entry.parsed("interface-id", id, "an interface identifier such as \"0:0:0:1\"",
                     parse_interface_id))
      user.interface_id = id;
    entry.number("max-sessions", user.max_sessions, 0, 1'000'000);
    entry.parsed_list("routes", user.routes, kMaxEntries,
                      "a prefix such as \"10.0.0.0/8\" (host bits zero)", IpPrefix::parse);
    user.bcp = read_bcp(entry, {});
    entry.finish();
    if ((user.address || user.interface_id) && user.max_sessions > 1)
      entry.error("max-sessions", "must be 1: an address is one session's");
    if (user.address || user.interface_id) user.max_sessions = 1;
    users.push_back(std::move(user));
  }
  return users;
}

void check_users(ReadContext& context, const ListenerProfile& listener) {
  if (!listener.has_ppp) {
    if (!listener.users.empty())
      context.report.warning("/users", "is not used: no pseudowire here is PPP");
    return;
  }
  std::set<std::string_view> names;
  std::map<IpAddress, std::string_view> addresses;
  std::map<std::uint64_t, std::string_view> ids;
  const auto at_users = [&](std::string message) {
    context.report.error("/users", std::move(message));
  };
  for (const auto& user : listener.users) {
    if (!names.insert(user.name).second) at_users(fmt::format("\"{}\" is there twice", user.name));
    if (user.address) {
      const auto [other, is_new] = addresses.emplace(*user.address, user.name);
      if (!is_new)
        at_users(fmt::format("\"{}\" and \"{}\" have the same address {}", other->second, user.name,
                             user.address->to_string()));
      if (*user.address == listener.ppp.ipv4.local_address)
        at_users(fmt::format("\"{}\" has the listener's own address {}", user.name,
                             user.address->to_string()));
    }
    if (user.interface_id) {
      const auto [other, is_new] = ids.emplace(*user.interface_id, user.name);
      if (!is_new)
        at_users(
            fmt::format("\"{}\" and \"{}\" have the same interface-id", other->second, user.name));
    }
  }
  const auto& ipv4 = listener.ppp.ipv4;
  if (ipv4.enabled && ipv4.ranges.empty() && addresses.empty())
    context.report.warning("/ppp/ipv4",
                           "has no \"pool\", and no user has an address of its own: "
                           "nobody can get one");
  if (listener.users.empty() && !listener.ppp.authenticate.empty())
    context.report.warning("", "has no users: nobody can authenticate");
}

ListenerProfile read_listener(ReadContext& context, const Json& json, const DaemonConfig& daemon,
                              std::string& users_file) {
  ObjectReader root = ObjectReader::root(context, json);
  ListenerProfile listener;
  listener.name = context.profile;
  listener.tunnel.port_float = PortFloat::never;
  read_common_keys(root);
  root.boolean("autostart", listener.autostart);
  read_versions(root, listener);
  read_listen(root.object("listen"), listener);
  read_tunnel(root.object("tunnel"), listener.tunnel, true, listener.accepts_three);
  read_rules(root, listener);
  std::vector<std::string_view> rules;
  for (const PeerRule& rule : listener.peers) rules.push_back(rule.name);
  // Version 2 is PPP; a listener of version 3 alone may be without.
  listener.has_ppp =
      read_pseudowires(root, listener.pseudowires, listener.accepts_three, true, rules) ||
      listener.accepts_two;
  root.boolean("allow-unknown-peers", listener.allow_unknown_peers);
  read_limits(root.object("limits"), listener.limits);
  if (listener.has_ppp || root.has("ppp"))
    read_listener_ppp(root.object("ppp"), listener, daemon);
  else
    root.find("ppp");
  listener.users = read_users(root);
  root.text("users-file", users_file, 1024);
  root.text("interface-prefix", listener.interface_prefix, 64);
  // The rest of the 15 octets is for the session's number.
  if (!is_interface_name(listener.interface_prefix) || listener.interface_prefix.size() > 9)
    root.error("interface-prefix",
               "must be 1 to 9 characters without '/', ':', '%' or white space");
  root.boolean("export-sessions", listener.export_sessions);
  if (listener.ppp.bcp) listener.data_sequencing = DataSequencing::want;  // RFC 2661 §8.1
  root.choice("data-sequencing", listener.data_sequencing, kSequencing);
  root.boolean("mss-clamp", listener.mss_clamp);
  root.duration_or_never("idle-timeout", listener.idle_timeout, 1s, kLongest);
  root.duration_or_never("session-timeout", listener.session_timeout, 1s, kLongest);
  read_outgoing(root, listener);
  read_install_point(root, listener.install_point);
  check_install_point(root, listener.install_point, listener.ppp.link.mppe,
                      listener.data_sequencing);

  const bool any_secret = !listener.tunnel.secret.empty() ||
                          std::any_of(listener.peers.begin(), listener.peers.end(),
                                      [](const auto& rule) { return !rule.tunnel.secret.empty(); });
  listener.require_tunnel_auth = any_secret;
  root.boolean("require-tunnel-auth", listener.require_tunnel_auth);
  if (listener.require_tunnel_auth && !any_secret)
    root.error("require-tunnel-auth", "needs a \"secret\" in \"tunnel\" or in one of \"peers\"");
  if (!listener.allow_unknown_peers && listener.peers.empty())
    root.error("allow-unknown-peers", "is false, and there are no \"peers\": nobody could come");
  root.finish();
  return listener;
}

}  // namespace l2tpm::config
