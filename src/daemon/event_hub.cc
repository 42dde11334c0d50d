#include "daemon/event_hub.h"

#include <algorithm>

#include "base/overloaded.h"
#include "daemon/realtime.h"

namespace l2tpm::daemon {
namespace {

std::uint32_t kind_of(const Event& event) {
  constexpr std::uint32_t kKinds[] = {kTunnelEvents, kSessionEvents,  kProfileEvents, kReloadEvents,
                                      kDaemonEvents, kListenerEvents, kPacketEvents};
  static_assert(std::size(kKinds) == std::variant_size_v<decltype(Event::what)>);
  return kKinds[event.what.index()];
}

bool fits(const EventFilter& filter, const Event& event) {
  if ((filter.kinds & kind_of(event)) == 0) return false;
  const auto is_of = [&](const std::string& tunnel, std::uint32_t session, bool has_session) {
    return (filter.tunnel.empty() || filter.tunnel == tunnel) &&
           (filter.session == 0 || !has_session || filter.session == session);
  };
  return std::visit(
      Overloaded{
          [&](const TunnelEvent& each) { return is_of(each.tunnel, 0, false); },
          [&](const SessionEvent& each) { return is_of(each.tunnel, each.session, true); },
          [&](const PacketEvent& each) {
            return is_of(each.tunnel, each.session, each.session != 0);
          },
          [](const auto&) { return true; },
      },
      event.what);
}

}  // namespace

std::uint64_t EventHub::subscribe(EventFilter filter, EventHandler handler) {
  const std::uint64_t id = next_++;
  subscriptions_.push_back(
      std::make_shared<Subscription>(Subscription{id, std::move(filter), std::move(handler)}));
  count();
  return id;
}

void EventHub::unsubscribe(std::uint64_t subscription) {
  std::erase_if(subscriptions_, [&](const auto& each) {
    if (each->id != subscription) return false;
    each->gone = true;
    return true;
  });
  count();
}

void EventHub::count() {
  wanted_ = 0;
  for (const auto& each : subscriptions_) wanted_ |= each->filter.kinds;
}

bool EventHub::wants_packet(const std::string& tunnel, std::uint32_t session) const {
  return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& each) {
    const EventFilter& filter = each->filter;
    return (filter.kinds & kPacketEvents) != 0 &&
           (filter.tunnel.empty() || filter.tunnel == tunnel) &&
           (filter.session == 0 || session == 0 || filter.session == session);
  });
}

void EventHub::emit(decltype(Event::what) what) {
  if (subscriptions_.empty()) return;
  const Event event{realtime_usec(), std::move(what)};
  // A copy: handlers change the list.
  for (const auto& each : std::vector(subscriptions_)) {
    if (!each->gone && fits(each->filter, event)) each->handler(event);
  }
}

}  // namespace l2tpm::daemon
