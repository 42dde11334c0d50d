// PPP in tests: packets from short calls, actions as one line of text.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "ppp/automaton.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::test {

inline Bytes from_hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (const char c : text) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
      high = -1;
    }
  }
  return out;
}

// A control packet from its Code on, kept alive together with its octets.
class Packet {
 public:
  Packet(wire::PppCode code, std::uint8_t identifier, const Bytes& data)
      : octets_(wire::encode_ppp_packet(static_cast<std::uint8_t>(code), identifier, data)) {}
  Packet(unsigned code, std::uint8_t identifier, const Bytes& data)
      : octets_(wire::encode_ppp_packet(static_cast<std::uint8_t>(code), identifier, data)) {}
  wire::PppPacket view() const { return *wire::decode_ppp_packet(octets_); }
  Bytes frame(wire::PppProtocol protocol) const {
    return wire::encode_ppp_frame(protocol, octets_);
  }

 private:
  Bytes octets_;
};

// "LCP Configure-Ack id 1 <mru 1450>; up"
inline std::string text_of(const std::vector<ppp::AutomatonAction>& actions) {
  std::string text;
  for (const auto& action : actions) {
    if (!text.empty()) text += "; ";
    if (const auto* frame = std::get_if<ppp::SendFrame>(&action)) {
      text += wire::describe_ppp_frame(frame->frame);
    } else {
      text += ppp::name(*std::get_if<ppp::LayerEvent>(&action));
    }
  }
  return text;
}

}  // namespace l2tpm::test
