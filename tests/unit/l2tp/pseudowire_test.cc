// Pseudowires between two ends of ours: what they agree on, what they refuse and how they say so.
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "support/l2tp_v3_pair.h"
#include "wire/control_digest.h"

namespace l2tpm::l2tp::testing {
namespace {

using wire::MessageType;

// The last message of a type that an end has sent.
wire::ControlMessage last_of(const V3Pair::End& end, MessageType type) {
  for (auto datagram = end.sent.rbegin(); datagram != end.sent.rend(); ++datagram) {
    auto message = wire::decode_control(*datagram);
    if (message && message->type == type) return *message;
  }
  ADD_FAILURE() << "no " << name(type);
  return {};
}

// One pseudowire between a and b, asked for by a.
struct Wire {
  explicit Wire(PseudowireWish a, PseudowireWish b, Settings sa = v3_settings(),
                Settings sb = v3_settings())
      : pair(std::move(sa), std::move(sb)) {
    pair.ends[1].wish = b;
    EXPECT_TRUE(pair.bring_up());
    pair.place(0, request_for("1234", a));
    pair.settle();
  }
  bool is_up() const { return pair.ends[0].up.size() == 1 && pair.ends[1].up.size() == 1; }
  const Pseudowire& a() const { return pair.ends[0].up.begin()->second; }
  const Pseudowire& b() const { return pair.ends[1].up.begin()->second; }
  V3Pair pair;
};

TEST(Pseudowire, ComesUpAndBothEndsKnowTheSame) {
  PseudowireWish wish;
  wish.tx_connect_speed = 10'000'000'000;
  Wire wire(wish, {});
  ASSERT_TRUE(wire.is_up());
  EXPECT_EQ(wire.pair.ends[0].did, "tunnel up v3; session up");
  EXPECT_EQ(wire.pair.ends[1].did, "tunnel up v3; pseudowire to 1234; session up");
  EXPECT_EQ(wire.a().type, wire::kPseudowireEthernet);
  EXPECT_EQ(wire.b().end_id, "1234");
  EXPECT_EQ(wire.a().own.cookie.size(), 8u) << "the default";
  EXPECT_EQ(wire.a().own.cookie, wire.b().peer.cookie);
  EXPECT_EQ(wire.a().peer.cookie, wire.b().own.cookie);
  EXPECT_NE(wire.a().own.cookie, wire.b().own.cookie);
  EXPECT_EQ(wire.b().peer.tx_connect_speed, 10'000'000'000u);
  EXPECT_TRUE(wire.a().peer_circuit_active());
  EXPECT_EQ(wire.b().peer.circuit_status, wire::kCircuitActive | wire::kCircuitNew);
  const SessionId at_a = wire.pair.ends[0].up.begin()->first;
  const SessionId at_b = wire.pair.ends[1].up.begin()->first;
  EXPECT_EQ(wire.pair.ends[0].peer_ids[at_a], at_b);
  EXPECT_EQ(wire.pair.ends[1].peer_ids[at_b], at_a);
  // Remote Session ID 0 is in ICRQ: Cisco insists.
  const auto icrq = last_of(wire.pair.ends[0], MessageType::icrq);
  EXPECT_FALSE(icrq.problem);
  EXPECT_EQ(icrq.session_id, SessionId(0));
  EXPECT_EQ(wire.a().send_overhead(wire::Encapsulation::udp), 8u + 8 + 8);
  EXPECT_EQ(wire.a().send_overhead(wire::Encapsulation::ip), 4u + 8);
}

TEST(Pseudowire, EitherEndMayAskAndMayHangUp) {
  V3Pair pair;
  ASSERT_TRUE(pair.bring_up());
  pair.place(1, request_for("from-b"));
  pair.place(0, request_for("from-a"));
  pair.settle();
  EXPECT_EQ(pair.ends[0].up.size(), 2u);
  EXPECT_EQ(pair.ends[1].up.size(), 2u);
  pair.close_session(0, pair.ends[0].up.begin()->first, {.code = CauseCode::admin_close});
  pair.settle();
  pair.close_session(1, pair.ends[1].up.begin()->first, {.code = CauseCode::admin_close});
  pair.settle();
  EXPECT_EQ(pair.ends[0].downs.size(), 2u);
  EXPECT_EQ(pair.ends[1].downs.size(), 2u);
  EXPECT_TRUE(pair.ends[0].up.empty() && pair.ends[1].up.empty());
  EXPECT_EQ(pair.broken, "");
}

TEST(Pseudowire, EveryCookieSublayerAndSequencing) {
  const auto all = {wire::kSequencingNone, wire::kSequencingNonIp, wire::kSequencingAll};
  const auto sizes = {std::uint8_t{0}, std::uint8_t{4}, std::uint8_t{8}};
  const auto sublayers = {wire::kSublayerNone, wire::kSublayerDefault};
  for (const std::uint8_t cookie_a : sizes)
    for (const std::uint8_t cookie_b : sizes)
      for (const std::uint16_t sublayer_a : sublayers)
        for (const std::uint16_t sublayer_b : sublayers)
          for (const std::uint16_t sequencing_a : all)
            for (const std::uint16_t sequencing_b : all) {
              SCOPED_TRACE(fmt::format("cookies {} {} sublayers {} {} sequencing {} {}", cookie_a,
                                       cookie_b, sublayer_a, sublayer_b, sequencing_a,
                                       sequencing_b));
              PseudowireWish a{.cookie_size = cookie_a, .l2_sublayer = sublayer_a};
              PseudowireWish b{.cookie_size = cookie_b, .l2_sublayer = sublayer_b};
              a.data_sequencing = sequencing_a;
              b.data_sequencing = sequencing_b;
              Wire wire(a, b);
              ASSERT_TRUE(wire.is_up()) << wire.pair.ends[0].did << " / " << wire.pair.ends[1].did;
              EXPECT_EQ(wire.a().own.cookie.size(), cookie_a);
              EXPECT_EQ(wire.b().own.cookie.size(), cookie_b);
              EXPECT_EQ(wire.a().own.cookie, wire.b().peer.cookie);
              EXPECT_EQ(wire.a().peer.cookie, wire.b().own.cookie);
              EXPECT_EQ(wire.a().l2_sublayer, wire.b().l2_sublayer);
              EXPECT_EQ(wire.a().receive_sequence, sequencing_a != 0);
              EXPECT_EQ(wire.b().receive_sequence, sequencing_b != 0);
              EXPECT_EQ(wire.a().send_sequence, wire.b().receive_sequence);
              EXPECT_EQ(wire.b().send_sequence, wire.a().receive_sequence);
              // Numbers have their place in the default sublayer only; else the asking end's wins.
              const bool numbers = sequencing_a != 0 || sequencing_b != 0;
              EXPECT_EQ(wire.a().l2_sublayer, numbers ? 1 : sublayer_a);
            }
}

TEST(Pseudowire, EveryDigestCombination) {
  for (const auto digest : {wire::DigestType::hmac_md5, wire::DigestType::hmac_sha1})
    for (const bool hide : {false, true})
      for (const int secrets : {0, 1, 2})
        for (const bool integrity : {false, true}) {
          SCOPED_TRACE(fmt::format("{} hide {} secrets {} integrity {}", name(digest), hide,
                                   secrets, integrity));
          Settings a = v3_settings();
          a.v3.digest = digest;
          a.v3.integrity_check = integrity;
          a.hide_avps = hide;
          Settings b = v3_settings();
          if (secrets >= 1) a.v3.digest_secrets = {Secret(std::string_view("new"))};
          if (secrets == 2) a.v3.digest_secrets.emplace_back(std::string_view("old"));
          if (secrets >= 1)
            b.v3.digest_secrets = {Secret(std::string_view(secrets == 2 ? "old" : "new"))};
          Wire wire({}, {}, a, b);
          ASSERT_TRUE(wire.is_up()) << wire.pair.ends[0].did << " / " << wire.pair.ends[1].did;
          EXPECT_EQ(wire.pair.ends[0].authenticated, secrets > 0);
          EXPECT_EQ(wire.pair.ends[1].authenticated, secrets > 0);
          const auto status = wire.pair.a().status();
          EXPECT_EQ(status.digests_required, secrets > 0);
          EXPECT_EQ(status.digest_secret, secrets == 2 ? 1u : 0u) << "the peer has the old one";
          EXPECT_EQ(status.avps_hidden, hide && secrets > 0);
          EXPECT_EQ(status.digests_wrong + status.digests_missing, 0u);
          const auto icrq = last_of(wire.pair.ends[0], MessageType::icrq);
          EXPECT_EQ(icrq.problem.has_value(), hide && secrets > 0) << "hidden from us, too";
          // RFC 3931 §6.15: no ZLB where there are digests.
          for (int i : {0, 1})
            for (const Bytes& datagram : wire.pair.ends[i].sent)
              if (secrets > 0 || (integrity && i == 0)) {
                EXPECT_GT(datagram.size(), wire::kControlHeaderSize);
              }
        }
}

// The peer, not yet told of the new secret, and the one that was: both are understood.
TEST(Pseudowire, ARolloverOfSecretsInEveryOrder) {
  using Secrets = std::vector<std::string>;
  const std::string first = "old";
  const std::string second = "new";
  const Secrets steps[] = {Secrets(1, first), Secrets({first, second}), Secrets({second, first}),
                           Secrets(1, second)};
  for (const Secrets& one : steps)
    for (const Secrets& other : steps) {
      SCOPED_TRACE(fmt::format("{} {}", fmt::join(one, "+"), fmt::join(other, "+")));
      V3Pair pair(v3_settings(one), v3_settings(other));
      const bool apart = one.size() == 1 && other.size() == 1 && one != other;
      EXPECT_EQ(pair.bring_up(), !apart);
    }
}

TEST(Pseudowire, OtherTypes) {
  for (const std::uint16_t type : {wire::kPseudowireEthernetVlan, wire::kPseudowirePpp}) {
    V3Pair pair;
    ASSERT_TRUE(pair.bring_up());
    PseudowireRequest request = request_for("x");
    request.type = type;
    pair.place(0, request);
    pair.settle();
    ASSERT_EQ(pair.ends[1].up.size(), 1u);
    EXPECT_EQ(pair.ends[1].up.begin()->second.type, type);
  }
}

TEST(Pseudowire, WaitsForTheTunnel) {
  V3Pair pair;
  pair.place(0, request_for("early"));
  EXPECT_TRUE(pair.bring_up());
  pair.settle();
  EXPECT_EQ(pair.ends[0].up.size(), 1u);
}

// Mismatches: each has its result code and a text that names it, at both ends.
struct Mismatch {
  std::string what;
  std::function<void(V3Pair&)> prepare;
  PseudowireRequest request;
  int result;
  int error;
  std::string text;
};

PseudowireRequest of_type(std::uint16_t type) {
  PseudowireRequest request = request_for("1234");
  request.type = type;
  return request;
}

TEST(Pseudowire, MismatchesAreAnsweredByTheirNames) {
  const auto strict = [](std::uint16_t sublayer) {
    PseudowireWish wish;
    wish.l2_sublayer = sublayer;
    wish.strict_sublayer = true;
    return wish;
  };
  PseudowireWish mtu;
  mtu.interface_mtu = 1500;
  std::vector<Mismatch> rows;
  const auto add = [&rows](std::string what, std::function<void(V3Pair&)> prepare,
                           PseudowireRequest request, int result, int error, std::string text) {
    rows.push_back(
        {std::move(what), std::move(prepare), std::move(request), result, error, std::move(text)});
  };
  add(
      "a type that is not offered", [](V3Pair&) {}, of_type(6), 14, 0,
      "pseudowire type 6 (HDLC) is not offered here, but 5 (Ethernet), 4 (Ethernet VLAN), 7 (PPP)");
  add(
      "a type that the circuit is not",
      [](V3Pair& pair) { pair.ends[1].refusal = wrong_pseudowire_type(5, 4); }, of_type(5), 14, 0,
      "pseudowire type 5 (Ethernet) asked for, it is 4 (Ethernet VLAN) here");
  add(
      "an end id that names nothing",
      [](V3Pair& pair) { pair.ends[1].refusal = unknown_end_id("nowhere"); }, of_type(5), 24, 0,
      "remote end id \"nowhere\" names nothing here");
  add(
      "an end id of another peer",
      [](V3Pair& pair) { pair.ends[1].refusal = unauthorized_end_id("1234"); }, of_type(5), 25, 0,
      "remote end id \"1234\" is another peer's");
  add(
      "an end id that has a session",
      [](V3Pair& pair) { pair.ends[1].refusal = end_id_in_use("1234"); }, of_type(5), 4, 0,
      "remote end id \"1234\" has a session");
  add(
      "no sublayer, insisted on at the answering end",
      [&](V3Pair& pair) { pair.ends[1].wish = strict(0); }, request_for("1234", strict(1)), 2, 6,
      "L2-specific sublayer: none there, the default one here");
  add(
      "the default sublayer, insisted on there",
      [&](V3Pair& pair) { pair.ends[1].wish = strict(1); }, request_for("1234", strict(0)), 2, 6,
      "L2-specific sublayer: the default one there, none here");
  add(
      "another MTU",
      [&](V3Pair& pair) {
        pair.ends[1].wish = mtu;
        pair.ends[1].wish.interface_mtu = 9000;
      },
      request_for("1234", mtu), 23, 0, "interface MTU");
  for (const Mismatch& row : rows) {
    SCOPED_TRACE(row.what);
    V3Pair pair;
    row.prepare(pair);
    ASSERT_TRUE(pair.bring_up());
    pair.place(0, row.request);
    pair.settle();
    EXPECT_TRUE(pair.ends[0].up.empty() && pair.ends[1].up.empty());
    ASSERT_EQ(pair.ends[0].downs.size(), 1u);
    const Cause& at_a = pair.ends[0].downs.front();
    EXPECT_EQ(at_a.result_code, row.result);
    EXPECT_EQ(at_a.error_code, row.error);
    EXPECT_NE(at_a.message.find(row.text), std::string::npos) << at_a.message;
    if (!pair.ends[1].downs.empty()) {
      const Cause& at_b = pair.ends[1].downs.front();
      EXPECT_EQ(at_b.result_code, row.result);
      EXPECT_EQ(at_b.message, at_a.message);
      EXPECT_NE(at_a.by_peer, at_b.by_peer);
    } else {
      EXPECT_TRUE(at_a.by_peer) << "refused before its owner heard of it";
    }
    // The tunnel has nothing to do with it.
    EXPECT_FALSE(pair.ends[0].tunnel_down || pair.ends[1].tunnel_down);
    EXPECT_EQ(pair.broken, "");
  }
}

// RFC 3931 §5.4.2: 16 is "Finite state machine error or timeout".
TEST(Pseudowire, WhatComesNotAtAllOrOutOfTurnIsResult16) {
  Settings impatient = v3_settings();
  impatient.call_setup_timeout = 10s;
  V3Pair pair(v3_settings(), impatient);
  pair.ends[1].silent_about_requests = true;
  ASSERT_TRUE(pair.bring_up());
  pair.place(0, request_for("x"));
  pair.settle(15s);
  ASSERT_EQ(pair.ends[0].downs.size(), 1u);
  EXPECT_EQ(pair.ends[0].downs[0].result_code, 16);
  EXPECT_EQ(pair.ends[1].downs.at(0).code, CauseCode::setup_timeout);

  Wire wire({}, {});
  ASSERT_TRUE(wire.is_up());
  wire::ControlMessage again = last_of(wire.pair.ends[1], MessageType::icrp);
  again.ns = wire.pair.a().status().delivery.nr;
  again.nr = wire.pair.a().status().delivery.ns;
  wire.pair.deliver(0, wire::encode(again));
  const auto cdn = last_of(wire.pair.ends[0], MessageType::cdn);
  EXPECT_EQ(cdn.result_code->result, 16);
  EXPECT_EQ(cdn.result_code->message, "ICRP in state established");
}

TEST(Pseudowire, TheSameMtuAndAnUnsaidOneFit) {
  PseudowireWish mtu;
  mtu.interface_mtu = 1500;
  EXPECT_TRUE(Wire(mtu, mtu).is_up());
  EXPECT_TRUE(Wire(mtu, {}).is_up());
  EXPECT_TRUE(Wire({}, mtu).is_up());
}

TEST(Pseudowire, CircuitStatusGoesBothWays) {
  Wire wire({}, {});
  ASSERT_TRUE(wire.is_up());
  V3Pair& pair = wire.pair;
  const SessionId at_a = pair.ends[0].up.begin()->first;
  const SessionId at_b = pair.ends[1].up.begin()->first;
  const std::size_t sent = pair.ends[0].sent.size();
  pair.a().set_circuit_status(at_a, true, pair.now);
  pair.settle();
  EXPECT_EQ(pair.ends[0].sent.size(), sent) << "nothing has changed";
  pair.a().set_circuit_status(at_a, false, pair.now);
  pair.settle();
  EXPECT_EQ(pair.ends[1].circuits, (std::vector<bool>{false}));
  EXPECT_EQ(last_of(pair.ends[0], MessageType::sli).circuit_status, 0) << "not new any more";
  pair.b().set_circuit_status(at_b, false, pair.now);
  pair.settle();
  EXPECT_EQ(pair.ends[0].circuits, (std::vector<bool>{false}));
  pair.a().set_circuit_status(at_a, true, pair.now);
  pair.settle();
  EXPECT_EQ(pair.ends[1].circuits, (std::vector<bool>{false, true}));
  EXPECT_EQ(last_of(pair.ends[0], MessageType::sli).circuit_status, wire::kCircuitActive);
}

// RFC 3931 §5.4.5: a session may be made although its circuit is not ready.
TEST(Pseudowire, CircuitStatusDuringSetup) {
  PseudowireWish down;
  down.circuit_active = false;
  down.circuit_new = false;
  Wire inactive(down, {});
  ASSERT_TRUE(inactive.is_up());
  EXPECT_FALSE(inactive.b().peer_circuit_active());
  EXPECT_TRUE(inactive.a().peer_circuit_active());

  // Changes between ICRQ and ICCN are in ICCN; between ICRP and ICCN they follow as SLI.
  V3Pair pair;
  ASSERT_TRUE(pair.bring_up());
  pair.ends[1].silent_about_requests = true;
  const SessionId at_a = pair.place(0, request_for("x"));
  ASSERT_TRUE(pair.run([&] { return !pair.ends[1].known.empty(); }));
  const SessionId at_b = *pair.ends[1].known.begin();
  pair.a().set_circuit_status(at_a, false, pair.now);
  pair.b().accept_pseudowire(at_b, {}, pair.now);
  pair.b().set_circuit_status(at_b, false, pair.now);
  pair.settle();
  ASSERT_EQ(pair.ends[1].up.size(), 1u);
  EXPECT_FALSE(pair.ends[1].up.begin()->second.peer_circuit_active());
  EXPECT_TRUE(pair.ends[1].circuits.empty());
  EXPECT_EQ(pair.ends[0].circuits, (std::vector<bool>{false}));
}

TEST(Pseudowire, ErrorsOfTheLineGoBothWays) {
  Wire wire({}, {});
  ASSERT_TRUE(wire.is_up());
  for (int from : {0, 1}) {
    WanErrors errors;
    errors.session = wire.pair.ends[from].up.begin()->first;
    errors.alignment_errors = 7;
    wire.pair.ends[from].connection->send_wan_error_notify(errors, wire.pair.now);
    wire.pair.settle();
    ASSERT_EQ(wire.pair.ends[1 - from].errors.size(), 1u);
    EXPECT_EQ(wire.pair.ends[1 - from].errors[0].alignment_errors, 7u);
  }
  EXPECT_EQ(wire.pair.ends[0].up.size(), 1u);
}

// RFC 3931 §5.4.4, Session Tie Breaker.
TEST(SessionTie, OneOfTwoSurvives) {
  int survivor[2] = {0, 0};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    V3Pair pair(v3_settings(), v3_settings(), {}, seed);
    ASSERT_TRUE(pair.bring_up());
    pair.settle();
    const SessionId from_a = pair.place(0, request_for("same"));
    const SessionId from_b = pair.place(1, request_for("same"));
    pair.settle();
    ASSERT_EQ(pair.ends[0].up.size(), 1u);
    ASSERT_EQ(pair.ends[1].up.size(), 1u);
    const bool a_won = pair.ends[0].up.contains(from_a);
    EXPECT_NE(a_won, pair.ends[1].up.contains(from_b));
    ++survivor[a_won ? 0 : 1];
    const V3Pair::End& loser = pair.ends[a_won ? 1 : 0];
    EXPECT_EQ(loser.did.substr(loser.did.find("session")),
              "session down tie-lost; pseudowire to same; session up");
    EXPECT_EQ(loser.downs[0].result_code, 13);
    EXPECT_TRUE(pair.ends[a_won ? 0 : 1].downs.empty());
    EXPECT_EQ(pair.broken, "");
  }
  EXPECT_GT(survivor[0], 0);
  EXPECT_GT(survivor[1], 0);
}

TEST(SessionTie, WhoSaysOneWinsAndWithoutAnyBothEnd) {
  for (const bool a_says : {false, true})
    for (const bool b_says : {false, true}) {
      if (a_says && b_says) continue;
      SCOPED_TRACE(fmt::format("{} {}", a_says, b_says));
      V3Pair pair;
      ASSERT_TRUE(pair.bring_up());
      pair.settle();
      PseudowireRequest a = request_for("same");
      PseudowireRequest b = a;
      a.use_tie_breaker = a_says;
      b.use_tie_breaker = b_says;
      const SessionId from_a = pair.place(0, a);
      const SessionId from_b = pair.place(1, b);
      pair.settle();
      EXPECT_EQ(pair.ends[0].up.contains(from_a), a_says);
      EXPECT_EQ(pair.ends[1].up.contains(from_b), b_says);
      if (a_says || b_says) continue;
      EXPECT_TRUE(pair.ends[0].up.empty() && pair.ends[1].up.empty());
      ASSERT_EQ(pair.ends[0].downs.size(), 1u);
      ASSERT_EQ(pair.ends[1].downs.size(), 1u);
      EXPECT_EQ(pair.ends[0].downs[0].code, CauseCode::tie_lost);
    }
}

TEST(SessionTie, AnotherCircuitIsNoTie) {
  V3Pair pair;
  ASSERT_TRUE(pair.bring_up());
  pair.settle();
  pair.place(0, request_for("one"));
  pair.place(1, request_for("two"));
  pair.settle();
  EXPECT_EQ(pair.ends[0].up.size(), 2u);
}

// With loss, repetition and disorder, secrets and hiding: every session comes and goes once.
TEST(Pseudowire, ComeAndGoOverABadNetwork) {
  const Network fine;
  const Network lossy{.loss_percent = 20};
  const Network disorderly{.loss_percent = 3, .duplicate_percent = 30, .reorder_percent = 40};
  for (const Network& network : {fine, lossy, disorderly})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(fmt::format("loss {} seed {}", network.loss_percent, seed));
      Settings settings = v3_settings({"secret"});
      settings.hide_avps = seed % 2 == 0;
      settings.v3.digest = seed % 3 == 0 ? wire::DigestType::hmac_sha1 : wire::DigestType::hmac_md5;
      settings.call_setup_timeout = 600s;
      settings.tunnel_setup_timeout = 600s;
      settings.max_retransmissions = 20;
      V3Pair pair(settings, settings, network, seed);
      ASSERT_TRUE(pair.bring_up());
      constexpr std::size_t kEach = 15;
      for (std::size_t i = 0; i < kEach; ++i) {
        pair.place(0, request_for(fmt::format("a{}", i)));
        pair.place(1, request_for(fmt::format("b{}", i)));
      }
      ASSERT_TRUE(pair.run([&] {
        return pair.ends[0].up.size() == 2 * kEach && pair.ends[1].up.size() == 2 * kEach;
      }));
      for (int i : {0, 1})
        for (int k = 0; k < 5; ++k)
          pair.close_session(i, pair.ends[i].up.begin()->first, {.code = CauseCode::admin_close});
      ASSERT_TRUE(pair.run([&] {
        return pair.ends[0].up.size() == pair.ends[1].up.size() &&
               pair.a().status().delivery.in_flight == 0 &&
               pair.b().status().delivery.in_flight == 0;
      }));
      pair.a().close({.code = CauseCode::shutdown}, pair.now);
      ASSERT_TRUE(pair.run([&] { return pair.ends[0].finished && pair.ends[1].finished; }));
      EXPECT_EQ(pair.ends[0].downs.size(), 2 * kEach);
      EXPECT_EQ(pair.ends[1].downs.size(), 2 * kEach);
      EXPECT_EQ(pair.a().status().digests_wrong, 0u);
      EXPECT_EQ(pair.broken, "");
    }
}

TEST(Pseudowire, SessionIdsAreUniqueAcrossConnections) {
  IdPool shared(0xffffffff, 60s);
  SeededRandom random(7);
  auto settings = std::make_shared<const Settings>(v3_settings());
  ControlConnection one(TunnelId(0x10001), settings, random, &shared);
  ControlConnection two(TunnelId(0x10002), settings, random, &shared);
  std::set<SessionId> ids;
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(ids.insert(one.place_pseudowire(request_for("x"), TimePoint(1h))).second);
    EXPECT_TRUE(ids.insert(two.place_pseudowire(request_for("y"), TimePoint(1h))).second);
  }
  EXPECT_EQ(shared.in_use(), 100u);
  one.close({.code = CauseCode::shutdown}, TimePoint(1h));
  for (const Action& action : one.take_actions())
    if (const auto* down = std::get_if<SessionDown>(&action))
      one.forget_session(down->session, TimePoint(1h));
  EXPECT_TRUE(shared.allocate(random, TimePoint(1h) + 61s));
  EXPECT_EQ(shared.in_use(), 51u);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
