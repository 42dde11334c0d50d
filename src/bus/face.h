// What the objects on the bus share: the service, the connection, and who may do how much.
#pragma once

#include <l2tpm_dbus/compat.h>
#include <systemd/sd-bus.h>

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "bus/agents.h"
#include "bus/authority.h"
#include "bus/clients.h"
#include "bus/dumps.h"
#include "bus/errors.h"
#include "bus/streams.h"
#include "daemon/service_api.h"

namespace l2tpm::bus {

class Objects;

class Face {
 public:
  Face(daemon::ServiceApi& api, sdbus::IConnection& on)
      : service(api),
        connection(on),
        bus(dbus::raw_bus(on)),
        authority(on, clients),
        dumps(api),
        streams(api),
        agents(api, on) {}
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;

  // Messages that the bus has not taken from us yet. While it is this slow nothing more is read
  // from it, and what is not an answer waits or is dropped.
  static constexpr std::uint64_t kMostQueued = 256;
  bool congested() const {
    std::uint64_t queued = 0;
    return sd_bus_get_n_queued_write(bus, &queued) >= 0 && queued >= kMostQueued;
  }

  // Sends something. A failure is counted; nothing is thrown out.
  template <typename Send>
  void send(Send send) noexcept {
    try {
      send();
    } catch (...) {
      ++failed_emits;
    }
  }

  // Runs `work`, which answers through `reply` or throws; what is thrown is the answer.
  template <typename Reply, typename Work>
  void answer(const Reply& reply, Work work) noexcept {
    send([&] {
      try {
        work();
      } catch (const sdbus::Error& error) {
        reply.returnError(error);
      } catch (const std::exception& error) {
        reply.returnError(dbus::make_error(kInternal, error.what()));
      }
    });
  }

  // The same once `caller` may do `action`, which may be much later: `work` finds what it works on
  // by name, the object that was called may have gone. It gets the reply.
  template <typename Reply, typename Work>
  void authorized(const Caller& caller, const char* action, const std::string& subject,
                  std::shared_ptr<Reply> reply, Work work) {
    authority.check(caller, action, subject, [this, reply, work](const Refusal* refusal) {
      answer(*reply, [&] {
        if (refusal != nullptr) throw to_bus(*refusal);
        work(*reply);
      });
    });
  }

  // Calls `work(reply, names)`: whether the caller may see the names of users.
  template <typename Reply, typename Work>
  void with_names(const Caller& caller, const std::string& subject, std::shared_ptr<Reply> reply,
                  Work work) {
    authority.check(caller, action::kViewSessions, subject,
                    [this, reply, work](const Refusal* refusal) {
                      answer(*reply, [&] {
                        if (refusal != nullptr && refusal->name == kLimitExceeded)
                          throw to_bus(*refusal);
                        work(*reply, refusal == nullptr);
                      });
                    });
  }

  // A callback of the service, which may come when all this has gone.
  template <typename Call>
  auto later(Call call) const {
    return [call, alive = std::weak_ptr<int>(alive_)](auto&&... arguments) {
      if (!alive.expired()) call(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  // Statistics.Get of any object.
  void statistics(daemon::StatisticsOf of, const std::string& name, std::uint32_t session,
                  sdbus::Result<std::map<std::string, std::uint64_t>>&& result);

  daemon::ServiceApi& service;
  sdbus::IConnection& connection;
  sd_bus* bus;
  Clients clients;
  Authority authority;
  Dumps dumps;
  Streams streams;
  Agents agents;
  std::set<std::string> subscribers;
  Objects* objects = nullptr;
  // Counts messages: what was looked up for one property of a message serves for the next.
  std::uint64_t message = 0;
  std::uint64_t failed_emits = 0;

 private:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

template <typename Reply>
std::shared_ptr<Reply> shared(Reply&& reply) {
  return std::make_shared<std::decay_t<Reply>>(std::forward<Reply>(reply));
}

Caller caller_of(const sdbus::IObject& object);

// For handlers that answer by returning: sdbus-c++ lets only its own errors through.
template <typename Look>
auto looked_up(Look look) {
  try {
    return look();
  } catch (const sdbus::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw dbus::make_error(kInternal, error.what());
  }
}

// What a Result has, or its error thrown.
template <typename T>
T value_of(Result<T, daemon::ApiError> result) {
  if (!result) throw to_bus(result.error());
  return std::move(*result);
}

}  // namespace l2tpm::bus
