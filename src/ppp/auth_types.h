// Settings and actions that the PAP and CHAP machines share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/cause.h"
#include "base/clock.h"
#include "ppp/credentials.h"
#include "ppp/send_frame.h"

namespace l2tpm::ppp {

// How we make the peer prove itself.
struct AuthServerSettings {
  AuthMethod method = AuthMethod::mschapv2;
  std::string name = "l2tp-manager";                 // our name in a Challenge, 1 to 255 octets
  Duration retransmit = 3s;                          // of a Challenge
  unsigned max_transmissions = 10;                   // of one Challenge, the first included
  Duration timeout = 30s;                            // PAP: until the peer sends its request
  Duration verdict_timeout = 60s;                    // until supply_verdict()
  Duration rechallenge_interval = Duration::zero();  // CHAP after success; zero: never
};

// How we prove ourselves.
struct AuthPeerSettings {
  AuthMethod method = AuthMethod::mschapv2;
  std::string user;                 // UTF-8, 0 to 255 octets, may be DOMAIN\user
  Secret password;                  // UTF-8
  Duration retransmit = 3s;         // of an Authenticate-Request or a Response
  unsigned max_transmissions = 10;  // of each, the first included
  Duration timeout = 60s;           // CHAP: until the first Challenge
};

// Server: answer with supply_verdict(), at once or later.
struct CredentialsNeeded {
  AuthRequest request;
};

// Server, once: the peer is `user`.
struct PeerAuthenticated {
  std::string user;  // as received
  MppeKeys keys;
};

// Server, after a repeated challenge: still the same user. Carries no keys on purpose: those of the
// first authentication stay in force (RFC 3079 §1: the keys come from the initial exchange).
struct PeerReauthenticated {};

// Client, once: the peer accepted us (and with MS-CHAPv2 proved that it knows the password too).
struct AcceptedByPeer {
  std::string message;  // printable, may be empty
  MppeKeys keys;
};

// Either: authentication is over and failed. What had to be said to the peer precedes it. The link
// terminates.
struct AuthFailed {
  Cause cause;
};

using AuthServerAction =
    std::variant<SendFrame, CredentialsNeeded, PeerAuthenticated, PeerReauthenticated, AuthFailed>;
using AuthPeerAction = std::variant<SendFrame, AcceptedByPeer, AuthFailed>;

}  // namespace l2tpm::ppp
