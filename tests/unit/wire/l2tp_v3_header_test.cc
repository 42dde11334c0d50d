#include "wire/l2tp_v3_header.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace l2tpm::wire {
namespace {

using testing::operator""_hex;

HeaderError error_of(const Bytes& packet, Encapsulation encapsulation = Encapsulation::udp) {
  const auto header = decode_v3_header(packet, encapsulation);
  EXPECT_FALSE(header);
  return header ? HeaderError::not_control : header.error();
}

TEST(V3Header, ControlOverUdp) {
  const Bytes packet = "c803 000e 12345678 0102 0304 aabb ffff"_hex;
  const auto header = decode_v3_header(packet);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->is_control);
  EXPECT_EQ(header->connection_id, TunnelId(0x12345678));
  EXPECT_EQ(header->ns, 0x0102);
  EXPECT_EQ(header->nr, 0x0304);
  EXPECT_EQ(header->payload.size(), 2u) << "octets after Length are not the message's";
  EXPECT_EQ(header->message.size(), 14u);
  EXPECT_EQ(header->message.data(), packet.data());
}

// RFC 3931 §4.1.1.2: the Length does not count the four zero octets.
TEST(V3Header, ControlOverIp) {
  const Bytes packet = "00000000 c803 000c 12345678 0102 0304"_hex;
  const auto header = decode_v3_header(packet, Encapsulation::ip);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->is_control);
  EXPECT_EQ(header->connection_id, TunnelId(0x12345678));
  EXPECT_EQ(header->message.size(), 12u);
  EXPECT_EQ(header->message.data(), packet.data() + 4);
}

TEST(V3Header, DataIsToldApart) {
  const auto over_udp = decode_v3_header("0003 0000 11223344 a0a1a2a3"_hex);
  ASSERT_TRUE(over_udp);
  EXPECT_FALSE(over_udp->is_control);
  EXPECT_EQ(over_udp->session_id, SessionId(0x11223344));
  EXPECT_EQ(over_udp->payload.size(), 4u);
  const auto over_ip = decode_v3_header("11223344 c8030000"_hex, Encapsulation::ip);
  ASSERT_TRUE(over_ip);
  EXPECT_FALSE(over_ip->is_control);
  EXPECT_EQ(over_ip->session_id, SessionId(0x11223344));
  EXPECT_EQ(over_ip->payload.size(), 4u);
}

// Bits 1, 4, 6 and 7 mean something in L2TPv2 only.
TEST(V3Header, ReservedBitsAreIgnored) {
  EXPECT_TRUE(decode_v3_header("fff3 000c 00000000 0000 0000"_hex));
  EXPECT_TRUE(decode_v3_header("7ff3 ffff 00000001"_hex));
}

TEST(V3Header, RefusedHeaders) {
  EXPECT_EQ(error_of(""_hex), HeaderError::truncated);
  EXPECT_EQ(error_of("c8"_hex), HeaderError::truncated);
  EXPECT_EQ(error_of("c802 000c 00000000 0000 0000"_hex), HeaderError::unknown_version);
  EXPECT_EQ(error_of("8803 000c 00000000 0000 0000"_hex), HeaderError::control_without_length);
  EXPECT_EQ(error_of("c003 000c 00000000 0000 0000"_hex), HeaderError::control_without_sequence);
  EXPECT_EQ(error_of("c803 000d 00000000 0000 0000"_hex), HeaderError::bad_length);
  EXPECT_EQ(error_of("c803 000b 00000000 0000 0000"_hex), HeaderError::bad_length);
  EXPECT_EQ(error_of("0003 0000 00000000"_hex), HeaderError::zero_session_id);
  EXPECT_EQ(error_of("000000"_hex, Encapsulation::ip), HeaderError::truncated);
  EXPECT_EQ(error_of("00000000"_hex, Encapsulation::ip), HeaderError::truncated);
  EXPECT_EQ(error_of("00000000 c802 000c 00000000 0000 0000"_hex, Encapsulation::ip),
            HeaderError::unknown_version);
  EXPECT_EQ(error_of("00000000 0003 0000 00000001"_hex, Encapsulation::ip),
            HeaderError::not_control);
}

TEST(V3Header, CutAtEveryLength) {
  const Bytes control = "c803 000c 12345678 0102 0304"_hex;
  for (std::size_t size = 0; size < control.size(); ++size)
    EXPECT_FALSE(decode_v3_header(ByteView(control).first(size))) << size;
  const Bytes data = "0003 0000 11223344"_hex;
  for (std::size_t size = 0; size < data.size(); ++size)
    EXPECT_FALSE(decode_v3_header(ByteView(data).first(size))) << size;
}

TEST(V3Header, ZeroLengthBody) {
  EXPECT_EQ(encode_v3_zlb(TunnelId(0x12345678), 5, 6), "c803 000c 12345678 0005 0006"_hex);
}

}  // namespace
}  // namespace l2tpm::wire
