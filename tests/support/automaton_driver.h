// Drives an automaton by bytes. A step is an octet: 0 time passes, 1 to 4 the administrator and the
// lower layer, 5 Protocol-Reject, 6 the peer acknowledges our last request; any other is the length
// of a packet that follows.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <variant>

#include "base/bytes.h"
#include "ppp/automaton.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::test {

inline void drive(ppp::Automaton& machine, ByteView script) {
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  ByteReader reader(script);
  TimePoint now{};
  Bytes request;  // our last Configure-Request
  machine.open(now);
  machine.lower_up(now);
  for (int steps = 0; steps < 1000; ++steps) {
    for (const auto& action : machine.take_actions()) {
      const auto* sent = std::get_if<ppp::SendFrame>(&action);
      if (sent == nullptr) continue;
      const auto frame = wire::decode_ppp_frame(sent->frame);
      check(frame && frame->protocol == static_cast<std::uint16_t>(machine.protocol()));
      const auto packet = wire::decode_ppp_packet(frame->payload);
      check(packet.has_value() && packet->whole.size() == frame->payload.size());
      wire::describe_ppp_frame(sent->frame);
      if (packet->is(wire::PppCode::configure_request))
        request.assign(packet->whole.begin(), packet->whole.end());
    }
    if (reader.at_end()) break;
    const std::uint8_t step = reader.u8();
    if (step == 0) {
      const auto due = machine.next_deadline();
      if (!due) continue;
      check(*due >= now);
      now = *due;
      machine.handle_timeout(now);
      check(!machine.next_deadline() || *machine.next_deadline() > now);
    } else if (step == 1) {
      machine.open(now);
    } else if (step == 2) {
      machine.close(now, "fuzz");
    } else if (step == 3) {
      machine.lower_up(now);
    } else if (step == 4) {
      machine.lower_down(now);
    } else if (step == 5) {
      machine.protocol_rejected(now);
    } else if (step == 6) {
      Bytes ack = request;
      if (ack.empty()) continue;
      ack[0] = 2;
      machine.receive(*wire::decode_ppp_packet(ack), now);
    } else {
      const ByteView octets = reader.take(std::min<std::size_t>(step, reader.remaining()));
      if (const auto packet = wire::decode_ppp_packet(octets)) machine.receive(*packet, now);
    }
  }
}

}  // namespace l2tpm::test
