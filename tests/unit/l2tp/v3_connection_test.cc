// L2TPv3's control connection: versions, whom it believes, ties, silence.
#include <gtest/gtest.h>

#include "support/captured_log.h"
#include "support/hex.h"
#include "support/l2tp_v3_pair.h"
#include "support/l2tp_v3_samples.h"
#include "wire/control_digest.h"

namespace l2tpm::l2tp::testing {
namespace {

using wire::MessageType;

Settings speaking(Versions versions) {
  Settings settings = v3_settings();
  settings.versions = versions;
  return settings;
}

// RFC 3931 §4.7.3: which version two ends agree on; 0: none.
TEST(Versions, OfEveryPair) {
  const auto agreed = [](Versions a, Versions b) {
    V3Pair pair(speaking(a), speaking(b));
    if (!pair.bring_up()) {
      EXPECT_FALSE(pair.ends[0].version_up || pair.ends[1].version_up);
      return 0u;
    }
    EXPECT_EQ(pair.ends[0].version_up, pair.ends[1].version_up);
    EXPECT_EQ(pair.a().version(), pair.ends[0].version_up);
    pair.settle();
    EXPECT_EQ(pair.a().status().delivery.retransmissions, 0u);
    return pair.ends[0].version_up;
  };
  EXPECT_EQ(agreed(Versions::v2_only, Versions::v2_only), 2u);
  EXPECT_EQ(agreed(Versions::v2_only, Versions::v3_or_v2), 2u);
  EXPECT_EQ(agreed(Versions::v2_only, Versions::v3_only), 0u);
  EXPECT_EQ(agreed(Versions::v3_or_v2, Versions::v2_only), 2u);
  EXPECT_EQ(agreed(Versions::v3_or_v2, Versions::v3_or_v2), 3u);
  EXPECT_EQ(agreed(Versions::v3_or_v2, Versions::v3_only), 3u);
  EXPECT_EQ(agreed(Versions::v3_only, Versions::v3_or_v2), 3u);
  EXPECT_EQ(agreed(Versions::v3_only, Versions::v3_only), 3u);
  EXPECT_EQ(agreed(Versions::v3_only, Versions::v2_only), 0u);
}

TEST(Versions, AV2OnlyPeerIsToldWhichOneIsSpoken) {
  V3Pair pair(speaking(Versions::v2_only), speaking(Versions::v3_only));
  EXPECT_FALSE(pair.bring_up());
  EXPECT_EQ(pair.ends[0].cause.code, CauseCode::not_supported);
  EXPECT_EQ(pair.ends[0].cause.result_code, 5);
  EXPECT_EQ(pair.ends[0].cause.error_code, 3);
  EXPECT_EQ(wire::version_of(pair.ends[1].sent.front()), 2u) << "the peer can read no other";
}

TEST(Versions, CallsAreOfTheVersionThatIsSpoken) {
  V3Pair both(speaking(Versions::v3_or_v2), speaking(Versions::v3_or_v2));
  EXPECT_FALSE(both.a().place_pseudowire(request_for("x"), both.now)) << "not known yet";
  EXPECT_FALSE(both.a().place_incoming_call({}, both.now));
  ASSERT_TRUE(both.bring_up());
  EXPECT_FALSE(both.a().place_incoming_call({}, both.now));
  EXPECT_TRUE(both.place(0, request_for("x")));
  both.settle();
  EXPECT_EQ(both.ends[1].up.size(), 1u);

  V3Pair old(speaking(Versions::v3_or_v2), speaking(Versions::v2_only));
  ASSERT_TRUE(old.bring_up());
  EXPECT_FALSE(old.place(0, request_for("x")));
  const SessionId call = old.a().place_incoming_call({}, old.now);
  EXPECT_TRUE(call);
  EXPECT_LE(call.value(), 0xffffu);
  old.carry_out(0);
  old.ends[0].known.insert(call);
  EXPECT_TRUE(old.run([&] { return old.ends[1].did.ends_with("call of version 2"); }));
}

TEST(Versions, FallbackWithDigestsAndLoss) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Settings settings = speaking(Versions::v3_or_v2);
    settings.v3.digest_secrets.emplace_back(std::string_view("secret"));
    settings.secret = Secret(std::string_view("for version 2"));
    settings.max_retransmissions = 20;
    settings.tunnel_setup_timeout = 600s;
    V3Pair pair(settings, settings, {.loss_percent = 30, .duplicate_percent = 20}, seed);
    ASSERT_TRUE(pair.bring_up()) << seed;
    EXPECT_EQ(pair.ends[0].version_up, 3u);
    EXPECT_TRUE(pair.ends[0].authenticated && pair.ends[1].authenticated);
    EXPECT_EQ(pair.broken, "");
  }
}

// Whoever does not know the secret gets no answer, and each end says what it thinks it is.
TEST(V3Authentication, DifferentSecretsAreSilentlyDroppedAndCounted) {
  test::CapturedLog log;
  V3Pair pair(v3_settings({"one"}), v3_settings({"another"}));
  EXPECT_FALSE(pair.bring_up());
  EXPECT_TRUE(pair.ends[1].sent.empty());
  EXPECT_EQ(pair.ends[1].did, "tunnel down tunnel-auth-failed; finished");
  EXPECT_EQ(pair.ends[0].cause.code, CauseCode::no_answer);
  EXPECT_GT(log.count("a wrong digest"), 0u) << "somebody should hear of it";
}

TEST(V3Authentication, AnEndThatDoesNotAuthenticateIsRefusedWithAText) {
  V3Pair without(v3_settings(), v3_settings({"secret"}));
  EXPECT_FALSE(without.bring_up());
  EXPECT_EQ(without.ends[0].cause.result_code, 4);
  EXPECT_TRUE(without.ends[0].cause.by_peer);
  EXPECT_EQ(without.ends[0].cause.message, "control message authentication (digest) required");
  EXPECT_EQ(without.b().status().digests_missing, 1u);

  // The other way round the refusal cannot be signed, so it is not believed, only counted.
  V3Pair with(v3_settings({"secret"}), v3_settings());
  EXPECT_FALSE(with.bring_up());
  EXPECT_EQ(with.ends[1].cause.message,
            "the peer authenticates control messages, no digest secret here");
  EXPECT_EQ(with.ends[0].cause.code, CauseCode::tunnel_auth_failed);
  EXPECT_GT(with.a().status().digests_missing, 0u);
  EXPECT_NE(with.ends[0].cause.message.find("without"), std::string::npos)
      << with.ends[0].cause.message;
}

TEST(V3Authentication, CiscosChallengeIsAnOption) {
  const auto settings = [](std::string_view secret, bool allowed) {
    Settings out = v3_settings();
    out.v3.cisco_challenge = allowed;
    if (!secret.empty()) out.secret = Secret(secret);
    return out;
  };
  V3Pair same(settings("cisco", true), settings("cisco", true));
  ASSERT_TRUE(same.bring_up());
  EXPECT_TRUE(same.ends[0].authenticated && same.ends[1].authenticated);
  EXPECT_TRUE(wire::decode_control(same.ends[0].sent[0])->challenge);

  V3Pair other(settings("cisco", true), settings("juniper", true));
  EXPECT_FALSE(other.bring_up());
  EXPECT_EQ(other.ends[0].cause.code, CauseCode::tunnel_auth_failed);

  V3Pair off(settings("cisco", true), settings("cisco", false));
  EXPECT_FALSE(off.bring_up());
  EXPECT_EQ(off.ends[0].cause.result_code, 4);
  EXPECT_NE(off.ends[0].cause.message.find("Challenge Response"), std::string::npos);

  V3Pair neither(settings("cisco", false), settings("cisco", false));
  ASSERT_TRUE(neither.bring_up());
  EXPECT_FALSE(wire::decode_control(neither.ends[0].sent[0])->challenge) << "off by default";
}

// §5.4.1: "MUST be performed before utilizing any information contained within". A forger knows
// every id and number, and changes nothing but a counter.
TEST(V3Authentication, AForgedMessageChangesNothingInAnyState) {
  for (const int way : {0, 1, 2, 3}) {
    for (const MessageType type : ::l2tpm::testing::v3_message_types()) {
      for (const bool with_digest : {false, true}) {
        SCOPED_TRACE(fmt::format("way {} {} digest {}", way, name(type), with_digest));
        V3Pair pair(v3_settings({"secret"}), v3_settings({"secret"}));
        if (way == 0) {
          pair.a().open(pair.now);
          pair.carry_out(0);
        } else {
          ASSERT_TRUE(pair.bring_up());
          pair.settle();
        }
        if (way == 2) pair.ends[1].silent_about_requests = true;
        if (way >= 2) pair.place(0, request_for("x"));
        if (way >= 2) pair.settle();
        const auto before = pair.a().status();
        wire::ControlMessage forged = ::l2tpm::testing::v3_sample(type);
        forged.tunnel_id = type == MessageType::sccrq ? TunnelId{} : pair.a().own_tunnel();
        forged.session_id = pair.ends[0].last;
        forged.ns = before.delivery.nr;
        forged.nr = before.delivery.ns;
        wire::EncodeOptions options;
        constexpr wire::DigestType kMd5[] = {wire::DigestType::hmac_md5};
        if (with_digest) options.digests = kMd5;
        Bytes datagram = wire::encode(forged, options);
        const wire::SharedKey wrong[] = {wire::digest_key(as_bytes("guess"))};
        if (with_digest) wire::sign(datagram, wrong, {});
        pair.ends[0].did.clear();
        pair.a().receive_datagram(datagram, pair.now);
        pair.carry_out(0);
        const auto after = pair.a().status();
        EXPECT_EQ(pair.ends[0].did, "");
        EXPECT_EQ(after.state, before.state);
        EXPECT_EQ(after.sessions, before.sessions);
        EXPECT_EQ(after.delivery.nr, before.delivery.nr);
        EXPECT_EQ(after.delivery.in_flight, before.delivery.in_flight);
        EXPECT_EQ(after.digests_wrong + after.digests_missing, 1u);
      }
    }
  }
}

// What was heard once is worth nothing on another connection: the nonces are others.
TEST(V3Authentication, RepliesOfAnotherConnectionAreNotBelieved) {
  V3Pair first(v3_settings({"secret"}), v3_settings({"secret"}), {}, 1);
  ASSERT_TRUE(first.bring_up());
  V3Pair second(v3_settings({"secret"}), v3_settings({"secret"}), {}, 2);
  second.a().open(second.now);
  second.carry_out(0);
  for (const Bytes& datagram : first.ends[1].sent)
    second.a().receive_datagram(datagram, second.now);
  EXPECT_EQ(second.a().state(), ControlConnection::State::wait_ctl_reply);
  EXPECT_GT(second.a().status().digests_wrong, 0u);
}

TEST(V3Connection, ARefusalIsBelievedByWhoAsked) {
  for (const bool secret : {false, true}) {
    const Settings settings = secret ? v3_settings({"s"}) : v3_settings();
    V3Pair pair(settings, settings);
    pair.b().refuse({.code = CauseCode::tie_lost, .message = "ours won"});
    EXPECT_FALSE(pair.bring_up());
    EXPECT_EQ(pair.ends[0].cause.result_code, 3);
    EXPECT_EQ(pair.ends[0].cause.message, "ours won");
    EXPECT_TRUE(pair.ends[0].cause.by_peer);
    EXPECT_TRUE(pair.run([&] { return pair.ends[1].finished; }));
  }
}

TEST(V3Connection, KnowsItsPeer) {
  Settings b = v3_settings();
  b.host_name = "pe2";
  b.vendor_name = "vendor";
  b.v3.router_id = 0x0a000001;
  b.v3.pseudowires = {wire::kPseudowireEthernet};
  b.v3.preferred_language = "sl";
  b.receive_window_size = 7;
  V3Pair pair(v3_settings(), b);
  ASSERT_TRUE(pair.bring_up());
  const PeerInfo& peer = pair.a().peer();
  EXPECT_EQ(peer.host_name, "pe2");
  EXPECT_EQ(peer.vendor_name, "vendor");
  EXPECT_EQ(peer.router_id, 0x0a000001u);
  EXPECT_EQ(peer.pseudowires, std::vector<std::uint16_t>{5});
  EXPECT_EQ(peer.preferred_language, "sl");
  EXPECT_EQ(peer.receive_window_size, 7);
  EXPECT_EQ(peer.tunnel, pair.b().own_tunnel());
  EXPECT_GT(peer.tunnel.value(), 0xffffu) << "32 bits";
}

TEST(V3Connection, TieBreaker) {
  Settings settings = v3_settings();
  settings.use_tie_breaker = true;
  V3Pair pair(settings, settings);
  ASSERT_TRUE(pair.bring_up());
  ASSERT_TRUE(pair.a().tie_breaker());
  EXPECT_EQ(pair.b().peer().tie_breaker, pair.a().tie_breaker());
}

TEST(V3Connection, OutgoingCallsAreRefused) {
  V3Pair pair;
  ASSERT_TRUE(pair.bring_up());
  pair.settle();
  const auto delivery = pair.a().status().delivery;
  wire::ControlMessage ocrq = ::l2tpm::testing::v3_sample(MessageType::ocrq);
  ocrq.tunnel_id = pair.a().own_tunnel();
  ocrq.session_id = SessionId(0);
  ocrq.ns = delivery.nr;
  ocrq.nr = delivery.ns;
  pair.ends[0].sent.clear();
  pair.deliver(0, wire::encode(ocrq));
  const auto cdn = wire::decode_control(pair.ends[0].sent.front());
  EXPECT_EQ(cdn->type, MessageType::cdn);
  EXPECT_EQ(cdn->session_id, ocrq.assigned_session_id);
  EXPECT_EQ(cdn->result_code->result, 5);
  EXPECT_EQ(cdn->result_code->message, "outgoing calls are not served here");
}

TEST(V3Connection, WhatIsWrongWithAMessageEndsWhatItConcerns) {
  const auto receives = [](wire::ControlMessage message, bool established = true) {
    V3Pair pair;
    if (established) {
      EXPECT_TRUE(pair.bring_up());
      pair.place(1, request_for("x"));
      pair.settle();
    }
    const auto delivery = pair.a().status().delivery;
    message.tunnel_id = pair.a().own_tunnel();
    if (message.session_id) message.session_id = pair.ends[0].last;
    message.ns = delivery.nr;
    message.nr = delivery.ns;
    pair.ends[0].sent.clear();
    pair.deliver(0, wire::encode(message));
    std::string text;
    for (const Bytes& datagram : pair.ends[0].sent) {
      const auto answer = wire::decode_control(datagram);
      if (!answer->result_code) continue;
      text += fmt::format("{} {}/{} {}", name(answer->type), answer->result_code->result,
                          answer->result_code->error.value_or(0), answer->result_code->message);
    }
    return text;
  };
  const auto sample = ::l2tpm::testing::v3_sample;
  wire::ControlMessage sli = sample(MessageType::sli);
  sli.others.push_back({
      {9, 200},
      true, false, true, {1}
  });
  EXPECT_EQ(receives(sli), "CDN 2/8 unknown mandatory AVP: vendor 9 type 200");
  wire::ControlMessage icrq = sample(MessageType::icrq);
  icrq.session_id = SessionId(0);
  icrq.assigned_session_id = SessionId(1);
  icrq.assigned_cookie = Bytes(5);
  EXPECT_EQ(receives(icrq), "CDN 2/3 bad AVP value: Assigned Cookie");
  icrq.assigned_cookie.reset();
  icrq.pseudowire_type.reset();
  EXPECT_EQ(receives(icrq), "CDN 2/3 missing AVP: Pseudowire Type");
  icrq.pseudowire_type = wire::kPseudowireEthernet;
  icrq.l2_sublayer.reset();
  EXPECT_EQ(receives(icrq), "CDN 15/0 data sequencing asked for without an L2-specific sublayer");
  wire::ControlMessage hello = sample(MessageType::hello);
  hello.others.push_back({
      {0,                          200},
      true, false, true, {                          }
  });
  EXPECT_EQ(receives(hello), "StopCCN 2/8 unknown mandatory AVP: vendor 0 type 200");
}

// RFC 3931 §4.4: HELLO after silence, and not all connections' at once.
TEST(V3Connection, HelloIsJitteredAndItsSilenceEndsTheTunnel) {
  std::set<Duration> intervals;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Settings settings = v3_settings({"secret"});
    settings.hello_interval = 60s;
    V3Pair pair(settings, settings, {}, seed);
    ASSERT_TRUE(pair.bring_up());
    pair.settle(1s);
    const auto status = pair.a().status();
    ASSERT_TRUE(status.next_hello && status.last_heard);
    intervals.insert(*status.next_hello - *status.last_heard);
    EXPECT_LE(*status.next_hello - *status.last_heard, 60s);
    EXPECT_GE(*status.next_hello - *status.last_heard, 54s);
    pair.deaf[0] = true;
    const TimePoint silence = pair.now;
    ASSERT_TRUE(pair.run([&] { return pair.ends[0].finished; }));
    EXPECT_EQ(pair.ends[0].cause.code, CauseCode::peer_silent);
    EXPECT_LE(pair.now - silence, 60s + 31s + 1s);
  }
  EXPECT_GT(intervals.size(), 1u);
}

// Whatever was under way when the peer fell silent is over in time, and every session has its end.
TEST(V3Connection, SilenceInEveryState) {
  for (const int at : {0, 1})
    for (int datagrams = 0; datagrams < 12; ++datagrams) {
      SCOPED_TRACE(fmt::format("end {} after {} datagrams", at, datagrams));
      Settings settings = v3_settings({"secret"});
      settings.hello_interval = 30s;
      V3Pair pair(settings, settings);
      pair.place(0, request_for("x"));
      pair.a().open(pair.now);
      pair.run([&] {
        return static_cast<int>(pair.ends[0].sent.size() + pair.ends[1].sent.size()) > datagrams;
      });
      if (pair.ends[at].finished) continue;
      pair.deaf[at] = true;
      pair.deaf[1 - at] = true;
      const TimePoint silence = pair.now;
      pair.run([&] { return pair.ends[at].finished; });
      if (pair.b().state() == ControlConnection::State::idle && at == 1) continue;
      EXPECT_TRUE(pair.ends[at].finished);
      EXPECT_TRUE(pair.ends[at].known.empty());
      EXPECT_LE(pair.now - silence, 30s + 60s + 31s);
      EXPECT_EQ(pair.broken, "");
    }
}

// Every state of a call and of the connection meets every message, well-formed and not.
TEST(V3Connection, EveryStateMeetsEveryMessage) {
  for (int way = 0; way < 8; ++way)
    for (const int at : {0, 1})
      for (const MessageType type : ::l2tpm::testing::v3_message_types())
        for (const int session : {0, 1, 2}) {
          SCOPED_TRACE(fmt::format("way {} end {} {} session {}", way, at, name(type), session));
          V3Pair pair;
          if (way == 1) pair.a().open(pair.now);
          if (way >= 2) {
            ASSERT_TRUE(pair.bring_up());
            pair.settle();
          }
          if (way == 3) pair.ends[1].silent_about_requests = true;
          if (way >= 3) pair.place(0, request_for("1234"));
          if (way == 4) pair.run([&] { return !pair.ends[1].known.empty(); }, 1s);
          if (way == 3 || way >= 5) pair.settle();
          if (way == 6) pair.a().close({.code = CauseCode::shutdown}, pair.now);
          if (way == 7) pair.deliver(0, {});
          pair.carry_out(0);
          pair.carry_out(1);
          ControlConnection& connection = *pair.ends[at].connection;
          const auto delivery = connection.status().delivery;
          wire::ControlMessage message = ::l2tpm::testing::v3_sample(type);
          message.tunnel_id = type == MessageType::sccrq ? TunnelId{} : connection.own_tunnel();
          if (session == 0) message.session_id = SessionId(0);
          if (session == 1) message.session_id = pair.ends[at].last;
          message.ns = delivery.nr;
          message.nr = delivery.ns;
          pair.deliver(at, wire::encode(message));
          pair.settle(5s);
          pair.deaf[0] = pair.deaf[1] = true;
          pair.a().close({.code = CauseCode::shutdown}, pair.now);
          pair.b().close({.code = CauseCode::shutdown}, pair.now);
          pair.run([&] { return pair.ends[0].finished && pair.ends[1].finished; });
          EXPECT_TRUE(pair.ends[0].finished && pair.ends[1].finished);
          EXPECT_EQ(pair.broken, "");
        }
}

// Three octets out for each one in, until the peer has shown that it hears us.
TEST(V3Connection, AStrangersAnswerIsBounded) {
  V3Pair pair(v3_settings({"secret"}), v3_settings({"secret"}));
  pair.deaf[0] = true;
  pair.a().open(pair.now);
  pair.run([&] { return pair.ends[1].finished; });
  std::size_t in = 0;
  std::size_t out = 0;
  for (const Bytes& datagram : pair.ends[0].sent) in += datagram.size();
  for (const Bytes& datagram : pair.ends[1].sent) out += datagram.size();
  EXPECT_LE(out, 3 * in);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
