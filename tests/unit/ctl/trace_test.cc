#include "ctl/trace.h"

#include <gtest/gtest.h>

#include <sstream>

namespace l2tpm::ctl {
namespace {

Json packet(const char* direction, const char* layer, const char* data) {
  return {
      {"event",     "packet"           },
      {"time",      1700000000114000   },
      {"direction", direction          },
      {"layer",     layer              },
      {"tunnel",    "work"             },
      {"session",   0                  },
      {"local",     "198.51.100.7:1701"},
      {"remote",    "192.0.2.1:40000"  },
      {"summary",   "SCCRQ Ns 0 Nr 0"  },
      {"data",      data               }
  };
}

TEST(Endpoints, AreParsed) {
  EXPECT_EQ(parse_endpoint("192.0.2.1:1701")->to_string(), "192.0.2.1:1701");
  EXPECT_EQ(parse_endpoint("[2001:db8::1]:1701")->to_string(), "[2001:db8::1]:1701");
  EXPECT_TRUE(parse_endpoint("[fe80::1%3]:1701"));
  for (const char* wrong : {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:65536",
                            "[::1:5", "name:1701", "192.0.2.1:1701 "})
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
}

// The checksums are from another program than this one.
TEST(Packets, HaveTheirHeaders) {
  const auto from = *parse_endpoint("192.0.2.1:1701");
  const auto to = *parse_endpoint("192.0.2.2:1701");
  const Bytes payload{0xC8, 0x02, 0x00, 0x0C, 0, 1, 0, 0, 0, 1, 0, 2};
  EXPECT_EQ(to_hex(udp_packet(from, to, payload)),
            "450000280000000040"
            "11f6c1c0000201c0000202"
            "06a506a50014a665"
            "c802000c0001000000010002");
}

TEST(Packets, ChecksumsAreRight) {
  // A receiver sums header and payload with their checksums to all ones, RFC 1071.
  const auto ones = [](ByteView octets, std::uint32_t sum) {
    for (std::size_t i = 0; i < octets.size(); ++i)
      sum += i % 2 == 0 ? static_cast<std::uint32_t>(octets[i]) << 8 : octets[i];
    while (sum > 0xFFFF) sum = (sum >> 16) + (sum & 0xFFFF);
    return sum;
  };
  const Bytes odd{1, 2, 3};
  const Bytes v4 = udp_packet(*parse_endpoint("10.0.0.1:1"), *parse_endpoint("10.0.0.2:2"), odd);
  ASSERT_EQ(v4.size(), 31u);
  EXPECT_EQ(ones(ByteView(v4).first(20), 0), 0xFFFFu);
  EXPECT_EQ(ones(ByteView(v4).subspan(12), 17 + 11), 0xFFFFu);
  const Bytes v6 = udp_packet(*parse_endpoint("[::1]:1"), *parse_endpoint("[::2]:2"), odd);
  ASSERT_EQ(v6.size(), 51u);
  EXPECT_EQ(ones(ByteView(v6).subspan(8), 17 + 11), 0xFFFFu);
}

TEST(Packets, OfTwoFamiliesOrTooLongAreNone) {
  EXPECT_TRUE(udp_packet(*parse_endpoint("10.0.0.1:1"), *parse_endpoint("[::2]:2"), {}).empty());
  const Bytes long_one(65520);
  EXPECT_TRUE(
      udp_packet(*parse_endpoint("10.0.0.1:1"), *parse_endpoint("10.0.0.2:2"), long_one).empty());
}

TEST(WirePacket, GoesTheWayItWent) {
  const auto out = wire_packet(packet("out", "l2tp", "c802"), {});
  const auto in = wire_packet(packet("in", "l2tp", "c802"), {});
  ASSERT_TRUE(out && in);
  EXPECT_EQ(to_hex(ByteView(*out).subspan(12, 8)), "c6336407c0000201");
  EXPECT_EQ(to_hex(ByteView(*in).subspan(12, 8)), "c0000201c6336407");
  EXPECT_EQ(to_hex(ByteView(*out).subspan(20, 4)), "06a59c40");
}

TEST(WirePacket, PppBecomesADataMessage) {
  const auto frame = wire_packet(packet("out", "ppp", "c021010100040000"), {0x1234, 0x5678});
  ASSERT_TRUE(frame);
  EXPECT_EQ(to_hex(ByteView(*frame).subspan(28)), "000212345678ff03c021010100040000");
}

// RFC 3931, 4.1.2.1: flags, 16 reserved bits, Session ID, cookie, sublayer; PPP begins at once.
TEST(WirePacket, PppOfVersion3) {
  const WireIds ids{
      .tunnel = 0, .session = 0x12345678, .version = 3, .cookie = 4, .sublayer = true};
  const auto frame = wire_packet(packet("out", "ppp", "c021010100040000"), ids);
  ASSERT_TRUE(frame);
  EXPECT_EQ(to_hex(ByteView(*frame).subspan(28)),
            "00030000"
            "12345678"
            "00000000"
            "00000000"
            "c021010100040000");
}

// Protocol 115: no ports, and control messages have Session ID 0 before them (4.1.1.2).
TEST(WirePacket, OverIp) {
  Json event = packet("out", "l2tp", "c8030014000000000000000080080000");
  event["local"] = "198.51.100.7:0";
  event["remote"] = "192.0.2.1:0";
  const auto out = wire_packet(event, {});
  ASSERT_TRUE(out);
  EXPECT_EQ(to_hex(ByteView(*out).subspan(9, 1)), "73");
  EXPECT_EQ(to_hex(ByteView(*out).subspan(20)), "00000000c8030014000000000000000080080000");
  event["layer"] = "ppp";
  event["data"] = "c021";
  const auto data = wire_packet(event, {.tunnel = 0, .session = 0x12345678, .version = 3});
  ASSERT_TRUE(data);
  EXPECT_EQ(to_hex(ByteView(*data).subspan(20)), "12345678c021");
  event["local"] = "[2001:db8::1]:0";
  event["remote"] = "[2001:db8::2]:0";
  const auto v6 = wire_packet(event, {.tunnel = 0, .session = 1, .version = 3});
  ASSERT_TRUE(v6);
  EXPECT_EQ(to_hex(ByteView(*v6).first(8)), "6000000000067340");
}

TEST(WirePacket, OfNonsenseIsNone) {
  EXPECT_FALSE(wire_packet(packet("out", "l2tp", "c80"), {}));
  EXPECT_FALSE(wire_packet(packet("out", "l2tp", "zz"), {}));
  Json event = packet("out", "l2tp", "c802");
  event["local"] = "somewhere";
  EXPECT_FALSE(wire_packet(event, {}));
  EXPECT_FALSE(wire_packet(Json::object(), {}));
}

TEST(PacketText, IsALineWithoutControlCharacters) {
  std::ostringstream out;
  const Printer print(out, false);
  EXPECT_EQ(packet_text(print, packet("out", "l2tp", "")), "→ work  SCCRQ Ns 0 Nr 0");
  Json event = packet("in", "ppp", "");
  event["session"] = 7;
  event["summary"] = "LCP\x1b[2J";
  EXPECT_EQ(packet_text(print, event), "← work/7  LCP?[2J");
}

}  // namespace
}  // namespace l2tpm::ctl
