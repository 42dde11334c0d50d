// What differs between sdbus-c++ 1.2 (Debian 12) and 2.x, and nothing else. The generated adaptors
// and proxies need none of it.
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<sdbus-c++/VTableItems.h>)
#define L2TPM_SDBUS_V2 1
#else
#define L2TPM_SDBUS_V2 0
#endif

namespace l2tpm::dbus {

inline constexpr const char* kName = "org.L2tpManager1";
inline constexpr const char* kPath = "/org/L2tpManager1";
inline constexpr const char* kInterface = "org.L2tpManager1.Manager";
inline constexpr const char* kAgentInterface = "org.L2tpManager1.Agent";
inline constexpr const char* kBusName = "org.freedesktop.DBus";
inline constexpr const char* kBusPath = "/org/freedesktop/DBus";

// "" is the system bus.
inline std::unique_ptr<sdbus::IConnection> connect(const std::string& address) {
  return address.empty() ? sdbus::createSystemBusConnection()
                         : sdbus::createSessionBusConnectionWithAddress(address);
}

namespace detail {
// sdbus-c++ hides sd-bus's message, and with it filters, the queue and the header's flags. Both
// versions keep it in the same protected member.
struct Peek : sdbus::Message {
  static sd_bus_message* at(const sdbus::Message& message) {
    return static_cast<sd_bus_message*>(message.*(&Peek::msg_));
  }
};
inline sd_bus_message* raw(const sdbus::Message& message) { return Peek::at(message); }
}  // namespace detail

struct Poll {
  int fd = -1;
  short events = 0;
  int event_fd = -1;
  // Absolute CLOCK_MONOTONIC time, which is std::chrono::steady_clock's.
  std::optional<std::chrono::microseconds> deadline;
};

#if L2TPM_SDBUS_V2

using ServiceName = sdbus::ServiceName;
using ObjectPath = sdbus::ObjectPath;
using AsyncError = std::optional<sdbus::Error>;

inline sdbus::Error make_error(const std::string& name, const std::string& message) {
  return sdbus::Error{sdbus::Error::Name{name}, message};
}
inline bool process_one(sdbus::IConnection& connection) { return connection.processPendingEvent(); }
// The match lasts as long as what is returned.
template <typename Handler>
[[nodiscard]] sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& match,
                                    Handler&& handler) {
  return connection.addMatch(match, std::forward<Handler>(handler), sdbus::return_slot);
}
// Of the message that is being handled; null outside of handlers.
inline sd_bus_message* current_message(const sdbus::IObject& object) {
  return detail::raw(object.getCurrentlyProcessedMessage());
}
inline Poll poll_of(const sdbus::IConnection& connection) {
  const auto data = connection.getEventLoopPollData();
  Poll poll{data.fd, data.events, data.eventFd, std::nullopt};
  if (data.timeout != decltype(data.timeout)::max()) poll.deadline = data.timeout;
  return poll;
}
inline void emit_changed(sdbus::IObject& object, const char* interface,
                         const std::vector<std::string>& properties) {
  object.emitPropertiesChangedSignal(
      sdbus::InterfaceName{interface},
      std::vector<sdbus::PropertyName>(properties.begin(), properties.end()));
}

#else

using ServiceName = std::string;
using ObjectPath = std::string;
using AsyncError = const sdbus::Error*;

inline sdbus::Error make_error(const std::string& name, const std::string& message) {
  return sdbus::Error{name, message};
}
inline bool process_one(sdbus::IConnection& connection) {
  return connection.processPendingRequest();
}
// The match lasts as long as what is returned.
template <typename Handler>
[[nodiscard]] sdbus::Slot add_match(sdbus::IConnection& connection, const std::string& match,
                                    Handler&& handler) {
  return connection.addMatch(match, std::forward<Handler>(handler));
}
// Of the message that is being handled; null outside of handlers.
inline sd_bus_message* current_message(const sdbus::IObject& object) {
  const sdbus::Message* message = object.getCurrentlyProcessedMessage();
  return message == nullptr ? nullptr : detail::raw(*message);
}
inline Poll poll_of(const sdbus::IConnection& connection) {
  const auto data = connection.getEventLoopPollData();
  Poll poll{data.fd, data.events, -1, std::nullopt};
  if (data.timeout_usec != UINT64_MAX)
    poll.deadline = std::chrono::microseconds(static_cast<std::int64_t>(data.timeout_usec));
  return poll;
}
inline void emit_changed(sdbus::IObject& object, const char* interface,
                         const std::vector<std::string>& properties) {
  object.emitPropertiesChangedSignal(interface, properties);
}

#endif

// sd-bus's side of a connection, which stays sdbus-c++'s. A call that is made and never sent leads
// there.
inline sd_bus* raw_bus(sdbus::IConnection& connection) {
  const auto driver = sdbus::createProxy(connection, ServiceName(kBusName), ObjectPath(kBusPath));
#if L2TPM_SDBUS_V2
  const auto call =
      driver->createMethodCall(sdbus::InterfaceName(kBusName), sdbus::MethodName("GetId"));
#else
  const auto call = driver->createMethodCall(kBusName, "GetId");
#endif
  return sd_bus_message_get_bus(detail::raw(call));
}

// For clients: every later call says that its caller can be asked for a password by polkit's agent.
// Such calls take as long as the user does.
inline void allow_interactive_authorization(sdbus::IConnection& connection) {
  sd_bus_set_allow_interactive_authorization(raw_bus(connection), true);
}

// An interface that an object has beside those of its class: made before registerAdaptor().
template <typename Adaptor>
class Facet : public Adaptor {
 protected:
  explicit Facet(sdbus::IObject& object) : Adaptor(object) {
#if L2TPM_SDBUS_V2
    this->registerAdaptor();
#endif
  }
  ~Facet() = default;
};

}  // namespace l2tpm::dbus
