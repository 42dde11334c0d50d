#include "bus/listener_object.h"

#include "bus/paths.h"

namespace l2tpm::bus {

ListenerObject::ListenerObject(Face& face, daemon::ListenerView view)
    : AdaptorInterfaces(face.connection, listener_path(view.name)),
      face_(face),
      name_(view.name),
      announced_(std::move(view)),
      current_(announced_),
      looked_at_(face.message) {
  registerAdaptor();
  face_.send([this] { getObject().emitInterfacesAddedSignal(); });
}

ListenerObject::~ListenerObject() {
  face_.send([this] { getObject().emitInterfacesRemovedSignal(); });
  unregisterAdaptor();
}

const daemon::ListenerView& ListenerObject::view() {
  if (looked_at_ != face_.message) {
    looked_at_ = face_.message;
    if (auto fresh = face_.service.listener(name_)) current_ = std::move(*fresh);
  }
  return current_;
}

void ListenerObject::sync(daemon::ListenerView fresh) {
  std::vector<std::string> changed;
  const auto note = [&](const char* property, bool differs) {
    if (differs) changed.emplace_back(property);
  };
  const daemon::ListenerView& old = announced_;
  note("Local", fresh.addresses != old.addresses || fresh.port != old.port);
  note("State", fresh.state != old.state);
  note("Problem", fresh.problem != old.problem);
  note("ExportSessions", fresh.export_sessions != old.export_sessions);
  note("MaxTunnels", fresh.max_tunnels != old.max_tunnels);
  note("MaxSessions", fresh.max_sessions != old.max_sessions);
  announced_ = std::move(fresh);
  current_ = announced_;
  looked_at_ = face_.message;
  if (!changed.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Listener_adaptor::INTERFACE_NAME, changed); });
}

std::vector<EndpointStruct> ListenerObject::Local() {
  std::vector<EndpointStruct> endpoints;
  for (const std::string& address : view().addresses) endpoints.emplace_back(address, view().port);
  return endpoints;
}

void ListenerObject::SetDraining(sdbus::Result<>&& result, bool draining) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.authorized(caller_of(getObject()), action::kConfigure, name_, reply,
                     [&face = face_, name = name_, draining](const sdbus::Result<>& to) {
                       value_of(face.service.set_listener_draining(name, draining));
                       to.returnResults();
                     });
  });
}

void ListenerObject::Describe(sdbus::Result<std::string>&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.with_names(
        caller_of(getObject()), name_, reply,
        [&face = face_, name = name_](const sdbus::Result<std::string>& to, bool names) {
          std::string json = value_of(face.service.describe_listener(name));
          if (!names) hide_users(json);
          to.returnResults(json);
        });
  });
}

void ListenerObject::Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  face_.statistics(daemon::StatisticsOf::listener, name_, 0, std::move(result));
}

}  // namespace l2tpm::bus
