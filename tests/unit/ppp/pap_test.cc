#include "ppp/pap.h"

#include <gtest/gtest.h>

#include "support/hex.h"
#include "support/ppp_auth.h"

namespace l2tpm::ppp {
namespace {

using testing::all;
using testing::first;
using testing::frames;
using testing::Packet;
using testing::pap_request;
using testing::operator""_hex;

constexpr auto kPap = wire::PppProtocol::pap;
const TimePoint kStart{};

AuthServerSettings server_settings() { return {.method = AuthMethod::pap}; }
AuthPeerSettings peer_settings(std::string user = "alice", std::string_view password = "secret") {
  return {.method = AuthMethod::pap, .user = std::move(user), .password = Secret(password)};
}

AuthVerdict yes() {
  AuthVerdict verdict;
  verdict.ok = true;
  verdict.message = "Hello";
  return verdict;
}

struct Server : PapServer {
  Server() : PapServer(server_settings()) { start(kStart); }
  std::vector<AuthServerAction> feed(std::uint8_t code, std::uint8_t id, ByteView data,
                                     TimePoint now = kStart) {
    const Packet packet(kPap, code, id, data);
    receive(*packet.packet, now);
    return take_actions();
  }
};

struct Peer : PapPeer {
  explicit Peer(const AuthPeerSettings& settings = peer_settings()) : PapPeer(settings) {
    start(kStart);
  }
  std::vector<AuthPeerAction> feed(std::uint8_t code, std::uint8_t id, ByteView data) {
    const Packet packet(kPap, code, id, data);
    receive(*packet.packet, kStart);
    return take_actions();
  }
};

// RFC 1334 §2.2.1, octet by octet.
TEST(PapPeer, RequestOnTheWire) {
  Peer peer;
  EXPECT_EQ(frames(peer.take_actions()),
            std::vector<Bytes>{"c023 01 01 0011 05 616c696365 06 736563726574"_hex});
}

TEST(PapPeer, RetransmitsThenGivesUp) {
  Peer peer;
  unsigned sent = static_cast<unsigned>(frames(peer.take_actions()).size());
  TimePoint now = kStart;
  std::optional<AuthFailed> failed;
  while (const auto deadline = peer.next_deadline()) {
    EXPECT_EQ(*deadline, now + 3s);
    now = *deadline;
    peer.handle_timeout(now - 1ms);
    EXPECT_TRUE(peer.take_actions().empty());
    peer.handle_timeout(now);
    const auto actions = peer.take_actions();
    sent += static_cast<unsigned>(frames(actions).size());
    failed = first<AuthFailed>(actions);
  }
  EXPECT_EQ(sent, 10u);
  EXPECT_EQ(now, kStart + 30s);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause.code, CauseCode::setup_timeout);
  EXPECT_TRUE(peer.feed(2, 10, "00"_hex).empty());
}

TEST(PapPeer, AnswerToAnyOfItsRequestsCounts) {
  for (std::uint8_t id = 1; id <= 3; ++id) {
    Peer peer;
    peer.handle_timeout(kStart + 3s);
    peer.handle_timeout(kStart + 6s);
    EXPECT_EQ(frames(peer.take_actions()).size(), 3u);
    EXPECT_TRUE(peer.feed(2, 0, "00"_hex).empty());
    EXPECT_TRUE(peer.feed(2, 4, "00"_hex).empty());
    const auto accepted = first<AcceptedByPeer>(peer.feed(2, id, "05 48656c6c6f"_hex));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(accepted->message, "Hello");
    EXPECT_FALSE(peer.next_deadline());
  }
}

TEST(PapPeer, RefusalCarriesThePeersTextMadePrintable) {
  Peer peer;
  const auto failed = first<AuthFailed>(peer.feed(3, 1, "06 6e6f1b5b336d"_hex));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause.code, CauseCode::auth_failed);
  EXPECT_TRUE(failed->cause.by_peer);
  EXPECT_EQ(failed->cause.message, "no\\x1b[3m");
}

TEST(PapPeer, MessageMayBeMissingOrWrong) {
  for (const Bytes& data : {""_hex, "00"_hex, "ff"_hex, "ff41"_hex}) {
    Peer peer;
    const auto accepted = first<AcceptedByPeer>(peer.feed(2, 1, data));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(accepted->message, "");
  }
}

TEST(PapPeer, LongestUserAndPassword) {
  Peer peer(peer_settings(std::string(300, 'u'), std::string(300, 'p')));
  const auto sent = frames(peer.take_actions());
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].size(), 2u + 4 + 256 + 256);
}

TEST(PapServer, AsksOnceAndRepeatsTheAnswer) {
  Server server;
  const auto needed = all<CredentialsNeeded>(server.feed(1, 9, pap_request("alice", "secret")));
  ASSERT_EQ(needed.size(), 1u);
  EXPECT_EQ(needed[0].request.user, "alice");
  EXPECT_TRUE(check_password(needed[0].request, Secret(std::string_view("secret"))).ok);

  // The peer grows impatient while the daemon looks up; its newest Identifier gets the answer.
  EXPECT_TRUE(server.feed(1, 10, pap_request("alice", "secret")).empty());
  EXPECT_TRUE(server.feed(1, 11, pap_request("mallory", "secret")).empty());
  server.supply_verdict(yes(), kStart);
  const auto actions = server.take_actions();
  EXPECT_EQ(frames(actions), std::vector<Bytes>{"c023 02 0a 000a 05 48656c6c6f"_hex});
  const auto done = first<PeerAuthenticated>(actions);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->user, "alice");
  EXPECT_FALSE(server.next_deadline());

  // "MUST return the same reply code"; nobody is asked again.
  const auto again = server.feed(1, 12, pap_request("mallory", "x"));
  EXPECT_EQ(frames(again), std::vector<Bytes>{"c023 02 0c 000a 05 48656c6c6f"_hex});
  EXPECT_EQ(again.size(), 1u);
  server.supply_verdict(AuthVerdict::refused(), kStart);
  EXPECT_TRUE(server.take_actions().empty());
}

TEST(PapServer, Refuses) {
  Server server;
  server.feed(1, 1, pap_request("alice", "wrong"));
  server.supply_verdict(AuthVerdict::refused(), kStart);
  const auto actions = server.take_actions();
  ASSERT_EQ(frames(actions).size(), 1u);
  EXPECT_EQ(frames(actions)[0][2], 3);
  const auto failed = first<AuthFailed>(actions);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause.code, CauseCode::auth_failed);
  EXPECT_FALSE(failed->cause.by_peer);
  // The Nak was lost.
  EXPECT_EQ(frames(server.feed(1, 2, pap_request("alice", "secret")))[0][2], 3);
}

TEST(PapServer, GivesUpWhenNobodyComesAndWhenNobodyJudges) {
  Server server;
  server.handle_timeout(kStart + 30s - 1ms);
  EXPECT_TRUE(server.take_actions().empty());
  server.handle_timeout(kStart + 30s);
  EXPECT_EQ(first<AuthFailed>(server.take_actions())->cause.code, CauseCode::setup_timeout);

  Server slow;
  slow.feed(1, 1, pap_request("a", "b"), kStart + 29s);
  EXPECT_EQ(slow.next_deadline(), kStart + 89s);
  slow.handle_timeout(kStart + 89s);
  const auto actions = slow.take_actions();
  EXPECT_EQ(frames(actions)[0][2], 3);
  EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::setup_timeout);
}

// docs/CONFORMANCE.md, "What broke others", row 19: a name longer than its packet.
TEST(PapServer, LengthsThatDoNotFitAreDiscarded) {
  const Bytes good = pap_request("alice", "secret");
  for (std::size_t size = 0; size < good.size(); ++size) {
    Server server;
    EXPECT_TRUE(server.feed(1, 1, ByteView(good).first(size)).empty()) << size;
  }
  for (const Bytes& data : {"ff"_hex, "ff61"_hex, "0161ff"_hex, "0161ff62"_hex, "fe"_hex}) {
    Server server;
    EXPECT_TRUE(server.feed(1, 1, data).empty()) << to_hex(data);
  }
  // What follows the password is not looked at.
  Bytes longer = good;
  longer.resize(1400, 0xff);
  Server server;
  EXPECT_EQ(server.feed(1, 1, longer).size(), 1u);
}

TEST(PapServer, EmptyAndLongestNames) {
  Server empty;
  const auto actions = empty.feed(1, 1, pap_request("", ""));
  ASSERT_EQ(all<CredentialsNeeded>(actions).size(), 1u);
  EXPECT_FALSE(
      check_password(all<CredentialsNeeded>(actions)[0].request, Secret(std::string_view("x"))).ok);

  Server longest;
  EXPECT_EQ(
      all<CredentialsNeeded>(longest.feed(1, 1, pap_request(std::string(kMaxUserName, 'u'), "p")))
          .size(),
      1u);
  Server over;
  const auto refused = over.feed(1, 1, pap_request(std::string(kMaxUserName + 1, 'u'), "p"));
  EXPECT_TRUE(all<CredentialsNeeded>(refused).empty());
  EXPECT_TRUE(first<AuthFailed>(refused));
}

TEST(PapServer, OnlyRequestsAreForIt) {
  for (unsigned code = 0; code < 256; ++code) {
    if (code == 1) continue;
    Server server;
    EXPECT_TRUE(server.feed(static_cast<std::uint8_t>(code), 1, pap_request("a", "b")).empty());
  }
}

}  // namespace
}  // namespace l2tpm::ppp
