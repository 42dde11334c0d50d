// l2tpctl against the real server on a real (private) bus: that they understand each other, and who
// may do what. What it prints is tested in unit/ctl.
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
