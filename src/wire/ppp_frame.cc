#include "wire/ppp_frame.h"

#include <fmt/core.h>

#include "wire/ppp_packet.h"

namespace l2tpm::wire {

std::string_view name(PppProtocol protocol) {
  switch (protocol) {
    case PppProtocol::ipv4:
      return "IPv4";
    case PppProtocol::vj_compressed:
      return "VJ-compressed";
    case PppProtocol::vj_uncompressed:
      return "VJ-uncompressed";
    case PppProtocol::bridging:
      return "Bridging";
    case PppProtocol::multilink:
      return "Multilink";
    case PppProtocol::ipv6:
      return "IPv6";
    case PppProtocol::compressed:
      return "Compressed";
    case PppProtocol::mpls_unicast:
      return "MPLS";
    case PppProtocol::ipcp:
      return "IPCP";
    case PppProtocol::bcp:
      return "BCP";
    case PppProtocol::ecp:
      return "ECP";
    case PppProtocol::ipv6cp:
      return "IPV6CP";
    case PppProtocol::ccp_link:
      return "CCP-link";
    case PppProtocol::ccp:
      return "CCP";
    case PppProtocol::mplscp:
      return "MPLSCP";
    case PppProtocol::lcp:
      return "LCP";
    case PppProtocol::pap:
      return "PAP";
    case PppProtocol::lqr:
      return "LQR";
    case PppProtocol::cbcp:
      return "CBCP";
    case PppProtocol::chap:
      return "CHAP";
    case PppProtocol::eap:
      return "EAP";
  }
  return "";
}

std::string protocol_text(std::uint16_t protocol) {
  const std::string_view known = name(static_cast<PppProtocol>(protocol));
  return known.empty() ? fmt::format("0x{:04x}", protocol) : std::string(known);
}

std::optional<PppFrame> decode_ppp_frame(ByteView octets) {
  // All-stations address and the control field of unnumbered information (RFC 1662 §3.1); 0xff can
  // begin no protocol number, RFC 1661 §2 wants the first octet even.
  if (octets.size() >= 2 && octets[0] == 0xff && octets[1] == 0x03) octets = octets.subspan(2);
  if (octets.empty()) return std::nullopt;
  PppFrame frame;
  if ((octets[0] & 1) != 0) {  // Protocol-Field-Compression: an odd first octet is the last
    frame.protocol = octets[0];
    frame.payload = octets.subspan(1);
    return frame;
  }
  ByteReader reader(octets);
  frame.protocol = reader.u16();
  if (!reader.ok() || (frame.protocol & 1) == 0) return std::nullopt;
  frame.payload = reader.take_rest();
  return frame;
}

Bytes encode_ppp_frame(PppProtocol protocol, ByteView payload) {
  Bytes frame;
  frame.reserve(2 + payload.size());
  ByteWriter writer(frame);
  writer.u16(static_cast<std::uint16_t>(protocol));
  writer.bytes(payload);
  return frame;
}

}  // namespace l2tpm::wire
