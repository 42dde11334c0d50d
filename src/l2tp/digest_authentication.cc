#include "l2tp/digest_authentication.h"

#include <algorithm>

#include "base/secret.h"

namespace l2tpm::l2tp {
namespace {

// RFC 3931 §5.4.1: "at least 16 octets is recommended".
constexpr std::size_t kNonceSize = 16;
// "two Message Digest AVPs MAY be present", "two shared secrets MAY be configured".
constexpr std::size_t kMaxSecrets = 2;

}  // namespace

DigestAuthentication::DigestAuthentication(const V3Settings& settings) {
  for (const Secret& secret : settings.digest_secrets) {
    if (secret.empty() || signing_keys_.size() == kMaxSecrets) continue;
    signing_keys_.push_back(wire::digest_key(secret.octets()));
    hiding_keys_.push_back(wire::hiding_key(secret.octets()));
    digests_.push_back(settings.digest);
  }
  has_secrets_ = !signing_keys_.empty();
  if (has_secrets_) return;
  // §4.3: the integrity check is the same "with an empty zero-length shared secret".
  signing_keys_.push_back(wire::digest_key({}));
  if (settings.integrity_check) digests_.push_back(settings.digest);
}

DigestAuthentication::~DigestAuthentication() {
  for (wire::SharedKey& key : signing_keys_) wipe(key);
  for (wire::SharedKey& key : hiding_keys_) wipe(key);
}

const Bytes& DigestAuthentication::nonce(RandomSource& random) {
  if (own_nonce_.empty()) {
    own_nonce_.resize(kNonceSize);
    random.fill(own_nonce_);
  }
  return own_nonce_;
}

void DigestAuthentication::sign(Bytes& message) const {
  if (digests_.empty()) return;
  wire::Nonces nonces;
  if (has_secrets_) nonces = {own_nonce_, peer_nonce_};
  wire::sign(message, signing_keys_, nonces);
}

DigestAuthentication::Verdict DigestAuthentication::judge(ByteView message,
                                                          const std::optional<Bytes>& nonce_in_it) {
  const ByteView theirs = nonce_in_it ? ByteView(*nonce_in_it) : ByteView(peer_nonce_);
  wire::Nonces nonces;
  if (has_secrets_) nonces = {theirs, own_nonce_};
  // §4.3: the nonce says that the peer authenticates; what it is made with we do not know.
  if (!has_secrets_ && nonce_in_it) return Verdict::unwelcome;
  const wire::DigestCheck check = wire::check_digest(message, signing_keys_, nonces);
  switch (check.verdict) {
    case wire::DigestCheck::Verdict::absent:
      return has_secrets_ && !peer_cannot_sign_ ? Verdict::missing : Verdict::believed;
    case wire::DigestCheck::Verdict::wrong:
      return Verdict::wrong;
    case wire::DigestCheck::Verdict::valid:
      break;
  }
  if (!has_secrets_) return Verdict::believed;
  secret_used_ = check.key;
  // A SCCRQ can be repeated by anybody who has heard it; only what has our nonce in it says who.
  peer_authentic_ = peer_authentic_ || !wire::is_sccrq(message);
  if (nonce_in_it) peer_nonce_ = *nonce_in_it;
  return Verdict::believed;
}

ByteView DigestAuthentication::hiding_key() const {
  if (!has_secrets_) return {};
  return hiding_keys_[std::min(secret_used_, hiding_keys_.size() - 1)];
}

}  // namespace l2tpm::l2tp
