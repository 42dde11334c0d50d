// Control message authentication of L2TPv3, RFC 3931 §4.3: what is behind the digests of one
// control connection. Owned by ControlConnection, which asks it before it believes anything, and
// lent to ReliableDelivery, which has everything signed that leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "l2tp/settings.h"
#include "wire/control_digest.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

class DigestAuthentication {
 public:
  enum class Verdict : std::uint8_t {
    believed,   // authentic, or undamaged as far as that is all that was agreed on
    wrong,      // a digest, but not the right one
    missing,    // none, and we have a secret
    unwelcome,  // the peer authenticates, we have no secret
  };

  explicit DigestAuthentication(const V3Settings& settings);
  ~DigestAuthentication();
  DigestAuthentication(const DigestAuthentication&) = delete;
  DigestAuthentication& operator=(const DigestAuthentication&) = delete;

  bool authenticates() const { return !signing_keys_.empty() && has_secrets_; }
  // For wire::EncodeOptions; empty when messages carry no digest.
  std::span<const wire::DigestType> digests() const { return digests_; }
  // The nonce of our SCCRQ or SCCRP. What is signed before this was called has none.
  const Bytes& nonce(RandomSource& random);
  // The last thing before a message leaves; nothing when it has no room for a digest.
  void sign(Bytes& message) const;

  // `message` begins with its flags and ends with its Length. The nonce in it, if it is a SCCRQ or
  // SCCRP that opens the connection, is the peer's from then on, if it is believed.
  Verdict judge(ByteView message, const std::optional<Bytes>& nonce_in_it);
  // What follows is for a peer that could not check it, and has nothing to check in what it sends.
  void stop_signing() {
    digests_.clear();
    peer_cannot_sign_ = true;
  }

  bool peer_authentic() const { return peer_authentic_; }
  // Which of the settings' secrets the peer used last.
  std::size_t secret_used() const { return secret_used_; }
  // For hidden AVPs, with that secret; empty when nobody authenticates.
  ByteView hiding_key() const;

 private:
  bool has_secrets_;
  std::vector<wire::SharedKey> signing_keys_;
  std::vector<wire::SharedKey> hiding_keys_;
  std::vector<wire::DigestType> digests_;
  Bytes own_nonce_;
  Bytes peer_nonce_;
  bool peer_cannot_sign_ = false;
  bool peer_authentic_ = false;
  std::size_t secret_used_ = 0;
};

}  // namespace l2tpm::l2tp
