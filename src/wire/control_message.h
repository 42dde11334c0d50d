// Control messages of L2TPv2 (RFC 2661 §4, §6) and L2TPv3 (RFC 3931 §5, §6): one struct for all of
// them, octets in and out. Where the two RFCs say the same by different means (ids of 16 and 32
// bits, the session in the header or in an AVP) it is one field. Pure functions. What has no place
// in the sequence (a malformed header) is a HeaderError and dropped; whatever else is wrong is a
// `problem` inside the message, because the message keeps its place in the sequence and is
// answered.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/avp.h"
#include "wire/l2tp_header.h"
#include "wire/l2tp_v3_header.h"
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
  ack = 20,   // L2TPv3: acknowledges and takes no number, as a ZLB does
  csun = 28,  // RFC 5515 §4: the speeds of calls have changed, says the LAC; it concerns the tunnel
  csurq = 29  // what are they now? asks the LNS
};
std::string_view name(MessageType type);  // "SCCRQ", "StopCCN"; "none"

// What RFC 2661 §4.1 ends for an error in a message: the whole tunnel, or only the session the
// message is associated with.
enum class Scope : std::uint8_t { tunnel, session };
// By the message's type: SCCRQ, SCCRP, SCCCN, StopCCN, HELLO, ACK, CSUN, CSURQ and `none` concern
// the tunnel.
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
// AVPs 62 and 68: RFC 3931 §10.6 and RFC 4719.
inline constexpr std::uint16_t kPseudowireEthernetVlan = 4;
inline constexpr std::uint16_t kPseudowireEthernet = 5;
inline constexpr std::uint16_t kPseudowirePpp = 7;
std::string_view pseudowire_name(std::uint16_t type);  // "Ethernet"; "unknown"
// AVP 69: what precedes each frame that is sent to the one who says it.
inline constexpr std::uint16_t kSublayerNone = 0;
inline constexpr std::uint16_t kSublayerDefault = 1;  // four octets with a sequence number
// AVP 70: which of the frames that are sent to the one who says it are to be numbered.
inline constexpr std::uint16_t kSequencingNone = 0;
inline constexpr std::uint16_t kSequencingNonIp = 1;
inline constexpr std::uint16_t kSequencingAll = 2;
// Bits of AVP 71.
inline constexpr std::uint16_t kCircuitActive = 1;
inline constexpr std::uint16_t kCircuitNew = 2;
// AVP 46, in CDN. RFC 3145 §2.
struct PppDisconnectCause {
  std::uint16_t code = 0;      // disconnect_cause_text()
  std::uint16_t protocol = 0;  // PPP control protocol number, 0: none
  std::uint8_t direction = 0;  // 0 global, 1 at the peer, 2 at the local end
  std::string message;         // UTF-8 as sent; not safe to print
  friend bool operator==(const PppDisconnectCause&, const PppDisconnectCause&) = default;
};

// AVP 59, the first octet: RFC 3931 §5.4.1.
enum class DigestType : std::uint8_t { hmac_md5 = 0, hmac_sha1 = 1 };

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
  std::uint8_t version = 2;  // 2 or 3

  // The header, RFC 2661 §3.1, RFC 3931 §3.2.1. Ids are the receiver's own.
  TunnelId tunnel_id;    // L2TPv3: Control Connection ID
  SessionId session_id;  // L2TPv3: Remote Session ID, AVP 64, which every session's message has
  std::uint16_t ns = 0;
  std::uint16_t nr = 0;

  MessageType type = MessageType::none;
  bool is_zlb = false;  // acknowledges and takes no number: a ZLB, or ACK
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
  std::optional<std::uint64_t> tie_breaker;  // L2TPv3: in ICRQ and OCRQ, too
  std::optional<std::uint16_t> firmware_revision;
  std::optional<std::string> host_name;  // one octet or more
  std::optional<std::string> vendor_name;
  std::optional<TunnelId> assigned_tunnel_id;        // 1..65535; L2TPv3: AVP 61, any but 0
  std::optional<std::uint16_t> receive_window_size;  // 1..65535; absent means 4
  std::optional<Bytes> challenge;                    // one octet or more
  std::optional<Q931Cause> q931_cause_code;
  std::optional<std::array<std::uint8_t, 16>> challenge_response;
  std::optional<SessionId> assigned_session_id;  // 1..65535; L2TPv3: AVP 63, any but 0
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

  // L2TPv3, RFC 3931 §5.4, in the order of their numbers.
  std::optional<std::uint32_t> router_id;
  // AVP 61 in a SCCRQ of version 2: the sender would speak version 3 (§4.7.3).
  std::optional<TunnelId> v3_connection_id;
  std::optional<std::vector<std::uint16_t>> pseudowire_capabilities;
  std::optional<Bytes> assigned_cookie;  // 0, 4 or 8 octets
  std::optional<Bytes> remote_end_id;
  std::optional<std::uint16_t> pseudowire_type;
  std::optional<std::uint16_t> l2_sublayer;      // kSublayer...
  std::optional<std::uint16_t> data_sequencing;  // kSequencing...
  std::optional<std::uint16_t> circuit_status;   // kCircuit...
  std::optional<std::string> preferred_language;
  std::optional<Bytes> authentication_nonce;
  std::optional<std::uint64_t> tx_connect_speed_v3;  // bits per second; 0: not known
  std::optional<std::uint64_t> rx_connect_speed_v3;
  std::optional<std::uint16_t> interface_mtu;  // RFC 4667 §4.3

  // L2TPv3, decoded only: it speaks the dialect of Cisco's routers from before the RFC, in which
  // AVPs of vendor 9 stand for some of the RFC's. What the latter left open was taken from the
  // former; Router ID and Circuit Status may be missing.
  bool cisco_draft = false;

  // All others in the order they came: RFC 3301 and RFC 5515 AVPs and those of Cisco's early L2TPv3
  // (recognised, shown by describe()), Message Digests, unknown optional ones, and optional ones
  // that could not be used. Sent as they are, Message Digests excepted.
  std::vector<RawAvp> others;

  friend bool operator==(const ControlMessage&, const ControlMessage&) = default;
};

struct DecodeOptions {
  // For hidden AVPs: the tunnel's secret, in L2TPv3 hiding_key() of it; empty when there is none.
  ByteView secret;
  // Mandatory AVPs that are unknown, cannot be revealed or have a bad value are then skipped as if
  // they were optional (accel-ppp's avp_permissive).
  bool permissive = false;
};

// Never fails: `header` was good, so the message has a place in the sequence. REQUIRES:
// header.is_control.
ControlMessage decode_control(const Header& header, const DecodeOptions& options = {});
// Of an L2TPv3 message nothing may be believed until check_digest() has been asked.
ControlMessage decode_control(const V3Header& header, const DecodeOptions& options = {});
// The same from the whole UDP payload, of either version.
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
  // L2TPv3, and the SCCRQ of version 2 that offers it: room for so many Message Digests, of one of
  // the two types each, for sign() to fill.
  std::span<const DigestType> digests = {};
};

// The datagram of a message. AVPs that the message type does not have (RFC 2661 §6) are left out;
// Message Type comes first; a Length too large for an AVP (1017 octets of value) leaves that AVP
// out. A message of type `none` is a ZLB. In L2TPv3 what goes over IP has four zero octets before
// it (RFC 3931 §4.1.1.2): whoever sends it puts them there, or the kernel does.
Bytes encode(const ControlMessage& message, const EncodeOptions& options = {});

// For a peer whose messages are cisco_draft: puts into `others` as Cisco's AVPs, M set, what the
// message says in those of RFC 3931, and in SCCRQ and SCCRP the AVPs by which the dialect is known.
// The RFC's stay. To be done last. REQUIRES: version 3.
void say_as_cisco(ControlMessage& message);

// Every AVP of a message for people, typed ones first. For status and trace.
std::vector<AvpText> describe(const ControlMessage& message);
// Of those only what RFC 2661 does not have, RFC 3145's apart, nor in L2TPv3 RFC 3931: DSCPs,
// access lines, a vendor's. For status: as many as make about `max_octets` of text.
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
