// Dumps and event streams without a bus: slices, sharing, bounds, slow readers.
#include "bus/dumps.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "bus/streams.h"
#include "support/fake_service.h"

namespace l2tpm::bus {
namespace {

std::string read_all(const UniqueFd& file) {
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(file.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

class BusDumps : public testing::Test {
 protected:
  struct Got {
    UniqueFd file;
    std::string error;
  };
  Dumps::Done into(std::vector<Got>& got) {
    return [&got](Result<UniqueFd, Refusal> end) {
      got.emplace_back();
      if (end)
        got.back().file = std::move(*end);
      else
        got.back().error = end.error().name;
    };
  }
  void ask(const std::string& client, std::vector<Got>& got, bool names = true, uid_t user = 1000) {
    dumps_.ask(client, user, daemon::DumpKind::state, {}, names, into(got));
  }
  unsigned finish() {
    unsigned steps = 1;
    while (dumps_.step()) ++steps;
    return steps;
  }
  std::size_t made() {
    return service_.with([](auto& state) { return state.asked.size(); });
  }

  test::FakeService service_;
  Dumps dumps_{service_};
};

TEST_F(BusDumps, AreMadeInSlicesAndSealed) {
  std::string expected;
  service_.with([&](auto& state) {
    for (int i = 0; i < 1000; ++i) {
      state.dump_lines.push_back("{\"n\":" + std::to_string(i) + "}");
      expected += state.dump_lines.back() + "\n";
    }
  });
  std::vector<Got> got;
  ask(":1.1", got);
  EXPECT_GE(finish(), 1000 / Dumps::kLinesPerStep) << "no step makes more than its lines";
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(read_all(got[0].file), expected);
  EXPECT_NE(::fcntl(got[0].file.get(), F_GET_SEALS) & F_SEAL_WRITE, 0);
  EXPECT_LT(::write(got[0].file.get(), "x", 1), 0);
}

TEST_F(BusDumps, ThoseWhoWaitShareOneThoseWhoComeLateDoNot) {
  service_.with([](auto& state) { state.dump_lines.assign(500, "{}"); });
  std::vector<Got> got;
  ask(":1.1", got);
  dumps_.step();
  dumps_.step();  // it has begun
  for (int i = 2; i < 100; ++i) ask(":1." + std::to_string(i), got);
  finish();
  ASSERT_EQ(got.size(), 99u);
  EXPECT_EQ(made(), 2u) << "one for the first, one for all the others";
  EXPECT_EQ(read_all(got[1].file), read_all(got[2].file)) << "each reads from the beginning";
}

TEST_F(BusDumps, HideNamesFromThoseWhoMayNotSeeThem) {
  service_.with([](auto& state) {
    state.dump_lines = {R"({"user":"al\"ice","x":"\"user\":\"y"})", R"({"user": "bob"})"};
  });
  std::vector<Got> got;
  ask(":1.1", got, false);
  ask(":1.2", got, true);
  finish();
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(read_all(got[0].file), R"({"user":"","x":"\"user\":\"y"})"
                                   "\n"
                                   R"({"user": ""})"
                                   "\n");
  EXPECT_NE(read_all(got[1].file).find("bob"), std::string::npos) << "not shared";
}

TEST_F(BusDumps, OneClientWaitsForSoMany) {
  std::vector<Got> got;
  for (std::size_t i = 0; i <= Dumps::kMostWaitingOfOne; ++i) ask(":1.1", got);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].error, kLimitExceeded);
}

TEST_F(BusDumps, WhoLeavesGetsNothing) {
  std::vector<Got> got;
  ask(":1.1", got);
  dumps_.client_left(":1.1");
  finish();
  EXPECT_TRUE(got.empty());
  EXPECT_FALSE(dumps_.busy());
}

// The memory of a dump is ours for as long as somebody has it open, on the bus or not.
TEST_F(BusDumps, AUserKeepsOnlySoManyOpen) {
  service_.with([](auto& state) { state.dump_lines = {"{}"}; });
  std::vector<Got> got;
  for (std::size_t i = 0; i < Dumps::kMostOpenOfUser; ++i) {
    ask(":1." + std::to_string(i), got);
    finish();
  }
  ask(":1.99", got);
  finish();
  EXPECT_EQ(got.back().error, kLimitExceeded);
  ask(":1.100", got, true, 1001);
  finish();
  EXPECT_EQ(got.back().error, "") << "another user is not concerned";
  got.clear();
  ask(":1.99", got);
  finish();
  EXPECT_EQ(got.back().error, "") << "closed ones do not count";
  got.clear();
  dumps_.reap();
  EXPECT_FALSE(dumps_.has_open());
}

// ---- streams ----

daemon::Event tunnel_event(const std::string& name) {
  return {
      0, daemon::TunnelEvent{name, name, "idle", "resolving", {}, "", ""}
  };
}
daemon::Event session_event(const std::string& tunnel, std::uint32_t id) {
  return {
      0, daemon::SessionEvent{tunnel, id, "configuring", "up", {}, "", "alice", ""}
  };
}

class BusStreams : public testing::Test {
 protected:
  UniqueFd open(const daemon::EventFilter& filter, bool names = true,
                const std::string& client = ":1.1") {
    auto reader = streams_.open(client, filter, names);
    if (!reader) return {};
    ::fcntl(reader->get(), F_SETFL, O_NONBLOCK);
    return std::move(*reader);
  }
  std::string read(const UniqueFd& reader) {
    streams_.flush();
    return read_all(reader);
  }

  test::FakeService service_;
  Streams streams_{service_};
};

TEST_F(BusStreams, CarryWhatIsWanted) {
  const auto all = open({});
  daemon::EventFilter filter;
  filter.kinds = daemon::kSessionEvents;
  filter.tunnel = "work";
  const auto some = open(filter, false);
  for (const auto& event : {tunnel_event("work"), session_event("work", 1), session_event("x", 2)})
    service_.emit(event);
  const std::string everything = read(all);
  EXPECT_EQ(std::count(everything.begin(), everything.end(), '\n'), 3);
  EXPECT_NE(everything.find("alice"), std::string::npos);
  const std::string something = read(some);
  EXPECT_EQ(std::count(something.begin(), something.end(), '\n'), 1);
  EXPECT_EQ(something.find("alice"), std::string::npos) << "names are for those who may";
}

TEST_F(BusStreams, ASlowReaderIsToldHowMuchItMissed) {
  const auto reader = open({});
  const std::string name(1000, 'x');
  constexpr int kEvents = 2000;  // two megabytes
  for (int i = 0; i < kEvents; ++i) {
    service_.emit(tunnel_event(name));
    if (i % 10 == 0) streams_.flush();
  }
  std::string text;
  for (std::string part = read(reader); !part.empty(); part = read(reader)) text += part;
  service_.emit(tunnel_event("after"));
  for (std::string part = read(reader); !part.empty(); part = read(reader)) text += part;
  const auto lost = text.find(R"("event":"lost")");
  ASSERT_NE(lost, std::string::npos);
  const auto count = std::stoi(text.substr(text.find("\"count\":", lost) + 8));
  const auto heard = std::count(text.begin(), text.end(), '\n') - 2;  // lost, after
  EXPECT_EQ(heard + count, kEvents);
  EXPECT_LT(text.size(), Streams::kMostBuffered + 128 * 1024) << "nothing piles up";
  EXPECT_NE(text.find("after"), std::string::npos);
}

TEST_F(BusStreams, EndWithTheirReaderAndCostNothingThen) {
  auto reader = open({});
  EXPECT_EQ(service_.subscriptions(), 1u);
  reader.reset();
  streams_.flush();
  EXPECT_EQ(streams_.size(), 0u);
  EXPECT_EQ(service_.subscriptions(), 0u);
  const auto again = open({});
  streams_.client_left(":1.1");
  EXPECT_EQ(streams_.size(), 0u);
}

TEST_F(BusStreams, OneClientHasSoMany) {
  std::vector<UniqueFd> readers;
  for (std::size_t i = 0; i < Streams::kMostOfOne; ++i) readers.push_back(open({}));
  EXPECT_TRUE(readers.back());
  EXPECT_FALSE(open({}));
  EXPECT_TRUE(open({}, true, ":1.2"));
}

}  // namespace
}  // namespace l2tpm::bus
