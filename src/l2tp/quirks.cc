#include "l2tp/quirks.h"

namespace l2tpm::l2tp {
namespace {

constexpr QuirkRow kRows[] = {
    {Quirk::zero_tunnel_id,          "zero-tunnel-id",          "D-Link DIR-300",
     "messages after SCCRQ carry Tunnel ID 0; taken as ours"                                 },
    {Quirk::unanswered_hello,        "unanswered-hello",        "Android up to 11",
     "HELLO is never acknowledged; no more are sent, the tunnel stays"                       },
    {Quirk::swapped_result_code,     "swapped-result-code",     "Apple",
     "the Result Code is in little-endian order; turned around"                              },
    {Quirk::cdn_with_own_session_id, "cdn-with-own-session-id", "Microsoft",
     "the header of CDN carries the sender's session id; taken for the session it belongs to"},
    {Quirk::cisco_draft_avps,        "cisco-draft-avps",        "Cisco IOS without protocol l2tpv3ietf",
     "AVPs of vendor 9 instead of RFC 3931's; understood, and sent beside them"              },
};

}  // namespace

std::span<const QuirkRow> quirk_table() { return kRows; }

std::string_view name(Quirk quirk) {
  switch (quirk) {
    case Quirk::zero_tunnel_id:
      return "zero-tunnel-id";
    case Quirk::unanswered_hello:
      return "unanswered-hello";
    case Quirk::swapped_result_code:
      return "swapped-result-code";
    case Quirk::cdn_with_own_session_id:
      return "cdn-with-own-session-id";
    case Quirk::cisco_draft_avps:
      return "cisco-draft-avps";
  }
  return "?";
}

}  // namespace l2tpm::l2tp
