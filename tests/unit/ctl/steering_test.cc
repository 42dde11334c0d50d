// The commands that change something: what the daemon is asked, what is printed, how they exit.
#include <sys/wait.h>

#include <fstream>

#include "support/ctl_fixture.h"
#include "support/l2tpctl_child.h"

namespace l2tpm::ctl {
namespace {

[[maybe_unused]] const auto* const kChild =
    ::testing::AddGlobalTestEnvironment(new test::BeL2tpctl);

using Words = std::vector<std::string>;

class Steering : public CtlTest {
 protected:
  void SetUp() override {
    with([](State& s) {
      s.profiles["work"] = Json::parse(
          R"({"kind":"client","peer":"a","ppp":{"user":"alice","password":{"$secret":"***"}}})");
    });
  }
  std::vector<Json> patches() {
    return daemon_.manager.with([](State& s) { return s.merge_patches; });
  }
};

class SecretFile {
 public:
  explicit SecretFile(const std::string& text) {
    const UniqueFd fd(::mkstemp(path_.data()));
    [[maybe_unused]] const auto written = ::write(fd.get(), text.data(), text.size());
  }
  ~SecretFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/l2tpm-secret-XXXXXX";
};

TEST_F(Steering, UpWaitsForASession) {
  with([](State& s) {
    s.on_start = [](State& state) {
      state.tunnels = {tunnel("work", "connecting")};
      state.on_look = [looks = 0](State& later) mutable {
        if (++looks == 3) is_up(later, "work");
      };
    };
  });
  const Ran ran = ctl({"up", "work"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "work: up on l2tp-work, 10.77.0.10\n");
  EXPECT_EQ(ran.err, "") << "progress is for terminals";
  EXPECT_EQ(ctl({"up", "work"}).code, 0) << "running already is what was asked for";
  EXPECT_EQ(ctl({"tunnel", "restart", "work", "--no-wait"}).code, 0);
  EXPECT_EQ(asked(), (Words{"start work", "start work", "restart work"}));
}

TEST_F(Steering, UpGivesUpAtItsTimeWithTheLastError) {
  with([](State& s) {
    s.on_start = [](State& state) {
      state.tunnels = {tunnel("work", "backoff")};
      state.tunnels[0]["last_error"] = cause("no-answer", false, "");
    };
  });
  const Ran ran = ctl({"up", "work", "-w", "0"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("l2tpctl: work: still backoff: no-answer\n  hint: "), std::string::npos)
      << ran.err;
}

TEST_F(Steering, UpDoesNotWaitForWhatWaitingCannotMend) {
  with([](State& s) {
    s.on_start = [](State& state) {
      state.tunnels = {tunnel("work", "backoff")};
      state.tunnels[0]["last_error"] = cause("auth-failed", true, "E=691");
    };
  });
  const Ran ran = ctl({"up", "work"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("auth-failed by peer: E=691"), std::string::npos) << ran.err;
}

TEST_F(Steering, UpStartsAllBeforeItWaits) {
  with([](State& s) { s.profiles["b"] = Json::object(); });
  EXPECT_EQ(ctl({"up", "work", "nobody", "b", "--no-wait"}).code, 4);
  EXPECT_EQ(asked(), (Words{"start work", "start nobody", "start b"}));
}

TEST_F(Steering, UpTakesAPasswordFromAFile) {
  const SecretFile file("pa ss\nmore\n");
  EXPECT_EQ(ctl({"up", "work", "--no-wait", "--password-file", file.path()}).code, 0);
  EXPECT_EQ(asked(), Words{"start work with pa ss"});
  EXPECT_EQ(ctl({"up", "work", "--no-wait", "--password-file", "/nonexistent"}).code, 1);
  EXPECT_EQ(ctl({"up", "work", "--ask"}).code, 2) << "no terminal";
}

TEST_F(Steering, SuccessIsSilent) {
  with([](State& s) { is_up(s, "work"); });
  for (const Words& words : {
           Words{"down",        "work" },
           Words{              "session",  "close", "work/21", "--reason", "maintenance"},
           Words{ "listener",           "drain",   "isp"},
           Words{              "listener","drain",          "isp", "off"},
           Words{              "listener", "drain",             "--all"},
           Words{      "profile", "enable",         "work", "--runtime"},
           Words{              "profile", "disable",        "work", "--no-apply"},
           Words{             "profile",  "rm",            "work", "--stop"}
  }) {
    const Ran ran = ctl(words);
    EXPECT_EQ(ran.code, 0) << words[0] << ": " << ran.err;
    EXPECT_EQ(ran.out + ran.err, "") << words[0];
  }
  EXPECT_EQ(asked(), (Words{"stop work", "close work/21 because maintenance", "drain isp on",
                            "drain isp off", "drain daemon on", "patch work 3", "patch work 0",
                            "remove work 1"}));
  EXPECT_EQ(ctl({"down", "isp"}).code, 1);
  EXPECT_EQ(ctl({"session", "close", "work/22"}).code, 4);
  EXPECT_EQ(ctl({"profile", "rm", "work"}).code, 4);
  EXPECT_EQ(ctl({"listener", "drain"}).code, 2);
}

TEST_F(Steering, PingSaysHowLongItTook) {
  with([](State& s) { is_up(s, "work"); });
  EXPECT_EQ(ctl({"tunnel", "ping", "work"}).out, "work: answered in 21.4 ms\n");
  EXPECT_EQ(json({"tunnel", "ping", "work"})[0]["rtt_usec"], 21400);
  with([](State& s) { s.errors["Ping"] = "org.L2tpManager1.Error.Timeout"; });
  EXPECT_EQ(ctl({"tunnel", "ping", "work"}).code, 6);
  EXPECT_EQ(ctl({"tunnel", "ping", "nobody"}).code, 4);
}

TEST_F(Steering, ReloadShowsChangesAndErrors) {
  with([](State& s) { s.changed = {"work: changed"}; });
  EXPECT_EQ(ctl({"reload"}).out, "work: changed\n");
  with([](State& s) {
    s.answer = {
        {"error", "/ppp/mru", "is no number"}
    };
  });
  const Ran ran = ctl({"reload"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "error: /ppp/mru: is no number\n");
  const Ran as_json = ctl({"-j", "reload"});
  EXPECT_EQ(as_json.code, 1);
  EXPECT_EQ(Json::parse(as_json.out)["diagnostics"][0]["severity"], "error");
}

TEST_F(Steering, ProfileSetMakesAMergePatch) {
  EXPECT_EQ(ctl({"profile", "set", "work", "/ppp/mru=1300", "/ppp/user=4711"}).code, 0);
  ASSERT_EQ(patches().size(), 1u);
  EXPECT_EQ(patches()[0].dump(), R"({"ppp":{"mru":1300,"user":"4711"}})");
  with([](State& s) {
    s.answer = {
        {"error", "/ppp/mru", "must be at least 128"}
    };
  });
  const Ran ran = ctl({"profile", "set", "work", "/ppp/mru=1"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "error: work: /ppp/mru: must be at least 128\n");
  EXPECT_EQ(ctl({"profile", "set", "work"}).code, 2);
  EXPECT_EQ(ctl({"profile", "set", "work", "ppp"}).code, 2);
  EXPECT_EQ(ctl({"profile", "set", "other", "/a=1"}).code, 4);
  EXPECT_EQ(asked(), (Words{"patch work 2", "patch work 2"}));
}

TEST_F(Steering, ProfileEditSendsTheDifference) {
  ::setenv("VISUAL", "sed -i s/alice/bob/", 1);
  EXPECT_EQ(ctl({"profile", "edit", "work"}).code, 0);
  ASSERT_EQ(patches().size(), 1u);
  EXPECT_EQ(patches()[0].dump(), R"({"ppp":{"user":"bob"}})") << "the masked secret stays out";
  const Ran same = ctl({"profile", "edit", "work"});
  EXPECT_EQ(same.code, 0);
  EXPECT_EQ(same.err, "nothing was changed\n");
  ::setenv("VISUAL", "sed -i s/{/x/", 1);
  EXPECT_EQ(ctl({"profile", "edit", "work"}).code, 1);
  ::setenv("VISUAL", "false", 1);
  EXPECT_EQ(ctl({"profile", "edit", "work"}).code, 1);
  ::unsetenv("VISUAL");
  EXPECT_EQ(patches().size(), 1u);
}

TEST_F(Steering, ProfileDiffIsAgainstItsFile) {
  const SecretFile file(R"(// comments are fine
    {"kind":"client","peer":"b","ppp":{"user":"alice","password":"inline"}})");
  with([&](State& s) { s.paths["work"] = file.path(); });
  EXPECT_EQ(ctl({"profile", "diff", "work"}).out, "-/peer: \"b\"\n+/peer: \"a\"\n");
  EXPECT_EQ(ctl({"profile", "diff", "work", "/nonexistent"}).code, 1);
}

TEST_F(Steering, ConnectMakesATunnelAndEndsItWhenInterrupted) {
  with([](State& s) { s.on_transient = [](State& state) { is_up(state, "connect"); }; });
  const SecretFile password("s3cret\n");
  const SecretFile secret("tunnel\n");
  Ran ran;
  std::thread thread =
      start({"connect", "lns.example.net:1702", "--user", "alice", "--password-file",
             password.path(), "--secret-file", secret.path(), "--mppe", "require", "--route",
             "10.0.0.0/8", "--route", "10.1.0.0/16", "--set", "/ppp/mru=1300"},
            ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  interrupt();
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "connect: up on l2tp-connect, 10.77.0.10; Ctrl-C ends it\n");
  with([](State& s) {
    EXPECT_EQ(s.transient, Json::parse(R"({"kind":"client",
      "peer":{"host":"lns.example.net","port":1702},
      "ppp":{"user":"alice","password":{"$secret":"password"},"mppe":"require","mru":1300},
      "tunnel":{"secret":{"$secret":"tunnel"}},"routes":{"add":["10.0.0.0/8","10.1.0.0/16"]},
      "secrets":{"password":"s3cret","tunnel":"tunnel"}})"));
  });
  EXPECT_EQ(asked(), (Words{"transient connect 1", "events tunnel", "close tunnel connect"}));
}

TEST_F(Steering, ConnectSaysWhyItFailed) {
  with([](State& s) {
    s.on_transient = [](State& state) {
      state.tunnels = {tunnel("connect", "backoff")};
      state.tunnels[0]["last_error"] = cause("auth-failed", true, "E=691");
    };
  });
  const Ran ran = ctl({"connect", "192.0.2.1", "--once"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("connect: failed: auth-failed by peer: E=691"), std::string::npos)
      << ran.err;
  EXPECT_EQ(asked().back(), "close tunnel connect") << "nothing is left behind";
  with([](State& s) {
    EXPECT_EQ(s.transient["peer"], "192.0.2.1");
    EXPECT_EQ(s.transient["redial"]["enabled"], false);
  });
}

TEST_F(Steering, ConnectGivesUpAtItsTime) {
  with([](State& s) {
    s.on_transient = [](State& state) { state.tunnels = {tunnel("connect", "connecting")}; };
  });
  EXPECT_EQ(ctl({"connect", "[2001:db8::1]:1701", "-w", "0"}).code, 6);
  with([](State& s) {
    EXPECT_EQ(s.transient["peer"].dump(), R"({"host":"2001:db8::1","port":1701})");
    s.errors["CreateTransient"] = "org.freedesktop.DBus.Error.AccessDenied";
  });
  EXPECT_EQ(ctl({"connect", "192.0.2.1"}).code, 5);
}

// A process with a terminal of its own, which types `text` when asked.
TEST_F(Steering, SecretsAreAskedForWithoutEcho) {
  int master = -1;
  const std::string bus = bus_.address();
  const pid_t pid = test::l2tpctl_on_a_terminal(
      master, {"--bus", bus, "profile", "set", "work", "--ask", "/ppp/password"});
  ASSERT_GE(pid, 0);
  const UniqueFd terminal(master);
  std::string seen;
  bool typed = false;
  char c = 0;
  while (::read(master, &c, 1) == 1) {
    seen += c;
    if (!typed && seen.find("/ppp/password: ") != std::string::npos) {
      typed = true;
      ASSERT_EQ(::write(master,
                        "hunterx\x7f"
                        "2\r",
                        10),
                10);
    }
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << seen;
  EXPECT_EQ(seen.find("hunter"), std::string::npos) << seen;
  ASSERT_EQ(patches().size(), 1u);
  EXPECT_EQ(patches()[0].dump(), R"({"ppp":{"password":"hunter2"}})");
}

TEST_F(Steering, UpAsksWhatTheDaemonAsks) {
  with([](State& s) {
    s.on_start = [](State& state) { state.tunnels = {tunnel("work", "connecting")}; };
  });
  int master = -1;
  const std::string bus = bus_.address();
  const pid_t pid = test::l2tpctl_on_a_terminal(master, {"--bus", bus, "up", "work", "--ask"});
  ASSERT_GE(pid, 0);
  const UniqueFd terminal(master);
  await("the agent", [](State& s) { return !s.agent.empty() && !s.tunnels.empty(); });
  std::optional<std::map<std::string, std::string>> secrets;
  std::thread asking(
      [&] { secrets = daemon_.ask_agent(bus, {"password"}, "E=691 Access\x1b denied"); });
  std::string seen;
  char c = 0;
  while (seen.find("): ") == std::string::npos && ::read(master, &c, 1) == 1) seen += c;
  EXPECT_EQ(::write(master, "pw\r", 3), 3);
  asking.join();
  ASSERT_TRUE(secrets);
  EXPECT_EQ(secrets->at("password"), "pw");
  EXPECT_NE(seen.find("password (E=691 Access? denied): "), std::string::npos) << seen;
  with([](State& s) { is_up(s, "work"); });
  while (::read(master, &c, 1) == 1) seen += c;
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << seen;
}

}  // namespace
}  // namespace l2tpm::ctl
