#include "daemon/address_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "config/parse_value.h"

namespace l2tpm::daemon {
namespace {

std::vector<config::AddressRange> ranges(std::initializer_list<const char*> texts) {
  std::vector<config::AddressRange> out;
  for (const auto* text : texts) out.push_back(*config::parse_range(text));
  return out;
}
IpAddress ip(const char* text) { return *IpAddress::parse(text); }
std::string next(AddressPool& pool, std::string_view user) {
  const auto address = pool.allocate(user);
  return address ? address->to_string() : "none";
}

TEST(AddressPool, GivesEachOnceAndThenNone) {
  AddressPool pool(ranges({"10.0.0.1-10.0.0.3", "10.0.1.1"}), ranges({"10.0.0.2"}), {});
  EXPECT_EQ(next(pool, "a"), "10.0.0.1");
  EXPECT_EQ(next(pool, "b"), "10.0.0.3");
  EXPECT_EQ(next(pool, "c"), "10.0.1.1");
  EXPECT_EQ(next(pool, "d"), "none");
  EXPECT_EQ(pool.in_use(), 3u);
  EXPECT_EQ(pool.size(), 4u);
  pool.release(ip("10.0.0.3"));
  pool.release(ip("10.0.0.3"));
  pool.release(ip("10.9.9.9"));
  EXPECT_EQ(pool.in_use(), 2u);
  EXPECT_EQ(next(pool, "d"), "10.0.0.3");
}

TEST(AddressPool, AUserGetsTheSameAgain) {
  AddressPool pool(ranges({"10.0.0.1-10.0.0.4"}), {}, {});
  EXPECT_EQ(next(pool, "a"), "10.0.0.1");
  EXPECT_EQ(next(pool, "b"), "10.0.0.2");
  pool.release(ip("10.0.0.1"));
  pool.release(ip("10.0.0.2"));
  // Never used ones come before those of others.
  EXPECT_EQ(next(pool, "c"), "10.0.0.3");
  EXPECT_EQ(next(pool, "b"), "10.0.0.2");
  // A second session of the same user gets another one.
  EXPECT_EQ(next(pool, "b"), "10.0.0.4");
  // When nothing else is left, a's goes; a is then a newcomer.
  EXPECT_EQ(next(pool, "d"), "10.0.0.1");
  EXPECT_EQ(next(pool, "a"), "none");
  pool.release(ip("10.0.0.1"));
  pool.release(ip("10.0.0.3"));
  EXPECT_EQ(next(pool, ""), "10.0.0.1");
}

TEST(AddressPool, FixedAddressesAreTheirUsersOnly) {
  AddressPool pool(ranges({"10.0.0.1-10.0.0.2"}), {}, {ip("10.0.0.1"), ip("192.0.2.9")});
  EXPECT_EQ(next(pool, "a"), "10.0.0.2");
  EXPECT_EQ(next(pool, "b"), "none");
  EXPECT_TRUE(pool.take(ip("10.0.0.1")));
  EXPECT_FALSE(pool.take(ip("10.0.0.1")));
  EXPECT_TRUE(pool.take(ip("192.0.2.9")));
  pool.release(ip("10.0.0.1"));
  pool.release(ip("192.0.2.9"));
  EXPECT_EQ(next(pool, "b"), "none");
  EXPECT_TRUE(pool.take(ip("10.0.0.1")));
  EXPECT_FALSE(pool.take(ip("::1")));
}

TEST(AddressPool, AReloadKeepsWhatIsInUse) {
  AddressPool pool(ranges({"10.0.0.1-10.0.0.3"}), {}, {});
  EXPECT_EQ(next(pool, "a"), "10.0.0.1");
  EXPECT_EQ(next(pool, "b"), "10.0.0.2");
  pool.release(ip("10.0.0.2"));
  pool.reconfigure(ranges({"10.0.0.3-10.0.0.4"}), {}, {});
  EXPECT_FALSE(pool.take(ip("10.0.0.1")));
  EXPECT_EQ(next(pool, "b"), "10.0.0.3");
  EXPECT_EQ(next(pool, "c"), "10.0.0.4");
  EXPECT_EQ(next(pool, "d"), "none");
  pool.release(ip("10.0.0.1"));
  EXPECT_EQ(next(pool, "a"), "none");
}

TEST(AddressPool, ALargePoolCostsNothingUntilUsed) {
  AddressPool pool(ranges({"10.0.0.0/8"}), ranges({"10.0.0.1-10.200.0.0"}), {});
  EXPECT_EQ(next(pool, "a"), "10.200.0.1");
  EXPECT_EQ(pool.size(), (1u << 24) - 2);
}

// Against a plain model: random users come and go, nobody shares, nothing is lost.
TEST(AddressPool, RandomComingsAndGoings) {
  SeededRandom random(20261122);
  AddressPool pool(ranges({"10.0.0.1-10.0.0.50"}), ranges({"10.0.0.10-10.0.0.19"}), {});
  std::vector<IpAddress> held;
  for (int step = 0; step < 20000; ++step) {
    if (random.below(2) == 0) {
      const auto address = pool.allocate("user" + std::to_string(random.below(60)));
      ASSERT_EQ(address.has_value(), held.size() < 40);
      if (address) {
        ASSERT_TRUE(pool.contains(*address));
        ASSERT_EQ(std::count(held.begin(), held.end(), *address), 0);
        held.push_back(*address);
      }
    } else if (!held.empty()) {
      const std::size_t at = random.below(static_cast<std::uint32_t>(held.size()));
      pool.release(held[at]);
      held.erase(held.begin() + static_cast<long>(at));
    }
    ASSERT_EQ(pool.in_use(), held.size());
  }
}

TEST(InterfaceIdPool, RangesAndRandomOnes) {
  SeededRandom random(7);
  InterfaceIdPool few(config::InterfaceIdRange{5, 8}, {});
  EXPECT_TRUE(few.take(6));
  EXPECT_FALSE(few.take(6));
  EXPECT_FALSE(few.take(0));
  EXPECT_TRUE(few.take(100));
  std::set<std::uint64_t> got;
  for (int i = 0; i < 3; ++i) got.insert(few.allocate(random).value_or(0));
  EXPECT_EQ(got, (std::set<std::uint64_t>{5, 7, 8}));
  EXPECT_EQ(few.allocate(random), std::nullopt);
  few.release(7);
  EXPECT_EQ(few.allocate(random), 7u);
  InterfaceIdPool any(std::nullopt, {});
  for (int i = 0; i < 1000; ++i) {
    const auto id = any.allocate(random);
    ASSERT_TRUE(id && *id != 0);
    ASSERT_EQ(*id & 0x0200'0000'0000'0000u, 0u);
  }
  EXPECT_EQ(any.in_use(), 1000u);
}

TEST(InterfaceIdPool, FixedOnesAreTheirUsersOnly) {
  SeededRandom random(7);
  InterfaceIdPool pool(config::InterfaceIdRange{5, 8}, {6, 8, 100});
  std::set<std::uint64_t> got;
  for (int i = 0; i < 2; ++i) got.insert(pool.allocate(random).value_or(0));
  EXPECT_EQ(got, (std::set<std::uint64_t>{5, 7}));
  EXPECT_EQ(pool.allocate(random), std::nullopt);
  EXPECT_TRUE(pool.take(6));
  EXPECT_FALSE(pool.take(6));
  EXPECT_TRUE(pool.take(100));
  pool.reconfigure(config::InterfaceIdRange{5, 8}, {6});
  EXPECT_EQ(pool.allocate(random), 8u);
}

}  // namespace
}  // namespace l2tpm::daemon
