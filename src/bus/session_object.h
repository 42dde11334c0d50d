// /org/L2tpManager1/tunnel/NAME/session/ID: one session and its PPP.
#pragma once

#include <l2tpm_dbus/adaptor.h>

#include <string>
#include <vector>

#include "bus/face.h"
#include "bus/tunnel_object.h"

namespace l2tpm::bus {

using PppAddresses = sdbus::Struct<std::string, std::string, std::vector<std::string>>;
using PppMru = sdbus::Struct<std::uint32_t, std::uint32_t>;

class SessionObject final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Session_adaptor,
                                                            org::L2tpManager1::Ppp_adaptor,
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
  const daemon::SessionDetailsView& view();
  std::string user_of(const daemon::SessionDetailsView& view) const;

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

  std::string Phase() override { return view().phase; }
  std::string User() override { return user_of(view()); }
  std::string AuthProtocol() override;
  PppAddresses IPv4() override;
  PppAddresses IPv6() override;
  PppMru Mru() override { return {view().mru, view().peer_mru}; }
  std::uint32_t Mppe() override { return view().mppe_bits; }
  std::map<std::string, sdbus::Variant> Options() override;
  std::string AuthMessage() override { return view().auth_message; }

  Face& face_;
  const std::string tunnel_;
  const std::uint32_t id_;
  const bool of_client_;
  daemon::SessionDetailsView announced_;
  daemon::SessionDetailsView current_;
  std::uint64_t looked_at_;
};

}  // namespace l2tpm::bus
