#include "nm/dialog.h"

#include <gtest/gtest.h>

namespace l2tpm::nm {
namespace {

std::vector<std::string> arguments(std::vector<std::string> more = {}) {
  std::vector<std::string> all{"-u",   "1-2-3", "-n",
                               "work", "-s",    "org.freedesktop.NetworkManager.l2tp-manager"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
DialogOptions options(std::vector<std::string> more = {}) {
  more.push_back("--external-ui-mode");
  auto parsed = parse_dialog_options(arguments(std::move(more)));
  EXPECT_TRUE(parsed) << parsed.error();
  return *parsed;
}

constexpr const char* kUi = "[VPN Plugin UI]\nVersion=2\nTitle=Authenticate VPN work\n";
constexpr const char* kNeeded = "Description=You need to authenticate to access “work”.\n";

TEST(DialogOptions, AreThoseOfTheCallers) {
  const auto parsed = parse_dialog_options(
      {"--uuid=1-2-3", "--name", "work", "-s", "org.freedesktop.NetworkManager.l2tp", "-i", "-r",
       "-t", "password", "-t", "x-vpn-message:Wrong = bad", "--external-ui-mode"});
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->uuid, "1-2-3");
  EXPECT_TRUE(parsed->reprompt);
  EXPECT_TRUE(parsed->external_ui);
  EXPECT_EQ(parsed->secret_hints, std::vector<std::string>{"password"});
  EXPECT_EQ(parsed->message, "Wrong = bad");
}

TEST(DialogOptions, MistakesAreSaid) {
  EXPECT_FALSE(parse_dialog_options({}));
  EXPECT_FALSE(parse_dialog_options(arguments({"--frobnicate"})));
  EXPECT_FALSE(parse_dialog_options(arguments({"-t"})));
  EXPECT_FALSE(parse_dialog_options(arguments({"--reprompt=yes"})));
  EXPECT_FALSE(parse_dialog_options(arguments({""})));
  const auto foreign =
      parse_dialog_options({"-u", "1", "-n", "n", "-s", "org.freedesktop.NetworkManager.openvpn"});
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().find("openvpn"), std::string::npos);
}

TEST(DialogInput, PairsOfLinesUpToDone) {
  const auto input = parse_dialog_input(
      "DATA_KEY=gateway\nDATA_VAL=192.0.2.1\n\nDATA_KEY=user\nDATA_VAL=a=b\n\n"
      "SECRET_KEY=password\nSECRET_VAL=two\n=lines\n\nDONE\nDATA_KEY=late\nDATA_VAL=x\nQUIT\n");
  EXPECT_EQ(input.data, (std::map<std::string, std::string>{
                            {"gateway", "192.0.2.1"},
                            {"user",    "a=b"      }
  }));
  EXPECT_EQ(input.secrets.at("password"), Secret(std::string_view("two\nlines")));
}

TEST(DialogInput, OddInputIsSkipped) {
  EXPECT_EQ(parse_dialog_input(""), DialogInput());
  EXPECT_EQ(parse_dialog_input("DATA_VAL=orphan\nnonsense\n=\n==\nDATA_KEY"), DialogInput());
  const auto input = parse_dialog_input("DATA_KEY=k\nDATA_VAL=v");
  EXPECT_EQ(input.data.at("k"), "v");
  EXPECT_EQ(parse_dialog_input("DATA_KEY=\nDATA_VAL=\n").data.at(""), "");
}

TEST(DialogInput, IsBounded) {
  std::string text;
  while (text.size() <= kMaxDialogInput) text += "DATA_KEY=k\nDATA_VAL=v\n";
  EXPECT_EQ(parse_dialog_input(text + "DATA_KEY=late\nDATA_VAL=x\n").data.size(), 1u);
}

TEST(DialogAnswer, AsksForThePassword) {
  EXPECT_EQ(dialog_answer(options(), {}),
            std::string(kUi) + kNeeded +
                "[password]\nValue=\nLabel=Password\nIsSecret=true\nShouldAsk=true\n");
}

TEST(DialogAnswer, GivesBackWhatIsThere) {
  DialogInput input;
  input.secrets["password"] = Secret(std::string_view(" a\\b\n"));
  EXPECT_EQ(dialog_answer(options(), input),
            std::string(kUi) + kNeeded +
                "[password]\nValue=\\sa\\\\b\\n\nLabel=Password\nIsSecret=true\nShouldAsk=false\n");
}

TEST(DialogAnswer, ARefusedPasswordIsAskedAgainWithThePeersText) {
  DialogInput input;
  input.secrets["password"] = Secret(std::string_view("old"));
  const std::string expected =
      std::string(kUi) +
      "Description=Enter\\nthe next code\n[password]\nValue=\nLabel=Password\nIsSecret=true\n"
      "ShouldAsk=true\n";
  EXPECT_EQ(
      dialog_answer(options({"-t", "password", "-t", "x-vpn-message:Enter\nthe next code"}), input),
      expected);
  EXPECT_NE(dialog_answer(options({"-r"}), input).find("ShouldAsk=true"), std::string::npos);
}

TEST(DialogAnswer, AsksNothingWhereNothingIsNeeded) {
  DialogInput input;
  input.data["password-flags"] = "4";
  EXPECT_EQ(dialog_answer(options(), input), std::string(kUi) + kNeeded);
  // What is refused anyway.
  input.data = {
      {"ipsec-enabled", "yes"}
  };
  EXPECT_EQ(dialog_answer(options(), input), std::string(kUi) + kNeeded);
}

}  // namespace
}  // namespace l2tpm::nm
