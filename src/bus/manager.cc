#include "bus/manager.h"

#include <algorithm>
#include <utility>

#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

constexpr std::size_t kMostSubscribers = 1024;
constexpr std::size_t kMostCapabilities = 32;
constexpr std::size_t kMostDueReloads = 16;

}  // namespace

Manager::Manager(Face& face)
    : AdaptorInterfaces(face.connection, dbus::ObjectPath(dbus::kPath)), face_(face) {
  registerAdaptor();
  announced_ = now();
  daemon::EventFilter filter;
  filter.kinds = daemon::kDaemonEvents | daemon::kReloadEvents;
  subscription_ = face_.service.subscribe(filter, [this](const daemon::Event& event) {
    pending_ = true;
    const auto* daemon = std::get_if<daemon::DaemonEvent>(&event.what);
    if (daemon == nullptr || reloads_.size() >= kMostDueReloads) return;
    const bool active = daemon->state == "reloading";
    if (active != (reloads_.empty() ? announced_.state == "reloading" : reloads_.back()))
      reloads_.push_back(active);
  });
}

Manager::~Manager() {
  face_.service.unsubscribe(subscription_);
  unregisterAdaptor();
}

Manager::Announced Manager::now() {
  return {State(), LogLevel(), ConfigGeneration(), ConfigErrors()};
}

void Manager::step() {
  if (!pending_ || face_.congested()) return;
  pending_ = false;
  for (const bool active : std::exchange(reloads_, {})) face_.send([&] { emitReloading(active); });
  Announced fresh = now();
  std::vector<std::string> changed;
  if (fresh.state != announced_.state) changed.emplace_back("State");
  if (fresh.log_level != announced_.log_level) changed.emplace_back("LogLevel");
  if (fresh.generation != announced_.generation) changed.emplace_back("ConfigGeneration");
  if (fresh.errors != announced_.errors) changed.emplace_back("ConfigErrors");
  announced_ = std::move(fresh);
  if (!changed.empty())
    face_.send([&] { dbus::emit_changed(getObject(), Manager_adaptor::INTERFACE_NAME, changed); });
}

void Manager::tunnel_new(const std::string& name) {
  face_.send([&] { emitTunnelNew(name, tunnel_path(name)); });
}

void Manager::tunnel_removed(const std::string& name) {
  face_.send([&] { emitTunnelRemoved(name, tunnel_path(name)); });
}

sdbus::ObjectPath Manager::path_of_profile(const std::string& name) const {
  return face_.service.listener(name) ? listener_path(name) : tunnel_path(name);
}

void Manager::Start(Path&& result, std::string profile, bus::Options options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(profile);
    face_.authorized(caller_of(getObject()), action::kControl, profile, reply,
                     [this, profile, how = start_options(options)](const Path& to) {
                       const auto name = value_of(face_.service.start(profile, how));
                       to.returnResults(path_of_profile(name));
                     });
  });
}

void Manager::Stop(sdbus::Result<>&& result, std::string profile, bus::Options options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(profile);
    face_.authorized(caller_of(getObject()), action::kControl, profile, reply,
                     [this, profile, how = close_options(options)](const auto& to) {
                       value_of(face_.service.stop(profile, how));
                       to.returnResults();
                     });
  });
}

void Manager::Restart(Path&& result, std::string profile, bus::Options options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(profile);
    face_.authorized(caller_of(getObject()), action::kControl, profile, reply,
                     [this, profile, how = start_options(options)](const Path& to) {
                       value_of(face_.service.restart(profile, how));
                       to.returnResults(path_of_profile(profile));
                     });
  });
}

void Manager::CreateTransient(Path&& result, std::string name_hint, bus::Options settings,
                              std::map<std::string, std::string> secrets,
                              std::map<std::string, sdbus::UnixFd> files, std::uint32_t flags) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    const Caller caller = caller_of(getObject());
    const auto request = std::make_shared<daemon::TransientRequest>(
        transient_request(name_hint, settings, secrets, files, flags, caller.name));
    face_.authorized(caller, action::kTransient, name_hint, reply, [this, request](const Path& to) {
      const auto name = value_of(face_.service.create_transient(std::move(*request)));
      face_.objects->appear(name);
      to.returnResults(tunnel_path(name));
    });
  });
}

void Manager::CloseSession(sdbus::Result<>&& result, std::string tunnel, std::uint32_t session,
                           bus::Options options) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(tunnel);
    face_.authorized(caller_of(getObject()), action::kManageSessions, tunnel, reply,
                     [this, tunnel, session, how = close_options(options)](const auto& to) {
                       value_of(face_.service.close_session(tunnel, session, how));
                       to.returnResults();
                     });
  });
}

void Manager::PlaceCall(sdbus::Result<std::string, std::uint32_t>&& result, bus::Options call) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    const auto request = outgoing_call(call);
    const std::string subject = request.tunnel.empty() ? request.listener : request.tunnel;
    face_.authorized(caller_of(getObject()), action::kControl, subject, reply,
                     [this, request](const auto& to) {
                       const auto placed = value_of(face_.service.place_outgoing_call(request));
                       to.returnResults(placed.tunnel, placed.session);
                     });
  });
}

void Manager::SetDraining(sdbus::Result<>&& result, bool draining) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.authorized(caller_of(getObject()), action::kConfigure, "", reply,
                     [this, draining](const auto& to) {
                       face_.service.set_draining(draining);
                       to.returnResults();
                     });
  });
}

void Manager::SetLogLevel(sdbus::Result<>&& result, std::string level) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(level);
    face_.authorized(caller_of(getObject()), action::kDebug, "", reply,
                     [this, level](const auto& to) {
                       value_of(face_.service.set_log_level(level));
                       pending_ = true;
                       to.returnResults();
                     });
  });
}

void Manager::RegisterAgent(sdbus::Result<>&& result, sdbus::ObjectPath agent,
                            std::vector<std::string> capabilities) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(agent);
    if (capabilities.size() > kMostCapabilities) invalid("too many capabilities");
    for (const std::string& capability : capabilities) check_name(capability);
    // Nobody is asked for a password in order to be asked for passwords: without leave to control,
    // it is asked about its own transient tunnels.
    const Caller caller{caller_of(getObject()).name, false};
    face_.authority.check(caller, action::kControl, "",
                          [this, caller, agent, capabilities, reply](const Refusal* refusal) {
                            face_.answer(*reply, [&] {
                              if (refusal != nullptr && refusal->name == kLimitExceeded)
                                throw to_bus(*refusal);
                              if (const auto refused = face_.agents.add(
                                      caller.name, agent, capabilities, refusal == nullptr))
                                throw to_bus(*refused);
                              reply->returnResults();
                            });
                          });
  });
}

void Manager::UnregisterAgent(const sdbus::ObjectPath& agent) {
  if (!face_.agents.remove(caller_of(getObject()).name, agent))
    throw dbus::make_error(error_name(daemon::ApiErrorCode::not_found),
                           "no such agent of yours is registered");
}

void Manager::Subscribe() {
  if (face_.subscribers.size() >= kMostSubscribers)
    throw dbus::make_error(kLimitExceeded, "too many clients have subscribed");
  face_.subscribers.insert(caller_of(getObject()).name);
}

void Manager::Unsubscribe() {
  if (face_.subscribers.erase(caller_of(getObject()).name) == 0)
    throw dbus::make_error(error_name(daemon::ApiErrorCode::wrong_state), "you had not subscribed");
}

}  // namespace l2tpm::bus
