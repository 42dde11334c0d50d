// From what the administrator wrote to what the machines take. The one place where config's words
// and those of l2tp and ppp meet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/profile.h"
#include "l2tp/call_info.h"
#include "l2tp/settings.h"
#include "ppp/link_settings.h"

namespace l2tpm::daemon {

// `machine_name` is the Host Name of profiles that give none.
std::shared_ptr<const l2tp::Settings> l2tp_settings(const config::Tunnel& tunnel,
                                                    const std::string& machine_name,
                                                    std::uint32_t max_sessions);

// What L2TPv3 adds to them.
struct Version3Wish {
  l2tp::Versions versions = l2tp::Versions::v2_only;
  std::uint32_t router_id = 1;             // unless the profile has one
  std::vector<std::uint16_t> pseudowires;  // what may be asked of us, RFC 3931's numbers
};
std::shared_ptr<const l2tp::Settings> l2tp_settings(const config::Tunnel& tunnel,
                                                    const std::string& machine_name,
                                                    std::uint32_t max_sessions,
                                                    const Version3Wish& version3);
// What names us to peers: by custom the address that the tunnel runs from, if it is an IPv4 one;
// else a number that stays the same, made from the machine's id.
std::uint32_t router_id_of(const IpAddress& local, const std::string& machine_id);
// The kinds of pseudowire that a profile has.
std::vector<std::uint16_t> pseudowire_types(const std::vector<config::Pseudowire>& pseudowires,
                                            bool has_ppp);

// Who placed the call: the side that sent ICRQ or OCRQ.
ppp::Role role_of(l2tp::CallKind kind);

// `fits`: the largest inner packet that the path carries whole (kernel::interface_mtu).
std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ClientProfile& profile,
                                                       ppp::Role role, std::uint32_t fits);
std::shared_ptr<const ppp::LinkSettings> link_settings(const config::ListenerProfile& profile,
                                                       const std::string& machine_name,
                                                       ppp::Role role, std::uint32_t fits);

// What a user of a listener gets: addresses of the session on top of the listener's settings, or
// those of `user` where it has any. IPv6 needs an MTU of 1280 (RFC 8200 §5) and is not offered
// below.
ppp::NetworkSettings listener_network(const config::ListenerProfile& profile,
                                      const config::User* user, std::optional<IpAddress> address,
                                      std::uint64_t interface_id, std::uint32_t mtu);

config::InstallPoint effective_install_point(std::optional<config::InstallPoint> wish,
                                             config::DataSequencing sequencing, bool peer_requires);

}  // namespace l2tpm::daemon
