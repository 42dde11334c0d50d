#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace l2tpm {
namespace {

// Small and large pieces, across the refills of the reserve: nothing is given twice and nothing is
// left as it was.
TEST(SystemRandom, GivesEveryPieceAnew) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(random.u64()).second);
    (void)random.u16();
  }
  std::vector<std::uint8_t> large(1000);
  random.fill(large);
  for (std::size_t at = 0; at + 8 <= large.size(); at += 8) {
    std::uint64_t value = 0;
    std::copy_n(large.begin() + static_cast<std::ptrdiff_t>(at), 8,
                reinterpret_cast<std::uint8_t*>(&value));
    EXPECT_NE(value, 0u);
    EXPECT_TRUE(seen.insert(value).second);
  }
}

}  // namespace
}  // namespace l2tpm
