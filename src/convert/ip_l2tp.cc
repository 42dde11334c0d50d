#include "convert/ip_l2tp.h"

#include <fmt/core.h>

#include <utility>

namespace l2tpm::convert {
namespace {

using Level = Notice::Level;
using kview::Encapsulation;
using kview::Owner;

class Importer {
 public:
  Import run(const kview::Snapshot& snapshot, const IpL2tpOptions& options) {
    bool found = false;
    for (const kview::Tunnel& tunnel : snapshot) {
      if (options.tunnel && tunnel.id != *options.tunnel) continue;
      found = true;
      if (const std::string why = not_static(tunnel); !why.empty())
        say(options.tunnel ? Level::error : Level::note, tunnel, why);
      else
        import(tunnel);
    }
    if (!found && options.tunnel)
      import_.say(Level::error, "kernel", 0, fmt::format("has no tunnel {}", *options.tunnel));
    if (!options.tunnel && import_.profiles.empty())
      import_.say(Level::note, "kernel", 0, "has no static L2TPv3 tunnel");
    return std::move(import_);
  }

 private:
  void say(Level level, const kview::Tunnel& tunnel, std::string text) {
    import_.say(level, fmt::format("tunnel {}", tunnel.id), 0, std::move(text));
  }

  // Why it is none that `ip l2tp` made; "" if it is.
  static std::string not_static(const kview::Tunnel& tunnel) {
    if (tunnel.version != 3) return "is of version 2, which is never static";
    if (tunnel.owner.whose == Owner::Whose::ours) return "is l2tp-manager's own";
    if (!tunnel.owner.processes.empty())
      return fmt::format("is held by {} ({})", tunnel.owner.processes.front().name,
                         tunnel.owner.processes.front().pid);
    if (tunnel.encapsulation == Encapsulation::other || !tunnel.local || !tunnel.remote)
      return "has an encapsulation that is not known";
    return {};
  }

  void import(const kview::Tunnel& tunnel) {
    const bool udp = tunnel.encapsulation == Encapsulation::udp;
    Json profile{
        {"kind",      "static"          },
        {"transport", udp ? "udp" : "ip"}
    };
    profile["local"] = end_of(*tunnel.local, udp);
    profile["peer"] = end_of(*tunnel.remote, udp);
    if (udp && !tunnel.udp_checksum) profile["udp-checksum"] = false;
    profile["tunnel-id"] = tunnel.id;
    profile["peer-tunnel-id"] = tunnel.peer_id;
    secrets_.clear();
    Json sessions = Json::array();
    for (const kview::Session& session : tunnel.sessions) {
      if (session.pseudowire != kview::kEthernet) {
        say(Level::warning, tunnel,
            fmt::format("session {} is left out: {} is no static pseudowire", session.id,
                        kview::pseudowire_name(session.pseudowire)));
        continue;
      }
      sessions.push_back(session_of(tunnel, session));
    }
    if (sessions.empty()) {
      say(Level::warning, tunnel, "has no Ethernet session: nothing was made of it");
      return;
    }
    profile["sessions"] = std::move(sessions);
    import_.profiles.push_back(
        {fmt::format("l2tp-{}", tunnel.id), std::move(profile), std::move(secrets_)});
  }

  void put_cookie(Json& json, const char* key, std::uint32_t session, const Bytes& cookie) {
    if (cookie.empty()) return;
    const std::string name = fmt::format("{}-{}", key, session);
    json[key] = {
        {"$secret", name}
    };
    secrets_.emplace(name, Secret(std::string_view(to_hex(cookie))));
  }

  static Json end_of(const Endpoint& end, bool udp) {
    Json json{
        {"address", end.address.to_string()}
    };
    if (udp) json["port"] = end.port;
    return json;
  }

  Json session_of(const kview::Tunnel& tunnel, const kview::Session& session) {
    Json json{
        {"session-id",      session.id     },
        {"peer-session-id", session.peer_id}
    };
    put_cookie(json, "send-cookie", session.id, session.cookie);
    put_cookie(json, "receive-cookie", session.id, session.peer_cookie);
    json["sublayer"] = "default";
    if (session.send_sequence) {
      json["sequencing"] = session.receive_sequence ? "require" : "send";
    } else {
      say(Level::warning, tunnel,
          fmt::format("session {}: the kernel does not tell whether it was made with l2spec_type "
                      "none; if it was, write \"sublayer\": \"none\"",
                      session.id));
      if (session.receive_sequence)
        say(Level::warning, tunnel,
            fmt::format("session {} requires sequence numbers and sends none, which has no "
                        "counterpart",
                        session.id));
    }
    if (session.reorder_timeout != 0 && session.send_sequence)
      json["reorder-timeout"] = fmt::format("{}ms", session.reorder_timeout);
    json["interface"] = session.interface;
    if (!session.link) {
      say(Level::warning, tunnel,
          fmt::format("session {}: its interface is not here: it was renamed, or is in another "
                      "network namespace (\"namespace\")",
                      session.id));
      return json;
    }
    if (session.link->mtu != 0) json["mtu"] = session.link->mtu;
    if (session.link->master_kind == "bridge")
      json["bridge"] = session.link->master_name;
    else if (session.link->master_kind == "vrf")
      json["vrf"] = session.link->master_name;
    else if (!session.link->master_name.empty())
      say(Level::warning, tunnel,
          fmt::format("session {}: {} is in {} {}, which has no counterpart", session.id,
                      session.interface, session.link->master_kind, session.link->master_name));
    return json;
  }

  Import import_;
  std::map<std::string, Secret> secrets_;  // of the profile that is being made
};

}  // namespace

Import import_ip_l2tp(const kview::Snapshot& snapshot, const IpL2tpOptions& options) {
  return Importer().run(snapshot, options);
}

}  // namespace l2tpm::convert
