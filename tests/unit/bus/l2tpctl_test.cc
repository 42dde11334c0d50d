// l2tpctl against a real server on a real (private) bus: what it prints and how it exits.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "ctl/run.h"
#include "support/private_bus.h"
#include "support/served_bus.h"
#include "support/source_dir.h"

namespace l2tpm::ctl {
namespace {

using test::PrivateBus;
using test::ServedBus;

struct Ran {
  int code;
  std::string out;
  std::string err;
};

Ran run_on(const std::string& address, std::vector<std::string> args) {
  std::ostringstream out;
  std::ostringstream err;
  args.insert(args.begin(), {"--bus", address});
  const int code = run(args, out, err);
  return {code, out.str(), err.str()};
}

daemon::TunnelView tunnel(const std::string& name, const std::string& state) {
  daemon::TunnelView view;
  view.name = view.profile = name;
  view.role = "lac";
  view.state = state;
  view.local = "198.51.100.7:1701";
  view.remote = "192.0.2.1:1701";
  view.tunnel_id = 7;
  view.peer_tunnel_id = 42;
  return view;
}

daemon::SessionView session(const std::string& tunnel_name, std::uint32_t id,
                            const std::string& state) {
  daemon::SessionView view;
  view.tunnel = tunnel_name;
  view.id = id;
  view.peer_id = id + 1000;
  view.pseudowire = "ppp";
  view.state = state;
  view.interface = "l2tp-" + tunnel_name;
  view.user = "alice";
  view.address = "10.77.0.10";
  return view;
}

class L2tpctl : public testing::Test {
 protected:
  Ran ctl(std::vector<std::string> args) { return run_on(bus_.address(), std::move(args)); }
  std::vector<std::string> asked() {
    return served_.service.with([](auto& state) { return state.asked; });
  }

  PrivateBus bus_;
  ServedBus served_{bus_.address()};
};

TEST(L2tpctlAlone, ExitsWith3WithoutADaemon) {
  const PrivateBus bus;
  const Ran ran = run_on(bus.address(), {"status"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err,
            "l2tpctl: l2tp-manager is not running\n  hint: systemctl start l2tp-manager\n");
  EXPECT_EQ(run_on("unix:path=/nonexistent/bus", {"status"}).code, 3);
  EXPECT_EQ(run_on(bus.address(), {"version"}).code, 0) << "version needs no daemon";
}

TEST_F(L2tpctl, StatusIsAnOverview) {
  served_.service.with([](auto& state) {
    auto work = tunnel("work", "established");
    work.sessions = 1;
    auto isp = tunnel("isp", "backoff");
    isp.last_error = Cause{CauseCode::auth_failed, true, 0, 0, 0, "E=691 R=0"};
    state.tunnels = {isp, work};
    state.sessions = {session("work", 21, "up")};
  });
  const Ran ran = ctl({});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "● l2tp-manager 9.8.7 running (kernel: ppp mppe), 2 tunnels, 1 session\n"
            "NAME  ROLE  PEER            STATE        SESSIONS   UP\n"
            "isp   lac   192.0.2.1:1701  backoff      0          (auth-failed by peer: E=691 R=0)\n"
            "work  lac   192.0.2.1:1701  established  l2tp-work  \n");
}

TEST_F(L2tpctl, StatusOfATunnelHasTheErrorAndAHint) {
  served_.service.with([](auto& state) {
    auto isp = tunnel("isp", "failed");
    isp.last_error = Cause{CauseCode::tunnel_auth_failed, true, 4, 0, 0, "go away\\u001b[2J"};
    state.tunnels = {isp};
  });
  const Ran ran = ctl({"status", "isp"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("✗ isp — failed\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("  tunnel-auth-failed by peer (result 4): go away?[2J\n"),
            std::string::npos)
      << "a peer's text must not steer the terminal: " << ran.out;
  EXPECT_NE(ran.out.find("  hint: the tunnel secrets of both ends differ"), std::string::npos);
  EXPECT_EQ(ctl({"status", "nobody"}).code, 4);
}

TEST_F(L2tpctl, ListsAreJsonWithStableFields) {
  served_.service.with([](auto& state) {
    auto work = tunnel("work", "established");
    work.established_at = 1'700'000'000'000'000;
    work.sessions = 1;
    state.tunnels = {work};
    state.sessions = {session("work", 21, "up")};
  });
  const auto tunnels = nlohmann::json::parse(ctl({"-j", "tunnel", "list"}).out);
  EXPECT_EQ(tunnels, nlohmann::json::parse(R"([{
    "name":"work","profile":"work","role":"lac","state":"established",
    "local":"198.51.100.7:1701","remote":"192.0.2.1:1701","tunnel_id":7,"peer_tunnel_id":42,
    "sessions":1,"established_at":1700000000000000,"retry_at":0,
    "last_error":{"code":"none","by_peer":false,"result":0,"error":0,"message":""}}])"));
  const auto sessions = nlohmann::json::parse(ctl({"session", "list", "-j"}).out);
  EXPECT_EQ(sessions, nlohmann::json::parse(R"([{"tunnel":"work","id":21,"peer_id":1021,
    "state":"up","interface":"l2tp-work","user":"alice","address":"10.77.0.10","up_since":0}])"));
  EXPECT_EQ(nlohmann::json::parse(ctl({"-j", "tun", "list", "--state", "idle"}).out),
            nlohmann::json::array());
}

TEST_F(L2tpctl, DescribesAsTheDaemonDoes) {
  served_.service.with([](auto& state) { state.sessions = {session("work", 21, "up")}; });
  EXPECT_EQ(ctl({"-j", "status"}).out, "{\"version\":\"9.8.7\",\"state\":\"running\"}\n");
  EXPECT_EQ(ctl({"-j", "session", "show", "work/21"}).out,
            "{\"id\":21,\"ppp\":{\"mru\":1400,\"dns\":[\"a\",\"b\"]}}\n");
  EXPECT_EQ(ctl({"sess", "sh", "work/21"}).out, "id: 21\nppp:\n  dns: a b\n  mru: 1400\n");
  EXPECT_EQ(ctl({"session", "show", "work/22"}).code, 4);
  EXPECT_EQ(ctl({"tunnel", "show", "nobody"}).code, 4);
}

TEST_F(L2tpctl, ListsLongerThanAPageAreWhole) {
  served_.service.with([](auto& state) {
    for (std::uint32_t id = 1; id <= 2500; ++id) state.sessions.push_back(session("isp", id, "up"));
  });
  EXPECT_EQ(nlohmann::json::parse(ctl({"-j", "session", "list"}).out).size(), 2500u);
}

TEST_F(L2tpctl, UpWaitsForASession) {
  served_.service.with([](auto& state) {
    state.profiles = {"work"};
    state.on_start = [](auto& s) { s.tunnels = {tunnel("work", "connecting")}; };
    state.on_list_tunnels = [looks = 0](auto& s) mutable {
      if (++looks == 3) {
        s.tunnels = {tunnel("work", "established")};
        s.sessions = {session("work", 21, "up")};
      }
    };
  });
  const Ran ran = ctl({"up", "work"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "work: up on l2tp-work, 10.77.0.10\n");
  EXPECT_EQ(ran.err, "") << "progress is for terminals";
  EXPECT_EQ(ctl({"up", "work"}).code, 0) << "running already is what was asked for";
}

TEST_F(L2tpctl, UpGivesUpAtItsTimeWithTheLastError) {
  served_.service.with([](auto& state) {
    state.profiles = {"work"};
    state.on_start = [](auto& s) {
      s.tunnels = {tunnel("work", "backoff")};
      s.tunnels[0].last_error = Cause{CauseCode::no_answer, false, 0, 0, 0, ""};
    };
  });
  const Ran ran = ctl({"up", "work", "-w", "0"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_NE(ran.err.find("l2tpctl: work: still backoff: no-answer\n  hint: "), std::string::npos)
      << ran.err;
}

TEST_F(L2tpctl, UpDoesNotWaitForWhatWaitingCannotMend) {
  served_.service.with([](auto& state) {
    state.profiles = {"work"};
    state.on_start = [](auto& s) {
      s.tunnels = {tunnel("work", "backoff")};
      s.tunnels[0].last_error = Cause{CauseCode::auth_failed, true, 0, 0, 0, "E=691"};
    };
  });
  const Ran ran = ctl({"up", "work"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("auth-failed by peer: E=691"), std::string::npos) << ran.err;
}

TEST_F(L2tpctl, UpStartsAllBeforeItWaits) {
  served_.service.with([](auto& state) { state.profiles = {"a", "b"}; });
  EXPECT_EQ(ctl({"up", "a", "nobody", "b", "--no-wait"}).code, 4);
  EXPECT_EQ(asked(), (std::vector<std::string>{"start a", "start nobody", "start b"}));
}

TEST_F(L2tpctl, SteersAndIsSilentOnSuccess) {
  served_.service.with([](auto& state) {
    state.tunnels = {tunnel("work", "established")};
    state.sessions = {session("work", 21, "up")};
  });
  const Ran down = ctl({"down", "work"});
  EXPECT_EQ(down.code, 0);
  EXPECT_EQ(down.out + down.err, "");
  EXPECT_EQ(ctl({"down", "isp"}).code, 1);
  EXPECT_EQ(ctl({"session", "close", "work/21"}).code, 0);
  EXPECT_EQ(ctl({"session", "close", "work/22"}).code, 4);
  EXPECT_EQ(asked(),
            (std::vector<std::string>{"stop work", "stop isp", "close work/21", "close work/22"}));
}

TEST_F(L2tpctl, ReloadShowsChangesAndErrors) {
  served_.service.with([](auto& state) { state.reload_lines = {"work: changed"}; });
  EXPECT_EQ(ctl({"reload"}).out, "work: changed\n");
  served_.service.with([](auto& state) { state.reload_lines = {"error: isp.json:3:1: what"}; });
  const Ran ran = ctl({"reload"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "error: isp.json:3:1: what\n");
}

// A process that has become nobody and runs one l2tpctl when told to. It is forked before the
// server's thread exists.
class Nobody {
 public:
  Nobody() {
    if (::pipe(order_) != 0 || ::pipe(answer_) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ != 0) return;
    constexpr unsigned kNobody = 65534;
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)
      ::_exit(99);
    std::string text(4096, '\0');
    for (;;) {
      const ssize_t count = ::read(order_[0], text.data(), text.size());
      if (count <= 0) ::_exit(0);
      std::istringstream words(text.substr(0, static_cast<std::size_t>(count)));
      std::string address;
      words >> address;
      std::vector<std::string> args;
      for (std::string word; words >> word;) args.push_back(word);
      const int code = run_on(address, args).code;
      if (::write(answer_[1], &code, sizeof code) != sizeof code) ::_exit(98);
    }
  }
  ~Nobody() {
    ::close(order_[1]);
    ::close(order_[0]);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(answer_[0]);
    ::close(answer_[1]);
  }
  int ctl(const std::string& address, const std::string& words) {
    const std::string text = address + " " + words;
    int code = -1;
    if (::write(order_[1], text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::read(answer_[0], &code, sizeof code) != sizeof code)
      return -1;
    return code;
  }

 private:
  int order_[2], answer_[2];
  pid_t pid_;
};

class Access : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  }
  void nobody_may_look_and_not_touch(const std::string& policy) {
    Nobody nobody;
    const PrivateBus bus(policy);
    ServedBus served(bus.address());
    served.service.with([](auto& state) {
      state.profiles = {"work"};
      state.tunnels = {tunnel("isp", "established")};
      state.sessions = {session("isp", 1, "up")};
    });
    for (const char* look : {"status", "-j status", "status isp", "tunnel list", "session list",
                             "tunnel show isp", "session show isp/1"})
      EXPECT_EQ(nobody.ctl(bus.address(), look), 0) << look;
    for (const char* touch : {"up work", "down isp", "session close isp/1", "reload"})
      EXPECT_EQ(nobody.ctl(bus.address(), touch), 5) << touch;
    served.service.with([](auto& state) { EXPECT_TRUE(state.asked.empty()); });
    EXPECT_EQ(run_on(bus.address(), {"down", "isp"}).code, 0) << "root may";
  }
};

TEST_F(Access, IsCheckedByTheDaemonItself) { nobody_may_look_and_not_touch(test::kOpenPolicy); }

TEST_F(Access, IsCheckedByTheShippedPolicyToo) {
  nobody_may_look_and_not_touch(
      test::system_policy(test::in_source_tree("dbus/org.L2tpManager1.conf")));
}

}  // namespace
}  // namespace l2tpm::ctl
