// Why a tunnel or a session ended, or did not come up. One vocabulary for all layers: the daemon
// shows it on D-Bus, in the journal and in l2tpctl; `name()` is stable and machine-readable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace l2tpm {

enum class CauseCode : std::uint8_t {
  none,
  // asked for
  admin_close,  // Stop, l2tpctl down, a changed profile
  shutdown,     // the daemon is stopping
  peer_closed,  // StopCCN, CDN or Terminate-Request without an error
  idle_timeout,
  session_timeout,
  // reachability
  name_resolution,  // the peer's name has no address
  no_answer,        // nothing came back to SCCRQ
  peer_silent,      // retransmissions exhausted later on, or HELLO unanswered
  echo_timeout,     // LCP echoes unanswered
  setup_timeout,    // a step of the set-up was never completed
  // authentication
  tunnel_auth_failed,  // Challenge Response wrong or missing, ours or the peer's verdict
  auth_failed,         // PPP user refused, by us or by the peer
  auth_unacceptable,   // no PPP authentication protocol both accept
  peer_not_authentic,  // the peer did not prove itself to us (MS-CHAPv2 authenticator, mutual CHAP)
  // negotiation
  protocol_error,  // a message that has no row, a malformed mandatory field
  unknown_mandatory_avp,
  not_supported,  // version, call type, framing
  lcp_failed,
  network_failed,  // no NCP came up
  encryption_required,
  loopback,      // our own magic number came back
  user_changed,  // re-authentication as somebody else
  no_secrets,    // a password is to be asked for, and nobody gave one
  // resources
  refused,       // the peer: busy, no carrier, administratively closed
  no_resources,  // ours
  replaced,      // a newer tunnel or session of the same peer
  tie_lost,
  kernel_failed,   // message says what was being done, errno and extack
  interface_gone,  // somebody removed the network interface
};
std::string_view name(CauseCode code);

struct Cause {
  CauseCode code = CauseCode::none;
  bool by_peer = false;           // the peer said so
  std::uint16_t result_code = 0;  // RFC 2661 §4.4.2, as sent or received; 0: none
  std::uint16_t error_code = 0;
  std::uint16_t disconnect_code = 0;  // RFC 3145 §2.2; 0: none
  std::string message = {};           // for people: printable, no secrets

  // "auth-failed by peer (result 2 error 6): E=691 ..."
  std::string to_string() const;
};

}  // namespace l2tpm
