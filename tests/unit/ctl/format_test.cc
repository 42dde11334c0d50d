#include "ctl/format.h"

#include <gtest/gtest.h>

#include <sstream>

#include "ctl/client.h"
#include "ctl/hint.h"

namespace l2tpm::ctl {
namespace {

using std::chrono::seconds;

TEST(Duration, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(duration(seconds(-5)), "0s");
  EXPECT_EQ(duration(seconds(59)), "59s");
  EXPECT_EQ(duration(seconds(60)), "1m 0s");
  EXPECT_EQ(duration(seconds(3 * 3600 + 12 * 60 + 5)), "3h 12m");
  EXPECT_EQ(duration(seconds(12 * 86400 + 3 * 3600)), "12d 3h");
}

TEST(Table, AlignsByCharactersNotOctets) {
  std::ostringstream out;
  const std::vector<Cell> first{Cell("zürich"), Cell("x"), Cell("1")};
  const std::vector<Cell> second{Cell("ulm"), Cell("yz"), Cell("2")};
  Printer(out, false).table({"A", "BB", "C"}, {first, second});
  EXPECT_EQ(out.str(), "A       BB  C\nzürich  x   1\nulm     yz  2\n");
}

TEST(Table, ShowsNothingWithoutRows) {
  std::ostringstream out;
  Printer(out, true).table({"A"}, {});
  EXPECT_EQ(out.str(), "");
}

TEST(Table, IsColouredOnlyWhenAskedAndAligned) {
  std::ostringstream out;
  const std::vector<Cell> row{Cell("up", Colour::green), Cell("x")};
  Printer(out, true).table({"S", "T"}, {row});
  EXPECT_EQ(out.str(), "\x1b[1mS\x1b[0m   \x1b[1mT\x1b[0m\n\x1b[32mup\x1b[0m  x\n");
}

TEST(Clean, LeavesNothingThatSteersATerminal) {
  EXPECT_EQ(clean("a\x1b[31m\r\n\tb\x7f"), "a?[31m???b?");
  EXPECT_EQ(clean("zürich"), "zürich");
}

TEST(Object, IndentsWhatIsNested) {
  std::ostringstream out;
  Printer(out, false)
      .object(nlohmann::json::parse(
          R"({"a":1,"long":"x\u001b","list":["p","q"],"in":{"b":true},"rows":[{"c":2},{"c":3}]})"));
  EXPECT_EQ(out.str(),
            "a:    1\nin:\n  b: true\nlist: p q\nlong: x?\nrows:\n  c: 2\nrows:\n  c: 3\n");
}

TEST(Hint, EveryCauseIsFoundByItsName) {
  for (int value = 0; value <= static_cast<int>(CauseCode::interface_gone); ++value) {
    const auto code = static_cast<CauseCode>(value);
    EXPECT_EQ(cause_from_name(name(code)), code) << name(code);
  }
  EXPECT_EQ(cause_from_name("from-the-future"), CauseCode::none);
}

TEST(Hint, WhatIsDefiniteHasAdvice) {
  for (int value = 0; value <= static_cast<int>(CauseCode::interface_gone); ++value) {
    const auto code = static_cast<CauseCode>(value);
    EXPECT_TRUE(!is_definite(code) || !hint(code).empty()) << name(code);
  }
}

TEST(ExitCodes, AreThePublishedOnes) {
  EXPECT_EQ(exit_code_of("org.L2tpManager1.Error.NotFound"), ExitCode::no_such_object);
  EXPECT_EQ(exit_code_of("org.freedesktop.DBus.Error.AccessDenied"), ExitCode::refused);
  EXPECT_EQ(exit_code_of("org.freedesktop.DBus.Error.ServiceUnknown"), ExitCode::not_running);
  EXPECT_EQ(exit_code_of("org.freedesktop.DBus.Error.NoReply"), ExitCode::timeout);
  EXPECT_EQ(exit_code_of("org.L2tpManager1.Error.Failed"), ExitCode::failure);
}

}  // namespace
}  // namespace l2tpm::ctl
