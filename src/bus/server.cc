#include "bus/server.h"

#include <l2tpm_dbus/compat.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/log.h"
#include "bus/errors.h"
#include "bus/face.h"
#include "bus/manager.h"
#include "bus/objects.h"

namespace l2tpm::bus {
namespace {

// A turn ends when it has taken this long, whatever is left: one expensive question per turn.
constexpr auto kTurnTime = std::chrono::milliseconds(2);
constexpr unsigned kNotesPerTurn = 8;
// How soon the memory of a dump that was read is given back.
constexpr auto kReapInterval = std::chrono::seconds(2);

struct Unref {
  void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Slot = std::unique_ptr<sd_bus_slot, Unref>;

void check(int result, const char* what) {
  if (result < 0)
    throw dbus::make_error("org.freedesktop.DBus.Error.Failed",
                           std::string(what) + ": " + std::strerror(-result));
}

bool is_one_of(const char* member, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(),
                     [member](const char* name) { return std::strcmp(member, name) == 0; });
}

}  // namespace

class Server::Impl {
 public:
  Impl(daemon::ServiceApi& service, std::unique_ptr<sdbus::IConnection> connection)
      : connection_(std::move(connection)),
        face_(service, *connection_),
        manager_(face_),
        objects_(face_, manager_) {
    face_.objects = &objects_;
    sd_bus_slot* slot = nullptr;
    check(sd_bus_add_filter(face_.bus, &slot, on_message, this), "filter");
    filter_.reset(slot);
    check(sd_bus_add_match(face_.bus, &slot,
                           "type='signal',sender='org.freedesktop.DBus',"
                           "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                           on_name_owner_changed, this),
          "match");
    match_.reset(slot);
    const dbus::Poll poll = dbus::poll_of(*connection_);
    if (poll.event_fd >= 0) watch(poll.event_fd);
    watch(face_.streams.fd());
    connection_->requestName(dbus::ServiceName(dbus::kName));
  }

  Turn process(unsigned max_messages) {
    if (lost_) return Turn::lost;
    try {
      const bool more = handle(max_messages);
      maintain();
      return more || busy() ? Turn::more : Turn::idle;
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
      data.events = face_.congested() ? static_cast<short>(POLLOUT) : poll.events;
      data.event_fd = events_.get();
      if (poll.deadline)
        data.deadline = TimePoint(std::chrono::duration_cast<Duration>(*poll.deadline));
      if (face_.dumps.has_open() && (!data.deadline || *data.deadline > next_reap_))
        data.deadline = next_reap_;
      if (busy()) data.deadline = TimePoint{};
    } catch (const std::exception&) {
      data = PollData{};  // process() finds out and says so
      data.deadline = TimePoint{};
    }
    return data;
  }

  std::uint64_t failed_emits() const { return face_.failed_emits; }

 private:
  // At most so many messages and so much time. True: there may be more.
  bool handle(unsigned max_messages) {
    const TimePoint start = Clock::now();
    for (unsigned done = 0; done < max_messages; ++done) {
      if (face_.congested() && !writable()) return false;
      ++face_.message;
      if (!dbus::process_one(*connection_)) return false;
      if (Clock::now() - start >= kTurnTime) return true;
    }
    return true;
  }

  void maintain() {
    epoll_event ready[2];
    ::epoll_wait(events_.get(), ready, 2, 0);
    face_.streams.flush();
    manager_.step();
    objects_.step(kNotesPerTurn);
    face_.dumps.step();
    face_.agents.clean_up();
    if (face_.dumps.has_open() && Clock::now() >= next_reap_) {
      face_.dumps.reap();
      next_reap_ = Clock::now() + kReapInterval;
    }
  }

  // Something to be done without anything having come.
  bool busy() const {
    return face_.dumps.busy() || face_.streams.pending() ||
           (!face_.congested() && (manager_.pending() || objects_.pending()));
  }

  bool writable() const {
    pollfd poll{sd_bus_get_fd(face_.bus), POLLOUT, 0};
    return ::poll(&poll, 1, 0) > 0;
  }

  void watch(int fd) {
    if (!events_) events_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    check(::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno, "epoll");
  }

  // Before sdbus-c++ and sd-bus themselves see it: GetManagedObjects is answered by them.
  static int on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    const char* const member = sd_bus_message_get_member(message);
    if (type == SD_BUS_MESSAGE_METHOD_RETURN) {
      // Of an agent: secrets.
      const char* const signature = sd_bus_message_get_signature(message, true);
      if (signature != nullptr && std::strcmp(signature, "a{ss}") == 0)
        sd_bus_message_sensitive(message);
      return 0;
    }
    const char* const sender = sd_bus_message_get_sender(message);
    if (type != SD_BUS_MESSAGE_METHOD_CALL || sender == nullptr || member == nullptr) return 0;
    if (is_one_of(member, {"Start", "Restart", "CreateTransient", "PutProfile", "PatchProfile"}))
      sd_bus_message_sensitive(message);
    return static_cast<Impl*>(self)->admit(message, sender, member) ? 0 : 1;
  }

  bool admit(sd_bus_message* message, const char* sender, const char* member) noexcept {
    auto verdict = Clients::Verdict::refuse;
    try {
      const unsigned cost =
          Clients::cost(sd_bus_message_get_interface(message), member, objects_.size());
      verdict = face_.clients.take(sender, cost, Clock::now());
    } catch (const std::exception&) {
      // Refused for want of memory, then.
    }
    if (verdict == Clients::Verdict::refuse)
      sd_bus_reply_method_errorf(message, kLimitExceeded,
                                 "too many requests: wait a second and ask again");
    return verdict == Clients::Verdict::serve;
  }

  static int on_name_owner_changed(sd_bus_message* message, void* self, sd_bus_error*) {
    const char* name = nullptr;
    const char* old_owner = nullptr;
    const char* new_owner = nullptr;
    if (sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner) >= 0 && name[0] == ':')
      static_cast<Impl*>(self)->client_left(name);
    return 0;
  }

  void client_left(const std::string& client) noexcept {
    face_.send([&] {
      face_.clients.forget(client);
      face_.subscribers.erase(client);
      face_.authority.client_left(client);
      face_.dumps.client_left(client);
      face_.streams.client_left(client);
      face_.agents.client_left(client);
      objects_.client_left(client);
      face_.service.owner_vanished(client);
    });
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  Face face_;
  Manager manager_;
  Objects objects_;
  Slot filter_;
  Slot match_;
  UniqueFd events_;  // epoll: what is to be polled beside the connection
  TimePoint next_reap_{};
  bool lost_ = false;
};

namespace {

// Whatever opening throws, as a value.
template <typename T, typename Open>
Result<T, OpenError> opened(Open open) {
  try {
    return open();
  } catch (const sdbus::Error& error) {
    return Unexpected(OpenError{error.getName(), error.getMessage()});
  } catch (const std::exception& error) {
    return Unexpected(OpenError{kInternal, error.what()});
  }
}

}  // namespace

Result<std::unique_ptr<sdbus::IConnection>, OpenError> Server::connect(const std::string& address) {
  return opened<std::unique_ptr<sdbus::IConnection>>([&] { return dbus::connect(address); });
}

Result<std::unique_ptr<Server>, OpenError> Server::open(
    daemon::ServiceApi& service, std::unique_ptr<sdbus::IConnection> connection) {
  return opened<std::unique_ptr<Server>>([&] {
    return std::unique_ptr<Server>(
        new Server(std::make_unique<Impl>(service, std::move(connection))));
  });
}

Result<std::unique_ptr<Server>, OpenError> Server::open(daemon::ServiceApi& service,
                                                        const std::string& address) {
  auto connection = connect(address);
  if (!connection) return Unexpected(std::move(connection.error()));
  return open(service, std::move(*connection));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Server::PollData Server::poll_data() const { return impl_->poll_data(); }
Server::Turn Server::process(unsigned max_messages) { return impl_->process(max_messages); }
std::uint64_t Server::failed_emits() const { return impl_->failed_emits(); }

}  // namespace l2tpm::bus
