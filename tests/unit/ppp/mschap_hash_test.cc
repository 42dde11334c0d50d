#include "ppp/mschap_hash.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "support/hex.h"

namespace l2tpm::ppp {
namespace {

using testing::operator""_hex;

const Secret kClientPass{std::string_view("clientPass")};

Bytes octets(const Secret& secret) { return Bytes(secret.octets().begin(), secret.octets().end()); }
template <std::size_t N>
Bytes octets(const std::array<std::uint8_t, N>& array) {
  return Bytes(array.begin(), array.end());
}

// RFC 2759 §9.2, step by step.
TEST(MsChapHash, Rfc2759Section9_2) {
  const Bytes authenticator = "5B5D7C7D7B3F2F3E3C2C602132262628"_hex;
  const Bytes peer = "21402324255E262A28295F2B3A337C7E"_hex;

  const Secret hash = nt_password_hash(kClientPass);
  EXPECT_EQ(octets(hash), "44EBBA8D5312B8D611474411F56989AE"_hex);
  EXPECT_EQ(octets(hash_of_hash(hash)), "41C00C584BD2D91C4017A2A12FA59F3F"_hex);
  EXPECT_EQ(octets(challenge_hash(peer, authenticator, "User")), "D02E4386BCE91226"_hex);
  const NtResponse response = mschapv2_response(authenticator, peer, "User", hash);
  EXPECT_EQ(octets(response), "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"_hex);
  EXPECT_EQ(mschapv2_authenticator_response(hash, response, peer, authenticator, "User"),
            "S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

// RFC 2759 §8.2: "the user name is the name without the domain".
TEST(MsChapHash, DomainIsNotHashed) {
  const Bytes authenticator = "5B5D7C7D7B3F2F3E3C2C602132262628"_hex;
  const Bytes peer = "21402324255E262A28295F2B3A337C7E"_hex;
  const Secret hash = nt_password_hash(kClientPass);
  const NtResponse plain = mschapv2_response(authenticator, peer, "User", hash);
  EXPECT_EQ(mschapv2_response(authenticator, peer, "BIGCO\\User", hash), plain);
  EXPECT_NE(mschapv2_response(authenticator, peer, "user", hash), plain);
  EXPECT_EQ(mschapv2_authenticator_response(hash, plain, peer, authenticator, "BIGCO\\User"),
            mschapv2_authenticator_response(hash, plain, peer, authenticator, "User"));
}

// RFC 2433 appendix B.
TEST(MsChapHash, Rfc2433AppendixB) {
  const Bytes challenge = "102DB5DF085D3041"_hex;
  const Secret password{std::string_view("MyPw")};
  const Secret hash = nt_password_hash(password);
  EXPECT_EQ(octets(hash), "FC156AF7EDCD6C0EDDE3337D427F4EAC"_hex);
  EXPECT_EQ(octets(challenge_response(challenge, hash)),
            "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"_hex);
  EXPECT_EQ(octets(lm_password_hash(password)), "75BA30198E6D1975AAD3B435B51404EE"_hex);
}

TEST(MsChapHash, PasswordsOfAnyOctetsBecomeUtf16) {
  const auto hash = [](std::string_view text) { return octets(nt_password_hash(Secret(text))); };
  // MD4 of nothing (RFC 1320 §A.5).
  EXPECT_EQ(hash(""), "31D6CFE0D16AE931B73C59D7E0C089C0"_hex);
  // A two-octet sequence, and the same letter as a lone Latin-1 octet.
  EXPECT_EQ(hash("\xc3\xa4"), hash("\xe4"));
  EXPECT_NE(hash("\xc3\xa4"), hash("a"));
  // Overlong, surrogate, cut short, past the end of Unicode: octet by octet, no two alike.
  const std::vector<std::string> malformed = {"\xc0\xaf", "\xed\xa0\x80", "\xe2\x82",
                                              "\xf4\x90\x80\x80", "\xff"};
  for (const auto& a : malformed)
    for (const auto& b : malformed) EXPECT_EQ(hash(a) == hash(b), &a == &b);
  // Above U+FFFF: a surrogate pair, four octets.
  EXPECT_NE(hash("\xf0\x9f\x94\x91"), hash("?"));
  EXPECT_EQ(hash(std::string(1024, 'x')).size(), 16u);
}

// Known value: the pair D83D DD11 in UTF-16LE through MD4 is that of the same octets as Latin-1
// characters would be, were they one octet each; checked against the block itself.
TEST(MsChapHash, SurrogatePairIsLittleEndian) {
  EXPECT_EQ(octets(nt_password_hash(Secret(std::string_view("\xf0\x9f\x94\x91")))),
            octets(Secret(crypto::md4({"3DD811DD"_hex}))));
}

TEST(MsChapHash, LanManagerHashNeedsAsciiAndFourteenOctets) {
  EXPECT_EQ(octets(lm_password_hash(kClientPass)), "76A152936096D7830E2390227404AFD2"_hex);
  EXPECT_EQ(lm_password_hash(kClientPass),
            lm_password_hash(Secret(std::string_view("CLIENTPASS"))));
  EXPECT_FALSE(lm_password_hash(Secret(std::string_view("12345678901234"))).empty());
  EXPECT_TRUE(lm_password_hash(Secret(std::string_view("123456789012345"))).empty());
  EXPECT_TRUE(lm_password_hash(Secret(std::string_view("p\xc3\xa4ss"))).empty());
}

TEST(MsChapHash, FailureText) {
  const auto full = parse_mschap_failure("E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=No!");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->error, 691u);
  EXPECT_TRUE(full->retry_allowed);
  EXPECT_EQ(full->message, "No!");

  const auto bare = parse_mschap_failure("E=648 R=0");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->error, 648u);
  EXPECT_FALSE(bare->retry_allowed);
  EXPECT_EQ(bare->message, "");

  const auto hostile = parse_mschap_failure("E=691 M=a\x1b[31m E=1 \n");
  ASSERT_TRUE(hostile);
  EXPECT_EQ(hostile->error, 691u);
  EXPECT_EQ(hostile->message, "a\\x1b[31m E=1 \\x0a");

  for (const std::string_view text :
       {"", " ", "E=", "E=x", "E=69x", "E=99999999999", "Access denied", "M=E=691", "R=1 V=3"})
    EXPECT_FALSE(parse_mschap_failure(text)) << text;
}

}  // namespace
}  // namespace l2tpm::ppp
