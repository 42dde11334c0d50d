#include "crypto/cipher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/hex.h"

namespace l2tpm::crypto {
namespace {

using testing::operator""_hex;

template <std::size_t N>
std::array<std::uint8_t, N> array_of(const Bytes& bytes) {
  std::array<std::uint8_t, N> out{};
  EXPECT_EQ(bytes.size(), N);
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), out.begin());
  return out;
}

// RFC 2433 §B: the LAN Manager hash of "MyPw" is DES of "KGS!@#$%" under the upper-case password,
// seven octets at a time.
TEST(Des, LanManagerHashOfRfc2433) {
  const auto magic = array_of<8>("4b 47 53 21 40 23 24 25"_hex);
  EXPECT_EQ(to_hex(des_ecb_encrypt(array_of<7>("4d 59 50 57 00 00 00"_hex), magic)),
            "75ba30198e6d1975");
  EXPECT_EQ(to_hex(des_ecb_encrypt(array_of<7>("00 00 00 00 00 00 00"_hex), magic)),
            "aad3b435b51404ee");
}

// RFC 2759 §9.2: challenge hash D02E4386BCE91226 under the password hash of "clientPass" gives the
// first 24 octets of the NT-Response.
TEST(Des, NtResponseOfRfc2759) {
  const auto challenge = array_of<8>("d0 2e 43 86 bc e9 12 26"_hex);
  EXPECT_EQ(to_hex(des_ecb_encrypt(array_of<7>("44 eb ba 8d 53 12 b8"_hex), challenge)),
            "82309ecd8d708b5e");
  EXPECT_EQ(to_hex(des_ecb_encrypt(array_of<7>("d6 11 47 44 11 f5 69"_hex), challenge)),
            "a08faa3981cd8354");
  EXPECT_EQ(to_hex(des_ecb_encrypt(array_of<7>("89 ae 00 00 00 00 00"_hex), challenge)),
            "4233114a3d85d6df");
}

}  // namespace
}  // namespace l2tpm::crypto
