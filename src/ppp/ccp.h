// The Compression Control Protocol (RFC 1962) with one option: MPPE (RFC 3078). The kernel
// encrypts; here it is agreed whether and how, and said when each direction must be armed.
//
// The kernel watches CCP frames that pass the unit (drivers/net/ppp: ppp_ccp_peek). A
// Configure-Request stops the direction it is about; a Configure-Ack starts it, if by then the
// direction's key and bits are set and CCP is flagged open but not up; Terminate stops both. So the
// order of actions matters: SetMppe precedes the SendFrame it is meant for; carry them out in order
// and write every frame to the unit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/cause.h"
#include "base/clock.h"
#include "base/secret.h"
#include "ppp/automaton.h"
#include "ppp/mppe_keys.h"

namespace l2tpm::ppp {

enum class MppeUse : std::uint8_t {
  off,      // no Ccp object: the link Protocol-Rejects 0x80FD
  prefer,   // encrypt if the peer can
  require,  // or end the link
};
std::string_view name(MppeUse use);

struct MppePolicy {
  MppeUse use = MppeUse::prefer;
  bool allow_40 = false;
  bool allow_128 = true;
  bool allow_stateful = true;
};

// What one direction uses.
struct MppeMode {
  MppeStrength strength = MppeStrength::bits_128;
  bool stateless = true;
  friend bool operator==(const MppeMode&, const MppeMode&) = default;
};
std::string to_string(const MppeMode& mode);  // "MPPE 128 stateless"

// PPPIOCSCOMPRESS for one direction.
struct SetMppe {
  MppeDirection direction = MppeDirection::receive;
  MppeMode mode;
  Secret start_key;  // 16 octets

  // The option data of the ioctl: 18, 6, the 4 octets of supported bits, the key; 22 octets.
  // The caller wipes them.
  std::array<std::uint8_t, 22> option_data() const;
};

// Unit flags: SC_CCP_OPEN, SC_CCP_UP, SC_MUST_COMP. All three as given; the last only together with
// up. It does not keep cleartext back while CCP is down: that is for whoever reads CcpDown.
struct SetCcpFlags {
  bool open = false;
  bool up = false;
  bool must_compress = false;
  friend bool operator==(const SetCcpFlags&, const SetCcpFlags&) = default;
};

// CCP is open. Without modes it opened with nothing agreed (never under require).
struct CcpUp {
  std::optional<MppeMode> receive;
  std::optional<MppeMode> transmit;
};
// CCP left the open state, or will never reach it: nothing is encrypted.
struct CcpDown {};
struct CcpFailed {
  Cause cause;
};

using CcpAction = std::variant<SendFrame, SetMppe, SetCcpFlags, CcpUp, CcpDown, CcpFailed>;

// Created after authentication, when its keys (if any) are known. Without keys, or with keys that
// the policy does not allow, MPPE is refused; under require that is CcpFailed at open().
//
// Stricter than the automaton about what repeats: a Configure-Request or a second Configure-Ack has
// moved the kernel's state already when it is read here, so that it starts the negotiation anew
// (as the table of RFC 1661 §4.1 says) instead of passing for a duplicate.
class Ccp final : private Automaton {
 public:
  // `timers` outlives this.
  Ccp(const MppePolicy& policy, const MppeKeys& keys, const FsmTimers& timers);

  // The link is authenticated and its unit exists: negotiate.
  void open(TimePoint now);
  void close(TimePoint now, std::string_view text = {});
  // The link goes (LCP left Opened): no more frames. open() begins again.
  void lower_down(TimePoint now);
  void receive(const wire::PppPacket& packet, TimePoint now);
  // LCP says that the peer does not speak CCP.
  void protocol_rejected(TimePoint now);
  // A 0x00FD frame was read from the unit: the kernel could not decrypt it, and decrypts no further
  // until a Reset-Ack passes, stateless or not. Asks for one; without an answer CCP is negotiated
  // anew.
  void lost_synchronisation(TimePoint now);
  void handle_timeout(TimePoint now);
  std::vector<CcpAction> take_actions() { return std::exchange(out_, {}); }

  using Automaton::is_open;
  using Automaton::next_deadline;
  using Automaton::state;
  using Automaton::would_acknowledge;
  // In force; nothing unless open.
  std::optional<MppeMode> receive_mode() const;
  std::optional<MppeMode> transmit_mode() const;

 private:
  Bytes build_request() const override;
  void reset() override;
  Judgement judge_request(ByteView options, bool may_nak) const override;
  void request_acknowledged(ByteView options) override;
  bool take_nak(ByteView options) override;
  bool take_reject(ByteView options) override;
  bool receive_extra(const wire::PppPacket& packet, TimePoint now) override;
  void request_sent(ByteView packet) override;
  void request_received(ByteView packet) override;
  std::optional<TimePoint> extra_deadline() const override;
  void handle_extra_timeout(TimePoint now) override;

  bool restarts(const wire::PppPacket& packet);
  bool outdates_our_ack(const wire::PppPacket& packet) const;
  void restart(TimePoint now);
  void undo_late_ack();
  void send_reset_request(TimePoint now);
  void mppe_refused();
  void collect(TimePoint now);
  void arm(const SendFrame& frame);
  void layer_event(LayerEvent event, TimePoint now);
  void say_down();
  void report_failure();
  void set_flags(bool open, bool up);

  MppePolicy policy_;
  MppeKeys keys_;
  std::uint32_t permitted_ = 0;  // strength bits that policy and keys allow
  std::uint32_t offer_ = 0;      // the bits of our Configure-Request; 0: the option is left out
  std::optional<MppeMode> receive_;
  std::optional<MppeMode> transmit_;
  SetCcpFlags flags_;
  std::optional<bool> said_up_;         // the last of CcpUp and CcpDown; nothing: neither yet
  bool is_failed_ = false;              // CcpFailed was said
  std::uint8_t stateful_requests_ = 0;  // Configure-Requests without H in this negotiation
  std::uint8_t request_identifier_ = 0;
  std::uint8_t request_copies_ = 0;  // transmissions under that Identifier
  std::uint8_t request_acks_ = 0;    // Configure-Acks to it
  std::uint8_t reset_identifier_ = 0;
  std::uint8_t reset_requests_ = 0;  // sent since synchronisation was lost
  std::uint8_t resets_ = 0;          // answered since reset_window_
  TimePoint reset_window_{};
  std::optional<TimePoint> reset_deadline_;
  std::vector<CcpAction> out_;
};

}  // namespace l2tpm::ppp
