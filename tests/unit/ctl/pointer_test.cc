#include "ctl/pointer.h"

#include <gtest/gtest.h>

namespace l2tpm::ctl {
namespace {

const Json kProfile = Json::parse(R"({"kind":"client","peers":["a",{"host":"b"}],
  "ppp":{"user":"alice","password":{"$secret":"***"},"mru":1400},"routes":{"add":["10.0.0.0/8"]}})");

// The merge patch of one assignment; the same change is in `profile`.
std::string patch(const std::string& pointer, const std::string& word, Json profile = kProfile) {
  Json merge = Json::object();
  const Json before = profile;
  const auto done = set_at(profile, merge, pointer, value_of(profile, pointer, word));
  if (!done) return done.error();
  Json patched = before;
  patched.merge_patch(merge);
  EXPECT_EQ(patched, profile) << pointer << " " << word;
  return merge.dump();
}

TEST(Pointer, SetsAValue) {
  EXPECT_EQ(patch("/ppp/mru", "1300"), R"({"ppp":{"mru":1300}})");
  EXPECT_EQ(patch("/autostart", "true"), R"({"autostart":true})");
  EXPECT_EQ(patch("/tunnel/host-name", "branch"), R"({"tunnel":{"host-name":"branch"}})");
  EXPECT_EQ(patch("/ppp/mppe", R"({"mode":"require"})"), R"({"ppp":{"mppe":{"mode":"require"}}})");
}

TEST(Pointer, TextStaysText) {
  EXPECT_EQ(patch("/ppp/user", "4711"), R"({"ppp":{"user":"4711"}})");
  EXPECT_EQ(patch("/ppp/user", "true"), R"({"ppp":{"user":"true"}})");
  EXPECT_EQ(patch("/ppp/user", "\"0x\""), R"({"ppp":{"user":"0x"}})");
  EXPECT_EQ(patch("/ppp/user", ""), R"({"ppp":{"user":""}})");
}

TEST(Pointer, NullRemoves) {
  EXPECT_EQ(patch("/ppp/mru", "null"), R"({"ppp":{"mru":null}})");
  EXPECT_EQ(patch("/routes/add/0", "null"), R"({"routes":{"add":[]}})");
}

TEST(Pointer, ThroughAListThePatchHasAllOfIt) {
  EXPECT_EQ(patch("/peers/0", "c"), R"({"peers":["c",{"host":"b"}]})");
  EXPECT_EQ(patch("/peers/1/port", "1702"), R"({"peers":["a",{"host":"b","port":1702}]})");
  EXPECT_EQ(patch("/routes/add/-", "192.0.2.0/24"),
            R"({"routes":{"add":["10.0.0.0/8","192.0.2.0/24"]}})");
  EXPECT_EQ(patch("/peers/3", "c"), "/peers/3: the list there has 2 elements, the first is 0");
  EXPECT_NE(patch("/peers/x", "c").find("the list there"), std::string::npos);
}

TEST(Pointer, SeveralChangesMakeOnePatch) {
  Json profile = kProfile;
  Json merge = Json::object();
  ASSERT_TRUE(set_at(profile, merge, "/ppp/mru", 1300));
  ASSERT_TRUE(set_at(profile, merge, "/ppp/mtu", 1300));
  ASSERT_TRUE(set_at(profile, merge, "/routes/add/-", "a"));
  ASSERT_TRUE(set_at(profile, merge, "/routes/add/-", "b"));
  EXPECT_EQ(merge.dump(),
            R"({"ppp":{"mru":1300,"mtu":1300},"routes":{"add":["10.0.0.0/8","a","b"]}})");
}

TEST(Pointer, EscapesAreUnderstood) {
  EXPECT_EQ(patch("/a~1b/c~0d", "1"), R"({"a/b":{"c~d":1}})");
  for (const char* wrong : {"", "/", "ppp/mru", "/a~2", "/a~"})
    EXPECT_NE(patch(wrong, "1").find("is no JSON pointer"), std::string::npos) << wrong;
}

TEST(MergePatch, MakesTheSecondOfTheFirst) {
  Json after = kProfile;
  after["ppp"].erase("user");
  after["ppp"]["mru"] = 1300;
  after["peers"].push_back("c");
  const Json merge = merge_patch(kProfile, after);
  EXPECT_EQ(merge.dump(), R"({"peers":["a",{"host":"b"},"c"],"ppp":{"user":null,"mru":1300}})");
  Json patched = kProfile;
  patched.merge_patch(merge);
  EXPECT_EQ(patched, after);
  EXPECT_TRUE(merge_patch(kProfile, kProfile).empty());
}

TEST(Differences, AreLinesAndNoSecrets) {
  Json file = kProfile;
  file["ppp"]["password"] = "written into the file";
  file["ppp"]["mru"] = 1300;
  file["peers"].erase(1);
  file["interface"] = "l2tp";
  EXPECT_EQ(differences(file, kProfile),
            (std::vector<std::string>{"+/peers/1: {\"host\":\"b\"}", "-/ppp/mru: 1300",
                                      "+/ppp/mru: 1400", "-/interface: \"l2tp\""}));
}

}  // namespace
}  // namespace l2tpm::ctl
