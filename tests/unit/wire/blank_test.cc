// Secrets that are taken out of packets before anybody sees them.
#include "wire/blank.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "wire/control_message.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::wire {
namespace {

bool holds(const Bytes& bytes, std::string_view text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

Bytes auth(PppProtocol protocol, std::uint8_t code, const std::string& data) {
  return encode_ppp_frame(protocol, encode_ppp_packet(code, 7, as_bytes(data)));
}

TEST(Blank, PapPasswords) {
  Bytes frame = auth(PppProtocol::pap, 1, std::string("\5alice\6secret", 13));
  const std::size_t size = frame.size();
  blank_ppp(frame);
  EXPECT_TRUE(holds(frame, "alice"));
  EXPECT_FALSE(holds(frame, "secret"));
  EXPECT_EQ(frame.size(), size);
  // With FF 03, with padding, with a name that claims to be all of it, cut short.
  frame = auth(PppProtocol::pap, 1, std::string("\5alice\6secret", 13));
  frame.insert(frame.begin(), {0xff, 0x03});
  frame.insert(frame.end(), {'s', 'e', 'c', 'r', 'e', 't'});
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "secret"));
  frame = auth(PppProtocol::pap, 1, "\xffsecret");
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "secret"));
  frame = auth(PppProtocol::pap, 1, std::string("\5alice\6secret", 13));
  frame.pop_back();
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "secre"));
}

TEST(Blank, ChapResponses) {
  Bytes frame = auth(PppProtocol::chap, 2, std::string("\6secretalice", 12));
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "secret"));
  EXPECT_TRUE(holds(frame, "alice"));
  frame = auth(PppProtocol::chap, 3, "S=0123456789ABCDEF0123456789ABCDEF01234567 M=Welcome");
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "0123"));
  EXPECT_TRUE(holds(frame, "M=Welcome"));
  frame = auth(PppProtocol::chap, 4, "E=691 R=0");
  blank_ppp(frame);
  EXPECT_TRUE(holds(frame, "E=691"));
  frame = auth(PppProtocol::chap, 1, std::string("\4weknalns", 9));
  blank_ppp(frame);
  EXPECT_TRUE(holds(frame, "wekna")) << "a challenge is no secret";
}

TEST(Blank, WhatWasRejected) {
  Bytes inner = auth(PppProtocol::pap, 1, std::string("\5alice\6secret", 13));
  Bytes frame = encode_ppp_frame(PppProtocol::lcp, encode_ppp_packet(8, 1, inner));
  blank_ppp(frame);
  EXPECT_FALSE(holds(frame, "secret"));
}

TEST(Blank, OtherFramesStayAsTheyAre) {
  const Bytes lcp =
      encode_ppp_frame(PppProtocol::lcp, encode_ppp_packet(1, 1, Bytes{1, 4, 5, 0xdc}));
  Bytes frame = lcp;
  blank_ppp(frame);
  EXPECT_EQ(frame, lcp);
  const Bytes packet = auth(PppProtocol::pap, 1, "x");
  for (std::size_t size = 0; size <= packet.size(); ++size) {
    Bytes cut(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    blank_ppp(cut);
    EXPECT_EQ(cut.size(), size);
  }
}

TEST(Blank, ControlMessages) {
  ControlMessage message;
  message.type = MessageType::sccrp;
  message.tunnel_id = TunnelId(9);
  message.protocol_version = ProtocolVersion{};
  message.host_name = "lns.example";
  message.assigned_tunnel_id = TunnelId(5);
  std::array<std::uint8_t, 16> response{};
  std::fill(response.begin(), response.end(), std::uint8_t{0x5a});
  message.challenge_response = response;
  Bytes datagram = encode(message);
  ASSERT_TRUE(holds(datagram, std::string(16, 'Z')));
  blank_control(datagram);
  EXPECT_FALSE(holds(datagram, "ZZ"));
  EXPECT_TRUE(holds(datagram, "lns.example"));
  // Still the same message otherwise.
  const auto again = decode_control(datagram);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->host_name, "lns.example");
  EXPECT_EQ(again->type, MessageType::sccrp);
}

TEST(Blank, HiddenAvpsAndRuins) {
  ControlMessage message;
  message.type = MessageType::iccn;
  message.tunnel_id = TunnelId(9);
  message.session_id = SessionId(1);
  message.tx_connect_speed = 1000000;
  message.framing_type = kFramingSync;
  const Bytes vector(16, 0x11);
  const Bytes hidden =
      encode(message, {.secret = as_bytes("s"), .random_vector = vector, .padding = {}});
  Bytes blanked = hidden;
  blank_control(blanked);
  EXPECT_NE(blanked, hidden);
  EXPECT_TRUE(holds(blanked, std::string(16, '\x11'))) << "the Random Vector is no secret";
  // Cut anywhere: nothing beyond the header of what is not understood remains.
  for (std::size_t size = 0; size < hidden.size(); ++size) {
    Bytes cut(hidden.begin(), hidden.begin() + static_cast<std::ptrdiff_t>(size));
    blank_control(cut);
    for (std::size_t i = kControlHeaderSize; i < cut.size(); ++i) EXPECT_EQ(cut[i], 0) << size;
  }
}

}  // namespace
}  // namespace l2tpm::wire
