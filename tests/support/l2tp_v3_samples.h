// One L2TPv3 message of every type with every AVP that it may carry, RFC 3931 §6.
#pragma once

#include <vector>

#include "wire/control_message.h"

namespace l2tpm::testing {

inline wire::ControlMessage v3_sample(wire::MessageType type) {
  using wire::MessageType;
  wire::ControlMessage m;
  m.version = 3;
  m.tunnel_id = TunnelId(0x12345678);
  m.ns = 0xfffe;
  m.nr = 0x0102;
  m.type = type;
  if (wire::scope_of(type) == wire::Scope::session) {
    m.assigned_session_id = SessionId(0xfedcba98);
    m.session_id = SessionId(0x87654321);
  }
  const auto introduction = [&m] {
    m.host_name = "pe1.example";
    m.vendor_name = "l2tp-manager";
    m.receive_window_size = std::uint16_t{128};
    m.router_id = 0xc0000201;
    m.assigned_tunnel_id = TunnelId(0xffffffff);
    m.pseudowire_capabilities = {wire::kPseudowireEthernet, wire::kPseudowireEthernetVlan};
    m.preferred_language = "de";
    m.authentication_nonce = Bytes(16, 0x77);
    m.challenge = Bytes(16, 0x66);
  };
  const auto half = [&m] {
    m.l2_sublayer = wire::kSublayerDefault;
    m.data_sequencing = wire::kSequencingAll;
    m.circuit_status = std::uint16_t{wire::kCircuitActive | wire::kCircuitNew};
    m.tx_connect_speed_v3 = std::uint64_t{10'000'000'000};
    m.rx_connect_speed_v3 = std::uint64_t{1};
  };
  const auto request = [&] {
    half();
    m.tie_breaker = std::uint64_t{0x0123456789abcdef};
    m.call_serial_number = 7;
    m.assigned_cookie = Bytes{1, 2, 3, 4, 5, 6, 7, 8};
    m.remote_end_id = Bytes{'1', '2', '3', '4'};
    m.pseudowire_type = wire::kPseudowireEthernet;
  };
  switch (type) {
    case MessageType::sccrq:
      introduction();
      m.tie_breaker = std::uint64_t{0x0123456789abcdef};
      break;
    case MessageType::sccrp:
      introduction();
      m.challenge_response.emplace().fill(0xa5);
      break;
    case MessageType::scccn:
      m.challenge_response.emplace().fill(0x5a);
      break;
    case MessageType::stopccn:
      m.assigned_tunnel_id = TunnelId(0x10000);
      m.result_code = wire::ResultCode{2, std::uint16_t{8}, "unknown AVP 9/100"};
      break;
    case MessageType::icrq:
      request();
      m.physical_channel_id = 99;
      m.interface_mtu = std::uint16_t{1500};
      break;
    case MessageType::ocrq:
      request();
      break;
    case MessageType::icrp:
      half();
      m.assigned_cookie = Bytes{1, 2, 3, 4};
      m.physical_channel_id = 99;
      m.interface_mtu = std::uint16_t{1500};
      break;
    case MessageType::ocrp:
      half();
      m.assigned_cookie = Bytes{};
      m.physical_channel_id = 99;
      break;
    case MessageType::iccn:
    case MessageType::occn:
      half();
      break;
    case MessageType::cdn:
      m.result_code = wire::ResultCode{14, std::uint16_t{0}, "pseudowire type 6"};
      m.q931_cause_code = wire::Q931Cause{16, 0x45, "normal"};
      m.ppp_disconnect_cause = wire::PppDisconnectCause{16, 0xc223, 1, "bad password"};
      break;
    case MessageType::wen:
      m.call_errors = wire::CallErrors{1, 2, 3, 4, 5, 6};
      break;
    case MessageType::sli:
      m.circuit_status = std::uint16_t{0};
      break;
    case MessageType::ack:
    case MessageType::none:
      m.is_zlb = true;
      break;
    case MessageType::hello:
    case MessageType::csun:
    case MessageType::csurq:
      break;
  }
  return m;
}

inline std::vector<wire::MessageType> v3_message_types() {
  using wire::MessageType;
  return {MessageType::sccrq, MessageType::sccrp, MessageType::scccn, MessageType::stopccn,
          MessageType::hello, MessageType::ocrq,  MessageType::ocrp,  MessageType::occn,
          MessageType::icrq,  MessageType::icrp,  MessageType::iccn,  MessageType::cdn,
          MessageType::wen,   MessageType::sli,   MessageType::ack};
}

}  // namespace l2tpm::testing
