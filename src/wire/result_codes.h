// Result and error codes of StopCCN and CDN (RFC 2661 §4.4.2, RFC 3931 §5.4.2 and its companions),
// and PPP disconnect causes (RFC 3145), with the text that people read.
#pragma once

#include <cstdint>
#include <string_view>

namespace l2tpm::wire {

enum class StopCcnResult : std::uint16_t {
  clear_request = 1,          // general request to clear the control connection
  general_error = 2,          // see the error code
  already_exists = 3,         // control channel already exists
  not_authorized = 4,         // requester is not authorized
  version_not_supported = 5,  // error code: the highest version supported
  shutting_down = 6,
  fsm_error = 7,
};

enum class CdnResult : std::uint16_t {
  loss_of_carrier = 1,
  general_error = 2,  // see the error code
  administrative = 3,
  no_facilities_temporary = 4,
  no_facilities_permanent = 5,
  invalid_destination = 6,
  no_carrier = 7,
  busy = 8,
  no_dial_tone = 9,
  timeout = 10,       // call not established within the time allotted by the LAC
  no_framing = 11,    // connected, but no appropriate framing
  sds_mismatch = 12,  // RFC 3308
  // L2TPv3: RFC 3931, and from 17 on RFC 4591, 4349, 4454, 4667, 6074, 5611
  tie_lost = 13,
  pseudowire_type = 14,         // not supported
  sequencing_no_sublayer = 15,  // sequencing required without a valid L2-Specific Sublayer
  fsm_error = 16,               // or timeout
  mtu_mismatch = 23,
  no_forwarder = 24,            // the end identifier names nothing
  forwarder_unauthorized = 25,  // it names something that is not the peer's
};

enum class GeneralError : std::uint16_t {
  none = 0,
  no_control_connection = 1,
  wrong_length = 2,
  bad_value = 3,  // a value out of range or a reserved field not zero
  insufficient_resources = 4,
  invalid_session_id = 5,
  vendor_specific = 6,
  try_another = 7,  // another LNS may serve
  unknown_mandatory_avp = 8,
  try_another_directed = 9,  // the text lists addresses (RFC 3931)
};

// RFC 3145 §2.2: why PPP ended. The direction beside it says at whose end.
enum class DisconnectCause : std::uint16_t {
  none = 0,
  administrative = 1,
  renegotiation_disabled = 2,
  normal = 3,
  encryption_refused = 4,
  lcp_timeout = 5,  // LCP found no agreement
  lcp_silence = 6,  // no LCP packet came
  loopback = 7,
  echo_timeout = 8,
  endpoint_mismatch = 9,
  mrru_mismatch = 10,
  short_sequence_mismatch = 11,
  callback_refused = 12,
  auth_timeout = 13,
  bundle_name_mismatch = 14,
  auth_unacceptable = 15,
  auth_failed = 16,
  ncp_timeout = 17,
  no_ncp = 18,
  no_address = 19,
  address_not_permitted = 20,
};

// Text for people, for any number: "unknown" when no RFC says.
std::string_view stop_ccn_result_text(std::uint16_t code);
std::string_view cdn_result_text(std::uint16_t code);
std::string_view general_error_text(std::uint16_t code);
// RFC 3145 §2.2.
std::string_view disconnect_cause_text(std::uint16_t code);

}  // namespace l2tpm::wire
