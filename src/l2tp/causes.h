// Between our causes and what StopCCN and CDN say: RFC 2661 §4.4.2 (Result Code AVP) and RFC 3145
// (PPP Disconnect Cause Code AVP), both ways.
#pragma once

#include "base/cause.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// The Result Code AVP for a cause: cause.result_code as it is when set (and not the peer's own
// words), else what fits the code. The text is the cause's.
wire::ResultCode stopccn_result(const Cause& cause);
wire::ResultCode cdn_result(const Cause& cause);

// PPP's own cause, when it has one (disconnect_code).
wire::PppDisconnectCause disconnect_cause(const Cause& cause);

// What a peer's StopCCN or CDN means; `established`: whether the tunnel or session stood. Without a
// Result Code AVP: closed by the peer. `by_peer` is set, the message is printable.
Cause cause_of_stopccn(const wire::ControlMessage& message, bool established);
Cause cause_of_cdn(const wire::ControlMessage& message, bool established);

// Of a message that wire found wrong: ours to say, so not by_peer.
Cause cause_of_problem(const wire::Problem& problem);

}  // namespace l2tpm::l2tp
