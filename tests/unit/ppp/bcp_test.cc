#include "ppp/bcp.h"

#include <gtest/gtest.h>

#include "support/ppp_text.h"

namespace l2tpm::ppp {
namespace {

using test::from_hex;
using test::Packet;
using test::text_of;
using wire::PppCode;

const FsmTimers kTimers;
const MacAddress kOurs({2, 0, 0, 0, 0, 9});

std::string give(Bcp& bcp, PppCode code, std::uint8_t id, const char* options) {
  bcp.receive(Packet(code, id, from_hex(options)).view(), TimePoint{});
  return text_of(bcp.take_actions());
}

std::string start(Bcp& bcp) {
  bcp.open(TimePoint{});
  bcp.lower_up(TimePoint{});
  return text_of(bcp.take_actions()).substr(9);  // without "started; "
}

std::string answer(const char* options) {
  SeededRandom random(3);
  Bcp bcp({.mac = kOurs, .tagged_frames = false}, random, kTimers);
  start(bcp);
  return give(bcp, PppCode::configure_request, 1, options);
}

TEST(Bcp, JudgesEveryOption) {
  const std::string ack = "BCP Configure-Ack id 1", nak = "BCP Configure-Nak id 1",
                    reject = "BCP Configure-Reject id 1";
  EXPECT_EQ(answer(""), ack);
  EXPECT_EQ(answer("01040012"), reject + " <bridge-id 0012>");
  EXPECT_EQ(answer("02040012"), reject + " <line-id 0012>");
  EXPECT_EQ(answer("030301"), ack + " <mac-support 01>");
  EXPECT_EQ(answer("030304 030301 030303"),
            ack + " <mac-support 04> <mac-support 01> <mac-support 03>");
  EXPECT_EQ(answer("030304"), nak + " <mac-support 01>");
  EXPECT_EQ(answer("040301"), nak + " <tinygram 02>");
  EXPECT_EQ(answer("040302"), ack + " <tinygram 02>");
  EXPECT_EQ(answer("050301"), reject + " <lan-id 01>");
  EXPECT_EQ(answer("0608020000000007"), ack + " <mac 020000000007>");
  EXPECT_EQ(answer("0608000000000000").substr(0, nak.size() + 6), nak + " <mac ");
  EXPECT_EQ(answer("0608020000000009").substr(0, nak.size() + 6), nak + " <mac ");
  EXPECT_EQ(answer("0608030000000007").substr(0, nak.size() + 6), nak + " <mac ");
  EXPECT_EQ(answer("070300"), ack + " <spanning-tree 00>");
  EXPECT_EQ(answer("070301"), nak + " <spanning-tree 00>");
  EXPECT_EQ(answer("080301"), ack + " <tagged-frame 01>");
  EXPECT_EQ(answer("080302"), ack + " <tagged-frame 02>");
  EXPECT_EQ(answer("080307"), nak + " <tagged-frame 02>");
  EXPECT_EQ(answer("0902"), ack + " <management-inline>");
  EXPECT_EQ(answer("0a02"), reject + " <control-indicator>");
  EXPECT_EQ(answer("0b02"), reject + " <option 11>");
  // Wrong lengths and options that come twice.
  EXPECT_EQ(answer("0302 0402 060301 0702 0802 090301"),
            reject +
                " <mac-support> <tinygram> <mac 01> <spanning-tree> <tagged-frame>"
                " <management-inline 01>");
  EXPECT_EQ(answer("080301 080301"), reject + " <tagged-frame 01>");
  EXPECT_EQ(answer("0309"), "");  // beyond the end: discarded
}

// It would mean frames of another protocol (0x0201), which nobody could take apart here.
TEST(Bcp, APeerFromBeforeRfc2878GetsNoSpanningTree) {
  SeededRandom random(3);
  Bcp bcp({.mac = {}, .tagged_frames = false}, random, kTimers);
  EXPECT_EQ(start(bcp), "BCP Configure-Request id 1 <mac-support 01> <management-inline>");
  EXPECT_EQ(give(bcp, PppCode::configure_reject, 1, "0902"),
            "BCP Configure-Request id 2 <mac-support 01> <spanning-tree 00>");
  EXPECT_EQ(give(bcp, PppCode::configure_request, 1, "070301"),
            "BCP Configure-Nak id 1 <spanning-tree 00>");
  EXPECT_EQ(give(bcp, PppCode::configure_request, 2, "070300"),
            "BCP Configure-Ack id 2 <spanning-tree 00>");
  EXPECT_EQ(give(bcp, PppCode::configure_nak, 2, "070301"),
            "BCP Configure-Request id 3 <mac-support 01> <spanning-tree 00>");
  EXPECT_EQ(give(bcp, PppCode::configure_ack, 3, "030301 070300"), "up");
  EXPECT_FALSE(bcp.agreement().receive_inline || bcp.agreement().send_inline);
}

TEST(Bcp, ARejectMustBeOfWhatWasAskedFor) {
  SeededRandom random(3);
  Bcp bcp({.mac = {}, .tagged_frames = true}, random, kTimers);
  EXPECT_EQ(start(bcp),
            "BCP Configure-Request id 1 <mac-support 01> <tagged-frame 01> <management-inline>");
  EXPECT_EQ(give(bcp, PppCode::configure_reject, 1, "080302"), "") << "not what was sent";
  EXPECT_EQ(give(bcp, PppCode::configure_reject, 1, "0902 030301"), "") << "another order";
  EXPECT_EQ(give(bcp, PppCode::configure_reject, 1, "030301 0902"),
            "BCP Configure-Request id 2 <spanning-tree 00> <tagged-frame 01>");
}

TEST(Bcp, ANakOfTagsIsTaken) {
  SeededRandom random(3);
  Bcp bcp({.mac = {}, .tagged_frames = true}, random, kTimers);
  start(bcp);
  EXPECT_EQ(give(bcp, PppCode::configure_nak, 1, "080302"),
            "BCP Configure-Request id 2 <mac-support 01> <management-inline>");
  EXPECT_FALSE(bcp.agreement().receive_tagged);
}

// The last Request that was acknowledged says what the peer takes.
TEST(Bcp, ANewRequestTakesBackWhatTheOldOneSaid) {
  SeededRandom random(3);
  Bcp bcp({.mac = {}, .tagged_frames = false}, random, kTimers);
  start(bcp);
  give(bcp, PppCode::configure_request, 1, "0608020000000007 080301 0902");
  EXPECT_TRUE(bcp.agreement().send_tagged && bcp.agreement().send_inline);
  EXPECT_TRUE(bcp.agreement().peer_mac.has_value());
  give(bcp, PppCode::configure_request, 2, "");
  EXPECT_FALSE(bcp.agreement().send_tagged || bcp.agreement().send_inline);
  EXPECT_FALSE(bcp.agreement().peer_mac.has_value());
}

TEST(Bcp, TwoPeersAgree) {
  SeededRandom random(3);
  const MacAddress mac({2, 0, 0, 0, 0, 7});
  Bcp a({.mac = mac}, random, kTimers);
  Bcp z({.mac = {}, .tagged_frames = false}, random, kTimers);
  start(a);
  start(z);
  give(z, PppCode::configure_request, 1, "030301 0608020000000007 080301 0902");
  give(a, PppCode::configure_request, 1, "030301 0902");
  EXPECT_EQ(give(a, PppCode::configure_ack, 1, "030301 0608020000000007 080301 0902"), "up");
  EXPECT_EQ(give(z, PppCode::configure_ack, 1, "030301 0902"), "up");
  EXPECT_EQ(z.agreement().peer_mac, mac);
  EXPECT_EQ(a.agreement().local_mac, mac);
  EXPECT_FALSE(a.agreement().peer_mac.has_value());
  EXPECT_TRUE(z.agreement().send_tagged && a.agreement().receive_tagged);
  EXPECT_FALSE(a.agreement().send_tagged || z.agreement().receive_tagged);
  EXPECT_TRUE(a.agreement().send_inline && z.agreement().send_inline);
}

}  // namespace
}  // namespace l2tpm::ppp
