// The Password Authentication Protocol (RFC 1334 §2), either end.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ppp/auth_types.h"
#include "wire/ppp_packet.h"

namespace l2tpm::ppp {

// The authenticator: waits for an Authenticate-Request and answers it. A request that comes again
// after the answer gets the same answer, whatever it says (RFC 1334 §2.2.1).
class PapServer {
 public:
  explicit PapServer(const AuthServerSettings& settings) : settings_(settings) {}

  void start(TimePoint now);
  // A LAC took the request: judge that one (RFC 2661 §4.4.5).
  void adopt(const AuthRequest& request, TimePoint now);
  // What is malformed or not for an authenticator is discarded.
  void receive(const wire::PppPacket& packet, TimePoint now);
  void handle_timeout(TimePoint now);
  // Ignored unless a CredentialsNeeded is unanswered.
  void supply_verdict(const AuthVerdict& verdict, TimePoint now);
  std::vector<AuthServerAction> take_actions() { return std::exchange(actions_, {}); }
  std::optional<TimePoint> next_deadline() const { return deadline_; }

 private:
  enum class State : std::uint8_t { initial, waiting, judging, accepted, refused };

  static std::string_view name(State state);
  void set_state(State state, std::string_view reason);
  void answer(std::uint8_t identifier);
  void refuse(const AuthVerdict& verdict, CauseCode code, std::string message);

  AuthServerSettings settings_;
  State state_ = State::initial;
  std::uint8_t identifier_ = 0;  // of the newest request
  std::string user_;
  std::string message_;  // of the answer
  std::optional<TimePoint> deadline_;
  std::vector<AuthServerAction> actions_;
};

// The peer: sends Authenticate-Request until it is answered.
class PapPeer {
 public:
  explicit PapPeer(const AuthPeerSettings& settings) : settings_(settings) {}

  void start(TimePoint now);
  void receive(const wire::PppPacket& packet, TimePoint now);
  void handle_timeout(TimePoint now);
  std::vector<AuthPeerAction> take_actions() { return std::exchange(actions_, {}); }
  std::optional<TimePoint> next_deadline() const { return deadline_; }

 private:
  enum class State : std::uint8_t { initial, requesting, accepted, refused };

  static std::string_view name(State state);
  void set_state(State state, std::string_view reason);
  void send_request(TimePoint now);

  AuthPeerSettings settings_;
  State state_ = State::initial;
  std::uint8_t identifier_ = 0;  // of the newest request; earlier ones count down from it
  unsigned transmissions_ = 0;
  std::optional<TimePoint> deadline_;
  std::vector<AuthPeerAction> actions_;
};

}  // namespace l2tpm::ppp
