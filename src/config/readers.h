// From one object of a profile to its struct, checks across keys included. Internal to config; the
// keys are those of profile.schema.json and l2tp-manager.schema.json, which a test compares.
#pragma once

#include <string>
#include <vector>

#include "config/object_reader.h"
#include "config/profile.h"

namespace l2tpm::config {

ClientProfile read_client(ReadContext& context, const Json& json);
// `users_file`: where "users-file" points, still to be read; empty: none. It takes the pools that
// profiles may name from `daemon`.
ListenerProfile read_listener(ReadContext& context, const Json& json, const DaemonConfig& daemon,
                              std::string& users_file);
StaticProfile read_static(ReadContext& context, const Json& json);
// "pseudowires". `rules`: the names that "peer" of a responder's may have. The value: whether there
// is PPP, by itself or among them.
bool read_pseudowires(ObjectReader& root, std::vector<Pseudowire>& wires, bool version3,
                      bool responder, const std::vector<std::string_view>& rules);
// "bridge": the name of one that is there, or an object.
void read_bridge_key(ObjectReader& reader, Bridge& bridge);
void read_mac(ObjectReader& reader, std::optional<MacAddress>& out);
// "bcp"; nullopt when the key is not there. `with`: what there is beside it that the kernel cannot
// carry on the same path ("mppe"); empty: nothing.
std::optional<Bcp> read_bcp(ObjectReader& reader, std::string_view with);
// The daemon-wide file. `defaults` are checked by the profiles that use them.
DaemonConfig read_daemon(ReadContext& context, const Json& json);
// The users below "users": `reader` is the listener or the root of a users file.
std::vector<User> read_users(ObjectReader& reader);
// What must hold for the users together with the rest; after both sources are read.
void check_users(ReadContext& context, const ListenerProfile& listener);

// Shared by both kinds.
void read_common_keys(ObjectReader& root);  // "$schema", "kind", "description"
// `responder`: a listener, whose ports float differently.
void read_tunnel(ObjectReader reader, Tunnel& tunnel, bool responder, bool version3);
void read_link(ObjectReader& ppp, PppLink& link);
void read_install_point(ObjectReader& root, std::optional<InstallPoint>& point);
Pool read_pool(ObjectReader& reader, std::string_view ranges_key);
// REQUIRES of MPPE: `methods` of at least one direction yields keys.
void check_mppe(ObjectReader& ppp, const Mppe& mppe, const std::vector<AuthMethod>& methods,
                const std::vector<AuthMethod>& other_direction);
void check_install_point(ObjectReader& root, const std::optional<InstallPoint>& point,
                         const Mppe& mppe, DataSequencing sequencing);

inline constexpr std::size_t kMaxUsers = 200'000;
inline constexpr std::size_t kMaxEntries = 4096;  // of any other list
inline constexpr Duration kLongest = std::chrono::hours(24 * 366);
inline constexpr std::initializer_list<AuthMethod> kAuthMethods = {
    AuthMethod::mschap_v2, AuthMethod::mschap_v1, AuthMethod::chap_md5, AuthMethod::pap};
inline constexpr std::initializer_list<DataSequencing> kSequencing = {
    DataSequencing::none, DataSequencing::want, DataSequencing::require};

}  // namespace l2tpm::config
