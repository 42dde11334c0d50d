// Authentication of L2TPv3 control messages: keys from the shared secret, the Message Digest AVP,
// RFC 3931 §4.3, §5.3 and §5.4.1.
//
//   shared key = HMAC-MD5(secret, 2)                      for hiding AVPs: HMAC-MD5(secret, 1)
//   digest     = HMAC-MD5 or HMAC-SHA-1(shared key, sender's nonce + receiver's nonce + message)
//
// The message begins with its flags, has its digests (two of them may follow Message Type) set to
// zeros, and ends with its Length. SCCRQ is computed without nonces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "wire/control_message.h"

namespace l2tpm::wire {

// Made of a secret; as good as the secret here, so wipe it.
using SharedKey = crypto::Md5Digest;
SharedKey digest_key(ByteView secret);
SharedKey hiding_key(ByteView secret);

// 16 or 20 octets.
std::size_t digest_size(DigestType type);
std::string_view name(DigestType type);  // "HMAC-MD5"

// What each end has said in its Control Message Authentication Nonce; empty when it has said none.
struct Nonces {
  ByteView sender;
  ByteView receiver;
};

// Fills the digests that encode() left room for, the i-th with the i-th key; a last key serves all
// the others. To be done again whenever anything in the message changed, such as Nr. REQUIRES: a
// message of encode()'s; keys not empty.
void sign(Bytes& message, std::span<const SharedKey> keys, const Nonces& nonces);

struct DigestCheck {
  enum class Verdict : std::uint8_t {
    absent,  // there is none behind Message Type
    valid,
    wrong  // none of those that are there was made with any of the keys
  };
  Verdict verdict = Verdict::absent;
  std::size_t key = 0;  // the one that fits
  DigestType type = DigestType::hmac_md5;
};
// Of any octets; `message` is V3Header::message, or a whole SCCRQ of version 2.
DigestCheck check_digest(ByteView message, std::span<const SharedKey> keys, const Nonces& nonces);
// Whether it is a SCCRQ, by its first AVP: those are checked and signed without nonces.
bool is_sccrq(ByteView message);

}  // namespace l2tpm::wire
