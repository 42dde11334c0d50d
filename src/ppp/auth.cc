#include "ppp/auth.h"

namespace l2tpm::ppp {
namespace {

std::variant<PapServer, ChapServer> make_server(const AuthServerSettings& settings,
                                                RandomSource& random) {
  if (settings.method == AuthMethod::pap) return PapServer(settings);
  return ChapServer(settings, random);
}

std::variant<PapPeer, ChapPeer> make_peer(const AuthPeerSettings& settings, RandomSource& random) {
  if (settings.method == AuthMethod::pap) return PapPeer(settings);
  return ChapPeer(settings, random);
}

}  // namespace

std::optional<AuthEnd> addressee(wire::PppProtocol protocol, const wire::PppPacket& packet) {
  // RFC 1334 §2.2: Request; Ack, Nak. RFC 1994 §4: Challenge, Response, Success, Failure;
  // RFC 2433 and RFC 2759 add the requests to change a password, 5 to 7.
  const std::uint8_t code = packet.code;
  if (protocol == wire::PppProtocol::pap) {
    if (code == 1) return AuthEnd::server;
    if (code == 2 || code == 3) return AuthEnd::peer;
  }
  if (protocol == wire::PppProtocol::chap) {
    if (code == 2 || (code >= 5 && code <= 7)) return AuthEnd::server;
    if (code == 1 || code == 3 || code == 4) return AuthEnd::peer;
  }
  return std::nullopt;
}

AuthServer::AuthServer(const AuthServerSettings& settings, RandomSource& random)
    : method_(settings.method), machine_(make_server(settings, random)) {}

void AuthServer::start(TimePoint now) {
  std::visit([&](auto& machine) { machine.start(now); }, machine_);
}

void AuthServer::adopt(const AuthRequest& request, TimePoint now) {
  std::visit([&](auto& machine) { machine.adopt(request, now); }, machine_);
}

void AuthServer::start_after(std::uint8_t identifier, TimePoint now) {
  if (auto* chap = std::get_if<ChapServer>(&machine_)) {
    chap->start_after(identifier, now);
  } else {
    start(now);
  }
}

void AuthServer::receive(const wire::PppPacket& packet, TimePoint now) {
  std::visit([&](auto& machine) { machine.receive(packet, now); }, machine_);
}

void AuthServer::handle_timeout(TimePoint now) {
  std::visit([&](auto& machine) { machine.handle_timeout(now); }, machine_);
}

void AuthServer::supply_verdict(const AuthVerdict& verdict, TimePoint now) {
  std::visit([&](auto& machine) { machine.supply_verdict(verdict, now); }, machine_);
}

std::vector<AuthServerAction> AuthServer::take_actions() {
  return std::visit([](auto& machine) { return machine.take_actions(); }, machine_);
}

std::optional<TimePoint> AuthServer::next_deadline() const {
  return std::visit([](const auto& machine) { return machine.next_deadline(); }, machine_);
}

ByteView AuthServer::challenge() const {
  const auto* chap = std::get_if<ChapServer>(&machine_);
  return chap == nullptr ? ByteView() : chap->challenge();
}

AuthPeer::AuthPeer(const AuthPeerSettings& settings, RandomSource& random)
    : method_(settings.method), machine_(make_peer(settings, random)) {}

void AuthPeer::start(TimePoint now) {
  std::visit([&](auto& machine) { machine.start(now); }, machine_);
}

void AuthPeer::receive(const wire::PppPacket& packet, TimePoint now, ByteView own_challenge) {
  if (auto* chap = std::get_if<ChapPeer>(&machine_)) {
    chap->receive(packet, now, own_challenge);
  } else if (auto* pap = std::get_if<PapPeer>(&machine_)) {
    pap->receive(packet, now);
  }
}

void AuthPeer::handle_timeout(TimePoint now) {
  std::visit([&](auto& machine) { machine.handle_timeout(now); }, machine_);
}

std::vector<AuthPeerAction> AuthPeer::take_actions() {
  return std::visit([](auto& machine) { return machine.take_actions(); }, machine_);
}

std::optional<TimePoint> AuthPeer::next_deadline() const {
  return std::visit([](const auto& machine) { return machine.next_deadline(); }, machine_);
}

}  // namespace l2tpm::ppp
