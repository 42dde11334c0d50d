#include "daemon/service.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "base/log.h"
#include "base/overloaded.h"
#include "daemon/packet_tap.h"

namespace l2tpm::daemon {
namespace {

// All counters in one sweep: idle timeouts and the silence that LCP echoes wait for are this exact.
constexpr Duration kSweepInterval = 10s;
// Deadlines handled before the loop looks at its descriptors again.
constexpr int kDeadlinesPerTurn = 256;

std::string host_name_of_machine() {
  std::array<char, 256> text{};
  const bool known = gethostname(text.data(), text.size() - 1) == 0 && text[0] != '\0';
  // "(none)" is what Linux says before anybody has set a name.
  return known && std::string_view(text.data()) != "(none)" ? text.data() : "l2tp-manager";
}

// As systemd made it at the first boot. A machine without one is known by its name.
std::string id_of_machine(const std::string& machine_name) {
  std::ifstream file("/etc/machine-id");
  std::string id;
  return std::getline(file, id) && !id.empty() ? id : machine_name;
}

// Only udev reads what is noted about interfaces; without it three system calls a session are
// saved.
bool udev_runs() { return access("/run/udev/control", F_OK) == 0; }

// systemd's RuntimeDirectory=; empty when nobody gave us one.
std::string runtime_directory() {
  const char* directory = std::getenv("RUNTIME_DIRECTORY");
  return directory != nullptr ? directory : "";
}

// Without epoll there is no daemon.
std::unique_ptr<Poller> make_poller() {
  auto poller = Poller::create();
  if (!poller) throw std::runtime_error(poller.error());
  return std::move(*poller);
}

}  // namespace

Service::Service(EventLoop& loop, kernel::Dataplane& dataplane, kernel::KernelFeatures features,
                 config::Places places, config::Loaded loaded)
    : loop_(loop),
      dataplane_(dataplane),
      features_(std::move(features)),
      places_(std::move(places)),
      machine_name_(host_name_of_machine()),
      machine_id_(id_of_machine(machine_name_)),
      config_(std::move(loaded.config)),
      tunnel_sockets_(make_poller()),
      ppp_descriptors_(make_poller()),
      ports_(loop, [this](ControlSocket& port) { read_port(port); }),
      interface_notes_(udev_runs() ? runtime_directory() : std::string()),
      resolver_(config_.daemon.resolver_threads),
      environment_{random_,           dataplane_, features_,    timers_,    *tunnel_sockets_,
                   *ppp_descriptors_, sessions_,  tunnels_,     ports_,     interface_notes_,
                   events_,           failures_,  v3_sessions_, machine_id_},
      context_{environment_, resolver_,     questions_,     pools_,   interface_names_,
               secrets_,     machine_name_, config_.daemon, draining_},
      statics_(environment_, background_,
               places_.state.empty() ? std::string() : places_.state + "/static-tunnels.json") {
  keep_errors(loaded);
}

Service::~Service() {
  for (const int fd : {tunnel_sockets_->fd(), ppp_descriptors_->fd(), dataplane_.completion_fd(),
                       resolver_.completion_fd(), background_.completion_fd()}) {
    loop_.unwatch(fd);
  }
  loop_.set_timer_handler({});
  loop_.set_turn_end_handler({});
  loop_.set_fair_turn_handler(this, {});
  dataplane_.set_event_handler({});
  // Before their owners, and before the tables that they are in.
  tunnels_.clear();
}

void Service::set_state(State state) {
  if (state_ == state) return;
  state_ = state;
  if (events_.wants(kDaemonEvents)) events_.emit(DaemonEvent{this->state()});
}

Result<Done, std::string> Service::run(std::function<void()> on_ready) {
  loop_.set_timer_handler([this] { on_deadlines(); });
  loop_.set_turn_end_handler([this] { end_of_turn(); });
  loop_.set_fair_turn_handler(this, [this] { fair_turn(); });
  dataplane_.set_event_handler([this](const kernel::Event& event) { on_kernel_event(event); });
  const std::array watches{
      loop_.watch(tunnel_sockets_->fd(), EPOLLIN, LoopPriority::control,
                  [this](std::uint32_t) { read_tunnel_sockets(); }),
      loop_.watch(ppp_descriptors_->fd(), EPOLLIN, LoopPriority::ppp,
                  [this](std::uint32_t) { read_ppp_descriptors(); }),
      loop_.watch(dataplane_.completion_fd(), EPOLLIN, LoopPriority::completion,
                  [this](std::uint32_t) { dataplane_.dispatch_completions(); }),
      loop_.watch(resolver_.completion_fd(), EPOLLIN, LoopPriority::completion,
                  [this](std::uint32_t) { on_answers(); }),
      loop_.watch(background_.completion_fd(), EPOLLIN, LoopPriority::completion,
                  [this](std::uint32_t) { background_.dispatch(); })};
  for (const auto& watched : watches) {
    if (!watched) return Unexpected(watched.error());
  }
  dataplane_.sweep_leftovers([this, on_ready = std::move(on_ready)](
                                 const Result<unsigned, kernel::KernelError>& swept) {
    if (!swept) {
      log(LogLevel::warning, {}, "clearing what a predecessor left: {}", swept.error().to_string());
    } else if (*swept != 0) {
      log(LogLevel::notice, {}, "cleared {} leftovers of a predecessor that was killed", *swept);
    }
    if (state_ == State::stopping) return;
    start_profiles(Clock::now());
    set_state(State::running);
    on_ready();
  });
  return Done{};
}

void Service::start_profiles(TimePoint now) {
  ReloadResult report;
  const config::Config wanted = std::exchange(config_, {});
  config_.daemon = wanted.daemon;
  statics_.recall();
  apply(wanted, report, now);
  timers_.set(timer_key(TimerKind::service, kSweepTimer), now + kSweepInterval);
}

// ---- what arrives ----

void Service::read_port(ControlSocket& port) {
  port.read_batch(buffer_, batch_);
  if (port.has_send_errors()) take_send_errors(port);
  const TimePoint now = Clock::now();
  for (const Datagram& datagram : batch_) on_datagram(datagram, now);
}

void Service::read_tunnel_sockets() {
  for (const Poller::Ready& ready : tunnel_sockets_->wait()) {
    Tunnel* tunnel = tunnels_.find(TunnelId(static_cast<std::uint32_t>(ready.token)));
    if (!tunnel) continue;
    tunnel->socket_ready(buffer_, batch_);
    const TimePoint now = Clock::now();
    for (const Datagram& datagram : batch_) on_datagram(datagram, now);
  }
}

void Service::read_ppp_descriptors() {
  const TimePoint now = Clock::now();
  for (const Poller::Ready& ready : ppp_descriptors_->wait()) {
    if (Session* session = sessions_.find(static_cast<std::uint32_t>(ready.token >> 1))) {
      session->descriptor_ready((ready.token & 1) != 0, now);
    }
  }
}

// ICMP about what we sent: kept for the verdict about a dialled tunnel, believed by nobody.
void Service::take_send_errors(ControlSocket& port) {
  for (const ControlSocket::SendError& error : port.take_send_errors()) {
    for (Tunnel* tunnel : tunnels_.with_peer(error.to)) tunnel->note_icmp(error.text);
  }
}

// Any message may arrive on any of our sockets (the kernel's choice among equal ones has changed
// over the years): the tunnel is found by its id, and the peer's address is compared; never by
// descriptor.
void Service::on_datagram(const Datagram& datagram, TimePoint now) {
  if (wire::version_of(datagram.bytes) == 3) {
    on_v3(datagram, now);
    return;
  }
  const auto header = wire::decode_header(datagram.bytes);
  if (!header) {
    ++drops_.malformed;
    log(LogLevel::debug, {}, "{}: dropped, {}", datagram.source.to_string(),
        wire::name(header.error()));
    return;
  }
  if (header->is_control) {
    on_control(*header, datagram, now);
    return;
  }
  Tunnel* tunnel = tunnels_.find(header->tunnel_id);
  if (!tunnel || !tunnel->receive_data(*header, datagram, now)) ++drops_.stray_data;
}

void Service::on_control(const wire::Header& header, const Datagram& datagram, TimePoint now) {
  Tunnel* tunnel = nullptr;
  if (header.tunnel_id) {
    tunnel = tunnels_.find(header.tunnel_id);
  } else {
    const wire::ControlMessage message = wire::decode_control(header);
    if (events_.wants(kPacketEvents))
      tap_control(events_, false, nullptr, datagram.bytes, datagram.local, datagram.source);
    if (message.type == wire::MessageType::sccrq) {
      on_sccrq(message, datagram, now);
      return;
    }
    // StopCCN right after SCCRQ: the peer has not heard our id, but says its own (RFC 2661 §4.4.3).
    if (message.type == wire::MessageType::stopccn && message.assigned_tunnel_id)
      tunnel = tunnels_.find_by_peer(datagram.source, *message.assigned_tunnel_id);
    // Some peers never fill in our tunnel id (D-Link DIR-300): if there is one tunnel with that
    // peer, it is meant.
    const std::vector<Tunnel*> candidates = tunnels_.with_peer(datagram.source);
    if (!tunnel && candidates.size() == 1) tunnel = candidates.front();
  }
  if (!tunnel) {
    ++drops_.unknown_tunnel;
    return;
  }
  if (events_.wants(kPacketEvents) && header.tunnel_id)
    tap_control(events_, false, tunnel, datagram.bytes, datagram.local, datagram.source);
  const wire::ControlMessage message = wire::decode_control(
      header, {.secret = tunnel->secret(), .permissive = tunnel->permissive()});
  if (!tunnel->receive(message, datagram, now)) {
    drop_from_elsewhere(*tunnel, wire::name(message.type), datagram);
    return;
  }
  if (!pings_.empty()) check_pings(tunnel, now);
}

void Service::drop_from_elsewhere(Tunnel& tunnel, std::string_view what, const Datagram& datagram) {
  ++drops_.wrong_source;
  tunnel.note_stray(datagram.source);
  log(LogLevel::debug, {}, "{}: {} for tunnel {} dropped, its peer is {}",
      datagram.source.to_string(), what, tunnel.id().value(), tunnel.peer().to_string());
}

// Nothing in the message is believed here but for choosing whom it is for.
void Service::on_v3(const Datagram& datagram, TimePoint now) {
  const auto header = wire::decode_v3_header(datagram.bytes);
  if (!header) {
    ++drops_.malformed;
    log(LogLevel::debug, {}, "{}: dropped, {}", datagram.source.to_string(),
        wire::name(header.error()));
    return;
  }
  if (!header->is_control) {
    ++drops_.stray_data;  // the kernel takes what is for a session that stands
    return;
  }
  Tunnel* tunnel = header->connection_id ? tunnels_.find(header->connection_id) : nullptr;
  if (events_.wants(kPacketEvents))
    tap_control(events_, false, tunnel, datagram.bytes, datagram.local, datagram.source);
  if (!header->connection_id) {
    const wire::ControlMessage message = wire::decode_control(*header);
    if (message.type == wire::MessageType::sccrq) {
      on_sccrq(message, datagram, now);
      return;
    }
    // StopCCN of a peer that has not heard our id.
    if (message.type == wire::MessageType::stopccn && message.assigned_tunnel_id)
      tunnel = tunnels_.find_by_peer(datagram.source, *message.assigned_tunnel_id);
  }
  if (!tunnel || !tunnel->may_speak_v3()) {
    ++drops_.unknown_tunnel;
    return;
  }
  if (!tunnel->receive(datagram, now)) {
    drop_from_elsewhere(*tunnel, "an L2TPv3 message", datagram);
    return;
  }
  if (!pings_.empty()) check_pings(tunnel, now);
}

void Service::on_sccrq(const wire::ControlMessage& message, const Datagram& datagram,
                       TimePoint now) {
  // One of version 2 that offers version 3 has two ids, and the answer decides which is meant.
  for (const auto& id : {message.assigned_tunnel_id, message.v3_connection_id}) {
    if (!id) continue;
    Tunnel* known = tunnels_.find_by_peer(datagram.source, *id);
    // A peer whose tunnel is up does not ask for it again: it has rebooted, and takes the same id
    // each time.
    if (known && !known->has_ended() && !known->is_up()) {
      known->receive(message, datagram, now);  // repeated: our answer was lost
      return;
    }
  }
  if (state_ == State::stopping) return;
  Listener* listener = listener_for(datagram.local);
  if (!listener) {
    ++drops_.no_listener;
    return;
  }
  if (!listener->admits(datagram.source, now)) return;  // counted; a retransmission may pass
  if (!settle_tie(message, datagram, now)) return;
  listener->receive_sccrq(message, datagram, now);
}

// Both ends have sent a SCCRQ: with Tie Breakers one tunnel remains (RFC 2661 §4.4.3). False: ours
// won, theirs is dropped. Where theirs wins it is answered, but ours goes on until the peer's
// stands (Listener::tunnel_up): anybody can send a SCCRQ in the peer's name, nobody else its SCCCN.
bool Service::settle_tie(const wire::ControlMessage& sccrq, const Datagram& datagram,
                         TimePoint now) {
  for (Tunnel* tunnel : tunnels_.with_peer(datagram.source)) {
    if (!tunnel->owner().is_client() ||
        tunnel->connection().state() != l2tp::ControlConnection::State::wait_ctl_reply) {
      continue;
    }
    switch (l2tp::compare_tie_breakers(tunnel->connection().tie_breaker(), sccrq.tie_breaker)) {
      case l2tp::Tie::no_tie:
      case l2tp::Tie::peer_wins:
        continue;
      case l2tp::Tie::we_win:
        return false;
      case l2tp::Tie::both_discard:
        tunnel->lose_tie(now);
        return false;
    }
  }
  return true;
}

Listener* Service::listener_for(const Endpoint& local) const {
  for (const bool exact : {true, false}) {
    for (const auto& [name, listener] : listeners_) {
      if (listener->answers_on(local, exact)) return listener.get();
    }
  }
  return nullptr;
}

void Service::on_answers() {
  const TimePoint now = Clock::now();
  for (const Resolver::Answer& answer : resolver_.dispatch()) {
    const auto asker = questions_.find(answer.token);
    if (asker == questions_.end()) continue;
    Client* client = asker->second;
    questions_.erase(asker);
    client->resolved(answer, now);
  }
}

void Service::on_kernel_event(const kernel::Event& event) {
  const TimePoint now = Clock::now();
  const auto session_of = [this](const SessionKey& key) {
    Tunnel* tunnel = tunnels_.find(key.tunnel);
    return tunnel ? tunnel->find(key.session) : nullptr;
  };
  std::visit(Overloaded{
                 [&](const kernel::InterfaceGone& gone) {
                   if (Session* session = session_of(gone.key))
                     session->fail({.code = CauseCode::interface_gone, .message = gone.why}, now);
                 },
                 [&](const kernel::InterfaceDown& down) {
                   if (Session* session = session_of(down.key)) session->interface_down();
                 },
                 [&](const kernel::UnderlayChanged& changed) {
                   log(LogLevel::notice, {}, "the way to {} has changed{}",
                       changed.peer.to_string(),
                       changed.underlay && changed.underlay->gateway
                           ? ", now via " + changed.underlay->gateway->to_string()
                           : std::string(changed.underlay ? "" : ": there is none"));
                 },
                 [&](const kernel::CircuitChanged& changed) { on_circuit(changed, now); },
                 [&](const kernel::StaticDisturbed&) { statics_.disturbed(now); },
             },
             event);
}

void Service::on_circuit(const kernel::CircuitChanged& changed, TimePoint now) {
  // By id: what is said to the peer may end its tunnel.
  std::vector<SessionKey> all;
  for (const auto& [id, tunnel] : tunnels_.all()) {
    for (const auto& [session_id, session] : tunnel->sessions()) {
      if (session->as_pseudowire()) all.push_back(session->key());
    }
  }
  for (const SessionKey& key : all) {
    Tunnel* tunnel = tunnels_.find(key.tunnel);
    Session* session = tunnel ? tunnel->find(key.session) : nullptr;
    if (PseudowireSession* wire = session ? session->as_pseudowire() : nullptr)
      wire->circuit_changed(changed.interface, changed.up, now);
  }
}

// ---- time ----

void Service::on_deadlines() {
  const TimePoint now = Clock::now();
  for (int i = 0; i < kDeadlinesPerTurn; ++i) {
    const auto key = timers_.pop_due(now);
    if (!key) break;
    on_deadline(*key, now);
  }
}

void Service::on_deadline(TimerKey key, TimePoint now) {
  const std::uint32_t number = timer_number(key);
  switch (timer_kind(key)) {
    case TimerKind::tunnel:
      if (Tunnel* tunnel = tunnels_.find(TunnelId(number))) tunnel->handle_timeout(now);
      return;
    case TimerKind::link:
      if (Session* session = sessions_.find(number)) session->handle_timeout(now);
      return;
    case TimerKind::session_limit:
      if (Session* session = sessions_.find(number)) session->handle_session_limit(now);
      return;
    case TimerKind::client:
      if (const auto client = client_numbers_.find(number); client != client_numbers_.end())
        client->second->handle_timeout(now);
      return;
    case TimerKind::listener:
      if (const auto listener = listener_numbers_.find(number);
          listener != listener_numbers_.end()) {
        listener->second->handle_timeout(now);
      }
      return;
    case TimerKind::service:
      if (number == kSweepTimer) {
        timers_.set(timer_key(TimerKind::service, kSweepTimer), now + kSweepInterval);
        sweep_counters(now);
      } else if (number == kQuestionTimer) {
        secrets_.handle_timeout(now);
      } else if (number == kPingTimer) {
        check_pings(nullptr, now);
      } else if (number == kStaticTimer) {
        statics_.handle_timeout(now);
      } else if (number == kStopTimer && on_stopped_) {
        log(LogLevel::warning, {}, "{} tunnels did not end in time", tunnels_.size());
        std::exchange(on_stopped_, nullptr)();
      }
      return;
  }
}

// Under a flood a listener is always ready, and most urgent.
void Service::fair_turn() {
  on_deadlines();
  read_ppp_descriptors();
  dataplane_.dispatch_completions();
  on_answers();
}

void Service::end_of_turn() {
  const TimePoint now = Clock::now();
  tunnels_.reap(now);
  std::erase_if(retired_clients_, [this](const auto& client) {
    if (client->has_tunnels()) return false;
    retired_traffic_.add(client->traffic);
    std::erase_if(client_numbers_, [&](const auto& row) { return row.second == client.get(); });
    return true;
  });
  std::erase_if(retired_listeners_, [this](const auto& listener) {
    if (!listener->is_idle()) return false;
    retired_traffic_.add(listener->traffic);
    std::erase_if(listener_numbers_, [&](const auto& row) { return row.second == listener.get(); });
    return true;
  });
  if (!pings_.empty()) check_pings(nullptr, now);
  // An answer may ask again; without end it is left for the next turn.
  for (int round = 0; round < 8 && !later_.empty(); ++round) {
    for (const auto& what : std::exchange(later_, {})) what();
  }
  timers_.set(timer_key(TimerKind::service, kQuestionTimer), secrets_.next_deadline());
  timers_.set(timer_key(TimerKind::service, kPingTimer), next_ping_deadline());
  check_stopped();
  loop_.arm_timer(later_.empty() ? timers_.earliest() : now);
}

void Service::shut_down(std::function<void()> on_stopped) {
  if (state_ == State::stopping) {
    // Asked twice: at once.
    if (on_stopped_) std::exchange(on_stopped_, nullptr)();
    return;
  }
  const TimePoint now = Clock::now();
  set_state(State::stopping);
  on_stopped_ = std::move(on_stopped);
  const Cause cause{.code = CauseCode::shutdown};
  for (const auto& [name, client] : clients_) client->stop(cause, now);
  for (const auto& [name, listener] : listeners_) listener->stop(cause, now);
  for (const auto& [id, tunnel] : tunnels_.all()) unsettled_.push_back(id);
  timers_.set(timer_key(TimerKind::service, kStopTimer), now + config_.daemon.shutdown_timeout);
  log(LogLevel::notice, {}, "stopping: {} tunnels to close", tunnels_.size());
}

void Service::check_stopped() {
  if (!on_stopped_) return;
  // A tunnel whose peer has acknowledged StopCCN only lingers; nobody needs to wait for that. Each
  // is looked at until it has nothing to say, and none comes any more.
  while (!unsettled_.empty()) {
    const Tunnel* tunnel = tunnels_.find(unsettled_.back());
    if (tunnel && !tunnel->is_settled()) return;
    unsettled_.pop_back();
  }
  std::exchange(on_stopped_, nullptr)();
}

}  // namespace l2tpm::daemon
