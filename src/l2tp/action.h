// What a control connection wants done, in order. Taken with take_actions(), carried out by the
// daemon, which std::visit()s them: a new one makes the compiler point at every place that cares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/cause.h"
#include "base/ids.h"
#include "l2tp/call_info.h"

namespace l2tpm::l2tp {

// One message for the peer: a UDP payload; over IP it goes behind four zero octets, which Linux's
// own sockets for protocol 115 put there.
struct SendDatagram {
  Bytes bytes;
};
// The peer has proven its return path (SCCCN or SCCRP came) and, where a secret demands it, itself.
// Names and capabilities are in status().
struct TunnelUp {
  TunnelId peer_tunnel;
  std::uint8_t version = 2;  // the one that is spoken from now on
};
// All sessions have ended before it (a SessionDown each). What is left of the connection only
// acknowledges; it may still send.
struct TunnelDown {
  Cause cause;
};
// The linger is over: delete the connection. The last action ever.
struct Finished {};
// The peer's Challenge Response was right, or in L2TPv3 its digests are. Comes before TunnelUp.
struct PeerAuthenticated {};
// Answer with accept_call() or reject_call(), within Settings::call_setup_timeout.
struct IncomingCallRequested {  // ICRQ: we are the LNS
  SessionId session;
  IncomingCallRequest call;
};
struct OutgoingCallRequested {  // OCRQ: we are the LAC
  SessionId session;
  OutgoingCallRequest call;
};
// ICRQ in L2TPv3: answer with accept_pseudowire() or reject_call() (causes.h has the causes for
// what does not fit), within Settings::call_setup_timeout. The pseudowire type is one of ours.
struct PseudowireRequested {
  SessionId session;
  PseudowireRequest request;
};
// The call stands: PPP may start. For the side that sends ICCN or OCCN this comes with the sending.
struct SessionUp {
  SessionId session;
  SessionId peer_session;
  CallKind kind = CallKind::lac_incoming;
  CallParameters parameters;                  // the peer's ICCN or OCCN; for the sending side, ours
  std::optional<Pseudowire> pseudowire = {};  // L2TPv3, where there are no parameters
};
// Exactly one for every id that was announced (…Requested) or handed out (place_…). The id stays
// reserved until forget_session().
struct SessionDown {
  SessionId session;
  Cause cause;
};
// SLI (§6.14): the ACCMs that the LNS negotiated. We are the LAC.
struct LinkInfo {
  SessionId session;
  std::uint32_t send_accm = 0;
  std::uint32_t receive_accm = 0;
};
// WEN (§6.13): cumulative since the call stands. We are the LNS, in L2TPv3 either end.
struct WanErrors {
  SessionId session;
  std::uint32_t crc_errors = 0;
  std::uint32_t framing_errors = 0;
  std::uint32_t hardware_overruns = 0;
  std::uint32_t buffer_overruns = 0;
  std::uint32_t timeout_errors = 0;
  std::uint32_t alignment_errors = 0;
};
// CSUN (RFC 5515 §4.1): the speeds of the LAC's line, bit/s. We are the LNS.
struct SpeedChanged {
  SessionId session;
  std::uint32_t tx = 0;
  std::uint32_t rx = 0;
};

// SLI in L2TPv3: the circuit at the peer's end of a session that stands. While it is inactive
// nothing is to be sent into it (RFC 3931 §5.4.5).
struct CircuitChanged {
  SessionId session;
  std::uint16_t status = 0;  // wire::kCircuit...
  bool active() const { return (status & wire::kCircuitActive) != 0; }
};

using Action =
    std::variant<SendDatagram, TunnelUp, TunnelDown, Finished, PeerAuthenticated,
                 IncomingCallRequested, OutgoingCallRequested, PseudowireRequested, SessionUp,
                 SessionDown, LinkInfo, WanErrors, SpeedChanged, CircuitChanged>;

}  // namespace l2tpm::l2tp
