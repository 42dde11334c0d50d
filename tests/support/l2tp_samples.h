// One message of every type with every AVP that it may carry.
#pragma once

#include <vector>

#include "wire/control_message.h"

namespace l2tpm::testing {

inline wire::ControlMessage sample(wire::MessageType type) {
  using wire::MessageType;
  wire::ControlMessage m;
  m.tunnel_id = TunnelId(0x1234);
  m.session_id = SessionId(0x5678);
  m.ns = 0xfffe;
  m.nr = 0x0102;
  m.type = type;
  const auto connection = [&m] {
    m.protocol_version = wire::ProtocolVersion{1, 0};
    m.framing_capabilities = wire::kFramingSync | wire::kFramingAsync;
    m.bearer_capabilities = wire::kBearerDigital | wire::kBearerAnalog;
    m.firmware_revision = std::uint16_t{0x0690};
    m.host_name = "lac.example";
    m.vendor_name = "l2tp-manager";
    m.assigned_tunnel_id = TunnelId(65535);
    m.receive_window_size = std::uint16_t{128};
    m.challenge = Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    m.control_connection_ds = std::uint16_t{0xb800};
  };
  switch (type) {
    case MessageType::none:
      m.is_zlb = true;
      m.session_id = SessionId(0);
      break;
    case MessageType::sccrq:
      connection();
      m.tie_breaker = std::uint64_t{0x0123456789abcdef};
      break;
    case MessageType::sccrp:
      connection();
      m.challenge_response.emplace().fill(0xa5);
      break;
    case MessageType::scccn:
      m.challenge_response.emplace().fill(0x5a);
      break;
    case MessageType::stopccn:
      m.assigned_tunnel_id = TunnelId(17);
      m.result_code = wire::ResultCode{2, std::uint16_t{8}, "unknown AVP 9/100"};
      break;
    case MessageType::hello:
    case MessageType::ack:
      break;
    case MessageType::ocrq:
      m.assigned_session_id = SessionId(1);
      m.call_serial_number = 0xdeadbeef;
      m.minimum_bps = 9600;
      m.maximum_bps = 100'000'000;
      m.bearer_type = wire::kBearerDigital;
      m.framing_type = wire::kFramingSync;
      m.called_number = "5551234";
      m.sub_address = "12";
      m.session_ds = std::uint16_t{0x2800};
      break;
    case MessageType::ocrp:
      m.assigned_session_id = SessionId(2);
      m.physical_channel_id = 99;
      m.session_ds = std::uint16_t{0x2800};
      break;
    case MessageType::occn:
      m.tx_connect_speed = 10'000'000;
      m.framing_type = wire::kFramingSync;
      m.rx_connect_speed = 20'000'000;
      m.sequencing_required = true;
      break;
    case MessageType::icrq:
      m.assigned_session_id = SessionId(3);
      m.call_serial_number = 7;
      m.bearer_type = wire::kBearerAnalog;
      m.physical_channel_id = 0;
      m.calling_number = "0123456789";
      m.called_number = "";
      m.sub_address = "x";
      m.session_ds = std::uint16_t{0};
      m.connect_speed_update_enable = true;
      m.others.push_back({
          {wire::kAdslForum, 1},
          false, false, true, { 'a', 't',           'm', '1'}
      });
      m.others.push_back({
          {wire::kAdslForum, 129},
          false, false, true, { 0, 0, 0, 0, 0, 1, 0, 0}
      });
      m.others.push_back({
          {9,                               100},
          false, false, true, {                               }
      });
      break;
    case MessageType::icrp:
      m.assigned_session_id = SessionId(4);
      m.session_ds = std::uint16_t{0x2800};
      break;
    case MessageType::iccn:
      m.tx_connect_speed = 1'000'000;
      m.framing_type = wire::kFramingAsync;
      m.initial_received_lcp_confreq = Bytes{1, 4, 5, 0xdc};
      m.last_sent_lcp_confreq = Bytes{3, 5, 0xc2, 0x23, 5};
      m.last_received_lcp_confreq = Bytes{};
      m.proxy_authen_type = static_cast<std::uint16_t>(wire::ProxyAuthenType::chap);
      m.proxy_authen_name = Bytes{'u', 's', 'e', 'r', '@', 'd'};
      m.proxy_authen_challenge = Bytes(16, 0x33);
      m.proxy_authen_id = std::uint8_t{200};
      m.proxy_authen_response = Bytes(16, 0x44);
      m.private_group_id = Bytes{'v', 'r', 'f'};
      m.rx_connect_speed = 2'000'000;
      m.sequencing_required = true;
      m.connect_speed_update_enable = true;
      break;
    case MessageType::cdn:
      m.assigned_session_id = SessionId(5);
      m.result_code = wire::ResultCode{3, std::nullopt, ""};
      m.q931_cause_code = wire::Q931Cause{16, 0x45, "normal"};
      m.ppp_disconnect_cause = wire::PppDisconnectCause{16, 0xc223, 1, "bad password"};
      break;
    case MessageType::wen:
      m.call_errors = wire::CallErrors{1, 2, 3, 4, 5, 6};
      break;
    case MessageType::sli:
      m.accm = wire::Accm{0x000a0000, 0xffffffff};
      break;
    case MessageType::csun:
    case MessageType::csurq:
      m.session_id = SessionId(0);
      m.others.push_back({
          wire::ietf(wire::AvpType::connect_speed_update),
          false,
          false,
          true,
          {0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 2, 0}
      });
      break;
  }
  return m;
}

inline std::vector<wire::MessageType> all_message_types() {
  using wire::MessageType;
  return {MessageType::sccrq, MessageType::sccrp, MessageType::scccn, MessageType::stopccn,
          MessageType::hello, MessageType::ocrq,  MessageType::ocrp,  MessageType::occn,
          MessageType::icrq,  MessageType::icrp,  MessageType::iccn,  MessageType::cdn,
          MessageType::wen,   MessageType::sli,   MessageType::csun,  MessageType::csurq};
}

}  // namespace l2tpm::testing
