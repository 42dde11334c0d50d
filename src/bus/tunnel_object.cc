#include "bus/tunnel_object.h"

#include "bus/arguments.h"
#include "bus/paths.h"

namespace l2tpm::bus {

LastErrorStruct last_error(const Cause& cause) {
  return {error_name(cause), cause.result_code, cause.error_code, cause.message};
}

bool same(const Cause& a, const Cause& b) {
  return a.code == b.code && a.by_peer == b.by_peer && a.result_code == b.result_code &&
         a.error_code == b.error_code && a.message == b.message;
}

TunnelObject::TunnelObject(Face& face, daemon::TunnelView view)
    : AdaptorInterfaces(face.connection, tunnel_path(view.name)),
      face_(face),
      name_(view.name),
      owner_(view.owner),
      announced_(std::move(view)),
      current_(announced_),
      looked_at_(face.message) {
  registerAdaptor();
  face_.send([this] { getObject().emitInterfacesAddedSignal(); });
}

TunnelObject::~TunnelObject() {
  face_.send([this] { getObject().emitInterfacesRemovedSignal(); });
  unregisterAdaptor();
}

const daemon::TunnelView& TunnelObject::view() {
  if (looked_at_ != face_.message) {
    looked_at_ = face_.message;
    if (auto fresh = face_.service.tunnel(name_)) current_ = std::move(*fresh);
  }
  return current_;
}

void TunnelObject::sync(daemon::TunnelView fresh, std::vector<sdbus::ObjectPath> sessions) {
  std::vector<std::string> changed;
  const auto note = [&](const char* property, bool differs) {
    if (differs) changed.emplace_back(property);
  };
  const daemon::TunnelView& old = announced_;
  note("State", fresh.state != old.state);
  note("LastError", !same(fresh.last_error, old.last_error));
  note("Local", fresh.local_address != old.local_address || fresh.local_port != old.local_port);
  note("Remote",
       fresh.remote_address != old.remote_address || fresh.remote_port != old.remote_port);
  note("TunnelId", fresh.tunnel_id != old.tunnel_id);
  note("PeerTunnelId", fresh.peer_tunnel_id != old.peer_tunnel_id);
  note("PeerHostName", fresh.peer_host_name != old.peer_host_name);
  note("PeerVendorName", fresh.peer_vendor != old.peer_vendor);
  note("EstablishedAt", fresh.established_at != old.established_at);
  note("RetryAt", fresh.retry_at != old.retry_at);
  note("ProtocolVersion", fresh.version != old.version);
  note("RouterId", fresh.version3.router_id != old.version3.router_id);
  note("PeerRouterId", fresh.version3.peer_router_id != old.version3.peer_router_id);
  note("PeerPseudowires", fresh.version3.peer_pseudowires != old.version3.peer_pseudowires);
  note("Digest", fresh.version3.digest != old.version3.digest);
  note("DigestAuthenticated", fresh.version3.authenticated != old.version3.authenticated);
  note("Convergence", fresh.version3.convergence != old.version3.convergence);
  note("Sessions", sessions != sessions_);
  announced_ = std::move(fresh);
  current_ = announced_;
  looked_at_ = face_.message;
  sessions_ = std::move(sessions);
  if (!changed.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Tunnel_adaptor::INTERFACE_NAME, changed); });
}

void TunnelObject::state_changed(const std::string& old_state, const std::string& new_state,
                                 const Cause& cause) {
  face_.send([&] { emitStateChanged(new_state, old_state, error_name(cause), cause.message); });
}

// The creator of a transient tunnel needs nobody's leave.
template <typename Work>
void TunnelObject::controlled(std::shared_ptr<sdbus::Result<>> reply, Work work) {
  const Caller caller = caller_of(getObject());
  if (!owner_.empty() && caller.name == owner_)
    work(*reply);
  else
    face_.authorized(caller, action::kControl, name_, std::move(reply), work);
}

void TunnelObject::Open(sdbus::Result<>&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    controlled(reply, [&face = face_, name = name_](const sdbus::Result<>& to) {
      value_of(face.service.open_tunnel(name));
      to.returnResults();
    });
  });
}

void TunnelObject::Close(sdbus::Result<>&& result, std::map<std::string, sdbus::Variant> options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    controlled(reply, [&face = face_, name = name_,
                       how = close_options(options)](const sdbus::Result<>& to) {
      value_of(face.service.close_tunnel(name, how));
      to.returnResults();
    });
  });
}

void TunnelObject::Ping(sdbus::Result<std::uint64_t>&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.authorized(
        caller_of(getObject()), action::kControl, name_, reply,
        [&face = face_, name = name_, reply](const auto&) {
          const auto done = [&face, reply](const Result<Duration, daemon::ApiError>& time) {
            face.answer(*reply, [&] {
              const auto rtt =
                  std::chrono::duration_cast<std::chrono::microseconds>(value_of(time));
              reply->returnResults(static_cast<std::uint64_t>(rtt.count()));
            });
          };
          face.service.ping_tunnel(name, face.later(done));
        });
  });
}

std::string TunnelObject::Describe() {
  return looked_up([&] { return value_of(face_.service.describe_tunnel(name_)); });
}

void TunnelObject::Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  face_.statistics(daemon::StatisticsOf::tunnel, name_, 0, std::move(result));
}

}  // namespace l2tpm::bus
