#include "wire/l2tp_header.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace l2tpm::wire {
namespace {

using testing::operator""_hex;

HeaderError error_of(const Bytes& datagram) {
  const auto header = decode_header(datagram);
  EXPECT_FALSE(header) << "accepted " << to_hex(datagram);
  return header ? HeaderError::not_control : header.error();
}

TEST(L2tpHeader, ControlHeader) {
  const Bytes datagram = "c802 000c 0007 0009 0003 0004"_hex;
  const auto header = decode_header(datagram);
  ASSERT_TRUE(header);
  EXPECT_TRUE(header->is_control && header->has_length && header->has_sequence);
  EXPECT_FALSE(header->has_offset || header->priority);
  EXPECT_EQ(header->tunnel_id, TunnelId(7));
  EXPECT_EQ(header->session_id, SessionId(9));
  EXPECT_EQ(header->ns, 3);
  EXPECT_EQ(header->nr, 4);
  EXPECT_TRUE(header->payload.empty());
  EXPECT_EQ(encode_zlb(TunnelId(7), 3, 4), "c802 000c 0007 0000 0003 0004"_hex);
}

TEST(L2tpHeader, OctetsAfterLengthAreIgnored) {
  const Bytes datagram = "c802 000e 0007 0009 0003 0004 aabb ccdd"_hex;
  const auto header = decode_header(datagram);
  ASSERT_TRUE(header);
  EXPECT_EQ(to_hex(header->payload), "aabb");
}

TEST(L2tpHeader, ReservedBitsAreIgnored) {
  const Bytes datagram = "fdf2 000c 0007 0009 0003 0004"_hex;
  const auto header = decode_header(datagram);
  ASSERT_TRUE(header);
  EXPECT_FALSE(header->priority) << "P is for data messages only";
}

struct DataCase {
  const char* what;
  Bytes datagram;
  bool has_length, has_sequence, has_offset, priority;
};

// Every combination of the optional fields of a data message, with the same payload.
TEST(L2tpHeader, DataHeaderWithEveryOptionalField) {
  const std::vector<DataCase> cases = {
      {"none", "0002 0007 0009 ff03c021"_hex,                             false, false, false, false},
      {"P",    "0102 0007 0009 ff03c021"_hex,                             false, false, false, true },
      {"L",    "4002 000c 0007 0009 ff03c021"_hex,                        true,  false, false, false},
      {"S",    "0802 0007 0009 0001 0002 ff03c021"_hex,                   false, true,  false, false},
      {"O 0",  "0202 0007 0009 0000 ff03c021"_hex,                        false, false, true,  false},
      {"O 3",  "0202 0007 0009 0003 000000 ff03c021"_hex,                 false, false, true,  false},
      {"LSO",  "4a02 0014 0007 0009 0001 0002 0002 eeee ff03c021 99"_hex, true,  true,  true,  false},
      {"LSOP", "4b02 0012 0007 0009 0001 0002 0000 ff03c021"_hex,         true,  true,  true,  true },
  };
  for (const DataCase& c : cases) {
    const auto header = decode_header(c.datagram);
    ASSERT_TRUE(header) << c.what;
    EXPECT_FALSE(header->is_control) << c.what;
    EXPECT_EQ(header->has_length, c.has_length) << c.what;
    EXPECT_EQ(header->has_sequence, c.has_sequence) << c.what;
    EXPECT_EQ(header->has_offset, c.has_offset) << c.what;
    EXPECT_EQ(header->priority, c.priority) << c.what;
    EXPECT_EQ(header->tunnel_id, TunnelId(7)) << c.what;
    EXPECT_EQ(header->session_id, SessionId(9)) << c.what;
    EXPECT_EQ(header->ns, c.has_sequence ? 1 : 0) << c.what;
    EXPECT_EQ(header->nr, c.has_sequence ? 2 : 0) << c.what;
    EXPECT_EQ(to_hex(header->payload), "ff03c021") << c.what;
  }
}

TEST(L2tpHeader, RefusedHeaders) {
  EXPECT_EQ(error_of(""_hex), HeaderError::truncated);
  EXPECT_EQ(error_of("c8"_hex), HeaderError::truncated);
  EXPECT_EQ(error_of("c801 000c 0007 0009 0003 0004"_hex), HeaderError::l2f);
  EXPECT_EQ(error_of("c803 000c 0007 0009 0003 0004"_hex), HeaderError::l2tpv3);
  EXPECT_EQ(error_of("c800 000c 0007 0009 0003 0004"_hex), HeaderError::unknown_version);
  EXPECT_EQ(error_of("c80f 000c 0007 0009 0003 0004"_hex), HeaderError::unknown_version);
  EXPECT_EQ(error_of("8802 0007 0009 0003 0004"_hex), HeaderError::control_without_length);
  EXPECT_EQ(error_of("c002 0008 0007 0009"_hex), HeaderError::control_without_sequence);
  EXPECT_EQ(error_of("ca02 000e 0007 0009 0003 0004 0000"_hex), HeaderError::control_with_offset);
  EXPECT_EQ(error_of("c802 000d 0007 0009 0003 0004"_hex), HeaderError::bad_length);
  EXPECT_EQ(error_of("0002 0007 00"_hex), HeaderError::truncated);
  EXPECT_EQ(error_of("0202 0007 0009 0005 ff03c021"_hex), HeaderError::bad_offset);
  EXPECT_EQ(error_of("0202 0007 0009 ffff ff03c021"_hex), HeaderError::bad_offset);
  EXPECT_EQ(error_of("4202 000b 0007 0009 0002 00 ff03c021"_hex), HeaderError::bad_offset);
}

TEST(L2tpHeader, EncodesDataAsLinuxDoes) {
  EXPECT_EQ(to_hex(encode_data({TunnelId(7), SessionId(9), std::nullopt}, "ff03c021"_hex)),
            "000200070009ff03c021");
  EXPECT_EQ(to_hex(encode_data({TunnelId(7), SessionId(9), std::uint16_t{0xffff}}, "ff03"_hex)),
            "080200070009ffff0000ff03");
}

TEST(L2tpHeader, PatchNr) {
  Bytes message = "c802 000e 0007 0009 0003 0004 aabb"_hex;
  patch_nr(message, 0xbeef);
  EXPECT_EQ(message, "c802 000e 0007 0009 0003 beef aabb"_hex);
}

TEST(L2tpHeader, EveryErrorHasAName) {
  for (int i = 0; i <= static_cast<int>(HeaderError::not_control); ++i)
    EXPECT_NE(name(static_cast<HeaderError>(i)), "invalid") << i;
}

}  // namespace
}  // namespace l2tpm::wire
