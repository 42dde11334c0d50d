// What callers pass, checked: every a{sv} key is known and of its type, or the call is InvalidArgs
// (what is silently ignored would be a promise not kept). Lengths are bounded here, so that
// nothing behind sees an absurd one. All of these throw sdbus::Error.
#pragma once

#include <l2tpm_dbus/compat.h>

#include <map>
#include <string>
#include <vector>

#include "daemon/service_api.h"

namespace l2tpm::bus {

using Options = std::map<std::string, sdbus::Variant>;

inline constexpr std::size_t kLongestName = 255;          // of anything that is looked up
inline constexpr std::size_t kLongestJson = 1024 * 1024;  // of a profile
inline constexpr std::size_t kLongestSecret = 64 * 1024;

// A name to look up: not longer than kLongestName.
void check_name(const std::string& name);
void check_json(const std::string& json);
void check_flags(std::uint32_t flags, std::uint32_t known);

daemon::TunnelFilter tunnel_filter(const Options& filter);
daemon::SessionFilter session_filter(const Options& filter);
daemon::DumpKind dump_kind(const std::string& kind);
daemon::DumpFilter dump_filter(const Options& filter);
// "packets" true, or "packet" among "events", sets kPacketEvents.
daemon::EventFilter event_filter(const Options& filter);
// Wipes the password that it takes out of `options`.
daemon::StartOptions start_options(Options& options);
daemon::CloseOptions close_options(const Options& options);
daemon::OutgoingCallRequest outgoing_call(const Options& call);
daemon::PutOptions put_options(std::uint32_t flags, bool may_be_exclusive);
// Wipes `secrets`, closes `files` or moves them on. `owner`: who asks.
daemon::TransientRequest transient_request(const std::string& name_hint, const Options& settings,
                                           std::map<std::string, std::string>& secrets,
                                           std::map<std::string, sdbus::UnixFd>& files,
                                           std::uint32_t flags, const std::string& owner);

}  // namespace l2tpm::bus
