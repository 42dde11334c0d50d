#include "daemon/tunnel.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/overloaded.h"
#include "daemon/message_ids.h"
#include "daemon/packet_tap.h"
#include "daemon/realtime.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {
Tunnel::Tunnel(Environment& environment, TunnelOwner& owner, TunnelId id, std::string name,
               std::shared_ptr<const l2tp::Settings> settings, Address address)
    : env_(environment),
      owner_(owner),
      id_(id),
      name_(std::move(name)),
      settings_(settings),
      connection_(id, std::move(settings), environment.random, &environment.v3_sessions),
      port_(std::move(address.port)),
      socket_(std::move(address.own)),
      peer_(address.peer),
      local_(address.local),
      permissive_(address.permissive),
      over_ip_(socket_.has_value()) {
  if (!socket_) return;
  env_.tunnel_sockets.add(socket_->fd(), id_.value());
  if (const auto mtu = kernel::path_mtu(socket_->fd())) path_mtu_ = *mtu;
}

Tunnel::~Tunnel() {
  if (socket_) env_.tunnel_sockets.remove(socket_->fd());
  env_.timers.remove(timer_key(TimerKind::tunnel, id_.value()));
}

LogContext Tunnel::log_context() const {
  return {.profile = owner_.profile_name(),
          .tunnel = name_,
          .session = {},
          .peer = {},
          .user = {},
          .message_id = {}};
}

Endpoint Tunnel::local() const {
  if (socket_) return socket_->local();
  return {local_, port_ ? port_->local().port : std::uint16_t{0}, 0};
}

ByteView Tunnel::secret() const {
  return settings_->secret ? settings_->secret->octets() : ByteView{};
}

void Tunnel::dial(bool accept_other_port, TimePoint now) {
  accept_other_port_ = accept_other_port;
  dial_ = std::make_unique<DialFacts>();
  dial_->since = now;
  log(LogLevel::info, log_context(), "dialling {}", peer_.to_string());
  connection_.open(now);
  carry_out(now);
}

bool Tunnel::is_from_peer(const Datagram& datagram) const {
  if (datagram.source == peer_) return true;
  // The responder may pick another port for the tunnel, once, with its first answer (RFC 2661
  // §8.1).
  return accept_other_port_ &&
         connection_.state() == l2tp::ControlConnection::State::wait_ctl_reply &&
         datagram.source.address == peer_.address;
}

bool Tunnel::receive(const wire::ControlMessage& message, const Datagram& datagram, TimePoint now) {
  if (may_speak_v3()) return receive(datagram, now);
  if (!is_from_peer(datagram)) return false;
  const bool was_asking = connection_.state() == l2tp::ControlConnection::State::wait_ctl_reply;
  connection_.receive(message, datagram.bytes.size(), now);
  heard(datagram, was_asking, now);
  return true;
}

bool Tunnel::receive(const Datagram& datagram, TimePoint now) {
  if (!is_from_peer(datagram)) return false;
  const bool was_asking = connection_.state() == l2tp::ControlConnection::State::wait_ctl_reply;
  connection_.receive_datagram(datagram.bytes, now);
  heard(datagram, was_asking, now);
  return true;
}

void Tunnel::heard(const Datagram& datagram, bool was_asking, TimePoint now) {
  // Only what the machine took for an answer says where the peer is.
  if (was_asking && connection_.state() != l2tp::ControlConnection::State::wait_ctl_reply) {
    local_ = datagram.local.address;
    if (datagram.source != peer_) {
      log(LogLevel::info, log_context(), "the peer answers from {}", datagram.source.to_string());
      env_.tunnels.peer_moved(*this, datagram.source);
      peer_ = datagram.source;
    }
  }
  if (const TunnelId peer_tunnel = connection_.peer().tunnel)
    env_.tunnels.index_peer(*this, peer_tunnel);
  carry_out(now);
}

bool Tunnel::receive_data(const wire::Header& header, const Datagram& datagram, TimePoint now) {
  if (datagram.source != peer_) return false;
  PppSession* session = find_ppp(header.session_id);
  if (!session) return false;
  session->receive_data(header.payload, header.has_sequence, now);
  return true;
}

void Tunnel::socket_ready(DatagramBuffer& buffer, std::vector<Datagram>& batch) {
  if (socket_) {
    socket_->read_batch(buffer, batch);
    const ControlSocket::Counters& counters = socket_->counters();
    if (dial_ && counters.last_error != 0 && dial_->icmp.empty())
      dial_->icmp = icmp_name(counters.last_error);
  } else {
    batch.clear();
  }
}

void Tunnel::handle_timeout(TimePoint now) {
  connection_.handle_timeout(now);
  carry_out(now);
}

void Tunnel::close(const Cause& cause, TimePoint now) {
  if (cause_.code == CauseCode::none) cause_ = cause;
  connection_.close(cause, now);
  carry_out(now);
}

void Tunnel::abandon() {
  finished_ = true;
  env_.timers.remove(timer_key(TimerKind::tunnel, id_.value()));
  env_.tunnels.note_change(id_);
}

void Tunnel::lose_tie(TimePoint now) {
  connection_.lose_tie(now);
  carry_out(now);
}

void Tunnel::probe(TimePoint now) {
  connection_.probe(now);
  carry_out(now);
}

PppSession& Tunnel::make_ppp(SessionId id) {
  auto [place, inserted] = sessions_.emplace(id, nullptr);
  if (inserted) place->second = std::make_unique<PppSession>(env_, *this, id);
  return *place->second->as_ppp();
}

void Tunnel::make_session(SessionId id, std::shared_ptr<const config::Pseudowire> wire) {
  if (wire->type == config::PseudowireType::ppp) {
    make_ppp(id);
    return;
  }
  sessions_[id] = std::make_unique<PseudowireSession>(env_, *this, id, std::move(wire));
}

SessionId Tunnel::place_incoming_call(const l2tp::IncomingCallRequest& request, TimePoint now) {
  const SessionId id = connection_.place_incoming_call(request, now);
  if (id) make_ppp(id);
  carry_out(now);
  return id;
}

SessionId Tunnel::place_outgoing_call(const l2tp::OutgoingCallRequest& request, TimePoint now) {
  const SessionId id = connection_.place_outgoing_call(request, now);
  if (id) make_ppp(id).set_numbers({}, printable(as_bytes(request.called_number)));
  carry_out(now);
  return id;
}

SessionId Tunnel::place_pseudowire(std::shared_ptr<const config::Pseudowire> wire, TimePoint now,
                                   const std::function<void(SessionId)>& placed) {
  l2tp::PseudowireRequest request;
  request.type = number_of(wire->type);
  request.end_id = wire->remote_end_id;
  request.wish = wish_of(*wire);
  const SessionId id = connection_.place_pseudowire(std::move(request), now);
  if (id) make_session(id, std::move(wire));
  if (id && placed) placed(id);
  carry_out(now);
  return id;
}

void Tunnel::accept_pseudowire(SessionId session, std::shared_ptr<const config::Pseudowire> wire,
                               TimePoint now) {
  const l2tp::PseudowireWish wish = wish_of(*wire);
  make_session(session, std::move(wire));
  connection_.accept_pseudowire(session, wish, now);
  carry_out(now);
}

void Tunnel::set_circuit_status(SessionId session, bool active, TimePoint now) {
  connection_.set_circuit_status(session, active, now);
  carry_out(now);
}

void Tunnel::accept_call(SessionId session, TimePoint now) {
  connection_.accept_call(session, now);
  carry_out(now);
}

void Tunnel::call_connected(SessionId session, const l2tp::CallParameters& parameters,
                            TimePoint now) {
  connection_.call_connected(session, parameters, now);
  carry_out(now);
}

void Tunnel::reject_call(SessionId session, const Cause& cause, TimePoint now) {
  connection_.reject_call(session, cause, now);
  carry_out(now);
}

void Tunnel::close_session(SessionId session, const Cause& cause, TimePoint now) {
  connection_.close_session(session, cause, now);
  carry_out(now);
}

void Tunnel::send_data(SessionId peer_session, const Bytes& frame) {
  Bytes payload{0xff, 0x03};
  payload.insert(payload.end(), frame.begin(), frame.end());
  const Bytes datagram = wire::encode_data(
      {.tunnel_id = connection_.peer().tunnel, .session_id = peer_session, .ns = {}}, payload);
  if (socket_) {
    socket_->send(datagram);
  } else if (port_) {
    port_->send_to(datagram, peer_, local_);
  }
}

Session* Tunnel::find(SessionId id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

PppSession* Tunnel::find_ppp(SessionId id) const {
  Session* session = find(id);
  return session ? session->as_ppp() : nullptr;
}

void Tunnel::session_gone(Session& session, TimePoint) {
  gone_.push_back(session.key().session);
  env_.tunnels.note_change(id_);
}

void Tunnel::carry_out(TimePoint now) {
  if (carrying_out_) return;
  carrying_out_ = true;
  for (;;) {
    std::vector<l2tp::Action> actions = connection_.take_actions();
    if (actions.empty()) break;
    const bool whole_tunnel =
        std::any_of(actions.begin(), actions.end(), [](const l2tp::Action& action) {
          return std::holds_alternative<l2tp::TunnelDown>(action);
        });
    for (l2tp::Action& action : actions) carry_out(action, whole_tunnel, now);
  }
  carrying_out_ = false;
  env_.timers.set(timer_key(TimerKind::tunnel, id_.value()), connection_.next_deadline());
  announce();
}

// Strangers are told of when they have proven their return path: a flood of forged SCCRQs is no
// flood of events.
void Tunnel::announce() {
  const std::string_view state = state_text();
  if (state == announced_) return;
  if (announced_.empty() && !owner_.is_client() && established_at_ == 0) return;
  const std::string_view old = std::exchange(announced_, state);
  owner_.tunnel_changed(*this, old);
}

void Tunnel::note_stray(const Endpoint& source) {
  if (!dial_) return;
  if (!dial_->heard_from) dial_->heard_from = source;
  ++dial_->heard;
}

void Tunnel::note_icmp(std::string text) {
  if (dial_) dial_->icmp = std::move(text);
}

void Tunnel::describe_end(Failure& failure, TimePoint now) const {
  const auto milliseconds = [](Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  failure.tunnel = name_;
  failure.profile = owner_.profile_name();
  failure.role = owner_.is_client() ? "lac" : "lns";
  failure.peer = peer_.to_string();
  failure.peer_host_name = printable(as_bytes(connection_.peer().host_name));
  const auto status = connection_.status();
  if (dial_) {
    failure.tried.push_back({.address = peer_.to_string(),
                             .sent = static_cast<std::uint32_t>(status.delivery.messages_sent +
                                                                status.delivery.retransmissions),
                             .for_ms = milliseconds(now - dial_->since),
                             .icmp = dial_->icmp});
    if (dial_->heard_from) {
      failure.heard = {dial_->heard_from->to_string(), dial_->heard};
      failure.detail("ignored",
                     dial_->heard_from->address == peer_.address ? "other-port" : "other-address");
    }
  }
  failure.detail("local", local().to_string());
  failure.detail("established", established_at_ != 0 ? "true" : "false");
  failure.detail("messages_received", status.delivery.messages_received);
  failure.detail("retransmissions", status.delivery.retransmissions);
  failure.detail("peer_vendor", printable(as_bytes(connection_.peer().vendor_name)));
  failure.detail("secret_configured", secret().empty() ? "false" : "true");
  failure.detail("we_challenged", status.we_challenged ? "true" : "false");
  failure.detail("peer_challenged", status.peer_challenged ? "true" : "false");
  failure.detail("path_mtu", path_mtu_);
  if (!may_speak_v3()) return;
  failure.detail("version", connection_.version());
  failure.detail("encapsulation", over_ip_ ? "ip" : "udp");
  failure.detail("digest_configured", settings_->v3.digest_secrets.empty() ? "false" : "true");
  failure.detail("digests_wrong", status.digests_wrong);
  failure.detail("digests_missing", status.digests_missing);
}

void Tunnel::carry_out(l2tp::Action& action, bool whole_tunnel, TimePoint now) {
  std::visit(
      Overloaded{
          [&](const l2tp::SendDatagram& send) {
            if (env_.events.wants(kPacketEvents))
              tap_control(env_.events, true, this, send.bytes, local(), peer_);
            if (socket_) {
              socket_->send(send.bytes);
            } else if (port_) {
              port_->send_to(send.bytes, peer_, local_);
            }
          },
          [&](const l2tp::TunnelUp& is_up) { up(is_up.peer_tunnel, now); },
          [&](const l2tp::TunnelDown& is_down) { down(is_down.cause, now); },
          [&](const l2tp::Finished&) {
            finished_ = true;
            env_.tunnels.note_change(id_);
          },
          [&](const l2tp::PeerAuthenticated&) {
            log(LogLevel::debug, log_context(), "the peer knows the tunnel secret");
          },
          [&](const l2tp::IncomingCallRequested& requested) {
            PppSession& session = make_ppp(requested.session);
            session.set_numbers(printable(as_bytes(requested.call.calling_number)),
                                printable(as_bytes(requested.call.called_number)));
            session.note_avps(requested.call.others);
            owner_.incoming_call(*this, requested.session, requested.call, now);
          },
          [&](const l2tp::OutgoingCallRequested& requested) {
            make_ppp(requested.session)
                .set_numbers({}, printable(as_bytes(requested.call.called_number)));
            owner_.outgoing_call(*this, requested.session, requested.call, now);
          },
          [&](const l2tp::PseudowireRequested& requested) {
            owner_.pseudowire_requested(*this, requested.session, requested.request, now);
          },
          [&](const l2tp::CircuitChanged& circuit) {
            Session* session = find(circuit.session);
            if (PseudowireSession* wire = session ? session->as_pseudowire() : nullptr)
              wire->peer_circuit_changed(circuit.active());
          },
          [&](const l2tp::SessionUp& call) {
            if (Session* session = find(call.session)) session->call_up(call, now);
          },
          [&](const l2tp::SessionDown& call) {
            if (Session* session = find(call.session)) {
              session->call_down(call.cause, whole_tunnel && added_to_kernel_, now);
            } else {
              // Asked for by the peer, and refused before there was anything of it.
              connection_.forget_session(call.session, now);
            }
          },
          [&](const l2tp::LinkInfo& info) {
            log(LogLevel::debug, log_context(), "session {}: the peer's ACCM is {:08x}/{:08x}",
                info.session.value(), info.send_accm, info.receive_accm);
          },
          [&](const l2tp::WanErrors& errors) {
            log(LogLevel::info, log_context(),
                "session {}: line errors at the LAC: {} CRC, {} framing, {} overruns, {} timeouts",
                errors.session.value(), errors.crc_errors, errors.framing_errors,
                errors.hardware_overruns + errors.buffer_overruns, errors.timeout_errors);
          },
          [&](const l2tp::SpeedChanged& speed) {
            if (PppSession* session = find_ppp(speed.session))
              session->set_speeds(speed.tx, speed.rx);
          },
      },
      action);
}

void Tunnel::up(TunnelId peer_tunnel, TimePoint now) {
  established_at_ = realtime_usec();
  open_socket(peer_tunnel);
  if (!socket_) {
    close({.code = CauseCode::kernel_failed, .message = "no socket for the tunnel"}, now);
    return;
  }
  env_.dataplane.add_tunnel({.local = id_,
                             .peer = peer_tunnel,
                             .socket = socket_->shared_fd(),
                             .clamp_mss = owner_.clamps_mss(),
                             .version = static_cast<std::uint8_t>(connection_.version()),
                             .encapsulation = encapsulation()});
  added_to_kernel_ = true;
  const std::string peer = peer_.to_string();
  LogContext about = message_id::on(message_id::kTunnelUp, log_context());
  about.peer = peer;
  log(LogLevel::notice, about, "tunnel is up: {} to {} (\"{}\"), ids {} and {}",
      local().to_string(), peer, printable(as_bytes(connection_.peer().host_name)), id_.value(),
      peer_tunnel.value());
  owner_.tunnel_up(*this, now);
}

void Tunnel::open_socket(TunnelId peer_tunnel) {
  if (over_ip_) {
    const auto connected = socket_->connect_ip(peer_, peer_tunnel);
    if (!connected) {
      log(LogLevel::error, log_context(), "{}", connected.error().to_string());
      release_socket();
    }
    return;
  }
  const Endpoint at{local_, port_ ? port_->local().port : std::uint16_t{0}, 0};
  // A peer that rebooted, or several behind one address and port, come on a pair that an older
  // tunnel has. Our own tunnels never do that (Client::port_for).
  const bool may_share = env_.features.session_by_id && !owner_.is_client();
  // Of L2TPv3 nothing comes up: PPP is in the kernel before it begins.
  const auto filter = connection_.version() == 3 ? ControlSocket::Filter::control_only
                                                 : ControlSocket::Filter::control_and_ppp;
  auto socket = ControlSocket::connect(at, peer_, filter, may_share);
  if (!socket) {
    log(LogLevel::error, log_context(), "{}", socket.error().to_string());
    return;
  }
  socket_ = std::move(*socket);
  // Data and control of this tunnel arrive on its own socket from here on; the port stays for
  // strays.
  env_.tunnel_sockets.add(socket_->fd(), id_.value());
  if (const auto mtu = kernel::path_mtu(socket_->fd())) path_mtu_ = *mtu;
}

void Tunnel::down(const Cause& cause, TimePoint now) {
  ended_ = true;
  if (cause_.code == CauseCode::none) cause_ = cause;
  // Strangers may come and go by the thousand: of them only a wrong secret is news.
  const bool is_news =
      established_at_ != 0 || owner_.is_client() || cause_.code == CauseCode::tunnel_auth_failed;
  const std::string peer = peer_.to_string();
  LogContext about = message_id::on(cause_.code == CauseCode::tunnel_auth_failed
                                        ? message_id::kTunnelAuthenticationFailed
                                        : message_id::kTunnelDown,
                                    log_context());
  about.peer = peer;
  log(is_news ? LogLevel::notice : LogLevel::debug, about, "tunnel with {} ended: {}", peer,
      cause_.to_string());
  if (added_to_kernel_) {
    kernel_removal_pending_ = true;
    env_.dataplane.remove_tunnel(
        id_, [id = id_, &env = env_](const Result<Done, kernel::KernelError>& result) {
          Tunnel* tunnel = env.tunnels.find(id);
          if (!tunnel) return;
          if (!result)
            log(LogLevel::error, tunnel->log_context(), "{}", result.error().to_string());
          const TimePoint removed_at = Clock::now();
          tunnel->kernel_removal_pending_ = false;
          for (const auto& [session_id, session] : tunnel->sessions_)
            session->kernel_gone_in_bulk(removed_at);
          if (!tunnel->over_ip_) tunnel->release_socket();
          env.tunnels.note_change(id);
        });
  } else if (!over_ip_) {
    release_socket();
  }
  owner_.tunnel_down(*this, cause_, now);
  env_.tunnels.note_change(id_);
}

// What is left to say goes through the port: the peer, or we, may come back on the same pair while
// this tunnel lingers. (Over IP there is no pair to come back on, but an id of its own.)
void Tunnel::release_socket() {
  if (!socket_) return;
  env_.tunnel_sockets.remove(socket_->fd());
  socket_.reset();
}

bool Tunnel::reap(TimePoint now) {
  for (const SessionId id : std::exchange(gone_, {})) {
    sessions_.erase(id);
    connection_.forget_session(id, now);
  }
  return finished_ && !kernel_removal_pending_ && sessions_.empty() && !carrying_out_;
}

std::string_view Tunnel::state_text() const {
  if (ended_) return "closing";
  switch (connection_.state()) {
    case l2tp::ControlConnection::State::idle:
      return "idle";
    case l2tp::ControlConnection::State::wait_ctl_reply:
    case l2tp::ControlConnection::State::wait_ctl_conn:
      return "connecting";
    case l2tp::ControlConnection::State::established:
      return "established";
    case l2tp::ControlConnection::State::closing:
    case l2tp::ControlConnection::State::finished:
      return "closing";
  }
  return "invalid";
}

Version3View Tunnel::version3_view() const {
  const l2tp::V3Settings& ours = settings_->v3;
  const auto status = connection_.status();
  Version3View view;
  view.router_id = IpAddress::v4(ours.router_id).to_string();
  if (status.peer.router_id != 0)
    view.peer_router_id = IpAddress::v4(status.peer.router_id).to_string();
  for (const std::uint16_t type : status.peer.pseudowires)
    view.peer_pseudowires.push_back(pseudowire_text(type));
  view.authenticated = !ours.digest_secrets.empty();
  view.digest = "none";
  if (view.authenticated || ours.integrity_check)
    view.digest = ours.digest == wire::DigestType::hmac_sha1 ? "sha1" : "md5";
  if (view.authenticated && status.peer_authenticated)
    view.peer_secret = static_cast<std::uint32_t>(status.digest_secret + 1);
  return view;
}

TunnelView Tunnel::view() const {
  TunnelView view;
  view.name = name_;
  view.profile = owner_.profile_name();
  view.role = owner_.is_client() ? "lac" : "lns";
  view.state = state_text();
  view.local = local().to_string();
  view.remote = peer_.to_string();
  view.peer_host_name = printable(as_bytes(connection_.peer().host_name));
  view.peer_vendor = printable(as_bytes(connection_.peer().vendor_name));
  view.tunnel_id = id_.value();
  view.peer_tunnel_id = connection_.peer().tunnel.value();
  view.sessions = static_cast<std::uint32_t>(std::count_if(
      sessions_.begin(), sessions_.end(),
      [](const auto& row) { return row.second->state() != Session::State::closing; }));
  view.established_at = is_up() ? established_at_ : 0;
  view.last_error = cause_;
  view.exported = owner_.is_exported();
  if (connection_.version() != 0) view.version = static_cast<std::uint8_t>(connection_.version());
  if (over_ip_) view.encapsulation = "ip";
  if (view.version == 3) view.version3 = version3_view();
  const Endpoint here = local();
  if (!here.address.is_unspecified()) view.local_address = here.address.to_string();
  view.local_port = here.port;
  view.remote_address = peer_.address.to_string();
  view.remote_port = peer_.port;
  return view;
}

}  // namespace l2tpm::daemon
