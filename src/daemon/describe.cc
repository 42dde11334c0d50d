// Service's answers as JSON: the whole daemon, one tunnel, one session, one listener.
#include "daemon/describe.h"

#include "daemon/service.h"

namespace l2tpm::daemon {

std::string Service::describe() const {
  Json json{
      {"version", version()},
      {"state",   state()  }
  };
  json["kernel"] = {
      {"release",  features_.release },
      {"usable",   features_.usable()},
      {"features", Json::array()     }
  };
  for (const kernel::Feature& feature : features_.features) {
    json["kernel"]["features"].push_back({
        {"id",       feature.id                 },
        {"state",    kernel::name(feature.state)},
        {"required", feature.required           },
        {"detail",   feature.detail             },
        {"advice",   feature.advice             }
    });
  }
  json["log_level"] = log_level();
  json["draining"] = draining_;
  json["config_generation"] = config_generation();
  json["config_errors"] = config_errors().size();
  json["failures"] = failures_.entries().size();
  json["tunnels_total"] = tunnels_.size();
  json["sessions_total"] = sessions_.size();
  json["dropped"] = {
      {"malformed",      drops_.malformed     },
      {"unknown_tunnel", drops_.unknown_tunnel},
      {"wrong_source",   drops_.wrong_source  },
      {"no_listener",    drops_.no_listener   },
      {"stray_data",     drops_.stray_data    }
  };
  json["clients"] = Json::array();
  for (const auto& [profile, client] : clients_) {
    Json row = json_of(client->view());
    row["attempts"] = client->attempts();
    const Tunnel* tunnel = client->tunnel();
    if (tunnel && !tunnel->sessions().empty())
      row["session"] = json_of(*tunnel->sessions().begin()->second);
    json["clients"].push_back(std::move(row));
  }
  json["listeners"] = Json::array();
  for (const auto& [profile, listener] : listeners_)
    json["listeners"].push_back(json_of(*listener));
  return text_of(json);
}

Result<std::string, ApiError> Service::describe_tunnel(const std::string& name) const {
  const auto client = clients_.find(name);
  const Tunnel* tunnel = client == clients_.end() ? find_tunnel(name) : client->second->tunnel();
  if (client == clients_.end() && !tunnel) {
    if (const std::optional<TunnelView> fixed = statics_.tunnel(name)) {
      Json json = json_of(*fixed);
      json["session_ids"] = fixed->ids;
      return text_of(json);
    }
    return Unexpected(ApiError{ApiErrorCode::not_found, "there is no tunnel \"" + name + "\""});
  }
  Json json = json_of(client == clients_.end() ? tunnel->view() : client->second->view());
  if (tunnel) {
    json["control"] = control_of(*tunnel);
    json["path_mtu"] = tunnel->path_mtu();
    json["session_ids"] = Json::array();
    for (const auto& [id, session] : tunnel->sessions()) json["session_ids"].push_back(id.value());
  }
  return text_of(json);
}

Result<std::string, ApiError> Service::describe_session(const std::string& tunnel_name,
                                                        std::uint32_t id) const {
  const Tunnel* tunnel = find_tunnel(tunnel_name);
  if (const auto fixed = statics_.session(tunnel_name, SessionId(id)))
    return text_of(json_of(*fixed, *statics_.counters(tunnel_name, SessionId(id))));
  if (!tunnel && !statics_.has(tunnel_name))
    return Unexpected(
        ApiError{ApiErrorCode::not_found, "there is no tunnel \"" + tunnel_name + "\""});
  const Session* session = tunnel ? tunnel->find(SessionId(id)) : nullptr;
  if (!session) {
    return Unexpected(
        ApiError{ApiErrorCode::not_found, tunnel_name + " has no session " + std::to_string(id)});
  }
  return text_of(json_of(*session));
}

Result<std::string, ApiError> Service::describe_listener(const std::string& name) const {
  const auto found = listeners_.find(name);
  if (found == listeners_.end())
    return Unexpected(ApiError{ApiErrorCode::not_found, "there is no listener \"" + name + "\""});
  return text_of(json_of(*found->second));
}

}  // namespace l2tpm::daemon
