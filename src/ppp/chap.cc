#include "ppp/chap.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "crypto/digest.h"
#include "ppp/mschap_hash.h"

namespace l2tpm::ppp {
namespace {

// RFC 1994 §4, RFC 2433 §9 and RFC 2759 §7 for the last ones.
enum class ChapCode : std::uint8_t {
  challenge = 1,
  response = 2,
  success = 3,
  failure = 4,
  change_password_1 = 5,
  change_password_2 = 6,
  change_password_3 = 7,
};

constexpr std::size_t kMd5ChallengeSize = 16;
constexpr std::size_t kMd5ResponseSize = 16;
constexpr std::size_t kMsChapResponseSize = 49;
constexpr std::size_t kAuthenticatorResponseSize = 42;  // "S=" and 40 hex digits
constexpr std::size_t kMaxName = 255;

bool is(const wire::PppPacket& packet, ChapCode code) {
  return packet.code == static_cast<std::uint8_t>(code);
}

SendFrame frame(ByteView packet) {
  return {wire::encode_ppp_frame(wire::PppProtocol::chap, packet)};
}

Bytes encode(ChapCode code, std::uint8_t identifier, ByteView data) {
  return wire::encode_ppp_packet(static_cast<std::uint8_t>(code), identifier, data);
}

// RFC 1994 §4.1: Value-Size, Value, Name.
Bytes encode_value(ChapCode code, std::uint8_t identifier, ByteView value, std::string_view name) {
  Bytes data;
  ByteWriter writer(data);
  writer.u8(static_cast<std::uint8_t>(value.size()));
  writer.bytes(value);
  writer.text(name.substr(0, kMaxName));
  return encode(code, identifier, data);
}

struct ValueAndName {
  ByteView value;
  ByteView name;
};

std::optional<ValueAndName> decode_value(ByteView data) {
  ByteReader reader(data);
  const ByteView value = reader.take(reader.u8());
  const ByteView name = reader.take_rest();
  if (!reader.ok()) return std::nullopt;
  return ValueAndName{value, name};
}

std::size_t own_challenge_size(AuthMethod method) {
  switch (method) {
    case AuthMethod::pap:
    case AuthMethod::chap_md5:
      return kMd5ChallengeSize;
    case AuthMethod::mschap:
      return kMsChapChallengeSize;
    case AuthMethod::mschapv2:
      return kMsChapV2ChallengeSize;
  }
  return kMd5ChallengeSize;
}

bool is_challenge_size(AuthMethod method, std::size_t size) {
  return method == AuthMethod::chap_md5 ? size > 0 : size == own_challenge_size(method);
}

// The Value of a Response, taken apart. Nothing when it is not of the method's size.
std::optional<AuthRequest> decode_response(AuthMethod method, ByteView value) {
  AuthRequest request;
  request.method = method;
  ByteReader reader(value);
  const auto copy = [](ByteView octets) { return Bytes(octets.begin(), octets.end()); };
  switch (method) {
    case AuthMethod::pap:
      return std::nullopt;
    case AuthMethod::chap_md5:
      if (value.size() != kMd5ResponseSize) return std::nullopt;
      request.response = copy(value);
      return request;
    case AuthMethod::mschap:
      if (value.size() != kMsChapResponseSize) return std::nullopt;
      request.lm_response = copy(reader.take(24));
      request.response = copy(reader.take(24));
      request.use_nt_response = reader.u8();
      return request;
    case AuthMethod::mschapv2:
      if (value.size() != kMsChapResponseSize) return std::nullopt;
      request.peer_challenge = copy(reader.take(16));
      reader.skip(8);  // "Reserved, must be zero"
      request.response = copy(reader.take(24));
      return request;
  }
  return std::nullopt;
}

std::string success_text(AuthMethod method, const AuthVerdict& verdict) {
  const std::string& message = verdict.message.empty() ? "Authenticated" : verdict.message;
  if (method != AuthMethod::mschapv2) return message;
  return fmt::format("{} M={}", verdict.authenticator_response, message);
}

// RFC 2759 §6. R=0: the peer has nothing to try again on this link; V=3: MS-CHAPv2.
std::string failure_text(AuthMethod method, const AuthVerdict& verdict, RandomSource& random) {
  const std::string& message = verdict.message.empty() ? "Authentication failed" : verdict.message;
  if (method == AuthMethod::pap || method == AuthMethod::chap_md5) return message;
  Bytes challenge(own_challenge_size(method));
  random.fill(challenge);
  std::string text =
      fmt::format("E={} R=0 C={} V=3", static_cast<unsigned>(verdict.error), to_hex(challenge));
  // RFC 2433 §6 has no M=.
  if (method == AuthMethod::mschapv2) text += " M=" + message;
  return text;
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

}  // namespace

std::string_view ChapServer::name(State state) {
  switch (state) {
    case State::initial:
      return "initial";
    case State::challenging:
      return "challenging";
    case State::judging:
      return "judging";
    case State::accepted:
      return "accepted";
    case State::refused:
      return "refused";
  }
  return "?";
}

void ChapServer::set_state(State state, std::string_view reason) {
  log(LogLevel::debug, {}, "CHAP server: {} -> {} ({})", name(state_), name(state), reason);
  state_ = state;
}

void ChapServer::start(TimePoint now) {
  std::array<std::uint8_t, 1> first{};
  random_->fill(first);
  identifier_ = first[0];
  new_challenge(now);
}

void ChapServer::start_after(std::uint8_t identifier, TimePoint now) {
  identifier_ = identifier;
  new_challenge(now);
}

void ChapServer::adopt(const AuthRequest& request, TimePoint now) {
  identifier_ = request.identifier;
  challenge_ = request.challenge;
  user_ = request.user;
  set_state(State::judging, "proxied Response");
  deadline_ = now + settings_.verdict_timeout;
  actions_.emplace_back(CredentialsNeeded{request});
}

void ChapServer::new_challenge(TimePoint now) {
  set_state(State::challenging, authenticated_ ? "again" : "start");
  // "The Identifier field MUST be changed each time a Challenge is sent", a new one that is: a
  // retransmission keeps Identifier and Value, so that a Response to an earlier copy counts.
  ++identifier_;
  transmissions_ = 0;
  challenge_.resize(own_challenge_size(settings_.method));
  random_->fill(challenge_);
  answer_.clear();
  send_challenge(now);
}

void ChapServer::send_challenge(TimePoint now) {
  ++transmissions_;
  deadline_ = now + settings_.retransmit;
  actions_.emplace_back(
      frame(encode_value(ChapCode::challenge, identifier_, challenge_, settings_.name)));
}

void ChapServer::receive(const wire::PppPacket& packet, TimePoint now) {
  if (state_ == State::initial) return;
  if (is(packet, ChapCode::response)) {
    receive_response(packet, now);
    return;
  }
  const bool wants_password_change = is(packet, ChapCode::change_password_1) ||
                                     is(packet, ChapCode::change_password_2) ||
                                     is(packet, ChapCode::change_password_3);
  if (!wants_password_change || settings_.method == AuthMethod::chap_md5) return;
  const AuthVerdict verdict =
      AuthVerdict::refused(MsChapError::changing_password, "Passwords cannot be changed here");
  switch (state_) {
    case State::initial:
    case State::judging:
    case State::accepted:
      return;
    case State::challenging:
      refuse(packet.identifier, verdict, CauseCode::auth_failed,
             "the peer wants to change its password");
      return;
    case State::refused:
      // After a Failure with E=648.
      answer(false, packet.identifier, verdict);
      return;
  }
}

void ChapServer::receive_response(const wire::PppPacket& packet, TimePoint now) {
  if (packet.identifier != identifier_) return;
  switch (state_) {
    case State::initial:
    case State::judging:
      return;
    case State::accepted:
    case State::refused:
      if (!answer_.empty()) actions_.emplace_back(frame(answer_));
      return;
    case State::challenging:
      break;
  }
  const auto fields = decode_value(packet.data);
  if (!fields) return;
  auto request = decode_response(settings_.method, fields->value);
  if (!request) return;
  if (fields->name.size() > kMaxUserName) {
    refuse(packet.identifier, AuthVerdict::refused(), CauseCode::auth_failed,
           "the user name is too long");
    return;
  }
  const std::string_view user = as_text(fields->name);
  if (authenticated_ && user != known_user_) {
    refuse(packet.identifier, AuthVerdict::refused(), CauseCode::user_changed,
           "another user answered a repeated challenge");
    return;
  }
  user_ = user;
  request->user = user_;
  request->identifier = packet.identifier;
  request->challenge = challenge_;
  set_state(State::judging, "Response");
  deadline_ = now + settings_.verdict_timeout;
  actions_.emplace_back(CredentialsNeeded{std::move(*request)});
}

void ChapServer::supply_verdict(const AuthVerdict& verdict, TimePoint now) {
  if (state_ != State::judging) return;
  if (!verdict.ok) {
    refuse(identifier_, verdict, CauseCode::auth_failed,
           verdict.message.empty()
               ? describe_mschap_error(static_cast<std::uint32_t>(verdict.error))
               : verdict.message);
    return;
  }
  set_state(State::accepted, "verdict");
  deadline_.reset();
  if (settings_.rechallenge_interval > Duration::zero())
    deadline_ = now + settings_.rechallenge_interval;
  answer(true, identifier_, verdict);
  if (authenticated_) {
    actions_.emplace_back(PeerReauthenticated{});
    return;
  }
  authenticated_ = true;
  known_user_ = user_;
  actions_.emplace_back(PeerAuthenticated{user_, verdict.keys});
}

void ChapServer::handle_timeout(TimePoint now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  switch (state_) {
    case State::initial:
    case State::refused:
      return;
    case State::challenging:
      if (transmissions_ < settings_.max_transmissions) {
        send_challenge(now);
        return;
      }
      set_state(State::refused, "timeout");
      actions_.emplace_back(AuthFailed{
          {.code = authenticated_ ? CauseCode::peer_silent : CauseCode::setup_timeout,
           .message = "the peer did not answer our challenge"}
      });
      return;
    case State::judging:
      refuse(identifier_, AuthVerdict::refused(), CauseCode::setup_timeout,
             "no verdict on the credentials");
      return;
    case State::accepted:
      new_challenge(now);
      return;
  }
}

void ChapServer::answer(bool success, std::uint8_t identifier, const AuthVerdict& verdict) {
  const std::string text = success ? success_text(settings_.method, verdict)
                                   : failure_text(settings_.method, verdict, *random_);
  answer_ = encode(success ? ChapCode::success : ChapCode::failure, identifier, as_bytes(text));
  actions_.emplace_back(frame(answer_));
}

void ChapServer::refuse(std::uint8_t identifier, const AuthVerdict& verdict, CauseCode code,
                        std::string message) {
  set_state(State::refused, message);
  deadline_.reset();
  answer(false, identifier, verdict);
  actions_.emplace_back(AuthFailed{
      {.code = code, .message = std::move(message)}
  });
}

std::string_view ChapPeer::name(State state) {
  switch (state) {
    case State::initial:
      return "initial";
    case State::waiting:
      return "waiting";
    case State::responding:
      return "responding";
    case State::accepted:
      return "accepted";
    case State::refused:
      return "refused";
  }
  return "?";
}

void ChapPeer::set_state(State state, std::string_view reason) {
  log(LogLevel::debug, {}, "CHAP peer: {} -> {} ({})", name(state_), name(state), reason);
  state_ = state;
}

void ChapPeer::start(TimePoint now) {
  set_state(State::waiting, "start");
  deadline_ = now + settings_.timeout;
}

void ChapPeer::receive(const wire::PppPacket& packet, TimePoint now, ByteView own_challenge) {
  if (state_ == State::initial || state_ == State::refused) return;
  if (is(packet, ChapCode::challenge)) {
    receive_challenge(packet, now, own_challenge);
    return;
  }
  if (state_ != State::responding || packet.identifier != identifier_) return;
  if (is(packet, ChapCode::success)) receive_success(packet.data);
  if (is(packet, ChapCode::failure)) receive_failure(packet.data);
}

void ChapPeer::receive_challenge(const wire::PppPacket& packet, TimePoint now,
                                 ByteView own_challenge) {
  const auto fields = decode_value(packet.data);
  if (!fields || !is_challenge_size(settings_.method, fields->value.size())) return;
  if (!own_challenge.empty() && std::ranges::equal(fields->value, own_challenge)) {
    fail(CauseCode::peer_not_authentic, false, "the peer sent our own challenge back to us");
    return;
  }
  if (!response_.empty() && packet.identifier == identifier_ &&
      std::ranges::equal(fields->value, challenge_)) {
    // Our Response was lost. The same one: MS-CHAPv2's depends on a random number of ours.
    actions_.emplace_back(frame(response_));
    return;
  }
  identifier_ = packet.identifier;
  challenge_.assign(fields->value.begin(), fields->value.end());
  build_response(challenge_);
  transmissions_ = 0;
  set_state(State::responding, "Challenge");
  send_response(now);
}

void ChapPeer::build_response(ByteView challenge) {
  Bytes value;
  ByteWriter writer(value);
  switch (settings_.method) {
    case AuthMethod::pap:
      break;
    case AuthMethod::chap_md5: {
      const std::array<std::uint8_t, 1> identifier = {identifier_};
      writer.bytes(crypto::md5({identifier, settings_.password.octets(), challenge}));
      break;
    }
    case AuthMethod::mschap: {
      const Secret hash = nt_password_hash(settings_.password);
      // No LAN Manager response: it gives the password away.
      writer.bytes(std::array<std::uint8_t, 24>{});
      writer.bytes(challenge_response(challenge, hash));
      writer.u8(1);
      if (!authenticated_) {
        keys_ = mschap_keys(hash_of_hash(hash).octets(), challenge,
                            lm_password_hash(settings_.password).octets());
      }
      break;
    }
    case AuthMethod::mschapv2: {
      const Secret hash = nt_password_hash(settings_.password);
      std::array<std::uint8_t, kMsChapV2ChallengeSize> peer_challenge{};
      random_->fill(peer_challenge);
      const NtResponse response =
          mschapv2_response(challenge, peer_challenge, settings_.user, hash);
      writer.bytes(peer_challenge);
      writer.u64(0);
      writer.bytes(response);
      writer.u8(0);
      authenticator_response_ = mschapv2_authenticator_response(hash, response, peer_challenge,
                                                                challenge, settings_.user);
      if (!authenticated_) keys_ = mschapv2_keys(hash_of_hash(hash).octets(), response, false);
      break;
    }
  }
  response_ = encode_value(ChapCode::response, identifier_, value, settings_.user);
}

void ChapPeer::send_response(TimePoint now) {
  ++transmissions_;
  deadline_ = now + settings_.retransmit;
  actions_.emplace_back(frame(response_));
}

void ChapPeer::receive_success(ByteView data) {
  std::string_view text = as_text(data);
  if (settings_.method == AuthMethod::mschapv2) {
    // "If the authenticator response is either missing or incorrect, the peer MUST end the session"
    // (RFC 2759 §5). Its digits are upper case, which not everybody heeds.
    const std::string proof = upper_case(text.substr(0, kAuthenticatorResponseSize));
    if (!equal_in_constant_time(as_bytes(proof), as_bytes(authenticator_response_))) {
      fail(CauseCode::peer_not_authentic, false,
           "the peer accepted us, but does not know the password itself");
      return;
    }
    const std::size_t message = text.find("M=", kAuthenticatorResponseSize);
    text = message == std::string_view::npos ? std::string_view() : text.substr(message + 2);
  }
  set_state(State::accepted, "Success");
  deadline_.reset();
  if (authenticated_) return;
  authenticated_ = true;
  actions_.emplace_back(AcceptedByPeer{printable(as_bytes(text)), std::exchange(keys_, {})});
}

void ChapPeer::receive_failure(ByteView data) {
  std::string message = printable(data);
  if (settings_.method != AuthMethod::chap_md5) {
    if (const auto failure = parse_mschap_failure(as_text(data))) {
      message = fmt::format("E={}: {}", failure->error, describe_mschap_error(failure->error));
      if (!failure->message.empty()) message += fmt::format(" ({})", failure->message);
    }
  }
  // Also when R=1 invites another try: there is no other password to try with.
  fail(CauseCode::auth_failed, true, message.empty() ? "CHAP Failure" : std::move(message));
}

void ChapPeer::handle_timeout(TimePoint now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  switch (state_) {
    case State::initial:
    case State::accepted:
    case State::refused:
      return;
    case State::waiting:
      fail(CauseCode::setup_timeout, false, "the peer sent no challenge");
      return;
    case State::responding:
      if (transmissions_ < settings_.max_transmissions) {
        send_response(now);
        return;
      }
      if (authenticated_) {
        // The answer to a repetition got lost; whether the link lives is for LCP's echoes to say.
        set_state(State::accepted, "timeout");
        return;
      }
      fail(CauseCode::setup_timeout, false, "the peer did not answer our response");
      return;
  }
}

void ChapPeer::fail(CauseCode code, bool by_peer, std::string message) {
  set_state(State::refused, message);
  deadline_.reset();
  keys_ = {};
  actions_.emplace_back(AuthFailed{
      {.code = code, .by_peer = by_peer, .message = std::move(message)}
  });
}

}  // namespace l2tpm::ppp
