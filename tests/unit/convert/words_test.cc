#include "convert/words.h"

#include <gtest/gtest.h>

#include "convert/keyfile.h"
#include "convert/result.h"

namespace l2tpm::convert {
namespace {

std::vector<std::vector<std::string>> words_of(std::string_view text) {
  std::vector<std::vector<std::string>> result;
  for (const WordLine& line : pppd_words(text)) result.push_back(line.words);
  return result;
}

TEST(PppdWords, QuotesBackslashesAndComments) {
  using Lines = std::vector<std::vector<std::string>>;
  EXPECT_EQ(words_of("mtu 1400 # comment\n\nnoauth\n"), (Lines{
                                                            {"mtu", "1400"},
                                                            {"noauth"    }
  }));
  EXPECT_EQ(words_of("user \"DOMAIN\\\\alice\" 'two words'"),
            (Lines{
                {"user", "DOMAIN\\alice", "two words"}
  }));
  EXPECT_EQ(words_of("a\\\nb c\nd#e"), (Lines{
                                           {"ab", "c"},
                                           {"d#e"   }
  }));
  EXPECT_EQ(words_of("\"\" x"), (Lines{
                                    {"", "x"}
  }));
  EXPECT_EQ(words_of("\"open"), (Lines{{"open"}}));
  EXPECT_EQ(words_of("  \t\n# only\n"), Lines{});
}

TEST(PppdWords, KnowTheirLines) {
  const auto lines = pppd_words("# one\nnoauth\n\nname \"a\nb\"\nmtu 1\n");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].line, 2u);
  EXPECT_EQ(lines[1].line, 4u);
  EXPECT_EQ(lines[2].line, 6u);
}

TEST(Xl2tpdSections, KeysAreFoldedValuesAreNot) {
  const Sections parsed = parse_sections(
      "stray = 1\n; comment\n[Global]\nListen-Addr = 192.0.2.1 ; here\n[lns  My Office]\n"
      "ip  RANGE = 10.0.0.1-10.0.0.9\nno sense\n[lac open\n");
  ASSERT_EQ(parsed.sections.size(), 3u);
  EXPECT_EQ(parsed.sections[0].kind, "global");
  EXPECT_EQ(parsed.sections[0].settings[0].key, "listen-addr");
  EXPECT_EQ(parsed.sections[0].settings[0].value, "192.0.2.1");
  EXPECT_EQ(parsed.sections[0].settings[0].line, 4u);
  EXPECT_EQ(parsed.sections[1].name, "My Office");
  EXPECT_EQ(parsed.sections[1].settings[0].key, "ip range");
  EXPECT_EQ(parsed.bad_lines, (std::vector<unsigned>{1, 7, 8}));
}

TEST(AddressSpans, AllTheirForms) {
  EXPECT_EQ(parse_span("10.0.0.5")->last.to_string(), "10.0.0.5");
  EXPECT_EQ(parse_span("10.0.0.5 - 10.0.1.9")->last.to_string(), "10.0.1.9");
  EXPECT_EQ(parse_span("10.0.0.5-20")->last.to_string(), "10.0.0.20");
  for (const char* bad :
       {"", "-", "10.0.0.9-10.0.0.5", "a-b", "10.0.0.1-300", "::1", "10.0.0.1-::1"})
    EXPECT_FALSE(parse_span(bad)) << bad;
}

std::string prefixes(std::string_view span) {
  std::string text;
  for (const IpPrefix& prefix : prefixes_of(*parse_span(span)))
    text += (text.empty() ? "" : " ") + prefix.to_string();
  return text;
}

TEST(AddressSpans, AsPrefixes) {
  EXPECT_EQ(prefixes("10.0.0.0-10.0.0.255"), "10.0.0.0/24");
  EXPECT_EQ(prefixes("10.0.0.1-10.0.0.6"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32");
  EXPECT_EQ(prefixes("0.0.0.0-255.255.255.255"), "0.0.0.0/0");
  EXPECT_EQ(prefixes("255.255.255.255"), "255.255.255.255/32");
  EXPECT_LE(prefixes_of(*parse_span("0.0.0.1-255.255.255.254")).size(), 62u);
}

TEST(KeyFiles, GroupsEscapesAndBadLines) {
  const KeyFile file = parse_key_file(
      "stray=1\n[connection]\nid=My\\sOffice\n# no\n[vpn]\nuser=DOMAIN\\\\alice\nuser=bob\n"
      "[connection]\nuuid=x\nnothing\n");
  EXPECT_EQ(file.bad_lines, (std::vector<unsigned>{1, 10}));
  ASSERT_EQ(file.groups.size(), 2u);
  EXPECT_EQ(file.find("connection")->text("id"), "My Office");
  EXPECT_EQ(file.find("connection")->text("uuid"), "x");
  EXPECT_EQ(file.find("vpn")->text("user"), "bob");
  EXPECT_EQ(file.find("ipv4"), nullptr);
}

TEST(KeyFiles, WhatIsWrittenIsReadAgain) {
  for (const std::string& value :
       {std::string("plain"), std::string(" both ends "), std::string("back\\slash\nline\ttab\r"),
        std::string("a=b;c#d"), std::string(" ")}) {
    const KeyFile file = parse_key_file("[g]\nk=" + escape_value(value) + "\n");
    EXPECT_EQ(file.find("g")->text("k"), value);
  }
}

TEST(ProfileNames, AreFitForFiles) {
  EXPECT_EQ(profile_name_from("My Office (VPN)"), "My-Office-VPN");
  EXPECT_EQ(profile_name_from("../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(profile_name_from("\xc3\xa4"), "imported");
  EXPECT_EQ(profile_name_from(""), "imported");
  EXPECT_EQ(profile_name_from(std::string(200, 'x')).size(), 64u);
}

}  // namespace
}  // namespace l2tpm::convert
