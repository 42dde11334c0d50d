// One session of a tunnel, whatever it carries: an L2TP call and what the kernel holds for it. The
// two lives are kept apart: the call may end while the kernel is still installing, the kernel
// object may vanish while the call stands. It is destroyed when the call has ended and the kernel
// has let go. What runs inside is PppSession's or PseudowireSession's.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cause.h"
#include "base/clock.h"
#include "base/ids.h"
#include "daemon/bridging.h"
#include "daemon/environment.h"
#include "daemon/events.h"
#include "daemon/service_api.h"
#include "daemon/tunnel_owner.h"
#include "ppp/link.h"

namespace l2tpm::daemon {

class AddressPool;
class PppSession;
class PseudowireSession;

// Why a listener did not let a user in; for the failure's details.
enum class Refusal : std::uint8_t {
  none,
  unknown_user,
  wrong_password,
  too_many_sessions,
  no_address
};
std::string_view name(Refusal refusal);

// What the owner lent to this session; given back in TunnelOwner::session_gone.
struct Lease {
  std::string user;  // the configured name, not what the peer wrote
  std::optional<IpAddress> address;
  std::shared_ptr<AddressPool> pool;  // where the address goes back to
  std::uint64_t interface_id = 0;
  std::vector<IpPrefix> routes;
  std::shared_ptr<const config::Bcp> bcp;  // the user's own
  bool counted = false;                    // in the owner's number of sessions
  Refusal refusal = Refusal::none;
  std::string refused_user;  // as the peer wrote it, printable
};

class Session {
 public:
  // `calling` until the call stands; `up` when it carries what it is for: an NCP is open and the
  // interface has its addresses, or the pseudowire's interface is where it belongs.
  enum class State : std::uint8_t { calling, authenticating, configuring, up, closing };

  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The call stands.
  virtual void call_up(const l2tp::SessionUp& call, TimePoint now) = 0;
  // The call is over. `in_bulk`: the whole tunnel goes, whose owner removes the kernel's side at
  // once.
  void call_down(const Cause& cause, bool in_bulk, TimePoint now);
  virtual void descriptor_ready(bool is_unit, TimePoint now);
  virtual void handle_timeout(TimePoint now);
  virtual void handle_session_limit(TimePoint now);
  // Politely, with what the session's own protocol says first; then CDN.
  virtual void close(const Cause& cause, TimePoint now) = 0;
  // At once: CDN, and the kernel's side removed.
  void fail(const Cause& cause, TimePoint now) { end(cause, now); }
  // From the sweep of all counters.
  virtual void note_counters(const kernel::Counters& counters, TimePoint now);
  // After a reload; counted from when the session came up.
  virtual void set_limits(Duration idle_timeout, Duration session_timeout);
  // Addresses and routes again, after the owner's idea of them changed.
  virtual void apply_network(TimePoint now);
  // Somebody set the interface down: it stays the session's, but says so.
  void interface_down();
  // The tunnel's kernel side has gone in bulk, this session's with it.
  void kernel_gone_in_bulk(TimePoint now);

  SessionKey key() const { return key_; }
  std::uint32_t slot() const { return slot_; }
  Tunnel& tunnel() const { return tunnel_; }
  State state() const { return state_; }
  const Lease& lease() const { return lease_; }
  Lease& lease() { return lease_; }
  const Cause& cause() const { return cause_; }
  // Of the kernel, "" without.
  virtual std::string_view interface() const = 0;
  kernel::Counters counters() const;
  // The call stood at some time.
  virtual bool was_planned() const = 0;
  virtual bool is_outgoing_call() const { return false; }
  bool is_gone() const { return call_over_ && !kernel_busy(); }
  // What it is, for those who need to know.
  virtual PppSession* as_ppp() { return nullptr; }
  virtual PseudowireSession* as_pseudowire() { return nullptr; }

  virtual SessionView view() const;
  // Everything else that `l2tpctl session show` wants; describe.cc makes JSON of it.
  struct Details {
    std::string interface;
    int ifindex = 0;
    std::uint32_t mtu = 0;
    std::uint32_t path_mtu_limit = 0;  // what the path carries whole; mtu above it: fragments
    kernel::Counters counters;
    std::vector<wire::AvpText> peer_avps;
    std::uint64_t tx_speed = 0, rx_speed = 0;
    Cause cause;
    // PPP
    ppp::LinkStatus link;
    std::string calling_number, called_number;
    std::optional<ppp::Ipv4Up> ipv4;
    std::optional<ppp::Ipv6Up> ipv6;
    std::string proxy;  // what proxy AVPs said, "" without
    std::optional<EthernetView> ethernet;
    std::optional<kernel::SessionFraming> framing;  // of PPP in L2TPv3
    std::optional<BridgingView> bridging;           // of BCP
  };
  virtual Details details() const;

 protected:
  enum class KernelState : std::uint8_t { none, installing, installed, removing };

  Session(Environment& environment, Tunnel& tunnel, SessionId id);

  // The call is over: nothing of the session's own protocol goes on.
  virtual void stop(const Cause& cause, TimePoint now) = 0;
  // The kernel has let go of it, or will without being asked.
  virtual void let_go() {}
  // It is about to be destroyed.
  virtual void gone() {}
  // What an event about it has beyond every session's.
  virtual void describe_event(SessionEvent&) const {}
  // What its end is about, beyond what every session's is.
  virtual void describe_end(Failure& end) const = 0;

  bool kernel_busy() const { return kernel_ != KernelState::none; }
  void end(const Cause& cause, TimePoint now);
  void remove_from_kernel();
  void check_gone(TimePoint now);
  void set_state(State state);
  void announce(std::string_view old_state, std::string_view new_state) const;
  // Adds what is new to the owner's traffic. What moved since the last time.
  struct Moved {
    bool received = false;
    bool sent = false;
  };
  Moved count(const kernel::Counters& counters);
  static Cause kernel_cause(const kernel::KernelError& error);
  LogContext log_context() const;

  Environment& env_;
  Tunnel& tunnel_;
  SessionKey key_;
  std::array<char, 12> id_text_{};  // for logs
  SessionId peer_session_;
  std::uint32_t slot_;
  State state_ = State::calling;
  KernelState kernel_ = KernelState::none;
  bool call_over_ = false;
  bool announced_up_ = false;
  std::uint32_t mtu_ = 0;
  int ifindex_ = 0;
  std::uint64_t up_since_ = 0;  // CLOCK_REALTIME microseconds
  TimePoint up_at_{};
  Lease lease_;
  Cause cause_;

 private:
  Failure failure(TimePoint now) const;

  bool gone_reported_ = false;
  std::uint32_t rx_errors_ = 0, tx_errors_ = 0;
  std::shared_ptr<const kernel::BcpCounters> bcp_counters_;
  std::uint64_t rx_packets_ = 0, tx_packets_ = 0, rx_bytes_ = 0, tx_bytes_ = 0;
};
std::string_view name(Session::State state);

}  // namespace l2tpm::daemon
