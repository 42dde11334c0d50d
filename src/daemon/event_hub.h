// Who listens to what. An event is built only when somebody wants its kind.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "daemon/events.h"

namespace l2tpm::daemon {

class EventHub {
 public:
  // Somebody listens for one of these kinds: worth building the event.
  bool wants(std::uint32_t kinds) const { return (wanted_ & kinds) != 0; }
  // Somebody listens for packets of this tunnel ("": of none) and session (0: of the tunnel).
  bool wants_packet(const std::string& tunnel, std::uint32_t session) const;
  // Handlers may unsubscribe, themselves or others, and subscribe.
  std::uint64_t subscribe(EventFilter filter, EventHandler handler);
  void unsubscribe(std::uint64_t subscription);
  // Stamped with the time of now.
  void emit(decltype(Event::what) what);

 private:
  struct Subscription {
    std::uint64_t id = 0;
    EventFilter filter;
    EventHandler handler;
    bool gone = false;
  };
  void count();

  std::vector<std::shared_ptr<Subscription>> subscriptions_;
  std::uint64_t next_ = 1;
  std::uint32_t wanted_ = 0;
};

}  // namespace l2tpm::daemon
