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
  return options ? "" : options.error().text;
}

TEST(Completion, TakesUnambiguousBeginnings) {
  EXPECT_EQ(*complete_commands({"tu", "sh", "work"}), (Words{"tunnel", "show", "work"}));
  EXPECT_EQ(*complete_commands({"se", "c", "work/1"}), (Words{"session", "close", "work/1"}));
  EXPECT_EQ(*complete_commands({"u", "u"}), (Words{"up", "u"})) << "a profile named u";
  EXPECT_EQ(*complete_commands({"--bus", "sta", "-jw", "5", "sta"}),
            (Words{"--bus", "sta", "-jw", "5", "status"}));
}

TEST(Completion, NamesTheCandidates) {
  EXPECT_EQ(complete_commands({"s"}).error(), "\"s\" is ambiguous: session status");
  EXPECT_EQ(complete_commands({"tunnel", "st"}).error(), "\"st\" is ambiguous: start stop");
  EXPECT_EQ(*complete_commands({"what"}), Words{"what"});
}

TEST(Options, WithoutAWordIsStatus) {
  EXPECT_EQ(parsed({}).command, Command::status);
  EXPECT_EQ(parsed({"tunnel"}).command, Command::tunnel_list);
  EXPECT_EQ(parsed({"session"}).command, Command::session_list);
}

TEST(Options, EveryCommandIsReached) {
  EXPECT_EQ(parsed({"status", "work"}).command, Command::status);
  EXPECT_EQ(parsed({"tunnel", "list"}).command, Command::tunnel_list);
  EXPECT_EQ(parsed({"tunnel", "show", "work"}).command, Command::tunnel_show);
  EXPECT_EQ(parsed({"tunnel", "start", "a", "b"}).command, Command::up);
  EXPECT_EQ(parsed({"tunnel", "stop", "a"}).command, Command::down);
  EXPECT_EQ(parsed({"session", "list"}).command, Command::session_list);
  EXPECT_EQ(parsed({"session", "show", "work/1"}).command, Command::session_show);
  EXPECT_EQ(parsed({"session", "close", "work/1"}).command, Command::session_close);
  EXPECT_EQ(parsed({"up", "a", "b"}).names, (Words{"a", "b"}));
  EXPECT_EQ(parsed({"down", "a"}).command, Command::down);
  EXPECT_EQ(parsed({"reload"}).command, Command::reload);
  EXPECT_EQ(parsed({"version"}).command, Command::version);
}

TEST(Options, GlobalOnesStandAnywhere) {
  for (const Words& args : {
           Words{"-j", "--bus", "unix:path=/b", "-w",    "5",            "up",     "a"},
           Words{"up", "a",     "-j",           "--bus", "unix:path=/b", "--wait", "5"}
  }) {
    const Options options = parsed(args);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.bus, "unix:path=/b");
    EXPECT_EQ(options.wait, std::chrono::seconds(5));
    EXPECT_EQ(options.names, Words{"a"});
  }
}

TEST(Options, WaitingIsBounded) {
  EXPECT_EQ(parsed({"up", "a"}).wait, std::chrono::seconds(60));
  EXPECT_EQ(parsed({"up", "a", "--no-wait"}).wait, std::nullopt);
  refused({"up", "a", "-w", "-1"});
  refused({"up", "a", "-w", "soon"});
}

TEST(Options, SessionsAreTunnelAndNumber) {
  const Options options = parsed({"session", "close", "a/b/7", "work/4294967295"});
  ASSERT_EQ(options.sessions.size(), 2u);
  EXPECT_EQ(options.sessions[0].tunnel, "a/b");
  EXPECT_EQ(options.sessions[0].id, 7u);
  EXPECT_EQ(options.sessions[1].id, 4294967295u);
  for (const char* wrong : {"work", "work/", "/7", "work/0", "work/-1", "work/7x", "w/4294967296"})
    EXPECT_NE(refused({"session", "show", wrong}), "") << wrong;
}

TEST(Options, HelpIsNoError) {
  const auto options = parse({"up", "--help"});
  ASSERT_FALSE(options);
  EXPECT_TRUE(options.error().is_help);
  refused({"up"});
  refused({"frobnicate"});
  refused({"tunnel", "show", "a", "b"});
}

}  // namespace
}  // namespace l2tpm::ctl
