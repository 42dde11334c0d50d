// One authenticator and one peer machine per link, whatever the method: what ppp::Link holds after
// LCP has agreed on a method in a direction. Both may run at once; their Identifiers are unrelated.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "ppp/auth_types.h"
#include "ppp/chap.h"
#include "ppp/pap.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::ppp {

// Who a packet of PAP or CHAP is for: each Code belongs to one end. nullopt: to
// neither.
enum class AuthEnd : std::uint8_t { server, peer };
std::optional<AuthEnd> addressee(wire::PppProtocol protocol, const wire::PppPacket& packet);

class AuthServer {
 public:
  // Borrows `random`.
  AuthServer(const AuthServerSettings& settings, RandomSource& random);

  void start(TimePoint now);
  // Goes on from what a LAC has proxied. REQUIRES: request.method == method(), and its challenge
  // and response have the sizes of the method.
  void adopt(const AuthRequest& request, TimePoint now);
  // Challenges anew after a LAC's. PAP: waits for a request, as start().
  void start_after(std::uint8_t identifier, TimePoint now);
  // A packet of the method's protocol.
  void receive(const wire::PppPacket& packet, TimePoint now);
  void handle_timeout(TimePoint now);
  void supply_verdict(const AuthVerdict& verdict, TimePoint now);
  std::vector<AuthServerAction> take_actions();
  std::optional<TimePoint> next_deadline() const;

  AuthMethod method() const { return method_; }
  // CHAP: the last Challenge sent, for AuthPeer::receive.
  ByteView challenge() const;

 private:
  AuthMethod method_;
  std::variant<PapServer, ChapServer> machine_;
};

class AuthPeer {
 public:
  // Borrows `random`.
  AuthPeer(const AuthPeerSettings& settings, RandomSource& random);

  void start(TimePoint now);
  // `own_challenge`: AuthServer::challenge() of the same link, if it has one.
  void receive(const wire::PppPacket& packet, TimePoint now, ByteView own_challenge = {});
  void handle_timeout(TimePoint now);
  std::vector<AuthPeerAction> take_actions();
  std::optional<TimePoint> next_deadline() const;

  AuthMethod method() const { return method_; }

 private:
  AuthMethod method_;
  std::variant<PapPeer, ChapPeer> machine_;
};

}  // namespace l2tpm::ppp
