// Two control connections with a network between them that loses, repeats and reorders by a seeded
// generator; time jumps to whatever is next. The responder accepts every call.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "l2tp/control_connection.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp::testing {

struct Network {
  unsigned loss_percent = 0;  // each way
  unsigned duplicate_percent = 0;
  unsigned reorder_percent = 0;  // delayed by up to 100 ms more
  Duration delay = 5ms;
};

class TwoPeers {
 public:
  struct Peer {
    std::unique_ptr<ControlConnection> connection;
    std::set<SessionId> up;
    std::set<SessionId> known;  // announced or handed out, not down yet
    std::size_t downs = 0;
    bool tunnel_up = false;
    bool tunnel_down = false;
    bool finished = false;
    Cause cause;
  };

  TwoPeers(Network network, const Settings& settings, std::uint64_t seed)
      : network_(network), random_(seed), settings_(std::make_shared<const Settings>(settings)) {
    for (std::uint32_t i = 0; i < 2; ++i)
      peers[i].connection =
          std::make_unique<ControlConnection>(TunnelId(100 + i), settings_, random_);
  }

  // Runs until `done` or until `limit` from the start; true when done.
  template <typename Done>
  bool run(Duration limit, Done done) {
    carry_out(0);
    carry_out(1);
    while (!done()) {
      std::optional<TimePoint> next;
      if (!in_flight_.empty()) next = in_flight_.begin()->first;
      for (const Peer& peer : peers)
        if (const auto when = peer.connection->next_deadline(); when && (!next || *when < *next))
          next = when;
      if (!next || *next - start_ > limit) return false;
      now = std::max(now, *next);
      if (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        const auto [to, datagram] = in_flight_.begin()->second;
        in_flight_.erase(in_flight_.begin());
        deliver(to, datagram);
      }
      for (int i : {0, 1}) {
        ControlConnection& connection = *peers[i].connection;
        if (const auto when = connection.next_deadline(); when && *when <= now) {
          connection.handle_timeout(now);
          carry_out(i);
          if (const auto again = connection.next_deadline(); again && *again <= now) stuck = true;
        }
      }
    }
    return true;
  }
  void carry_out(int from) {
    Peer& peer = peers[from];
    for (;;) {
      const auto actions = peer.connection->take_actions();
      if (actions.empty()) return;
      for (const Action& action : actions) carry_out(from, action);
    }
  }

  Peer peers[2];
  TimePoint now{1h};
  std::size_t datagrams = 0;
  bool stuck = false;
  bool inconsistent = false;

 private:
  void carry_out(int from, const Action& action) {
    Peer& peer = peers[from];
    if (peer.finished) inconsistent = true;
    if (const auto* send = std::get_if<SendDatagram>(&action)) {
      transmit(1 - from, send->bytes);
    } else if (const auto* call = std::get_if<IncomingCallRequested>(&action)) {
      peer.known.insert(call->session);
      peer.connection->accept_call(call->session, now);
    } else if (const auto* wanted = std::get_if<OutgoingCallRequested>(&action)) {
      peer.known.insert(wanted->session);
      peer.connection->accept_call(wanted->session, now);
      peer.connection->call_connected(wanted->session, {}, now);
    } else if (const auto* up = std::get_if<SessionUp>(&action)) {
      peer.up.insert(up->session);
    } else if (const auto* down = std::get_if<SessionDown>(&action)) {
      if (peer.known.erase(down->session) != 1) inconsistent = true;
      peer.up.erase(down->session);
      ++peer.downs;
      peer.connection->forget_session(down->session, now);
    } else if (std::holds_alternative<TunnelUp>(action)) {
      peer.tunnel_up = true;
    } else if (const auto* end = std::get_if<TunnelDown>(&action)) {
      if (!peer.known.empty()) inconsistent = true;
      peer.tunnel_down = true;
      peer.cause = end->cause;
    } else if (std::holds_alternative<Finished>(action)) {
      peer.finished = true;
    }
  }
  void transmit(int to, const Bytes& datagram) {
    ++datagrams;
    const unsigned copies = random_.below(100) < network_.duplicate_percent ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      if (random_.below(100) < network_.loss_percent) continue;
      Duration delay = network_.delay;
      if (random_.below(100) < network_.reorder_percent)
        delay += std::chrono::milliseconds(random_.below(100));
      in_flight_.emplace(now + delay, std::pair(to, datagram));
    }
  }
  void deliver(int to, const Bytes& datagram) {
    wire::DecodeOptions options;
    if (settings_->secret) options.secret = settings_->secret->octets();
    const auto message = wire::decode_control(datagram, options);
    if (!message) {
      inconsistent = true;
      return;
    }
    peers[to].connection->receive(*message, datagram.size(), now);
    carry_out(to);
  }

  Network network_;
  SeededRandom random_;
  std::shared_ptr<const Settings> settings_;
  const TimePoint start_{1h};
  std::multimap<TimePoint, std::pair<int, Bytes>> in_flight_;
};

}  // namespace l2tpm::l2tp::testing
