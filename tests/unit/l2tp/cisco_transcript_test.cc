// An l2tp-class and an xconnect of IOS, octet for octet, at both ends of the call; and, each by its
// name, what IOS does otherwise than RFC 3931 says. tests/vectors/cisco/README.md: what of it was
// seen and what is inferred.
#include <gtest/gtest.h>

#include "support/cisco_exchange.h"

namespace l2tpm::l2tp::testing {
namespace {

using wire::MessageType;

Settings ours() {
  Settings settings = v3_settings();
  settings.host_name = "linux";
  settings.v3.router_id = 0x0a000002;
  settings.v3.pseudowires = {wire::kPseudowireEthernet, wire::kPseudowireEthernetVlan};
  return settings;
}

Settings with_digest(wire::DigestType type) {
  Settings settings = ours();
  settings.v3.digest_secrets.emplace_back(std::string_view("secret"));
  settings.v3.digest = type;
  return settings;
}

Settings with_challenge() {
  Settings settings = ours();
  settings.secret = Secret(std::string_view("secret"));
  settings.v3.cisco_challenge = true;
  return settings;
}

constexpr SessionId kOurs(0x44444445);
constexpr SessionId kIos(0x5a1b2c3d);

// What both ends of every whole exchange have in common, whoever began it.
void expect_a_whole_life(const CiscoReplay& replay) {
  const auto tunnels = replay.all<TunnelUp>();
  ASSERT_EQ(tunnels.size(), 1u);
  EXPECT_EQ(tunnels[0].peer_tunnel, TunnelId(0xa6ef0776));
  EXPECT_EQ(tunnels[0].version, 3);
  const auto ups = replay.all<SessionUp>();
  ASSERT_EQ(ups.size(), 1u);
  EXPECT_EQ(ups[0].session, kOurs);
  EXPECT_EQ(ups[0].peer_session, kIos);
  EXPECT_EQ(ups[0].pseudowire->end_id, "1234");
  EXPECT_TRUE(ups[0].pseudowire->peer_circuit_active());
  const auto circuits = replay.all<CircuitChanged>();
  ASSERT_EQ(circuits.size(), 2u);
  EXPECT_FALSE(circuits[0].active());
  EXPECT_TRUE(circuits[1].active());
  const auto downs = replay.all<SessionDown>();
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_TRUE(downs[0].cause.by_peer);
  EXPECT_EQ(downs[0].cause.result_code, 3);
  ASSERT_EQ(replay.all<TunnelDown>().size(), 1u);
  EXPECT_EQ(replay.all<TunnelDown>()[0].cause.result_code, 1);
}

void expect_no_cookie_no_sublayer(const CiscoReplay& replay, std::uint16_t type) {
  const Pseudowire pseudowire = *replay.all<SessionUp>().at(0).pseudowire;
  EXPECT_EQ(pseudowire.type, type);
  EXPECT_TRUE(pseudowire.own.cookie.empty());
  EXPECT_TRUE(pseudowire.peer.cookie.empty());
  EXPECT_EQ(pseudowire.l2_sublayer, wire::kSublayerNone);
  EXPECT_FALSE(pseudowire.send_sequence || pseudowire.receive_sequence);
}

// "encapsulation l2tpv3" and nothing else: the dialect from before the RFC.
TEST(CiscoIos, WithItsDefaultProtocolItDialsUs) {
  for (const std::uint16_t type : {wire::kPseudowireEthernet, wire::kPseudowireEthernetVlan}) {
    CiscoReplay replay(ours());
    replay.run(type == wire::kPseudowireEthernet ? "default_dials_us" : "default_dials_us_vlan");
    expect_a_whole_life(replay);
    expect_no_cookie_no_sublayer(replay, type);
    EXPECT_EQ(replay->status().quirks, std::vector<std::string_view>{"cisco-draft-avps"});
  }
}

TEST(CiscoIos, WhatItsObservedSccrqSaysIsUnderstood) {
  CiscoReplay replay(ours());
  const auto steps = cisco_exchange("default_dials_us");
  replay.hear(steps.at(0).octets);
  const auto& peer = replay->peer();
  EXPECT_EQ(peer.tunnel, TunnelId(0xa6ef0776));
  EXPECT_EQ(peer.host_name, "ar1.bru1");
  EXPECT_EQ(peer.vendor_name, "Cisco Systems, Inc.");
  EXPECT_EQ(peer.firmware_revision, 0x1130);
  EXPECT_EQ(peer.receive_window_size, 1024);
  EXPECT_EQ(peer.tie_breaker, 0x3c1a508b77f271deu);
  EXPECT_EQ(peer.router_id, 0x5e8ca002u);
  EXPECT_EQ(peer.pseudowires, (std::vector<std::uint16_t>{5, 4, 6, 7, 1, 3, 10, 9, 11}));
}

TEST(CiscoIos, WithItsDefaultProtocolItIsDialledByUs) {
  CiscoReplay replay(ours());
  replay.run("default_is_dialled");
  expect_a_whole_life(replay);
  const Pseudowire pseudowire = *replay.all<SessionUp>().at(0).pseudowire;
  EXPECT_EQ(pseudowire.own.cookie, Bytes(8, 0x22));
  EXPECT_EQ(pseudowire.peer.cookie, ::l2tpm::testing::from_hex("c00c1e55"));
  EXPECT_EQ(pseudowire.l2_sublayer, wire::kSublayerNone);
}

TEST(CiscoIos, SpeakingTheRfcItDialsUs) {
  CiscoReplay replay(ours());
  replay.run("rfc_dials_us");
  expect_a_whole_life(replay);
  expect_no_cookie_no_sublayer(replay, wire::kPseudowireEthernet);
  EXPECT_TRUE(replay->status().quirks.empty());
}

TEST(CiscoIos, SpeakingTheRfcItIsDialledByUs) {
  for (const bool authenticated : {false, true}) {
    Settings settings = authenticated ? with_digest(wire::DigestType::hmac_sha1) : ours();
    CiscoReplay replay(std::move(settings));
    replay.run(authenticated ? "rfc_is_dialled_digest_sha_hidden" : "rfc_is_dialled");
    expect_a_whole_life(replay);
    const Pseudowire pseudowire = *replay.all<SessionUp>().at(0).pseudowire;
    EXPECT_EQ(pseudowire.own.cookie, Bytes(8, 0x22));
    EXPECT_EQ(pseudowire.peer.cookie, ::l2tpm::testing::from_hex("c00c1e55"));
    EXPECT_EQ(pseudowire.l2_sublayer, wire::kSublayerDefault);
    EXPECT_TRUE(pseudowire.send_sequence && pseudowire.receive_sequence) << "sequencing both";
    EXPECT_EQ(replay.all<PeerAuthenticated>().size(), authenticated ? 1u : 0u);
  }
}

// "digest secret", with ACK where there would be a ZLB.
TEST(CiscoIos, ItsDigestsAreTheRfcs) {
  CiscoReplay replay(with_digest(wire::DigestType::hmac_md5));
  replay.run("rfc_dials_us_digest_md5");
  expect_a_whole_life(replay);
  EXPECT_EQ(replay.all<PeerAuthenticated>().size(), 1u);
  EXPECT_EQ(replay->status().digests_wrong, 0u);

  Settings other = with_digest(wire::DigestType::hmac_md5);
  other.v3.digest_secrets = {Secret(std::string_view("another"))};
  CiscoReplay stranger(std::move(other));
  stranger.hear(cisco_exchange("rfc_dials_us_digest_md5").at(0).octets);
  EXPECT_TRUE(stranger.sent.empty());
}

// "authentication" and "password": CHAP as in L2TPv2.
TEST(CiscoIos, ItsAuthenticationIsL2tpV2s) {
  for (const std::string name :
       {"default_dials_us_authentication", "default_is_dialled_authentication"}) {
    CiscoReplay replay(with_challenge());
    replay.run(name);
    expect_a_whole_life(replay);
    EXPECT_EQ(replay.all<PeerAuthenticated>().size(), 1u);
  }
}

TEST(CiscoIos, WhyItEndsATunnelReachesTheOwner) {
  CiscoReplay replay(ours());
  replay.run("rfc_refuses_our_request");
  const auto downs = replay.all<TunnelDown>();
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_TRUE(downs[0].cause.by_peer);
  EXPECT_EQ(downs[0].cause.message, "unsupported mandatory vendor AVP");
}

// ---- what is otherwise than in RFC 3931, each by itself ----

constexpr std::string_view kScccn = "c8030000 01020304 0001 0001 8008 0000 0000 0003";

// A tunnel with a router of the default protocol; the next message of its has Ns 2.
class DefaultProtocol : public ::testing::Test {
 protected:
  DefaultProtocol() {
    replay.hear(cisco_exchange("default_dials_us").at(0).octets);
    replay.hear(kScccn);
  }
  void hear(std::string_view avps) {
    replay.hear(fmt::format("c8030000 01020304 0002 0001 {}", avps));
  }
  PseudowireRequest asked() {
    const auto requests = replay.all<PseudowireRequested>();
    return requests.size() == 1 ? requests[0].request : PseudowireRequest{};
  }
  CiscoReplay replay{ours()};
};
using CiscoIosDeviates = DefaultProtocol;

constexpr std::string_view kIcrq =
    "8008 0000 0000 000a  800a 0000 000f 00000001"
    "800a 0009 0003 5a1b2c3d  800a 0009 0004 00000000"
    "800a 0009 0006 31323334";

TEST_F(CiscoIosDeviates, TheRfcsAvpsComeWithoutMAndItsOwnWithIt) {
  EXPECT_EQ(replay.all<TunnelUp>().size(), 1u);
  const auto sccrq = *wire::decode_control(cisco_exchange("default_dials_us").at(0).octets);
  EXPECT_FALSE(sccrq.problem);
  EXPECT_TRUE(sccrq.cisco_draft);
}

TEST_F(CiscoIosDeviates, OnlyItsOwnAvpsAreInItsIcrq) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005");
  EXPECT_EQ(asked().end_id, "1234");
  EXPECT_EQ(asked().type, wire::kPseudowireEthernet);
}

TEST_F(CiscoIosDeviates, NoCircuitStatusIsAnActiveCircuit) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005");
  EXPECT_EQ(asked().peer.circuit_status, wire::kCircuitActive);
}

TEST_F(CiscoIosDeviates, ItsCircuitStatusIsHeard) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005 8008 0009 0008 0002");
  EXPECT_EQ(asked().peer.circuit_status, wire::kCircuitNew);
}

// Where both are said and differ, the RFC's counts, wherever it stands.
TEST_F(CiscoIosDeviates, ThePseudowireTypeIsSaidTwice) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005 8008 0000 0044 0004");
  EXPECT_EQ(asked().type, wire::kPseudowireEthernetVlan);
}

TEST_F(CiscoIosDeviates, ACookieOfItsOwnIsACookie) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005 800a 0009 0005 c00c1e55");
  EXPECT_EQ(asked().peer.cookie, ::l2tpm::testing::from_hex("c00c1e55"));
}

TEST_F(CiscoIosDeviates, ItsMtuIsShownAndRefusesNothing) {
  hear(std::string(kIcrq) + "8008 0009 0007 0005 8008 0009 000e 05dc");
  EXPECT_EQ(asked().peer.interface_mtu, 0);
  PseudowireWish wish;
  wish.interface_mtu = 9000;
  replay->accept_pseudowire(replay.all<PseudowireRequested>().at(0).session, wish, replay.now);
  replay.take();
  EXPECT_EQ(replay.last().type, MessageType::icrp);
}

// RFC 3931 §4.2 knows a ZLB where there are no digests, and ACK everywhere.
TEST_F(CiscoIosDeviates, ItMayAcknowledgeEitherWay) {
  for (const std::string_view avps : {"", "8008 0000 0000 0014"}) {
    CiscoReplay router(ours());
    router.hear(cisco_exchange("default_dials_us").at(0).octets);
    EXPECT_EQ(router->status().delivery.in_flight, 1u) << "SCCRP";
    router.hear(fmt::format("c8030000 01020304 0001 0001 {}", avps));
    EXPECT_EQ(router->status().delivery.in_flight, 0u);
    router.hear(kScccn);
    EXPECT_EQ(router.all<TunnelUp>().size(), 1u) << "neither takes a number";
  }
}

TEST_F(CiscoIosDeviates, ItsSessionTieBreakerIsTheRfcsTieBreaker) {
  const std::string loses = "800e 0009 0009 ffffffffffffffff";
  replay->place_pseudowire(request_for("1234"), replay.now);
  replay.take();
  EXPECT_EQ(replay.last().type, MessageType::icrq);
  hear(std::string(kIcrq) + "8008 0009 0007 0005" + loses);
  EXPECT_EQ(replay.last().type, MessageType::cdn);
  EXPECT_EQ(replay.last().result_code->result, 13);
}

// Before it is known who the peer is, and for peers that speak the RFC: M with an AVP that only
// Cisco knows would end their tunnels.
TEST(CiscoIos, NothingOfItsOwnIsSaidToOthers) {
  CiscoReplay replay(ours());
  replay.run("rfc_is_dialled");
  const auto steps = cisco_exchange("rfc_is_dialled");
  for (const CiscoStep& step : steps) {
    if (step.who != "us") continue;
    const wire::ControlMessage message = *wire::decode_control(step.octets);
    for (const wire::RawAvp& avp : message.others)
      EXPECT_NE(avp.key.vendor, wire::kCisco) << step.what;
  }
}

// RFC 3931 §5.4.4 has it so, and IOS refuses an ICRQ without.
TEST(CiscoIos, RemoteSessionIdZeroIsInOurIcrq) {
  for (const std::string name : {"default_is_dialled", "rfc_is_dialled"}) {
    for (const CiscoStep& step : cisco_exchange(name)) {
      if (step.what != "ICRQ") continue;
      const std::string hex = to_hex(step.octets);
      EXPECT_NE(hex.find("800a0000004000000000"), std::string::npos) << name;
      EXPECT_EQ(hex.find("800a0009000400000000") != std::string::npos, name[0] == 'd') << name;
    }
  }
}

// The AVPs of the dialect alone, as from routers of before the RFC: Router ID and Circuit Status,
// which it has no numbers for, may be missing; an id may not.
TEST(CiscoIos, ARouterFromBeforeTheRfcIsUnderstood) {
  const std::string introduction =
      "8008 0000 0000 0001  8008 0009 000a 0001  8008 0000 0007 5231  8008 0009 0002 0005";
  CiscoReplay replay(ours());
  replay.hear("c8030000 00000000 0000 0000" + introduction + "800a 0009 0001 0000abcd");
  EXPECT_EQ(replay.last().type, MessageType::sccrp);
  EXPECT_EQ(replay.last().tunnel_id, TunnelId(0xabcd));

  CiscoReplay nameless(ours());
  nameless.hear("c8030000 00000000 0000 0000" + introduction);
  EXPECT_EQ(nameless.last().type, MessageType::stopccn);
  EXPECT_EQ(nameless.last().result_code->message, "missing AVP: Assigned Control Connection ID");
}

// §5.2: what nobody has named, with M, ends the tunnel, be it Cisco's; without M it is skipped, as
// 110 and 111 of the observed SCCRQ are.
TEST(CiscoIos, AnUnknownMandatoryAvpOfItsEndsTheTunnel) {
  CiscoReplay replay(ours());
  Bytes sccrq = cisco_exchange("default_dials_us").at(0).octets;
  sccrq[sccrq.size() - 6] |= 0x80;  // vendor 9 type 111
  replay.hear(sccrq);
  EXPECT_EQ(replay.last().type, MessageType::stopccn);
  EXPECT_EQ(replay.last().result_code->message, "unknown mandatory AVP: vendor 9 type 111");
}

// With a digest secret the RFC's digest is what counts: Cisco's own, vendor 9, proves nothing.
TEST(CiscoIos, ADigestOfItsOwnIsNoDigest) {
  CiscoReplay replay(with_digest(wire::DigestType::hmac_md5));
  replay.hear(
      "c8030000 00000000 0000 0000"
      "8008 0000 0000 0001  8017 0009 000c 0000112233445566778899aabbccddeeff"
      "8008 0009 000a 0001  8008 0000 0007 5231  8008 0009 0002 0005  800a 0009 0001 0000abcd"
      "8016 0009 000d 11111111111111111111111111111111  8008 0000 000a 0400");
  EXPECT_EQ(replay.last().type, MessageType::stopccn);
  EXPECT_EQ(replay.last().result_code->result, 4);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
