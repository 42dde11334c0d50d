#include "daemon/static_memory.h"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace l2tpm::daemon {
namespace {

using Json = nlohmann::json;

std::string hex_of(const Bytes& bytes) {
  std::string text;
  for (const std::uint8_t octet : bytes) text += fmt::format("{:02x}", octet);
  return text;
}

Bytes bytes_of(const std::string& hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    std::uint8_t octet = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, octet, 16);
    bytes.push_back(octet);
  }
  return bytes;
}

Json json_of(const kernel::EthernetSpec& spec) {
  Json json{
      {"session",          spec.key.session.value()           },
      {"peer",             spec.peer_session.value()          },
      {"send-cookie",      hex_of(spec.framing.send_cookie)   },
      {"receive-cookie",   hex_of(spec.framing.receive_cookie)},
      {"sublayer",         spec.framing.sublayer              },
      {"send-sequence",    spec.send_sequence                 },
      {"require-sequence", spec.require_sequence              },
      {"interface",        spec.interface_name                }
  };
  if (spec.vlan)
    json["vlan"] = {
        {"id",   spec.vlan->id  },
        {"name", spec.vlan->name}
    };
  if (const auto* port = std::get_if<kernel::BridgePort>(&spec.attachment))
    json["bridge"] = {
        {"name",    port->bridge            },
        {"created", port->create.has_value()}
    };
  if (const auto* member = std::get_if<kernel::VrfMember>(&spec.attachment))
    json["vrf"] = member->vrf;
  if (const auto* member = std::get_if<kernel::NamespaceMember>(&spec.attachment))
    json["namespace"] = member->name;
  return json;
}

kernel::EthernetSpec spec_of(const Json& json, TunnelId tunnel) {
  kernel::EthernetSpec spec;
  spec.key = {tunnel, SessionId(json.at("session").get<std::uint32_t>())};
  spec.peer_session = SessionId(json.at("peer").get<std::uint32_t>());
  spec.framing = {.send_cookie = bytes_of(json.at("send-cookie")),
                  .receive_cookie = bytes_of(json.at("receive-cookie")),
                  .sublayer = json.at("sublayer")};
  spec.send_sequence = json.at("send-sequence");
  spec.require_sequence = json.at("require-sequence");
  spec.interface_name = json.at("interface");
  if (json.contains("vlan"))
    spec.vlan = kernel::VlanDevice{json["vlan"].at("id"), json["vlan"].at("name")};
  if (json.contains("bridge")) {
    kernel::BridgePort port;
    port.bridge = json["bridge"].at("name");
    if (json["bridge"].at("created").get<bool>()) port.create.emplace();
    spec.attachment = port;
  }
  if (json.contains("vrf")) spec.attachment = kernel::VrfMember{json["vrf"]};
  if (json.contains("namespace")) spec.attachment = kernel::NamespaceMember{json["namespace"]};
  return spec;
}

Json json_of(const Endpoint& end) {
  return {
      {"address", end.address.to_string()},
      {"port",    end.port               }
  };
}

Endpoint endpoint_of(const Json& json) {
  const auto address = IpAddress::parse(json.at("address").get<std::string>());
  return {address.value_or(IpAddress()), json.at("port").get<std::uint16_t>(), 0};
}

kernel::StaticTunnel tunnel_of(const Json& json) {
  kernel::StaticTunnel tunnel;
  tunnel.local = TunnelId(json.at("tunnel").get<std::uint32_t>());
  tunnel.peer = TunnelId(json.at("peer").get<std::uint32_t>());
  tunnel.encapsulation = json.at("ip") ? kernel::Encapsulation::ip : kernel::Encapsulation::udp;
  tunnel.local_end = endpoint_of(json.at("local"));
  tunnel.peer_end = endpoint_of(json.at("remote"));
  tunnel.udp_checksum = json.at("udp-checksum");
  for (const Json& session : json.at("sessions"))
    tunnel.sessions.push_back(spec_of(session, tunnel.local));
  return tunnel;
}

}  // namespace

std::string text_of(const std::vector<kernel::StaticTunnel>& tunnels) {
  Json list = Json::array();
  for (const kernel::StaticTunnel& tunnel : tunnels) {
    Json row{
        {"tunnel",       tunnel.local.value()                             },
        {"peer",         tunnel.peer.value()                              },
        {"ip",           tunnel.encapsulation == kernel::Encapsulation::ip},
        {"local",        json_of(tunnel.local_end)                        },
        {"remote",       json_of(tunnel.peer_end)                         },
        {"udp-checksum", tunnel.udp_checksum                              }
    };
    row["sessions"] = Json::array();
    for (const kernel::EthernetSpec& session : tunnel.sessions)
      row["sessions"].push_back(json_of(session));
    list.push_back(std::move(row));
  }
  return list.dump(1) + "\n";
}

std::vector<kernel::StaticTunnel> static_tunnels_of(const std::string& text) {
  std::vector<kernel::StaticTunnel> tunnels;
  const Json list = Json::parse(text, nullptr, false);
  if (!list.is_array()) return tunnels;
  for (const Json& row : list) {
    try {
      tunnels.push_back(tunnel_of(row));
    } catch (const Json::exception&) {
      continue;
    }
  }
  return tunnels;
}

}  // namespace l2tpm::daemon
