// Readable values: every form, its neighbours, and what must be refused.
#include <gtest/gtest.h>

#include "config/object_reader.h"
#include "config/parse_value.h"

namespace l2tpm::config {
namespace {

TEST(Values, Durations) {
  EXPECT_EQ(parse_duration("0"), Duration::zero());
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("2d"), 48h);
  for (const auto* bad : {"", "5", "-5s", "5 s", "s", "5m1h", "1s1s", "5x", "1.5s", "400d",
                          "99999999999999999999s", "9223372036854775807d", "+5s"})
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  for (const auto* text : {"0", "250ms", "1h30m", "1d", "2m5s"})
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
}

TEST(Values, Ranges) {
  const auto text = [](std::string_view in) {
    const auto range = parse_range(in);
    return range ? range->to_string() : "refused";
  };
  EXPECT_EQ(text("10.0.0.10-10.0.0.250"), "10.0.0.10-10.0.0.250");
  EXPECT_EQ(text("10.0.0.7"), "10.0.0.7");
  EXPECT_EQ(text("10.0.0.0/24"), "10.0.0.1-10.0.0.254");
  EXPECT_EQ(text("10.0.0.4/31"), "10.0.0.4-10.0.0.5");
  EXPECT_EQ(text("10.0.0.4/32"), "10.0.0.4");
  EXPECT_EQ(text("255.255.255.0/24"), "255.255.255.1-255.255.255.254");
  for (const auto* bad : {"", "10.0.0.9-10.0.0.1", "10.0.0.1/24", "0.0.0.0/0", "::1-::2", "a-b",
                          "10.0.0.1-", "-10.0.0.1"})
    EXPECT_EQ(text(bad), "refused") << bad;
}

TEST(Values, InterfaceIds) {
  EXPECT_EQ(parse_interface_id("0:0:0:1"), 1u);
  EXPECT_EQ(parse_interface_id("::1"), 1u);
  EXPECT_EQ(parse_interface_id("200:5efe:c000:201"), 0x02005efec0000201u);
  for (const auto* bad : {"", "0:0:0:0", "::", "1", "1:2:3", "1:2:3:4:5", "12345:0:0:1", "0:0:0:g",
                          "2001:db8::1", "0:0:0:", ":0:0:1"})
    EXPECT_EQ(parse_interface_id(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_interface_id_range("0:0:0:1-0:0:0:ff"), (InterfaceIdRange{1, 255}));
  EXPECT_EQ(parse_interface_id_range("0:0:0:2-0:0:0:1"), std::nullopt);
}

TEST(Values, HostsAndNames) {
  for (const auto* good : {"lns.example.net", "192.0.2.1", "2001:db8::1", "a", "lns-1.example.net.",
                           "1host", "_l2tp.example"})
    EXPECT_TRUE(is_host(good)) << good;
  for (const auto* bad : {"", ".", "10.0.0", "300.1.1.1", "-a", "a-", "a..b", "a b", "[::1]",
                          "host:1701", "h\xc3\xb6st"})
    EXPECT_FALSE(is_host(bad)) << bad;
  EXPECT_TRUE(is_interface_name("l2tp-work"));
  for (const auto* bad : {"", ".", "..", "a/b", "a b", "0123456789abcdef", "a:1", "ppp%d"})
    EXPECT_FALSE(is_interface_name(bad)) << bad;
  EXPECT_TRUE(is_name("branch-7.hq_2"));
  for (const auto* bad : {"", ".x", "-x", "a/b", "..", "a b"}) EXPECT_FALSE(is_name(bad)) << bad;
}

TEST(Values, Globs) {
  EXPECT_TRUE(glob_match("branch-*", "Branch-7"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "x"));
  EXPECT_FALSE(glob_match("branch-*", "branch"));
  EXPECT_FALSE(glob_match("a*b", "abc"));
}

TEST(Values, NearestFindsSlipsAndNothingElse) {
  const std::vector<std::string_view> keys = {"password", "peer", "hello", "host-name", "mru"};
  EXPECT_EQ(nearest("pasword", keys), "password");
  EXPECT_EQ(nearest("passwrod", keys), "password");
  EXPECT_EQ(nearest("Host_Name", keys), "host-name");
  EXPECT_EQ(nearest("mtu", keys), "mru");
  EXPECT_EQ(nearest("colour", keys), "");
  EXPECT_EQ(nearest(std::string(100000, 'p'), keys), "");
}

}  // namespace
}  // namespace l2tpm::config
