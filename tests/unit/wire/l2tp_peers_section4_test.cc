// Security bugs of other L2TP implementations, one test per row of our survey of them
// (docs/CONFORMANCE.md names the rows): what broke them must not break us.
#include <gtest/gtest.h>

#include <initializer_list>

#include "base/random.h"
#include "support/hex.h"
#include "support/l2tp_build.h"
#include "support/l2tp_samples.h"
#include "wire/control_message.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using Kind = Problem::Kind;

constexpr AvpBits kOptional{false, false, 0};

ControlMessage decoded(const Bytes& datagram, const DecodeOptions& options = {}) {
  auto message = decode_control(datagram, options);
  EXPECT_TRUE(message);
  return message ? *message : ControlMessage{};
}

// An AVP header that says `length`, with `value` behind it.
Bytes avp_of_length(std::uint16_t length, const Bytes& value) {
  Bytes out = avp(AvpType::vendor_name, value);
  ByteWriter(out).patch_u16(0, static_cast<std::uint16_t>(0x8000 | length));
  return out;
}

TEST(L2tp, PeersSection4Row1_AccelHeaderLength) {
  const Bytes whole = sccrq();
  for (std::uint16_t length = 0; length < 12; ++length) {
    Bytes datagram = whole;
    ByteWriter(datagram).patch_u16(2, length);
    EXPECT_FALSE(decode_control(datagram)) << length;
  }
  for (const std::size_t length : {whole.size() + 1, std::size_t{0xffff}}) {
    Bytes datagram = whole;
    ByteWriter(datagram).patch_u16(2, static_cast<std::uint16_t>(length));
    ASSERT_FALSE(decode_control(datagram));
    EXPECT_EQ(decode_control(datagram).error(), HeaderError::bad_length);
  }
}

TEST(L2tp, PeersSection4Row1_AccelAvpLength) {
  const Bytes value = text_value("abcd");
  for (std::uint16_t length = 0; length < 6; ++length)
    EXPECT_EQ(decoded(sccrq({avp_of_length(length, value)})).problem->kind, Kind::bad_avp_length)
        << length;
  EXPECT_FALSE(decoded(sccrq({avp_of_length(10, value)})).problem);
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{11, 500, 1023})
    EXPECT_EQ(decoded(sccrq({avp_of_length(length, value)})).problem->kind, Kind::bad_avp_length)
        << length;
}

TEST(L2tp, PeersSection4Row2_AccelHiddenLengthWithAWrongSecret) {
  const std::uint64_t seed = 9554;
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const Bytes secret = text_value("not the secret");
  // AVP lengths 6, 7, 8, 22 and 23 are empty, one octet, a bare length field, one block and more.
  for (const std::size_t size : {0u, 1u, 2u, 3u, 15u, 16u, 17u, 32u, 33u, 1017u}) {
    for (int round = 0; round < 500; ++round) {
      Bytes garbage(size);
      random.fill(garbage);
      const auto revealed = reveal(8, garbage, secret, Bytes{1});
      if (revealed) {
        EXPECT_LE(revealed->size() + 2, size);
      }
      const ControlMessage message =
          decoded(sccrq({avp(AvpType::random_vector, {1}),
                         avp(AvpType::vendor_name, garbage, {false, true, 0}),
                         avp(AvpType::receive_window_size, u16_value(16))}),
                  {secret});
      EXPECT_FALSE(message.problem);
      EXPECT_EQ(message.receive_window_size, 16);  // what follows is still in step
      if (size < 2) {
        EXPECT_FALSE(message.vendor_name);
      }
    }
  }
}

TEST(L2tp, PeersSection4Row3_AccelLongestStrings) {
  const Bytes longest(kMaxAvpValue, 0xff);
  const ControlMessage message =
      decoded(icrq({avp(AvpType::called_number, longest), avp(AvpType::calling_number, longest),
                    avp(AvpType::sub_address, longest)}));
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.called_number->size(), kMaxAvpValue);
  EXPECT_EQ(message.calling_number->size(), kMaxAvpValue);
  EXPECT_EQ(decoded(encode(message)), message);
  for (const AvpText& text : describe(message)) EXPECT_LE(text.value.size(), 4u * 256 + 3);
}

TEST(L2tp, PeersSection4Row4_AccelUnalignedIntegers) {
  for (std::size_t odd = 0; odd < 9; ++odd) {
    const ControlMessage message =
        decoded(sccrq({avp(AvpType::vendor_name, Bytes(odd, 'v')),
                       avp(AvpType::bearer_capabilities, u32_value(0x01020304)),
                       avp(AvpType::tie_breaker, {1, 2, 3, 4, 5, 6, 7, 8})}));
    EXPECT_FALSE(message.problem);
    EXPECT_EQ(message.bearer_capabilities, 0x01020304u);
    EXPECT_EQ(message.tie_breaker, 0x0102030405060708u);
  }
}

// Decoding allocates for what is there, not for what is announced, and a ZLB or a data message is
// no message to open anything for.
TEST(L2tp, PeersSection4Row9_Xl2tpdGarbageLooksLikeNoMessage) {
  EXPECT_TRUE(decoded(encode_zlb(TunnelId(0), 0, 0)).is_zlb);
  ASSERT_FALSE(decode_control("0002 0000 0000 ff03"_hex));
  EXPECT_EQ(decode_control("0002 0000 0000 ff03"_hex).error(), HeaderError::not_control);
  EXPECT_FALSE(decode_header("c803 0014 0000 0000 0000 0000 8008 0000 0000 0001"_hex));
}

TEST(L2tp, PeersSection4Row10_Xl2tpdVendorIsPartOfTheKey) {
  const Bytes vector = avp(AvpType::random_vector, {1, 2, 3});
  const Bytes secret = text_value("secret");
  const ControlMessage plain = decoded(sccrq());
  for (std::uint16_t type = 0; type <= 110; ++type) {
    for (const bool hide_it : {false, true}) {
      const Bytes value =
          hide_it ? *hide(type, Bytes{0, 1}, secret, Bytes{1, 2, 3}, {}) : Bytes{0, 1};
      const AvpKey key{9, type};
      ControlMessage optional =
          decoded(sccrq({vector, avp(key, value, {false, hide_it, 0})}), {secret});
      ASSERT_EQ(optional.others.size(), 1u) << type;
      EXPECT_EQ(optional.others[0].key, key);
      EXPECT_EQ(optional.others[0].value, (Bytes{0, 1}));
      optional.others.clear();
      EXPECT_EQ(optional, plain) << "vendor AVP " << type << " changed the message";
      EXPECT_EQ(decoded(sccrq({vector, avp(key, value, {true, hide_it, 0})}), {secret}).problem,
                (Problem{Kind::unknown_mandatory_avp, Scope::tunnel, key}));
    }
  }
}

TEST(L2tp, PeersSection4Row11_Xl2tpdUnknownMessageTypes) {
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0, 5, 13, 17, 65535}) {
    const ControlMessage message =
        decoded(control({message_type(type, kOptional), avp(AvpKey{9, 1}, {})}));
    EXPECT_EQ(message.type, MessageType::none);
    EXPECT_EQ(message.unknown_type, type);
    EXPECT_EQ(name(message.type), "none");
    EXPECT_TRUE(describe(message).empty());
  }
}

// A message of type 0 is neither a ZLB nor a message that anything may act on.
TEST(L2tp, PeersSection4Row12_Xl2tpdMessageTypeZero) {
  for (const bool mandatory : {false, true}) {
    const ControlMessage message = decoded(control({message_type(0, {mandatory, false, 0})}));
    EXPECT_FALSE(message.is_zlb);
    EXPECT_EQ(message.type, MessageType::none);
    EXPECT_EQ(message.unknown_type, 0);
    EXPECT_EQ(message.problem.has_value(), mandatory);
  }
}

TEST(L2tp, PeersSection4Row14_Xl2tpdTrailingOctets) {
  for (std::size_t count = 1; count < 6; ++count) {
    const ControlMessage message = decoded(sccrq({Bytes(count, 0x80)}));
    EXPECT_EQ(message.problem->kind, Kind::bad_avp_length) << count;
    EXPECT_EQ(message.assigned_tunnel_id, TunnelId(4242)) << count;
  }
}

TEST(L2tp, PeersSection4Row17_L2tpdLongVendorField) {
  const Bytes longest(kMaxAvpValue, '%');
  const ControlMessage message = decoded(sccrq({avp(AvpType::vendor_name, longest, kOptional)}));
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.vendor_name->size(), kMaxAvpValue);
  for (const AvpText& text : describe(message)) EXPECT_LE(text.value.size(), 4u * 256 + 3);
}

TEST(L2tp, PeersSection4Row20_GoL2tpUnknownOptionalThenValid) {
  const ControlMessage message =
      decoded(sccrq({avp(AvpKey{2352, 9}, Bytes(33, 0x80), kOptional),
                     avp(AvpType::receive_window_size, u16_value(800))}));
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.receive_window_size, 800);
  EXPECT_EQ(message.assigned_tunnel_id, TunnelId(4242));
}

}  // namespace
}  // namespace l2tpm::wire
