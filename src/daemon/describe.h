// The one place where what the daemon knows becomes JSON: pieces that its answers, dumps and events
// share. Keys are snake_case and only ever grow; nothing here reads a secret.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/cause.h"
#include "daemon/service_api.h"
#include "kernel/dataplane.h"

namespace l2tpm::daemon {

class Listener;
class Session;
class Tunnel;

using Json = nlohmann::ordered_json;

Json json_of(const Cause& cause);  // null for none
Json json_of(const TunnelView& view);
Json json_of(const SessionView& view);
Json json_of(const ListenerView& view);
Json json_of(const Session& session);
// Of an Ethernet pseudowire.
Json json_of(const SessionDetailsView& details, const kernel::Counters& counters);
Json json_of(const Listener& listener);
Json control_of(const Tunnel& tunnel);
std::string link_local(std::uint64_t interface_id);  // "fe80::1"

// Compact, with its '\n'. Octets that are no UTF-8 are replaced: nothing here can fail.
std::string line_of(const Json& json);
std::string text_of(const Json& json);  // for people: indented

}  // namespace l2tpm::daemon
