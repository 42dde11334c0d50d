// /org/L2tpManager1/listener/PROFILE: one listener profile.
#pragma once

#include <l2tpm_dbus/adaptor.h>

#include <string>
#include <vector>

#include "bus/face.h"
#include "bus/tunnel_object.h"

namespace l2tpm::bus {

class ListenerObject final
    : public sdbus::AdaptorInterfaces<org::L2tpManager1::Listener_adaptor,
                                      org::L2tpManager1::Statistics_adaptor> {
 public:
  // Appears on the bus.
  ListenerObject(Face& face, daemon::ListenerView view);
  ~ListenerObject();

  // Announces what has changed since the last time.
  void sync(daemon::ListenerView fresh);

 private:
  const daemon::ListenerView& view();

  void SetDraining(sdbus::Result<>&& result, bool draining) override;
  void Describe(sdbus::Result<std::string>&& result) override;
  void Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;

  std::string Profile() override { return name_; }
  std::vector<EndpointStruct> Local() override;
  std::string State() override { return view().state; }
  std::string Problem() override { return view().problem; }
  bool ExportSessions() override { return view().export_sessions; }
  std::uint32_t MaxTunnels() override { return view().max_tunnels; }
  std::uint32_t MaxSessions() override { return view().max_sessions; }
  std::uint32_t NTunnels() override { return view().tunnels; }
  std::uint32_t NSessions() override { return view().sessions; }

  Face& face_;
  const std::string name_;
  daemon::ListenerView announced_;
  daemon::ListenerView current_;
  std::uint64_t looked_at_;
};

}  // namespace l2tpm::bus
