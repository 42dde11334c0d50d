#include "daemon/credentials.h"

#include <gtest/gtest.h>

namespace l2tpm::daemon {
namespace {

config::User user(const char* name, const char* password, unsigned max_sessions = 0) {
  config::User out;
  out.name = name;
  out.password = Secret(std::string_view(password));
  out.max_sessions = max_sessions;
  return out;
}
ppp::AuthRequest pap(const char* name, const char* password) {
  ppp::AuthRequest request;
  request.method = ppp::AuthMethod::pap;
  request.user = name;
  request.pap_password = Secret(std::string_view(password));
  return request;
}

TEST(UserTable, NamesAndDomains) {
  const UserTable table(
      {user("alice", "a"), user("CORP\\alice", "b"), user("bob@Example.NET", "c")});
  const auto found = [&](std::string_view name) {
    const auto* user = table.find(name);
    return user == nullptr ? std::string("nobody") : user->name;
  };
  EXPECT_EQ(found("alice"), "alice");
  EXPECT_EQ(found("Alice"), "nobody");
  EXPECT_EQ(found("corp\\alice"), "CORP\\alice");
  EXPECT_EQ(found("OTHER\\alice"), "alice");
  EXPECT_EQ(found("OTHER\\Alice"), "nobody");
  EXPECT_EQ(found("bob@EXAMPLE.net"), "bob@Example.NET");
  EXPECT_EQ(found("Bob@example.net"), "nobody");
  EXPECT_EQ(found("bob"), "nobody");
  EXPECT_EQ(found(""), "nobody");
  EXPECT_EQ(found("\\"), "nobody");
}

TEST(UserTable, ChecksThePassword) {
  const UserTable table({user("alice", "secret")});
  EXPECT_TRUE(table.check(pap("alice", "secret")).ok);
  EXPECT_FALSE(table.check(pap("alice", "Secret")).ok);
  EXPECT_FALSE(table.check(pap("alice", "")).ok);
  EXPECT_FALSE(table.check(pap("mallory", "nobody's password")).ok);
}

TEST(UserTable, CountsSessions) {
  UserTable table({user("alice", "a", 2), user("bob", "b")});
  EXPECT_TRUE(table.add_session("alice"));
  EXPECT_TRUE(table.add_session("alice"));
  EXPECT_FALSE(table.add_session("alice"));
  EXPECT_EQ(table.sessions_of("alice"), 2u);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(table.add_session("bob"));
  // A reload forgets the user, not the sessions.
  table.replace({user("bob", "b", 1)});
  EXPECT_EQ(table.find("alice"), nullptr);
  table.remove_session("alice");
  table.remove_session("alice");
  table.remove_session("alice");
  EXPECT_EQ(table.sessions_of("alice"), 0u);
  EXPECT_FALSE(table.add_session("bob"));
}

}  // namespace
}  // namespace l2tpm::daemon
