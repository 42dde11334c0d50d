// CCP driven by bytes, before a model of the kernel's unit. The first octet picks policy and keys;
// then come steps: what happens (1 octet), for a packet its length (1 octet) and its octets.
#include <cstdlib>

#include "ppp/ccp.h"
#include "support/fuzzed_log.h"
#include "support/mppe_unit.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target
using namespace std::chrono_literals;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const std::uint8_t choice = reader.u8();
  const ppp::MppePolicy policy{
      .use = (choice & 1) != 0 ? ppp::MppeUse::require : ppp::MppeUse::prefer,
      .allow_40 = (choice & 2) != 0,
      .allow_128 = (choice & 4) != 0,
      .allow_stateful = (choice & 8) != 0};
  ppp::MppeKeys keys;
  if ((choice & 16) != 0) keys = ppp::mschapv2_keys(Bytes(16, 1), Bytes(24, 2), true);
  if ((choice & 32) != 0) keys = ppp::mschap_keys(Bytes(16, 1), Bytes(8, 2), Bytes(16, 3));
  const ppp::FsmTimers timers;
  ppp::Ccp ccp(policy, keys, timers);
  testing::MppeUnit unit;
  TimePoint now{};
  std::uint8_t identifier = 0;
  std::size_t frames = 0;
  unsigned failures = 0;

  const auto carry_out = [&] {
    for (const auto& action : ccp.take_actions()) {
      if (const auto* sent = std::get_if<ppp::SendFrame>(&action)) {
        ++frames;
        unit.peek(ByteView(sent->frame).subspan(2), false);
        if (sent->frame[2] == 1) identifier = sent->frame[3];
      }
      if (const auto* key = std::get_if<ppp::SetMppe>(&action)) {
        require(key->start_key.octets().size() == ppp::kMppeKeySize);
        require(key->mode.strength == ppp::MppeStrength::bits_40 ? policy.allow_40
                                                                 : policy.allow_128);
        require(key->mode.stateless || policy.allow_stateful);
        unit.set(*key);
      }
      if (const auto* flags = std::get_if<ppp::SetCcpFlags>(&action)) unit.set(*flags);
      if (const auto* up = std::get_if<ppp::CcpUp>(&action)) {
        if (policy.use == ppp::MppeUse::require) require(up->receive && up->transmit);
        // What was agreed on runs in the kernel, initialised from a fresh key.
        require(unit.receive.running == up->receive.has_value());
        require(unit.transmit.running == up->transmit.has_value());
        require(!up->receive || unit.receive.initialised == 1);
        require(!up->transmit || unit.transmit.initialised == 1);
      }
      if (std::get_if<ppp::CcpFailed>(&action)) {
        require(policy.use == ppp::MppeUse::require);
        require(++failures == 1);
      }
    }
  };
  ccp.open(now);
  carry_out();
  std::size_t steps = 1;
  while (!reader.at_end()) {
    ++steps;
    const std::uint8_t step = reader.u8();
    switch (step % 8) {
      case 0:
      case 1:
      case 2: {
        const ByteView octets = reader.take(std::min<std::size_t>(reader.u8(), reader.remaining()));
        Bytes copy(octets.begin(), octets.end());
        if (step % 8 != 0 && copy.size() > 1) copy[1] = identifier;
        const auto packet = wire::decode_ppp_packet(copy);
        if (!packet) break;
        unit.peek(packet->whole, true);
        ccp.receive(*packet, now);
        break;
      }
      case 3:
        now += std::chrono::milliseconds(step * 20);
        ccp.handle_timeout(now);
        break;
      case 4:
        ccp.lost_synchronisation(now);
        break;
      case 5:
        ccp.close(now);
        break;
      case 6:
        ccp.lower_down(now);
        carry_out();
        ccp.open(now);
        break;
      case 7:
        ccp.protocol_rejected(now);
        break;
    }
    carry_out();
  }
  // No step makes more than a handful of frames.
  require(frames <= steps * 4);
  return 0;
}
