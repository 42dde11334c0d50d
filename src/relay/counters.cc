#include "relay/counters.h"

namespace l2tpm::relay {

std::string_view name(Counter counter) {
  switch (counter) {
    case Counter::lan_in_frames:
      return "lan-in-frames";
    case Counter::lan_in_octets:
      return "lan-in-octets";
    case Counter::line_out_frames:
      return "line-out-frames";
    case Counter::line_out_octets:
      return "line-out-octets";
    case Counter::line_in_frames:
      return "line-in-frames";
    case Counter::line_in_octets:
      return "line-in-octets";
    case Counter::lan_out_frames:
      return "lan-out-frames";
    case Counter::lan_out_octets:
      return "lan-out-octets";
    case Counter::fragments_in:
      return "fragments-in";
    case Counter::fragments_out:
      return "fragments-out";
    case Counter::reassembled:
      return "reassembled";
    case Counter::inflated:
      return "inflated";
    case Counter::checksummed:
      return "checksummed";
    case Counter::padded:
      return "padded";
    case Counter::stations:
      return "stations";
    case Counter::control_in:
      return "control-in";
    case Counter::control_out:
      return "control-out";
    case Counter::malformed:
      return "malformed";
    case Counter::foreign_mac_type:
      return "foreign-mac-type";
    case Counter::lan_id:
      return "lan-id";
    case Counter::fragments_lost:
      return "fragments-lost";
    case Counter::fragments_stale:
      return "fragments-stale";
    case Counter::unexpected_multilink:
      return "unexpected-multilink";
    case Counter::too_many_stations:
      return "too-many-stations";
    case Counter::control_full:
      return "control-full";
    case Counter::lan_full:
      return "lan-full";
    case Counter::lan_failed:
      return "lan-failed";
    case Counter::too_big:
      return "too-big";
    case Counter::tagged:
      return "tagged";
    case Counter::bpdus:
      return "bpdus";
    case Counter::unfinished:
      return "unfinished";
    case Counter::line_full:
      return "line-full";
    case Counter::line_failed:
      return "line-failed";
    case Counter::storm_broadcast:
      return "storm-broadcast";
    case Counter::storm_multicast:
      return "storm-multicast";
  }
  return "";
}

}  // namespace l2tpm::relay
