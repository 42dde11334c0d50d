#include "ppp/mppe_keys.h"

#include <gtest/gtest.h>

#include "ppp/mschap_hash.h"
#include "support/hex.h"
#include "support/mppe_session_keys.h"

namespace l2tpm::ppp {
namespace {

using testing::initial_session_key;
using testing::next_session_key;
using testing::operator""_hex;

const Secret kPassword{std::string_view("clientPass")};

Bytes octets(ByteView view) { return Bytes(view.begin(), view.end()); }

// What RFC 3079 enciphers with each sample key.
Bytes sample_message(ByteView session_key) {
  Bytes text = octets(as_bytes("test message"));
  testing::rc4(session_key, text);
  return text;
}

MppeKeys sample_v2_keys(bool is_authenticator) {
  const Secret hash = nt_password_hash(kPassword);
  const NtResponse response = mschapv2_response(
      "5B5D7C7D7B3F2F3E3C2C602132262628"_hex, "21402324255E262A28295F2B3A337C7E"_hex, "User", hash);
  return mschapv2_keys(hash_of_hash(hash).octets(), response, is_authenticator);
}

MppeKeys sample_v1_keys() {
  const Secret hash = nt_password_hash(kPassword);
  return mschap_keys(hash_of_hash(hash).octets(), "102DB5DF085D3041"_hex,
                     lm_password_hash(kPassword).octets());
}

// RFC 3079 §3.5.1: 40 bit.
TEST(MppeKeys, Rfc3079Section3_5_1) {
  const Secret key = sample_v2_keys(true).start_key(MppeDirection::transmit, MppeStrength::bits_40);
  EXPECT_EQ(octets(key.octets()), "8B7CDC149B993A1B 0000000000000000"_hex);
  const Bytes session = initial_session_key(key.octets().first(8));
  EXPECT_EQ(session, "D1269EC49FA62E3E"_hex);
  EXPECT_EQ(sample_message(session), "929137917E5803D668D75898"_hex);
}

// RFC 3079 §3.5.3: 128 bit.
TEST(MppeKeys, Rfc3079Section3_5_3) {
  const Secret key =
      sample_v2_keys(true).start_key(MppeDirection::transmit, MppeStrength::bits_128);
  EXPECT_EQ(octets(key.octets()), "8B7CDC149B993A1BA118CB153F56DCCB"_hex);
  const Bytes session = initial_session_key(key.octets());
  EXPECT_EQ(session, "405CB2247A7956E6E211007AE27B22D4"_hex);
  EXPECT_EQ(sample_message(session), "81848317DF68846272FB5ABE"_hex);
}

// RFC 3079 §2.5.1: MS-CHAPv1, 40 bit, from the LAN Manager hash.
TEST(MppeKeys, Rfc3079Section2_5_1) {
  const MppeKeys keys = sample_v1_keys();
  const Secret key = keys.start_key(MppeDirection::receive, MppeStrength::bits_40);
  EXPECT_EQ(octets(key.octets()), "76A152936096D783 0000000000000000"_hex);
  EXPECT_EQ(key, keys.start_key(MppeDirection::transmit, MppeStrength::bits_40));
  EXPECT_EQ(initial_session_key(key.octets().first(8)), "D1269E538CEC4A08"_hex);
}

// RFC 3079 §2.5.3: MS-CHAPv1, 128 bit.
TEST(MppeKeys, Rfc3079Section2_5_3) {
  const MppeKeys keys = sample_v1_keys();
  const Secret key = keys.start_key(MppeDirection::receive, MppeStrength::bits_128);
  // The RFC's step 3 misprints the eighth octet as CA; its own step 4 and session key have C1.
  EXPECT_EQ(octets(key.octets()), "A8947850CFC0ACC1D1789FB62DDCDDB0"_hex);
  EXPECT_EQ(key, keys.start_key(MppeDirection::transmit, MppeStrength::bits_128));
  EXPECT_EQ(initial_session_key(key.octets()), "59D159BC09F76F1DA2A86A28FFEC0B1E"_hex);
}

TEST(MppeKeys, WhatOneEndSendsTheOtherReceives) {
  const MppeKeys server = sample_v2_keys(true);
  const MppeKeys client = sample_v2_keys(false);
  for (const auto strength : {MppeStrength::bits_40, MppeStrength::bits_128}) {
    EXPECT_EQ(server.start_key(MppeDirection::transmit, strength),
              client.start_key(MppeDirection::receive, strength));
    EXPECT_EQ(server.start_key(MppeDirection::receive, strength),
              client.start_key(MppeDirection::transmit, strength));
  }
  EXPECT_FALSE(server.send == server.receive);
}

// RFC 3078 §7.3: after the change of key the 40-bit key has its fixed octets again.
TEST(MppeKeys, KeyChangeKeepsTheReducedOctets) {
  const Secret start =
      sample_v2_keys(true).start_key(MppeDirection::transmit, MppeStrength::bits_40);
  const ByteView key = start.octets().first(8);
  const Bytes first = initial_session_key(key);
  const Bytes second = next_session_key(key, first);
  EXPECT_NE(first, second);
  EXPECT_EQ(ByteReader(second).u16(), 0xd126);
  EXPECT_EQ(second[2], 0x9e);
}

TEST(MppeKeys, AbsentKeysAreAbsent) {
  const MppeKeys none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.has(MppeStrength::bits_40));
  EXPECT_FALSE(none.has(MppeStrength::bits_128));
  EXPECT_TRUE(none.start_key(MppeDirection::receive, MppeStrength::bits_128).empty());

  // A password without a LAN Manager hash: v1 has no 40-bit key then.
  const Bytes hash(16, 1);
  const MppeKeys no_lm = mschap_keys(hash, Bytes(8, 2), {});
  EXPECT_FALSE(no_lm.has(MppeStrength::bits_40));
  EXPECT_TRUE(no_lm.has(MppeStrength::bits_128));
}

}  // namespace
}  // namespace l2tpm::ppp
