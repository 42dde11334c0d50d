// Client's calls about profiles and configuration.
#include "ctl/client_calls.h"

namespace l2tpm::ctl {
namespace {

template <typename Rows>
std::vector<Diagnostic> diagnostics_of(const Rows& rows) {
  std::vector<Diagnostic> diagnostics;
  for (const auto& row : rows)
    diagnostics.push_back({std::get<0>(row), std::get<1>(row), std::get<2>(row)});
  return diagnostics;
}

std::uint32_t flags_of(Writing how) {
  return (how.until_reboot ? 1u : 0u) | (how.apply ? 2u : 0u) | (how.must_not_exist ? 4u : 0u);
}

}  // namespace

Answer<std::vector<ProfileRow>> Client::profiles() {
  return answer([&] {
    std::vector<ProfileRow> profiles;
    for (const auto& row : impl_->manager.ListProfiles())
      profiles.push_back({std::get<0>(row), std::get<1>(row), std::get<2>(row), std::get<3>(row)});
    return profiles;
  });
}

Answer<std::string> Client::profile(const std::string& name) {
  return impl_->authorized([&] { return impl_->manager.GetProfile(name, 0); });
}

Answer<std::vector<Diagnostic>> Client::put_profile(const std::string& name,
                                                    const std::string& json, Writing how) {
  return impl_->authorized(
      [&] { return diagnostics_of(impl_->manager.PutProfile(name, json, flags_of(how))); });
}

Answer<std::vector<Diagnostic>> Client::patch_profile(const std::string& name,
                                                      const std::string& patch, Writing how) {
  return impl_->authorized(
      [&] { return diagnostics_of(impl_->manager.PatchProfile(name, patch, flags_of(how))); });
}

Answer<std::vector<Diagnostic>> Client::remove_profile(const std::string& name, bool stop) {
  return impl_->authorized(
      [&] { return diagnostics_of(impl_->manager.RemoveProfile(name, stop ? 1 : 0)); });
}

Answer<Checked> Client::check_config(const std::string& name, const std::string& json) {
  return answer([&] {
    const auto [ok, diagnostics] = impl_->manager.CheckConfig(name, json);
    return Checked{ok, diagnostics_of(diagnostics)};
  });
}

Answer<Changes> Client::reload() {
  return impl_->authorized([&] {
    auto [changed, diagnostics] = impl_->manager.Reload();
    return Changes{std::move(changed), diagnostics_of(diagnostics)};
  });
}

}  // namespace l2tpm::ctl
