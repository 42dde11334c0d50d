#include "bus/server.h"

#include <l2tpm_dbus/compat.h>
#include <l2tpm_dbus/manager_adaptor.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <utility>

#include "base/log.h"
#include "bus/errors.h"
#include "bus/filter.h"

namespace l2tpm::bus {
namespace {

using Options = std::map<std::string, sdbus::Variant>;
using TunnelRow = sdbus::Struct<std::string, sdbus::ObjectPath, std::string, std::string,
                                std::string, std::string, std::uint32_t>;
using SessionRow = sdbus::Struct<std::string, std::uint32_t, std::uint32_t, std::string,
                                 std::string, std::string, std::string, std::string, std::uint64_t>;
using Diagnostic = sdbus::Struct<std::string, std::string, std::string>;

constexpr std::uint32_t kDefaultLimit = 1000;
constexpr std::uint32_t kHighestLimit = 10'000;
// The bus answers in microseconds; one that does not is as good as gone.
constexpr auto kCredentialsTimeout = std::chrono::seconds(5);

std::uint32_t page_limit(std::uint32_t asked) {
  return asked == 0 ? kDefaultLimit : std::min(asked, kHighestLimit);
}

sdbus::ObjectPath tunnel_path(const std::string& name) {
  char* encoded = nullptr;
  if (sd_bus_path_encode("/org/L2tpManager1/tunnel", name.c_str(), &encoded) < 0)
    throw std::bad_alloc();
  sdbus::ObjectPath path{std::string(encoded)};
  std::free(encoded);
  return path;
}

sdbus::Error to_bus(const daemon::ApiError& error) {
  return dbus::make_error(error_name(error.code), error.message);
}

// No option is known yet; one that is ignored would be a promise not kept.
void refuse_options(const Options& options) {
  if (!options.empty())
    throw dbus::make_error(kInvalidArgs, "unknown option \"" + options.begin()->first + "\"");
}

// The first base, so that the connection outlives the object that the second base puts on it, also
// when the name cannot be had.
struct Connected {
  std::unique_ptr<sdbus::IConnection> connection_;
};

}  // namespace

class Server::Impl final : private Connected,
                           public sdbus::AdaptorInterfaces<org::L2tpManager1::Manager_adaptor> {
 public:
  Impl(daemon::ServiceApi& service, std::unique_ptr<sdbus::IConnection> connection)
      : Connected{std::move(connection)},
        AdaptorInterfaces(*connection_, dbus::ObjectPath(dbus::kPath)),
        service_(service),
        bus_driver_(sdbus::createProxy(*connection_, dbus::ServiceName(dbus::kBusName),
                                       dbus::ObjectPath(dbus::kBusPath))) {
    registerAdaptor();
    connection_->requestName(dbus::ServiceName(dbus::kName));
  }
  ~Impl() {
    bus_driver_.reset();  // its pending answers end here, before the object that they would use
    unregisterAdaptor();
  }

  Turn process(unsigned max_messages) {
    if (lost_) return Turn::lost;
    try {
      for (unsigned done = 0; done < max_messages; ++done)
        if (!dbus::process_one(*connection_)) return Turn::idle;
      return Turn::more;
    } catch (const std::exception& error) {
      lost_ = true;
      log(LogLevel::warning, {}, "bus: the connection is gone: {}", error.what());
      return Turn::lost;
    }
  }

  PollData poll_data() const {
    PollData data;
    if (lost_) return data;
    try {
      const dbus::Poll poll = dbus::poll_of(*connection_);
      data.fd = poll.fd;
      data.events = poll.events;
      data.event_fd = poll.event_fd;
      if (poll.deadline)
        data.deadline = TimePoint(std::chrono::duration_cast<Duration>(*poll.deadline));
    } catch (const std::exception&) {
      data = PollData{};  // process() finds out and says so
      data.deadline = TimePoint{};
    }
    return data;
  }

  void state_changed() {
    if (!lost_) counted([this] { dbus::emit_changed(getObject(), "State"); });
  }
  std::uint64_t failed_emits() const { return failed_emits_; }

 private:
  // Sends something; a failure is counted, the loop goes on.
  template <typename Send>
  void counted(Send send) noexcept {
    try {
      send();
    } catch (...) {
      ++failed_emits_;
    }
  }

  // Runs `verb` if the caller is root or our own user, and answers for it. `verb` answers itself
  // when it succeeds and throws sdbus::Error when not.
  template <typename Reply, typename Verb>
  void authorized(Reply&& result, Verb verb) {
    const std::string sender = dbus::sender_of(getObject());
    auto reply = std::make_shared<std::decay_t<Reply>>(std::forward<Reply>(result));
    bus_driver_->callMethodAsync("GetConnectionUnixUser")
        .onInterface(dbus::kBusName)
        .withTimeout(kCredentialsTimeout)
        .withArguments(sender)
        .uponReplyInvoke([this, reply, verb](dbus::AsyncError unknown, const std::uint32_t& uid) {
          counted([&] {
            try {
              if (unknown || (uid != 0 && uid != ::geteuid()))
                throw dbus::make_error(
                    kAccessDenied,
                    "only root and the daemon's own user may change what is running");
              verb(*reply);
            } catch (const sdbus::Error& error) {
              reply->returnError(error);
            } catch (const std::exception& error) {
              reply->returnError(dbus::make_error(kInternal, error.what()));
            }
          });
        });
  }

  void Start(sdbus::Result<sdbus::ObjectPath>&& result, std::string profile,
             Options options) override {
    authorized(std::move(result), [this, profile, options](const auto& reply) {
      refuse_options(options);
      const auto name = service_.start(profile, {});
      if (!name) throw to_bus(name.error());
      reply.returnResults(tunnel_path(*name));
    });
  }

  void Stop(sdbus::Result<>&& result, std::string profile, Options options) override {
    authorized(std::move(result), [this, profile, options](const auto& reply) {
      refuse_options(options);
      const auto done = service_.stop(profile, {});
      if (!done) throw to_bus(done.error());
      reply.returnResults();
    });
  }

  void CloseSession(sdbus::Result<>&& result, std::string tunnel, std::uint32_t session,
                    Options options) override {
    authorized(std::move(result), [this, tunnel, session, options](const auto& reply) {
      refuse_options(options);
      const auto done = service_.close_session(tunnel, session, {});
      if (!done) throw to_bus(done.error());
      reply.returnResults();
    });
  }

  void Reload(sdbus::Result<std::vector<std::string>, std::vector<Diagnostic>>&& result) override {
    authorized(std::move(result), [this](const auto& reply) {
      const auto reloaded = service_.reload();
      std::vector<Diagnostic> diagnostics;
      for (const auto& each : reloaded.diagnostics)
        diagnostics.emplace_back(each.severity, each.pointer, each.message);
      reply.returnResults(reloaded.changed, diagnostics);
    });
  }

  std::tuple<std::vector<TunnelRow>, std::uint32_t> ListTunnels(
      const Options& filter, const std::uint32_t& offset, const std::uint32_t& limit) override {
    const auto page = service_.list_tunnels(tunnel_filter(filter), offset, page_limit(limit));
    std::vector<TunnelRow> rows;
    rows.reserve(page.rows.size());
    for (const daemon::TunnelView& tunnel : page.rows)
      rows.emplace_back(tunnel.name, tunnel_path(tunnel.name), tunnel.role, tunnel.state,
                        tunnel.local, tunnel.remote, tunnel.sessions);
    return {std::move(rows), page.total};
  }

  std::tuple<std::vector<SessionRow>, std::uint32_t> ListSessions(
      const Options& filter, const std::uint32_t& offset, const std::uint32_t& limit) override {
    const auto page = service_.list_sessions(session_filter(filter), offset, page_limit(limit));
    std::vector<SessionRow> rows;
    rows.reserve(page.rows.size());
    for (const daemon::SessionView& session : page.rows)
      rows.emplace_back(session.tunnel, session.id, session.peer_id, session.pseudowire,
                        session.state, session.interface, session.user, session.address,
                        session.up_since);
    return {std::move(rows), page.total};
  }

  std::string Describe() override { return service_.describe(); }

  std::string DescribeTunnel(const std::string& name) override {
    const auto json = service_.describe_tunnel(name);
    if (!json) throw to_bus(json.error());
    return *json;
  }

  std::string DescribeSession(const std::string& tunnel, const std::uint32_t& session) override {
    const auto json = service_.describe_session(tunnel, session);
    if (!json) throw to_bus(json.error());
    return *json;
  }

  std::string Version() override { return service_.version(); }
  std::string State() override { return service_.state(); }
  std::vector<std::string> KernelFeatures() override { return service_.kernel_features(); }

  daemon::ServiceApi& service_;
  std::unique_ptr<sdbus::IProxy> bus_driver_;
  bool lost_ = false;
  std::uint64_t failed_emits_ = 0;
};

Result<std::unique_ptr<Server>, OpenError> Server::open(daemon::ServiceApi& service,
                                                        const std::string& address) {
  try {
    auto impl = std::make_unique<Impl>(service, dbus::connect(address));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const sdbus::Error& error) {
    return Unexpected(OpenError{error.getName(), error.getMessage()});
  } catch (const std::exception& error) {
    return Unexpected(OpenError{kInternal, error.what()});
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Server::PollData Server::poll_data() const { return impl_->poll_data(); }
Server::Turn Server::process(unsigned max_messages) { return impl_->process(max_messages); }
void Server::state_changed() { impl_->state_changed(); }
std::uint64_t Server::failed_emits() const { return impl_->failed_emits(); }

}  // namespace l2tpm::bus
