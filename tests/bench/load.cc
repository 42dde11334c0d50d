#include "bench/load.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "wire/l2tp_header.h"

namespace l2tpm::bench {
namespace {

constexpr unsigned kMostSockets = 1000;
constexpr auto kTearDownLimit = std::chrono::seconds(60);

std::shared_ptr<const TunnelEndSettings> make_settings(const LoadOptions& options) {
  auto tunnel = std::make_shared<l2tp::Settings>();
  tunnel->host_name = "l2tp-load";
  if (!options.secret.empty()) tunnel->secret = Secret(options.secret);
  tunnel->hello_interval = Duration::zero();
  auto link = std::make_shared<ppp::LinkSettings>();
  link->role = ppp::Role::calling;
  link->answer = {ppp::AuthMethod::mschapv2, ppp::AuthMethod::chap_md5, ppp::AuthMethod::mschap,
                  ppp::AuthMethod::pap};
  link->user = options.user;
  link->password = Secret(options.password);
  link->network.ipv4.accept_local = true;
  link->network.ipv4.accept_peer = true;
  link->echo_interval = Duration::zero();  // nothing of our own while figures are taken
  auto settings = std::make_shared<TunnelEndSettings>();
  settings->tunnel = tunnel;
  settings->link = link;
  return settings;
}

double milliseconds(Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}
double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }
Duration to_duration(double secs) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(secs));
}

nlohmann::json percentiles(std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const auto rank = std::ceil(share * static_cast<double>(values.size()));
    const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    return std::round(values[index] * 10) / 10;
  };
  return {
      {"count", values.size()},
      {"p50",   at(0.5)      },
      {"p90",   at(0.9)      },
      {"p99",   at(0.99)     },
      {"max",   at(1.0)      }
  };
}

}  // namespace

Load::Load(LoadOptions options)
    : options_(std::move(options)),
      settings_(make_settings(options_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));

  const unsigned ends = options_.tunnels + (options_.hello_every > 0 ? 1 : 0);
  const unsigned wanted = options_.sockets != 0 ? options_.sockets : ends;
  const unsigned sockets = std::clamp(wanted, 1u, kMostSockets);
  for (unsigned at = 0; at < sockets; ++at) {
    sockets_.push_back(std::make_unique<UdpBatch>(options_.server.address));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = at;
    if (!sockets_.back()->is_open() ||
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, sockets_.back()->fd(), &event) != 0)
      throw std::runtime_error("cannot open a UDP socket");
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = sockets;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event);

  tunnels_.reserve(options_.tunnels + 1);
  for (unsigned at = 0; at < options_.tunnels; ++at) make_tunnel();
  probing_ = options_.hello_every > 0;
  if (probing_) make_tunnel();
}

Load::Tunnel& Load::make_tunnel() {
  Tunnel tunnel;
  const auto index = static_cast<std::uint32_t>(tunnels_.size());
  tunnel.end = std::make_unique<TunnelEnd>(TunnelId(index + 1), settings_, random_);
  tunnel.socket = index % sockets_.size();
  tunnel.peer = options_.server;
  tunnels_.push_back(std::move(tunnel));
  return tunnels_.back();
}

nlohmann::json Load::set_up() {
  const unsigned wanted = options_.tunnels * options_.sessions_per_tunnel;
  if (probing_) {
    const TimePoint limit = Clock::now() + std::chrono::seconds(30);
    Tunnel& probed = tunnels_.back();
    probed.end->open(Clock::now());
    settle(tunnels_.size() - 1, Clock::now());
    while (!probed.open && Clock::now() < limit && turn(limit)) {
    }
    if (!probed.open) throw std::runtime_error("the tunnel for HELLO did not come up");
  }
  first_start_ = last_up_ = Clock::now();
  next_probe_ = first_start_;
  const TimePoint limit = first_start_ + to_duration(options_.timeout);
  for (TimePoint now = first_start_; settled_ < wanted && now < limit; now = Clock::now()) {
    start_sessions(now);
    probe(now);
    if (!turn(probing_ ? std::min(limit, next_probe_) : limit)) break;
  }
  const double took = seconds(last_up_ - first_start_);
  std::uint64_t retransmissions = 0;
  for (const Tunnel& tunnel : tunnels_)
    retransmissions += tunnel.end->status().delivery.retransmissions;
  nlohmann::json report{
      {"phase",               "up"                                           },
      {"tunnels",             options_.tunnels                               },
      {"sessions",            wanted                                         },
      {"established",         up_                                            },
      {"failed",              failures_                                      },
      {"seconds",             std::round(took * 1000) / 1000                 },
      {"sessions_per_second", took > 0 ? std::round(up_ / took * 10) / 10 : 0},
      {"latency_ms",          percentiles(latencies_)                        },
      {"retransmissions",     retransmissions                                },
  };
  if (probing_) report["hello_ms"] = percentiles(probes_);
  return report;
}

void Load::start_sessions(TimePoint now) {
  const unsigned wanted = options_.tunnels * options_.sessions_per_tunnel;
  while (started_ < wanted && started_ - settled_ < options_.concurrency) {
    const std::size_t index = started_++ % options_.tunnels;
    Tunnel& tunnel = tunnels_[index];
    if (tunnel.down) {
      ++settled_;
      ++failures_["its tunnel has ended"];
      continue;
    }
    if (tunnel.end->status().state == l2tp::ControlConnection::State::idle) tunnel.end->open(now);
    const SessionId id = tunnel.end->place_call(now);
    if (id) {
      tunnel.started.emplace(id, now);
    } else {
      ++settled_;
      ++failures_["no session id"];
    }
    settle(index, now);
  }
}

void Load::probe(TimePoint now) {
  if (!probing_ || probe_sent_ || now < next_probe_) return;
  next_probe_ = now + to_duration(options_.hello_every);
  const std::size_t index = tunnels_.size() - 1;
  tunnels_[index].end->probe(now);
  probe_sent_ = now;
  settle(index, now);
}

void Load::settle(std::size_t index, TimePoint now) {
  Tunnel& tunnel = tunnels_[index];
  UdpBatch& socket = *sockets_[tunnel.socket];
  for (Bytes& datagram : tunnel.end->take_datagrams())
    if (socket.queue(std::move(datagram), tunnel.peer)) to_flush_.push_back(&socket);
  for (const Event& event : tunnel.end->take_events()) note(tunnel, event, now);
  if (is_probe(index) && probe_sent_ && tunnel.end->all_acknowledged()) {
    probes_.push_back(milliseconds(now - *probe_sent_));
    probe_sent_.reset();
  }
  deadlines_.set(index, tunnel.end->next_deadline());
}

void Load::flush() {
  for (UdpBatch* socket : to_flush_) socket->flush();
  to_flush_.clear();
}

void Load::note(Tunnel& tunnel, const Event& event, TimePoint now) {
  switch (event.kind) {
    case Event::Kind::tunnel_up:
      tunnel.open = true;
      return;
    case Event::Kind::tunnel_down:
    case Event::Kind::finished:
      tunnel.down = true;
      return;
    case Event::Kind::session_up:
      if (const auto found = tunnel.started.find(event.session); found != tunnel.started.end()) {
        latencies_.push_back(milliseconds(now - found->second));
        tunnel.started.erase(found);
        tunnel.up.push_back(event.session);
        last_up_ = now;
        ++up_;
        ++settled_;
      }
      return;
    case Event::Kind::session_down:
      if (tunnel.started.erase(event.session) != 0) {
        ++settled_;
        ++failures_[event.cause];
      }
      return;
  }
}

void Load::deliver(ByteView datagram, const Endpoint& from) {
  if (from.address != options_.server.address) return;
  const auto header = wire::decode_header(datagram);
  if (!header) return;
  const std::uint32_t id = header->tunnel_id.value();
  if (id == 0 || id > tunnels_.size()) return;
  const TimePoint now = Clock::now();
  if (header->is_control) tunnels_[id - 1].peer = from;
  tunnels_[id - 1].end->receive(datagram, now);
  settle(id - 1, now);
}

bool Load::turn(TimePoint until) {
  flush();
  TimePoint wake = until;
  if (const auto earliest = deadlines_.earliest()) wake = std::min(wake, *earliest);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - Clock::now()).count();
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
  for (int at = 0; at < count; ++at) {
    const auto which = events[static_cast<std::size_t>(at)].data.u64;
    if (which >= sockets_.size()) {
      signalfd_siginfo info;
      stopped_ = ::read(signals_.get(), &info, sizeof info) > 0 || stopped_;
      continue;
    }
    sockets_[which]->receive(
        [this](ByteView datagram, const Endpoint& from) { deliver(datagram, from); });
  }
  const TimePoint now = Clock::now();
  while (const auto index = deadlines_.pop_due(now)) {
    tunnels_[*index].end->handle_timeout(now);
    settle(*index, now);
  }
  flush();
  return !stopped_;
}

void Load::hold() {
  const TimePoint until = options_.hold < 0 ? TimePoint::max() - std::chrono::hours(1)
                                            : Clock::now() + to_duration(options_.hold);
  while (Clock::now() < until && turn(until)) {
  }
  stopped_ = false;
}

nlohmann::json Load::tear_down() {
  const TimePoint began = Clock::now();
  const TimePoint limit = began + kTearDownLimit;
  const auto wait_for = [&](auto done) {
    while (Clock::now() < limit &&
           !std::all_of(tunnels_.begin(), tunnels_.end(), [&](const Tunnel& t) { return done(t); }))
      if (!turn(limit)) break;
  };
  if (options_.close_each) {
    for (std::size_t index = 0; index < tunnels_.size(); ++index)
      for (const SessionId session : std::exchange(tunnels_[index].up, {})) {
        tunnels_[index].end->close_session(session, Clock::now());
        settle(index, Clock::now());
      }
    wait_for([](const Tunnel& tunnel) { return tunnel.end->all_acknowledged(); });
  }
  const double sessions_took = seconds(Clock::now() - began);
  for (std::size_t index = 0; index < tunnels_.size(); ++index) {
    tunnels_[index].end->close(Clock::now());
    settle(index, Clock::now());
  }
  wait_for([](const Tunnel& tunnel) { return tunnel.down && tunnel.end->all_acknowledged(); });
  nlohmann::json report{
      {"phase",   "down"                                                 },
      {"seconds", std::round(seconds(Clock::now() - began) * 1000) / 1000},
  };
  if (options_.close_each) report["cdn_seconds"] = std::round(sessions_took * 1000) / 1000;
  return report;
}

}  // namespace l2tpm::bench
