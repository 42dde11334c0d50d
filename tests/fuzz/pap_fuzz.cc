// Both ends of PAP driven by bytes. The input is a list of steps: what happens (1 octet), then for
// a packet its length (1 octet, times 2) and its octets from the Code on.
#include <cstdlib>

#include "ppp/pap.h"
#include "support/fuzzed_log.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target
using namespace std::chrono_literals;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  ppp::PapServer server({.method = ppp::AuthMethod::pap});
  ppp::PapPeer peer({.method = ppp::AuthMethod::pap,
                     .user = "alice",
                     .password = Secret(std::string_view("secret"))});
  TimePoint now{};
  server.start(now);
  peer.start(now);
  bool waits = false;
  unsigned verdicts = 0;
  while (!reader.at_end()) {
    const std::uint8_t step = reader.u8();
    switch (step % 4) {
      case 0: {
        const ByteView octets =
            reader.take(std::min<std::size_t>(reader.u8() * 2u, reader.remaining()));
        if (const auto packet = wire::decode_ppp_packet(octets)) {
          server.receive(*packet, now);
          peer.receive(*packet, now);
        }
        break;
      }
      case 1:
        now += std::chrono::milliseconds(step * 100);
        server.handle_timeout(now);
        peer.handle_timeout(now);
        break;
      case 2:
      case 3: {
        ppp::AuthVerdict verdict;
        verdict.ok = step % 4 == 2;
        server.supply_verdict(verdict, now);
        break;
      }
    }
    unsigned ends = 0;
    for (const auto& action : server.take_actions()) {
      if (const auto* needed = std::get_if<ppp::CredentialsNeeded>(&action)) {
        require(!std::exchange(waits, true));
        require(needed->request.user.size() <= ppp::kMaxUserName);
      }
      if (std::get_if<ppp::PeerAuthenticated>(&action)) require(waits && ++verdicts == 1);
      if (std::get_if<ppp::AuthFailed>(&action)) ++ends;
    }
    require(ends <= 1);
    for (const auto& action : peer.take_actions())
      if (const auto* sent = std::get_if<ppp::SendFrame>(&action)) require(sent->frame.size() > 6);
  }
  return 0;
}
