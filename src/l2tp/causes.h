// Between our causes and what StopCCN and CDN say: RFC 2661 §4.4.2 (Result Code AVP) and RFC 3145
// (PPP Disconnect Cause Code AVP), both ways.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/cause.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// The Result Code AVP for a cause: cause.result_code as it is when set (and not the peer's own
// words), else what fits the code. The text is the cause's. L2TPv3 has a code of its own for a CDN
// that says that something came out of turn or not at all.
wire::ResultCode stopccn_result(const Cause& cause);
wire::ResultCode cdn_result(const Cause& cause, unsigned version = 2);

// PPP's own cause, when it has one (disconnect_code).
wire::PppDisconnectCause disconnect_cause(const Cause& cause);

// For reject_call() of a pseudowire: each has its result code (RFC 3931 §5.4.2, RFC 4667 §4) and a
// text that names what does not fit. `end_id` as it came.
Cause unknown_end_id(std::string_view end_id);
Cause unauthorized_end_id(std::string_view end_id);  // it is another peer's
Cause end_id_in_use(std::string_view end_id);
Cause wrong_pseudowire_type(std::uint16_t asked, std::uint16_t ours);

// What a peer's StopCCN or CDN means; `established`: whether the tunnel or session stood. Without a
// Result Code AVP: closed by the peer. `by_peer` is set, the message is printable.
Cause cause_of_stopccn(const wire::ControlMessage& message, bool established);
Cause cause_of_cdn(const wire::ControlMessage& message, bool established);

// Of a message that wire found wrong: ours to say, so not by_peer.
Cause cause_of_problem(const wire::Problem& problem);

}  // namespace l2tpm::l2tp
