#include <fmt/core.h>

#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

constexpr std::string_view kHostExpected = "a DNS name or an IP address (no port, no brackets)";

std::optional<std::string> parse_host(std::string_view text) {
  if (!is_host(text)) return std::nullopt;
  return std::string(text);
}
std::optional<IpAddress> parse_v4(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address && address->is_v4() && !address->is_unspecified() && !address->is_multicast()
             ? address
             : std::nullopt;
}

Peer read_peer_object(ObjectReader reader) {
  Peer peer;
  reader.parsed("host", peer.host, kHostExpected, parse_host);
  if (!reader.has("host")) reader.error("", "needs a \"host\"");
  reader.number("port", peer.port, 1, 65535);
  reader.finish();
  return peer;
}

void check_peer(ReadContext& context, const std::string& pointer, const Peer& peer,
                const LocalEnd& local) {
  const auto address = IpAddress::parse(peer.host);
  if (!address) return;
  if (address->is_unspecified() || address->is_multicast())
    context.report.error(pointer, "is not the address of one host");
  if (local.address && local.address->is_v4() != address->is_v4())
    context.report.error(pointer, "is of another address family than local.address");
}

// "peer": one, or "peers": several in order; each a name or an object.
void read_peers(ReadContext& context, ObjectReader& root, ClientProfile& client) {
  const Json* one = root.find("peer");
  const Json* several = root.find("peers");
  if (one != nullptr && several != nullptr) {
    root.error("peer", "and \"peers\" exclude each other");
    return;
  }
  if (one == nullptr && several == nullptr) {
    root.error("", "needs a \"peer\" (or \"peers\"): the LNS to dial");
    return;
  }
  const auto read = [&](const Json& json, const std::string& pointer, const std::string& pattern) {
    Peer peer;
    if (json.is_string()) {
      peer.host = json.get_ref<const std::string&>();
      if (!is_host(peer.host))
        context.report.error(pointer, fmt::format("must be {}", kHostExpected));
    } else {
      peer = read_peer_object(ObjectReader(context, json, pointer, pattern));
    }
    check_peer(context, pointer, peer, client.local);
    client.peers.push_back(std::move(peer));
  };
  if (one != nullptr) {
    read(*one, root.at("peer"), "/peer");
  } else if (!several->is_array() || several->empty() || several->size() > 64) {
    root.error("peers", "must be an array of 1 to 64 peers");
  } else {
    for (std::size_t i = 0; i < several->size(); ++i)
      read((*several)[i], child(root.at("peers"), std::to_string(i)), "/peers/*");
  }
}

void read_client_ppp(ObjectReader reader, ClientPpp& ppp) {
  reader.text("user", ppp.user, 253);
  reader.secret_or_ask("password", ppp.password, ppp.ask_password);
  reader.choices("methods", ppp.methods, kAuthMethods);
  ObjectReader authenticate = reader.object("authenticate-peer");
  auto& theirs = ppp.authenticate_peer;
  authenticate.choices("methods", theirs.methods, kAuthMethods);
  authenticate.text("name", theirs.peer_name, 253);
  authenticate.secret("secret", theirs.secret);
  authenticate.finish();
  read_link(reader, ppp.link);

  if (const Json* json = reader.find("ipv4"); json != nullptr && json->is_boolean()) {
    ppp.ipv4.enabled = json->get<bool>();
  } else {
    ObjectReader ipv4 = reader.object("ipv4");
    constexpr std::string_view kExpected = "the IPv4 address of one host";
    IpAddress address;
    ipv4.boolean("enabled", ppp.ipv4.enabled);
    if (ipv4.parsed("address", address, kExpected, parse_v4)) ppp.ipv4.address = address;
    if (ipv4.parsed("peer-address", address, kExpected, parse_v4)) ppp.ipv4.peer_address = address;
    ipv4.boolean("dns", ppp.ipv4.request_dns);
    ipv4.finish();
    if (ppp.ipv4.address && ppp.ipv4.address == ppp.ipv4.peer_address)
      ipv4.error("peer-address", "is our own address");
  }
  if (const Json* json = reader.find("ipv6"); json != nullptr && json->is_boolean()) {
    ppp.ipv6.enabled = json->get<bool>();
  } else {
    ObjectReader ipv6 = reader.object("ipv6");
    ipv6.boolean("enabled", ppp.ipv6.enabled);
    std::uint64_t id = 0;
    if (ipv6.parsed("interface-id", id, "an interface identifier such as \"0:0:0:1\"",
                    parse_interface_id))
      ppp.ipv6.interface_id = id;
    ipv6.finish();
  }
  ppp.bcp = read_bcp(reader, ppp.link.mppe.mode == MppeMode::off ? "" : "mppe");
  if (ppp.bcp) {
    ppp.ipv4.enabled = ppp.ipv4.enabled && reader.has("ipv4");
    ppp.ipv6.enabled = ppp.ipv6.enabled && reader.has("ipv6");
    if (ppp.bcp->path == BcpPath::kernel && (ppp.ipv4.enabled || ppp.ipv6.enabled))
      reader.error("bcp", "has \"path\": \"kernel\", which carries no IP on the same link");
  }
  reader.finish();

  if (!ppp.ipv4.enabled && !ppp.ipv6.enabled && !ppp.bcp)
    reader.error("", "has none of \"ipv4\", \"ipv6\" and \"bcp\": nothing could be carried");
  if (ppp.password.empty() && !ppp.user.empty() && !reader.has("password"))
    reader.error("user", "needs a \"password\"");
  if (ppp.user.empty() && (!ppp.password.empty() || ppp.ask_password))
    reader.error("password", "needs a \"user\"");
  if (ppp.methods.empty() && !ppp.user.empty())
    reader.error("methods", "is empty: \"user\" could never be used");
  if (!theirs.methods.empty() && theirs.secret.empty() && !authenticate.has("secret"))
    authenticate.error("", "needs a \"secret\": what the peer must know");
  if (theirs.methods.empty() && !theirs.secret.empty())
    authenticate.error("secret", "is not used without \"methods\"");
  check_mppe(reader, ppp.link.mppe, ppp.methods, theirs.methods);
  const bool too_small_for_v6 = ppp.ipv6.enabled && ppp.link.mtu && *ppp.link.mtu < 1280;
  if (too_small_for_v6)
    reader.warning("mtu", "is below 1280, the least that IPv6 works with (RFC 8200 section 5)");
}

void read_routes(ObjectReader reader, ClientProfile& client) {
  Routes& routes = client.routes;
  reader.boolean("default", routes.default_route);
  reader.number("metric", routes.metric, 0, 0xffffffff);
  reader.parsed_list("add", routes.add, kMaxEntries,
                     "a prefix such as \"10.0.0.0/8\" (host bits zero)", IpPrefix::parse);
  reader.finish();
  for (std::size_t i = 0; i < routes.add.size(); ++i) {
    const bool v4 = routes.add[i].address.is_v4();
    if (!(v4 ? client.ppp.ipv4.enabled : client.ppp.ipv6.enabled))
      reader.error("add",
                   fmt::format("{} needs ppp.{}", routes.add[i].to_string(), v4 ? "ipv4" : "ipv6"));
  }
}

void read_redial(ObjectReader reader, Redial& redial) {
  reader.boolean("enabled", redial.enabled);
  reader.duration("initial", redial.initial, 100ms, 1h);
  reader.duration("max", redial.max, 100ms, 24h);
  reader.number("jitter-percent", redial.jitter_percent, 0, 90);
  reader.number("give-up", redial.give_up, 0, 1'000'000);
  reader.duration_or_never("primary-retry", redial.primary_retry, 1s, kLongest);
  if (redial.max < redial.initial) reader.error("", "\"max\" is shorter than \"initial\"");
  reader.finish();
}

// "version": 2, 3 or "3-then-2".
void read_version(ObjectReader& root, Version& version) {
  const Json* json = root.find("version");
  if (json == nullptr || *json == 2) return;
  if (*json == 3)
    version = Version::three;
  else if (*json == "3-then-2")
    version = Version::three_then_two;
  else
    root.error("version", "must be 2, 3 or \"3-then-2\"");
}

// What is of version 3, and what is of no use in a profile whose pseudowires are all Ethernet.
void read_version3(ObjectReader& root, ClientProfile& client) {
  const bool version3 = client.version != Version::two;
  root.choice("transport", client.transport, {Transport::udp, Transport::ip});
  if (client.transport == Transport::ip) {
    if (client.version != Version::three)
      root.error(
          "", "has \"transport\": \"ip\", which needs \"version\": 3: L2TPv2 is always over UDP");
    if (client.local.port != 0 || client.local.any_port)
      root.warning("local", "has a \"port\", which \"transport\": \"ip\" does not use");
  }
  client.has_ppp = read_pseudowires(root, client.pseudowires, version3, false, {});
  if (client.version == Version::three_then_two && !client.has_ppp)
    root.error("pseudowires",
               "has no PPP, the only thing that version 2 carries: make \"version\" 3");
  if (client.has_ppp) return;
  for (const std::string_view key :
       {"ppp", "interface", "routes", "data-sequencing", "install-point", "idle-timeout", "calls"})
    if (root.has(key)) root.warning(key, "is not used: no pseudowire here is PPP");
}

}  // namespace

ClientProfile read_client(ReadContext& context, const Json& json) {
  ObjectReader root = ObjectReader::root(context, json);
  ClientProfile client;
  client.name = context.profile;
  read_common_keys(root);
  root.boolean("autostart", client.autostart);
  read_version(root, client.version);

  ObjectReader local = root.object("local");
  IpAddress address;
  if (local.parsed("address", address, "an IP address", IpAddress::parse)) {
    client.local.address = address;
    if (address.is_multicast() || address.is_unspecified())
      local.error("address", "is not an address of this host");
  }
  if (const Json* port = local.find("port"); port != nullptr && port->is_string()) {
    client.local.any_port = *port == "any";
    if (!client.local.any_port) local.error("port", "must be \"any\" or a whole number");
  } else {
    local.number("port", client.local.port, 0, 65535);
  }
  local.finish();

  read_peers(context, root, client);
  read_tunnel(root.object("tunnel"), client.tunnel, false, client.version != Version::two);
  read_version3(root, client);

  ObjectReader calls = root.object("calls");
  calls.boolean("answer-outgoing", client.answer_outgoing.enabled);
  if (calls.text("called-number", client.answer_outgoing.called_number, 64) &&
      !client.answer_outgoing.enabled)
    calls.error("called-number", "is not used without \"answer-outgoing\": true");
  calls.finish();

  read_client_ppp(root.object("ppp"), client.ppp);
  root.text("interface", client.interface, 64);
  if (root.has("interface") && !is_interface_name(client.interface))
    root.error("interface", "must be 1 to 15 characters without '/', ':', '%' or white space");
  read_routes(root.object("routes"), client);
  root.boolean("mss-clamp", client.mss_clamp);
  // Bridges expect frames in their order (RFC 2661 §8.1).
  if (client.ppp.bcp) client.data_sequencing = DataSequencing::want;
  root.choice("data-sequencing", client.data_sequencing, kSequencing);
  read_redial(root.object("redial"), client.redial);
  root.duration_or_never("idle-timeout", client.idle_timeout, 1s, kLongest);
  root.duration_or_never("session-timeout", client.session_timeout, 1s, kLongest);
  read_install_point(root, client.install_point);
  check_install_point(root, client.install_point, client.ppp.link.mppe, client.data_sequencing);
  root.finish();
  return client;
}

}  // namespace l2tpm::config
