#include "l2tp/call_info.h"

namespace l2tpm::l2tp {

std::string_view name(CallKind kind) {
  switch (kind) {
    case CallKind::lac_incoming:
      return "lac-incoming";
    case CallKind::lns_incoming:
      return "lns-incoming";
    case CallKind::lns_outgoing:
      return "lns-outgoing";
    case CallKind::lac_outgoing:
      return "lac-outgoing";
    case CallKind::icrq_sender:
      return "icrq-sender";
    case CallKind::icrq_recipient:
      return "icrq-recipient";
  }
  return "?";
}

std::size_t Pseudowire::send_overhead(wire::Encapsulation encapsulation) const {
  // RFC 3931 §4.1: Session ID alone, or after UDP's eight octets behind flags and a reserved field.
  const std::size_t header = encapsulation == wire::Encapsulation::udp ? 8u + 8u : 4u;
  return header + peer.cookie.size() + (l2_sublayer == wire::kSublayerNone ? 0u : 4u);
}

bool ProxyInfo::empty() const {
  return !initial_received_confreq && !last_sent_confreq && !last_received_confreq &&
         authen_type == 0 && authen_name.empty() && authen_challenge.empty() &&
         authen_response.empty();
}

}  // namespace l2tpm::l2tp
