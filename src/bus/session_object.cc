#include "bus/session_object.h"

#include "bus/arguments.h"
#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

using View = daemon::SessionDetailsView;

PppAddresses addresses_of(const View::Ipv4& ipv4) {
  if (!ipv4.up) return {};
  return {ipv4.local, ipv4.peer, ipv4.dns};
}
PppAddresses addresses_of(const View::Ipv6& ipv6) {
  if (!ipv6.up) return {};
  return {ipv6.local, ipv6.peer, ipv6.dns};
}

// How one of both proved itself: the peer behind a listener, else we.
const std::string& auth_of(const View& view, bool of_client) {
  return of_client ? view.auth_of_us : view.auth_of_peer;
}

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

std::vector<std::string> changed_in_ppp(const View& old, const View& fresh, bool of_client) {
  std::vector<std::string> changed;
  const auto note = [&](const char* property, bool differs) {
    if (differs) changed.emplace_back(property);
  };
  note("Phase", fresh.phase != old.phase);
  note("User", of_client && fresh.session.user != old.session.user);
  note("AuthProtocol", auth_of(fresh, of_client) != auth_of(old, of_client));
  note("IPv4", addresses_of(fresh.ipv4) != addresses_of(old.ipv4));
  note("IPv6", addresses_of(fresh.ipv6) != addresses_of(old.ipv6));
  note("Mru", fresh.mru != old.mru || fresh.peer_mru != old.peer_mru);
  note("Mppe", fresh.mppe_bits != old.mppe_bits);
  note("Options", fresh.ipv4.nbns != old.ipv4.nbns || fresh.magic != old.magic ||
                      fresh.peer_magic != old.peer_magic || fresh.routes != old.routes ||
                      fresh.default_route != old.default_route);
  note("AuthMessage", fresh.auth_message != old.auth_message);
  return changed;
}

}  // namespace

SessionObject::SessionObject(Face& face, View view, bool of_client)
    : AdaptorInterfaces(face.connection, session_path(view.session.tunnel, view.session.id)),
      face_(face),
      tunnel_(view.session.tunnel),
      id_(view.session.id),
      of_client_(of_client),
      announced_(std::move(view)),
      current_(announced_),
      looked_at_(face.message) {
  registerAdaptor();
  face_.send([this] { getObject().emitInterfacesAddedSignal(); });
}

SessionObject::~SessionObject() {
  face_.send([this] { getObject().emitInterfacesRemovedSignal(); });
  unregisterAdaptor();
}

const View& SessionObject::view() {
  if (looked_at_ != face_.message) {
    looked_at_ = face_.message;
    if (auto fresh = face_.service.session(tunnel_, id_)) current_ = std::move(*fresh);
  }
  return current_;
}

std::string SessionObject::user_of(const View& view) const {
  return of_client_ ? view.session.user : std::string();
}

void SessionObject::sync(View fresh) {
  const auto session = changed_in_session(announced_, fresh);
  const auto ppp = changed_in_ppp(announced_, fresh, of_client_);
  announced_ = std::move(fresh);
  current_ = announced_;
  looked_at_ = face_.message;
  if (!session.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Session_adaptor::INTERFACE_NAME, session); });
  if (!ppp.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Ppp_adaptor::INTERFACE_NAME, ppp); });
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

std::string SessionObject::AuthProtocol() { return auth_of(view(), of_client_); }
PppAddresses SessionObject::IPv4() { return addresses_of(view().ipv4); }
PppAddresses SessionObject::IPv6() { return addresses_of(view().ipv6); }

std::map<std::string, sdbus::Variant> SessionObject::Options() {
  const View& now = view();
  return {
      {"nbns",          sdbus::Variant(now.ipv4.nbns)    },
      {"magic",         sdbus::Variant(now.magic)        },
      {"peer-magic",    sdbus::Variant(now.peer_magic)   },
      {"routes",        sdbus::Variant(now.routes)       },
      {"default-route", sdbus::Variant(now.default_route)}
  };
}

}  // namespace l2tpm::bus
