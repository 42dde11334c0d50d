#include <gtest/gtest.h>

#include "relay/bridged_pdu.h"
#include "relay/ppp_frame.h"

namespace l2tpm::relay {
namespace {

// Destination, source, type IPv4, then `payload` octets.
Bytes ethernet(std::size_t payload) {
  Bytes frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00};
  for (std::size_t i = 0; i < payload; ++i) frame.push_back(static_cast<std::uint8_t>(i));
  return frame;
}

Bytes pdu(std::uint8_t flags, std::uint8_t mac_type, const Bytes& lan, std::size_t tail = 0) {
  Bytes info{flags, mac_type};
  info.insert(info.end(), lan.begin(), lan.end());
  info.insert(info.end(), tail, 0xee);
  return info;
}

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

void expect_header(const Bytes& frame, std::uint16_t protocol, std::size_t size) {
  const auto header = read_ppp_header(frame);
  ASSERT_TRUE(header) << to_hex(frame);
  EXPECT_EQ(header->protocol, protocol) << to_hex(frame);
  EXPECT_EQ(header->size(), size) << to_hex(frame);
}

TEST(PppHeader, ReadsEveryForm) {
  expect_header({0x00, 0x31, 9}, 0x0031, 2);
  expect_header({0xff, 0x03, 0x00, 0x31, 9}, 0x0031, 4);
  expect_header({0x31, 9}, 0x0031, 1);
  expect_header({0xff, 0x03, 0x3d, 9}, 0x003d, 3);
  expect_header({0xc0, 0x21}, 0xc021, 2);
  expect_header({0x80, 0x31, 1}, 0x8031, 2);
}

TEST(PppHeader, RefusesWhatIsNoProtocol) {
  EXPECT_FALSE(read_ppp_header(Bytes{}));
  EXPECT_FALSE(read_ppp_header(Bytes{0xff, 0x03}));
  EXPECT_FALSE(read_ppp_header(Bytes{0x00}));
  EXPECT_FALSE(read_ppp_header(Bytes{0x00, 0x30}));
  EXPECT_FALSE(read_ppp_header(Bytes{0xff, 0x03, 0xc0}));
}

TEST(BridgedPdu, TakesOffWhatIsNotTheFrame) {
  const Bytes lan = ethernet(60);
  const struct {
    std::uint8_t flags;
    std::size_t tail;
  } rows[] = {
      {0x00, 0 }, // as RouterOS and we send it
      {0x80, 4 }, // LAN checksum
      {0x03, 3 }, // pads
      {0x8f, 19}, // both
      {0x10, 0 }, // a bridge control frame
  };
  for (const auto& row : rows) {
    const Bytes info = pdu(row.flags, 1, lan, row.tail);
    const BridgedFrame frame = read_bridged(info);
    EXPECT_EQ(frame.problem, BridgedProblem::none);
    EXPECT_FALSE(frame.inflate);
    EXPECT_EQ(copy(frame.lan), lan) << int{row.flags};
  }
}

TEST(BridgedPdu, TagsAreFrameContent) {
  Bytes lan = ethernet(50);
  lan[12] = 0x81;
  lan[13] = 0x00;
  const Bytes info = pdu(0, 1, lan);
  EXPECT_EQ(copy(read_bridged(info).lan), lan);
}

TEST(BridgedPdu, InflatesOnlyWhatTinygramShortened) {
  EXPECT_TRUE(read_bridged(pdu(0x20, 1, ethernet(20))).inflate);
  EXPECT_FALSE(read_bridged(pdu(0x20, 1, ethernet(46))).inflate);
  EXPECT_FALSE(read_bridged(pdu(0x00, 1, ethernet(20))).inflate);
}

TEST(BridgedPdu, NamesWhatItDoesNotTake) {
  const Bytes lan = ethernet(46);
  EXPECT_EQ(read_bridged(pdu(0, 3, lan)).problem, BridgedProblem::foreign_mac_type);
  EXPECT_EQ(read_bridged(pdu(0, 0, lan)).problem, BridgedProblem::foreign_mac_type);
  EXPECT_EQ(read_bridged(pdu(0x40, 1, lan)).problem, BridgedProblem::lan_id);
  EXPECT_EQ(read_bridged(Bytes{}).problem, BridgedProblem::malformed);
  EXPECT_EQ(read_bridged(Bytes{0}).problem, BridgedProblem::malformed);
  EXPECT_EQ(read_bridged(Bytes{0, 1}).problem, BridgedProblem::malformed);
}

TEST(BridgedPdu, EveryShorterFrameIsMalformed) {
  const Bytes whole = pdu(0x82, 1, ethernet(0), 6);
  EXPECT_EQ(read_bridged(whole).problem, BridgedProblem::none);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_bridged(ByteView(whole).first(size)).problem, BridgedProblem::malformed) << size;
  }
}

}  // namespace
}  // namespace l2tpm::relay
