// Clients that mean harm: floods, readers that do not read, wrong types, absurd sizes, thousands of
// registrations. Everybody takes turns in one thread, so that what is asserted is order, not time.
#include <gtest/gtest.h>

#include "bus/clients.h"
#include "bus/errors.h"
#include "support/bus_client.h"
#include "support/private_bus.h"
#include "support/served_bus.h"

namespace l2tpm::bus {
namespace {

class BusHostile : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Server::open(service_, bus_.address());
    ASSERT_TRUE(opened);
    server_ = std::move(*opened);
  }
  struct Counted {
    unsigned answers = 0;
    unsigned refused = 0;
    std::string last_error;
    std::vector<sd_bus_message*> replies = {};  // with the descriptors that came in them

    Counted() = default;
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
      for (sd_bus_message* reply : replies) sd_bus_message_unref(reply);
    }
  };
  static int on_answer(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& counted = *static_cast<Counted*>(self);
    ++counted.answers;
    counted.replies.push_back(sd_bus_message_ref(message));
    if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
      counted.last_error = error->name;
      if (counted.last_error == kLimitExceeded) ++counted.refused;
    }
    return 0;
  }
  // A call of Manager, or of ObjectManager, with arguments as sd-bus wants them.
  template <typename... Arguments>
  void call(sdbus::IConnection& from, Counted& counted, const char* member, const char* types,
            Arguments... arguments) {
    const char* const interface = std::string_view(member) == "GetManagedObjects"
                                      ? "org.freedesktop.DBus.ObjectManager"
                                      : dbus::kInterface;
    ASSERT_GE(sd_bus_call_method_async(dbus::raw_bus(from), nullptr, dbus::kName, dbus::kPath,
                                       interface, member, on_answer, &counted, types, arguments...),
              0);
  }
  // The loop as the daemon turns it: a timer that comes first, then one turn of the bus.
  Server::Turn turn() {
    ++timer_;
    return test::turn(*server_, -1, false);
  }
  void serve(sdbus::IConnection& client) {
    turn();
    while (dbus::process_one(client)) {
    }
  }

  // Until all that `client` has sent has been looked at: the bus keeps the order.
  void serve_all(sdbus::IConnection& client) {
    const auto last = dbus::connect(bus_.address());
    Counted end;
    sd_bus_flush(dbus::raw_bus(client));
    sd_bus_message* reply = nullptr;
    ASSERT_GE(sd_bus_call_method(dbus::raw_bus(client), dbus::kBusName, dbus::kBusPath,
                                 dbus::kBusName, "GetId", nullptr, &reply, ""),
              0);
    sd_bus_message_unref(reply);
    call(*last, end, "Subscribe", "");
    while (end.answers == 0) {
      serve(client);
      dbus::process_one(*last);
    }
    while (turn() == Server::Turn::more) {
    }
    serve(client);
  }

  test::PrivateBus bus_;
  test::FakeService service_;
  std::unique_ptr<Server> server_;
  unsigned timer_ = 0;
};

// Five thousand tunnels, a thousand dumps: the timer is served all the while, between any few
// messages and any few lines.
TEST_F(BusHostile, AFloodOfDumpsLeavesTheLoopItsTurns) {
  service_.with([](auto& state) { state.dump_lines.assign(5000, R"({"kind":"tunnel"})"); });
  const auto client = dbus::connect(bus_.address());
  Counted dumps;
  for (int i = 0; i < 1000; ++i) call(*client, dumps, "Dump", "sa{sv}", "state", 0);
  serve_all(*client);
  EXPECT_GT(dumps.refused, 0u) << "few are made, others are told to wait";
  const auto made = service_.with(
      [](auto& state) { return std::count(state.asked.begin(), state.asked.end(), "dump"); });
  EXPECT_GE(made, 1);
  EXPECT_GE(timer_, 1000u / 4) << "no turn handled more than its messages";
  EXPECT_GE(timer_, 5000u / 64) << "or more than its lines";
}

TEST_F(BusHostile, AFloodOfGetManagedObjectsIsRefused) {
  const auto client = dbus::connect(bus_.address());
  const auto other = dbus::connect(bus_.address());
  Counted flood;
  for (int i = 0; i < 1000; ++i) call(*client, flood, "GetManagedObjects", "");
  Counted innocent;
  call(*other, innocent, "ListTunnels", "a{sv}uu", 0, 0, 0);
  serve_all(*client);
  while (innocent.answers == 0) serve(*other);
  EXPECT_GT(flood.refused, 0u);
  EXPECT_EQ(innocent.last_error, "") << "one client's flood is not another's";
  EXPECT_GE(timer_, 1000u / 4);
}

TEST_F(BusHostile, AClientThatWaitsIsServedAgain) {
  Clients clients;
  const TimePoint start{};
  using Verdict = Clients::Verdict;
  unsigned served = 0;
  while (clients.take(":1.1", 20, start) == Verdict::serve) ++served;
  EXPECT_EQ(served, Clients::kCapacity / 20);
  EXPECT_EQ(clients.take(":1.2", 20, start), Verdict::serve);
  EXPECT_EQ(clients.take(":1.1", 1, start), Verdict::refuse);
  const TimePoint later = start + std::chrono::milliseconds(200);
  EXPECT_EQ(clients.take(":1.1", 20, later), Verdict::serve);
  unsigned refused = 0;
  while (clients.take(":1.1", 20, later) == Verdict::refuse) ++refused;
  EXPECT_LE(refused, Clients::kPatience + Clients::kCapacity) << "it is not answered for ever";
  EXPECT_EQ(clients.take(":1.1", 20, later), Verdict::ignore);
  EXPECT_EQ(clients.take(":1.1", 20, later + std::chrono::seconds(3)), Verdict::serve);
}

// A bus that takes nothing from us, as dbus-daemon does when a reader does not read for long: what
// waits in us stays bounded, and nobody's request is lost.
TEST_F(BusHostile, ABusThatTakesNothingIsNotRead) {
  const auto client = dbus::connect(bus_.address());
  service_.with([](auto& state) {
    daemon::TunnelView view;
    view.name = view.profile = "work";
    view.remote = std::string(20'000, 'x');
    state.tunnels.push_back(view);
  });
  constexpr unsigned kCalls = 600;
  Counted calls;
  for (unsigned i = 0; i < kCalls; ++i) call(*client, calls, "DescribeTunnel", "s", "work");
  sd_bus_flush(dbus::raw_bus(*client));
  sd_bus_message* reply = nullptr;  // once this is answered, the calls before it are with us
  ASSERT_GE(sd_bus_call_method(dbus::raw_bus(*client), dbus::kBusName, dbus::kBusPath,
                               dbus::kBusName, "GetId", nullptr, &reply, ""),
            0);
  sd_bus_message_unref(reply);
  bus_.stop();
  for (int i = 0; i < 1000; ++i) turn();
  const unsigned handled = service_.with([](auto& state) { return state.described; });
  EXPECT_GE(handled, 200u);
  EXPECT_LE(handled, 256u + 64u) << "the rest waits in the socket, not in our memory";
  bus_.go_on();
  while (calls.answers < kCalls) serve(*client);
  EXPECT_EQ(service_.with([](auto& state) { return state.described; }) + calls.refused, kCalls);
}

TEST_F(BusHostile, WrongTypesAndSizesAreInvalid) {
  const auto client = dbus::connect(bus_.address());
  const std::string long_name(1'000'000, 'n');
  const std::string long_json(3'000'000, ' ');
  Counted counted;
  const auto answer = [&] {
    const unsigned before = counted.answers;
    counted.last_error.clear();
    while (counted.answers == before) serve(*client);
    return counted.last_error;
  };
  call(*client, counted, "DescribeTunnel", "s", long_name.c_str());
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "GetTunnel", "s", long_name.c_str());
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "PutProfile", "ssu", "x", long_json.c_str(), 0);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "PutProfile", "ssu", "x", "{}", 8);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "CheckConfig", "ss", "x", long_json.c_str());
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "GetProfile", "su", "x", 2);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "Start", "sa{sv}", "x", 1, "password", "u", 7);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "Start", "sa{sv}", "x", 1, long_name.c_str(), "u", 7);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "Stop", "sa{sv}", "x", 1, "result-code", "s", "7");
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "Dump", "sa{sv}", "everything", 0);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "Dump", "sa{sv}", "state", 1, "limit", "s", "7");
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "OpenEventStream", "a{sv}", 1, "events", "as", 1, "earthquake");
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "OpenEventStream", "a{sv}", 1, "packets", "s", "yes");
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "CreateTransient", "sa{sv}a{ss}a{sh}u", "x", 0, 0, 0, 0);
  EXPECT_EQ(answer(), kInvalidArgs) << "no profile";
  call(*client, counted, "CreateTransient", "sa{sv}a{ss}a{sh}u", "x", 1, "profile", "s", "{}", 0, 0,
       8);
  EXPECT_EQ(answer(), kInvalidArgs);
  call(*client, counted, "DescribeTunnel", "u", 7);
  EXPECT_EQ(answer(), kInvalidArgs) << "sd-bus itself compares signatures";
  EXPECT_TRUE(service_.with([](auto& state) { return state.asked; }).empty());
}

TEST_F(BusHostile, AThousandRegistrationsAreNot) {
  const auto client = dbus::connect(bus_.address());
  Counted agents;
  std::vector<std::string> paths;
  for (int i = 0; i < 100; ++i) paths.push_back("/agent" + std::to_string(i));
  for (const std::string& path : paths)
    call(*client, agents, "RegisterAgent", "oas", path.c_str(), 0);
  while (agents.answers < 100) serve(*client);
  EXPECT_EQ(agents.refused, 96u);

  const auto second = dbus::connect(bus_.address());
  Counted streams;
  for (int i = 0; i < 15; ++i) call(*second, streams, "OpenEventStream", "a{sv}", 0);
  while (streams.answers < 15) serve(*second);
  EXPECT_EQ(streams.refused, 11u);

  const auto third = dbus::connect(bus_.address());
  Counted subscriptions;
  for (int i = 0; i < 100; ++i) call(*third, subscriptions, "Subscribe", "");
  while (subscriptions.answers < 100) serve(*third);
  EXPECT_EQ(subscriptions.refused, 0u) << "a client subscribes once, however often it says so";
}

// A transient tunnel carries what it was given, and its owner's end is told to the service.
TEST_F(BusHostile, ATransientTunnelEndsWithItsCaller) {
  auto client = dbus::connect(bus_.address());
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Counted counted;
  call(*client, counted, "CreateTransient", "sa{sv}a{ss}a{sh}u", "vpn", 1, "profile", "s",
       R"({"kind":"client"})", 1, "password", "secret", 1, "ca", ends[0], 1 | 4);
  ::close(ends[0]);
  ::close(ends[1]);
  while (counted.answers == 0) serve(*client);
  EXPECT_EQ(counted.last_error, "");
  const std::string owner = client->getUniqueName();
  service_.with([&](auto& state) {
    ASSERT_EQ(state.transients.size(), 1u);
    const auto& request = state.transients[0];
    EXPECT_EQ(request.owner, owner);
    EXPECT_TRUE(request.start);
    EXPECT_TRUE(request.report_only);
    EXPECT_TRUE(request.secrets.at("password") == Secret(std::string_view("secret")));
    EXPECT_TRUE(request.files.at("ca"));
  });
  client.reset();
  const auto other = dbus::connect(bus_.address());
  const auto vanished = [&] { return service_.with([](auto& state) { return state.vanished; }); };
  while (vanished().empty()) serve(*other);
  EXPECT_EQ(vanished(), std::vector<std::string>{owner});
}

}  // namespace
}  // namespace l2tpm::bus
