// One PPP session of a tunnel: an L2TP call, a ppp::Link on it, and what the kernel holds for it.
// It carries out the link's actions and keeps the two lives apart: the call may end while the
// kernel is still installing, the kernel object may vanish while the call stands. It is destroyed
// when the call has ended and the kernel has let go.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cause.h"
#include "base/clock.h"
#include "base/ids.h"
#include "daemon/environment.h"
#include "daemon/service_api.h"
#include "daemon/tunnel_owner.h"
#include "ppp/link.h"

namespace l2tpm::daemon {

class AddressPool;

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
  bool counted = false;  // in the owner's number of sessions
  Refusal refusal = Refusal::none;
  std::string refused_user;  // as the peer wrote it, printable
};

class Session {
 public:
  // `calling` until the call stands; `up` when an NCP is open and the interface has its addresses.
  enum class State : std::uint8_t { calling, authenticating, configuring, up, closing };

  Session(Environment& environment, Tunnel& tunnel, SessionId id);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The call stands: PPP starts.
  void call_up(const l2tp::SessionUp& call, TimePoint now);
  // The call is over. `in_bulk`: the whole tunnel goes, whose owner removes the kernel's side at
  // once.
  void call_down(const Cause& cause, bool in_bulk, TimePoint now);
  // A PPP frame that came as a data message, before the kernel had the session. `sequenced`: with
  // Ns and Nr.
  void receive_data(ByteView frame, bool sequenced, TimePoint now);
  void descriptor_ready(bool is_unit, TimePoint now);
  void handle_timeout(TimePoint now);
  void handle_session_limit(TimePoint now);
  void supply_verdict(const ppp::AuthVerdict& verdict, std::optional<ppp::NetworkSettings> network,
                      TimePoint now);
  // After a reload; counted from when the session came up.
  void set_limits(Duration idle_timeout, Duration session_timeout);
  // Politely: Terminate-Request, then CDN.
  void close(const Cause& cause, TimePoint now);
  // At once: CDN, and the kernel's side removed.
  void fail(const Cause& cause, TimePoint now);
  // From the sweep of all counters.
  void note_counters(const kernel::Counters& counters, TimePoint now);
  // Somebody set the interface down: it stays the session's, but says so.
  void interface_down();
  // The tunnel's kernel side has gone in bulk, this session's with it.
  void kernel_gone_in_bulk(TimePoint now);
  // Addresses and routes again, after the owner's idea of them changed.
  void apply_network(TimePoint now);

  SessionKey key() const { return key_; }
  std::uint32_t slot() const { return slot_; }
  Tunnel& tunnel() const { return tunnel_; }
  State state() const { return state_; }
  const Lease& lease() const { return lease_; }
  Lease& lease() { return lease_; }
  const Cause& cause() const { return cause_; }
  // Of the kernel, "" without.
  std::string_view interface() const;
  kernel::Counters counters() const;
  const std::optional<ppp::Ipv4Up>& ipv4() const { return network_->ipv4; }
  const std::optional<ppp::Ipv6Up>& ipv6() const { return network_->ipv6; }
  // The owner was asked for a plan: the call stood at some time.
  bool was_planned() const { return plan_ != nullptr; }
  bool is_outgoing_call() const { return outgoing_call_; }
  bool is_gone() const { return call_over_ && !kernel_busy(); }

  SessionView view() const;
  // Everything else that `l2tpctl session show` wants; describe.cc makes JSON of it.
  struct Details {
    ppp::LinkStatus link;
    std::string interface;
    int ifindex = 0;
    std::uint32_t mtu = 0;
    std::uint32_t path_mtu_limit = 0;  // what the path carries whole; mtu above it: fragments
    std::string calling_number, called_number;
    std::optional<ppp::Ipv4Up> ipv4;
    std::optional<ppp::Ipv6Up> ipv6;
    kernel::Counters counters;
    std::string proxy;  // what proxy AVPs said, "" without
    std::vector<wire::AvpText> peer_avps;
    std::uint32_t tx_speed = 0, rx_speed = 0;
    Cause cause;
  };
  Details details() const;
  void set_numbers(std::string calling, std::string called);
  // What the peer said of the call beyond RFC 2661, in ICRQ and in ICCN or OCCN.
  void note_avps(const std::vector<wire::AvpText>& avps);
  // The LAC's line has changed (RFC 5515 §4.1).
  void set_speeds(std::uint32_t tx, std::uint32_t rx);

 private:
  struct Network {
    std::optional<ppp::Ipv4Up> ipv4;
    std::optional<ppp::Ipv6Up> ipv6;
  };
  // Kept apart since most sessions of an LNS never have them.
  struct CallFacts {
    std::string calling_number, called_number, proxy;
    std::vector<wire::AvpText> peer_avps;
    std::uint32_t tx_speed = 0, rx_speed = 0;
  };
  enum class KernelState : std::uint8_t { none, installing, installed, removing };

  bool kernel_busy() const { return kernel_ != KernelState::none; }
  void carry_out(TimePoint now);
  void carry_out(ppp::LinkAction& action, TimePoint now);
  void send_frame(const Bytes& frame);
  void install(bool with_unit, TimePoint now);
  void install_done(Result<kernel::Installed, kernel::KernelError> result, std::uint32_t mtu,
                    TimePoint now);
  void arm_session_limit();
  void receive_early(TimePoint now);
  void watch_descriptors();
  void unwatch_descriptors();
  void link_down(const Cause& cause, TimePoint now);
  void end(const Cause& cause, TimePoint now);
  void remove_from_kernel(TimePoint now);
  void network_applied(const Result<Done, kernel::KernelError>& result, TimePoint now);
  void set_state(State state, TimePoint now);
  void announce(std::string_view old_state, std::string_view new_state) const;
  Failure describe_end(TimePoint now) const;
  void arm();
  void check_gone(TimePoint now);
  LogContext log_context() const;

  Environment& env_;
  Tunnel& tunnel_;
  SessionKey key_;
  std::array<char, 8> id_text_{};  // for logs
  SessionId peer_session_;
  std::uint32_t slot_;
  State state_ = State::calling;
  KernelState kernel_ = KernelState::none;
  bool call_over_ = false;
  bool carrying_out_ = false;
  bool outgoing_call_ = false;
  bool announced_up_ = false;
  bool mtu_warned_ = false;
  bool gone_reported_ = false;
  bool unit_wanted_ = false;  // as soon as the kernel has the session without one
  std::uint32_t mtu_ = 0;
  int ifindex_ = 0;
  std::uint64_t up_since_ = 0;  // CLOCK_REALTIME microseconds
  std::unique_ptr<SessionPlan> plan_;
  std::unique_ptr<ppp::Link> link_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<CallFacts> facts_;
  SharedFd channel_;
  SharedFd unit_;
  // Frames that overtook ICCN, at most kMaxEarlyFrames; most sessions never have any.
  std::unique_ptr<std::vector<Bytes>> early_;
  Lease lease_;
  Cause cause_;
  std::uint64_t rx_packets_ = 0, tx_packets_ = 0, rx_bytes_ = 0, tx_bytes_ = 0;
  std::uint32_t rx_errors_ = 0, tx_errors_ = 0;
  TimePoint up_at_{}, last_traffic_{};
};
std::string_view name(Session::State state);

}  // namespace l2tpm::daemon
