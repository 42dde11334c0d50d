// Attribute-Value Pairs: their numbers, and how any of them is shown (RFC 2661 §4.1).
//
//   |M|H| rsvd  |      Length       |           Vendor ID           |
//   |         Attribute Type        |        Attribute Value...
//
// Vendor and number together are the key: vendor 0 type N and vendor 9 type N never mix.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm::wire {

inline constexpr std::uint16_t kIetf = 0;
// The ADSL Forum's enterprise number, for the access line AVPs of RFC 5515 §5.
inline constexpr std::uint16_t kAdslForum = 3561;
// Cisco's, whose L2TPv3 from before RFC 3931 has AVPs of its own.
inline constexpr std::uint16_t kCisco = 9;
inline constexpr std::uint16_t kCiscoDraftVersion = 10;  // one of them, value 1

// Vendor 0. RFC 2661 §4.4 unless said otherwise; numbers as registered with IANA.
enum class AvpType : std::uint16_t {
  message_type = 0,
  result_code = 1,
  protocol_version = 2,
  framing_capabilities = 3,
  bearer_capabilities = 4,
  tie_breaker = 5,
  firmware_revision = 6,
  host_name = 7,
  vendor_name = 8,
  assigned_tunnel_id = 9,
  receive_window_size = 10,
  challenge = 11,
  q931_cause_code = 12,
  challenge_response = 13,
  assigned_session_id = 14,
  call_serial_number = 15,
  minimum_bps = 16,
  maximum_bps = 17,
  bearer_type = 18,
  framing_type = 19,
  called_number = 21,
  calling_number = 22,
  sub_address = 23,
  tx_connect_speed = 24,
  physical_channel_id = 25,
  initial_received_lcp_confreq = 26,
  last_sent_lcp_confreq = 27,
  last_received_lcp_confreq = 28,
  proxy_authen_type = 29,
  proxy_authen_name = 30,
  proxy_authen_challenge = 31,
  proxy_authen_id = 32,
  proxy_authen_response = 33,
  call_errors = 34,
  accm = 35,
  random_vector = 36,
  private_group_id = 37,
  rx_connect_speed = 38,
  sequencing_required = 39,
  rx_minimum_bps = 40,  // 40-45: RFC 3301
  rx_maximum_bps = 41,
  service_category = 42,
  service_name = 43,
  calling_sub_address = 44,
  vpi_vci = 45,
  ppp_disconnect_cause = 46,   // RFC 3145
  control_connection_ds = 47,  // RFC 3308
  session_ds = 48,             // RFC 3308
  lcp_want_options = 49,       // 49-52: RFC 3437
  lcp_allow_options = 50,
  lns_last_sent_lcp_confreq = 51,
  lns_last_received_lcp_confreq = 52,
  message_digest = 59,  // 59-75: RFC 3931
  router_id = 60,
  assigned_connection_id = 61,
  pseudowire_capabilities = 62,
  local_session_id = 63,
  remote_session_id = 64,
  assigned_cookie = 65,
  remote_end_id = 66,
  pseudowire_type = 68,
  l2_specific_sublayer = 69,
  data_sequencing = 70,
  circuit_status = 71,
  preferred_language = 72,
  authentication_nonce = 73,
  tx_connect_speed_v3 = 74,
  rx_connect_speed_v3 = 75,
  interface_mtu = 91,               // RFC 4667
  connect_speed_update = 97,        // RFC 5515 §5.4
  connect_speed_update_enable = 98  // RFC 5515 §5.5
};

struct AvpKey {
  std::uint16_t vendor = kIetf;
  std::uint16_t type = 0;
  friend constexpr auto operator<=>(const AvpKey&, const AvpKey&) = default;
};
constexpr AvpKey ietf(AvpType type) { return {kIetf, static_cast<std::uint16_t>(type)}; }

// "Host Name", "Actual Data Rate Upstream", also of AVPs that are registered but not recognised
// here; empty when there is no name for it.
std::string_view name(AvpKey key);

// An AVP as octets, hiding undone.
struct RawAvp {
  AvpKey key;
  bool mandatory = false;  // M
  bool hidden = false;     // came hidden; when it could not be revealed, `value` is the ciphertext
  bool revealed = true;
  Bytes value;
  friend bool operator==(const RawAvp&, const RawAvp&) = default;
};

// An AVP for people. Secrets and what they could be guessed from (proxied passwords, responses)
// are shown by their length only; text is made printable and cut at 256 octets.
struct AvpText {
  std::string name;   // "Host Name", or "vendor 9 type 100"
  std::string value;  // "lac1.example", "1000000", "0x0a0b..."
};
AvpText describe(const RawAvp& avp);

}  // namespace l2tpm::wire
