// Why a link ended, by the numbers of RFC 3145 §2.2: L2TP's CDN takes them to the other end.
#include "ppp/link.h"
#include "wire/result_codes.h"

namespace l2tpm::ppp {

using wire::DisconnectCause;

void Link::explain(Cause& cause) const {
  if (cause.disconnect_code != 0 || cause.result_code != 0) return;
  const DisconnectCause no_lcp =
      lcp_.heard_from_peer() ? DisconnectCause::lcp_timeout : DisconnectCause::lcp_silence;
  DisconnectCause code = DisconnectCause::none;
  switch (cause.code) {
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::replaced:
      code = DisconnectCause::administrative;
      break;
    case CauseCode::peer_closed:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
      code = DisconnectCause::normal;
      break;
    case CauseCode::encryption_required:
      code = DisconnectCause::encryption_refused;
      break;
    case CauseCode::lcp_failed:
      code = no_lcp;
      break;
    case CauseCode::loopback:
      code = DisconnectCause::loopback;
      break;
    case CauseCode::echo_timeout:
      code = DisconnectCause::echo_timeout;
      break;
    case CauseCode::auth_unacceptable:
      code = DisconnectCause::auth_unacceptable;
      break;
    case CauseCode::auth_failed:
    case CauseCode::peer_not_authentic:
      code = DisconnectCause::auth_failed;
      break;
    case CauseCode::network_failed:
      code = DisconnectCause::ncp_timeout;
      break;
    case CauseCode::setup_timeout:
      code = phase_ == LinkPhase::establish      ? no_lcp
             : phase_ == LinkPhase::authenticate ? DisconnectCause::auth_timeout
                                                 : DisconnectCause::ncp_timeout;
      break;
    default:  // nothing that RFC 3145 has a number for
      break;
  }
  cause.disconnect_code = static_cast<std::uint16_t>(code);
}

}  // namespace l2tpm::ppp
