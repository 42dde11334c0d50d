// Both ends of CHAP driven by bytes. The first octet picks the algorithm; then come steps: what
// happens (1 octet), for a packet its length (1 octet, times 2) and its octets from the Code on.
#include <cstdlib>

#include "ppp/auth.h"
#include "support/fuzzed_log.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target
using namespace std::chrono_literals;

void require(bool condition) {
  if (!condition) std::abort();
}

const Secret kPassword{std::string_view("clientPass")};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr ppp::AuthMethod kMethods[] = {ppp::AuthMethod::chap_md5, ppp::AuthMethod::mschap,
                                          ppp::AuthMethod::mschapv2};
  ByteReader reader(ByteView(data, size));
  const ppp::AuthMethod method = kMethods[reader.u8() % 3];
  SeededRandom random(1);
  ppp::AuthServer server({.method = method, .rechallenge_interval = 60s}, random);
  ppp::AuthPeer peer({.method = method, .user = "DOMAIN\\User", .password = kPassword}, random);
  TimePoint now{};
  server.start(now);
  peer.start(now);
  std::uint8_t identifier = 0;
  std::optional<ppp::AuthRequest> question;
  bool authenticated = false;
  bool accepted = false;

  const auto carry_out = [&] {
    for (const auto& action : server.take_actions()) {
      if (const auto* sent = std::get_if<ppp::SendFrame>(&action)) identifier = sent->frame[3];
      if (const auto* needed = std::get_if<ppp::CredentialsNeeded>(&action)) {
        require(needed->request.user.size() <= ppp::kMaxUserName);
        question = needed->request;
      }
      // Keys come once.
      if (std::get_if<ppp::PeerAuthenticated>(&action))
        require(!std::exchange(authenticated, true));
      if (std::get_if<ppp::PeerReauthenticated>(&action)) require(authenticated);
    }
    for (const auto& action : peer.take_actions())
      if (std::get_if<ppp::AcceptedByPeer>(&action)) {
        require(!std::exchange(accepted, true));
        // Nobody here can prove to know the password except by a reflection, which is refused.
        require(method != ppp::AuthMethod::mschapv2);
      }
  };
  carry_out();
  while (!reader.at_end()) {
    const std::uint8_t step = reader.u8();
    switch (step % 5) {
      case 0:
      case 1: {
        const ByteView octets =
            reader.take(std::min<std::size_t>(reader.u8() * 2u, reader.remaining()));
        Bytes copy(octets.begin(), octets.end());
        // Half of the packets have the Identifier that counts.
        if (step % 5 == 1 && copy.size() > 1) copy[1] = identifier;
        if (const auto packet = wire::decode_ppp_packet(copy)) {
          server.receive(*packet, now);
          peer.receive(*packet, now, server.challenge());
        }
        break;
      }
      case 2:
        now += std::chrono::milliseconds(step * 100);
        server.handle_timeout(now);
        peer.handle_timeout(now);
        break;
      case 3:
        if (question) server.supply_verdict(ppp::check_password(*question, kPassword), now);
        break;
      case 4: {
        ppp::AuthVerdict verdict;
        verdict.ok = true;
        server.supply_verdict(verdict, now);
        break;
      }
    }
    carry_out();
  }
  return 0;
}
