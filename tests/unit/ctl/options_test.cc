#include "ctl/options.h"

#include <gtest/gtest.h>

namespace l2tpm::ctl {
namespace {

using Words = std::vector<std::string>;

Options parsed(const Words& args) {
  const auto options = parse(args);
  EXPECT_TRUE(options) << options.error().text;
  return options ? *options : Options{};
}

std::string refused(const Words& args) {
  const auto options = parse(args);
  EXPECT_FALSE(options);
  if (options) return "";
  EXPECT_FALSE(options.error().is_help);
  return options.error().text;
}

std::string helped(const Words& args) {
  const auto options = parse(args);
  EXPECT_FALSE(options);
  if (options) return "";
  EXPECT_TRUE(options.error().is_help);
  return options.error().text;
}

std::string path(const Words& args) {
  const auto resolved = resolve(args);
  if (!resolved) return resolved.error();
  std::string text(resolved->command ? resolved->command->path : "help");
  for (const std::string& word : resolved->rest) text += " | " + word;
  return text;
}

TEST(Resolving, TakesUnambiguousBeginnings) {
  EXPECT_EQ(path({"tu", "sh", "work"}), "tunnel show | work");
  EXPECT_EQ(path({"se", "c", "work/1"}), "session close | work/1");
  EXPECT_EQ(path({"u", "u"}), "up | u") << "a profile named u";
  EXPECT_EQ(path({"--bus", "sta", "-jw", "5", "statu"}), "status | --bus | sta | -jw | 5");
  EXPECT_EQ(path({"tunnel", "-j", "show", "work"}), "tunnel show | -j | work");
  EXPECT_EQ(path({"--json=short", "tun"}), "tunnel list | --json=short");
  EXPECT_EQ(path({"-j", "--no-wait", "up", "a"}), "up | -j | --no-wait | a");
  EXPECT_EQ(path({"--rates", "5", "stats"}), "stats | --rates | 5");
  EXPECT_EQ(path({"--rates=5", "stats"}), "stats | --rates=5");
}

TEST(Resolving, NamesTheCandidates) {
  EXPECT_EQ(path({"tunnel", "sto", "x"}), "tunnel stop | x");
  EXPECT_NE(path({"s"}).find("\"s\" is ambiguous: status"), std::string::npos);
  EXPECT_NE(path({"tunnel", "st"}).find("\"st\" is ambiguous: start stop"), std::string::npos);
  EXPECT_NE(path({"what"}).find("\"what\" is no command, these are: status "), std::string::npos);
  EXPECT_NE(path({"tunnel", "work"}).find("\"work\" is no command of \"tunnel\", these are: list"),
            std::string::npos);
}

TEST(Resolving, WithoutAWordIsTheFallback) {
  EXPECT_EQ(path({}), "status");
  EXPECT_EQ(path({"-j"}), "status | -j");
  EXPECT_EQ(path({"tunnel"}), "tunnel list");
  EXPECT_EQ(path({"tunnel", "--state", "idle"}), "tunnel list | --state | idle");
  EXPECT_EQ(path({"session"}), "session list");
}

TEST(Commands, AreUniqueAndTheirGroupsStandTogether) {
  std::vector<std::string_view> first_words;
  for (const Command& command : commands()) {
    EXPECT_EQ(find_command(command.path), &command) << command.path;
    if (first_words.empty() || first_words.back() != command.first_word())
      first_words.push_back(command.first_word());
    EXPECT_EQ(find_group(command.first_word()) != nullptr, !command.second_word().empty())
        << command.path;
    for (std::size_t i = 0; i + 1 < command.arguments.size(); ++i)
      EXPECT_EQ(command.arguments[i].count, Count::one) << command.path;
  }
  for (std::size_t i = 0; i < first_words.size(); ++i)
    for (std::size_t k = i + 1; k < first_words.size(); ++k)
      EXPECT_NE(first_words[i], first_words[k]);
  for (const Group& group : groups()) {
    const std::string path = std::string(group.word) + " " + std::string(group.fallback);
    EXPECT_TRUE(group.fallback.empty() || find_command(path)) << path;
  }
}

TEST(Commands, HaveOptionsOfTheirOwn) {
  for (const Command& command : commands()) {
    std::vector<std::string_view> keys;
    for (const Option& option : command.options) keys.push_back(option.key());
    for (const Option& option : global_options()) keys.push_back(option.key());
    for (std::size_t i = 0; i < keys.size(); ++i)
      for (std::size_t k = i + 1; k < keys.size(); ++k) EXPECT_NE(keys[i], keys[k]) << command.path;
  }
}

TEST(Options, GlobalOnesStandAnywhere) {
  for (const Words& args : {
           Words{"-j", "--bus", "unix:path=/b", "-w",    "5",            "up",     "a"},
           Words{"up", "a",     "-j",           "--bus", "unix:path=/b", "--wait", "5"}
  }) {
    const Options options = parsed(args);
    EXPECT_EQ(options.json, JsonStyle::pretty);
    EXPECT_EQ(options.bus, "unix:path=/b");
    EXPECT_EQ(options.wait, std::chrono::seconds(5));
    EXPECT_EQ(options.words, Words{"a"});
  }
}

TEST(Options, JsonHasTwoStyles) {
  EXPECT_EQ(parsed({"status"}).json, JsonStyle::off);
  EXPECT_EQ(parsed({"--json", "status"}).json, JsonStyle::pretty);
  EXPECT_EQ(parsed({"--json=pretty", "status"}).json, JsonStyle::pretty);
  EXPECT_EQ(parsed({"status", "--json=short"}).json, JsonStyle::one_line);
  refused({"status", "--json=long"});
}

TEST(Options, FieldsAreAList) {
  const Options options = parsed({"-t", "-f", "name,,state", "tunnel", "list"});
  EXPECT_TRUE(options.terse);
  EXPECT_EQ(options.fields, (Words{"name", "state"}));
}

TEST(Options, WaitingIsBounded) {
  EXPECT_EQ(parsed({"up", "a"}).wait, std::chrono::seconds(60));
  EXPECT_TRUE(parsed({"up", "a", "--no-wait"}).has("no-wait"));
  EXPECT_FALSE(parsed({"up", "a"}).has("no-wait"));
  refused({"up", "a", "-w", "-1"});
  refused({"up", "a", "-w", "soon"});
}

TEST(Options, ACommandsOwnAreFoundByTheirName) {
  const Options options = parsed({"session", "list", "--user", "alice"});
  EXPECT_EQ(options.value("user"), "alice");
  EXPECT_EQ(options.value("tunnel"), "");
  EXPECT_FALSE(options.has("tunnel"));
  refused({"tunnel", "list", "--user", "alice"});
  refused({"session", "list", "--user"});
}

TEST(Options, SessionsAreTunnelAndNumber) {
  EXPECT_EQ(parsed({"session", "close", "a/b/7", "work/4294967295"}).words.size(), 2u);
  EXPECT_EQ(session_name("a/b/7")->tunnel, "a/b");
  EXPECT_EQ(session_name("a/b/7")->id, 7u);
  EXPECT_EQ(session_name("work/4294967295")->id, 4294967295u);
  for (const char* wrong : {"work", "work/", "/7", "work/0", "work/-1", "work/7x", "w/4294967296"})
    EXPECT_NE(refused({"session", "show", wrong}), "") << wrong;
}

TEST(Options, TooFewOrTooManyWordsAreRefused) {
  EXPECT_NE(refused({"up"}).find("PROFILE is missing\nUsage: l2tpctl up PROFILE..."),
            std::string::npos);
  refused({"frobnicate"});
  refused({"tunnel", "show", "a", "b"});
  EXPECT_NE(refused({"status", "a", "b"}).find("\"b\" is too much"), std::string::npos);
  EXPECT_NE(refused({"dump", "all"}).find("\"all\" is no KIND"), std::string::npos);
  EXPECT_EQ(parsed({"profile", "set", "a", "/b=1", "/c=2"}).words, (Words{"a", "/b=1", "/c=2"}));
}

TEST(Help, IsNoErrorAndNamesEverything) {
  const std::string all = helped({"--help"});
  for (const Command& command : commands())
    EXPECT_NE(all.find(command.second_word().empty() ? command.path : command.second_word()),
              std::string::npos)
        << command.path;
  for (const Command& command : commands()) {
    Words args{std::string(command.first_word())};
    if (!command.second_word().empty()) args.emplace_back(command.second_word());
    args.emplace_back("-h");
    const std::string text = helped(args);
    for (const Option& option : command.options)
      EXPECT_NE(text.find("--" + std::string(option.key())), std::string::npos) << command.path;
  }
  EXPECT_NE(helped({"tunnel", "-h"}).find("show NAME"), std::string::npos);
  EXPECT_EQ(helped({"-h", "tunnel"}), helped({"tunnel", "--help"}));
}

}  // namespace
}  // namespace l2tpm::ctl
