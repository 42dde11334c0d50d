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

// Unit flags: SC_CCP_OPEN, SC_CCP_UP, SC_MUST_COMP. All three as given.
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
class Ccp final : private Automaton {
 public:
  // `timers` outlives this.
  Ccp(const MppePolicy& policy, const MppeKeys& keys, const FsmTimers& timers);

  // Starts negotiating; the link is authenticated and its unit exists.
  void open(TimePoint now);
  void close(TimePoint now, std::string_view text = {});
  // The link goes (LCP left Opened): no more frames.
  void lower_down(TimePoint now);
  void receive(const wire::PppPacket& packet, TimePoint now);
  // LCP says that the peer does not speak CCP.
  void protocol_rejected(TimePoint now);
  // A 0x00FD frame was read from the unit: the kernel could not decrypt it and decrypts no further
  // until a Reset-Ack passes. Asks for one; without an answer CCP is negotiated anew.
  void lost_synchronisation(TimePoint now);
  void handle_timeout(TimePoint now);
  std::vector<CcpAction> take_actions();
  std::optional<TimePoint> next_deadline() const;

  using Automaton::is_open;
  using Automaton::state;
  // In force while open.
  std::optional<MppeMode> receive_mode() const;
  std::optional<MppeMode> transmit_mode() const;
};

}  // namespace l2tpm::ppp
