// Who may do what, with a polkit of our own on a private bus; and agents that are asked for
// secrets.
#include "bus/authority.h"

#include <gtest/gtest.h>

#include <optional>

#include "support/bus_client.h"
#include "support/private_bus.h"
#include "support/served_bus.h"

namespace l2tpm::bus {
namespace {

// Answers, or keeps the question open, as it is told to. Written on sd-bus, whose words are the
// same with both versions of sdbus-c++.
class FakePolkit {
 public:
  explicit FakePolkit(const std::string& address) : connection_(dbus::connect(address)) {
    static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check, 0),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel, 0), SD_BUS_VTABLE_END};
    sd_bus* const bus = dbus::raw_bus(*connection_);
    sd_bus_add_object_vtable(bus, nullptr, "/org/freedesktop/PolicyKit1/Authority",
                             "org.freedesktop.PolicyKit1.Authority", vtable, this);
    sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0);
  }
  ~FakePolkit() {
    for (sd_bus_message* message : open_) sd_bus_message_unref(message);
  }
  FakePolkit(const FakePolkit&) = delete;
  FakePolkit& operator=(const FakePolkit&) = delete;

  void process() {
    while (dbus::process_one(*connection_)) {
    }
  }

  bool authorized = false;
  bool challenge = false;
  bool hangs = false;
  std::vector<std::string> asked;  // "ACTION flags subject"
  std::vector<std::string> canceled;

 private:
  static int on_check(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& polkit = *static_cast<FakePolkit*>(self);
    const char *kind = "", *action = "", *key = "", *value = "", *id = "";
    std::uint32_t flags = 9;
    sd_bus_message_enter_container(message, 'r', "sa{sv}");
    sd_bus_message_read(message, "s", &kind);
    sd_bus_message_skip(message, "a{sv}");
    sd_bus_message_exit_container(message);
    sd_bus_message_read(message, "s", &action);
    sd_bus_message_enter_container(message, 'a', "{ss}");
    sd_bus_message_read(message, "{ss}", &key, &value);
    sd_bus_message_exit_container(message);
    sd_bus_message_read(message, "us", &flags, &id);
    polkit.asked.push_back(std::string(action) + " " + std::to_string(flags) + " " + value);
    if (polkit.hangs) {
      polkit.open_.push_back(sd_bus_message_ref(message));
      return 1;
    }
    return sd_bus_reply_method_return(message, "(bba{ss})", polkit.authorized, polkit.challenge, 0);
  }
  static int on_cancel(sd_bus_message* message, void* self, sd_bus_error*) {
    const char* id = "";
    sd_bus_message_read(message, "s", &id);
    static_cast<FakePolkit*>(self)->canceled.emplace_back(id);
    return sd_bus_reply_method_return(message, "");
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  std::vector<sd_bus_message*> open_;
};

// Everything in one thread: the server, polkit and the callers take turns.
class BusAuthority : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    auto opened = Server::open(service_, bus_.address());
    ASSERT_TRUE(opened);
    server_ = std::move(*opened);
    service_.with([](auto& state) {
      state.profiles = {"work"};
      daemon::SessionView view;
      view.tunnel = "isp-1";
      view.id = 7;
      view.user = "alice";
      state.sessions.push_back(view);
    });
  }
  // Calls a method of Manager and turns everybody until it is answered: the error's name, or "".
  struct Call {
    bool answered = false;
    std::string error;
  };
  std::shared_ptr<Call> call(sdbus::IConnection& from, bool interactive, const char* member,
                             const char* argument) {
    sd_bus* const bus = dbus::raw_bus(from);
    sd_bus_message* message = nullptr;
    sd_bus_message_new_method_call(bus, &message, dbus::kName, dbus::kPath, dbus::kInterface,
                                   member);
    if (argument != nullptr) sd_bus_message_append(message, "sa{sv}", argument, 0);
    sd_bus_message_set_allow_interactive_authorization(message, interactive);
    auto made = std::make_shared<Call>();
    calls_.push_back(made);
    sd_bus_call_async(bus, nullptr, message, on_answer, made.get(), 0);
    sd_bus_message_unref(message);
    return made;
  }
  static int on_answer(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& call = *static_cast<Call*>(self);
    call.answered = true;
    if (const sd_bus_error* error = sd_bus_message_get_error(message)) call.error = error->name;
    return 0;
  }
  template <typename Done>
  void turn_until(sdbus::IConnection& client, Done done) {
    while (!done()) {
      test::turn(*server_, -1, false);
      if (polkit_) polkit_->process();
      while (dbus::process_one(client)) {
      }
    }
  }
  std::string start(sdbus::IConnection& from, bool interactive = false) {
    const auto made = call(from, interactive, "Start", "work");
    turn_until(from, [&] { return made->answered; });
    return made->error;
  }
  std::vector<std::string> asked() {
    return service_.with([](auto& state) { return state.asked; });
  }

  test::PrivateBus bus_;
  test::FakeService service_;
  std::unique_ptr<Server> server_;
  std::optional<FakePolkit> polkit_;
  std::vector<std::shared_ptr<Call>> calls_;
};

TEST_F(BusAuthority, WithoutPolkitItIsRootOnly) {
  const auto nobody = test::connect_as(bus_.address(), test::kNobody);
  EXPECT_EQ(start(*nobody), kAccessDenied);
  EXPECT_TRUE(asked().empty());
  const auto root = dbus::connect(bus_.address());
  EXPECT_EQ(start(*root), "");
}

TEST_F(BusAuthority, PolkitDecidesForOthers) {
  polkit_.emplace(bus_.address());
  const auto nobody = test::connect_as(bus_.address(), test::kNobody);
  EXPECT_EQ(start(*nobody), kAccessDenied);
  polkit_->challenge = true;
  EXPECT_EQ(start(*nobody), kInteractiveRequired) << "a password would help";
  EXPECT_EQ(start(*nobody, true), kAccessDenied) << "it was asked for, and not given";
  EXPECT_TRUE(asked().empty());
  polkit_->authorized = true;
  EXPECT_EQ(start(*nobody), "");
  EXPECT_EQ(polkit_->asked,
            (std::vector<std::string>{
                "org.L2tpManager1.control 0 work", "org.L2tpManager1.control 0 work",
                "org.L2tpManager1.control 1 work", "org.L2tpManager1.control 0 work"}));
}

TEST_F(BusAuthority, RootDoesNotDependOnPolkit) {
  polkit_.emplace(bus_.address());
  polkit_->hangs = true;
  const auto root = dbus::connect(bus_.address());
  EXPECT_EQ(start(*root), "");
  EXPECT_TRUE(polkit_->asked.empty());
}

TEST_F(BusAuthority, AnOpenQuestionHoldsUpNobodyAndIsBounded) {
  polkit_.emplace(bus_.address());
  polkit_->hangs = true;
  const auto nobody = test::connect_as(bus_.address(), test::kNobody);
  std::vector<std::shared_ptr<Call>> made;
  for (std::size_t i = 0; i < Authority::kMostQuestionsOfOne + 3; ++i)
    made.push_back(call(*nobody, true, "Start", "work"));
  const auto answered = [&] {
    return std::count_if(made.begin(), made.end(), [](const auto& one) { return one->answered; });
  };
  turn_until(*nobody, [&] { return answered() == 3; });
  EXPECT_EQ(made.back()->error, kLimitExceeded);
  const auto root = dbus::connect(bus_.address());
  EXPECT_EQ(start(*root), "");
  EXPECT_EQ(answered(), 3);
}

TEST_F(BusAuthority, WhoLeavesIsNotWaitedFor) {
  polkit_.emplace(bus_.address());
  polkit_->hangs = true;
  auto nobody = test::connect_as(bus_.address(), test::kNobody);
  call(*nobody, true, "Start", "work");
  turn_until(*nobody, [&] { return !polkit_->asked.empty(); });
  nobody.reset();
  const auto root = dbus::connect(bus_.address());
  turn_until(*root, [&] { return !polkit_->canceled.empty(); });
  EXPECT_TRUE(asked().empty()) << "nothing was started";
}

TEST_F(BusAuthority, NamesOfUsersAreForThoseWhoMay) {
  polkit_.emplace(bus_.address());
  const auto nobody = test::connect_as(bus_.address(), test::kNobody);
  sd_bus* const bus = dbus::raw_bus(*nobody);
  std::string user = "?";
  const auto ask = [&] {
    user = "?";
    sd_bus_message* message = nullptr;
    sd_bus_message_new_method_call(bus, &message, dbus::kName, dbus::kPath, dbus::kInterface,
                                   "ListSessions");
    sd_bus_message_append(message, "a{sv}uu", 0, 0, 0);
    sd_bus_call_async(
        bus, nullptr, message,
        [](sd_bus_message* reply, void* to, sd_bus_error*) {
          const char* text[7] = {};
          std::uint32_t id = 0, peer = 0;
          sd_bus_message_enter_container(reply, 'a', "(suussssst)");
          sd_bus_message_enter_container(reply, 'r', "suussssst");
          sd_bus_message_read(reply, "suussss", &text[0], &id, &peer, &text[1], &text[2], &text[3],
                              &text[4]);
          *static_cast<std::string*>(to) = text[4] == nullptr ? "none" : text[4];
          return 0;
        },
        &user, 0);
    sd_bus_message_unref(message);
    turn_until(*nobody, [&] { return user != "?"; });
  };
  ask();
  EXPECT_EQ(user, "");
  polkit_->authorized = true;
  ask();
  EXPECT_EQ(user, "alice");
}

// ---- agents ----

class FakeAgent {
 public:
  FakeAgent(const std::string& address, std::string password)
      : connection(dbus::connect(address)), password_(std::move(password)) {
    static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0), SD_BUS_METHOD("RequestSecrets", "oass", "a{ss}", on_request, 0),
        SD_BUS_METHOD("Cancel", "s", "", on_cancel, 0),
        SD_BUS_METHOD("Release", "", "", nullptr, 0), SD_BUS_VTABLE_END};
    sd_bus_add_object_vtable(dbus::raw_bus(*connection), nullptr, "/agent",
                             "org.L2tpManager1.Agent", vtable, this);
  }
  ~FakeAgent() { sd_bus_message_unref(open_); }
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;

  std::unique_ptr<sdbus::IConnection> connection;
  bool hangs = false;
  std::vector<std::string> asked;
  std::vector<std::string> canceled;

 private:
  static int on_request(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& agent = *static_cast<FakeAgent*>(self);
    const char* tunnel = "";
    sd_bus_message_read(message, "o", &tunnel);
    agent.asked.emplace_back(tunnel);
    if (agent.hangs) {
      agent.open_ = sd_bus_message_ref(message);
      return 1;
    }
    if (agent.password_.empty())
      return sd_bus_reply_method_errorf(message, "org.example.Closed", "the dialog was closed");
    return sd_bus_reply_method_return(message, "a{ss}", 1, "password", agent.password_.c_str());
  }
  static int on_cancel(sd_bus_message* message, void* self, sd_bus_error*) {
    const char* reason = "";
    sd_bus_message_read(message, "s", &reason);
    static_cast<FakeAgent*>(self)->canceled.emplace_back(reason);
    return 1;
  }

  std::string password_;
  sd_bus_message* open_ = nullptr;
};

class BusAgents : public BusAuthority {
 protected:
  std::string add(FakeAgent& agent) {
    const auto made = std::make_shared<Call>();
    calls_.push_back(made);
    sd_bus_call_method_async(dbus::raw_bus(*agent.connection), nullptr, dbus::kName, dbus::kPath,
                             dbus::kInterface, "RegisterAgent", on_answer, made.get(), "oas",
                             "/agent", 0);
    turn_until(*agent.connection, [&] { return made->answered; });
    return made->error;
  }
  bool ask(std::uint64_t id, const std::string& owner = "") {
    auto* const asker = service_.with([](auto& state) { return state.asker; });
    return asker->ask({id, "work", owner, {"password"}, "please", false});
  }
  std::string answer(const std::string& name) {
    return service_.with([&](auto& state) { return state.answers[name]; });
  }
};

TEST_F(BusAgents, TheYoungestIsAskedFirstThenTheNext) {
  EXPECT_FALSE(ask(1)) << "nobody is there";
  FakeAgent old(bus_.address(), "secret");
  FakeAgent young(bus_.address(), "");
  EXPECT_EQ(add(old), "");
  EXPECT_EQ(add(old), "org.L2tpManager1.Error.AlreadyExists");
  EXPECT_EQ(add(young), "");
  EXPECT_TRUE(ask(2));
  turn_until(*young.connection, [&] { return !young.asked.empty(); });
  turn_until(*old.connection, [&] { return !answer("password").empty(); });
  EXPECT_EQ(answer("password"), "secret");
  EXPECT_EQ(old.asked, (std::vector<std::string>{"/org/L2tpManager1/tunnel/work"}));
}

TEST_F(BusAgents, WhenTheLastOneLeavesThereIsNoSecret) {
  auto agent = std::make_unique<FakeAgent>(bus_.address(), "secret");
  agent->hangs = true;
  add(*agent);
  EXPECT_TRUE(ask(3));
  turn_until(*agent->connection, [&] { return !agent->asked.empty(); });
  agent.reset();
  const auto other = dbus::connect(bus_.address());
  turn_until(*other, [&] { return !answer("error").empty(); });
}

TEST_F(BusAgents, AQuestionCanBeTakenBack) {
  FakeAgent agent(bus_.address(), "secret");
  agent.hangs = true;
  add(agent);
  EXPECT_TRUE(ask(4));
  turn_until(*agent.connection, [&] { return !agent.asked.empty(); });
  service_.with([](auto& state) { return state.asker; })->cancel(4, "stopped");
  turn_until(*agent.connection, [&] { return !agent.canceled.empty(); });
  EXPECT_EQ(agent.canceled, std::vector<std::string>{"stopped"});
  EXPECT_EQ(answer("password"), "");
}

}  // namespace
}  // namespace l2tpm::bus
