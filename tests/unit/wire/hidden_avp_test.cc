#include "wire/hidden_avp.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "support/hex.h"

namespace l2tpm::wire {
namespace {

using testing::vector_file;
using testing::operator""_hex;

Bytes octets(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Bytes random_bytes(SeededRandom& random, std::size_t size) {
  Bytes out(size);
  random.fill(out);
  return out;
}

// One block, and three with padding; computed by a second implementation (see the files).
TEST(HiddenAvp, Vectors) {
  const Bytes secret = octets("secret");
  const Bytes vector = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"_hex;
  EXPECT_EQ(hide(9, "10 92"_hex, secret, vector, {}), vector_file("hidden_assigned_tunnel_id"));
  EXPECT_EQ(hide(22, octets("0123456789012345678901234567890123456789"), secret, vector,
                 "f0 f1 f2 f3 f4 f5"_hex),
            vector_file("hidden_calling_number"));
  EXPECT_EQ(reveal(9, vector_file("hidden_assigned_tunnel_id"), secret, vector), "10 92"_hex);
  EXPECT_EQ(reveal(22, vector_file("hidden_calling_number"), secret, vector),
            octets("0123456789012345678901234567890123456789"));
}

TEST(HiddenAvp, RoundTripAtEveryLength) {
  SeededRandom random(2661);
  for (std::size_t size = 0; size + 2 <= kMaxAvpValue; size += size < 70 ? 1 : 31) {
    const Bytes value = random_bytes(random, size);
    const Bytes secret = random_bytes(random, 1 + size % 40);
    const Bytes vector = random_bytes(random, 1 + size % 33);
    const auto hidden = hide(static_cast<std::uint16_t>(size), value, secret, vector, {});
    ASSERT_TRUE(hidden);
    EXPECT_EQ(hidden->size(), size + 2);
    EXPECT_EQ(reveal(static_cast<std::uint16_t>(size), *hidden, secret, vector), value) << size;
  }
}

TEST(HiddenAvp, TooLongToHide) {
  const Bytes secret = octets("s");
  EXPECT_TRUE(hide(1, Bytes(kMaxAvpValue - 2), secret, secret, {}));
  EXPECT_FALSE(hide(1, Bytes(kMaxAvpValue - 1), secret, secret, {}));
  EXPECT_FALSE(hide(1, Bytes(kMaxAvpValue - 10), secret, secret, Bytes(9)));
  EXPECT_FALSE(hide(1, Bytes(100'000), secret, secret, {}));
}

TEST(HiddenAvp, AttributeSecretAndVectorAllCount) {
  const Bytes secret = octets("secret");
  const Bytes vector = "0102030405060708"_hex;
  const Bytes value(100, 0x41);
  const Bytes hidden = *hide(7, value, secret, vector, {});
  EXPECT_EQ(reveal(7, hidden, secret, vector), value);
  EXPECT_NE(reveal(8, hidden, secret, vector), value);
  EXPECT_NE(reveal(7, hidden, octets("Secret"), vector), value);
  EXPECT_NE(reveal(7, hidden, secret, "0102030405060709"_hex), value);
}

TEST(HiddenAvp, CutAtEveryLength) {
  const Bytes secret = octets("secret");
  const Bytes vector(16, 7);
  const Bytes hidden = *hide(26, Bytes(60, 0x55), secret, vector, {});
  for (std::size_t size = 0; size < hidden.size(); ++size)
    EXPECT_FALSE(reveal(26, ByteView(hidden).first(size), secret, vector)) << size;
}

}  // namespace
}  // namespace l2tpm::wire
