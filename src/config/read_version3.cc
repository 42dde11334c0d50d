// Pseudowires, their interfaces and bridges: of clients, listeners and static tunnels.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "config/parse_value.h"
#include "config/readers.h"

namespace l2tpm::config {
namespace {

constexpr std::string_view kInterfaceRule =
    "must be 1 to 15 characters without '/', ':', '%' or white space";
constexpr std::uint16_t kLastVlan = 4094;

std::optional<MacAddress> parse_mac(std::string_view text) {
  const auto mac = MacAddress::parse(text);
  return mac && mac->is_usable() ? mac : std::nullopt;
}

std::optional<VlanRange> parse_vlan_range(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::uint16_t {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && value <= kLastVlan
               ? value
               : std::uint16_t{0};
  };
  const auto dash = text.find('-');
  VlanRange range;
  range.first = number(text.substr(0, dash));
  range.last = dash == std::string_view::npos ? range.first : number(text.substr(dash + 1));
  if (range.first == 0 || range.last < range.first) return std::nullopt;
  return range;
}

// As the kernel's names, and none: the default.
void read_name(ObjectReader& reader, std::string_view key, std::string& out) {
  if (reader.text(key, out, 64) && !out.empty() && !is_interface_name(out))
    reader.error(key, std::string(kInterfaceRule));
}

enum class Sublayer : std::uint8_t { none, standard };
std::string_view name(Sublayer sublayer) { return sublayer == Sublayer::none ? "none" : "default"; }

enum class Sequencing : std::uint8_t { none, send, require };
std::string_view name(Sequencing sequencing) {
  switch (sequencing) {
    case Sequencing::none:
      return "none";
    case Sequencing::send:
      return "send";
    case Sequencing::require:
      return "require";
  }
  return "?";
}

void read_bridge(ObjectReader reader, Bridge& bridge) {
  read_name(reader, "name", bridge.name);
  reader.boolean("create", bridge.create);
  reader.boolean("stp", bridge.stp);
  reader.boolean("vlan-filtering", bridge.vlan_filtering);
  std::uint16_t number = 0;
  Duration time{};
  if (reader.number("priority", number, 0, 65535)) bridge.priority = number;
  if (reader.duration("forward-delay", time, 2s, 30s)) bridge.forward_delay = time;
  if (reader.duration("hello-time", time, 1s, 10s)) bridge.hello_time = time;
  if (reader.duration("max-age", time, 6s, 40s)) bridge.max_age = time;
  if (reader.duration("ageing", time, 1s, 24h)) bridge.ageing = time;
  if (reader.number("path-cost", number, 1, 65535)) bridge.path_cost = number;
  if (reader.number("port-priority", number, 0, 63))
    bridge.port_priority = static_cast<std::uint8_t>(number);
  reader.boolean("isolated", bridge.isolated);
  reader.boolean("learning", bridge.learning);
  if (reader.number("pvid", number, 1, kLastVlan)) bridge.pvid = number;
  reader.parsed_list("tagged", bridge.tagged, 512, "a VLAN \"7\" or a range of them \"40-49\"",
                     parse_vlan_range);
  reader.finish();
  if (bridge.create) return;
  for (const std::string_view key :
       {"stp", "vlan-filtering", "priority", "forward-delay", "hello-time", "max-age", "ageing"})
    if (reader.has(key))
      reader.error(key,
                   "is not used without \"create\": true: a bridge that is there stays as it is");
}

}  // namespace

void read_bridge_key(ObjectReader& reader, Bridge& bridge) {
  if (const Json* json = reader.find("bridge"); json != nullptr && json->is_string()) {
    read_name(reader, "bridge", bridge.name);
    if (bridge.name.empty()) reader.error("bridge", "is empty");
  } else {
    ObjectReader object = reader.object("bridge");
    read_bridge(object, bridge);
    if (json != nullptr && bridge.name.empty()) object.error("", "needs a \"name\"");
  }
}

void read_mac(ObjectReader& reader, std::optional<MacAddress>& out) {
  MacAddress mac;
  if (reader.parsed("mac", mac, "a unicast MAC address such as \"02:00:5e:10:00:01\"", parse_mac))
    out = mac;
}

namespace {

void read_placement(ObjectReader& reader, EthernetPort& port) {
  read_bridge_key(reader, port.bridge);
  read_name(reader, "vrf", port.vrf);
  if (reader.text("namespace", port.network_namespace, 64) && !port.network_namespace.empty() &&
      !is_name(port.network_namespace))
    reader.error("namespace", "must be a name as \"ip netns\" shows it, no path");
  if (!port.vrf.empty() && !port.bridge.name.empty())
    reader.error("vrf", "and \"bridge\" exclude each other");
  if (!port.network_namespace.empty() && (!port.bridge.name.empty() || !port.vrf.empty()))
    reader.error("namespace", "excludes \"bridge\" and \"vrf\"");
}

// "mtu": "auto" or a number.
void read_ethernet_mtu(ObjectReader& reader, EthernetPort& port) {
  const Json* json = reader.find("mtu");
  if (json == nullptr) return;
  if (json->is_string()) {
    if (*json != "auto") reader.error("mtu", "must be \"auto\" or a whole number");
    return;
  }
  std::uint16_t mtu = 0;
  // RFC 791: every host takes 576.
  if (reader.number("mtu", mtu, 576, 65535)) port.mtu = mtu;
}

void read_port(ObjectReader& reader, EthernetPort& port) {
  if (reader.text("interface", port.interface, 64) && !is_interface_name(port.interface))
    reader.error("interface", std::string(kInterfaceRule));
  reader.number("vlan", port.vlan, 1, kLastVlan);
  read_ethernet_mtu(reader, port);
  read_mac(reader, port.mac);
  read_placement(reader, port);
}

void read_framing(ObjectReader& reader, bool& sublayer, bool& send_sequence,
                  bool& require_sequence) {
  auto chosen = sublayer ? Sublayer::standard : Sublayer::none;
  const bool said = reader.choice("sublayer", chosen, {Sublayer::none, Sublayer::standard});
  auto sequencing = Sequencing::none;
  reader.choice("sequencing", sequencing,
                {Sequencing::none, Sequencing::send, Sequencing::require});
  send_sequence = sequencing != Sequencing::none;
  require_sequence = sequencing == Sequencing::require;
  if (send_sequence && said && chosen == Sublayer::none)
    reader.error("",
                 "has \"sequencing\", whose numbers are in the \"sublayer\" (RFC 3931 section "
                 "4.6): leave that out or make it \"default\"");
  sublayer = send_sequence || chosen == Sublayer::standard;
}

Pseudowire read_pseudowire(ObjectReader& reader, bool responder) {
  Pseudowire wire;
  if (reader.text("name", wire.name, 64) && !is_name(wire.name))
    reader.error("name", "may have letters, digits, '-', '_' and '.', at most 64");
  if (!reader.has("name")) reader.error("", "needs a \"name\"");
  wire.remote_end_id = wire.name;
  if (reader.text("remote-end-id", wire.remote_end_id, 255) && wire.remote_end_id.empty())
    reader.error("remote-end-id", "is empty: leave it out for the pseudowire's name");
  reader.choice("type", wire.type,
                {PseudowireType::ethernet, PseudowireType::ethernet_vlan, PseudowireType::ppp});
  if (reader.number("cookie", wire.cookie, 0, 8) && wire.cookie % 4 != 0)
    reader.error("cookie", "must be 0, 4 or 8 octets (RFC 3931 section 4.1)");
  read_framing(reader, wire.sublayer, wire.send_sequence, wire.require_sequence);
  read_port(reader, wire.port);
  read_name(reader, "circuit", wire.circuit);
  if (responder) reader.text("peer", wire.peer, 255);
  reader.finish();

  if (wire.type == PseudowireType::ppp) {
    for (const std::string_view key :
         {"interface", "vlan", "mtu", "mac", "bridge", "vrf", "namespace", "circuit"})
      if (reader.has(key)) reader.error(key, "is not used with \"type\": \"ppp\"");
    return wire;
  }
  if (wire.type == PseudowireType::ethernet_vlan && wire.port.vlan == 0)
    reader.error("", "needs a \"vlan\": the one that an Ethernet VLAN pseudowire carries");
  if (wire.type == PseudowireType::ethernet && wire.port.vlan != 0)
    reader.error("vlan", "is only used with \"type\": \"ethernet-vlan\"");
  if (!wire.circuit.empty() && wire.circuit == wire.port.interface)
    reader.error("circuit", "is the pseudowire's own interface");
  return wire;
}

}  // namespace

bool read_pseudowires(ObjectReader& root, std::vector<Pseudowire>& wires, bool version3,
                      bool responder, const std::vector<std::string_view>& rules) {
  std::set<std::string> names, interfaces;
  std::set<std::pair<std::string, std::string>> ends;
  bool has_ppp = false;
  for (auto& reader : root.objects("pseudowires", kMaxEntries)) {
    Pseudowire wire = read_pseudowire(reader, responder);
    if (!wire.name.empty() && !names.insert(wire.name).second)
      reader.error("name", "is another pseudowire's, too");
    if (!wire.remote_end_id.empty() && !ends.emplace(wire.peer, wire.remote_end_id).second)
      reader.error("", fmt::format("has the remote end id \"{}\" of another pseudowire",
                                   wire.remote_end_id));
    if (!wire.port.interface.empty() && !interfaces.insert(wire.port.interface).second)
      reader.error("interface", "is another pseudowire's, too");
    if (wire.type == PseudowireType::ppp && !responder && has_ppp)
      reader.error("type", "is \"ppp\" twice: a client has one PPP session");
    if (!wire.peer.empty() && std::find(rules.begin(), rules.end(), wire.peer) == rules.end()) {
      const auto near = nearest(wire.peer, rules);
      reader.error("peer", near.empty()
                               ? "is not the name of an entry of \"peers\""
                               : fmt::format("is not the name of an entry of \"peers\"; did you "
                                             "mean \"{}\"?",
                                             near));
    }
    has_ppp |= wire.type == PseudowireType::ppp;
    wires.push_back(std::move(wire));
  }
  if (!wires.empty() && !version3)
    root.error("pseudowires", responder ? "needs 3 among \"versions\"" : "needs \"version\": 3");
  return wires.empty() || has_ppp;
}

namespace {

std::optional<Bytes> parse_cookie(std::string_view text) {
  if (text.size() != 8 && text.size() != 16) return std::nullopt;
  Bytes octets(text.size() / 2);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const char* const at = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, octets[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
  }
  return octets;
}

// Whoever knows it can insert frames.
void read_cookie(ObjectReader& reader, std::string_view key, Bytes& out) {
  Secret text;
  if (!reader.secret(key, text)) return;
  const auto octets = parse_cookie(as_text(text.octets()));
  if (octets)
    out = *octets;
  else
    reader.error(key, "must be 8 or 16 hexadecimal digits");
}

void read_end(ObjectReader reader, Endpoint& end, Transport transport) {
  IpAddress address;
  if (reader.parsed("address", address, "the IP address of one host", IpAddress::parse)) {
    end.address = address;
    if (address.is_unspecified() || address.is_multicast())
      reader.error("address", "is not the address of one host");
    if (address.is_link_local() && address.is_v6())
      reader.error("address",
                   "is link-local: the kernel's static tunnels cannot say on which link");
  }
  if (!reader.has("address")) reader.error("", "needs an \"address\"");
  if (transport == Transport::udp) end.port = kL2tpPort;
  if (reader.number("port", end.port, 1, 65535) && transport == Transport::ip)
    reader.error("port", "is not used with \"transport\": \"ip\"");
  reader.finish();
}

StaticSession read_static_session(ObjectReader& reader) {
  StaticSession session;
  std::uint32_t id = 0;
  if (reader.number("session-id", id, 1, 0xffffffff)) session.local = SessionId(id);
  if (reader.number("peer-session-id", id, 1, 0xffffffff)) session.peer = SessionId(id);
  for (const std::string_view key : {"session-id", "peer-session-id", "interface"})
    if (!reader.has(key)) reader.error("", fmt::format("needs \"{}\"", key));
  read_cookie(reader, "send-cookie", session.send_cookie);
  read_cookie(reader, "receive-cookie", session.receive_cookie);
  read_framing(reader, session.sublayer, session.send_sequence, session.require_sequence);
  reader.duration("reorder-timeout", session.reorder_timeout, 0s, 60s);
  if (session.reorder_timeout != Duration::zero() && !session.send_sequence)
    reader.error("reorder-timeout", "is not used without \"sequencing\"");
  read_port(reader, session.port);
  reader.finish();
  return session;
}

}  // namespace

StaticProfile read_static(ReadContext& context, const Json& json) {
  ObjectReader root = ObjectReader::root(context, json);
  StaticProfile profile;
  profile.name = context.profile;
  read_common_keys(root);
  root.boolean("autostart", profile.autostart);
  root.choice("transport", profile.transport, {Transport::udp, Transport::ip});
  read_end(root.object("local"), profile.local, profile.transport);
  read_end(root.object("peer"), profile.peer, profile.transport);
  if (root.has("local") && root.has("peer") &&
      profile.local.address.is_v6() != profile.peer.address.is_v6())
    root.error("peer", "is of another address family than \"local\"");
  root.boolean("udp-checksum", profile.udp_checksum);
  if (!profile.udp_checksum && profile.transport == Transport::ip)
    root.error("udp-checksum", "is not used with \"transport\": \"ip\"");
  std::uint32_t id = 0;
  if (root.number("tunnel-id", id, 1, 0xffffffff)) profile.tunnel = TunnelId(id);
  if (root.number("peer-tunnel-id", id, 1, 0xffffffff)) profile.peer_tunnel = TunnelId(id);
  for (const std::string_view key : {"tunnel-id", "peer-tunnel-id"})
    if (!root.has(key)) root.error("", fmt::format("needs \"{}\"", key));
  root.boolean("mss-clamp", profile.mss_clamp);
  std::set<SessionId> ids;
  std::set<std::string> interfaces;
  for (auto& reader : root.objects("sessions", kMaxEntries)) {
    StaticSession session = read_static_session(reader);
    if (session.local && !ids.insert(session.local).second)
      reader.error("session-id", "is another session's, too");
    if (!session.port.interface.empty() && !interfaces.insert(session.port.interface).second)
      reader.error("interface", "is another session's, too");
    profile.sessions.push_back(std::move(session));
  }
  if (profile.sessions.empty()) root.error("", "needs \"sessions\": nothing could be carried");
  root.finish();
  return profile;
}

}  // namespace l2tpm::config
