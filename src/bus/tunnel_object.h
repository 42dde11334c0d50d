// /org/L2tpManager1/tunnel/NAME: one tunnel, as the service shows it.
#pragma once

#include <l2tpm_dbus/adaptor.h>

#include <string>
#include <vector>

#include "bus/face.h"

namespace l2tpm::bus {

// org.L2tpManager1.Error.* or "", Result Code, Error Code, text.
using LastErrorStruct = sdbus::Struct<std::string, std::uint16_t, std::uint16_t, std::string>;
using EndpointStruct = sdbus::Struct<std::string, std::uint16_t>;
LastErrorStruct last_error(const Cause& cause);
bool same(const Cause& a, const Cause& b);

class TunnelObject final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Tunnel_adaptor,
                                                           org::L2tpManager1::Statistics_adaptor> {
 public:
  // Appears on the bus.
  TunnelObject(Face& face, daemon::TunnelView view);
  ~TunnelObject();

  // Announces what has changed since the last time.
  void sync(daemon::TunnelView fresh, std::vector<sdbus::ObjectPath> sessions);
  void state_changed(const std::string& old_state, const std::string& new_state,
                     const Cause& cause);

 private:
  // As the service has it now; what it was when there is nothing any more.
  const daemon::TunnelView& view();

  template <typename Work>
  void controlled(std::shared_ptr<sdbus::Result<>> reply, Work work);

  void Open(sdbus::Result<>&& result) override;
  void Close(sdbus::Result<>&& result, std::map<std::string, sdbus::Variant> options) override;
  void Ping(sdbus::Result<std::uint64_t>&& result) override;
  std::string Describe() override;
  void Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;

  std::string Name() override { return view().name; }
  std::string Profile() override { return view().profile; }
  std::string Owner() override { return view().owner; }
  bool Transient() override { return view().transient; }
  std::string Role() override { return view().role; }
  std::uint8_t ProtocolVersion() override { return view().version; }
  std::string Encapsulation() override { return view().encapsulation; }
  std::string State() override { return view().state; }
  LastErrorStruct LastError() override { return last_error(view().last_error); }
  EndpointStruct Local() override { return {view().local_address, view().local_port}; }
  EndpointStruct Remote() override { return {view().remote_address, view().remote_port}; }
  std::uint32_t TunnelId() override { return view().tunnel_id; }
  std::uint32_t PeerTunnelId() override { return view().peer_tunnel_id; }
  std::string PeerHostName() override { return view().peer_host_name; }
  std::string PeerVendorName() override { return view().peer_vendor; }
  std::string RouterId() override { return view().version3.router_id; }
  std::string PeerRouterId() override { return view().version3.peer_router_id; }
  std::vector<std::string> PeerPseudowires() override { return view().version3.peer_pseudowires; }
  std::string Digest() override { return view().version3.digest; }
  bool DigestAuthenticated() override { return view().version3.authenticated; }
  std::uint32_t PeerSecret() override { return view().version3.peer_secret; }
  std::string Convergence() override { return view().version3.convergence; }
  std::string Protection() override { return view().protection; }
  std::uint64_t EstablishedAt() override { return view().established_at; }
  std::uint64_t RetryAt() override { return view().retry_at; }
  std::vector<sdbus::ObjectPath> Sessions() override { return sessions_; }

  Face& face_;
  const std::string name_;
  const std::string owner_;
  daemon::TunnelView announced_;
  std::vector<sdbus::ObjectPath> sessions_;
  daemon::TunnelView current_;
  std::uint64_t looked_at_;
};

}  // namespace l2tpm::bus
