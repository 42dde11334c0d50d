// What passes between the authentication machines and whoever knows the passwords: the daemon's
// local users today, a RADIUS server the same way later. The machine asks with an AuthRequest, the
// answer is an AuthVerdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "ppp/mppe_keys.h"
#include "wire/ppp_frame.h"

namespace l2tpm::ppp {

enum class AuthMethod : std::uint8_t { pap, chap_md5, mschap, mschapv2 };
std::string_view name(AuthMethod method);  // "pap", "chap-md5", "mschap", "mschapv2"

// The Protocol field that the method's packets travel under.
wire::PppProtocol protocol(AuthMethod method);  // pap or chap

// The value of LCP's option 3 (RFC 1661 §6.2): protocol number, for CHAP followed by the algorithm.
Bytes encode_auth_option(AuthMethod method);
// Nothing for protocols and algorithms that we do not speak, and for values too long or too short.
std::optional<AuthMethod> decode_auth_option(ByteView value);

// Longer names are refused without asking anybody; it is also what RADIUS can carry (RFC 2865
// §5.1).
constexpr std::size_t kMaxUserName = 253;

// A peer that claims to be `user`. Octet fields have the sizes of the method, except where a LAC
// reports what it saw (proxied authentication): check_password() refuses other sizes.
struct AuthRequest {
  AuthMethod method = AuthMethod::pap;
  std::string user;  // as received: any octets, 0 to kMaxUserName; for people: printable_user()
  std::uint8_t identifier = 0;

  Secret pap_password;   // pap
  Bytes challenge;       // ours: chap_md5 any size, mschap 8, mschapv2 16 octets
  Bytes response;        // chap_md5 16, mschap and mschapv2 the NT-Response of 24 octets
  Bytes peer_challenge;  // mschapv2: 16 octets
  Bytes lm_response;     // mschap: 24 octets, for RADIUS only; never used to check
  std::uint8_t use_nt_response = 0;  // mschap: the flag octet as received

  std::string printable_user() const { return printable(as_bytes(user)); }
};

// MS-CHAP error numbers (RFC 2759 §6, RFC 2433 §6).
enum class MsChapError : std::uint16_t {
  restricted_logon_hours = 646,
  account_disabled = 647,
  password_expired = 648,
  no_dialin_permission = 649,
  authentication_failure = 691,
  changing_password = 709,
};
// A sentence for people. Takes any number, as it comes from a peer.
std::string describe_mschap_error(std::uint32_t error);

struct AuthVerdict {
  bool ok = false;
  // For the peer's eyes: the Message of PAP and CHAP, M= of MS-CHAP. Empty: a default text.
  std::string message;
  MsChapError error = MsChapError::authentication_failure;  // when !ok
  std::string authenticator_response;  // mschapv2 when ok: "S=" and 40 hex digits
  MppeKeys keys;                       // mschap, mschapv2 when ok; may be empty

  static AuthVerdict refused(MsChapError error = MsChapError::authentication_failure,
                             std::string message = {});
};

// Judges `request` against the user's password (UTF-8), in time that does not depend on where they
// differ. MS-CHAP: the NT-Response only; an LM-only response is refused.
AuthVerdict check_password(const AuthRequest& request, const Secret& password);

// The user without "DOMAIN\", as MS-CHAPv2 hashes it (RFC 2759 §8.2).
std::string_view without_domain(std::string_view user);

}  // namespace l2tpm::ppp
