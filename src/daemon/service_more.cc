// The verbs that are being written.
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {
Unexpected<ApiError> not_yet() {
  return Unexpected(ApiError{ApiErrorCode::not_supported, "not supported"});
}
}  // namespace

std::vector<ProfileView> Service::list_profiles() const { return {}; }
Result<std::string, ApiError> Service::get_profile(const std::string&, bool) { return not_yet(); }
void Service::put_profile(const std::string&, const std::string&, const PutOptions&,
                          ApiCallback<Diagnostics> done) {
  later([done] { done(not_yet()); });
}
void Service::patch_profile(const std::string&, const std::string&, const PutOptions&,
                            ApiCallback<Diagnostics> done) {
  later([done] { done(not_yet()); });
}
void Service::remove_profile(const std::string&, bool, ApiCallback<Diagnostics> done) {
  later([done] { done(not_yet()); });
}
Diagnostics Service::check_config(const std::string&, const std::string&) { return {}; }
std::uint64_t Service::config_generation() const { return 1; }
Diagnostics Service::config_errors() const { return {}; }

}  // namespace l2tpm::daemon
