#include "crypto/digest.h"

#include <gtest/gtest.h>

namespace l2tpm::crypto {
namespace {

struct Vector {
  std::string message;
  std::string digest;
};

TEST(Md4, Rfc1320TestSuite) {
  for (const Vector& v : {
           Vector{"",                           "31d6cfe0d16ae931b73c59d7e0c089c0"},
           Vector{"a",                          "bde52cb31de33e46245e05fbdbd6fb24"},
           Vector{"abc",                        "a448017aaf21d8525fc10ae87aa6729d"},
           Vector{"message digest",             "d9130a8164549fe818874806e1c7014b"},
           Vector{"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"}
  })
    EXPECT_EQ(to_hex(md4({as_bytes(v.message)})), v.digest) << v.message;
}

TEST(Md5, Rfc1321TestSuite) {
  for (const Vector& v : {
           Vector{"",                           "d41d8cd98f00b204e9800998ecf8427e"},
           Vector{"a",                          "0cc175b9c0f1b6a831c399e269772661"},
           Vector{"abc",                        "900150983cd24fb0d6963f7d28e17f72"},
           Vector{"message digest",             "f96b697d7cb7938d525a2f31aaf161d0"},
           Vector{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"}
  })
    EXPECT_EQ(to_hex(md5({as_bytes(v.message)})), v.digest) << v.message;
}

TEST(Sha1, Rfc3174TestSuite) {
  EXPECT_EQ(to_hex(sha1({as_bytes("abc")})), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1({as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")})),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(Digests, PartsAreConcatenated) {
  EXPECT_EQ(md5({as_bytes("mess"), {}, as_bytes("age digest")}), md5({as_bytes("message digest")}));
  EXPECT_EQ(md4({as_bytes("ab"), as_bytes("c")}), md4({as_bytes("abc")}));
  EXPECT_EQ(sha1({as_bytes("ab"), as_bytes("c")}), sha1({as_bytes("abc")}));
}

TEST(Hmac, Rfc2202TestCases) {
  const Bytes key_md5(16, 0x0b);
  EXPECT_EQ(to_hex(hmac_md5(key_md5, {as_bytes("Hi There")})), "9294727a3638bb1c13f48ef8158bfc9d");
  EXPECT_EQ(
      to_hex(hmac_md5(as_bytes("Jefe"), {as_bytes("what do ya want "), as_bytes("for nothing?")})),
      "750c783e6ab0b503eaa86e310a5db738");
  const Bytes long_key(80, 0xaa);
  const auto text = as_bytes("Test Using Larger Than Block-Size Key - Hash Key First");
  EXPECT_EQ(to_hex(hmac_md5(long_key, {text})), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
  const Bytes key_sha1(20, 0x0b);
  EXPECT_EQ(to_hex(hmac_sha1(key_sha1, {as_bytes("Hi There")})),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(to_hex(hmac_sha1(long_key, {text})), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

}  // namespace
}  // namespace l2tpm::crypto
