#include "ppp/pap.h"

#include <algorithm>

#include "base/log.h"

namespace l2tpm::ppp {
namespace {

// RFC 1334 §2.2.
enum class PapCode : std::uint8_t {
  authenticate_request = 1,
  authenticate_ack = 2,
  authenticate_nak = 3,
};

constexpr std::size_t kMaxField = 255;  // Peer-ID, Password, Message: one octet of length

bool is(const wire::PppPacket& packet, PapCode code) {
  return packet.code == static_cast<std::uint8_t>(code);
}

SendFrame frame(PapCode code, std::uint8_t identifier, ByteView data) {
  return {wire::encode_ppp_frame(
      wire::PppProtocol::pap,
      wire::encode_ppp_packet(static_cast<std::uint8_t>(code), identifier, data))};
}

void put_field(ByteWriter& writer, ByteView field) {
  const ByteView cut = field.first(std::min(field.size(), kMaxField));
  writer.u8(static_cast<std::uint8_t>(cut.size()));
  writer.bytes(cut);
}

// Message of Ack and Nak. Some peers leave the whole field out, or its length is wrong; the verdict
// counts all the same.
std::string message_of(ByteView data) {
  ByteReader reader(data);
  const ByteView message = reader.take(reader.u8());
  return reader.ok() ? printable(message) : std::string();
}

}  // namespace

std::string_view PapServer::name(State state) {
  switch (state) {
    case State::initial:
      return "initial";
    case State::waiting:
      return "waiting";
    case State::judging:
      return "judging";
    case State::accepted:
      return "accepted";
    case State::refused:
      return "refused";
  }
  return "?";
}

void PapServer::set_state(State state, std::string_view reason) {
  log(LogLevel::debug, {}, "PAP server: {} -> {} ({})", name(state_), name(state), reason);
  state_ = state;
}

void PapServer::start(TimePoint now) {
  set_state(State::waiting, "start");
  deadline_ = now + settings_.timeout;
}

void PapServer::adopt(const AuthRequest& request, TimePoint now) {
  identifier_ = request.identifier;
  user_ = request.user;
  set_state(State::judging, "proxied Authenticate-Request");
  deadline_ = now + settings_.verdict_timeout;
  actions_.emplace_back(CredentialsNeeded{request});
}

void PapServer::receive(const wire::PppPacket& packet, TimePoint now) {
  if (state_ == State::initial || !is(packet, PapCode::authenticate_request)) return;
  ByteReader reader(packet.data);
  const ByteView user = reader.take(reader.u8());
  const ByteView password = reader.take(reader.u8());
  if (!reader.ok()) return;

  switch (state_) {
    case State::initial:
      return;
    case State::judging:
      // The same request again, under another Identifier: the newest is what the peer waits for.
      if (as_text(user) == user_) identifier_ = packet.identifier;
      return;
    case State::accepted:
    case State::refused:
      answer(packet.identifier);
      return;
    case State::waiting:
      break;
  }
  identifier_ = packet.identifier;
  if (user.size() > kMaxUserName) {
    refuse(AuthVerdict::refused(), CauseCode::auth_failed, "the user name is too long");
    return;
  }
  user_ = as_text(user);
  AuthRequest request;
  request.method = AuthMethod::pap;
  request.user = user_;
  request.identifier = packet.identifier;
  request.pap_password = Secret(password);
  set_state(State::judging, "Authenticate-Request");
  deadline_ = now + settings_.verdict_timeout;
  actions_.emplace_back(CredentialsNeeded{std::move(request)});
}

void PapServer::supply_verdict(const AuthVerdict& verdict, TimePoint) {
  if (state_ != State::judging) return;
  if (!verdict.ok) {
    refuse(verdict, CauseCode::auth_failed,
           verdict.message.empty()
               ? describe_mschap_error(static_cast<std::uint32_t>(verdict.error))
               : verdict.message);
    return;
  }
  set_state(State::accepted, "verdict");
  deadline_.reset();
  message_ = verdict.message;
  answer(identifier_);
  actions_.emplace_back(PeerAuthenticated{user_, verdict.keys});
}

void PapServer::handle_timeout(TimePoint now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  if (state_ == State::judging) {
    refuse(AuthVerdict::refused(), CauseCode::setup_timeout, "no verdict on the credentials");
    return;
  }
  set_state(State::refused, "timeout");
  actions_.emplace_back(AuthFailed{
      {.code = CauseCode::setup_timeout, .message = "the peer sent no PAP request"}
  });
}

void PapServer::answer(std::uint8_t identifier) {
  const PapCode code =
      state_ == State::accepted ? PapCode::authenticate_ack : PapCode::authenticate_nak;
  Bytes data;
  ByteWriter writer(data);
  put_field(writer, as_bytes(message_));
  actions_.emplace_back(frame(code, identifier, data));
}

void PapServer::refuse(const AuthVerdict& verdict, CauseCode code, std::string message) {
  set_state(State::refused, message);
  deadline_.reset();
  message_ = verdict.message.empty() ? "Authentication failed" : verdict.message;
  answer(identifier_);
  actions_.emplace_back(AuthFailed{
      {.code = code, .message = std::move(message)}
  });
}

std::string_view PapPeer::name(State state) {
  switch (state) {
    case State::initial:
      return "initial";
    case State::requesting:
      return "requesting";
    case State::accepted:
      return "accepted";
    case State::refused:
      return "refused";
  }
  return "?";
}

void PapPeer::set_state(State state, std::string_view reason) {
  log(LogLevel::debug, {}, "PAP peer: {} -> {} ({})", name(state_), name(state), reason);
  state_ = state;
}

void PapPeer::start(TimePoint now) {
  set_state(State::requesting, "start");
  transmissions_ = 0;
  send_request(now);
}

void PapPeer::receive(const wire::PppPacket& packet, TimePoint) {
  if (state_ != State::requesting) return;
  // Each request has an Identifier of its own; the answer may be to any of them.
  const auto age = static_cast<std::uint8_t>(identifier_ - packet.identifier);
  if (age >= transmissions_) return;
  const std::string message = message_of(packet.data);
  if (is(packet, PapCode::authenticate_ack)) {
    set_state(State::accepted, "Authenticate-Ack");
    deadline_.reset();
    actions_.emplace_back(AcceptedByPeer{message, {}});
  } else if (is(packet, PapCode::authenticate_nak)) {
    set_state(State::refused, "Authenticate-Nak");
    deadline_.reset();
    actions_.emplace_back(AuthFailed{
        {.code = CauseCode::auth_failed,
         .by_peer = true,
         .message = message.empty() ? "PAP Authenticate-Nak" : message}
    });
  }
}

void PapPeer::handle_timeout(TimePoint now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  if (transmissions_ < settings_.max_transmissions) {
    send_request(now);
    return;
  }
  set_state(State::refused, "timeout");
  actions_.emplace_back(AuthFailed{
      {.code = CauseCode::setup_timeout, .message = "the peer did not answer our PAP request"}
  });
}

void PapPeer::send_request(TimePoint now) {
  ++transmissions_;
  // "The Identifier field MUST be changed each time an Authenticate-Request packet is issued."
  ++identifier_;
  deadline_ = now + settings_.retransmit;
  Bytes data;
  data.reserve(2 + 2 * kMaxField);
  ByteWriter writer(data);
  put_field(writer, as_bytes(settings_.user));
  put_field(writer, settings_.password.octets());
  actions_.emplace_back(frame(PapCode::authenticate_request, identifier_, data));
  wipe(data);
}

}  // namespace l2tpm::ppp
