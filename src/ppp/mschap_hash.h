// The computations of MS-CHAP (RFC 2433 appendix A) and MS-CHAPv2 (RFC 2759 §8). Passwords are
// UTF-8; intermediate hashes are as good as the password and come as Secrets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace l2tpm::ppp {

using NtResponse = std::array<std::uint8_t, 24>;
using ChallengeHash = std::array<std::uint8_t, 8>;

constexpr std::size_t kMsChapChallengeSize = 8;
constexpr std::size_t kMsChapV2ChallengeSize = 16;

// RFC 2759 §8.3: MD4 of the password in UTF-16LE; 16 octets. Octets that are not UTF-8 are taken as
// Latin-1.
Secret nt_password_hash(const Secret& password);
// RFC 2759 §8.4: MD4 of that.
Secret hash_of_hash(const Secret& nt_password_hash);
// RFC 2433 §A.3: 16 octets; empty when there is none (over 14 octets, or not ASCII: which code page
// the peer would use is not known).
Secret lm_password_hash(const Secret& password);

// RFC 2759 §8.5: the answer of 24 octets to a challenge of 8.
NtResponse challenge_response(ByteView challenge, const Secret& nt_password_hash);

// RFC 2759 §8.2. `user` without domain.
ChallengeHash challenge_hash(ByteView peer_challenge, ByteView authenticator_challenge,
                             std::string_view user);

// RFC 2759 §8.1 put together. Takes off the domain.
NtResponse mschapv2_response(ByteView authenticator_challenge, ByteView peer_challenge,
                             std::string_view user, const Secret& nt_password_hash);

// RFC 2759 §8.7: "S=" and 40 hex digits. Takes off the domain.
std::string mschapv2_authenticator_response(const Secret& nt_password_hash, ByteView nt_response,
                                            ByteView peer_challenge,
                                            ByteView authenticator_challenge,
                                            std::string_view user);

// "E=691 R=1 C=... V=3 M=..." (RFC 2759 §6, RFC 2433 §6). Fields that are absent or malformed keep
// their defaults; nothing if there is no E=.
struct MsChapFailure {
  std::uint32_t error = 0;
  bool retry_allowed = false;
  std::string message;  // printable
};
std::optional<MsChapFailure> parse_mschap_failure(std::string_view text);

}  // namespace l2tpm::ppp
