#include "ctl/client.h"

#include <fcntl.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <array>
#include <utility>

#include "ctl/client_calls.h"

namespace l2tpm::ctl {
namespace {

constexpr std::uint32_t kPage = 1000;

struct Mapping {
  std::string_view name;
  ExitCode code;
};
constexpr std::array kMappings{
    Mapping{"org.L2tpManager1.Error.NotFound",                             ExitCode::no_such_object},
    Mapping{"org.L2tpManager1.Error.Timeout",                              ExitCode::timeout       },
    Mapping{"org.freedesktop.DBus.Error.UnknownObject",                    ExitCode::no_such_object},
    Mapping{"org.freedesktop.DBus.Error.AccessDenied",                     ExitCode::refused       },
    Mapping{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ExitCode::refused       },
    Mapping{"org.freedesktop.DBus.Error.ServiceUnknown",                   ExitCode::not_running   },
    Mapping{"org.freedesktop.DBus.Error.NameHasNoOwner",                   ExitCode::not_running   },
    Mapping{"org.freedesktop.DBus.Error.Disconnected",                     ExitCode::not_running   },
    Mapping{"System.Error.ECONNRESET",                                     ExitCode::not_running   },
    Mapping{"org.freedesktop.DBus.Error.NoReply",                          ExitCode::timeout       },
    Mapping{"org.freedesktop.DBus.Error.Timeout",                          ExitCode::timeout       },
    Mapping{"System.Error.ETIMEDOUT",                                      ExitCode::timeout       },
};

void add(Dictionary& filter, const char* key, const std::string& value) {
  if (!value.empty()) filter.emplace(key, sdbus::Variant(value));
}

Dictionary start_options(const Secret& password) {
  Dictionary options;
  const auto octets = password.octets();
  add(options, "password", std::string(octets.begin(), octets.end()));
  return options;
}

UniqueFd own(const sdbus::UnixFd& fd) { return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

sdbus::ObjectPath listener_path(const std::string& listener) {
  char* path = nullptr;
  if (::sd_bus_path_encode((std::string(dbus::kPath) + "/listener").c_str(), listener.c_str(),
                           &path) < 0)
    throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&::free)> owner(path, ::free);
  return sdbus::ObjectPath(std::string(path));
}

}  // namespace

ExitCode exit_code_of(const std::string& error_name) {
  for (const Mapping& mapping : kMappings)
    if (mapping.name == error_name) return mapping.code;
  return ExitCode::failure;
}

Client::Impl::Impl(const std::string& address)
    : connection(dbus::connect(address)), manager(*connection) {
  connection->setMethodCallTimeout(kUsual);
  dbus::allow_interactive_authorization(*connection);
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Answer<Client> Client::connect(const std::string& address) {
  auto impl = answer([&] { return std::make_unique<Impl>(address); });
  if (!impl)
    return Unexpected(ClientError{ExitCode::not_running, impl.error().name,
                                  "no bus to ask l2tp-manager on: " + impl.error().message});
  // Asked first: a call to the name itself would start the daemon.
  const auto owned = answer([&] {
    bool owner = false;
    const auto driver =
        sdbus::createProxy(*impl.value()->connection, dbus::ServiceName(dbus::kBusName),
                           dbus::ObjectPath(dbus::kBusPath));
    driver->callMethod("NameHasOwner")
        .onInterface(dbus::kBusName)
        .withArguments(std::string(dbus::kName))
        .storeResultsTo(owner);
    return owner;
  });
  if (!owned)
    return Unexpected(ClientError{ExitCode::not_running, owned.error().name,
                                  "the bus does not answer: " + owned.error().message});
  if (!*owned)
    return Unexpected(ClientError{ExitCode::not_running, "", "l2tp-manager is not running"});
  return Client(std::move(*impl));
}

Answer<std::string> Client::version() {
  return answer([&] { return impl_->manager.Version(); });
}
Answer<std::string> Client::state() {
  return answer([&] { return impl_->manager.State(); });
}
Answer<std::vector<std::string>> Client::kernel_features() {
  return answer([&] { return impl_->manager.KernelFeatures(); });
}
Answer<std::string> Client::log_level() {
  return answer([&] { return impl_->manager.LogLevel(); });
}
Answer<Done> Client::set_log_level(const std::string& level) {
  return impl_->authorized([&] {
    impl_->manager.SetLogLevel(level);
    return Done{};
  });
}

Answer<Done> Client::start(const std::string& profile, const Secret& password) {
  return impl_->authorized([&] {
    impl_->manager.Start(profile, start_options(password));
    return Done{};
  });
}
Answer<Done> Client::restart(const std::string& profile, const Secret& password) {
  return impl_->authorized([&] {
    impl_->manager.Restart(profile, start_options(password));
    return Done{};
  });
}
Answer<Done> Client::stop(const std::string& profile) {
  return impl_->authorized([&] {
    impl_->manager.Stop(profile, {});
    return Done{};
  });
}
Answer<Done> Client::close_session(const std::string& tunnel, std::uint32_t session,
                                   const std::string& message) {
  return impl_->authorized([&] {
    Dictionary options;
    add(options, "message", message);
    impl_->manager.CloseSession(tunnel, session, options);
    return Done{};
  });
}

Answer<std::chrono::microseconds> Client::ping(const std::string& tunnel) {
  return impl_->authorized([&] {
    TunnelProxy proxy(*impl_->connection, impl_->manager.GetTunnel(tunnel));
    return std::chrono::microseconds(static_cast<std::int64_t>(proxy.Ping()));
  });
}

Answer<std::string> Client::create_transient(const Transient& transient) {
  return impl_->authorized([&] {
    constexpr std::uint32_t kEndsWithCaller = 1;
    std::map<std::string, std::string> secrets;
    for (const auto& [name, secret] : transient.secrets) {
      const auto octets = secret.octets();
      secrets.emplace(name, std::string(octets.begin(), octets.end()));
    }
    Dictionary settings;
    add(settings, "profile", transient.profile);
    const auto path =
        impl_->manager.CreateTransient(transient.name_hint, settings, secrets, {}, kEndsWithCaller);
    for (auto& [name, secret] : secrets) wipe(secret);
    return TunnelProxy(*impl_->connection, path).Name();
  });
}

Answer<Done> Client::close_tunnel(const std::string& tunnel) {
  return impl_->authorized([&] {
    TunnelProxy(*impl_->connection, impl_->manager.GetTunnel(tunnel)).Close({});
    return Done{};
  });
}

Answer<Done> Client::set_draining(const std::string& listener, bool draining) {
  return impl_->authorized([&] {
    if (listener.empty())
      impl_->manager.SetDraining(draining);
    else
      ListenerProxy(*impl_->connection, listener_path(listener)).SetDraining(draining);
    return Done{};
  });
}

Answer<std::vector<TunnelRow>> Client::tunnels(const TunnelQuery& query, std::uint32_t limit,
                                               std::uint32_t& total) {
  return answer([&] {
    Dictionary filter;
    add(filter, "profile", query.profile);
    add(filter, "state", query.state);
    add(filter, "peer", query.peer);
    std::vector<TunnelRow> all;
    while (all.size() < limit) {
      const auto have = static_cast<std::uint32_t>(all.size());
      const auto [rows, matching] =
          impl_->manager.ListTunnels(filter, have, std::min(kPage, limit - have));
      total = matching;
      for (const auto& row : rows)
        all.push_back({std::get<0>(row), std::get<2>(row), std::get<3>(row), std::get<4>(row),
                       std::get<5>(row), std::get<6>(row)});
      if (rows.empty() || all.size() >= total) break;
    }
    return all;
  });
}

Answer<std::vector<SessionRow>> Client::sessions(const SessionQuery& query, std::uint32_t limit,
                                                 std::uint32_t& total) {
  return impl_->authorized([&] {
    Dictionary filter;
    add(filter, "tunnel", query.tunnel);
    add(filter, "user", query.user);
    add(filter, "interface", query.interface);
    add(filter, "state", query.state);
    std::vector<SessionRow> all;
    while (all.size() < limit) {
      const auto have = static_cast<std::uint32_t>(all.size());
      const auto [rows, matching] =
          impl_->manager.ListSessions(filter, have, std::min(kPage, limit - have));
      total = matching;
      for (const auto& row : rows)
        all.push_back({std::get<0>(row), std::get<1>(row), std::get<2>(row), std::get<3>(row),
                       std::get<4>(row), std::get<5>(row), std::get<6>(row), std::get<7>(row),
                       std::get<8>(row)});
      if (rows.empty() || all.size() >= total) break;
    }
    return all;
  });
}

Answer<std::string> Client::describe() {
  return impl_->authorized([&] { return impl_->manager.Describe(); });
}
Answer<std::string> Client::describe_tunnel(const std::string& tunnel) {
  return answer([&] { return impl_->manager.DescribeTunnel(tunnel); });
}
Answer<std::string> Client::describe_session(const std::string& tunnel, std::uint32_t session) {
  return impl_->authorized([&] { return impl_->manager.DescribeSession(tunnel, session); });
}
Answer<std::string> Client::describe_listener(const std::string& listener) {
  return impl_->authorized(
      [&] { return ListenerProxy(*impl_->connection, listener_path(listener)).Describe(); });
}

Answer<UniqueFd> Client::dump(const std::string& kind,
                              const std::map<std::string, std::string>& filter) {
  return impl_->authorized([&] {
    Dictionary dictionary;
    for (const auto& [key, value] : filter) add(dictionary, key.c_str(), value);
    if (const auto limit = filter.find("limit"); limit != filter.end())
      dictionary["limit"] = sdbus::Variant(static_cast<std::uint32_t>(std::stoul(limit->second)));
    return own(impl_->manager.Dump(kind, dictionary));
  });
}

Answer<UniqueFd> Client::events(const EventQuery& query) {
  return impl_->authorized([&] {
    Dictionary filter;
    if (!query.events.empty()) filter.emplace("events", sdbus::Variant(query.events));
    add(filter, "tunnel", query.tunnel);
    if (query.session != 0) filter.emplace("session", sdbus::Variant(query.session));
    if (query.packets) filter.emplace("packets", sdbus::Variant(true));
    return own(impl_->manager.OpenEventStream(filter));
  });
}

}  // namespace l2tpm::ctl
