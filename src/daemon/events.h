// What happens in the daemon, told to whoever wants to know: faces, `l2tpctl monitor` and `trace`.
// Plain values; json_line() is what an event stream carries. Nothing is made while nobody listens
// for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/cause.h"

namespace l2tpm::daemon {

// A tunnel's row changed its state. `old_state` "": the row is new (a client profile was added, a
// listener accepted a tunnel); `new_state` "": it is gone, nothing of that name is listed any more.
struct TunnelEvent {
  std::string tunnel, profile;
  std::string old_state, new_state;  // as TunnelView::state
  Cause cause;                       // none unless something ended
  std::string remote, peer_host_name;
};

// As TunnelEvent. Sessions behind listeners are told of, too.
struct SessionEvent {
  std::string tunnel;
  std::uint32_t session = 0;
  std::string old_state, new_state;  // as SessionView::state
  Cause cause;
  std::string interface, user, address;
  std::string pseudowire = {};  // as SessionView::pseudowire
  // Of an Ethernet one: the Circuit Status at both ends. A change of theirs is told with the state
  // that it had before.
  bool circuit_active = false, peer_circuit_active = false;
};

struct ProfileEvent {
  enum class Change : std::uint8_t { added, changed, removed };
  std::string name;
  Change change = Change::changed;
};

struct ReloadEvent {
  std::vector<std::string> changed;  // a line each
  std::vector<std::string> errors;
};

// A property of the daemon itself changed: its state, draining, the log level, the configuration's
// generation or errors.
struct DaemonEvent {
  std::string state;
};

// The state of a listener's row, or whether it drains. States "" as in TunnelEvent.
struct ListenerEvent {
  std::string name;
  std::string old_state, new_state;  // as ListenerView::state
};

// One control message or one PPP frame, as it was received or sent. Secret octets (PAP passwords,
// CHAP responses, Challenge Responses, proxied authentication, MS-CHAP keys' material) are zeros in
// `data` and lengths in `fields`; hidden AVPs stay hidden.
struct PacketEvent {
  bool outgoing = false;
  enum class Layer : std::uint8_t { l2tp, ppp };
  Layer layer = Layer::l2tp;
  std::string tunnel;         // "" when it belongs to none (a stranger's SCCRQ)
  std::uint32_t session = 0;  // 0: of the tunnel
  std::string local, remote;  // "192.0.2.1:1701"
  std::string summary;        // one line for people
  std::vector<std::pair<std::string, std::string>> fields;  // AVPs or PPP options, in order
  // l2tp: the UDP payload. ppp: protocol and what follows, no FF 03.
  Bytes data;
};

struct Event {
  std::uint64_t time = 0;  // CLOCK_REALTIME microseconds
  std::variant<TunnelEvent, SessionEvent, ProfileEvent, ReloadEvent, DaemonEvent, ListenerEvent,
               PacketEvent>
      what;
};

// What a listener wants; bits may be combined.
enum EventKind : std::uint32_t {
  kTunnelEvents = 1,
  kSessionEvents = 2,
  kProfileEvents = 4,
  kReloadEvents = 8,
  kDaemonEvents = 16,
  kListenerEvents = 32,
  kPacketEvents = 64,
  kAllButPackets = 63
};
struct EventFilter {
  std::uint32_t kinds = kAllButPackets;
  std::string tunnel;         // tunnel, session and packet events of this tunnel only; "": of all
  std::uint32_t session = 0;  // session and packet events of this session only; 0: of all
};
using EventHandler = std::function<void(const Event&)>;

// {"event":"tunnel","time":...}, one line with its '\n'. Keys only ever grow.
std::string json_line(const Event& event);
// {"event":"lost","time":...,"count":N}: the reader was too slow for so many.
std::string json_line_lost(std::uint64_t count);
// The name in "event" of a kind ("tunnel", "packet", ...) to its bit; 0: there is none.
std::uint32_t event_kind(const std::string& name);

}  // namespace l2tpm::daemon
