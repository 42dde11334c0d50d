// What is wrong with a profile is told with its place and with what was meant.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/config_text.h"

namespace l2tpm::config {
namespace {

using test::read_text;

std::string client_with(const std::string& more) {
  return R"({"kind": "client", "peer": "lns", )" + more + "}";
}
std::string listener_with(const std::string& ppp, const std::string& more = {}) {
  return R"({"kind": "listener", "users": [{"name": "a", "password": "p"}], )" + more +
         R"("ppp": {"ipv4": {"local-address": "10.0.0.1", "pool": ["10.0.0.0/24"]})" + ppp + "}}";
}

TEST(Errors, ArePlacedByLineAndColumn) {
  const auto read = read_text(
      "// a comment { \"ppp\": \n"
      "{\n"
      "  \"kind\": \"client\", /* \"peer\": */\n"
      "  \"peer\": \"lns\",\n"
      "  \"ppp\": {\n"
      "    \"user\": \"alice\", \"pasword\": \"x\",\n"
      "    \"mru\": 100000\n"
      "  }\n"
      "}\n");
  EXPECT_EQ(read.errors,
            "7:12 /ppp/mru: must be a whole number from 128 to 16384\n"
            "6:22 /ppp/pasword: unknown key \"pasword\"; did you mean \"password\"?\n"
            "6:13 /ppp/user: needs a \"password\"\n");
}

TEST(Errors, OfSyntax) {
  EXPECT_EQ(read_text("").errors.substr(0, 14), "1:1 : not JSON");
  EXPECT_EQ(read_text("{\n  \"kind\": \"client\",\n}").errors,
            "3:1 : a comma must not follow the last entry\n");
  EXPECT_EQ(read_text("[]").errors, "1:1 : must be an object\n");
  EXPECT_EQ(read_text("{\"kind\": \"client\",\n \"kind\": \"listener\"}").errors,
            "2:2 /kind: this key is there twice\n");
  EXPECT_EQ(read_text("{\"ppp\": {\"a~/b\": 1, \"a~/b\": 2}}").errors,
            "1:21 /ppp/a~0~1b: this key is there twice\n");
  EXPECT_EQ(read_text(std::string(100, '[')).errors, "1:1 : nested too deeply\n");
  // A comment ends at any end of line, and nothing follows a NUL.
  EXPECT_EQ(read_text("// {\r{\"kind\": 7}").errors,
            "1:15 /kind: must be \"client\", \"listener\" or \"static\"\n");
  EXPECT_EQ(read_text(std::string("// x\n{\"kind\": [7 \0 }", 20)).errors,
            "2:13 : not a text file: a NUL octet\n");
  EXPECT_EQ(read_text("{}").errors,
            "1:1 : needs \"kind\": \"client\", \"listener\" or \"static\"\n");
  EXPECT_EQ(read_text("{\"kind\": 7}").errors,
            "1:10 /kind: must be \"client\", \"listener\" or \"static\"\n");
}

TEST(Errors, NeverShowASecret) {
  // The token that the parser stopped at is part of one here.
  const auto read = read_text(R"({"kind": "client", "password": "hunter2)");
  EXPECT_NE(read.errors, "");
  EXPECT_EQ(read.errors.find("hunter2"), std::string::npos) << read.errors;
  EXPECT_EQ(read_text(R"({"kind": "client", "password": hunter2})").errors.find("hunter2"),
            std::string::npos);
}

TEST(Errors, OfTypes) {
  const auto read = read_text(client_with(
      R"("autostart": "yes", "tunnel": [], "routes": {"metric": -1, "add": "10.0.0.0/8"},
         "idle-timeout": 30, "redial": {"max": "1 minute"}, "interface": "a\u0000b")"));
  for (const auto* expected : {"/tunnel: must be an object, not an array",
                               "/autostart: must be true or false, not a string",
                               "/routes/metric: must be a whole number from 0 to 4294967295",
                               "/routes/add: must be an array, not a string",
                               "/idle-timeout: must be a time with its unit, such as \"30s\"",
                               "/redial/max: must be a time such as \"30s\", \"5m\" or \"1h30m\"",
                               "/interface: contains a control character"})
    EXPECT_NE(read.errors.find(expected), std::string::npos) << expected << "\n" << read.errors;
}

struct Case {
  const char* more;
  const char* error;  // part of it; "" when it is fine
};

TEST(Errors, OfClientsAcrossKeys) {
  const Case cases[] = {
      {R"("ppp": {})",                                                            ""                                       },
      {R"("ppp": {"user": "a", "password": {"$secret": "s"}})",                   ""                                       },
      {R"("ppp": {"user": "a", "password": {"$secret": "gone"}})",                "there is no secret 'gone'"              },
      {R"("ppp": {"user": "a", "password": {"$secret": "../x"}})",                "is not a secret's name"                 },
      {R"("ppp": {"user": "a", "password": ""})",                                 "/ppp/password: is empty"                },
      {R"("ppp": {"password": "x"})",                                             "needs a \"user\""                       },
      {R"("ppp": {"user": "a", "password": "x", "methods": []})",                 "could never be used"                    },
      {R"("ppp": {"methods": ["pap", "pap"]})",                                   "/ppp/methods/1: is there twice"         },
      {R"("ppp": {"methods": ["eap"]})",
       "must be \"mschapv2\", \"mschap\", \"chap-md5\" or \"pap\""                                                         },
      {R"("ppp": {"methods": ["pap"], "mppe": "require"})",                       "needs \"mschapv2\""                     },
      {R"("ppp": {"methods": ["pap"], "mppe": "off"})",                           ""                                       },
      {R"("ppp": {"mppe": "requir"})",                                            "did you mean \"require\"?"              },
      {R"("ppp": {"mppe": {"mode": "prefer", "strengths": [56]}})",               "the kernel has no 56"                   },
      {R"("ppp": {"mppe": {"stateful": true}})",                                  "needs \"mode\""                         },
      {R"("ppp": {"ipv4": false, "ipv6": false})",                                "nothing could be carried"               },
      {R"("ppp": {"ipv4": {"address": "10.0.0.1", "peer-address": "10.0.0.1"}})", "is our own"                             },
      {R"("ppp": {"authenticate-peer": {"methods": ["pap"]}})",                   "needs a \"secret\""                     },
      {R"("ppp": {"authenticate-peer": {"secret": "x"}})",                        "is not used without \"methods\""        },
      {R"("ppp": {"ipv4": false}, "routes": {"add": ["10.0.0.0/8"]})",            "needs ppp.ipv4"                         },
      {R"("routes": {"add": ["10.0.0.1/8"]})",                                    "/routes/add/0: must be a prefix"        },
      {R"("tunnel": {"challenge": true})",                                        "/tunnel/challenge: needs a \"secret\""  },
      {R"("tunnel": {"hide-avps": true})",                                        "/tunnel/hide-avps: needs a \"secret\""  },
      {R"("tunnel": {"secret": "x", "hide-avps": true})",                         ""                                       },
      {R"("tunnel": {"port-float": "ours"})",                                     "must be \"accept-theirs\" or \"never\"" },
      {R"("tunnel": {"retransmit": {"initial": "9s"}})",                          "\"max-interval\" is shorter"            },
      {R"("redial": {"initial": "2m"})",                                          "\"max\" is shorter"                     },
      {R"("peers": ["b"])",                                                       "and \"peers\" exclude each other"       },
      {R"("local": {"port": "some"})",                                            "/local/port: must be \"any\""           },
      {R"("local": {"address": "::1"})",                                          ""                                       },
      {R"("calls": {"called-number": "5"})",                                      "is not used without \"answer-outgoing\""},
      {R"("interface": "a-name-that-is-too-long")",                               "must be 1 to 15 characters"             },
      {R"("data-sequencing": "want", "install-point": "after-authentication")",   "kernel numbers"                         },
      {R"("ppp": {"mppe": "prefer"}, "install-point": "before-first-ncp-ack")",   "is too late"                            },
      {R"("users": [])",                                                          "unknown key \"users\""                  },
  };
  for (const auto& each : cases) {
    const auto read = read_text(client_with(each.more));
    EXPECT_TRUE(*each.error == '\0' ? read.errors.empty()
                                    : read.errors.find(each.error) != std::string::npos)
        << each.more << "\n"
        << read.errors;
  }
  EXPECT_NE(
      read_text(R"({"kind": "client", "peer": "2001:db8::1", "local": {"address": "10.0.0.1"}})")
          .errors.find("another address family"),
      std::string::npos);
  EXPECT_NE(read_text(R"({"kind": "client"})").errors.find("needs a \"peer\""), std::string::npos);
}

TEST(Errors, OfListenersAcrossKeys) {
  const Case ppp_cases[] = {
      {"",                                                                          ""                    },
      {R"(, "mppe": "prefer", "authenticate": ["chap-md5"])",                       "needs \"mschapv2\""  },
      {R"(, "user": "lns")",                                                        "needs a \"password\""},
      {R"(, "ipv6": {"local-interface-id": "0:0:0:5", "pool": "0:0:0:1-0:0:0:9"})", "contains"            },
  };
  const Case cases[] = {
      {R"("require-tunnel-auth": true, )",                                                          "needs a \"secret\""                    },
      {R"("allow-unknown-peers": false, )",                                                         "nobody could come"                     },
      {R"("listen": {"addresses": []}, )",                                                          "nothing would be heard"                },
      {R"("listen": {"addresses": ["::", "::"]}, )",                                                "is there twice"                        },
      {R"("peers": [{"name": "x"}, {"name": "x"}], )",                                              "is called \"x\" too"                   },
      {R"("peers": [{"match": {"address": "10.0.0.1/8"}}], )",                                      "must be an address or a prefix"        },
      {R"("outgoing": [{"peer": "brnch", "called-number": "5"}], "peers": [{"name": "branch"}], )",
       "did you mean \"branch\"?"                                                                                                           },
      {R"("interface-prefix": "0123456789", )",                                                     "must be 1 to 9 characters"             },
      {R"("users-file": "/etc/passwd", )",                                                          "cannot be used here"                   },
      {R"("tunnel": {"port-float": "accept-theirs"}, )",                                            "must be \"never\" or \"ours\""         },
      {R"("limits": {"half-open": 0}, )",                                                           "must be a whole number from 1 to 65535"},
  };
  const auto check = [](const std::string& text, const Case& each) {
    const auto read = read_text(text);
    EXPECT_TRUE(*each.error == '\0' ? read.errors.empty()
                                    : read.errors.find(each.error) != std::string::npos)
        << each.more << "\n"
        << read.errors;
  };
  for (const auto& each : ppp_cases) check(listener_with(each.more), each);
  for (const auto& each : cases) check(listener_with("", each.more), each);
  const auto with_ipv4 = [](const std::string& ipv4, const std::string& users = "[]") {
    return R"({"kind": "listener", "users": )" + users + R"(, "ppp": {"ipv4": )" + ipv4 + "}}";
  };
  check(with_ipv4(R"({"pool": ["10.0.0.0/24"]})"), {"", "needs a \"local-address\""});
  check(with_ipv4(R"({"local-address": "10.0.0.1", "pool": ["10.0.0.0/24", "10.0.0.9"]})"),
        {"", "10.0.0.1-10.0.0.254 and 10.0.0.9 overlap"});
  check(with_ipv4(R"({"local-address": "10.0.0.1", "pool": "nowhere"})"), {"", "no such pool"});
  check(with_ipv4(R"({"local-address": "10.0.0.1", "dns": ["1.1.1.1", "2.2.2.2", "3.3.3.3"]})"),
        {"", "has more than 2 entries"});
  const std::string sound = R"({"local-address": "10.0.0.1", "pool": ["10.0.0.0/24"]})";
  check(with_ipv4(sound, R"([{"name": "a"}])"), {"", "/users/0: needs a \"password\""});
  check(with_ipv4(sound, R"([{"password": "x"}])"), {"", "/users/0: needs a \"name\""});
  check(with_ipv4(sound, R"([{"name": "a", "password": "x"}, {"name": "a", "password": "y"}])"),
        {"", "\"a\" is there twice"});
  check(with_ipv4(sound, R"([{"name": "a", "password": "x", "address": "10.0.0.1"}])"),
        {"", "the listener's own address"});
  check(with_ipv4(sound, R"([{"name": "a", "password": "x", "address": "10.0.0.5"},
                             {"name": "b", "password": "x", "address": "10.0.0.5"}])"),
        {"", "\"a\" and \"b\" have the same address 10.0.0.5"});
  check(with_ipv4(sound, R"([{"name": "a", "password": "x", "address": "10.0.0.5",
                              "max-sessions": 2}])"),
        {"", "an address is one session's"});
}

TEST(Errors, PapAsksOnce) {
  const auto text = [](const std::string& methods) {
    return R"({"kind": "listener", "ppp": {"authenticate": [)" + methods +
           R"(], "rechallenge": "5m",
      "ipv4": {"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}},
      "users": [{"name": "alice", "password": {"$secret": "s"}}]})";
  };
  EXPECT_NE(test::read_text(text(R"("pap")")).errors.find("needs a CHAP method"),
            std::string::npos);
  EXPECT_EQ(test::read_text(text(R"("pap", "chap-md5")")).errors, "");
}

TEST(Errors, AreAtMostAHundred) {
  std::string text = R"({"kind": "client", "peer": "lns")";
  for (int i = 0; i < 1000; ++i) text += ", \"unknown" + std::to_string(i) + "\": 1";
  const auto read = read_text(text + "}");
  EXPECT_EQ(std::count(read.errors.begin(), read.errors.end(), '\n'), 100);
}

TEST(Errors, WarnAboutInlineSecretsOthersMayRead) {
  test::FakeSecrets secrets;
  ConfigErrors warnings;
  ProfileText text;
  text.name = "work";
  text.text = R"({"kind": "client", "peer": "lns", "ppp": {"user": "a", "password": "x"},
                  "tunnel": {"secret": "y"}})";
  text.readable_by_others = true;
  ASSERT_TRUE(read_profile(text, {}, secrets, &warnings));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings.front().message.find("others may read"), std::string::npos);
  warnings.clear();
  text.readable_by_others = false;
  ASSERT_TRUE(read_profile(text, {}, secrets, &warnings));
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace l2tpm::config
