// The verbs that are being written.
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {
Unexpected<ApiError> not_yet() {
  return Unexpected(ApiError{ApiErrorCode::not_supported, "not supported"});
}
}  // namespace

std::vector<std::string> Service::features() const { return {}; }
std::uint32_t Service::tunnel_count() const { return static_cast<std::uint32_t>(tunnels_.size()); }
std::uint32_t Service::session_count() const {
  return static_cast<std::uint32_t>(sessions_.size());
}
std::string Service::log_level() const { return "info"; }
Result<Done, ApiError> Service::set_log_level(const std::string&) { return not_yet(); }
bool Service::draining() const { return false; }
void Service::set_draining(bool) {}
std::vector<ProfileView> Service::list_profiles() const { return {}; }
Result<std::string, ApiError> Service::get_profile(const std::string&, bool) { return not_yet(); }
void Service::put_profile(const std::string&, const std::string&, const PutOptions&,
                          ApiCallback<Diagnostics>) {}
void Service::patch_profile(const std::string&, const std::string&, const PutOptions&,
                            ApiCallback<Diagnostics>) {}
void Service::remove_profile(const std::string&, bool, ApiCallback<Diagnostics>) {}
Diagnostics Service::check_config(const std::string&, const std::string&) { return {}; }
std::uint64_t Service::config_generation() const { return 1; }
Diagnostics Service::config_errors() const { return {}; }
Result<Done, ApiError> Service::restart(const std::string&, const StartOptions&) {
  return not_yet();
}
Result<std::string, ApiError> Service::create_transient(TransientRequest) { return not_yet(); }
void Service::owner_vanished(const std::string&) {}
Result<TunnelView, ApiError> Service::tunnel(const std::string&) const { return not_yet(); }
Result<SessionDetailsView, ApiError> Service::session(const std::string&, std::uint32_t) const {
  return not_yet();
}
Result<PlacedCall, ApiError> Service::session_by_interface(const std::string&) const {
  return not_yet();
}
Result<Done, ApiError> Service::open_tunnel(const std::string&) { return not_yet(); }
Result<Done, ApiError> Service::close_tunnel(const std::string&, const CloseOptions&) {
  return not_yet();
}
void Service::ping_tunnel(const std::string&, ApiCallback<Duration>) {}
Result<PlacedCall, ApiError> Service::place_outgoing_call(const OutgoingCallRequest&) {
  return not_yet();
}
std::vector<ListenerView> Service::list_listeners() const { return {}; }
Result<ListenerView, ApiError> Service::listener(const std::string&) const { return not_yet(); }
Result<Done, ApiError> Service::set_listener_draining(const std::string&, bool) {
  return not_yet();
}
Result<std::string, ApiError> Service::describe_listener(const std::string&) const {
  return not_yet();
}
std::unique_ptr<Dump> Service::dump(DumpKind, const DumpFilter&) const { return nullptr; }
void Service::refresh_counters(std::function<void()>) {}
Result<Counters, ApiError> Service::statistics(StatisticsOf, const std::string&,
                                               std::uint32_t) const {
  return not_yet();
}
std::uint64_t Service::subscribe(EventFilter, EventHandler) { return 0; }
void Service::unsubscribe(std::uint64_t) {}
void Service::set_secret_asker(SecretAsker*) {}
void Service::answer_secrets(std::uint64_t, Result<std::map<std::string, Secret>, ApiError>) {}

}  // namespace l2tpm::daemon
