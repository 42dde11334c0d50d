#include "ppp/link.h"

#include <gtest/gtest.h>

#include "support/ppp_link_samples.h"
#include "support/ppp_text.h"

namespace l2tpm::ppp {
namespace {

using test::both_up;
using test::client;
using test::from_hex;
using test::give;
using test::lns;
using test::Pair;
using test::sent;
using wire::PppProtocol;

TEST(Link, ComesUpWithEveryMethod) {
  for (const AuthMethod method :
       {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap, AuthMethod::mschapv2}) {
    Pair pair(client(), lns({method}));
    pair.open();
    pair.run(20s, [&] { return both_up(pair); });
    EXPECT_EQ(pair.a.trace, "we are alice; install; ipv6; ipv4 10.0.0.7 > 10.0.0.1")
        << name(method);
    EXPECT_EQ(pair.z.trace,
              "credentials alice; peer is alice; install; ipv6; ipv4 10.0.0.1 > 10.0.0.7");
    EXPECT_LT(pair.now, TimePoint{} + 1s);
    EXPECT_EQ(pair.a.addresses->dns[0].to_string(), "9.9.9.9");
    EXPECT_EQ(pair.a.link->phase(), LinkPhase::running);
    EXPECT_EQ(pair.a.link->status().auth_of_us, name(method));
    EXPECT_EQ(pair.z.link->status().user, "alice");
  }
}

TEST(Link, AuthenticatesBothWaysAtOnce) {
  LinkSettings a = client();
  a.authenticate_peer = {AuthMethod::mschapv2};
  a.mppe = {.use = MppeUse::require};
  LinkSettings z = lns();
  z.answer = {AuthMethod::mschapv2};
  z.user = "gateway";
  z.password = Secret("Other2");
  z.mppe = {.use = MppeUse::require};
  Pair pair(a, z);
  pair.a.passwords = {
      {"gateway", "Other2"}
  };
  pair.open();
  pair.run(20s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair));
  EXPECT_EQ(pair.a.keys[MppeDirection::transmit], pair.z.keys[MppeDirection::receive]);
  EXPECT_EQ(pair.a.keys[MppeDirection::receive], pair.z.keys[MppeDirection::transmit]);
}

TEST(Link, WithoutAuthentication) {
  Pair pair(client(), lns({}));
  pair.open();
  pair.run(20s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair));
}

TEST(Link, AWrongPasswordEndsBothAndInstallsNothing) {
  for (const AuthMethod method :
       {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap, AuthMethod::mschapv2}) {
    LinkSettings wrong = client();
    wrong.password = Secret("guess");
    Pair pair(wrong, lns({method}));
    pair.open();
    pair.run(60s);
    ASSERT_TRUE(pair.a.down && pair.z.down);
    EXPECT_EQ(pair.a.down->code, CauseCode::auth_failed) << pair.a.down->to_string();
    EXPECT_EQ(pair.z.down->code, CauseCode::auth_failed) << pair.z.down->to_string();
    EXPECT_EQ(pair.a.installs + pair.z.installs, 0);
  }
}

TEST(Link, NoCommonMethodEndsBoth) {
  LinkSettings a = client();
  a.answer = {AuthMethod::pap};
  Pair pair(a, lns());
  pair.open();
  pair.run(60s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::auth_unacceptable);
}

TEST(Link, TheFirstAcceptableRequestIsHeldUntilTheInstall) {
  Pair pair(client(), lns());
  pair.z.install_takes = 2s;
  pair.open();
  pair.run(1900ms);
  EXPECT_EQ(pair.z.installs, 1);
  EXPECT_FALSE(sent(pair.z, "IPCP Configure-Ack"));
  EXPECT_TRUE(sent(pair.z, "IPCP Configure-Nak"));  // of 0.0.0.0: needs no kernel
  EXPECT_TRUE(sent(pair.z, "IPCP Configure-Request"));
  pair.run(5s);
  EXPECT_TRUE(both_up(pair));
}

TEST(Link, AStrangerInstallsNothing) {
  Pair pair(client(), lns());
  pair.swallow = {
      {"CHAP Response", 1000}
  };
  pair.open();
  pair.run(120s);
  EXPECT_EQ(pair.z.installs, 0);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::setup_timeout);
}

TEST(Link, NobodyAnswers) {
  Pair pair(client(), lns());
  pair.loss_percent = 100;
  pair.open();
  pair.run(28s);
  ASSERT_TRUE(pair.a.down.has_value());
  EXPECT_EQ(pair.a.down->code, CauseCode::lcp_failed);
  EXPECT_EQ(pair.a.down->message, "the peer answers no LCP Configure-Request");
}

// Every method and encryption, with losses, duplicates and reordering: all come up, nothing is left
// half open, and both agree on keys and addresses.
class LossyLink : public ::testing::TestWithParam<int> {};

TEST_P(LossyLink, ComesUp) {
  const auto loss = static_cast<unsigned>(GetParam());
  int tries = 0, failures = 0;
  for (const AuthMethod method :
       {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap, AuthMethod::mschapv2}) {
    const bool has_keys = method == AuthMethod::mschap || method == AuthMethod::mschapv2;
    for (const MppeUse use : {MppeUse::off, MppeUse::prefer, MppeUse::require}) {
      if (use == MppeUse::require && !has_keys) continue;
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(std::string(name(method)) + " " + std::string(name(use)) + " seed " +
                     std::to_string(seed));
        LinkSettings a = client(), z = lns({method});
        a.mppe = z.mppe = {.use = use};
        Pair pair(a, z, seed);
        pair.loss_percent = loss;
        pair.duplicate_percent = 5;
        pair.reorder_percent = 10;
        pair.open();
        pair.run(120s, [&] { return both_up(pair) || pair.a.down || pair.z.down; });
        ++tries;
        if (!both_up(pair)) {
          ++failures;
          if (loss < 30) ADD_FAILURE() << pair.a.trace << " | " << pair.z.trace;
          continue;
        }
        if (use == MppeUse::require) {
          EXPECT_EQ(pair.a.keys[MppeDirection::transmit], pair.z.keys[MppeDirection::receive]);
        }
        pair.loss_percent = 0;
        pair.run(pair.now - TimePoint{} + 60s);
        EXPECT_TRUE(both_up(pair)) << pair.a.trace << " | " << pair.z.trace;
        EXPECT_EQ(pair.a.installs, 1);
        EXPECT_EQ(pair.z.installs, 1);
      }
    }
  }
  // One try in twenty may find ten losses in a row at 30 %.
  EXPECT_LE(failures, tries / 20) << "of " << tries;
}

INSTANTIATE_TEST_SUITE_P(Loss, LossyLink, ::testing::Values(0, 5, 20, 30));

TEST(Link, EncryptionIsUpBeforeTheNetworkProtocols) {
  LinkSettings a = client(), z = lns();
  a.mppe = z.mppe = {.use = MppeUse::require};
  Pair pair(a, z);
  pair.open();
  pair.run(20s, [&] { return both_up(pair); });
  ASSERT_TRUE(both_up(pair));
  const auto first = [](const test::End& end, const char* prefix) {
    return std::find_if(end.frames.begin(), end.frames.end(),
                        [&](const std::string& frame) { return frame.rfind(prefix, 0) == 0; });
  };
  EXPECT_LT(first(pair.z, "CCP Configure-Ack"), first(pair.z, "IPCP"));
  EXPECT_TRUE(pair.z.flags.must_compress);
  EXPECT_EQ(pair.a.link->status().mppe_receive, "MPPE 128 stateless");
}

TEST(Link, RequiredEncryptionThatThePeerRefusesEndsTheLink) {
  LinkSettings z = lns();
  z.mppe = {.use = MppeUse::require};
  Pair pair(client(), z);
  pair.open();
  pair.run(60s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::encryption_required);
  EXPECT_EQ(pair.z.trace.find("ipv4"), std::string::npos);
}

TEST(Link, RequiredEncryptionWithoutKeysEndsTheLink) {
  LinkSettings z = lns({AuthMethod::pap});
  z.mppe = {.use = MppeUse::require};
  Pair pair(client(), z);
  pair.open();
  pair.run(60s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::encryption_required);
  EXPECT_EQ(pair.z.installs, 0);
}

TEST(Link, PreferredEncryptionThatThePeerRefusesIsDoneWithout) {
  LinkSettings z = lns();
  z.mppe = {.use = MppeUse::prefer};
  Pair pair(client(), z);
  pair.open();
  pair.run(20s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair));
  EXPECT_TRUE(sent(pair.a, "LCP Protocol-Reject id 2 CCP"));
}

// peers.md, section 4, row 8: IPCP killed by a Terminate-Ack while CCP was in flight.
TEST(Link, PeersSection4Row8_IpcpIsHeldWhileCcpIsInFlight) {
  LinkSettings a = client();  // starts IPCP at once
  LinkSettings z = lns();
  a.mppe = z.mppe = {.use = MppeUse::prefer};
  a.ccp_wait = 0s;
  Pair pair(a, z);
  pair.swallow = {
      {"CCP Configure-Ack", 4}
  };
  pair.open();
  pair.run(60s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair)) << pair.a.trace << " | " << pair.z.trace;
  EXPECT_FALSE(sent(pair.z, "IPCP Terminate-Ack"));
  EXPECT_FALSE(sent(pair.z, "Protocol-Reject"));
}

TEST(Link, ARejectedIpv6cpLeavesIpv4Alone) {
  LinkSettings a = client();
  a.network.ipv6.enabled = false;
  Pair pair(a, lns());
  pair.open();
  pair.run(10s);
  EXPECT_TRUE(pair.a.ipv4 && pair.z.ipv4);
  EXPECT_FALSE(pair.z.ipv6 || pair.z.down);
}

TEST(Link, ATerminatedIpv6cpLeavesIpv4Alone) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  pair.swallow = {
      {"IPCP",   1000},
      {"IPV6CP", 1000}
  };  // the other end does not know
  give(pair, pair.z, PppProtocol::ipv6cp, "05400004");
  pair.run(15s);
  EXPECT_FALSE(pair.z.ipv6);
  EXPECT_TRUE(pair.z.ipv4);
  EXPECT_FALSE(pair.z.down.has_value());
  give(pair, pair.z, PppProtocol::ipcp, "05410004");
  pair.run(30s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::peer_closed);
}

TEST(Link, UnknownProtocolsAreRejectedDataIsNot) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  const std::uint32_t before = pair.z.link->status().frames_ignored;
  pair.z.frames.clear();
  give(pair, pair.z, PppProtocol::ecp, "01010004");
  give(pair, pair.z, PppProtocol::ccp, "01010004");
  give(pair, pair.z, PppProtocol::ipv4, "45000014");
  give(pair, pair.z, PppProtocol::ipv6, "60000000");
  ASSERT_EQ(pair.z.frames.size(), 2u);
  EXPECT_NE(pair.z.frames[0].find("Protocol-Reject"), std::string::npos);
  EXPECT_NE(pair.z.frames[0].find("ECP"), std::string::npos);
  EXPECT_NE(pair.z.frames[1].find("CCP"), std::string::npos);
  EXPECT_EQ(pair.z.link->status().frames_ignored, before + 2);
}

TEST(Link, IsClosedPolitely) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  pair.a.trace.clear();
  pair.a.link->close({.code = CauseCode::admin_close}, pair.now);
  pair.settle(pair.a);
  pair.run(10s);
  EXPECT_EQ(pair.a.trace, "ipv4 down; ipv6 down; down admin-close");
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::peer_closed);
  EXPECT_EQ(pair.z.down->message, "admin-close");
  EXPECT_FALSE(pair.z.ipv4 || pair.z.ipv6);
}

TEST(Link, ClosingASilentPeerTakesThreeSeconds) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  pair.loss_percent = 100;
  const TimePoint before = pair.now;
  pair.a.link->close({.code = CauseCode::shutdown}, pair.now);
  pair.settle(pair.a);
  pair.run(20s, [&] { return pair.a.down.has_value(); });
  EXPECT_EQ(pair.now - before, 3s);
  EXPECT_EQ(pair.a.down->code, CauseCode::shutdown);
}

TEST(Link, LowerDownSaysNothing) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  pair.a.frames.clear();
  pair.a.link->lower_down({.code = CauseCode::peer_silent}, pair.now);
  pair.settle(pair.a);
  EXPECT_TRUE(pair.a.frames.empty());
  EXPECT_EQ(pair.a.down->code, CauseCode::peer_silent);
  EXPECT_EQ(pair.a.link->next_deadline(), std::nullopt);
}

TEST(Link, APeerThatFallsSilentIsNoticed) {
  Pair pair(client(), lns());
  pair.open();
  pair.run(5s, [&] { return both_up(pair); });
  const TimePoint before = pair.now;
  pair.loss_percent = 100;
  pair.run(120s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::echo_timeout);
  EXPECT_LT(before + 70s, pair.now);
}

TEST(Link, TheInstallNeverComes) {
  Pair pair(client(), lns());
  pair.z.install_takes = 3600s;
  pair.open();
  pair.run(20s);
  EXPECT_FALSE(pair.z.down.has_value());  // the daemon's to decide
  EXPECT_FALSE(pair.z.ipv4);
}

TEST(Link, APeerWithoutNetworkProtocolsIsLeft) {
  Pair pair(client(), lns());
  pair.swallow = {
      {"IPCP",   1000},
      {"IPV6CP", 1000}
  };
  pair.open();
  pair.run(60s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::network_failed);
}

TEST(Link, LcpRenegotiatedAfterTheInstall) {
  LinkSettings a = client(), z = lns();
  a.mppe = z.mppe = {.use = MppeUse::require};
  Pair pair(a, z);
  pair.open();
  pair.run(10s, [&] { return both_up(pair); });
  const auto old_key = pair.z.keys[MppeDirection::transmit];
  pair.z.trace.clear();
  give(pair, pair.z, PppProtocol::lcp, "01770004");  // "the peer has restarted"
  EXPECT_EQ(pair.z.trace, "ipv4 down; ipv6 down");
  EXPECT_FALSE(pair.z.flags.open);
  pair.run(40s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair)) << pair.a.trace << " | " << pair.z.trace;
  EXPECT_EQ(pair.z.installs, 1);
  EXPECT_GE(pair.z.link->status().renegotiations, 1u);
  EXPECT_NE(pair.z.keys[MppeDirection::transmit], old_key);
  EXPECT_EQ(pair.a.keys[MppeDirection::receive], pair.z.keys[MppeDirection::transmit]);
}

TEST(Link, RequiredEncryptionThatIsNegotiatedAnewHoldsTheDataBack) {
  LinkSettings a = client(), z = lns();
  a.mppe = z.mppe = {.use = MppeUse::require};
  Pair pair(a, z);
  pair.open();
  pair.run(10s, [&] { return both_up(pair); });
  pair.z.trace.clear();
  give(pair, pair.z, PppProtocol::ccp, "0177000a 120601000040");
  EXPECT_EQ(pair.z.trace, "ipv4 down; ipv6 down");
  EXPECT_EQ(pair.z.link->phase(), LinkPhase::running);  // the NCPs stay as they are
  pair.run(40s, [&] { return both_up(pair); });
  EXPECT_EQ(pair.z.trace, "ipv4 down; ipv6 down; ipv4 10.0.0.1 > 10.0.0.7; ipv6");
  EXPECT_TRUE(both_up(pair)) << pair.a.trace;
  EXPECT_TRUE(pair.z.flags.must_compress);
  EXPECT_EQ(pair.z.installs, 1);
}

TEST(Link, AnotherUserAfterTheInstallEndsTheSession) {
  Pair pair(client(), lns({AuthMethod::pap}));
  pair.z.passwords["bob"] = "Secret2";
  pair.open();
  pair.run(10s, [&] { return both_up(pair); });
  // The peer restarts LCP, and comes as bob.
  pair.loss_percent = 100;
  pair.z.frames.clear();
  give(pair, pair.z, PppProtocol::lcp, "01770004");
  // It acknowledges what was asked, under whatever Identifier that had.
  const Bytes asked = pair.z.link->export_proxy_state().last_sent_request;
  for (unsigned id = 0; id < 256 && pair.z.link->phase() == LinkPhase::establish; ++id) {
    const Bytes ack = wire::encode_ppp_packet(2, static_cast<std::uint8_t>(id), asked);
    pair.z.link->receive(wire::encode_ppp_frame(PppProtocol::lcp, ack), pair.now);
    pair.settle(pair.z);
  }
  ASSERT_EQ(pair.z.link->phase(), LinkPhase::authenticate);
  give(pair, pair.z, PppProtocol::pap, "01050010 03626f62 0753656372657432");
  pair.run(60s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::user_changed);
}

TEST(Link, ARepeatedChallengeTouchesNothing) {
  LinkSettings z = lns();
  z.mppe = {.use = MppeUse::require};
  z.rechallenge_interval = 20s;
  LinkSettings a = client();
  a.mppe = z.mppe;
  Pair pair(a, z);
  pair.open();
  pair.run(10s, [&] { return both_up(pair); });
  const auto keys = pair.a.keys;
  pair.a.trace.clear();
  pair.a.keys.clear();
  pair.z.trace.clear();
  pair.run(70s);
  EXPECT_EQ(pair.z.trace, "credentials alice; credentials alice; credentials alice");
  EXPECT_EQ(pair.a.trace, "");
  EXPECT_TRUE(pair.a.keys.empty());
  EXPECT_TRUE(both_up(pair));
}

TEST(Link, ALoopedLineEnds) {
  LinkSettings settings = client();
  settings.answer = {};
  SeededRandom random(5);
  Link link(std::make_shared<LinkSettings>(settings), random);
  link.open({});
  std::optional<Cause> down;
  for (int i = 0; i < 200 && !down; ++i) {
    for (auto& action : link.take_actions()) {
      if (auto* frame = std::get_if<SendFrame>(&action)) link.receive(frame->frame, {});
      if (auto* end = std::get_if<LinkDown>(&action)) down = end->cause;
    }
  }
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->code, CauseCode::loopback);
  EXPECT_EQ(down->disconnect_code, 7);  // RFC 3145 §2.2
}

// --- Proxied LCP and authentication: user a, LAC z, then an LNS in z's place. ---

ProxyState until_lac_knows(Pair& pair) {
  pair.z.answers_credentials = false;
  pair.open();
  pair.run(10s, [&] { return pair.z.request.has_value(); });
  const ProxyState state = pair.z.link->export_proxy_state();
  EXPECT_EQ(state.auth.has_value(), pair.z.request.has_value());
  pair.z.link->lower_down({.code = CauseCode::admin_close}, pair.now);
  pair.z.link->take_actions();
  return state;
}

void become_lns(Pair& pair, const ProxyState& state, const LinkSettings& settings) {
  pair.z.link = std::make_unique<Link>(std::make_shared<LinkSettings>(settings), pair.z.random);
  pair.z.answers_credentials = true;
  pair.z.trace.clear();
  pair.z.frames.clear();
  pair.z.link->open_from_proxy(state, pair.now);
  pair.settle(pair.z);
}

TEST(LinkProxy, TheLnsGoesOnWithoutAnLcpFrame) {
  for (const AuthMethod method :
       {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap, AuthMethod::mschapv2}) {
    Pair pair(client(), lns({method}));
    const ProxyState state = until_lac_knows(pair);
    become_lns(pair, state, lns({method}));
    pair.run(20s, [&] { return both_up(pair); });
    EXPECT_TRUE(both_up(pair)) << name(method);
    EXPECT_FALSE(sent(pair.z, "LCP")) << name(method);
    EXPECT_LT(pair.now, TimePoint{} + 2s) << name(method);
  }
}

TEST(LinkProxy, TheLnsChallengesAgainUnderAnotherIdentifier) {
  Pair pair(client(), lns({AuthMethod::mschapv2}));
  const ProxyState state = until_lac_knows(pair);
  LinkSettings settings = lns({AuthMethod::mschapv2});
  settings.proxy_use = ProxyUse::challenge_again;
  become_lns(pair, state, settings);
  pair.run(20s, [&] { return both_up(pair); });
  EXPECT_TRUE(both_up(pair));
  EXPECT_FALSE(sent(pair.z, "LCP"));
  EXPECT_TRUE(sent(pair.z, "CHAP Challenge"));
  EXPECT_NE(pair.z.request->identifier, state.auth->identifier);
}

TEST(LinkProxy, TheLnsNegotiatesAnew) {
  for (const bool by_policy : {true, false}) {
    Pair pair(client(), lns({AuthMethod::pap}));
    const ProxyState state = until_lac_knows(pair);
    // Or because PAP is not what this LNS allows.
    LinkSettings settings = lns({by_policy ? AuthMethod::pap : AuthMethod::mschapv2});
    if (by_policy) settings.proxy_use = ProxyUse::renegotiate;
    become_lns(pair, state, settings);
    pair.run(30s, [&] { return both_up(pair); });
    EXPECT_TRUE(both_up(pair)) << pair.a.trace << " | " << pair.z.trace;
    EXPECT_TRUE(sent(pair.z, "LCP Configure-Request"));
  }
}

TEST(LinkProxy, AWrongProxiedPasswordEndsTheSession) {
  LinkSettings wrong = client();
  wrong.password = Secret("guess");
  Pair pair(wrong, lns({AuthMethod::chap_md5}));
  const ProxyState state = until_lac_knows(pair);
  become_lns(pair, state, lns({AuthMethod::chap_md5}));
  pair.run(30s);
  ASSERT_TRUE(pair.z.down.has_value());
  EXPECT_EQ(pair.z.down->code, CauseCode::auth_failed);
}

TEST(Link, IsSmall) {
  // Printed rather than asserted: sizes differ between standard libraries.
  RecordProperty("sizeof_link", static_cast<int>(sizeof(Link)));
  EXPECT_LE(sizeof(Link), 700u);
  EXPECT_LE(sizeof(Ipcp) + sizeof(Ipv6cp), 500u);
}

}  // namespace
}  // namespace l2tpm::ppp
