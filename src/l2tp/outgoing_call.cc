// Outgoing calls, RFC 2661 §7.5: the LNS asks (OCRQ), the LAC accepts (OCRP), dials, and connects
// (OCCN).
#include <utility>

#include "l2tp/call.h"

namespace l2tpm::l2tp {

using wire::MessageType;
using S = Call::State;
using E = Call::Event;

// RFC 2661 §7.5.1, LAC outgoing call. A pair that has no row is a protocol error: CDN and clean up.
std::span<const Call::Transition> Call::lac_outgoing_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,           E::request,              &Call::announce_request, S::wait_decision },
      {S::idle,           E::request_unacceptable, &Call::send_cdn,         S::ended         },
      {S::wait_decision,  E::accepted,             &Call::send_ocrp,        S::wait_cs_answer},
      {S::wait_decision,  E::close_request,        &Call::send_cdn,         S::ended         },
      {S::wait_decision,  E::timeout,              &Call::send_cdn,         S::ended         },
      {S::wait_decision,  E::cdn,                  &Call::clean_up,         S::ended         },
      {S::wait_cs_answer, E::bearer_connected,     &Call::send_occn,        S::established   },
      {S::wait_cs_answer, E::close_request,        &Call::send_cdn,         S::ended         },
      {S::wait_cs_answer, E::timeout,              &Call::send_cdn,         S::ended         },
      {S::wait_cs_answer, E::cdn,                  &Call::clean_up,         S::ended         },
      {S::established,    E::cdn,                  &Call::clean_up,         S::ended         },
      {S::established,    E::close_request,        &Call::send_cdn,         S::ended         },
  };
  return kRows;
}

// RFC 2661 §7.5.2, LNS outgoing call.
std::span<const Call::Transition> Call::lns_outgoing_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,         E::open_request,         &Call::remember_request, S::wait_tunnel },
      {S::wait_tunnel,  E::close_request,        &Call::clean_up,         S::ended       },
      {S::wait_tunnel,  E::tunnel_open,          &Call::send_ocrq,        S::wait_reply  },
      {S::wait_reply,   E::reply,                &Call::learn_peer,       S::wait_connect},
      {S::wait_reply,   E::cdn,                  &Call::clean_up,         S::ended       },
      {S::wait_reply,   E::close_request,        &Call::send_cdn,         S::ended       },
      {S::wait_reply,   E::timeout,              &Call::send_cdn,         S::ended       },
      {S::wait_connect, E::connect,              &Call::session_up,       S::established },
      {S::wait_connect, E::connect_unacceptable, &Call::send_cdn,         S::ended       },
      {S::wait_connect, E::cdn,                  &Call::clean_up,         S::ended       },
      {S::wait_connect, E::close_request,        &Call::send_cdn,         S::ended       },
      {S::wait_connect, E::timeout,              &Call::send_cdn,         S::ended       },
      {S::established,  E::cdn,                  &Call::clean_up,         S::ended       },
      {S::established,  E::close_request,        &Call::send_cdn,         S::ended       },
  };
  return kRows;
}

void Call::send_ocrq(Input&, Output& output) {
  const OutgoingCallRequest& call = setup_->outgoing;
  wire::ControlMessage message = make(MessageType::ocrq);
  message.assigned_session_id = own_;
  message.call_serial_number = call.serial_number;
  // All of these are required in OCRQ (§6.9), whatever their values.
  message.minimum_bps = call.minimum_bps;
  message.maximum_bps = call.maximum_bps;
  message.bearer_type = call.bearer_type;
  message.framing_type = call.framing_type;
  message.called_number = call.called_number;
  if (!call.sub_address.empty()) message.sub_address = call.sub_address;
  output.messages.push_back(std::move(message));
}

void Call::send_ocrp(Input&, Output& output) {
  wire::ControlMessage message = make(MessageType::ocrp);
  message.assigned_session_id = own_;
  output.messages.push_back(std::move(message));
}

}  // namespace l2tpm::l2tp
