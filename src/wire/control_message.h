// Control messages of L2TPv2 (RFC 2661 §4, §6): one struct for all of them, octets in and out.
// Pure functions. What has no place in the sequence (a malformed header) is a HeaderError and
// dropped; whatever else is wrong is a `problem` inside the message, because the message keeps its
// place in the sequence and is answered.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/avp.h"
#include "wire/l2tp_header.h"
#include "wire/result_codes.h"

namespace l2tpm::wire {

enum class MessageType : std::uint16_t {
  none = 0,  // a ZLB, or a message whose type is unknown or could not be read
  sccrq = 1,
  sccrp = 2,
  scccn = 3,
  stopccn = 4,
  hello = 6,
  ocrq = 7,
  ocrp = 8,
  occn = 9,
  icrq = 10,
  icrp = 11,
  iccn = 12,
  cdn = 14,
  wen = 15,
  sli = 16,
  csun = 28,  // RFC 5515 §4: the speeds of calls have changed, says the LAC; it concerns the tunnel
  csurq = 29  // what are they now? asks the LNS
};
std::string_view name(MessageType type);  // "SCCRQ", "StopCCN"; "none"

// What RFC 2661 §4.1 ends for an error in a message: the whole tunnel, or only the session the
// message is associated with.
enum class Scope : std::uint8_t { tunnel, session };
// By the message's type: SCCRQ, SCCRP, SCCCN, StopCCN, HELLO, CSUN, CSURQ and `none` concern the
// tunnel.
Scope scope_of(MessageType type);

// The first thing wrong with a message that must be answered.
struct Problem {
  enum class Kind : std::uint8_t {
    bad_avp_length,  // below six, or beyond the message; what follows was not read
    first_avp_not_message_type,
    unknown_mandatory_message_type,
    unknown_mandatory_avp,  // vendor AVPs and AVPs with reserved bits set included
    hidden_mandatory_avp,   // cannot be revealed: no secret, no Random Vector, or a wrong secret
    bad_value,              // length or value of a known mandatory AVP out of range
    missing_avp,            // `avp` is required in this message (RFC 2661 §6)
  };
  Kind kind = Kind::bad_avp_length;
  Scope scope = Scope::tunnel;
  AvpKey avp;  // the offending or the missing one
  // General Error code to answer with, under result 2.
  GeneralError error_code() const;
  // "unknown mandatory AVP: vendor 9 type 100"
  std::string to_string() const;
  friend bool operator==(const Problem&, const Problem&) = default;
};
std::string_view name(Problem::Kind kind);

// AVP 1. The codes stay numbers: what they mean depends on the message, and peers invent some.
struct ResultCode {
  std::uint16_t result = 0;
  std::optional<std::uint16_t> error;  // many peers leave it out
  std::string message;                 // UTF-8 as sent; not safe to print
  friend bool operator==(const ResultCode&, const ResultCode&) = default;
};
// AVP 2.
struct ProtocolVersion {
  std::uint8_t version = 1;  // of the protocol: 1 in L2TPv2
  std::uint8_t revision = 0;
  friend bool operator==(const ProtocolVersion&, const ProtocolVersion&) = default;
};
// Bits of AVPs 3 and 19 (framing) and of 4 and 18 (bearer).
inline constexpr std::uint32_t kFramingSync = 1;
inline constexpr std::uint32_t kFramingAsync = 2;
inline constexpr std::uint32_t kBearerDigital = 1;
inline constexpr std::uint32_t kBearerAnalog = 2;
// AVP 12.
struct Q931Cause {
  std::uint16_t code = 0;
  std::uint8_t message_type = 0;
  std::string advisory;
  friend bool operator==(const Q931Cause&, const Q931Cause&) = default;
};
// AVP 34, in WEN.
struct CallErrors {
  std::uint32_t crc_errors = 0;
  std::uint32_t framing_errors = 0;
  std::uint32_t hardware_overruns = 0;
  std::uint32_t buffer_overruns = 0;
  std::uint32_t timeout_errors = 0;
  std::uint32_t alignment_errors = 0;
  friend bool operator==(const CallErrors&, const CallErrors&) = default;
};
// AVP 35, in SLI.
struct Accm {
  std::uint32_t send = 0;
  std::uint32_t receive = 0;
  friend bool operator==(const Accm&, const Accm&) = default;
};
// AVP 29.
enum class ProxyAuthenType : std::uint16_t { text = 1, chap = 2, pap = 3, none = 4, mschapv1 = 5 };
// AVP 46, in CDN. RFC 3145 §2.
struct PppDisconnectCause {
  std::uint16_t code = 0;      // disconnect_cause_text()
  std::uint16_t protocol = 0;  // PPP control protocol number, 0: none
  std::uint8_t direction = 0;  // 0 global, 1 at the peer, 2 at the local end
  std::string message;         // UTF-8 as sent; not safe to print
  friend bool operator==(const PppDisconnectCause&, const PppDisconnectCause&) = default;
};

// Peculiarities met in a message; each is worth a log line.
struct Quirks {
  bool swapped_result_code = false;  // Apple: Result Code in little-endian order
  std::uint16_t duplicate_avps = 0;  // the first one counts
  std::uint16_t ignored_avps = 0;    // optional ones that are malformed or cannot be revealed
  std::uint16_t excess_avps = 0;     // beyond kMaxOtherAvps, not kept
  friend bool operator==(const Quirks&, const Quirks&) = default;
};

// How many AVPs without a typed field a message keeps.
inline constexpr std::size_t kMaxOtherAvps = 64;

struct ControlMessage {
  // The header, RFC 2661 §3.1. Ids are the receiver's own.
  TunnelId tunnel_id;
  SessionId session_id;
  std::uint16_t ns = 0;
  std::uint16_t nr = 0;

  MessageType type = MessageType::none;
  bool is_zlb = false;
  // Set when the type is none of ours: with M=0 the message is acknowledged and otherwise ignored,
  // with M=1 there is a problem (RFC 2661 §4.4.1).
  std::optional<std::uint16_t> unknown_type;
  std::optional<Problem> problem;
  Quirks quirks;

  // AVPs, in the order of their numbers.
  std::optional<ResultCode> result_code;
  std::optional<ProtocolVersion> protocol_version;
  std::optional<std::uint32_t> framing_capabilities;
  std::optional<std::uint32_t> bearer_capabilities;
  std::optional<std::uint64_t> tie_breaker;
  std::optional<std::uint16_t> firmware_revision;
  std::optional<std::string> host_name;  // one octet or more
  std::optional<std::string> vendor_name;
  std::optional<TunnelId> assigned_tunnel_id;        // 1..65535
  std::optional<std::uint16_t> receive_window_size;  // 1..65535; absent means 4
  std::optional<Bytes> challenge;                    // one octet or more
  std::optional<Q931Cause> q931_cause_code;
  std::optional<std::array<std::uint8_t, 16>> challenge_response;
  std::optional<SessionId> assigned_session_id;  // 1..65535
  std::optional<std::uint32_t> call_serial_number;
  std::optional<std::uint32_t> minimum_bps;
  std::optional<std::uint32_t> maximum_bps;
  std::optional<std::uint32_t> bearer_type;
  std::optional<std::uint32_t> framing_type;
  std::optional<std::string> called_number;
  std::optional<std::string> calling_number;
  std::optional<std::string> sub_address;
  std::optional<std::uint32_t> tx_connect_speed;  // bits per second
  std::optional<std::uint32_t> physical_channel_id;
  std::optional<Bytes> initial_received_lcp_confreq;  // options only, from after the length field
  std::optional<Bytes> last_sent_lcp_confreq;
  std::optional<Bytes> last_received_lcp_confreq;
  std::optional<std::uint16_t> proxy_authen_type;  // a ProxyAuthenType, or what the peer sent
  std::optional<Bytes> proxy_authen_name;
  std::optional<Bytes> proxy_authen_challenge;
  std::optional<std::uint8_t> proxy_authen_id;
  std::optional<Bytes> proxy_authen_response;  // may be a password in clear
  std::optional<CallErrors> call_errors;
  std::optional<Accm> accm;
  std::optional<Bytes> private_group_id;
  std::optional<std::uint32_t> rx_connect_speed;  // bits per second; absent means tx
  bool sequencing_required = false;
  std::optional<PppDisconnectCause> ppp_disconnect_cause;
  std::optional<std::uint16_t> control_connection_ds;  // per-hop behaviour, RFC 3308
  std::optional<std::uint16_t> session_ds;
  std::optional<Bytes> lcp_want_options;
  std::optional<Bytes> lcp_allow_options;
  std::optional<Bytes> lns_last_sent_lcp_confreq;
  std::optional<Bytes> lns_last_received_lcp_confreq;
  bool connect_speed_update_enable = false;

  // All others in the order they came: RFC 3301 and RFC 5515 AVPs (recognised, shown by
  // describe()), unknown optional ones, and optional ones that could not be used. Sent as they are.
  std::vector<RawAvp> others;

  friend bool operator==(const ControlMessage&, const ControlMessage&) = default;
};

struct DecodeOptions {
  // The tunnel's secret, for hidden AVPs; empty when there is none.
  ByteView secret;
  // Mandatory AVPs that are unknown, cannot be revealed or have a bad value are then skipped as if
  // they were optional (accel-ppp's avp_permissive).
  bool permissive = false;
};

// Never fails: `header` was good, so the message has a place in the sequence. REQUIRES:
// header.is_control.
ControlMessage decode_control(const Header& header, const DecodeOptions& options = {});
// The same from the whole datagram.
Result<ControlMessage, HeaderError> decode_control(ByteView datagram,
                                                   const DecodeOptions& options = {});

struct EncodeOptions {
  // With a secret, AVPs that RFC 2661 §4.4 allows to be hidden are hidden, except in SCCRQ and
  // StopCCN; the Random Vector AVP precedes them. REQUIRES then: random_vector not empty (16 octets
  // of fresh randomness are right).
  ByteView secret;
  ByteView random_vector;
  // Random octets to pad hidden values with, to a multiple of 16, so that their lengths do not
  // show. Used again from the start when exhausted; empty: no padding.
  ByteView padding;
  // SCCRP is left in clear unless asked for: xl2tpd looks its secret up only after it has read the
  // whole SCCRP, and takes what is hidden there for an invalid AVP (seen with 1.3.18). It reveals
  // AVPs of later messages, provided that the tunnel challenged it.
  bool hide_in_sccrp = false;
};

// The datagram of a message. AVPs that the message type does not have (RFC 2661 §6) are left out;
// Message Type comes first; a Length too large for an AVP (1017 octets of value) leaves that AVP
// out. A message of type `none` is a ZLB.
Bytes encode(const ControlMessage& message, const EncodeOptions& options = {});

// Every AVP of a message for people, typed ones first. For status and trace.
std::vector<AvpText> describe(const ControlMessage& message);
// Of those only what RFC 2661 does not have, RFC 3145's apart: DSCPs, access lines, a vendor's. For
// status: as many as make about `max_octets` of text.
std::vector<AvpText> describe_extensions(const ControlMessage& message, std::size_t max_octets);

// AVP 97, in CSUN.
struct ConnectSpeedUpdate {
  SessionId session;     // the receiver's
  std::uint32_t tx = 0;  // bit/s, as in ICCN
  std::uint32_t rx = 0;
  friend bool operator==(const ConnectSpeedUpdate&, const ConnectSpeedUpdate&) = default;
};
std::vector<ConnectSpeedUpdate> connect_speed_updates(const ControlMessage& message);

}  // namespace l2tpm::wire
