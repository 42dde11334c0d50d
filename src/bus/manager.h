// /org/L2tpManager1: org.L2tpManager1.Manager. A translation and nothing more: every call becomes
// one call of daemon::ServiceApi, every error a name from bus/errors.h.
#pragma once

#include <l2tpm_dbus/adaptor.h>

#include <string>
#include <tuple>
#include <vector>

#include "bus/arguments.h"
#include "bus/face.h"
#include "bus/objects.h"

namespace l2tpm::bus {

class Manager final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Manager_adaptor,
                                                      org::L2tpManager1::Statistics_adaptor,
                                                      sdbus::ObjectManager_adaptor>,
                      public Objects::Announcer {
 public:
  explicit Manager(Face& face);
  ~Manager() override;

  // Tells what has changed of the daemon itself since the last time.
  void step();
  bool pending() const { return pending_; }

  void tunnel_new(const std::string& name) override;
  void tunnel_removed(const std::string& name) override;

 private:
  using Diagnostic = sdbus::Struct<std::string, std::string, std::string>;
  using ConfigError = sdbus::Struct<std::string, std::string, std::string, std::string>;
  using ProfileRow = sdbus::Struct<std::string, std::string, std::string, bool>;
  using TunnelRow = sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string,
                                  std::string, std::string, std::uint32_t>;
  using SessionRow =
      sdbus::Struct<std::string, std::uint32_t, std::uint32_t, std::string, std::string,
                    std::string, std::string, std::string, std::uint64_t>;
  using Text = sdbus::Result<std::string>;
  using Path = sdbus::Result<sdbus::ObjectPath>;
  using Diagnosed = sdbus::Result<std::vector<Diagnostic>>;
  using File = sdbus::Result<sdbus::UnixFd>;

  // manager_profiles.cc
  std::vector<ProfileRow> ListProfiles() override;
  void GetProfile(Text&& result, std::string name, std::uint32_t flags) override;
  void PutProfile(Diagnosed&& result, std::string name, std::string json,
                  std::uint32_t flags) override;
  void PatchProfile(Diagnosed&& result, std::string name, std::string merge_patch,
                    std::uint32_t flags) override;
  void RemoveProfile(Diagnosed&& result, std::string name, std::uint32_t flags) override;
  std::tuple<bool, std::vector<Diagnostic>> CheckConfig(const std::string& name,
                                                        const std::string& json) override;
  void Reload(sdbus::Result<std::vector<std::string>, std::vector<Diagnostic>>&& result) override;

  // manager.cc
  void Start(Path&& result, std::string profile, bus::Options options) override;
  void Stop(sdbus::Result<>&& result, std::string profile, bus::Options options) override;
  void Restart(Path&& result, std::string profile, bus::Options options) override;
  void CreateTransient(Path&& result, std::string name_hint, bus::Options settings,
                       std::map<std::string, std::string> secrets,
                       std::map<std::string, sdbus::UnixFd> files, std::uint32_t flags) override;
  void CloseSession(sdbus::Result<>&& result, std::string tunnel, std::uint32_t session,
                    bus::Options options) override;
  void PlaceCall(sdbus::Result<std::string, std::uint32_t>&& result, bus::Options call) override;
  void SetDraining(sdbus::Result<>&& result, bool draining) override;
  void SetLogLevel(sdbus::Result<>&& result, std::string level) override;
  void RegisterAgent(sdbus::Result<>&& result, sdbus::ObjectPath agent,
                     std::vector<std::string> capabilities) override;
  void UnregisterAgent(const sdbus::ObjectPath& agent) override;
  void Subscribe() override;
  void Unsubscribe() override;

  // manager_lookup.cc
  sdbus::ObjectPath GetTunnel(const std::string& name) override;
  std::tuple<sdbus::ObjectPath, std::uint32_t, sdbus::ObjectPath> GetSessionByInterface(
      const std::string& interface) override;
  std::tuple<std::vector<TunnelRow>, std::uint32_t> ListTunnels(
      const bus::Options& filter, const std::uint32_t& offset, const std::uint32_t& limit) override;
  void ListSessions(sdbus::Result<std::vector<SessionRow>, std::uint32_t>&& result,
                    bus::Options filter, std::uint32_t offset, std::uint32_t limit) override;
  void Dump(File&& result, std::string kind, bus::Options filter) override;
  void OpenEventStream(File&& result, bus::Options filter) override;
  void Describe(Text&& result) override;
  std::string DescribeTunnel(const std::string& name) override;
  void DescribeSession(Text&& result, std::string tunnel, std::uint32_t session) override;
  void Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;

  std::string Version() override { return face_.service.version(); }
  std::vector<std::string> Features() override { return face_.service.features(); }
  std::vector<std::string> KernelFeatures() override { return face_.service.kernel_features(); }
  std::string State() override { return face_.service.state(); }
  std::uint32_t NTunnels() override { return face_.service.tunnel_count(); }
  std::uint32_t NSessions() override { return face_.service.session_count(); }
  std::uint64_t ConfigGeneration() override { return face_.service.config_generation(); }
  std::vector<ConfigError> ConfigErrors() override;
  std::string LogLevel() override { return face_.service.log_level(); }

  static std::vector<Diagnostic> rows_of(const daemon::Diagnostics& diagnostics);
  sdbus::ObjectPath path_of_profile(const std::string& name) const;
  // Runs a verb that ends in diagnostics.
  using DiagnosedVerb = std::function<void(daemon::ApiCallback<daemon::Diagnostics>)>;
  void configure(Diagnosed&& result, const std::string& name, std::function<DiagnosedVerb()> check);

  struct Announced {
    std::string state, log_level;
    std::uint64_t generation = 0;
    std::vector<ConfigError> errors = {};
  };
  Announced now();

  Face& face_;
  std::uint64_t subscription_ = 0;
  Announced announced_;
  bool pending_ = false;
  std::vector<bool> reloads_;  // Reloading signals that are due
};

}  // namespace l2tpm::bus
