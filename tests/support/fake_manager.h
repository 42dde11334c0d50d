// org.L2tpManager1 on a bus without a daemon behind it: made of the generated adaptors, it serves
// the JSON that a test puts in and notes what it was asked. For tests of clients.
#pragma once

#include <l2tpm_dbus/adaptor.h>
#include <l2tpm_dbus/compat.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace l2tpm::test {

using Json = nlohmann::ordered_json;

struct FakeState {
  // As Describe* have them; lists and dumps are made of them.
  std::vector<Json> tunnels, sessions, listeners;
  std::vector<Json> statistics, failures;  // lines of dumps
  Json daemon = {
      {"version", "9.8.7"  },
      {"state",   "running"}
  };
  std::map<std::string, Json> profiles;
  std::map<std::string, std::string> paths;        // of profiles
  std::vector<std::array<std::string, 3>> answer;  // diagnostics of whatever writes
  std::vector<std::string> changed;                // by a reload
  std::string log_level = "info";
  std::map<std::string, std::string> errors;  // method -> D-Bus error it fails with
  std::vector<std::string> asked;             // "start work", in order
  std::vector<Json> merge_patches;
  Json transient;  // the profile of the last CreateTransient, its secrets under "secrets"
  std::string agent, agent_path;  // who registered
  std::function<void(FakeState&)> on_start, on_look, on_transient;
  std::vector<int> streams;  // our ends of event streams, for stream()

  void stream(const Json& event) {
    const std::string line = event.dump() + "\n";
    for (const int fd : streams)
      [[maybe_unused]] const auto written = ::write(fd, line.data(), line.size());
  }
  void end_streams() {
    for (const int fd : streams) ::close(fd);
    streams.clear();
  }
};

class FakeManager final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Manager_adaptor> {
  using Options = std::map<std::string, sdbus::Variant>;
  using Diagnostics = std::vector<sdbus::Struct<std::string, std::string, std::string>>;

 public:
  explicit FakeManager(sdbus::IConnection& connection)
      : AdaptorInterfaces(connection, sdbus::ObjectPath(dbus::kPath)), connection_(connection) {
    registerAdaptor();
  }
  ~FakeManager() {
    unregisterAdaptor();
    state_.end_streams();
  }

  template <typename Use>
  auto with(Use use) {
    const std::lock_guard lock(mutex_);
    return use(state_);
  }

  static std::string text(const Json& json, const char* key) {
    return json.value(key, std::string());
  }
  static std::uint32_t number(const Json& json, const char* key) {
    return json.value(key, std::uint32_t{0});
  }
  static std::string path_of(const char* kind, const std::string& name) {
    char* path = nullptr;
    ::sd_bus_path_encode((std::string(dbus::kPath) + kind).c_str(), name.c_str(), &path);
    const std::unique_ptr<char, decltype(&::free)> owner(path, ::free);
    return path;
  }
  // Does `act` unless the test wants the method to fail.
  template <typename Result, typename Act>
  void serve(Result& result, const char* method, const std::string& asked, Act act) {
    const std::lock_guard lock(mutex_);
    if (!asked.empty()) state_.asked.push_back(asked);
    try {
      if (const auto error = state_.errors.find(method); error != state_.errors.end())
        throw dbus::make_error(error->second, std::string(method) + " failed");
      act();
    } catch (const sdbus::Error& error) {
      result.returnError(error);
    }
  }
  static sdbus::Error not_found(const std::string& what) {
    return dbus::make_error("org.L2tpManager1.Error.NotFound", "there is no " + what);
  }
  const Json& find_tunnel(const std::string& name) const {
    for (const Json& tunnel : state_.tunnels)
      if (text(tunnel, "name") == name) return tunnel;
    throw not_found("tunnel \"" + name + "\"");
  }
  FakeState& state() { return state_; }
  std::mutex& mutex() { return mutex_; }

 private:
  Diagnostics diagnostics() const {
    Diagnostics rows;
    for (const auto& [severity, pointer, what] : state_.answer)
      rows.emplace_back(severity, pointer, what);
    return rows;
  }
  static bool fits(const Json& json, const Options& filter) {
    for (const auto& [key, value] : filter) {
      if (key == "limit") continue;
      const auto wanted = value.get<std::string>();
      bool found = text(json, key.c_str()) == wanted;
      if (key == "peer")
        found = text(json, "tunnel") == wanted || text(json, "profile") == wanted ||
                text(json, "peer") == wanted || text(json, "remote") == wanted ||
                text(json, "user") == wanted;
      if (!found) return false;
    }
    return true;
  }

  std::vector<sdbus::Struct<std::string, std::string, std::string, bool>> ListProfiles() override {
    const std::lock_guard lock(mutex_);
    std::vector<sdbus::Struct<std::string, std::string, std::string, bool>> rows;
    for (const auto& [name, json] : state_.profiles)
      rows.emplace_back(name, text(json, "kind"), state_.paths[name],
                        json.value("autostart", false));
    return rows;
  }
  void GetProfile(sdbus::Result<std::string>&& result, std::string name, uint32_t flags) override {
    serve(result, "GetProfile", "", [&] {
      const auto found = state_.profiles.find(name);
      if (found == state_.profiles.end() || flags != 0) throw not_found("profile " + name);
      result.returnResults(found->second.dump());
    });
  }
  void PutProfile(sdbus::Result<Diagnostics>&& result, std::string name, std::string json,
                  uint32_t flags) override {
    serve(result, "PutProfile", "put " + name + " " + std::to_string(flags), [&] {
      state_.profiles[name] = Json::parse(json);
      result.returnResults(diagnostics());
    });
  }
  void PatchProfile(sdbus::Result<Diagnostics>&& result, std::string name, std::string patch,
                    uint32_t flags) override {
    serve(result, "PatchProfile", "patch " + name + " " + std::to_string(flags), [&] {
      const auto found = state_.profiles.find(name);
      if (found == state_.profiles.end()) throw not_found("profile " + name);
      state_.merge_patches.push_back(Json::parse(patch));
      found->second.merge_patch(state_.merge_patches.back());
      result.returnResults(diagnostics());
    });
  }
  void RemoveProfile(sdbus::Result<Diagnostics>&& result, std::string name,
                     uint32_t flags) override {
    serve(result, "RemoveProfile", "remove " + name + " " + std::to_string(flags), [&] {
      if (state_.profiles.erase(name) == 0) throw not_found("profile " + name);
      result.returnResults(diagnostics());
    });
  }
  std::tuple<bool, Diagnostics> CheckConfig(const std::string&, const std::string&) override {
    const std::lock_guard lock(mutex_);
    return {state_.answer.empty(), diagnostics()};
  }
  void Reload(sdbus::Result<std::vector<std::string>, Diagnostics>&& result) override {
    serve(result, "Reload", "reload", [&] { result.returnResults(state_.changed, diagnostics()); });
  }

  void begin(sdbus::Result<sdbus::ObjectPath>& result, const char* method, const char* verb,
             const std::string& profile, const Options& options) {
    std::string asked = verb + (" " + profile);
    if (const auto password = options.find("password"); password != options.end())
      asked += " with " + password->second.get<std::string>();
    serve(result, method, asked, [&] {
      if (state_.profiles.count(profile) == 0) throw not_found("profile " + profile);
      for (const Json& tunnel : state_.tunnels)
        if (text(tunnel, "profile") == profile && text(tunnel, "state") != "idle")
          throw dbus::make_error("org.L2tpManager1.Error.WrongState", profile + " runs");
      if (state_.on_start) state_.on_start(state_);
      result.returnResults(sdbus::ObjectPath(path_of("/tunnel", profile)));
    });
  }
  void Start(sdbus::Result<sdbus::ObjectPath>&& result, std::string profile,
             Options options) override {
    begin(result, "Start", "start", profile, options);
  }
  void Restart(sdbus::Result<sdbus::ObjectPath>&& result, std::string profile,
               Options options) override {
    {
      const std::lock_guard lock(mutex_);
      for (Json& tunnel : state_.tunnels) tunnel["state"] = "idle";
    }
    begin(result, "Restart", "restart", profile, options);
  }
  void Stop(sdbus::Result<>&& result, std::string profile, Options) override {
    serve(result, "Stop", "stop " + profile, [&] {
      for (const Json& tunnel : state_.tunnels)
        if (text(tunnel, "profile") == profile) return result.returnResults();
      throw dbus::make_error("org.L2tpManager1.Error.WrongState", profile + " does not run");
    });
  }
  void CreateTransient(sdbus::Result<sdbus::ObjectPath>&& result, std::string name_hint,
                       Options settings, std::map<std::string, std::string> secrets,
                       std::map<std::string, sdbus::UnixFd>, uint32_t flags) override {
    serve(result, "CreateTransient", "transient " + name_hint + " " + std::to_string(flags), [&] {
      state_.transient = Json::parse(settings.at("profile").get<std::string>());
      for (const auto& [name, secret] : secrets) state_.transient["secrets"][name] = secret;
      if (state_.on_transient) state_.on_transient(state_);
      result.returnResults(sdbus::ObjectPath(path_of("/tunnel", name_hint)));
    });
  }
  sdbus::ObjectPath GetTunnel(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    find_tunnel(name);
    return sdbus::ObjectPath(path_of("/tunnel", name));
  }
  std::tuple<sdbus::ObjectPath, uint32_t, sdbus::ObjectPath> GetSessionByInterface(
      const std::string& ifname) override {
    throw not_found("session on " + ifname);
  }
  std::tuple<std::vector<sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string,
                                       std::string, std::string, uint32_t>>,
             uint32_t>
  ListTunnels(const Options& filter, const uint32_t& offset, const uint32_t& limit) override {
    const std::lock_guard lock(mutex_);
    if (state_.on_look) state_.on_look(state_);
    std::vector<sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string, std::string,
                              std::string, uint32_t>>
        rows;
    uint32_t total = 0;
    for (const Json& tunnel : state_.tunnels) {
      if (!fits(tunnel, filter)) continue;
      if (total >= offset && rows.size() < limit)
        rows.emplace_back(text(tunnel, "name"), sdbus::ObjectPath("/"), text(tunnel, "role"),
                          text(tunnel, "state"), text(tunnel, "local"), text(tunnel, "remote"),
                          number(tunnel, "sessions"));
      ++total;
    }
    return {rows, total};
  }
  void ListSessions(
      sdbus::Result<
          std::vector<sdbus::Struct<std::string, uint32_t, uint32_t, std::string, std::string,
                                    std::string, std::string, std::string, uint64_t>>,
          uint32_t>&& result,
      Options filter, uint32_t offset, uint32_t limit) override {
    serve(result, "ListSessions", "", [&] {
      std::vector<sdbus::Struct<std::string, uint32_t, uint32_t, std::string, std::string,
                                std::string, std::string, std::string, uint64_t>>
          rows;
      uint32_t total = 0;
      for (const Json& session : state_.sessions) {
        if (!fits(session, filter)) continue;
        if (total >= offset && rows.size() < limit)
          rows.emplace_back(text(session, "tunnel"), number(session, "id"),
                            number(session, "peer_id"), text(session, "pseudowire"),
                            text(session, "state"), text(session, "interface"),
                            text(session, "user"), text(session, "address"),
                            session.value("up_since", std::uint64_t{0}));
        ++total;
      }
      result.returnResults(rows, total);
    });
  }
  void CloseSession(sdbus::Result<>&& result, std::string tunnel, uint32_t id,
                    Options options) override {
    std::string asked = "close " + tunnel + "/" + std::to_string(id);
    if (const auto message = options.find("message"); message != options.end())
      asked += " because " + message->second.get<std::string>();
    serve(result, "CloseSession", asked, [&] {
      for (const Json& session : state_.sessions)
        if (text(session, "tunnel") == tunnel && number(session, "id") == id)
          return result.returnResults();
      throw not_found("session");
    });
  }
  void PlaceCall(sdbus::Result<std::string, uint32_t>&& result, Options) override {
    result.returnError(not_found("tunnel"));
  }

  void Dump(sdbus::Result<sdbus::UnixFd>&& result, std::string kind, Options filter) override {
    serve(result, "Dump", "", [&] {
      std::string lines;
      const auto add = [&](const char* name, Json json, bool filtered = true) {
        if (filtered && !fits(json, filter)) return;
        Json line{
            {"kind", name}
        };
        line.update(json);
        lines += line.dump() + "\n";
      };
      if (kind == "state") {
        add("daemon", state_.daemon, false);
        for (const Json& listener : state_.listeners) add("listener", listener, false);
        for (const Json& tunnel : state_.tunnels) add("tunnel", tunnel);
      } else if (kind == "sessions") {
        for (const Json& session : state_.sessions) add("session", session);
      } else if (kind == "statistics") {
        if (state_.on_look) state_.on_look(state_);
        for (const Json& line : state_.statistics) add("statistics", line, false);
      } else if (kind == "failures") {
        for (const Json& line : state_.failures) add("failure", line);
      } else if (kind == "config") {
        for (const auto& [name, profile] : state_.profiles)
          add("profile",
              {
                  {"name", name        },
                  {"type", text(profile, "kind")},
                  {"profile",      profile         }
          },
              false);
      } else {
        throw dbus::make_error("org.freedesktop.DBus.Error.InvalidArgs", "no such kind");
      }
      const UniqueFd file(::memfd_create("dump", MFD_CLOEXEC));
      if (::write(file.get(), lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()))
        throw dbus::make_error("org.L2tpManager1.Error.Internal", "memfd");
      result.returnResults(sdbus::UnixFd(file.get()));
    });
  }
  void OpenEventStream(sdbus::Result<sdbus::UnixFd>&& result, Options filter) override {
    std::string asked = "events";
    for (const auto& [key, value] : filter) asked += " " + key;
    serve(result, "OpenEventStream", asked, [&] {
      int ends[2];
      if (::pipe(ends) != 0) throw dbus::make_error("org.L2tpManager1.Error.Internal", "pipe");
      state_.streams.push_back(ends[1]);
      const UniqueFd reader(ends[0]);
      result.returnResults(sdbus::UnixFd(reader.get()));
    });
  }
  void Describe(sdbus::Result<std::string>&& result) override {
    serve(result, "Describe", "", [&] { result.returnResults(state_.daemon.dump(2)); });
  }
  std::string DescribeTunnel(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    return find_tunnel(name).dump();
  }
  void DescribeSession(sdbus::Result<std::string>&& result, std::string tunnel,
                       uint32_t id) override {
    serve(result, "DescribeSession", "", [&] {
      for (const Json& session : state_.sessions)
        if (text(session, "tunnel") == tunnel && number(session, "id") == id)
          return result.returnResults(session.dump());
      throw not_found("session");
    });
  }
  void Subscribe() override {}
  void Unsubscribe() override {}
  void RegisterAgent(sdbus::Result<>&& result, sdbus::ObjectPath agent,
                     std::vector<std::string>) override {
    const std::string sender = ::sd_bus_message_get_sender(dbus::current_message(getObject()));
    serve(result, "RegisterAgent", "agent", [&] {
      state_.agent = sender;
      state_.agent_path = agent;
      result.returnResults();
    });
  }
  void UnregisterAgent(const sdbus::ObjectPath&) override {}
  void SetDraining(sdbus::Result<>&& result, bool draining) override {
    serve(result, "SetDraining", std::string("drain daemon ") + (draining ? "on" : "off"),
          [&] { result.returnResults(); });
  }
  void SetLogLevel(sdbus::Result<>&& result, std::string level) override {
    serve(result, "SetLogLevel", "log " + level, [&] {
      state_.log_level = level;
      result.returnResults();
    });
  }

  std::string Version() override {
    return with([](auto& s) { return text(s.daemon, "version"); });
  }
  std::vector<std::string> Features() override { return {"transient"}; }
  std::vector<std::string> KernelFeatures() override { return {"ppp", "mppe"}; }
  std::string State() override {
    return with([](auto& s) { return text(s.daemon, "state"); });
  }
  uint32_t NTunnels() override { return 0; }
  uint32_t NSessions() override { return 0; }
  uint64_t ConfigGeneration() override { return 1; }
  std::vector<sdbus::Struct<std::string, std::string, std::string, std::string>> ConfigErrors()
      override {
    return {};
  }
  std::string LogLevel() override {
    return with([](auto& s) { return s.log_level; });
  }

  sdbus::IConnection& connection_;
  std::mutex mutex_;
  FakeState state_;
};

// A tunnel's object: Ping, Close and its name; the rest is not asked for.
class FakeTunnel final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Tunnel_adaptor> {
  using Options = std::map<std::string, sdbus::Variant>;

 public:
  FakeTunnel(sdbus::IConnection& connection, FakeManager& manager, const std::string& name)
      : AdaptorInterfaces(connection, sdbus::ObjectPath(FakeManager::path_of("/tunnel", name))),
        manager_(manager),
        name_(name) {
    registerAdaptor();
  }
  ~FakeTunnel() { unregisterAdaptor(); }

 private:
  void Open(sdbus::Result<>&& result) override { result.returnResults(); }
  void Close(sdbus::Result<>&& result, Options) override {
    manager_.serve(result, "Tunnel.Close", "close tunnel " + name_, [&] {
      manager_.find_tunnel(name_);
      manager_.state().tunnels.clear();
      manager_.state().sessions.clear();
      result.returnResults();
    });
  }
  void Ping(sdbus::Result<uint64_t>&& result) override {
    manager_.serve(result, "Ping", "ping " + name_,
                   [&] { result.returnResults(std::uint64_t{21400}); });
  }
  std::string Describe() override { return "{}"; }
  std::string Name() override { return name_; }
  std::string Profile() override { return name_; }
  std::string Owner() override { return ""; }
  bool Transient() override { return true; }
  std::string Role() override { return "lac"; }
  uint8_t ProtocolVersion() override { return 2; }
  std::string Encapsulation() override { return "udp"; }
  std::string State() override { return "established"; }
  sdbus::Struct<std::string, uint16_t, uint16_t, std::string> LastError() override { return {}; }
  sdbus::Struct<std::string, uint16_t> Local() override { return {}; }
  sdbus::Struct<std::string, uint16_t> Remote() override { return {}; }
  uint32_t TunnelId() override { return 0; }
  uint32_t PeerTunnelId() override { return 0; }
  std::string PeerHostName() override { return ""; }
  std::string PeerVendorName() override { return ""; }
  std::string RouterId() override { return ""; }
  std::string PeerRouterId() override { return ""; }
  std::vector<std::string> PeerPseudowires() override { return {}; }
  std::string Digest() override { return ""; }
  bool DigestAuthenticated() override { return false; }
  uint32_t PeerSecret() override { return 0; }
  std::string Convergence() override { return ""; }
  std::string Protection() override { return "none"; }
  uint64_t EstablishedAt() override { return 0; }
  uint64_t RetryAt() override { return 0; }
  std::vector<sdbus::ObjectPath> Sessions() override { return {}; }

  FakeManager& manager_;
  std::string name_;
};

class FakeListener final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Listener_adaptor> {
 public:
  FakeListener(sdbus::IConnection& connection, FakeManager& manager, const std::string& name)
      : AdaptorInterfaces(connection, sdbus::ObjectPath(FakeManager::path_of("/listener", name))),
        manager_(manager),
        name_(name) {
    registerAdaptor();
  }
  ~FakeListener() { unregisterAdaptor(); }

 private:
  void SetDraining(sdbus::Result<>&& result, bool draining) override {
    manager_.serve(result, "Listener.SetDraining", "drain " + name_ + (draining ? " on" : " off"),
                   [&] { result.returnResults(); });
  }
  void Describe(sdbus::Result<std::string>&& result) override {
    manager_.serve(result, "Listener.Describe", "", [&] {
      for (const Json& listener : manager_.state().listeners)
        if (FakeManager::text(listener, "name") == name_)
          return result.returnResults(listener.dump());
      throw FakeManager::not_found("listener");
    });
  }
  std::string Profile() override { return name_; }
  std::vector<sdbus::Struct<std::string, uint16_t>> Local() override { return {}; }
  std::string State() override { return "listening"; }
  std::string Problem() override { return ""; }
  bool ExportSessions() override { return false; }
  uint32_t MaxTunnels() override { return 1; }
  uint32_t MaxSessions() override { return 1; }
  uint32_t NTunnels() override { return 0; }
  uint32_t NSessions() override { return 0; }

  FakeManager& manager_;
  std::string name_;
};

// All of it on a bus, served by a thread. Objects: the tunnels "work" and "connect", the listener
// "isp".
class FakeDaemon {
 public:
  explicit FakeDaemon(const std::string& address)
      : connection_(dbus::connect(address)),
        manager(*connection_),
        work_(*connection_, manager, "work"),
        connect_(*connection_, manager, "connect"),
        listener_(*connection_, manager, "isp") {
    connection_->requestName(dbus::ServiceName(dbus::kName));
    connection_->enterEventLoopAsync();
  }
  ~FakeDaemon() { connection_->leaveEventLoop(); }

  // Asks the agent that registered; nullopt when it would not answer.
  std::optional<std::map<std::string, std::string>> ask_agent(const std::string& address,
                                                              std::vector<std::string> names,
                                                              const std::string& message) {
    const auto [agent, path] =
        manager.with([](FakeState& s) { return std::pair(s.agent, s.agent_path); });
    const auto connection = dbus::connect(address);
    const auto proxy =
        sdbus::createProxy(*connection, dbus::ServiceName(agent), dbus::ObjectPath(path));
    std::map<std::string, std::string> secrets;
    try {
      proxy->callMethod("RequestSecrets")
          .onInterface("org.L2tpManager1.Agent")
          .withArguments(sdbus::ObjectPath("/"), names, message)
          .storeResultsTo(secrets);
    } catch (const sdbus::Error&) {
      return std::nullopt;
    }
    return secrets;
  }

 private:
  std::unique_ptr<sdbus::IConnection> connection_;

 public:
  FakeManager manager;

 private:
  FakeTunnel work_, connect_;
  FakeListener listener_;
};

}  // namespace l2tpm::test
