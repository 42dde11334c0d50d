// Client profiles that come over the bus: whom they belong to, what they bring, what is reported
// and not applied, and passwords that somebody is asked for.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/handed_over.h"
#include "support/dialling_pair.h"

namespace l2tpm::daemon {
namespace {

using test::client_text;
using test::loopback;

UniqueFd memfd(const std::string& text) {
  UniqueFd file(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

class Transient : public test::DiallingPair {
 protected:
  static TransientRequest request(const std::string& more = {},
                                  const std::string& password = "\"Secret1\"") {
    TransientRequest request;
    request.name_hint = "vpn";
    request.json = client_text(2, 1, more, password);
    return request;
  }
  Result<std::string, ApiError> create(TransientRequest request) {
    return client.service->create_transient(std::move(request));
  }
  ApiErrorCode refusal(TransientRequest asked) {
    const auto made = create(std::move(asked));
    EXPECT_FALSE(made);
    return made ? ApiErrorCode::failed : made.error().code;
  }
  SessionDetailsView only_session(const std::string& tunnel) {
    const auto view = client.service->tunnel(tunnel);
    if (!view || view->ids.size() != 1) return {};
    return *client.service->session(tunnel, view->ids.front());
  }
};

TEST_F(Transient, LivesAsLongAsItsOwner) {
  run();
  std::vector<std::string> told;
  const test::Listening to_tunnels(client, kTunnelEvents, [&](const Event& event) {
    const auto& tunnel = std::get<TunnelEvent>(event.what);
    told.push_back(tunnel.tunnel + " " + tunnel.old_state + ">" + tunnel.new_state);
  });
  TransientRequest mine = request();
  mine.owner = ":1.7";
  mine.name_hint = "my vpn/1";
  const auto name = create(std::move(mine));
  ASSERT_TRUE(name) << name.error().message;
  EXPECT_EQ(*name, "my-vpn-1");
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(client.service->tunnel(*name)->owner, ":1.7");
  EXPECT_TRUE(client.service->tunnel(*name)->transient);
  // A reload is none of its business, and other owners are not either.
  client.service->reload();
  client.service->owner_vanished(":1.8");
  client.service->owner_vanished("");
  EXPECT_TRUE(both_up());
  client.service->owner_vanished(":1.7");
  EXPECT_FALSE(client.service->tunnel(*name));
  EXPECT_TRUE(until([&] { return client.holds_nothing() && lns.tunnels().empty(); }));
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(), "my-vpn-1 >idle");
  EXPECT_NE(std::find(told.begin(), told.end(), "my-vpn-1 connecting>established"), told.end());
  EXPECT_EQ(told.back().substr(told.back().find('>')), ">");
}

TEST_F(Transient, EveryOwnerGoesWithTheBus) {
  client.profile("vpn", client_text(3, 1, {}, "\"Secret1\"", "false"));
  run();
  for (const char* owner : {":1.7", ":1.8", ""}) {
    TransientRequest asked = request();
    asked.start = false;
    asked.owner = owner;
    asked.name_hint = "of" + std::string(owner);
    ASSERT_TRUE(create(std::move(asked)));
  }
  client.service->owners_vanished();
  EXPECT_FALSE(client.service->tunnel("of-1.7"));
  EXPECT_FALSE(client.service->tunnel("of-1.8"));
  EXPECT_TRUE(client.service->tunnel("of"));
  EXPECT_EQ(client.state_of("vpn"), "idle");
}

TEST_F(Transient, NamesAreMadeUnique) {
  client.profile("vpn", client_text(3, 1, {}, "\"Secret1\"", "false"));
  run();
  TransientRequest asked = request();
  asked.start = false;
  EXPECT_EQ(*create(std::move(asked)), "vpn-2");
  asked = request();
  asked.start = false;
  EXPECT_EQ(*create(std::move(asked)), "vpn-3");
  EXPECT_EQ(client.state_of("vpn-2"), "idle") << "told not to start";
  ASSERT_TRUE(client.service->open_tunnel("vpn-2"));
  ASSERT_TRUE(until([&] { return both_up(); }));
  ASSERT_TRUE(client.service->close_tunnel("vpn-2", {.message = "enough", .result_code = 0}));
  EXPECT_FALSE(client.service->tunnel("vpn-2"));
  asked = request();
  asked.start = false;
  asked.name_hint = std::string(300, 'x');
  EXPECT_LE(create(std::move(asked))->size(), 64u);
}

TEST_F(Transient, WhatIsWrongIsRefused) {
  run();
  TransientRequest asked = request();
  asked.json = "{";
  EXPECT_EQ(refusal(std::move(asked)), ApiErrorCode::invalid_profile);
  asked = request();
  asked.json = test::listener_text(5);
  EXPECT_EQ(refusal(std::move(asked)), ApiErrorCode::invalid_profile);
  EXPECT_EQ(refusal(request({}, R"({"$secret": "gone"})")), ApiErrorCode::invalid_profile);
  EXPECT_EQ(refusal(request({}, R"({"$file": "gone"})")), ApiErrorCode::invalid_profile);
  asked = request({}, R"({"$file": "f"})");
  asked.files.emplace("f", UniqueFd(open("/", O_RDONLY | O_DIRECTORY)));
  EXPECT_EQ(refusal(std::move(asked)), ApiErrorCode::invalid);
  asked = request({}, R"({"$file": "f"})");
  asked.files.emplace("f", memfd(std::string(kLongestFile + 1, 'x')));
  EXPECT_EQ(refusal(std::move(asked)), ApiErrorCode::invalid);
  EXPECT_EQ(refusal(request({}, R"({"$ask": true})")), ApiErrorCode::no_secrets);
  client.service->set_draining(true);
  EXPECT_EQ(client.service->state(), "draining");
  EXPECT_EQ(refusal(request()), ApiErrorCode::draining);
  EXPECT_EQ(client.tunnels(), "");
}

TEST_F(Transient, SecretsAndFilesAreHandedOver) {
  run();
  TransientRequest asked = request({}, R"({"$secret": "pw"})");
  asked.secrets.emplace("pw", Secret(std::string_view("Secret1")));
  ASSERT_TRUE(create(std::move(asked)));
  ASSERT_TRUE(until([&] { return both_up(); }));
  ASSERT_TRUE(client.service->stop("vpn", {}));
  ASSERT_TRUE(until([&] { return lns.tunnels().empty() && client.holds_nothing(); }));
  asked = request({}, R"({"$file": "pw"})");
  asked.files.emplace("pw", memfd("Secret1\n"));
  ASSERT_TRUE(create(std::move(asked)));
  ASSERT_TRUE(until([&] { return both_up(); }));
}

TEST(HandedOver, APipeIsReadWithoutWaiting) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  const auto nothing = read_handed_over(reader);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
  ASSERT_EQ(write(writer.get(), "hush\n", 5), 5);
  const auto secret = read_handed_over(reader);
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, Secret(std::string_view("hush")));
  EXPECT_FALSE(read_handed_over(UniqueFd()));
}

TEST_F(Transient, ReportsAddressesAndAppliesNone) {
  run();
  TransientRequest asked = request(R"("routes": {"default": true, "add": ["10.20.0.0/16"]})");
  asked.report_only = true;
  ASSERT_TRUE(create(std::move(asked)));
  ASSERT_TRUE(until([&] { return both_up(); }));
  const SessionDetailsView session = only_session("vpn");
  EXPECT_EQ(session.ipv4.local, "10.9.0.10");
  EXPECT_EQ(session.ipv4.peer, "10.9.0.1");
  EXPECT_TRUE(session.default_route);
  EXPECT_EQ(session.routes, std::vector<std::string>{"10.20.0.0/16"});
  EXPECT_GT(session.mtu, 1000u);
  EXPECT_NE(session.session.interface, "");
  EXPECT_EQ(client.service->session_by_interface(session.session.interface)->tunnel, "vpn");
  EXPECT_FALSE(client.service->session_by_interface(""));
  ASSERT_EQ(client.dataplane.networks.size(), 1u);
  const auto& network = client.dataplane.networks.begin()->second;
  EXPECT_FALSE(network.addressed);
  EXPECT_TRUE(network.ipv4);
  EXPECT_EQ(client.count_calls("pin_route"), 0u);
}

// ---- passwords ----

class Asker final : public SecretAsker {
 public:
  bool ask(const SecretQuestion& question) override {
    questions.push_back(question);
    return somebody;
  }
  void cancel(std::uint64_t question, const std::string&) override {
    cancelled.push_back(question);
  }
  std::vector<SecretQuestion> questions;
  std::vector<std::uint64_t> cancelled;
  bool somebody = true;
};

class Asking : public Transient {
 protected:
  void set_up_asking() {
    client.profile("work", client_text(2, 1, {}, R"({"$ask": true})", "false"));
    run();
    client.service->set_secret_asker(&asker);
  }
  void answer(const std::string& password) {
    std::map<std::string, Secret> secrets;
    secrets.emplace("password", Secret(std::string_view(password)));
    client.service->answer_secrets(asker.questions.back().id, std::move(secrets));
  }
  void TearDown() override {
    static_cast<void>(client.service->stop("work", {}));
    client.service->set_secret_asker(nullptr);
    Transient::TearDown();
  }
  Asker asker;
};

TEST_F(Asking, TheAnswerIsUsedAndARefusedOneAskedForAgain) {
  set_up_asking();
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_EQ(asker.questions.size(), 1u);
  EXPECT_EQ(client.state_of("work"), "asking");
  EXPECT_EQ(asker.questions[0].names, std::vector<std::string>{"password"});
  EXPECT_FALSE(asker.questions[0].again);
  answer("wrong");
  ASSERT_TRUE(until([&] { return asker.questions.size() == 2; }));
  EXPECT_TRUE(asker.questions[1].again);
  EXPECT_EQ(client.last_error("work").code, CauseCode::auth_failed);
  answer("Secret1");
  ASSERT_TRUE(until([&] { return both_up(); }));
  // It lasts for redials, and goes with Stop.
  client.dataplane.emit(kernel::InterfaceGone{client.dataplane.sessions.begin()->first});
  ASSERT_TRUE(until([&] { return !both_up(); }));
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_EQ(asker.questions.size(), 2u);
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.state_of("work") == "idle"; }));
  ASSERT_TRUE(client.service->start("work", {}));
  EXPECT_EQ(asker.questions.size(), 3u);
}

TEST_F(Asking, NobodyThereOrNoAnswerIsTheEnd) {
  set_up_asking();
  asker.somebody = false;
  const auto started = client.service->start("work", {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ApiErrorCode::no_secrets);
  EXPECT_EQ(client.state_of("work"), "failed");
  asker.somebody = true;
  ASSERT_TRUE(client.service->start("work", {}));
  client.service->answer_secrets(
      asker.questions.back().id,
      Unexpected(ApiError{ApiErrorCode::canceled, "the user does not want to"}));
  EXPECT_EQ(client.state_of("work"), "failed");
  EXPECT_EQ(client.last_error("work").code, CauseCode::no_secrets);
  EXPECT_NE(client.failures().find("the user does not want to"), std::string::npos);
  // Stopped while it is being asked: the question is taken back, a late answer changes nothing.
  ASSERT_TRUE(client.service->start("work", {}));
  ASSERT_TRUE(client.service->stop("work", {}));
  EXPECT_EQ(asker.cancelled, std::vector<std::uint64_t>{asker.questions.back().id});
  answer("Secret1");
  EXPECT_EQ(client.state_of("work"), "idle");
}

TEST_F(Asking, APasswordForOneStartIsNotTriedTwice) {
  set_up_asking();
  ASSERT_TRUE(client.service->start("work", {.password = Secret(std::string_view("Secret1"))}));
  ASSERT_TRUE(until([&] { return both_up(); }));
  EXPECT_TRUE(asker.questions.empty());
  ASSERT_TRUE(client.service->stop("work", {}));
  ASSERT_TRUE(until([&] { return client.holds_nothing() && lns.tunnels().empty(); }));
  client.profile("work", client_text(2, 1, {}, "\"other\"", "false"));
  client.service->reload();
  ASSERT_TRUE(client.service->start("work", {.password = Secret(std::string_view("wrong"))}));
  ASSERT_TRUE(until([&] { return client.state_of("work") == "failed"; }));
  EXPECT_EQ(client.last_error("work").code, CauseCode::auth_failed);
}

TEST(SecretQuestions, AreGivenUpAndBounded) {
  SecretQuestions questions;
  const TimePoint now{};
  EXPECT_FALSE(questions.ask(
      {}, [](auto) {}, now));
  Asker asker;
  questions.set_asker(&asker);
  int given_up = 0;
  ASSERT_TRUE(questions.ask(
      {},
      [&](const SecretQuestions::Answer& answer) {
        given_up += !answer && answer.error().code == ApiErrorCode::timeout ? 1 : 0;
      },
      now));
  EXPECT_EQ(questions.next_deadline(), now + SecretQuestions::kPatience);
  questions.handle_timeout(now + SecretQuestions::kPatience - 1s);
  EXPECT_EQ(given_up, 0);
  questions.handle_timeout(now + SecretQuestions::kPatience);
  EXPECT_EQ(given_up, 1);
  EXPECT_EQ(asker.cancelled.size(), 1u);
  for (std::size_t i = 0; i < SecretQuestions::kMost; ++i)
    EXPECT_TRUE(questions.ask(
        {}, [](auto) {}, now));
  EXPECT_FALSE(questions.ask(
      {}, [](auto) {}, now));
}

}  // namespace
}  // namespace l2tpm::daemon
