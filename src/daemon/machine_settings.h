// From what the administrator wrote to what the machines take. The one place where config's words
// and those of l2tp and ppp meet.
#pragma once

#include <memory>
#include <string>

#include "config/profile.h"
#include "l2tp/call_info.h"
#include "l2tp/settings.h"
#include "ppp/link_settings.h"

namespace l2tpm::daemon {

// `machine_name` is the Host Name of profiles that give none.
std::shared_ptr<const l2tp::Settings> l2tp_settings(const config::Tunnel& tunnel,
                                                    const std::string& machine_name,
                                                    std::uint32_t max_sessions);

// Who placed the call: the side that sent ICRQ or OCRQ.
ppp::Role role_of(l2tp::CallKind kind);

// `fits`: the largest inner packet that the path carries whole (kernel::interface_mtu).
std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ClientProfile& profile,
                                                       ppp::Role role, std::uint32_t fits);
std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ListenerProfile& profile,
                                                       const std::string& machine_name,
                                                       ppp::Role role, std::uint32_t fits);

// What a user of a listener gets: addresses of the session on top of the listener's settings. IPv6
// needs an MTU of 1280 (RFC 8200 §5) and is not offered below.
ppp::NetworkSettings listener_network(const config::ListenerProfile& profile,
                                      std::optional<IpAddress> address, std::uint64_t interface_id,
                                      std::uint32_t mtu);

config::InstallPoint effective_install_point(std::optional<config::InstallPoint> wish,
                                             config::DataSequencing sequencing, bool peer_requires);

}  // namespace l2tpm::daemon
