#include "wire/avp_rules.h"

#include <algorithm>
#include <array>

#include "wire/avp_codec.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

using A = AvpType;
using F = AvpFormat;
using M = ControlMessage;

constexpr std::uint16_t kMax = kMaxAvpValue;
constexpr std::monostate kRaw;

constexpr AvpKey adsl(std::uint16_t type) { return {kAdslForum, type}; }

// RFC 2661 §4.4 for 0-39: which are mandatory, which may be hidden, how long they are.
// clang-format off
constexpr AvpRule kAvpRules[] = {
  // key                                 name                             format               min   max  M      hide   field
  {ietf(A::message_type),                "Message Type",                  F::message_type,       2,    2, true,  false, kRaw},
  {ietf(A::result_code),                 "Result Code",                   F::result_code,        2, kMax, true,  false, &M::result_code},
  {ietf(A::protocol_version),            "Protocol Version",              F::version,            2,    2, true,  false, &M::protocol_version},
  {ietf(A::framing_capabilities),        "Framing Capabilities",          F::hex_number,         4,    4, true,  true,  &M::framing_capabilities},
  {ietf(A::bearer_capabilities),         "Bearer Capabilities",           F::hex_number,         4,    4, true,  true,  &M::bearer_capabilities},
  {ietf(A::tie_breaker),                 "Tie Breaker",                   F::hex_number,         8,    8, false, false, &M::tie_breaker},
  {ietf(A::firmware_revision),           "Firmware Revision",             F::hex_number,         2,    2, false, true,  &M::firmware_revision},
  {ietf(A::host_name),                   "Host Name",                     F::text,               1, kMax, true,  false, &M::host_name},
  {ietf(A::vendor_name),                 "Vendor Name",                   F::text,               0, kMax, false, true,  &M::vendor_name},
  {ietf(A::assigned_tunnel_id),          "Assigned Tunnel ID",            F::number,             2,    2, true,  true,  &M::assigned_tunnel_id},
  {ietf(A::receive_window_size),         "Receive Window Size",           F::number,             2,    2, true,  false, &M::receive_window_size},
  {ietf(A::challenge),                   "Challenge",                     F::sensitive,          1, kMax, true,  true,  &M::challenge},
  {ietf(A::q931_cause_code),             "Q.931 Cause Code",              F::q931_cause,         3, kMax, true,  false, &M::q931_cause_code},
  {ietf(A::challenge_response),          "Challenge Response",            F::sensitive,         16,   16, true,  true,  &M::challenge_response},
  {ietf(A::assigned_session_id),         "Assigned Session ID",           F::number,             2,    2, true,  true,  &M::assigned_session_id},
  {ietf(A::call_serial_number),          "Call Serial Number",            F::number,             4,    4, true,  true,  &M::call_serial_number},
  {ietf(A::minimum_bps),                 "Minimum BPS",                   F::number,             4,    4, true,  true,  &M::minimum_bps},
  {ietf(A::maximum_bps),                 "Maximum BPS",                   F::number,             4,    4, true,  true,  &M::maximum_bps},
  {ietf(A::bearer_type),                 "Bearer Type",                   F::hex_number,         4,    4, true,  true,  &M::bearer_type},
  {ietf(A::framing_type),                "Framing Type",                  F::hex_number,         4,    4, true,  true,  &M::framing_type},
  {ietf(A::called_number),               "Called Number",                 F::text,               0, kMax, true,  true,  &M::called_number},
  {ietf(A::calling_number),              "Calling Number",                F::text,               0, kMax, true,  true,  &M::calling_number},
  {ietf(A::sub_address),                 "Sub-Address",                   F::text,               0, kMax, true,  true,  &M::sub_address},
  {ietf(A::tx_connect_speed),            "(Tx) Connect Speed",            F::number,             4,    4, true,  true,  &M::tx_connect_speed},
  {ietf(A::physical_channel_id),         "Physical Channel ID",           F::number,             4,    4, false, true,  &M::physical_channel_id},
  {ietf(A::initial_received_lcp_confreq), "Initial Received LCP CONFREQ", F::octets,             0, kMax, false, true,  &M::initial_received_lcp_confreq},
  {ietf(A::last_sent_lcp_confreq),       "Last Sent LCP CONFREQ",         F::octets,             0, kMax, false, true,  &M::last_sent_lcp_confreq},
  {ietf(A::last_received_lcp_confreq),   "Last Received LCP CONFREQ",     F::octets,             0, kMax, false, true,  &M::last_received_lcp_confreq},
  {ietf(A::proxy_authen_type),           "Proxy Authen Type",             F::number,             2,    2, false, true,  &M::proxy_authen_type},
  {ietf(A::proxy_authen_name),           "Proxy Authen Name",             F::text,               0, kMax, false, true,  &M::proxy_authen_name},
  {ietf(A::proxy_authen_challenge),      "Proxy Authen Challenge",        F::sensitive,          0, kMax, false, true,  &M::proxy_authen_challenge},
  {ietf(A::proxy_authen_id),             "Proxy Authen ID",               F::number,             2,    2, false, true,  &M::proxy_authen_id},
  {ietf(A::proxy_authen_response),       "Proxy Authen Response",         F::sensitive,          0, kMax, false, true,  &M::proxy_authen_response},
  {ietf(A::call_errors),                 "Call Errors",                   F::call_errors,       26,   26, true,  true,  &M::call_errors},
  {ietf(A::accm),                        "ACCM",                          F::accm,              10,   10, true,  true,  &M::accm},
  {ietf(A::random_vector),               "Random Vector",                 F::octets,             1, kMax, true,  false, kRaw},
  {ietf(A::private_group_id),            "Private Group ID",              F::text,               0, kMax, false, true,  &M::private_group_id},
  {ietf(A::rx_connect_speed),            "Rx Connect Speed",              F::number,             4,    4, false, true,  &M::rx_connect_speed},
  {ietf(A::sequencing_required),         "Sequencing Required",           F::flag,               0,    0, true,  false, &M::sequencing_required},
  // RFC 3301
  {ietf(A::rx_minimum_bps),              "Rx Minimum BPS",                F::number,             4,    4, false, true,  kRaw},
  {ietf(A::rx_maximum_bps),              "Rx Maximum BPS",                F::number,             4,    4, false, true,  kRaw},
  {ietf(A::service_category),            "Service Category",              F::hex_number,         1,    8, false, true,  kRaw},
  {ietf(A::service_name),                "Service Name",                  F::text,               0, kMax, false, true,  kRaw},
  {ietf(A::calling_sub_address),         "Calling Sub-Address",           F::text,               0, kMax, false, true,  kRaw},
  {ietf(A::vpi_vci),                     "VPI/VCI Identifier",            F::hex_number,         1,    8, false, true,  kRaw},
  // RFC 3145, 3308, 3437
  {ietf(A::ppp_disconnect_cause),        "PPP Disconnect Cause Code",     F::disconnect_cause,   5, kMax, false, true,  &M::ppp_disconnect_cause},
  {ietf(A::control_connection_ds),       "Control Connection DS",         F::hex_number,         2,    2, false, true,  &M::control_connection_ds},
  {ietf(A::session_ds),                  "Session DS",                    F::hex_number,         2,    2, false, true,  &M::session_ds},
  {ietf(A::lcp_want_options),            "LCP Want Options",              F::octets,             0, kMax, false, true,  &M::lcp_want_options},
  {ietf(A::lcp_allow_options),           "LCP Allow Options",             F::octets,             0, kMax, false, true,  &M::lcp_allow_options},
  {ietf(A::lns_last_sent_lcp_confreq),   "LNS Last Sent LCP Confreq",     F::octets,             0, kMax, false, true,  &M::lns_last_sent_lcp_confreq},
  {ietf(A::lns_last_received_lcp_confreq), "LNS Last Received LCP Confreq", F::octets,           0, kMax, false, true,  &M::lns_last_received_lcp_confreq},
  // RFC 3931 §4.7.3: what a SCCRQ of version 2 says for a peer that speaks version 3; never mandatory
  {ietf(A::message_digest),              "Message Digest",                F::message_digest,     2, kMax, false, false, kRaw},
  {ietf(A::router_id),                   "Router ID",                     F::router_id,          4,    4, false, false, &M::router_id},
  {ietf(A::assigned_connection_id),      "Assigned Control Connection ID", F::number,            4,    4, false, false, &M::v3_connection_id},
  {ietf(A::pseudowire_capabilities),     "Pseudowire Capabilities List",  F::pseudowire_type,    2, kMax, false, false, &M::pseudowire_capabilities},
  {ietf(A::preferred_language),          "Preferred Language",            F::text,               0, kMax, false, false, &M::preferred_language},
  {ietf(A::authentication_nonce),        "Control Message Authentication Nonce", F::octets,      1, kMax, false, false, &M::authentication_nonce},
  // RFC 5515 §5.4, §5.5
  {ietf(A::connect_speed_update),        "Connect Speed Update",          F::octets,             0, kMax, false, true,  kRaw},
  {ietf(A::connect_speed_update_enable), "Connect Speed Update Enable",   F::flag,               0, kMax, false, true,  &M::connect_speed_update_enable},
  // RFC 5515 §5.1-5.3
  {adsl(1),   "Agent Circuit ID",                         F::text,       0, kMax, false, true, kRaw},
  {adsl(2),   "Agent Remote ID",                          F::text,       0, kMax, false, true, kRaw},
  {adsl(3),   "Access Aggregation Circuit ID ASCII",      F::text,       0, kMax, false, true, kRaw},
  {adsl(6),   "Access Aggregation Circuit ID Binary",     F::octets,     0, kMax, false, true, kRaw},
  {adsl(129), "Actual Data Rate Upstream",                F::number,     1,    8, false, true, kRaw},
  {adsl(130), "Actual Data Rate Downstream",              F::number,     1,    8, false, true, kRaw},
  {adsl(131), "Minimum Data Rate Upstream",               F::number,     1,    8, false, true, kRaw},
  {adsl(132), "Minimum Data Rate Downstream",             F::number,     1,    8, false, true, kRaw},
  {adsl(133), "Attainable Data Rate Upstream",            F::number,     1,    8, false, true, kRaw},
  {adsl(134), "Attainable Data Rate Downstream",          F::number,     1,    8, false, true, kRaw},
  {adsl(135), "Maximum Data Rate Upstream",               F::number,     1,    8, false, true, kRaw},
  {adsl(136), "Maximum Data Rate Downstream",             F::number,     1,    8, false, true, kRaw},
  {adsl(137), "Minimum Data Rate Upstream Low-Power",     F::number,     1,    8, false, true, kRaw},
  {adsl(138), "Minimum Data Rate Downstream Low-Power",   F::number,     1,    8, false, true, kRaw},
  {adsl(139), "Maximum Interleaving Delay Upstream",      F::number,     1,    8, false, true, kRaw},
  {adsl(140), "Actual Interleaving Delay Upstream",       F::number,     1,    8, false, true, kRaw},
  {adsl(141), "Maximum Interleaving Delay Downstream",    F::number,     1,    8, false, true, kRaw},
  {adsl(142), "Actual Interleaving Delay Downstream",     F::number,     1,    8, false, true, kRaw},
  {adsl(144), "Access Loop Encapsulation",                F::hex_number, 1,    8, false, true, kRaw},
  {adsl(145), "ANCP Access Line Type",                    F::number,     1,    8, false, true, kRaw},
  {adsl(254), "IWF Session",                              F::octets,     0, kMax, false, true, kRaw},
};

// RFC 2661 §6.1-6.14, in the order of the numbers; DS AVPs: RFC 3308 §3, §4; PPP Disconnect Cause:
// RFC 3145 §2; Connect Speed Update Enable: RFC 5515 §5.5.
constexpr MessageRule kMessageRules[] = {
  {MessageType::sccrq, "SCCRQ", Scope::tunnel,
   {A::protocol_version, A::host_name, A::framing_capabilities, A::assigned_tunnel_id},
   {A::bearer_capabilities, A::receive_window_size, A::challenge, A::tie_breaker, A::firmware_revision, A::vendor_name,
    A::control_connection_ds, A::router_id, A::assigned_connection_id, A::pseudowire_capabilities, A::preferred_language,
    A::authentication_nonce}},
  {MessageType::sccrp, "SCCRP", Scope::tunnel,
   {A::protocol_version, A::framing_capabilities, A::host_name, A::assigned_tunnel_id},
   {A::bearer_capabilities, A::firmware_revision, A::vendor_name, A::receive_window_size, A::challenge, A::challenge_response,
    A::control_connection_ds}},
  {MessageType::scccn, "SCCCN", Scope::tunnel, {}, {A::challenge_response}},
  {MessageType::stopccn, "StopCCN", Scope::tunnel, {A::assigned_tunnel_id, A::result_code}, {}},
  {MessageType::hello, "HELLO", Scope::tunnel, {}, {}},
  {MessageType::ocrq, "OCRQ", Scope::session,
   {A::assigned_session_id, A::call_serial_number, A::minimum_bps, A::maximum_bps, A::bearer_type, A::framing_type,
    A::called_number},
   {A::sub_address, A::session_ds}},
  {MessageType::ocrp, "OCRP", Scope::session, {A::assigned_session_id}, {A::physical_channel_id, A::session_ds}},
  {MessageType::occn, "OCCN", Scope::session, {A::tx_connect_speed, A::framing_type},
   {A::rx_connect_speed, A::sequencing_required}},
  {MessageType::icrq, "ICRQ", Scope::session, {A::assigned_session_id, A::call_serial_number},
   {A::bearer_type, A::physical_channel_id, A::calling_number, A::called_number, A::sub_address, A::session_ds,
    A::connect_speed_update_enable}},
  {MessageType::icrp, "ICRP", Scope::session, {A::assigned_session_id}, {A::session_ds}},
  {MessageType::iccn, "ICCN", Scope::session, {A::tx_connect_speed, A::framing_type},
   {A::initial_received_lcp_confreq, A::last_sent_lcp_confreq, A::last_received_lcp_confreq, A::proxy_authen_type,
    A::proxy_authen_name, A::proxy_authen_challenge, A::proxy_authen_id, A::proxy_authen_response, A::private_group_id,
    A::rx_connect_speed, A::sequencing_required, A::connect_speed_update_enable}},
  {MessageType::cdn, "CDN", Scope::session, {A::result_code, A::assigned_session_id},
   {A::q931_cause_code, A::ppp_disconnect_cause}},
  {MessageType::wen, "WEN", Scope::session, {A::call_errors}, {}},
  {MessageType::sli, "SLI", Scope::session, {A::accm}, {}},
  // RFC 5515 §4: they name their sessions in AVPs.
  {MessageType::csun, "CSUN", Scope::tunnel, {}, {}},
  {MessageType::csurq, "CSURQ", Scope::tunnel, {}, {}},
};
// clang-format on

// What L2TPv2 peers may send of RFC 3573, 3817, 4951, 4045 and 9601, and what is L2TPv3's (RFC
// 3931 and its pseudowires), which careless peers say in an L2TPv2 message.
struct RegisteredName {
  std::uint16_t type;
  std::string_view name;
};
constexpr RegisteredName kRegisteredNames[] = {
    {53,  "Modem On-Hold Capable"                },
    {54,  "Modem On-Hold Status"                 },
    {55,  "PPPoE Relay"                          },
    {56,  "PPPoE Relay Response Capability"      },
    {57,  "PPPoE Relay Forward Capability"       },
    {58,  "Extended Vendor ID"                   },
    {67,  "Application Code"                     },
    {76,  "Failover Capability"                  },
    {77,  "Tunnel Recovery"                      },
    {78,  "Suggested Control Sequence"           },
    {79,  "Failover Session State"               },
    {80,  "Multicast Capability"                 },
    {81,  "New Outgoing Sessions"                },
    {82,  "New Outgoing Sessions Acknowledgement"},
    {83,  "Withdraw Outgoing Sessions"           },
    {84,  "Multicast Packets Priority"           },
    {85,  "Frame Relay Header Length"            },
    {86,  "ATM Maximum Concatenated Cells"       },
    {87,  "OAM Emulation Required"               },
    {88,  "ATM Alarm Status"                     },
    {89,  "Attachment Group Identifier"          },
    {90,  "Local End Identifier"                 },
    {92,  "FCS Retention"                        },
    {93,  "Tunnel Switching Aggregator ID"       },
    {94,  "Maximum Receive Unit"                 },
    {95,  "Maximum Reassembled Receive Unit"     },
    {96,  "VCCV Capability"                      },
    {99,  "TDM Pseudowire"                       },
    {100, "RTP"                                  },
    {101, "PW Switching Point"                   },
    {102, "S-BFD Target Discriminator ID"        },
    {103, "ECN Capability"                       },
};

constexpr bool key_less(const AvpRule& a, const AvpRule& b) { return a.key < b.key; }
static_assert(std::is_sorted(std::begin(kAvpRules), std::end(kAvpRules), key_less));

}  // namespace

std::span<const AvpRule> avp_rules(unsigned version) {
  return version == 3 ? avp_rules_v3() : std::span<const AvpRule>(kAvpRules);
}

const AvpRule* find_rule(AvpKey key, unsigned version) {
  const std::span<const AvpRule> rules = avp_rules(version);
  const auto found =
      std::lower_bound(rules.begin(), rules.end(), key,
                       [](const AvpRule& rule, AvpKey wanted) { return rule.key < wanted; });
  return found != rules.end() && found->key == key ? &*found : nullptr;
}

std::string_view registered_name(AvpKey key) {
  if (key.vendor != kIetf) return {};
  for (const RegisteredName& row : kRegisteredNames)
    if (row.type == key.type) return row.name;
  return {};
}

const MessageRule* find_rule(MessageType type, unsigned version) {
  const std::span<const MessageRule> rules =
      version == 3 ? message_rules_v3() : std::span<const MessageRule>(kMessageRules);
  for (const MessageRule& rule : rules)
    if (rule.type == type) return &rule;
  return nullptr;
}

bool write_field(const AvpRule& rule, const ControlMessage& message, Bytes& value) {
  ByteWriter writer(value);
  return std::visit(
      [&](const auto& field) {
        using FieldType = std::decay_t<decltype(field)>;
        if constexpr (std::is_same_v<FieldType, std::monostate>) {
          return false;
        } else if constexpr (std::is_same_v<FieldType, bool ControlMessage::*>) {
          return message.*field;
        } else if constexpr (std::is_same_v<FieldType, SessionId ControlMessage::*>) {
          if (scope_of(message.type) != Scope::session) return false;
          write(writer, message.*field, rule.min_size);
          return true;
        } else {
          const auto& slot = message.*field;
          if (!slot) return false;
          if constexpr (std::is_same_v<FieldType, Member<TunnelId>> ||
                        std::is_same_v<FieldType, Member<SessionId>>)
            write(writer, *slot, rule.min_size);
          else
            write(writer, *slot);
          return true;
        }
      },
      rule.field);
}

}  // namespace l2tpm::wire
