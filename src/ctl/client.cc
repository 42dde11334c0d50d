#include "ctl/client.h"

#include <l2tpm_dbus/compat.h>
#include <l2tpm_dbus/proxy.h>

#include <algorithm>
#include <array>
#include <utility>

namespace l2tpm::ctl {
namespace {

constexpr std::uint32_t kPage = 1000;

struct Mapping {
  std::string_view name;
  ExitCode code;
};
constexpr std::array kMappings{
    Mapping{"org.L2tpManager1.Error.NoSuchProfile",                        ExitCode::no_such_object},
    Mapping{"org.L2tpManager1.Error.NoSuchTunnel",                         ExitCode::no_such_object},
    Mapping{"org.L2tpManager1.Error.NoSuchSession",                        ExitCode::no_such_object},
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

using Options = std::map<std::string, sdbus::Variant>;

void add(Options& filter, const char* key, const std::string& value) {
  if (!value.empty()) filter.emplace(key, sdbus::Variant(value));
}

class Proxy final : public sdbus::ProxyInterfaces<org::L2tpManager1::Manager_proxy> {
 public:
  explicit Proxy(sdbus::IConnection& connection)
      : ProxyInterfaces(connection, dbus::ServiceName(dbus::kName), dbus::ObjectPath(dbus::kPath)) {
    registerProxy();
  }
  ~Proxy() { unregisterProxy(); }

 private:
  void onTunnelNew(const std::string&, const sdbus::ObjectPath&) override {}
  void onTunnelRemoved(const std::string&, const sdbus::ObjectPath&) override {}
  void onReloading(const bool&) override {}
};

// Calls and turns what is thrown into a value.
template <typename Call>
auto answer(Call call) -> Answer<decltype(call())> {
  try {
    return call();
  } catch (const sdbus::Error& error) {
    return Unexpected(
        ClientError{exit_code_of(error.getName()), error.getName(), error.getMessage()});
  } catch (const std::exception& error) {
    return Unexpected(ClientError{ExitCode::failure, "", error.what()});
  }
}

}  // namespace

ExitCode exit_code_of(const std::string& error_name) {
  for (const Mapping& mapping : kMappings)
    if (mapping.name == error_name) return mapping.code;
  return ExitCode::failure;
}

struct Client::Impl {
  explicit Impl(const std::string& address)
      : connection(dbus::connect(address)), manager(*connection) {}

  std::unique_ptr<sdbus::IConnection> connection;
  Proxy manager;
};

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

Answer<Done> Client::start(const std::string& profile) {
  return answer([&] {
    impl_->manager.Start(profile, {});
    return Done{};
  });
}
Answer<Done> Client::stop(const std::string& profile) {
  return answer([&] {
    impl_->manager.Stop(profile, {});
    return Done{};
  });
}
Answer<Done> Client::close_session(const std::string& tunnel, std::uint32_t session) {
  return answer([&] {
    impl_->manager.CloseSession(tunnel, session, {});
    return Done{};
  });
}
Answer<Changes> Client::reload() {
  return answer([&] {
    auto [changed, diagnostics] = impl_->manager.Reload();
    Changes changes{std::move(changed), {}};
    for (const auto& diagnostic : diagnostics)
      changes.errors.push_back(diagnostic.template get<2>());
    return changes;
  });
}

Answer<std::vector<TunnelRow>> Client::tunnels(const TunnelQuery& query, std::uint32_t limit,
                                               std::uint32_t& total) {
  return answer([&] {
    Options filter;
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
  return answer([&] {
    Options filter;
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
        all.push_back({std::get<0>(row), std::get<1>(row), std::get<2>(row), std::get<4>(row),
                       std::get<5>(row), std::get<6>(row), std::get<7>(row), std::get<8>(row)});
      if (rows.empty() || all.size() >= total) break;
    }
    return all;
  });
}

Answer<std::string> Client::describe() {
  return answer([&] { return impl_->manager.Describe(); });
}
Answer<std::string> Client::describe_tunnel(const std::string& tunnel) {
  return answer([&] { return impl_->manager.DescribeTunnel(tunnel); });
}
Answer<std::string> Client::describe_session(const std::string& tunnel, std::uint32_t session) {
  return answer([&] { return impl_->manager.DescribeSession(tunnel, session); });
}

}  // namespace l2tpm::ctl
