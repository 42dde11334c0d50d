// Which pseudowires a listener grants, and to whom.
#include <algorithm>

#include "base/log.h"
#include "daemon/listener.h"
#include "l2tp/causes.h"

namespace l2tpm::daemon {

void Listener::prepare_pseudowires() {
  wires_.clear();
  for (const config::Pseudowire& wire : profile_.pseudowires)
    wires_.push_back(std::make_shared<const config::Pseudowire>(wire));
}

// Those whose profile is another one now; their peers ask again.
void Listener::end_changed_pseudowires(TimePoint now) {
  std::vector<SessionKey> changed;
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() != this) continue;
    for (const auto& [session_id, session] : tunnel->sessions()) {
      const PseudowireSession* wire = session->as_pseudowire();
      if (wire && std::find(profile_.pseudowires.begin(), profile_.pseudowires.end(),
                            wire->settings()) == profile_.pseudowires.end())
        changed.push_back(session->key());
    }
  }
  for (const SessionKey& key : changed) {
    Tunnel* tunnel = context_.environment.tunnels.find(key.tunnel);
    if (Session* session = tunnel ? tunnel->find(key.session) : nullptr)
      session->close(
          {.code = CauseCode::admin_close, .message = "the pseudowire's profile was changed"}, now);
  }
}

Result<Listener::Wire, Cause> Listener::granted(const Tunnel& tunnel,
                                                const l2tp::PseudowireRequest& request) const {
  const config::PeerRule* rule = nullptr;
  for (const config::PeerRule& each : profile_.peers) {
    if (!each.matches(tunnel.connection().peer().host_name, tunnel.peer().address)) continue;
    rule = &each;
    break;
  }
  Wire found;
  bool is_others = false;
  for (const Wire& wire : wires_) {
    if (wire->remote_end_id != request.end_id) continue;
    if (wire->peer.empty()) {
      if (!found) found = wire;
    } else if (rule != nullptr && rule->name == wire->peer) {
      found = wire;  // its own before everybody's
      break;
    } else {
      is_others = true;
    }
  }
  const std::uint16_t ppp = number_of(config::PseudowireType::ppp);
  if (!found && wires_.empty() && request.type == ppp) {
    config::Pseudowire any;
    any.name = "ppp";
    any.remote_end_id = request.end_id;
    any.type = config::PseudowireType::ppp;
    return std::make_shared<const config::Pseudowire>(std::move(any));
  }
  if (!found)
    return Unexpected(is_others ? l2tp::unauthorized_end_id(request.end_id)
                                : l2tp::unknown_end_id(request.end_id));
  if (number_of(found->type) != request.type)
    return Unexpected(l2tp::wrong_pseudowire_type(request.type, number_of(found->type)));
  return found;
}

// The tunnel that has the pseudowire already. (Users of PPP are told apart by their names.)
Tunnel* Listener::user_of(const config::Pseudowire& wire) const {
  if (wire.type == config::PseudowireType::ppp) return nullptr;
  for (const auto& [id, tunnel] : context_.environment.tunnels.all()) {
    if (&tunnel->owner() != this) continue;
    for (const auto& [session_id, session] : tunnel->sessions()) {
      const PseudowireSession* other = session->as_pseudowire();
      if (other && other->settings().name == wire.name) return tunnel.get();
    }
  }
  return nullptr;
}

void Listener::pseudowire_requested(Tunnel& tunnel, SessionId session,
                                    const l2tp::PseudowireRequest& request, TimePoint now) {
  if (const std::optional<Cause> cause = takes_no_calls()) {
    tunnel.reject_call(session, *cause, now);
    return;
  }
  const auto wire = granted(tunnel, request);
  if (!wire) {
    log(refusals_logged_.take(now) ? LogLevel::notice : LogLevel::debug, log_context(),
        "{}: a pseudowire is refused: {}", tunnel.name(), wire.error().to_string());
    tunnel.reject_call(session, wire.error(), now);
    return;
  }
  if (Tunnel* other = user_of(**wire)) {
    // A peer that rebooted comes back before we know that it went: is it still there?
    if (other != &tunnel && other->is_up()) other->probe(now);
    tunnel.reject_call(session, l2tp::end_id_in_use(request.end_id), now);
    return;
  }
  tunnel.accept_pseudowire(session, *wire, now);
  if (Session* accepted = tunnel.find(session)) count(*accepted);
}

}  // namespace l2tpm::daemon
