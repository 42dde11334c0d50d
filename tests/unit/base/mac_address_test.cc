#include "base/mac_address.h"

#include <gtest/gtest.h>

#include <set>

namespace l2tpm {
namespace {

TEST(MacAddress, ReadsWhatItWrites) {
  for (const char* text : {"02:00:5e:10:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    const auto mac = MacAddress::parse(text);
    ASSERT_TRUE(mac) << text;
    EXPECT_EQ(mac->to_string(), text);
  }
  EXPECT_EQ(MacAddress::parse("0A-1b-2C-3d-4E-5f")->to_string(), "0a:1b:2c:3d:4e:5f");
  for (const char* text :
       {"", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "02:00:5e:10:00:0g", "0200:5e:10:00:01:0",
        "02:00-5e:10:00:01", "+2:00:5e:10:00:01", " 2:00:5e:10:00:01", "02.00.5e.10.00.01"})
    EXPECT_FALSE(MacAddress::parse(text)) << text;
}

TEST(MacAddress, WhatAnInterfaceMayHave) {
  EXPECT_TRUE(MacAddress::parse("02:00:00:00:00:01")->is_usable());
  EXPECT_FALSE(MacAddress::parse("01:00:5e:00:00:01")->is_usable());
  EXPECT_FALSE(MacAddress().is_usable());
}

TEST(MacAddress, FromTextIsStableLocalAndSpread) {
  EXPECT_EQ(MacAddress::from_text("machine/profile/wire").to_string(), "06:72:89:33:96:db");
  std::set<MacAddress> all;
  for (int i = 0; i < 10000; ++i) {
    const auto mac = MacAddress::from_text("wire" + std::to_string(i));
    EXPECT_TRUE(mac.is_usable());
    EXPECT_EQ(mac.octets()[0] & 3, 2);
    all.insert(mac);
  }
  EXPECT_EQ(all.size(), 10000u);
  EXPECT_TRUE(MacAddress::from_text("").is_usable());
}

}  // namespace
}  // namespace l2tpm
