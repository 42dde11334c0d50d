// One tunnel: an l2tp::ControlConnection, the socket it speaks through, and its sessions. Over UDP
// it speaks through a listening socket until the peer has proven itself; then it gets a socket of
// its own, connected, which is what the kernel's tunnel is made from (docs/ARCHITECTURE.md). Over
// IP it has its own from the beginning: the kernel knows a connection's socket by its id.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/control_socket.h"
#include "daemon/environment.h"
#include "daemon/ppp_session.h"
#include "daemon/pseudowire_session.h"
#include "daemon/service_api.h"
#include "daemon/tunnel_owner.h"
#include "l2tp/control_connection.h"

namespace l2tpm::daemon {

class Tunnel {
 public:
  struct Address {
    // What it speaks through until it has its own socket; over IP null.
    std::shared_ptr<ControlSocket> port;
    std::optional<ControlSocket> own;  // over IP
    Endpoint peer;
    IpAddress local;  // unspecified: the route's choice
    bool permissive = false;
  };

  Tunnel(Environment& environment, TunnelOwner& owner, TunnelId id, std::string name,
         std::shared_ptr<const l2tp::Settings> settings, Address address);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // As initiator. `accept_other_port`: the peer may answer from another port (RFC 2661 §8.1).
  void dial(bool accept_other_port, TimePoint now);
  // A control message for this tunnel. False: not from our peer; nothing has changed.
  bool receive(const wire::ControlMessage& message, const Datagram& datagram, TimePoint now);
  // The same from the octets, of either version; the only way in for L2TPv3, whose digests come
  // before anything is believed.
  bool receive(const Datagram& datagram, TimePoint now);
  // A data message that the kernel passed up or never saw. False: no such session, or not the peer.
  bool receive_data(const wire::Header& header, const Datagram& datagram, TimePoint now);
  void socket_ready(DatagramBuffer& buffer, std::vector<Datagram>& batch);
  void handle_timeout(TimePoint now);

  void close(const Cause& cause, TimePoint now);
  // A stranger was refused: nothing is kept to repeat the refusal, its next SCCRQ gets it again.
  void abandon();
  void lose_tie(TimePoint now);
  void probe(TimePoint now);
  // Something came for this tunnel from somewhere else than its peer, and was ignored.
  void note_stray(const Endpoint& source);
  // What ICMP says about the way to the peer ("port-unreachable").
  void note_icmp(std::string text);
  SessionId place_incoming_call(const l2tp::IncomingCallRequest& request, TimePoint now);
  SessionId place_outgoing_call(const l2tp::OutgoingCallRequest& request, TimePoint now);
  // L2TPv3. PPP runs in it when that is its type. `placed` is told the id before anything can
  // happen to the session.
  SessionId place_pseudowire(std::shared_ptr<const config::Pseudowire> wire, TimePoint now,
                             const std::function<void(SessionId)>& placed = {});
  // Of a request that was asked; PPP: in whatever the peer calls it.
  void accept_pseudowire(SessionId session, std::shared_ptr<const config::Pseudowire> wire,
                         TimePoint now);
  void set_circuit_status(SessionId session, bool active, TimePoint now);
  void accept_call(SessionId session, TimePoint now);
  void call_connected(SessionId session, const l2tp::CallParameters& parameters, TimePoint now);
  void reject_call(SessionId session, const Cause& cause, TimePoint now);
  void close_session(SessionId session, const Cause& cause, TimePoint now);
  // A PPP frame as a data message, while the kernel has no session.
  void send_data(SessionId peer_session, const Bytes& frame);
  // A session has nothing left; it is destroyed at the end of the turn.
  void session_gone(Session& session, TimePoint now);

  TunnelId id() const { return id_; }
  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  TunnelOwner& owner() const { return owner_; }
  const Endpoint& peer() const { return peer_; }
  Endpoint local() const;
  kernel::Encapsulation encapsulation() const {
    return over_ip_ ? kernel::Encapsulation::ip : kernel::Encapsulation::udp;
  }
  // Messages for it must go through receive(datagram).
  bool may_speak_v3() const { return settings_->versions != l2tp::Versions::v2_only; }
  // The UDP payload size limit of the path, as the kernel knows it.
  std::uint32_t path_mtu() const { return path_mtu_; }
  bool is_up() const { return connection_.state() == l2tp::ControlConnection::State::established; }
  bool has_ended() const { return ended_; }
  // Ended, nothing left in the kernel, and the peer knows or has never answered: whatever remains
  // is only the linger.
  bool is_settled() const {
    return ended_ && sessions_.empty() && !kernel_removal_pending_ &&
           (finished_ || cause_.by_peer || !connection_.peer().tunnel);
  }
  bool kernel_has_it() const { return added_to_kernel_; }
  const Cause& cause() const { return cause_; }
  ByteView secret() const;
  // Unknown mandatory AVPs are skipped: for wire::DecodeOptions.
  bool permissive() const { return permissive_; }
  const l2tp::ControlConnection& connection() const { return connection_; }
  Session* find(SessionId id) const;
  PppSession* find_ppp(SessionId id) const;
  const std::unordered_map<SessionId, std::unique_ptr<Session>>& sessions() const {
    return sessions_;
  }
  TunnelView view() const;
  std::string_view state_text() const;
  // What a failure of it is about: addresses, what was tried and heard, the state of things.
  void describe_end(Failure& failure, TimePoint now) const;
  // Since when it has been established, CLOCK_REALTIME microseconds; 0: it is not.
  std::uint64_t established_at() const { return established_at_; }

  // At the end of a turn: destroys gone sessions. True when the tunnel itself may be destroyed.
  bool reap(TimePoint now);

 private:
  void carry_out(TimePoint now);
  void carry_out(l2tp::Action& action, bool whole_tunnel, TimePoint now);
  void up(TunnelId peer_tunnel, TimePoint now);
  void down(const Cause& cause, TimePoint now);
  void open_socket(TunnelId peer_tunnel);
  void release_socket();
  PppSession& make_ppp(SessionId id);
  void make_session(SessionId id, std::shared_ptr<const config::Pseudowire> wire);
  void heard(const Datagram& datagram, bool was_asking, TimePoint now);
  bool is_from_peer(const Datagram& datagram) const;
  void announce();
  Version3View version3_view() const;
  LogContext log_context() const;

  // What a verdict about a dialled tunnel wants to know.
  struct DialFacts {
    TimePoint since;
    std::string icmp;
    std::optional<Endpoint> heard_from;
    std::uint32_t heard = 0;
  };

  Environment& env_;
  TunnelOwner& owner_;
  TunnelId id_;
  std::string name_;
  std::shared_ptr<const l2tp::Settings> settings_;
  l2tp::ControlConnection connection_;
  std::shared_ptr<ControlSocket> port_;
  std::optional<ControlSocket> socket_;
  Endpoint peer_;
  IpAddress local_;
  std::uint32_t path_mtu_ = 1500;
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  std::vector<SessionId> gone_;
  std::uint64_t established_at_ = 0;
  std::string_view announced_;       // the state that was told; "": none yet
  std::unique_ptr<DialFacts> dial_;  // of those that we dialled
  Cause cause_;
  bool permissive_ = false;
  bool over_ip_ = false;
  bool accept_other_port_ = false;
  bool carrying_out_ = false;
  bool added_to_kernel_ = false;
  bool kernel_removal_pending_ = false;
  bool ended_ = false;
  bool finished_ = false;
};

// All tunnels: by our id, and by whom they are with.
class TunnelTable {
 public:
  static constexpr Duration kIdQuarantine = 60s;

  Tunnel* find(TunnelId id) const;
  // The tunnel that a repeated SCCRQ belongs to.
  Tunnel* find_by_peer(const Endpoint& peer, TunnelId peer_tunnel) const;
  // All with that peer endpoint.
  std::vector<Tunnel*> with_peer(const Endpoint& peer) const;
  std::optional<TunnelId> allocate(RandomSource& random, TimePoint now);
  // For tunnels that are not in this table but in the kernel. False: taken, or resting.
  bool reserve(TunnelId id) { return ids_.reserve(id.value()); }
  void release(TunnelId id, TimePoint now) { ids_.release(id.value(), now); }
  Tunnel& add(std::unique_ptr<Tunnel> tunnel);
  // Remembers what the peer calls a tunnel, for find_by_peer; once known.
  void index_peer(Tunnel& tunnel, TunnelId peer_tunnel);
  void peer_moved(Tunnel& tunnel, const Endpoint& from);
  // Looked at by reap().
  void note_change(TunnelId id) { changed_.push_back(id); }
  // Destroys what may go.
  void reap(TimePoint now);
  // All at once, without a word to anybody: the end of the daemon.
  void clear() { tunnels_.clear(); }

  const std::unordered_map<TunnelId, std::unique_ptr<Tunnel>>& all() const { return tunnels_; }
  std::size_t size() const { return tunnels_.size(); }

 private:
  struct PeerKey {
    Endpoint peer;
    TunnelId tunnel;
    friend bool operator==(const PeerKey&, const PeerKey&) = default;
  };
  struct PeerKeyHash {
    std::size_t operator()(const PeerKey& key) const noexcept {
      return std::hash<Endpoint>{}(key.peer) * 31 + key.tunnel.value();
    }
  };
  void unindex(const Tunnel& tunnel);

  std::unordered_map<TunnelId, std::unique_ptr<Tunnel>> tunnels_;
  std::unordered_map<PeerKey, TunnelId, PeerKeyHash> by_peer_tunnel_;
  std::unordered_map<TunnelId, PeerKey> peer_key_of_;
  std::unordered_multimap<Endpoint, TunnelId> by_peer_;
  std::vector<TunnelId> changed_;
  IdPool ids_{65535, kIdQuarantine};
};

}  // namespace l2tpm::daemon
