#include "l2tp/authentication.h"

#include "crypto/digest.h"

namespace l2tpm::l2tp {
namespace {

constexpr std::size_t kChallengeSize = 16;

}  // namespace

ChallengeResponse challenge_response(wire::MessageType carrier, const Secret& secret,
                                     ByteView challenge) {
  // "the value of the ID octet is the Message Type"
  const std::uint8_t id[] = {static_cast<std::uint8_t>(carrier)};
  return crypto::md5({ByteView(id), secret.octets(), challenge});
}

const Bytes& Authentication::challenge(RandomSource& random) {
  challenge_.resize(kChallengeSize);
  random.fill(challenge_);
  return challenge_;
}

Authentication::Verdict Authentication::judge_response(const wire::ControlMessage& message,
                                                       const std::optional<Secret>& secret) {
  // A response to no challenge of ours says nothing.
  if (challenge_.empty()) return Verdict::acceptable;
  if (!message.challenge_response) return Verdict::missing_response;
  if (!secret) return Verdict::no_secret;
  const ChallengeResponse expected = challenge_response(message.type, *secret, challenge_);
  if (!equal_in_constant_time(expected, *message.challenge_response))
    return Verdict::wrong_response;
  peer_authenticated_ = true;
  return Verdict::acceptable;
}

Authentication::Verdict Authentication::answer(const wire::ControlMessage& message,
                                               wire::MessageType carrier,
                                               const std::optional<Secret>& secret,
                                               std::optional<ChallengeResponse>& out) {
  out.reset();
  if (!message.challenge) return Verdict::acceptable;
  peer_challenged_ = true;
  if (!secret || secret->empty()) return Verdict::no_secret;
  out = challenge_response(carrier, *secret, *message.challenge);
  return Verdict::acceptable;
}

std::string_view name(Authentication::Verdict verdict) {
  switch (verdict) {
    case Authentication::Verdict::acceptable:
      return "acceptable";
    case Authentication::Verdict::no_secret:
      return "the peer challenges, we have no secret";
    case Authentication::Verdict::missing_response:
      return "no Challenge Response";
    case Authentication::Verdict::wrong_response:
      return "wrong Challenge Response";
  }
  return "?";
}

}  // namespace l2tpm::l2tp
