// The tables of L2TPv3: RFC 3931 §5.4 (AVPs) and §6 (messages).
#include <algorithm>
#include <array>

#include "wire/avp_rules.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

using A = AvpType;
using F = AvpFormat;
using M = ControlMessage;

constexpr std::uint16_t kMax = kMaxAvpValue;
constexpr std::monostate kRaw;

constexpr AvpKey cisco(std::uint16_t type) { return {kCisco, type}; }

// clang-format off
constexpr AvpRule kAvpRules[] = {
  // key                                 name                             format               min   max  M      hide   field
  {ietf(A::message_type),                "Message Type",                  F::message_type,       2,    2, true,  false, kRaw},
  {ietf(A::result_code),                 "Result Code",                   F::result_code,        2, kMax, true,  false, &M::result_code},
  {ietf(A::tie_breaker),                 "Tie Breaker",                   F::hex_number,         8,    8, true,  false, &M::tie_breaker},
  {ietf(A::firmware_revision),           "Firmware Revision",             F::hex_number,         2,    2, false, true,  &M::firmware_revision},
  {ietf(A::host_name),                   "Host Name",                     F::text,               1, kMax, true,  false, &M::host_name},
  {ietf(A::vendor_name),                 "Vendor Name",                   F::text,               0, kMax, false, true,  &M::vendor_name},
  {ietf(A::receive_window_size),         "Receive Window Size",           F::number,             2,    2, true,  false, &M::receive_window_size},
  // Cisco's authentication from before RFC 3931, which is RFC 2661's
  {ietf(A::challenge),                   "Challenge",                     F::sensitive,          1, kMax, true,  true,  &M::challenge},
  {ietf(A::q931_cause_code),             "Q.931 Cause Code",              F::q931_cause,         3, kMax, true,  false, &M::q931_cause_code},
  {ietf(A::challenge_response),          "Challenge Response",            F::sensitive,         16,   16, true,  true,  &M::challenge_response},
  {ietf(A::call_serial_number),          "Call Serial Number",            F::number,             4,    4, false, true,  &M::call_serial_number},
  {ietf(A::physical_channel_id),         "Physical Channel ID",           F::number,             4,    4, false, true,  &M::physical_channel_id},
  {ietf(A::call_errors),                 "Call Errors",                   F::call_errors,       26,   26, false, true,  &M::call_errors},
  {ietf(A::random_vector),               "Random Vector",                 F::octets,             1, kMax, true,  false, kRaw},
  {ietf(A::ppp_disconnect_cause),        "PPP Disconnect Cause Code",     F::disconnect_cause,   5, kMax, false, true,  &M::ppp_disconnect_cause},
  {ietf(A::message_digest),              "Message Digest",                F::message_digest,     1, kMax, true,  false, kRaw},
  {ietf(A::router_id),                   "Router ID",                     F::router_id,          4,    4, true,  false, &M::router_id},
  {ietf(A::assigned_connection_id),      "Assigned Control Connection ID", F::number,            4,    4, true,  true,  &M::assigned_tunnel_id},
  {ietf(A::pseudowire_capabilities),     "Pseudowire Capabilities List",  F::pseudowire_type,    2, kMax, true,  true,  &M::pseudowire_capabilities},
  {ietf(A::local_session_id),            "Local Session ID",              F::number,             4,    4, true,  true,  &M::assigned_session_id},
  {ietf(A::remote_session_id),           "Remote Session ID",             F::number,             4,    4, true,  true,  &M::session_id},
  {ietf(A::assigned_cookie),             "Assigned Cookie",               F::sensitive,          0,    8, true,  true,  &M::assigned_cookie},
  {ietf(A::remote_end_id),               "Remote End ID",                 F::text,               0, kMax, true,  true,  &M::remote_end_id},
  {ietf(A::pseudowire_type),             "Pseudowire Type",               F::pseudowire_type,    2,    2, true,  true,  &M::pseudowire_type},
  {ietf(A::l2_specific_sublayer),        "L2-Specific Sublayer",          F::sublayer,           2,    2, true,  true,  &M::l2_sublayer},
  {ietf(A::data_sequencing),             "Data Sequencing",               F::sequencing_level,   2,    2, true,  true,  &M::data_sequencing},
  {ietf(A::circuit_status),              "Circuit Status",                F::circuit_status,     2,    2, true,  true,  &M::circuit_status},
  {ietf(A::preferred_language),          "Preferred Language",            F::text,               0, kMax, false, true,  &M::preferred_language},
  {ietf(A::authentication_nonce),        "Control Message Authentication Nonce", F::octets,      1, kMax, true,  false, &M::authentication_nonce},
  {ietf(A::tx_connect_speed_v3),         "Tx Connect Speed",              F::number,             8,    8, false, true,  &M::tx_connect_speed_v3},
  {ietf(A::rx_connect_speed_v3),         "Rx Connect Speed",              F::number,             8,    8, false, true,  &M::rx_connect_speed_v3},
  {ietf(A::interface_mtu),               "Interface Maximum Transmission Unit", F::number,       2,    2, false, true,  &M::interface_mtu},
  // Of the dialect from before RFC 3931 that Cisco's routers speak: cisco_twins(). 110 and 111 have no
  // published names; they come without M.
  {cisco(1),  "Cisco Assigned Connection ID",         F::number,          1,    8, false, true, kRaw},
  {cisco(2),  "Cisco Pseudowire Capabilities List",   F::pseudowire_type, 0, kMax, false, true, kRaw},
  {cisco(3),  "Cisco Local Session ID",               F::number,          1,    8, false, true, kRaw},
  {cisco(4),  "Cisco Remote Session ID",              F::number,          1,    8, false, true, kRaw},
  {cisco(5),  "Cisco Assigned Cookie",                F::sensitive,       0, kMax, false, true, kRaw},
  {cisco(6),  "Cisco Remote End ID",                  F::text,            0, kMax, false, true, kRaw},
  {cisco(7),  "Cisco Pseudowire Type",                F::pseudowire_type, 0, kMax, false, true, kRaw},
  {cisco(8),  "Cisco Circuit Status",                 F::circuit_status,  2,    2, false, true, kRaw},
  {cisco(9),  "Cisco Session Tie Breaker",            F::octets,          0, kMax, false, true, kRaw},
  {cisco(10), "Cisco Draft AVP Version",              F::number,          1,    8, false, true, kRaw},
  {cisco(11), "Cisco ATM Maximum Concatenated Cells", F::number,          1,    8, false, true, kRaw},
  {cisco(12), "Cisco Message Digest",                 F::sensitive,       0, kMax, false, true, kRaw},
  {cisco(13), "Cisco Authentication Nonce",           F::octets,          0, kMax, false, true, kRaw},
  {cisco(14), "Cisco Interface MTU",                  F::number,          1,    8, false, true, kRaw},
  {cisco(108), "Cisco OAM Emulation Required",        F::octets,          0, kMax, false, true, kRaw},
  {cisco(109), "Cisco ATM Alarm Status",              F::octets,          0, kMax, false, true, kRaw},
};

// Cisco's numbers, in the order of theirs, and what IANA made of them; the values are the same. What
// L2TPv3 authenticates messages with is not among them: which octets Cisco's digest covers is not
// published.
constexpr CiscoTwin kCiscoTwins[] = {
  {1, A::assigned_connection_id},
  {2, A::pseudowire_capabilities},
  {3, A::local_session_id},
  {4, A::remote_session_id},
  {5, A::assigned_cookie},
  {6, A::remote_end_id},
  {7, A::pseudowire_type},
  {8, A::circuit_status},
  {9, A::tie_breaker},  // of sessions only
};

// RFC 3931 §6.1-6.15, in the order of the numbers. The challenge is Cisco's, the Interface MTU RFC
// 4667's, the PPP Disconnect Cause RFC 3145's for pseudowires that carry PPP.
constexpr MessageRule kMessageRules[] = {
  {MessageType::sccrq, "SCCRQ", Scope::tunnel,
   {A::host_name, A::router_id, A::assigned_connection_id, A::pseudowire_capabilities},
   {A::authentication_nonce, A::tie_breaker, A::vendor_name, A::receive_window_size, A::preferred_language, A::challenge}},
  {MessageType::sccrp, "SCCRP", Scope::tunnel,
   {A::host_name, A::router_id, A::assigned_connection_id, A::pseudowire_capabilities},
   {A::authentication_nonce, A::vendor_name, A::receive_window_size, A::preferred_language, A::challenge, A::challenge_response}},
  {MessageType::scccn, "SCCCN", Scope::tunnel, {}, {A::challenge_response}},
  {MessageType::stopccn, "StopCCN", Scope::tunnel, {A::result_code}, {A::assigned_connection_id}},
  {MessageType::hello, "HELLO", Scope::tunnel, {}, {}},
  {MessageType::ocrq, "OCRQ", Scope::session,
   {A::local_session_id, A::remote_session_id, A::call_serial_number, A::pseudowire_type, A::remote_end_id, A::circuit_status},
   {A::assigned_cookie, A::tx_connect_speed_v3, A::rx_connect_speed_v3, A::tie_breaker, A::l2_specific_sublayer,
    A::data_sequencing}},
  {MessageType::ocrp, "OCRP", Scope::session, {A::local_session_id, A::remote_session_id, A::circuit_status},
   {A::assigned_cookie, A::l2_specific_sublayer, A::tx_connect_speed_v3, A::rx_connect_speed_v3, A::data_sequencing,
    A::physical_channel_id}},
  {MessageType::occn, "OCCN", Scope::session, {A::local_session_id, A::remote_session_id},
   {A::l2_specific_sublayer, A::tx_connect_speed_v3, A::rx_connect_speed_v3, A::data_sequencing, A::circuit_status}},
  {MessageType::icrq, "ICRQ", Scope::session,
   {A::local_session_id, A::remote_session_id, A::call_serial_number, A::pseudowire_type, A::remote_end_id, A::circuit_status},
   {A::assigned_cookie, A::tie_breaker, A::l2_specific_sublayer, A::data_sequencing, A::tx_connect_speed_v3,
    A::rx_connect_speed_v3, A::physical_channel_id, A::interface_mtu}},
  {MessageType::icrp, "ICRP", Scope::session, {A::local_session_id, A::remote_session_id, A::circuit_status},
   {A::assigned_cookie, A::l2_specific_sublayer, A::data_sequencing, A::tx_connect_speed_v3, A::rx_connect_speed_v3,
    A::physical_channel_id, A::interface_mtu}},
  {MessageType::iccn, "ICCN", Scope::session, {A::local_session_id, A::remote_session_id},
   {A::l2_specific_sublayer, A::data_sequencing, A::tx_connect_speed_v3, A::rx_connect_speed_v3, A::circuit_status}},
  {MessageType::cdn, "CDN", Scope::session, {A::result_code, A::local_session_id, A::remote_session_id},
   {A::q931_cause_code, A::ppp_disconnect_cause}},
  {MessageType::wen, "WEN", Scope::session, {A::local_session_id, A::remote_session_id, A::call_errors}, {}},
  {MessageType::sli, "SLI", Scope::session, {A::local_session_id, A::remote_session_id}, {A::circuit_status}},
  {MessageType::ack, "ACK", Scope::tunnel, {}, {}},
};
// clang-format on

constexpr bool key_less(const AvpRule& a, const AvpRule& b) { return a.key < b.key; }
static_assert(std::is_sorted(std::begin(kAvpRules), std::end(kAvpRules), key_less));

}  // namespace

std::span<const AvpRule> avp_rules_v3() { return kAvpRules; }
std::span<const MessageRule> message_rules_v3() { return kMessageRules; }
std::span<const CiscoTwin> cisco_twins() { return kCiscoTwins; }

}  // namespace l2tpm::wire
