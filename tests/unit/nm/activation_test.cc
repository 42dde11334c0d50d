// The life of a connection as a timeline: what comes in, and everything that goes out.
#include "nm/activation.h"

#include <gtest/gtest.h>

#include <optional>

namespace l2tpm::nm {
namespace {

std::string text_of(const Action& action) {
  struct Visitor {
    std::string operator()(const EmitState& each) { return std::string(name(each.state)); }
    std::string operator()(const EmitFailure& each) {
      return "failure " + std::string(name(each.failure));
    }
    std::string operator()(const EmitSecretsRequired& each) {
      return "ask " + each.names.at(0) + " \"" + each.message + "\"";
    }
    std::string operator()(const EmitBanner& each) { return "banner " + each.text; }
    std::string operator()(const EmitConfig& each) {
      return "config " + std::get<std::string>(each.config.general.at("tundev")) +
             (each.config.ipv4.empty() ? "" : " v4") + (each.config.ipv6.empty() ? "" : " v6");
    }
    std::string operator()(const CreateTunnel& each) {
      return "create " + each.name_hint + " " +
             std::string(as_text(each.secrets.at("password").octets()));
    }
    std::string operator()(const CloseTunnel&) { return "close"; }
    std::string operator()(const Look&) { return "look"; }
    std::string operator()(const Say& each) { return each.level <= LogLevel::warning ? "!" : ""; }
    std::string operator()(const Quit&) { return "quit"; }
  };
  return std::visit(Visitor{}, action);
}

Connection connection(const std::string& password = "sesame") {
  Connection made;
  made.id = "Work (VPN)";
  made.data = {
      {"gateway", "192.0.2.1"},
      {"user",    "alice"    }
  };
  if (!password.empty()) made.secrets["password"] = Secret(std::string_view(password));
  return made;
}

Observation tunnel(std::string state, std::string code = "", std::string message = "") {
  Observation seen;
  seen.tunnel.state = std::move(state);
  seen.tunnel.gateway = IpAddress::parse("192.0.2.1");
  if (!code.empty()) seen.tunnel.error = Problem{std::move(code), std::move(message), true};
  return seen;
}
Observation up(bool negotiating = false, const char* address = "10.9.0.2", bool ipv6 = false) {
  Observation seen = tunnel("established");
  seen.session.emplace();
  seen.session->state = "up";
  seen.session->interface = "l2tp-7";
  seen.session->negotiating = negotiating;
  seen.session->ipv4.emplace();
  seen.session->ipv4->local = IpAddress::parse(address).value();
  if (ipv6) {
    seen.session->ipv6.emplace();
    seen.session->ipv6->local = IpAddress::parse("fe80::2").value();
  }
  return seen;
}

class ActivationTest : public ::testing::Test {
 protected:
  static constexpr TimePoint kStart{1000s};

  // Everything that happened since the last call; log lines are a "!" for each warning.
  std::string actions() {
    std::string out;
    for (const Action& action : machine_.take_actions()) {
      const std::string text = text_of(action);
      if (!text.empty()) out += out.empty() ? text : "; " + text;
    }
    return out;
  }
  // Goes to the machine's own next deadline, which must be `at`.
  std::string at(Duration when) {
    EXPECT_EQ(machine_.next_deadline(), std::optional(kStart + when));
    now_ = kStart + when;
    machine_.handle_timeout(now_);
    return actions();
  }
  std::string see(const Observation& observation) {
    machine_.observed(observation, now_);
    return actions();
  }
  void pass(Duration time) { now_ += time; }
  // "ok", or the error's last word.
  static std::string outcome(const Result<Done, PluginError>& result) {
    return result ? "ok" : result.error().name.substr(result.error().name.rfind('.') + 1);
  }
  void open_tunnel(const Connection& with, bool interactive = true) {
    ASSERT_EQ(outcome(machine_.connect(with, interactive, now_)), "ok");
    ASSERT_EQ(actions(), "starting; create nm-Work-VPN sesame");
    machine_.tunnel_created(now_);
    ASSERT_EQ(actions(), "look");
  }
  void bring_up(const Connection& with = connection()) {
    open_tunnel(with);
    ASSERT_EQ(see(up()), "config l2tp-7 v4; started");
  }

  TimePoint now_ = kStart;
  Activation machine_{ServiceType::own, "l2tp-7", kStart};
};

TEST_F(ActivationTest, ConnectsAndDisconnects) {
  EXPECT_EQ(machine_.need_secrets(connection(), now_), "");
  bring_up();
  EXPECT_EQ(machine_.next_deadline(), std::nullopt);
  EXPECT_EQ(outcome(machine_.disconnect(now_)), "ok");
  EXPECT_EQ(actions(), "stopping; close; stopped; quit");
  EXPECT_EQ(outcome(machine_.disconnect(now_)), "AlreadyStopped");
  EXPECT_EQ(actions(), "");
}

TEST_F(ActivationTest, SeesWhatIsThereWhileItComesUp) {
  open_tunnel(connection());
  EXPECT_EQ(see(tunnel("resolving")), "");
  EXPECT_EQ(see(tunnel("connecting")), "");
  Observation authenticating = tunnel("established");
  authenticating.session.emplace();
  authenticating.session->state = "authenticating";
  EXPECT_EQ(see(authenticating), "");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
  EXPECT_EQ(see(up()), "");
}

TEST_F(ActivationTest, WaitsALittleForTheOtherFamily) {
  open_tunnel(connection());
  EXPECT_EQ(see(up(true)), "");
  EXPECT_EQ(see(up(false, "10.9.0.2", true)), "config l2tp-7 v4 v6; started");
}

TEST_F(ActivationTest, ButNotForEver) {
  open_tunnel(connection());
  EXPECT_EQ(see(up(true)), "");
  EXPECT_EQ(at(2s), "look");
  EXPECT_EQ(see(up(true)), "config l2tp-7 v4; started");
  // It comes after all.
  EXPECT_EQ(see(up(false, "10.9.0.2", true)), "config l2tp-7 v4 v6");
}

TEST_F(ActivationTest, LooksAgainShouldASignalBeLost) {
  open_tunnel(connection());
  EXPECT_EQ(at(5s), "look");
  EXPECT_EQ(at(10s), "look");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, ABadProfileIsRefusedInTheReply) {
  Connection ipsec = connection();
  ipsec.data["ipsec-enabled"] = "yes";
  EXPECT_EQ(machine_.need_secrets(ipsec, now_), "");
  const auto result = machine_.connect(ipsec, true, now_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().name, "org.freedesktop.NetworkManager.VPN.Error.BadArguments");
  EXPECT_NE(result.error().message.find("IPsec"), std::string::npos);
  EXPECT_EQ(actions(), "!; stopped; quit");
}

TEST_F(ActivationTest, ConnectTwiceIsAnError) {
  bring_up();
  EXPECT_EQ(outcome(machine_.connect(connection(), true, now_)), "AlreadyStarted");
  EXPECT_EQ(actions(), "");
}

TEST_F(ActivationTest, NobodyAnswers) {
  open_tunnel(connection());
  EXPECT_EQ(see(tunnel("backoff", "no-answer")),
            "!; failure connect-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, ANamesNextAddressHasItsChanceWithinTheTime) {
  Connection named = connection();
  named.data["gateway"] = "lns.example.net";
  named.timeout = 90;
  open_tunnel(named);
  EXPECT_EQ(see(tunnel("backoff", "no-answer")), "");
  for (Duration when = 5s; when < 90s; when += 5s) EXPECT_EQ(at(when), "look");
  EXPECT_EQ(at(90s), "!; failure connect-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, OtherFailuresEndTheFirstAttempt) {
  Connection named = connection();
  named.data["gateway"] = "lns.example.net";
  open_tunnel(named);
  EXPECT_EQ(see(tunnel("backoff", "network-failed")),
            "!; failure bad-ip-config; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, AStoredPasswordThatIsWrongIsALoginFailure) {
  EXPECT_EQ(machine_.need_secrets(connection(), now_), "");
  open_tunnel(connection());
  EXPECT_EQ(see(tunnel("backoff", "auth-failed", "go away")),
            "!; failure login-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, APasswordThatWasAskedForIsAskedForAgain) {
  EXPECT_EQ(machine_.need_secrets(connection(""), now_), "vpn");
  open_tunnel(connection());
  EXPECT_EQ(see(tunnel("backoff", "auth-failed", "Enter the next code")),
            "close; ask password \"Enter the next code\"");
  EXPECT_EQ(machine_.state(), ServiceState::starting);
  // What the old tunnel still says is of no interest.
  EXPECT_EQ(see(tunnel("backoff", "auth-failed")), "");
  pass(100s);
  EXPECT_EQ(outcome(machine_.new_secrets(connection("second"), now_)), "ok");
  EXPECT_EQ(actions(), "create nm-Work-VPN second");
  machine_.tunnel_created(now_);
  EXPECT_EQ(actions(), "look");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, ButNotTheSameOneAgain) {
  machine_.need_secrets(connection(""), now_);
  open_tunnel(connection());
  EXPECT_EQ(see(tunnel("backoff", "auth-failed")),
            "close; ask password \"The server refused the password.\"");
  EXPECT_EQ(outcome(machine_.new_secrets(connection("sesame"), now_)), "ok");
  EXPECT_EQ(actions(), "!; failure login-failed; stopping; stopped; quit");
}

TEST_F(ActivationTest, AndNotWithoutEnd) {
  machine_.need_secrets(connection(""), now_);
  open_tunnel(connection());
  for (const char* next : {"two", "three"}) {
    EXPECT_EQ(see(tunnel("backoff", "auth-failed", "no")), "close; ask password \"no\"");
    EXPECT_EQ(outcome(machine_.new_secrets(connection(next), now_)), "ok");
    EXPECT_EQ(actions(), std::string("create nm-Work-VPN ") + next);
    machine_.tunnel_created(now_);
    EXPECT_EQ(actions(), "look");
  }
  EXPECT_EQ(see(tunnel("failed", "auth-failed", "no")),
            "!; failure login-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, NobodyToAskMeansALoginFailure) {
  machine_.need_secrets(connection(""), now_);
  open_tunnel(connection(), false);
  EXPECT_EQ(see(tunnel("backoff", "auth-failed")),
            "!; failure login-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, WhoIsAskedMayTakeThreeMinutes) {
  machine_.need_secrets(connection(""), now_);
  open_tunnel(connection());
  see(tunnel("backoff", "auth-failed"));
  EXPECT_EQ(at(180s), "!; failure login-failed; stopping; stopped; quit");
}

TEST_F(ActivationTest, SecretsThatNobodyAskedFor) {
  bring_up();
  EXPECT_EQ(outcome(machine_.new_secrets(connection("x"), now_)), "WrongState");
  EXPECT_EQ(actions(), "");
}

TEST_F(ActivationTest, ALostLinkComesBack) {
  bring_up();
  pass(100s);
  EXPECT_EQ(see(tunnel("backoff", "peer-silent")), "!; starting");
  EXPECT_EQ(see(tunnel("connecting")), "");
  EXPECT_EQ(see(tunnel("backoff", "no-answer")), "");
  EXPECT_EQ(see(up(false, "10.9.0.3")), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, OrIsGivenUpWithItsLastReason) {
  bring_up();
  pass(100s);
  EXPECT_EQ(see(tunnel("backoff", "peer-silent")), "!; starting");
  for (Duration when = 105s; when < 160s; when += 5s) EXPECT_EQ(at(when), "look");
  EXPECT_EQ(at(160s), "!; failure connect-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, UnlessItIsPersistent) {
  Connection persistent = connection();
  persistent.persistent = true;
  bring_up(persistent);
  EXPECT_EQ(see(tunnel("backoff", "peer-silent")), "!; starting");
  for (Duration when = 5s; when < 300s; when += 5s) ASSERT_EQ(at(when), "look");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, APasswordThatNoLongerHoldsEndsTheRedialling) {
  bring_up();
  EXPECT_EQ(see(tunnel("backoff", "peer-silent")), "!; starting");
  EXPECT_EQ(see(tunnel("backoff", "auth-failed")),
            "!; failure login-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, SomebodyStopsTheTunnel) {
  bring_up();
  machine_.tunnel_vanished(now_);
  EXPECT_EQ(actions(), "!; failure connect-failed; stopping; stopped; quit");
}

TEST_F(ActivationTest, AnotherAddressIsToldWhenItCame) {
  bring_up();
  EXPECT_EQ(see(up(false, "10.9.0.9")), "config l2tp-7 v4");
  EXPECT_EQ(see(up(false, "10.9.0.9")), "");
}

TEST_F(ActivationTest, TheDaemonRefuses) {
  ASSERT_EQ(outcome(machine_.connect(connection(), true, now_)), "ok");
  actions();
  machine_.tunnel_refused("org.freedesktop.DBus.Error.ServiceUnknown", "no such name", now_);
  EXPECT_EQ(actions(), "!; failure connect-failed; stopping; close; stopped; quit");
}

TEST_F(ActivationTest, TheDaemonEndsBeforeTheConnectionIsUp) {
  open_tunnel(connection());
  machine_.daemon_running(false, now_);
  EXPECT_EQ(actions(), "!; failure connect-failed; stopping; stopped; quit");
}

TEST_F(ActivationTest, ADaemonThatIsRestartedIsAskedAgain) {
  bring_up();
  machine_.daemon_running(false, now_);
  EXPECT_EQ(actions(), "!; starting");
  machine_.daemon_running(true, now_);
  EXPECT_EQ(actions(), "create nm-Work-VPN sesame");
  machine_.tunnel_created(now_);
  EXPECT_EQ(actions(), "look");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, ADaemonThatStopsTellsBeforeItGoes) {
  bring_up();
  Observation stopping = tunnel("idle", "shutdown");
  stopping.tunnel.error->by_peer = false;
  EXPECT_EQ(see(stopping), "!; starting");
  machine_.daemon_running(false, now_);
  EXPECT_EQ(actions(), "");
  machine_.daemon_running(true, now_);
  EXPECT_EQ(actions(), "create nm-Work-VPN sesame");
}

TEST_F(ActivationTest, ADaemonThatIsNotReadyIsAskedAgain) {
  ASSERT_EQ(outcome(machine_.connect(connection(), true, now_)), "ok");
  EXPECT_EQ(actions(), "starting; create nm-Work-VPN sesame");
  const auto refused = [this] {
    machine_.tunnel_refused("org.L2tpManager1.Error.WrongState", "the daemon is starting", now_);
    return actions();
  };
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(at(1s), "create nm-Work-VPN sesame");
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(at(2s), "create nm-Work-VPN sesame");
  machine_.tunnel_created(now_);
  EXPECT_EQ(actions(), "look");
  EXPECT_EQ(see(up()), "config l2tp-7 v4; started");
}

TEST_F(ActivationTest, OneThatNeverGetsReadyIsGivenUp) {
  ASSERT_EQ(outcome(machine_.connect(connection(), true, now_)), "ok");
  actions();
  for (int second = 1; second <= 60; ++second) {
    EXPECT_EQ(machine_.state(), ServiceState::starting);
    machine_.tunnel_refused("org.L2tpManager1.Error.WrongState", "the daemon is starting", now_);
    now_ += 1s;
    machine_.handle_timeout(now_);
  }
  machine_.take_actions();
  EXPECT_EQ(machine_.state(), ServiceState::stopped);
  EXPECT_EQ(machine_.next_deadline(), std::nullopt);
}

TEST_F(ActivationTest, ADaemonThatStaysAwayIsNotWaitedForForEver) {
  bring_up();
  machine_.daemon_running(false, now_);
  EXPECT_EQ(actions(), "!; starting");
  EXPECT_EQ(at(60s), "!; failure connect-failed; stopping; stopped; quit");
}

TEST_F(ActivationTest, ADaemonThatStartsForUsIsNoNews) {
  ASSERT_EQ(outcome(machine_.connect(connection(), true, now_)), "ok");
  actions();
  machine_.daemon_running(true, now_);
  EXPECT_EQ(actions(), "");
}

TEST_F(ActivationTest, NetworkManagerDies) {
  bring_up();
  machine_.network_manager_gone(now_);
  EXPECT_EQ(actions(), "!; stopping; close; stopped; quit");
  EXPECT_EQ(machine_.next_deadline(), std::nullopt);
}

TEST_F(ActivationTest, AnIdleOneLeaves) {
  pass(100s);
  machine_.need_secrets(connection(""), now_);
  EXPECT_EQ(at(280s), "stopped; quit");
}

TEST_F(ActivationTest, DisconnectWhileItIsAskedForSecrets) {
  machine_.need_secrets(connection(""), now_);
  open_tunnel(connection());
  see(tunnel("backoff", "auth-failed"));
  EXPECT_EQ(outcome(machine_.disconnect(now_)), "ok");
  EXPECT_EQ(actions(), "stopping; stopped; quit");
}

}  // namespace
}  // namespace l2tpm::nm
