// The peer's messages in the tests of a control connection whose own tunnel is 7 and whose peer's
// is 42: complete as RFC 2661 §6 demands, to be changed where a test wants it otherwise.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp::testing {

using wire::ControlMessage;
using wire::MessageType;

inline constexpr TunnelId kOurs{7};
inline constexpr TunnelId kTheirs{42};
inline constexpr SessionId kTheirSession{99};

// A complete message of the peer's, as RFC 2661 §6 demands it.
inline ControlMessage peer_says(MessageType type, std::uint16_t ns, std::uint16_t nr,
                                SessionId session = {}) {
  ControlMessage message;
  message.tunnel_id = type == MessageType::sccrq ? TunnelId{} : kOurs;
  message.session_id = session;
  message.type = type;
  message.ns = ns;
  message.nr = nr;
  switch (type) {
    case MessageType::sccrq:
    case MessageType::sccrp:
      message.protocol_version = wire::ProtocolVersion{1, 0};
      message.host_name = "peer";
      message.framing_capabilities = 3;
      message.assigned_tunnel_id = kTheirs;
      message.receive_window_size = 64;
      break;
    case MessageType::stopccn:
      message.assigned_tunnel_id = kTheirs;
      message.result_code = wire::ResultCode{1, std::nullopt, ""};
      break;
    case MessageType::cdn:
      message.assigned_session_id = kTheirSession;
      message.result_code = wire::ResultCode{1, std::nullopt, ""};
      break;
    case MessageType::icrq:
      message.assigned_session_id = kTheirSession;
      message.call_serial_number = 1;
      break;
    case MessageType::icrp:
    case MessageType::ocrp:
      message.assigned_session_id = kTheirSession;
      break;
    case MessageType::iccn:
    case MessageType::occn:
      message.tx_connect_speed = 1000000;
      message.framing_type = 1;
      break;
    case MessageType::ocrq:
      message.assigned_session_id = kTheirSession;
      message.call_serial_number = 1;
      message.minimum_bps = 1;
      message.maximum_bps = 2;
      message.bearer_type = 1;
      message.framing_type = 1;
      message.called_number = "5551234";
      break;
    case MessageType::wen:
      message.call_errors = wire::CallErrors{1, 2, 3, 4, 5, 6};
      break;
    case MessageType::sli:
      message.accm = wire::Accm{0xa0000, 0xffffffff};
      break;
    case MessageType::none:
    case MessageType::scccn:
    case MessageType::hello:
    case MessageType::csun:
    case MessageType::csurq:
    case MessageType::ack:
      break;
  }
  return message;
}

inline ControlMessage peer_acks(std::uint16_t ns, std::uint16_t nr) {
  ControlMessage message;
  message.tunnel_id = kOurs;
  message.is_zlb = true;
  message.ns = ns;
  message.nr = nr;
  return message;
}

}  // namespace l2tpm::l2tp::testing
