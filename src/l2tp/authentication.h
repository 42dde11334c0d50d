// Tunnel authentication, RFC 2661 §5.1.1: a CHAP exchange carried by SCCRQ, SCCRP and SCCCN, each
// direction by itself. Owned by ControlConnection.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/secret.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

using ChallengeResponse = std::array<std::uint8_t, 16>;

// MD5 over the type of the message that carries the response, the secret, and the challenge
// (§4.4.3, Challenge Response). `carrier` is SCCRP or SCCCN.
ChallengeResponse challenge_response(wire::MessageType carrier, const Secret& secret,
                                     ByteView challenge);

class Authentication {
 public:
  enum class Verdict : std::uint8_t {
    acceptable,        // authentic, or nobody asked
    no_secret,         // the peer challenges and we have no secret
    missing_response,  // we challenged
    wrong_response,
  };

  // Draws the Challenge for our SCCRQ or SCCRP.
  const Bytes& challenge(RandomSource& random);
  // Judges the peer's SCCRP or SCCCN.
  Verdict judge_response(const wire::ControlMessage& message, const std::optional<Secret>& secret);
  // Answers the peer's SCCRQ or SCCRP in our `carrier`; `out` is left empty when nobody asked.
  Verdict answer(const wire::ControlMessage& challenge, wire::MessageType carrier,
                 const std::optional<Secret>& secret, std::optional<ChallengeResponse>& out);

  bool we_challenged() const { return !challenge_.empty(); }
  bool peer_challenged() const { return peer_challenged_; }
  bool peer_authenticated() const { return peer_authenticated_; }
  // The exchange is over; the challenge is not needed any more.
  void forget_challenge() { challenge_ = {}; }

 private:
  Bytes challenge_;
  bool peer_challenged_ = false;
  bool peer_authenticated_ = false;
};
std::string_view name(Authentication::Verdict verdict);

}  // namespace l2tpm::l2tp
