// PPP frames as one line of text, for traces. Nothing here may fail: what is odd is shown as such.
#include <fmt/core.h>

#include "base/address.h"
#include "wire/ppp_options.h"

namespace l2tpm::wire {
namespace {

constexpr std::size_t kShownText = 64;

std::string hex_value(ByteView value) {
  constexpr std::size_t kShown = 32;
  if (value.size() <= kShown) return to_hex(value);
  return to_hex(value.first(kShown)) + "...";
}

std::string auth_text(ByteView value) {
  ByteReader reader(value);
  const std::uint16_t protocol = reader.u16();
  if (!reader.ok()) return hex_value(value);
  std::string text = protocol_text(protocol);
  if (protocol == static_cast<std::uint16_t>(PppProtocol::chap) && reader.remaining() == 1) {
    const std::uint8_t algorithm = reader.u8();
    if (algorithm == kChapMd5) return text + " MD5";
    if (algorithm == kMsChapV1) return text + " MS";
    if (algorithm == kMsChapV2) return text + " MS-v2";
    return text + fmt::format(" {}", algorithm);
  }
  return reader.at_end() ? text : text + " " + hex_value(reader.take_rest());
}

std::string lcp_value(const PppOption& option) {
  switch (static_cast<LcpOption>(option.type)) {
    case LcpOption::mru:
    case LcpOption::mrru:
      if (const auto value = option_u16(option.value)) return fmt::format("{}", *value);
      break;
    case LcpOption::accm:
    case LcpOption::magic_number:
      if (const auto value = option_u32(option.value)) return fmt::format("{:08x}", *value);
      break;
    case LcpOption::authentication_protocol:
      return auth_text(option.value);
    case LcpOption::quality_protocol:
    case LcpOption::protocol_field_compression:
    case LcpOption::address_control_compression:
    case LcpOption::fcs_alternatives:
    case LcpOption::self_describing_padding:
    case LcpOption::numbered_mode:
    case LcpOption::multilink_procedure:
    case LcpOption::callback:
    case LcpOption::connect_time:
    case LcpOption::compound_frames:
    case LcpOption::nominal_data_encapsulation:
    case LcpOption::short_sequence_numbers:
    case LcpOption::endpoint_discriminator:
      break;
  }
  return hex_value(option.value);
}

std::string option_text(PppProtocol protocol, const PppOption& option) {
  std::string_view known;
  std::string value;
  if (protocol == PppProtocol::lcp) {
    known = name(static_cast<LcpOption>(option.type));
    value = lcp_value(option);
  } else if (protocol == PppProtocol::ipcp) {
    known = name(static_cast<IpcpOption>(option.type));
    const auto address = option_u32(option.value);
    const bool is_address =
        address && option.type != static_cast<std::uint8_t>(IpcpOption::ip_compression);
    value = is_address ? IpAddress::v4(*address).to_string() : hex_value(option.value);
  } else {
    if (protocol == PppProtocol::ipv6cp) known = name(static_cast<Ipv6cpOption>(option.type));
    if (protocol == PppProtocol::ccp) known = name(static_cast<CcpOption>(option.type));
    if (protocol == PppProtocol::bcp) known = name(static_cast<BcpOption>(option.type));
    value = hex_value(option.value);
  }
  std::string text =
      known.empty() ? fmt::format("<option {}", option.type) : fmt::format("<{}", known);
  if (!value.empty()) text += " " + value;
  return text + ">";
}

void append_options(std::string& text, PppProtocol protocol, ByteView options) {
  PppOptionReader reader(options);
  while (const auto option = reader.next()) text += " " + option_text(protocol, *option);
  if (!reader.ok()) text += " <malformed>";
}

std::string packet_text(PppProtocol protocol, const PppPacket& packet) {
  const auto code = static_cast<PppCode>(packet.code);
  std::string text =
      name(code).empty() ? fmt::format("code {}", packet.code) : std::string(name(code));
  text += fmt::format(" id {}", packet.identifier);
  ByteReader reader(packet.data);
  switch (code) {
    case PppCode::configure_request:
    case PppCode::configure_ack:
    case PppCode::configure_nak:
    case PppCode::configure_reject:
      append_options(text, protocol, packet.data);
      break;
    case PppCode::terminate_request:
    case PppCode::terminate_ack:
      if (!packet.data.empty()) text += " \"" + printable(packet.data, kShownText) + "\"";
      break;
    case PppCode::code_reject:
      text += " " + hex_value(packet.data);
      break;
    case PppCode::protocol_reject:
      if (packet.data.size() >= 2) text += " " + protocol_text(reader.u16());
      break;
    case PppCode::echo_request:
    case PppCode::echo_reply:
    case PppCode::discard_request:
      if (packet.data.size() >= 4) text += fmt::format(" magic {:08x}", reader.u32());
      break;
    case PppCode::identification:
      if (packet.data.size() >= 4) {
        text += fmt::format(" magic {:08x}", reader.u32());
        text += " \"" + printable(reader.take_rest(), kShownText) + "\"";
      }
      break;
    case PppCode::time_remaining:
      if (packet.data.size() >= 8) {
        text += fmt::format(" magic {:08x}", reader.u32());
        text += fmt::format(" {} s", reader.u32());
      }
      break;
    case PppCode::reset_request:
    case PppCode::reset_ack:
      break;
  }
  return text;
}

// PAP and CHAP: names and texts, never a password, a Challenge or a Response.
std::string auth_packet_text(PppProtocol protocol, const PppPacket& packet) {
  static constexpr std::string_view kPap[] = {"Authenticate-Request", "Authenticate-Ack",
                                              "Authenticate-Nak"};
  static constexpr std::string_view kChap[] = {"Challenge", "Response", "Success", "Failure"};
  const std::span<const std::string_view> codes =
      protocol == PppProtocol::pap ? std::span<const std::string_view>(kPap) : kChap;
  const bool known = packet.code >= 1 && packet.code <= codes.size();
  std::string text =
      known ? std::string(codes[packet.code - 1u]) : fmt::format("code {}", packet.code);
  text += fmt::format(" id {}", packet.identifier);
  if (!known) return text;
  ByteReader reader(packet.data);
  ByteView shown;
  if (protocol == PppProtocol::pap) {
    shown = reader.take(reader.u8());  // Peer-ID, or the Message
  } else if (packet.code <= 2) {
    reader.skip(reader.u8());
    shown = reader.take_rest();  // Name
  } else {
    shown = reader.take_rest();
  }
  return reader.ok() ? text + " \"" + printable(shown, kShownText) + "\"" : text + " <malformed>";
}

}  // namespace

std::string describe_ppp_frame(ByteView octets) {
  const auto frame = decode_ppp_frame(octets);
  if (!frame) return "malformed frame of " + std::to_string(octets.size()) + " octets";
  std::string text = protocol_text(frame->protocol);
  const auto protocol = static_cast<PppProtocol>(frame->protocol);
  if (is_network_data(frame->protocol) || name(protocol).empty())
    return text + " " + std::to_string(frame->payload.size()) + " octets";
  const auto packet = decode_ppp_packet(frame->payload);
  if (!packet) return text + " malformed packet of " + std::to_string(frame->payload.size());
  const bool is_auth = protocol == PppProtocol::pap || protocol == PppProtocol::chap;
  return text + " " +
         (is_auth ? auth_packet_text(protocol, *packet) : packet_text(protocol, *packet));
}

}  // namespace l2tpm::wire
