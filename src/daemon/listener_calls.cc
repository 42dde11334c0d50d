// Calls that a listener places through its LACs (OCRQ): those that the profile wants are placed as
// soon as the LAC's tunnel is up, and again with back-off when they end.
#include <algorithm>

#include "base/log.h"
#include "daemon/listener.h"

namespace l2tpm::daemon {
namespace {

// While nothing may be placed.
constexpr Duration kDrainingPause = 10s;

Unexpected<ApiError> refused(ApiErrorCode code, std::string message) {
  return Unexpected(ApiError{code, std::move(message)});
}

}  // namespace

const config::PeerRule* Listener::rule_of(const config::OutgoingCall& call) const {
  const auto rule = std::find_if(profile_.peers.begin(), profile_.peers.end(),
                                 [&](const auto& each) { return each.name == call.peer; });
  return rule == profile_.peers.end() ? nullptr : &*rule;
}

SessionId Listener::place(Tunnel& tunnel, const config::OutgoingCall& call, TimePoint now) {
  l2tp::OutgoingCallRequest request;
  request.minimum_bps = 64000;
  request.maximum_bps = 1000000000;
  request.bearer_type = wire::kBearerDigital;
  request.framing_type = wire::kFramingSync;
  request.called_number = call.called_number;
  request.sub_address = call.sub_address;
  const SessionId session = tunnel.place_outgoing_call(request, now);
  log(LogLevel::info, log_context(), "{}: calling \"{}\" through the peer{}", tunnel.name(),
      call.called_number, session ? "" : ": no room");
  return session;
}

void Listener::place_calls(Tunnel& tunnel, TimePoint now) {
  for (const config::OutgoingCall& call : profile_.outgoing) {
    const config::PeerRule* rule = call.autostart ? rule_of(call) : nullptr;
    if (rule == nullptr ||
        !rule->matches(tunnel.connection().peer().host_name, tunnel.peer().address))
      continue;
    const bool known = std::any_of(calls_.begin(), calls_.end(), [&](const Call& each) {
      return each.tunnel == tunnel.id() && each.call == call;
    });
    if (known) continue;
    Call placed{call, tunnel.id(), {}, Backoff(config::Redial{}), now};
    calls_.push_back(std::move(placed));
  }
  redial_calls(now);
  arm();
}

// After a reload: what is new on tunnels that are up; what is no longer wanted is not redialled.
void Listener::place_new_calls(TimePoint now) {
  std::erase_if(calls_, [&](const Call& each) {
    return std::find(profile_.outgoing.begin(), profile_.outgoing.end(), each.call) ==
           profile_.outgoing.end();
  });
  if (profile_.outgoing.empty()) return;
  std::vector<TunnelId> mine;
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() == this && tunnel->is_up()) mine.push_back(id);
  }
  for (const TunnelId id : mine) {
    if (Tunnel* tunnel = context_.environment.tunnels.find(id)) place_calls(*tunnel, now);
  }
}

void Listener::redial_calls(TimePoint now) {
  // By index: placing a call may end it, which comes back to call_ended().
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].session || calls_[i].retry_at > now) continue;
    Tunnel* tunnel = context_.environment.tunnels.find(calls_[i].tunnel);
    if (!tunnel || !tunnel->is_up()) continue;
    calls_[i].retry_at = now + kDrainingPause;
    if (is_draining()) continue;
    const SessionId session = place(*tunnel, config::OutgoingCall(calls_[i].call), now);
    if (i < calls_.size()) calls_[i].session = session;
  }
}

std::optional<TimePoint> Listener::next_call() const {
  std::optional<TimePoint> next;
  for (const Call& call : calls_) {
    if (!call.session && (!next || call.retry_at < *next)) next = call.retry_at;
  }
  return next;
}

void Listener::call_is_up(const Session& session) {
  for (Call& call : calls_) {
    if (call.tunnel == session.key().tunnel && call.session == session.key().session)
      call.backoff.reset();
  }
}

void Listener::call_ended(const Session& session, const Cause& cause, TimePoint now) {
  const auto call = std::find_if(calls_.begin(), calls_.end(), [&](const Call& each) {
    return each.tunnel == session.key().tunnel && each.session == session.key().session;
  });
  if (call == calls_.end()) return;
  if (is_asked_for(cause)) {
    calls_.erase(call);
    return;
  }
  call->session = {};
  call->retry_at = now + call->backoff.next(context_.environment.random).value_or(kDrainingPause);
  arm();
}

void Listener::forget_calls(const Tunnel& tunnel) {
  std::erase_if(calls_, [&](const Call& each) { return each.tunnel == tunnel.id(); });
}

Result<PlacedCall, ApiError> Listener::place_call(const OutgoingCallRequest& request,
                                                  TimePoint now) {
  if (is_draining()) return refused(ApiErrorCode::draining, profile_.name + " is draining");
  config::OutgoingCall call{request.peer, request.called_number, request.sub_address, false};
  const config::PeerRule* rule = nullptr;
  if (!request.peer.empty()) {
    rule = rule_of(call);
    if (rule == nullptr)
      return refused(ApiErrorCode::not_found,
                     profile_.name + " has no peer \"" + request.peer + "\"");
    // One that is configured: what is left out is as it says.
    const auto configured = std::find_if(
        profile_.outgoing.begin(), profile_.outgoing.end(), [&](const config::OutgoingCall& each) {
          return each.peer == request.peer &&
                 (request.called_number.empty() || each.called_number == request.called_number);
        });
    if (configured != profile_.outgoing.end()) {
      if (call.called_number.empty()) call.called_number = configured->called_number;
      if (call.sub_address.empty()) call.sub_address = configured->sub_address;
    }
  }
  Tunnel* found = nullptr;
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() != this || !tunnel->is_up()) continue;
    if (!request.tunnel.empty() && tunnel->name() != request.tunnel) continue;
    if (rule != nullptr &&
        !rule->matches(tunnel->connection().peer().host_name, tunnel->peer().address))
      continue;
    // The lowest id, so that it is always the same.
    if (!found || tunnel->id() < found->id()) found = tunnel.get();
  }
  if (request.tunnel.empty() && rule == nullptr)
    return refused(ApiErrorCode::invalid, "needs a tunnel or a peer");
  if (!found)
    return refused(
        ApiErrorCode::wrong_state,
        "no tunnel with " + (request.tunnel.empty() ? request.peer : request.tunnel) + " is up");
  const SessionId session = place(*found, call, now);
  if (!session) return refused(ApiErrorCode::limit_exceeded, "no session id is free");
  return PlacedCall{found->name(), session.value()};
}

}  // namespace l2tpm::daemon
