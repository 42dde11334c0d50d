// The kernel's side of CCP, as far as the negotiation can see it: which direction runs with which
// key, and what each CCP frame that passes the unit does to that (drivers/net/ppp/ppp_generic.c:
// ppp_ccp_peek, ppp_set_compress; ppp_mppe.c: mppe_alloc, mppe_init, mppe_rekey).
#pragma once

#include <optional>
#include <utility>

#include "ppp/ccp.h"
#include "wire/ppp_options.h"
#include "wire/ppp_packet.h"

namespace l2tpm::testing {

class MppeUnit {
 public:
  // One (de)compressor. A key that is initialised twice is not the key any more.
  struct Coder {
    Bytes key;
    std::uint32_t bits = 0;
    unsigned initialised = 0;
    unsigned count = 0;  // packets since
    bool running = false;
  };

  void set(const ppp::SetMppe& action) {
    Coder& coder = action.direction == ppp::MppeDirection::receive ? receive : transmit;
    const auto data = action.option_data();
    coder = {};
    coder.key.assign(data.begin() + 6, data.end());
  }
  void set(const ppp::SetCcpFlags& action) { flags = action; }

  // A CCP packet passes the unit.
  void peek(ByteView payload, bool inbound) {
    if (payload.size() < 4) return;
    switch (static_cast<wire::PppCode>(payload[0])) {
      case wire::PppCode::configure_request:
        (inbound ? transmit : receive).running = false;
        return;
      case wire::PppCode::configure_ack: {
        if (!flags.open || flags.up || payload.size() < 10) return;
        Coder& coder = inbound ? receive : transmit;
        if (coder.key.empty() || payload[4] != 18 || payload[5] != 6) return;
        coder.bits = *wire::option_u32(payload.subspan(6, 4));
        coder.running = true;
        ++coder.initialised;
        coder.count = 0;
        if (inbound) receive_error = false;
        return;
      }
      case wire::PppCode::terminate_request:
      case wire::PppCode::terminate_ack:
        receive.running = false;
        transmit.running = false;
        return;
      case wire::PppCode::reset_ack:
        if (flags.up && inbound && receive.running) receive_error = false;
        return;
      default:
        return;
    }
  }

  ppp::SetCcpFlags flags;
  Coder receive;
  Coder transmit;
  bool receive_error = false;  // SC_DC_ERROR: nothing is decrypted until a Reset-Ack
};

// What `sender` encrypts, `receiver` can decrypt: same key, same mode, both freshly initialised.
inline bool in_step(const MppeUnit& sender, const MppeUnit& receiver) {
  const auto& out = sender.transmit;
  const auto& in = receiver.receive;
  return out.running && in.running && out.key == in.key && out.bits == in.bits &&
         out.initialised == 1 && in.initialised == 1;
}

}  // namespace l2tpm::testing
