#include "ppp/ccp.h"

#include <gtest/gtest.h>

#include "support/hex.h"
#include "support/ppp_auth.h"

namespace l2tpm::ppp {
namespace {

using testing::all;
using testing::first;
using testing::frames;
using testing::Packet;
using testing::operator""_hex;

constexpr auto kCcp = wire::PppProtocol::ccp;
const TimePoint kStart{};
const FsmTimers kTimers;

MppeKeys v2_keys() { return mschapv2_keys(Bytes(16, 1), Bytes(24, 2), true); }

// "prefer 40 128" and so on.
MppePolicy policy(MppeUse use, bool bits_40, bool bits_128, bool stateful = true) {
  return {.use = use, .allow_40 = bits_40, .allow_128 = bits_128, .allow_stateful = stateful};
}

constexpr std::uint8_t kRequest = 1, kAck = 2, kNak = 3, kReject = 4, kTerminate = 5,
                       kTerminateAck = 6, kResetRequest = 14, kResetAck = 15;

struct Machine {
  explicit Machine(const MppePolicy& settings, const MppeKeys& keys = v2_keys())
      : ccp(settings, keys, kTimers) {
    ccp.open(now);
    note(ccp.take_actions());
  }
  // Remembers what went out last.
  const std::vector<CcpAction>& note(std::vector<CcpAction> taken) {
    actions = std::move(taken);
    for (const auto& frame : frames(actions)) {
      if (frame[2] == kRequest) identifier = frame[3];
    }
    return actions;
  }
  const std::vector<CcpAction>& feed(std::uint8_t code, std::uint8_t id, ByteView options) {
    const Packet packet(kCcp, code, id, options);
    ccp.receive(*packet.packet, now);
    return note(ccp.take_actions());
  }
  // The answer to our last Configure-Request.
  const std::vector<CcpAction>& answer(std::uint8_t code, ByteView options) {
    return feed(code, identifier, options);
  }
  const std::vector<CcpAction>& wait() {
    now = *ccp.next_deadline();
    ccp.handle_timeout(now);
    return note(ccp.take_actions());
  }
  const std::vector<CcpAction>& lose_synchronisation() {
    ccp.lost_synchronisation(now);
    return note(ccp.take_actions());
  }
  // Options of the Configure-Request among the last actions, "" when there is none.
  std::string offered() const { return options_of(kRequest); }
  std::string options_of(std::uint8_t code) const {
    for (const auto& frame : frames(actions))
      if (frame[2] == code) return to_hex(ByteView(frame).subspan(6));
    return "";
  }
  bool sent(std::uint8_t code) const {
    for (const auto& frame : frames(actions))
      if (frame[2] == code) return true;
    return false;
  }

  TimePoint now = kStart;
  Ccp ccp;
  std::vector<CcpAction> actions;
  std::uint8_t identifier = 0;
};

struct Open : Machine {
  explicit Open(const MppePolicy& settings = policy(MppeUse::require, false, true))
      : Machine(settings) {
    answer(kAck, "120601000040"_hex);
    feed(kRequest, 1, "120601000040"_hex);
    EXPECT_TRUE(ccp.is_open());
  }
};

// The names of actions in order: what the kernel depends on.
std::string order(const std::vector<CcpAction>& actions) {
  std::string text;
  for (const auto& action : actions) {
    if (!text.empty()) text += " ";
    if (const auto* frame = std::get_if<SendFrame>(&action))
      text += wire::name(static_cast<wire::PppCode>(frame->frame[2]));
    if (const auto* key = std::get_if<SetMppe>(&action)) text += name(key->direction);
    if (const auto* flags = std::get_if<SetCcpFlags>(&action))
      text += std::string("flags") + (flags->open ? "+open" : "") + (flags->up ? "+up" : "") +
              (flags->must_compress ? "+must" : "");
    if (std::get_if<CcpUp>(&action)) text += "UP";
    if (std::get_if<CcpDown>(&action)) text += "DOWN";
    if (std::get_if<CcpFailed>(&action)) text += "FAILED";
  }
  return text;
}

TEST(Ccp, OffersAllThatIsPermitted) {
  EXPECT_EQ(Machine(policy(MppeUse::prefer, false, true)).offered(), "120601000040");
  EXPECT_EQ(Machine(policy(MppeUse::prefer, true, false)).offered(), "120601000020");
  EXPECT_EQ(Machine(policy(MppeUse::prefer, true, true)).offered(), "120601000060");
  // No LAN Manager hash: MS-CHAPv1 has no 40-bit key.
  const MppeKeys v1 = mschap_keys(Bytes(16, 1), Bytes(8, 2), {});
  EXPECT_EQ(Machine(policy(MppeUse::prefer, true, true), v1).offered(), "120601000040");
}

// The kernel must have the key before the frame that makes it start.
TEST(Ccp, OrderOfActions) {
  Machine machine(policy(MppeUse::require, false, true));
  EXPECT_EQ(order(machine.actions), "flags+open receive Configure-Request");
  EXPECT_EQ(order(machine.feed(kRequest, 1, "120601000040"_hex)), "transmit Configure-Ack");
  EXPECT_EQ(order(machine.answer(kAck, "120601000040"_hex)), "flags+open+up+must UP");

  Machine other_way(policy(MppeUse::prefer, false, true));
  EXPECT_EQ(order(other_way.answer(kAck, "120601000040"_hex)), "");
  EXPECT_EQ(order(other_way.feed(kRequest, 1, "120601000040"_hex)),
            "transmit Configure-Ack flags+open+up UP");
  EXPECT_EQ(to_string(*other_way.ccp.receive_mode()), "MPPE 128 stateless");
  EXPECT_EQ(to_string(*other_way.ccp.transmit_mode()), "MPPE 128 stateless");
}

TEST(Ccp, KeysAndOptionData) {
  Machine machine(policy(MppeUse::prefer, true, true));
  const MppeKeys keys = v2_keys();
  EXPECT_EQ(first<SetMppe>(machine.actions)->start_key,
            keys.start_key(MppeDirection::receive, MppeStrength::bits_128));
  machine.answer(kNak, "120601000020"_hex);
  EXPECT_EQ(machine.offered(), "120601000020");
  const auto set = first<SetMppe>(machine.actions);
  ASSERT_TRUE(set);
  const Secret key = keys.start_key(MppeDirection::receive, MppeStrength::bits_40);
  EXPECT_EQ(set->start_key, key);
  EXPECT_EQ(to_hex(set->option_data()), "120601000020" + to_hex(key.octets()));
  machine.feed(kRequest, 1, "120600000040"_hex);
  machine.feed(kRequest, 2, "120600000040"_hex);
  const auto transmit = first<SetMppe>(machine.actions);
  ASSERT_TRUE(transmit);
  EXPECT_EQ(transmit->direction, MppeDirection::transmit);
  EXPECT_FALSE(transmit->mode.stateless);
  EXPECT_EQ(transmit->start_key, keys.start_key(MppeDirection::transmit, MppeStrength::bits_128));
}

// What we answer to the peer's Configure-Request: Ack, or Nak/Reject with these options.
struct Row {
  const char* what;
  MppePolicy settings;
  const char* request;
  std::uint8_t code;
  const char* options;
};

TEST(Ccp, JudgesThePeersRequest) {
  const MppePolicy only_128 = policy(MppeUse::prefer, false, true);
  const MppePolicy only_40 = policy(MppeUse::prefer, true, false);
  const MppePolicy both = policy(MppeUse::prefer, true, true);
  const MppePolicy required = policy(MppeUse::require, true, true);
  const Row rows[] = {
      {"what we like",               both,     "120601000040",              kAck,    "120601000040"  },
      {"weaker, allowed",            both,     "120601000020",              kAck,    "120601000020"  },
      {"two strengths",              both,     "120601000060",              kNak,    "120601000040"  },
      {"two strengths, one allowed", only_40,  "120601000060",              kNak,    "120601000020"  },
      {"not allowed",                only_128, "120601000020",              kNak,    "120601000040"  },
      {"56 bit",                     both,     "120601000080",              kNak,    "120601000040"  },
      {"Windows' first",             both,     "1206010000e1",              kNak,    "120601000040"  },
      {"MPPC too",                   both,     "120601000041",              kNak,    "120601000040"  },
      {"obsolete",                   both,     "120601000050",              kNak,    "120601000040"  },
      {"unknown bit",                both,     "120681000040",              kNak,    "120601000040"  },
      {"none",                       both,     "120601000000",              kNak,    "120601000040"  },
      {"nothing at all",             both,     "120600000000",              kNak,    "120601000040"  },
      {"stateful, first try",        both,     "120600000040",              kNak,    "120601000040"  },
      {"nothing wanted",             both,     "",                          kAck,    ""              },
      {"nothing wanted, required",   required, "",                          kNak,    "120601000040"  },
      {"BSD",                        both,     "15032f",                    kReject, "15032f"        },
      {"Deflate and MPPE",           both,     "1a047800 120601000040",     kReject, "1a047800"      },
      {"twice",                      both,     "120601000040 120601000040", kReject, "120601000040"  },
      {"short",                      both,     "120501000 0",               kReject, "1205010000"    },
      {"long",                       both,     "12070100004000",            kReject, "12070100004000"},
      {"no value",                   both,     "1202",                      kReject, "1202"          },
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Machine machine(row.settings);
    machine.feed(kRequest, 1, testing::from_hex(row.request));
    EXPECT_TRUE(machine.sent(row.code));
    EXPECT_EQ(machine.options_of(row.code), to_hex(testing::from_hex(row.options)));
    EXPECT_EQ(frames(machine.actions).size(), 1u);
  }
}

TEST(Ccp, MalformedOptionsAreDiscarded) {
  for (const char* options : {"12", "1200", "1201", "1207010000", "12060100004", "1206010000401"}) {
    Bytes octets =
        testing::from_hex(std::string(options).size() % 2 ? std::string(options) + "0" : options);
    if (octets.size() == 6) octets.pop_back();
    Machine machine(policy(MppeUse::prefer, true, true));
    EXPECT_TRUE(frames(machine.feed(kRequest, 1, octets)).empty()) << options;
    EXPECT_TRUE(frames(machine.answer(kNak, octets)).empty()) << options;
    EXPECT_TRUE(frames(machine.answer(kReject, octets)).empty()) << options;
  }
}

TEST(Ccp, StatefulIsConcededToAPeerThatInsists) {
  Machine allowed(policy(MppeUse::prefer, false, true, true));
  allowed.feed(kRequest, 1, "120600000040"_hex);
  EXPECT_EQ(allowed.options_of(kNak), "120601000040");
  allowed.feed(kRequest, 2, "120600000040"_hex);
  EXPECT_EQ(allowed.options_of(kAck), "120600000040");

  Machine strict(policy(MppeUse::prefer, false, true, false));
  for (std::uint8_t id = 1; id <= 5; ++id) {
    strict.feed(kRequest, id, "120600000040"_hex);
    EXPECT_EQ(strict.options_of(kNak), "120601000040");
  }
  // Max-Failure: what cannot be agreed on is rejected.
  strict.feed(kRequest, 6, "120600000040"_hex);
  EXPECT_EQ(strict.options_of(kReject), "120600000040");
}

TEST(Ccp, TakesThePeersNak) {
  const auto after = [](const MppePolicy& settings, const char* nak) {
    Machine machine(settings);
    machine.answer(kNak, testing::from_hex(nak));
    return machine.offered();
  };
  const MppePolicy both = policy(MppeUse::prefer, true, true);
  EXPECT_EQ(after(both, "120601000020"), "120601000020");
  EXPECT_EQ(after(both, "120601000040"), "120601000040");
  EXPECT_EQ(after(both, "1206010000e0"), "120601000040");
  EXPECT_EQ(after(both, "120600000040"), "120600000040");
  EXPECT_EQ(after(policy(MppeUse::prefer, true, true, false), "120600000040"), "120601000040");
  // 56 bit only, no strength, or one that is not ours: no encryption of what we receive.
  EXPECT_EQ(after(both, "120601000080"), "");
  EXPECT_EQ(after(both, "120600000000"), "");
  EXPECT_EQ(after(policy(MppeUse::prefer, false, true), "120601000020"), "");
  // About something else.
  EXPECT_EQ(after(both, "15032f"), "120601000060");
}

TEST(Ccp, RequireFailsWhenRefused) {
  const auto failure = [](Machine& machine) { return first<CcpFailed>(machine.actions); };
  {
    Machine machine(policy(MppeUse::require, false, true));
    machine.answer(kReject, "120601000040"_hex);
    ASSERT_TRUE(failure(machine));
    EXPECT_EQ(failure(machine)->cause.code, CauseCode::encryption_required);
    EXPECT_FALSE(machine.ccp.is_open());
  }
  {
    Machine machine(policy(MppeUse::require, false, true));
    machine.answer(kNak, "120601000080"_hex);
    ASSERT_TRUE(failure(machine));
  }
  {
    Machine machine(policy(MppeUse::require, false, true));
    machine.ccp.protocol_rejected(kStart);
    machine.note(machine.ccp.take_actions());
    ASSERT_TRUE(failure(machine));
    EXPECT_TRUE(failure(machine)->cause.by_peer);
  }
  {
    Open machine;
    machine.feed(kTerminate, 9, {});
    ASSERT_TRUE(failure(machine));
    EXPECT_TRUE(machine.sent(kTerminateAck));
    EXPECT_TRUE(failure(machine)->cause.by_peer);
  }
  {  // one direction only is not enough
    Machine machine(policy(MppeUse::require, false, true));
    machine.answer(kAck, "120601000040"_hex);
    for (std::uint8_t id = 1; id <= 5; ++id) machine.feed(kRequest, id, {});
    EXPECT_TRUE(machine.sent(kNak));
    machine.feed(kRequest, 6, {});
    ASSERT_TRUE(failure(machine));
    EXPECT_FALSE(first<CcpUp>(machine.actions));
    EXPECT_TRUE(machine.sent(kTerminate));
  }
  {  // silence
    Machine machine(policy(MppeUse::require, false, true));
    std::optional<CcpFailed> failed;
    while (machine.ccp.next_deadline() && !failed) failed = first<CcpFailed>(machine.wait());
    ASSERT_TRUE(failed);
    EXPECT_LE(machine.now, kStart + 30s);
  }
}

TEST(Ccp, PreferGoesOnWithout) {
  Machine machine(policy(MppeUse::prefer, false, true));
  machine.answer(kReject, "120601000040"_hex);
  EXPECT_TRUE(machine.sent(kRequest));
  EXPECT_EQ(machine.offered(), "");
  machine.answer(kAck, {});
  machine.feed(kRequest, 1, {});
  const auto up = first<CcpUp>(machine.actions);
  ASSERT_TRUE(up);
  EXPECT_FALSE(up->receive || up->transmit);
  EXPECT_FALSE(first<SetMppe>(machine.actions));

  Machine refused(policy(MppeUse::prefer, false, true));
  refused.ccp.protocol_rejected(kStart);
  EXPECT_EQ(order(refused.ccp.take_actions()), "flags DOWN");
}

TEST(Ccp, NoKeysNoEncryption) {
  Machine required(policy(MppeUse::require, true, true), MppeKeys{});
  EXPECT_EQ(order(required.actions), "FAILED");
  EXPECT_EQ(first<CcpFailed>(required.actions)->cause.code, CauseCode::encryption_required);

  Machine preferred(policy(MppeUse::prefer, true, true), MppeKeys{});
  EXPECT_EQ(order(preferred.actions), "flags+open Configure-Request");
  EXPECT_EQ(preferred.offered(), "");
  preferred.feed(kRequest, 1, "120601000040"_hex);
  EXPECT_EQ(preferred.options_of(kReject), "120601000040");
}

TEST(Ccp, LostSynchronisationAsksForAReset) {
  Open machine;
  EXPECT_EQ(order(machine.lose_synchronisation()), "Reset-Request");
  const std::uint8_t id = frames(machine.actions)[0][3];
  EXPECT_TRUE(machine.lose_synchronisation().empty());  // one at a time
  EXPECT_TRUE(machine.feed(kResetAck, static_cast<std::uint8_t>(id + 1), {}).empty());
  EXPECT_TRUE(machine.ccp.next_deadline());
  machine.feed(kResetAck, id, {});
  EXPECT_FALSE(machine.ccp.next_deadline());
  EXPECT_TRUE(machine.ccp.is_open());
  EXPECT_EQ(order(machine.lose_synchronisation()), "Reset-Request");
}

TEST(Ccp, WithoutResetAckItNegotiatesAnew) {
  Open machine;
  machine.lose_synchronisation();
  EXPECT_EQ(order(machine.wait()), "Reset-Request");
  EXPECT_EQ(order(machine.wait()), "Reset-Request");
  EXPECT_EQ(order(machine.wait()), "flags+open DOWN receive Configure-Request");
  EXPECT_EQ(machine.now, kStart + 3s);
  machine.answer(kAck, "120601000040"_hex);
  EXPECT_EQ(order(machine.feed(kRequest, 2, "120601000040"_hex)),
            "transmit Configure-Ack flags+open+up+must UP");
}

TEST(Ccp, ResetRequestIsAnswered) {
  Open machine;
  EXPECT_EQ(frames(machine.feed(kResetRequest, 0x33, "0000"_hex)),
            std::vector<Bytes>{"80fd 0f 33 0004"_hex});
  Machine not_open(policy(MppeUse::prefer, false, true));
  EXPECT_TRUE(not_open.feed(kResetRequest, 1, {}).empty());
  EXPECT_TRUE(not_open.feed(kResetAck, 1, {}).empty());
  EXPECT_TRUE(not_open.lose_synchronisation().empty());
}

// The kernel stopped our compressor when the request passed it: nothing may pass for a duplicate.
TEST(Ccp, RequestWhileOpenStartsAnewWithTheStartKeys) {
  Open machine;
  EXPECT_EQ(order(machine.feed(kRequest, 1, "120601000040"_hex)),
            "flags+open DOWN receive Configure-Request transmit Configure-Ack");
  EXPECT_EQ(machine.offered(), "120601000040");
  EXPECT_EQ(order(machine.answer(kAck, "120601000040"_hex)), "flags+open+up+must UP");
}

TEST(Ccp, SecondAckStartsAnewOnlyIfTheKernelOrThePeerMoved) {
  // One request, its Ack duplicated by the network: nothing moved, the unit is up.
  Open duplicated;
  EXPECT_TRUE(duplicated.answer(kAck, "120601000040"_hex).empty());

  // Two copies, two Acks: the peer's compressor began twice.
  Machine twice(policy(MppeUse::require, false, true));
  EXPECT_EQ(order(twice.wait()), "receive Configure-Request");
  twice.feed(kRequest, 1, "120601000040"_hex);
  EXPECT_EQ(order(twice.answer(kAck, "120601000040"_hex)), "flags+open+up+must UP");
  EXPECT_EQ(order(twice.answer(kAck, "120601000040"_hex)),
            "flags+open DOWN receive Configure-Request");

  // Before we are up the kernel initialises at every Ack.
  Machine early(policy(MppeUse::require, false, true));
  early.answer(kAck, "120601000040"_hex);
  EXPECT_EQ(order(early.answer(kAck, "120601000040"_hex)), "receive Configure-Request");
}

// The kernel has taken an Ack that was not for our last request: it gets the key again.
TEST(Ccp, LateOrWrongAckIsUndone) {
  Machine machine(policy(MppeUse::require, false, true));
  EXPECT_EQ(order(machine.feed(kAck, 200, "120601000040"_hex)), "receive");
  EXPECT_EQ(order(machine.answer(kAck, "120600000040"_hex)), "receive");
  machine.feed(kRequest, 1, "120601000040"_hex);
  EXPECT_EQ(order(machine.answer(kAck, "120601000040"_hex)), "flags+open+up+must UP");
}

// Our compressor runs since our Ack; what stops it in the kernel without a new Ack voids that one.
TEST(Ccp, WhatStopsTheCompressorBeforeWeAreOpenStartsAnew) {
  struct Acknowledged : Machine {
    Acknowledged() : Machine(policy(MppeUse::prefer, false, true)) {
      EXPECT_EQ(order(feed(kRequest, 1, "120601000040"_hex)), "transmit Configure-Ack");
    }
  };
  Acknowledged malformed;
  EXPECT_EQ(order(malformed.feed(kRequest, 2, "ffff0e010a02"_hex)), "receive Configure-Request");
  EXPECT_FALSE(malformed.ccp.is_open());
  malformed.answer(kAck, "120601000040"_hex);
  EXPECT_FALSE(malformed.ccp.is_open());
  EXPECT_EQ(order(malformed.feed(kRequest, 3, "120601000040"_hex)),
            "transmit Configure-Ack flags+open+up UP");

  Acknowledged terminated;
  EXPECT_EQ(order(terminated.feed(kTerminateAck, 1, {})), "receive Configure-Request");

  // An answered one needs nothing.
  Acknowledged repeated;
  EXPECT_EQ(order(repeated.feed(kRequest, 1, "120601000040"_hex)), "transmit Configure-Ack");
  EXPECT_EQ(order(repeated.feed(kRequest, 2, "120601000020"_hex)), "Configure-Nak");
}

TEST(Ccp, ResetsThatDoNotHelpEndInANegotiation) {
  Open machine;
  unsigned resets = 0;
  while (machine.ccp.is_open()) {
    ASSERT_LT(++resets, 100u);
    machine.lose_synchronisation();
    machine.feed(kResetAck, frames(machine.actions)[0][3], {});
    machine.now += 50ms;
  }
  EXPECT_EQ(resets, 20u);
  EXPECT_EQ(order(machine.actions), "flags+open DOWN receive Configure-Request");
  // Now and then is no reason.
  Open seldom;
  for (resets = 0; resets < 100; ++resets) {
    seldom.lose_synchronisation();
    seldom.feed(kResetAck, frames(seldom.actions)[0][3], {});
    seldom.now += 500ms;
  }
  EXPECT_TRUE(seldom.ccp.is_open());
}

TEST(Ccp, LowerDownAndOpenAgain) {
  Open machine;
  machine.ccp.lower_down(kStart);
  EXPECT_EQ(order(machine.ccp.take_actions()), "flags+open DOWN flags");
  EXPECT_FALSE(machine.ccp.receive_mode());
  EXPECT_FALSE(machine.ccp.next_deadline());
  machine.ccp.open(kStart);
  EXPECT_EQ(order(machine.ccp.take_actions()), "flags+open receive Configure-Request");
}

TEST(Ccp, CloseAndPeerBeginsAgain) {
  Open machine(policy(MppeUse::prefer, false, true));
  machine.ccp.close(kStart, "bye");
  EXPECT_EQ(order(machine.ccp.take_actions()), "flags+open DOWN Terminate-Request");
  EXPECT_EQ(order(machine.feed(kTerminateAck, 2, {})), "flags");

  // After its Terminate-Request the peer starts over: the kernel must be open for it again.
  Open ended(policy(MppeUse::prefer, false, true));
  ended.feed(kTerminate, 9, {});
  while (ended.ccp.next_deadline()) ended.wait();
  EXPECT_EQ(order(ended.feed(kRequest, 10, "120601000040"_hex)),
            "flags+open receive Configure-Request transmit Configure-Ack");
}

}  // namespace
}  // namespace l2tpm::ppp
