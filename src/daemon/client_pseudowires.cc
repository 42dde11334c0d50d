// A client's L2TPv3: how it dials, and its pseudowires, each asked for again by itself while the
// tunnel stands.
#include <algorithm>

#include "base/log.h"
#include "daemon/client.h"
#include "daemon/machine_settings.h"
#include "l2tp/causes.h"

namespace l2tpm::daemon {
namespace {

// While nothing may be placed.
constexpr Duration kDrainingPause = 10s;

}  // namespace

std::shared_ptr<const l2tp::Settings> Client::tunnel_settings() const {
  constexpr std::uint32_t kMaxSessions = 65535;
  if (profile_.version == config::Version::two)
    return l2tp_settings(profile_.tunnel, context_.machine_name, kMaxSessions);
  return l2tp_settings(
      profile_.tunnel, context_.machine_name, kMaxSessions,
      {.versions = profile_.version == config::Version::three ? l2tp::Versions::v3_only
                                                              : l2tp::Versions::v3_or_v2,
       .router_id = router_id_of(profile_.local.address.value_or(IpAddress()),
                                 context_.environment.machine_id),
       .pseudowires = pseudowire_types(profile_.pseudowires, profile_.has_ppp)});
}

Result<Tunnel::Address, SocketError> Client::address_for(TunnelId id) {
  Tunnel::Address address{.port = {},
                          .own = {},
                          .peer = peer_,
                          .local = profile_.local.address.value_or(IpAddress()),
                          .permissive = profile_.tunnel.permissive};
  if (profile_.transport == config::Transport::udp) {
    auto port = port_for(peer_);
    if (!port) return Unexpected(port.error());
    (*port)->watch_send_errors();
    address.port = std::move(*port);
    return address;
  }
  Endpoint local{peer_.address.is_v4() ? IpAddress() : IpAddress::v6({}), 0, 0};
  if (profile_.local.address) local.address = *profile_.local.address;
  auto socket = ControlSocket::open_ip(local, id);
  if (!socket) return Unexpected(socket.error());
  if (const auto connected = socket->connect_ip(peer_, TunnelId()); !connected)
    return Unexpected(connected.error());
  address.own = std::move(*socket);
  return address;
}

bool Client::is_ppp_alone() const { return wires_.empty(); }

std::shared_ptr<const config::Pseudowire> Client::ppp_wire() const {
  if (!profile_.pseudowires.empty())
    return std::make_shared<const config::Pseudowire>(profile_.pseudowires.front());
  config::Pseudowire wire;
  wire.name = profile_.name;
  wire.remote_end_id = profile_.name;
  wire.type = config::PseudowireType::ppp;
  wire.send_sequence = profile_.data_sequencing != config::DataSequencing::none;
  wire.require_sequence = profile_.data_sequencing == config::DataSequencing::require;
  wire.sublayer = wire.send_sequence;
  return std::make_shared<const config::Pseudowire>(std::move(wire));
}

void Client::prepare_wires() {
  wires_.clear();
  const bool has_ethernet =
      std::any_of(profile_.pseudowires.begin(), profile_.pseudowires.end(),
                  [](const auto& wire) { return wire.type != config::PseudowireType::ppp; });
  if (!has_ethernet) return;
  for (const config::Pseudowire& wire : profile_.pseudowires)
    wires_.push_back({std::make_shared<const config::Pseudowire>(wire),
                      {},
                      false,
                      Backoff(profile_.redial),
                      TimePoint{}});
}

// What is new is asked for, what is no more ends, and what has changed does both.
void Client::reload_wires(TimePoint now) {
  std::vector<Wire> old = std::exchange(wires_, {});
  prepare_wires();
  std::vector<SessionKey> unwanted;
  for (Wire& before : old) {
    before.backoff.reconfigure(profile_.redial);
    const auto same = std::find_if(wires_.begin(), wires_.end(), [&](const Wire& wire) {
      return *wire.settings == *before.settings;
    });
    if (same != wires_.end()) {
      *same = std::move(before);
    } else if (before.key.session && !before.down) {
      unwanted.push_back(before.key);
    }
  }
  for (const SessionKey& key : unwanted) {
    Tunnel* tunnel = context_.environment.tunnels.find(key.tunnel);
    if (Session* session = tunnel ? tunnel->find(key.session) : nullptr)
      session->close(
          {.code = CauseCode::admin_close, .message = "the pseudowire's profile was changed"}, now);
  }
  place_wires(now);
}

void Client::place_wires(TimePoint now) {
  Tunnel* current = tunnel();
  if (!current || !current->is_up() || current->connection().version() != 3) return;
  // By index, and looked at anew: placing one may end it, and a reload cannot come in between.
  for (std::size_t i = 0; i < wires_.size(); ++i) {
    if (wires_[i].key.session || !wires_[i].retry_at || *wires_[i].retry_at > now) continue;
    if (context_.draining) {
      wires_[i].retry_at = now + kDrainingPause;
      continue;
    }
    wires_[i].retry_at.reset();
    // Noted before its end can come back to wire_down().
    const SessionId id = current->place_pseudowire(wires_[i].settings, now, [&](SessionId session) {
      wires_[i].key = {current->id(), session};
    });
    if (!id) {
      if (const auto wait = wires_[i].backoff.next(context_.environment.random))
        wires_[i].retry_at = now + *wait;
    }
    if (tunnel() != current || !current->is_up()) return;
  }
  arm_while_up();
}

std::optional<TimePoint> Client::next_wire() const {
  std::optional<TimePoint> next;
  for (const Wire& wire : wires_) {
    if (!wire.key.session && wire.retry_at && (!next || *wire.retry_at < *next))
      next = wire.retry_at;
  }
  return next;
}

void Client::arm_while_up() {
  if (state_ != State::connected && state_ != State::dialling) return;
  const Tunnel* current = tunnel();
  std::optional<TimePoint> when;
  if (state_ == State::connected) when = chooser_.next_primary_retry();
  const auto wire = current && current->is_up() ? next_wire() : std::nullopt;
  if (wire && (!when || *wire < *when)) when = wire;
  arm(when);
}

Client::Wire* Client::wire_of(const Session& session) {
  const auto found = std::find_if(wires_.begin(), wires_.end(), [&](const Wire& wire) {
    return wire.key.session && wire.key == session.key();
  });
  return found == wires_.end() ? nullptr : &*found;
}

void Client::wire_down(Wire& wire, Session& session, const Cause& cause, Failure* end,
                       TimePoint now) {
  wire.down = true;
  Tunnel& tunnel = session.tunnel();
  if (tunnel.id() != current_ || !tunnel.is_up()) {
    wire.retry_at = now;  // with the next tunnel
    return;
  }
  last_error_ = cause;
  if (end) context_.environment.failures.add(std::move(*end));
  const auto wait = wire.backoff.next(context_.environment.random);
  wire.retry_at = wait ? std::optional(now + *wait) : std::nullopt;
  log(LogLevel::notice, log_context(), "pseudowire \"{}\": {}; {}", wire.settings->name,
      cause.to_string(), wait ? "asking again" : "giving up");
  const bool has_others = std::any_of(wires_.begin(), wires_.end(), [](const Wire& each) {
    return each.key.session && !each.down;
  });
  const bool gave_up = std::none_of(wires_.begin(), wires_.end(),
                                    [](const Wire& each) { return each.retry_at.has_value(); });
  // Another LNS may have what this one refuses.
  if (!has_others && (gave_up || profile_.peers.size() > 1)) {
    for (Wire& each : wires_) each.retry_at = now;
    tunnel.close(cause, now);
    return;
  }
  arm_while_up();
}

void Client::pseudowire_requested(Tunnel& tunnel, SessionId session,
                                  const l2tp::PseudowireRequest& request, TimePoint now) {
  const auto wire = std::find_if(wires_.begin(), wires_.end(), [&](const Wire& each) {
    return each.settings->remote_end_id == request.end_id;
  });
  if (wire == wires_.end()) {
    tunnel.reject_call(session, l2tp::unknown_end_id(request.end_id), now);
  } else if (number_of(wire->settings->type) != request.type) {
    tunnel.reject_call(
        session, l2tp::wrong_pseudowire_type(request.type, number_of(wire->settings->type)), now);
  } else if (wire->key.session) {
    tunnel.reject_call(session, l2tp::end_id_in_use(request.end_id), now);
  } else {
    wire->retry_at.reset();
    wire->key = {tunnel.id(), session};
    tunnel.accept_pseudowire(session, wire->settings, now);
  }
}

}  // namespace l2tpm::daemon
