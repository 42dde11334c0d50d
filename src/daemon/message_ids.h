// Events with an entry in the journal's catalog, packaging/systemd/l2tp-manager.catalog: what
// `journalctl -x` says below such a line is advice. An id is never used for another event, and
// tests/catalog sees to it that each has an entry.
#pragma once

#include <string_view>

#include "base/cause.h"
#include "base/log.h"

namespace l2tpm::daemon::message_id {

inline constexpr std::string_view kReady = "6e75a320d3e24e98ac5a3290bb4ef5ac";
inline constexpr std::string_view kStopped = "5258f88a35ad44ff93d4c914d28528dc";
inline constexpr std::string_view kConfigError = "cabe9dd63be1424a92097a406d7bd4b0";
inline constexpr std::string_view kReloaded = "3654a9394e0b4209817a68a688874997";
inline constexpr std::string_view kKernelFeatureMissing = "babf542de2164c7e8d2731dd2b7d338b";
inline constexpr std::string_view kTunnelUp = "2dee31a276844ae0973b0177853c0fe1";
inline constexpr std::string_view kTunnelDown = "a143ba76764e466f8c0ea5e8586d615c";
inline constexpr std::string_view kSessionUp = "465b6fef91034efc86dd8841ca49d969";
inline constexpr std::string_view kSessionDown = "786d7cde9e2440d384aef91683e88be5";
inline constexpr std::string_view kNoAnswer = "da8d888644e34ae482475754dfe3a31d";
inline constexpr std::string_view kRefused = "787da6a0065444ae92a13085203240d1";
inline constexpr std::string_view kAuthenticationFailed = "bfb0ede914da464d9f1a4a6f4411b502";
inline constexpr std::string_view kTunnelAuthenticationFailed = "520338c2561f4004a74dfa87c9ca6ae0";
inline constexpr std::string_view kKernelFailed = "89a0e1b2035f4124989b3eb9e01538aa";
inline constexpr std::string_view kDialFailed = "4c551fbc763641fba785e6b7b2875f1b";
inline constexpr std::string_view kListenerFailed = "e47ec0a2ad79429e8cf7d19004529d80";
inline constexpr std::string_view kUserRefused = "0bea0146d50044149f06f6eb4249f10f";
inline constexpr std::string_view kMtuExceedsPath = "46bf621a659c4d9397898ed3aac60667";
inline constexpr std::string_view kInterfaceSetDown = "4317334be9e64bc29bef0a04a92dfcf1";

// The event that a failed attempt to dial is; each has advice of its own.
std::string_view of_failed_attempt(CauseCode code);

// A line's context, as this event.
inline LogContext on(std::string_view id, LogContext context) {
  context.message_id = id;
  return context;
}

}  // namespace l2tpm::daemon::message_id
