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
  }
  return "?";
}

bool ProxyInfo::empty() const {
  return !initial_received_confreq && !last_sent_confreq && !last_received_confreq &&
         authen_type == 0 && authen_name.empty() && authen_challenge.empty() &&
         authen_response.empty();
}

}  // namespace l2tpm::l2tp
