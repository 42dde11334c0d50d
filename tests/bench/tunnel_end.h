// One end of one L2TPv2 tunnel with its PPP sessions, without sockets and without a kernel: a
// l2tp::ControlConnection and a ppp::Link for each call, introduced to one another as the daemon
// does it. The load client and the benchmark of the machines are made of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/deadline_heap.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/secret.h"
#include "l2tp/control_connection.h"
#include "ppp/link.h"

namespace l2tpm::bench {

struct TunnelEndSettings {
  std::shared_ptr<const l2tp::Settings> tunnel;
  std::shared_ptr<const ppp::LinkSettings> link;
  Secret password;               // of every user, when we are the one who asks
  std::uint32_t first_peer = 0;  // the address that the first session's peer gets; 0: none
};

struct Event {
  enum class Kind : std::uint8_t { tunnel_up, tunnel_down, finished, session_up, session_down };
  Kind kind;
  SessionId session;
  std::string cause;
};

class TunnelEnd {
 public:
  TunnelEnd(TunnelId own, std::shared_ptr<const TunnelEndSettings> settings, RandomSource& random);

  void open(TimePoint now);
  SessionId place_call(TimePoint now);
  void close(TimePoint now);
  void close_session(SessionId session, TimePoint now);
  void probe(TimePoint now);
  // A datagram whose Tunnel ID is ours (or a SCCRQ).
  void receive(ByteView datagram, TimePoint now);
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  // What is to be sent and what has happened since.
  std::vector<Bytes> take_datagrams() { return std::exchange(datagrams_, {}); }
  std::vector<Event> take_events() { return std::exchange(events_, {}); }

  bool all_acknowledged() const;
  l2tp::ControlConnection::Status status() const { return control_.status(); }
  std::size_t links() const { return links_.size(); }

 private:
  struct Session {
    std::unique_ptr<ppp::Link> link;
    SessionId peer;
    bool up = false;
  };
  void settle(TimePoint now);
  void carry_out(l2tp::Action& action, TimePoint now);
  void settle_link(SessionId id, TimePoint now);
  // False: the link is dead.
  bool carry_out(SessionId id, Session& session, ppp::LinkAction& action, TimePoint now);

  std::shared_ptr<const TunnelEndSettings> settings_;
  RandomSource& random_;
  l2tp::ControlConnection control_;
  TunnelId peer_tunnel_;
  std::unordered_map<SessionId, Session> links_;
  DeadlineHeap<SessionId> deadlines_;
  std::uint32_t addresses_given_ = 0;
  std::vector<Bytes> datagrams_;
  std::vector<Event> events_;
};

}  // namespace l2tpm::bench
