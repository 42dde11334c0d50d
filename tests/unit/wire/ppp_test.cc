#include <gtest/gtest.h>

#include "support/ppp_text.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_options.h"
#include "wire/ppp_packet.h"

namespace l2tpm::wire {
namespace {

using test::from_hex;

TEST(PppFrame, PeersSection4Row22_TakesEveryFormOfAddressControlAndProtocol) {
  struct Row {
    std::string octets;
    int protocol;  // -1: refused
    std::string payload;
  };
  const Row rows[] = {
      {"ff03 c021 01010004", 0xc021, "01010004"},
      {"c021 01010004",      0xc021, "01010004"},
      {"ff03 21 45",         0x21,   "45"      },
      {"21 45",              0x21,   "45"      },
      {"0021 45",            0x21,   "45"      },
      {"ff03 0021 45",       0x21,   "45"      },
      {"fd 9000",            0xfd,   "9000"    },
      {"c021",               0xc021, ""        },
      {"",                   -1,     ""        },
      {"ff03",               -1,     ""        },
      {"c0",                 -1,     ""        },
      {"ff03c0",             -1,     ""        },
      {"c022 00",            -1,     ""        }, // RFC 1661 §2: must be odd
      {"0000",               -1,     ""        },
  };
  for (const Row& row : rows) {
    const Bytes octets = from_hex(row.octets);
    const auto frame = decode_ppp_frame(octets);
    ASSERT_EQ(frame.has_value(), row.protocol >= 0) << row.octets;
    if (!frame) continue;
    EXPECT_EQ(frame->protocol, row.protocol) << row.octets;
    EXPECT_EQ(to_hex(frame->payload), row.payload) << row.octets;
  }
}

TEST(PppFrame, IsSentWithTwoOctetsOfProtocol) {
  EXPECT_EQ(to_hex(encode_ppp_frame(PppProtocol::ipv4, from_hex("45"))), "002145");
}

TEST(PppPacket, PeersSection4Row35_LengthIsChecked) {
  const auto padded = decode_ppp_packet(from_hex("01070006 aabb cccc"));  // padding is dropped
  EXPECT_FALSE(decode_ppp_packet({}).has_value());
  EXPECT_FALSE(decode_ppp_packet(from_hex("010700")).has_value());
  EXPECT_FALSE(decode_ppp_packet(from_hex("01070003")).has_value());
  EXPECT_FALSE(decode_ppp_packet(from_hex("01070000")).has_value());
  EXPECT_FALSE(decode_ppp_packet(from_hex("01070007 aabb")).has_value());
  EXPECT_TRUE(decode_ppp_packet(from_hex("01070004")).has_value());
  ASSERT_TRUE(padded.has_value());
  EXPECT_EQ(padded->identifier, 7);
  EXPECT_EQ(padded->data.size(), 2u);
  EXPECT_EQ(padded->whole.size(), 6u);
}

// docs/CONFORMANCE.md, "What broke others", row 29: LCP snooping that reads past a short packet.
TEST(PppPacket, PeersSection4Row29_ShortConfigureAck) {
  const Bytes whole = from_hex("02010008 01040578");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_ppp_packet(cut).has_value()) << size;
  }
}

// docs/CONFORMANCE.md, "What broke others", row 19: an endless loop in options of length zero.
TEST(PppOptions, PeersSection4Row19_LengthZeroAndOneEnd) {
  for (const char* octets : {"0300", "0301", "0306aabbcc", "03", "0306aabbccdd 8100", "8101"}) {
    const Bytes options = from_hex(octets);
    PppOptionReader reader(options);
    int steps = 0;
    while (reader.next()) ASSERT_LT(++steps, 10);
    EXPECT_FALSE(reader.ok()) << octets;
  }
}

TEST(PppOptions, AreWalkedInOrder) {
  const Bytes options = from_hex("01040578 0702 050612345678");
  PppOptionReader reader(options);
  const auto mru = reader.next();
  const auto pfc = reader.next();
  const auto magic = reader.next();
  ASSERT_TRUE(mru && pfc && magic);
  EXPECT_EQ(option_u16(mru->value), 1400);
  EXPECT_EQ(mru->whole.size(), 4u);
  EXPECT_TRUE(pfc->value.empty());
  EXPECT_EQ(option_u32(magic->value), 0x12345678u);
  EXPECT_FALSE(option_u16(magic->value).has_value());
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(PppDescribe, SaysWhatIsInside) {
  struct Row {
    const char* octets;
    const char* text;
  };
  const Row rows[] = {
      {"c021 01010013 01040578 0305c22381 050612345678",
       "LCP Configure-Request id 1 <mru 1400> <auth CHAP MS-v2> <magic 12345678>"                        },
      {"8021 0103000a 03060a000001",                     "IPCP Configure-Request id 3 <address 10.0.0.1>"},
      {"c021 090a0008 12345678",                         "LCP Echo-Request id 10 magic 12345678"         },
      {"c021 08010006 80fd",                             "LCP Protocol-Reject id 1 CCP"                  },
      {"c021 05020006 6869",                             "LCP Terminate-Request id 2 \"hi\""             },
      {"c023 0101000d 03 626f62 04 70617373",            "PAP Authenticate-Request id 1 \"bob\""         },
      {"c021 0101000a 0104",                             "LCP malformed packet of 6"                     },
      {"c021 01010006 0109",                             "LCP Configure-Request id 1 <malformed>"        },
      {"0021 4500",                                      "IPv4 2 octets"                                 },
      {"1235 00",                                        "0x1235 1 octets"                               },
      {"",                                               "malformed frame of 0 octets"                   },
  };
  for (const Row& row : rows) EXPECT_EQ(describe_ppp_frame(from_hex(row.octets)), row.text);
}

TEST(PppDescribe, NeverShowsSecretsAndTakesEveryCut) {
  const Bytes pap = from_hex("c023 0101000d 03 626f62 04 70617373");
  const Bytes lcp = from_hex("c021 01010016 01040578 0305c22381 0304c023 050612345678");
  EXPECT_EQ(describe_ppp_frame(pap).find("pass"), std::string::npos);
  for (const Bytes& whole : {pap, lcp})
    for (std::size_t size = 0; size <= whole.size(); ++size)
      describe_ppp_frame(ByteView(whole).first(size));
}

}  // namespace
}  // namespace l2tpm::wire
