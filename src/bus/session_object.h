// /org/L2tpManager1/tunnel/NAME/session/ID: one session and what it carries.
#pragma once

#include <l2tpm_dbus/adaptor.h>

#include <memory>
#include <string>

#include "bus/face.h"
#include "bus/session_facets.h"
#include "bus/tunnel_object.h"

namespace l2tpm::bus {

class SessionObject final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Session_adaptor,
                                                            org::L2tpManager1::Statistics_adaptor> {
 public:
  // Appears on the bus. `of_client`: its user is who we are, which is no secret.
  SessionObject(Face& face, daemon::SessionDetailsView view, bool of_client);
  ~SessionObject();

  // Announces what has changed since the last time.
  void sync(daemon::SessionDetailsView fresh);
  void state_changed(const std::string& old_state, const std::string& new_state,
                     const Cause& cause);

 private:
  const daemon::SessionDetailsView& view() { return look_.view(); }

  void Close(sdbus::Result<>&& result, std::map<std::string, sdbus::Variant> options) override;
  void Describe(sdbus::Result<std::string>&& result) override;
  void Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) override;

  sdbus::ObjectPath Tunnel() override;
  std::uint32_t SessionId() override { return id_; }
  std::uint32_t PeerSessionId() override { return view().session.peer_id; }
  std::string Pseudowire() override { return view().session.pseudowire; }
  std::string State() override { return view().session.state; }
  LastErrorStruct LastError() override { return last_error(view().last_error); }
  std::string Interface() override { return view().session.interface; }
  std::int32_t InterfaceIndex() override { return view().ifindex; }
  std::uint32_t Mtu() override { return view().mtu; }
  std::string CallingNumber() override { return view().calling_number; }
  std::string CalledNumber() override { return view().called_number; }
  std::uint64_t UpSince() override { return view().session.up_since; }

  Face& face_;
  const std::string tunnel_;
  const std::uint32_t id_;
  daemon::SessionDetailsView announced_;
  SessionLook look_;
  std::unique_ptr<SessionFacet> facet_;
};

}  // namespace l2tpm::bus
