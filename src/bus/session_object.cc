#include "bus/session_object.h"

#include "bus/arguments.h"
#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

using View = daemon::SessionDetailsView;

std::vector<std::string> changed_in_session(const View& old, const View& fresh) {
  std::vector<std::string> changed;
  const auto note = [&](const char* property, bool differs) {
    if (differs) changed.emplace_back(property);
  };
  note("PeerSessionId", fresh.session.peer_id != old.session.peer_id);
  note("State", fresh.session.state != old.session.state);
  note("LastError", !same(fresh.last_error, old.last_error));
  note("Interface", fresh.session.interface != old.session.interface);
  note("InterfaceIndex", fresh.ifindex != old.ifindex);
  note("Mtu", fresh.mtu != old.mtu);
  note("UpSince", fresh.session.up_since != old.session.up_since);
  return changed;
}

}  // namespace

SessionObject::SessionObject(Face& face, View view, bool of_client)
    : AdaptorInterfaces(face.connection, session_path(view.session.tunnel, view.session.id)),
      face_(face),
      tunnel_(view.session.tunnel),
      id_(view.session.id),
      announced_(std::move(view)),
      look_(face, announced_),
      facet_(make_facet(getObject(), look_, of_client)) {
  registerAdaptor();
  face_.send([this] { getObject().emitInterfacesAddedSignal(); });
}

SessionObject::~SessionObject() {
  face_.send([this] { getObject().emitInterfacesRemovedSignal(); });
  unregisterAdaptor();
}

void SessionObject::sync(View fresh) {
  const auto session = changed_in_session(announced_, fresh);
  const auto carried = facet_->changed(announced_, fresh);
  announced_ = std::move(fresh);
  look_.know(announced_);
  if (!session.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Session_adaptor::INTERFACE_NAME, session); });
  if (!carried.empty())
    face_.send([&] { dbus::emit_changed(getObject(), facet_->interface(), carried); });
}

void SessionObject::state_changed(const std::string& old_state, const std::string& new_state,
                                  const Cause& cause) {
  face_.send([&] { emitStateChanged(new_state, old_state, error_name(cause), cause.message); });
}

void SessionObject::Close(sdbus::Result<>&& result, std::map<std::string, sdbus::Variant> options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.authorized(caller_of(getObject()), action::kManageSessions, tunnel_, reply,
                     [&face = face_, tunnel = tunnel_, id = id_,
                      how = close_options(options)](const sdbus::Result<>& to) {
                       value_of(face.service.close_session(tunnel, id, how));
                       to.returnResults();
                     });
  });
}

void SessionObject::Describe(sdbus::Result<std::string>&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.with_names(caller_of(getObject()), tunnel_, reply,
                     [&face = face_, tunnel = tunnel_, id = id_](
                         const sdbus::Result<std::string>& to, bool names) {
                       std::string json = value_of(face.service.describe_session(tunnel, id));
                       if (!names) hide_users(json);
                       to.returnResults(json);
                     });
  });
}

void SessionObject::Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  face_.statistics(daemon::StatisticsOf::session, tunnel_, id_, std::move(result));
}

sdbus::ObjectPath SessionObject::Tunnel() { return tunnel_path(tunnel_); }

}  // namespace l2tpm::bus
