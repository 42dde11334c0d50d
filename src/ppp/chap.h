// The Challenge Handshake Authentication Protocol (RFC 1994), either end, with any of its
// algorithms: MD5, MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759). The machine is one, the algorithms
// differ in the Value of Challenge and Response and in the text of Success and Failure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "ppp/auth_types.h"
#include "wire/ppp_packet.h"

namespace l2tpm::ppp {

// The authenticator. Sends a Challenge until it is answered, and again every rechallenge_interval.
class ChapServer {
 public:
  // Borrows `random`. REQUIRES: settings.method != pap.
  ChapServer(const AuthServerSettings& settings, RandomSource& random)
      : settings_(settings), random_(&random) {}

  void start(TimePoint now);
  // A LAC began: judge the Response that it got to its Challenge (RFC 2661 §4.4.5), and answer
  // under its Identifier. Or challenge anew, under another Identifier than the LAC's: peers keep
  // their answers by Identifier.
  void adopt(const AuthRequest& request, TimePoint now);
  void start_after(std::uint8_t identifier, TimePoint now);
  // What is malformed, has another Identifier than the Challenge or is
  // not for an authenticator is discarded. A Response that comes again after its answer gets the
  // same answer without being checked (RFC 1994 §4.2).
  void receive(const wire::PppPacket& packet, TimePoint now);
  void handle_timeout(TimePoint now);
  // Ignored unless a CredentialsNeeded is unanswered.
  void supply_verdict(const AuthVerdict& verdict, TimePoint now);
  std::vector<AuthServerAction> take_actions() { return std::exchange(actions_, {}); }
  std::optional<TimePoint> next_deadline() const { return deadline_; }
  // The last Challenge sent; empty before start().
  ByteView challenge() const { return challenge_; }

 private:
  enum class State : std::uint8_t { initial, challenging, judging, accepted, refused };

  static std::string_view name(State state);
  void set_state(State state, std::string_view reason);
  void new_challenge(TimePoint now);
  void send_challenge(TimePoint now);
  void receive_response(const wire::PppPacket& packet, TimePoint now);
  void answer(bool success, std::uint8_t identifier, const AuthVerdict& verdict);
  void refuse(std::uint8_t identifier, const AuthVerdict& verdict, CauseCode code,
              std::string message);

  AuthServerSettings settings_;
  RandomSource* random_;
  State state_ = State::initial;
  bool authenticated_ = false;  // once; later rounds are repetitions
  std::uint8_t identifier_ = 0;
  unsigned transmissions_ = 0;
  Bytes challenge_;
  Bytes answer_;            // the Success or Failure to the Response of this challenge
  std::string user_;        // of the round being judged
  std::string known_user_;  // of the first success
  std::optional<TimePoint> deadline_;
  std::vector<AuthServerAction> actions_;
};

// The peer. Answers Challenges, at first and later on.
class ChapPeer {
 public:
  // Borrows `random`. REQUIRES: settings.method != pap.
  ChapPeer(const AuthPeerSettings& settings, RandomSource& random)
      : settings_(settings), random_(&random) {}

  void start(TimePoint now);
  // `own_challenge`: what our own ChapServer on this link sent last, if there is one. The peer
  // sending it back wants us to answer our own question (RFC 1994 §2.3); that ends the link.
  void receive(const wire::PppPacket& packet, TimePoint now, ByteView own_challenge = {});
  void handle_timeout(TimePoint now);
  std::vector<AuthPeerAction> take_actions() { return std::exchange(actions_, {}); }
  std::optional<TimePoint> next_deadline() const { return deadline_; }

 private:
  enum class State : std::uint8_t { initial, waiting, responding, accepted, refused };

  static std::string_view name(State state);
  void set_state(State state, std::string_view reason);
  void receive_challenge(const wire::PppPacket& packet, TimePoint now, ByteView own_challenge);
  void receive_success(ByteView text);
  void receive_failure(ByteView text);
  void build_response(ByteView challenge);
  void send_response(TimePoint now);
  void fail(CauseCode code, bool by_peer, std::string message);

  AuthPeerSettings settings_;
  RandomSource* random_;
  State state_ = State::initial;
  bool authenticated_ = false;
  std::uint8_t identifier_ = 0;
  unsigned transmissions_ = 0;
  Bytes challenge_;                     // the one answered
  Bytes response_;                      // the packet that answers it
  std::string authenticator_response_;  // mschapv2: what the Success must say
  MppeKeys keys_;                       // of the first exchange, until it succeeds
  std::optional<TimePoint> deadline_;
  std::vector<AuthPeerAction> actions_;
};

}  // namespace l2tpm::ppp
