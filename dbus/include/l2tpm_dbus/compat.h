// What differs between sdbus-c++ 1.2 (Debian 12) and 2.x, and nothing else. The generated adaptors
// and proxies need none of it.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#if __has_include(<sdbus-c++/VTableItems.h>)
#define L2TPM_SDBUS_V2 1
#else
#define L2TPM_SDBUS_V2 0
#endif

namespace l2tpm::dbus {

inline constexpr const char* kName = "org.L2tpManager1";
inline constexpr const char* kPath = "/org/L2tpManager1";
inline constexpr const char* kInterface = "org.L2tpManager1.Manager";
inline constexpr const char* kBusName = "org.freedesktop.DBus";
inline constexpr const char* kBusPath = "/org/freedesktop/DBus";

// "" is the system bus.
inline std::unique_ptr<sdbus::IConnection> connect(const std::string& address) {
  return address.empty() ? sdbus::createSystemBusConnection()
                         : sdbus::createSessionBusConnectionWithAddress(address);
}

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
inline std::string sender_of(const sdbus::IObject& object) {
  return object.getCurrentlyProcessedMessage().getSender();
}
inline Poll poll_of(const sdbus::IConnection& connection) {
  const auto data = connection.getEventLoopPollData();
  Poll poll{data.fd, data.events, data.eventFd, std::nullopt};
  if (data.timeout != decltype(data.timeout)::max()) poll.deadline = data.timeout;
  return poll;
}
inline void emit_changed(sdbus::IObject& object, const char* property) {
  object.emitPropertiesChangedSignal(sdbus::InterfaceName{kInterface},
                                     {sdbus::PropertyName{property}});
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
inline std::string sender_of(const sdbus::IObject& object) {
  const sdbus::Message* message = object.getCurrentlyProcessedMessage();
  return message == nullptr ? std::string() : message->getSender();
}
inline Poll poll_of(const sdbus::IConnection& connection) {
  const auto data = connection.getEventLoopPollData();
  Poll poll{data.fd, data.events, -1, std::nullopt};
  if (data.timeout_usec != UINT64_MAX)
    poll.deadline = std::chrono::microseconds(static_cast<std::int64_t>(data.timeout_usec));
  return poll;
}
inline void emit_changed(sdbus::IObject& object, const char* property) {
  object.emitPropertiesChangedSignal(kInterface, {property});
}

#endif

}  // namespace l2tpm::dbus
