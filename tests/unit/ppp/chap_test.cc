#include "ppp/chap.h"

#include <gtest/gtest.h>

#include <set>

#include "ppp/mschap_hash.h"
#include "support/hex.h"
#include "support/ppp_auth.h"

namespace l2tpm::ppp {
namespace {

using testing::all;
using testing::first;
using testing::frames;
using testing::Packet;
using testing::value_and_name;
using testing::operator""_hex;

constexpr auto kChap = wire::PppProtocol::chap;
constexpr std::uint8_t kChallenge = 1, kResponse = 2, kSuccess = 3, kFailure = 4;
const TimePoint kStart{};
const Secret kPassword{std::string_view("clientPass")};

constexpr AuthMethod kChapMethods[] = {AuthMethod::chap_md5, AuthMethod::mschap,
                                       AuthMethod::mschapv2};

std::size_t challenge_size(AuthMethod method) { return method == AuthMethod::mschap ? 8 : 16; }
std::size_t response_size(AuthMethod method) { return method == AuthMethod::chap_md5 ? 16 : 49; }

// A server that has sent its first Challenge.
struct Server {
  explicit Server(AuthMethod which, Duration rechallenge = Duration::zero())
      : method(which),
        machine({.method = which, .name = "lns", .rechallenge_interval = rechallenge}, random) {
    machine.start(now);
    note(machine.take_actions());
  }
  std::vector<AuthServerAction> note(std::vector<AuthServerAction> actions) {
    for (const auto& frame : frames(actions)) {
      const Packet packet(frame);
      if (packet.packet->code != kChallenge) continue;
      identifier = packet.packet->identifier;
      const ByteView data = packet.packet->data;
      challenge.assign(data.begin() + 1, data.begin() + 1 + data[0]);
    }
    return actions;
  }
  std::vector<AuthServerAction> feed(std::uint8_t code, std::uint8_t id, ByteView data) {
    const Packet packet(kChap, code, id, data);
    machine.receive(*packet.packet, now);
    return note(machine.take_actions());
  }
  std::vector<AuthServerAction> respond(std::string_view user = "User") {
    return feed(kResponse, identifier, value_and_name(Bytes(response_size(method), 0x42), user));
  }
  std::vector<AuthServerAction> judge(const AuthVerdict& verdict) {
    machine.supply_verdict(verdict, now);
    return note(machine.take_actions());
  }
  std::vector<AuthServerAction> wait() {
    now = *machine.next_deadline();
    machine.handle_timeout(now);
    return note(machine.take_actions());
  }
  AuthMethod method;
  SeededRandom random{1};
  TimePoint now = kStart;
  ChapServer machine;
  std::uint8_t identifier = 0;
  Bytes challenge;
};

AuthVerdict yes() {
  AuthVerdict verdict;
  verdict.ok = true;
  verdict.authenticator_response = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
  verdict.keys = mschapv2_keys(Bytes(16, 1), Bytes(24, 2), true);
  return verdict;
}

struct Peer {
  explicit Peer(AuthMethod method)
      : machine({.method = method, .user = "User", .password = kPassword}, random) {
    machine.start(now);
  }
  std::vector<AuthPeerAction> feed(std::uint8_t code, std::uint8_t id, ByteView data,
                                   ByteView own_challenge = {}) {
    const Packet packet(kChap, code, id, data);
    machine.receive(*packet.packet, now, own_challenge);
    return machine.take_actions();
  }
  std::vector<AuthPeerAction> say(std::uint8_t code, std::uint8_t id, std::string_view text) {
    return feed(code, id, as_bytes(text));
  }
  std::vector<AuthPeerAction> wait() {
    now = *machine.next_deadline();
    machine.handle_timeout(now);
    return machine.take_actions();
  }
  SeededRandom random{2};
  TimePoint now = kStart;
  ChapPeer machine;
};

Bytes challenge_of(AuthMethod method, std::uint8_t fill = 0x11) {
  return value_and_name(Bytes(challenge_size(method), fill), "lns");
}

// --- The authenticator ---

TEST(ChapServer, ChallengeOnTheWire) {
  for (const AuthMethod method : kChapMethods) {
    SeededRandom random(1);
    ChapServer server({.method = method, .name = "lns"}, random);
    server.start(kStart);
    const auto sent = frames(server.take_actions());
    ASSERT_EQ(sent.size(), 1u);
    const std::size_t size = challenge_size(method);
    ASSERT_EQ(sent[0].size(), 2 + 4 + 1 + size + 3);
    EXPECT_EQ(Bytes(sent[0].begin(), sent[0].begin() + 3), "c22301"_hex);
    EXPECT_EQ(sent[0][6], size);
    EXPECT_EQ(as_text(ByteView(sent[0]).last(3)), "lns");
    EXPECT_EQ(Bytes(sent[0].begin() + 7, sent[0].begin() + 7 + static_cast<std::ptrdiff_t>(size)),
              Bytes(server.challenge().begin(), server.challenge().end()));
  }
}

TEST(ChapServer, RetransmitsTheSameChallengeThenGivesUp) {
  Server server(AuthMethod::mschapv2);
  std::set<Bytes> different;
  unsigned sent = 1;
  std::optional<AuthFailed> failed;
  while (server.machine.next_deadline()) {
    const auto actions = server.wait();
    for (const auto& frame : frames(actions)) ++sent, different.insert(frame);
    failed = first<AuthFailed>(actions);
  }
  EXPECT_EQ(sent, 10u);
  EXPECT_EQ(different.size(), 1u);
  EXPECT_EQ(server.now, kStart + 30s);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause.code, CauseCode::setup_timeout);
}

TEST(ChapServer, OtherIdentifiersAreIgnored) {
  Server server(AuthMethod::chap_md5);
  const Bytes response = value_and_name(Bytes(16), "User");
  for (unsigned id = 0; id < 256; ++id) {
    if (id == server.identifier) continue;
    EXPECT_TRUE(server.feed(kResponse, static_cast<std::uint8_t>(id), response).empty());
  }
  EXPECT_EQ(all<CredentialsNeeded>(server.respond()).size(), 1u);
}

// RFC 1994 §4.2: "any Response ... received after Success MUST return the same reply Code".
TEST(ChapServer, LostSuccessIsRepeatedWithoutChecking) {
  Server server(AuthMethod::mschapv2);
  EXPECT_EQ(all<CredentialsNeeded>(server.respond()).size(), 1u);
  EXPECT_TRUE(server.respond().empty());  // still being judged
  const auto actions = server.judge(yes());
  const auto done = first<PeerAuthenticated>(actions);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->user, "User");
  EXPECT_FALSE(done->keys.empty());

  const auto again = server.respond();
  EXPECT_EQ(again.size(), 1u);
  EXPECT_EQ(frames(again), frames(actions));
  EXPECT_TRUE(server.judge(AuthVerdict::refused()).empty());
}

TEST(ChapServer, SuccessAndFailureTexts) {
  const auto text_of = [](AuthMethod method, const AuthVerdict& verdict) {
    Server server(method);
    server.respond();
    const auto sent = frames(server.judge(verdict));
    return std::string(as_text(ByteView(sent.at(0)).subspan(6)));
  };
  EXPECT_EQ(text_of(AuthMethod::chap_md5, yes()), "Authenticated");
  EXPECT_EQ(text_of(AuthMethod::mschap, yes()), "Authenticated");
  EXPECT_EQ(text_of(AuthMethod::mschapv2, yes()),
            "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Authenticated");
  EXPECT_EQ(text_of(AuthMethod::chap_md5, AuthVerdict::refused()), "Authentication failed");

  const std::string v1 = text_of(AuthMethod::mschap, AuthVerdict::refused());
  EXPECT_TRUE(v1.starts_with("E=691 R=0 C="));
  EXPECT_EQ(v1.size(), std::string("E=691 R=0 C= V=3").size() + 16);

  const std::string v2 = text_of(
      AuthMethod::mschapv2, AuthVerdict::refused(MsChapError::password_expired, "Call the desk"));
  EXPECT_TRUE(v2.starts_with("E=648 R=0 C="));
  EXPECT_TRUE(v2.ends_with(" V=3 M=Call the desk"));
  const auto parsed = parse_mschap_failure(v2);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->error, 648u);
  EXPECT_FALSE(parsed->retry_allowed);
}

TEST(ChapServer, RefusalEndsIt) {
  Server server(AuthMethod::mschapv2);
  server.respond();
  const auto actions = server.judge(AuthVerdict::refused());
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(frames(actions)[0][2], kFailure);
  EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::auth_failed);
  EXPECT_FALSE(server.machine.next_deadline());
  EXPECT_EQ(frames(server.respond()), frames(actions));
}

// The keys of a link are those of its first exchange: a repetition must not bring any.
TEST(ChapServer, RechallengeNeverTouchesKeys) {
  Server server(AuthMethod::mschapv2, 60s);
  server.respond();
  server.judge(yes());
  const Bytes first_challenge = server.challenge;
  const std::uint8_t first_identifier = server.identifier;
  for (int round = 0; round < 3; ++round) {
    const auto challenge = server.wait();
    EXPECT_EQ(frames(challenge).size(), 1u);
    EXPECT_NE(server.challenge, first_challenge);
    EXPECT_NE(server.identifier, first_identifier);
    EXPECT_EQ(all<CredentialsNeeded>(server.respond()).size(), 1u);
    const auto actions = server.judge(yes());
    EXPECT_EQ(all<PeerAuthenticated>(actions).size(), 0u);
    EXPECT_EQ(all<PeerReauthenticated>(actions).size(), 1u);
    EXPECT_EQ(server.machine.next_deadline(), server.now + 60s);
  }
}

TEST(ChapServer, RechallengeUnansweredOrByAnotherUserOrRefused) {
  Server silent(AuthMethod::mschapv2, 60s);
  silent.respond();
  silent.judge(yes());
  std::optional<AuthFailed> failed;
  while (silent.machine.next_deadline()) failed = first<AuthFailed>(silent.wait());
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause.code, CauseCode::peer_silent);
  EXPECT_EQ(silent.now, kStart + 90s);

  Server other(AuthMethod::mschapv2, 60s);
  other.respond("alice");
  other.judge(yes());
  other.wait();
  const auto changed = other.respond("bob");
  EXPECT_TRUE(all<CredentialsNeeded>(changed).empty());
  ASSERT_TRUE(first<AuthFailed>(changed));
  EXPECT_EQ(first<AuthFailed>(changed)->cause.code, CauseCode::user_changed);

  Server refused(AuthMethod::mschapv2, 60s);
  refused.respond();
  refused.judge(yes());
  refused.wait();
  refused.respond();
  EXPECT_EQ(first<AuthFailed>(refused.judge(AuthVerdict::refused()))->cause.code,
            CauseCode::auth_failed);
}

TEST(ChapServer, NobodyJudges) {
  Server server(AuthMethod::mschapv2);
  server.respond();
  const auto actions = server.wait();
  EXPECT_EQ(server.now, kStart + 60s);
  EXPECT_EQ(frames(actions)[0][2], kFailure);
  EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::setup_timeout);
}

// RFC 2433 §9, RFC 2759 §7.
TEST(ChapServer, PasswordChangeIsRefused) {
  for (std::uint8_t code = 5; code <= 7; ++code) {
    Server server(AuthMethod::mschapv2);
    const auto actions = server.feed(code, 77, Bytes(582));
    ASSERT_EQ(frames(actions).size(), 1u);
    const Packet failure(frames(actions)[0]);
    EXPECT_EQ(failure.packet->code, kFailure);
    EXPECT_EQ(failure.packet->identifier, 77);
    EXPECT_EQ(parse_mschap_failure(as_text(failure.packet->data))->error, 709u);
    EXPECT_TRUE(first<AuthFailed>(actions));

    // As Windows does it: after the password was said to have expired.
    Server expired(AuthMethod::mschapv2);
    expired.respond();
    expired.judge(AuthVerdict::refused(MsChapError::password_expired));
    const auto answer = expired.feed(code, 78, Bytes(582));
    ASSERT_EQ(answer.size(), 1u);
    EXPECT_EQ(Packet(frames(answer)[0]).packet->identifier, 78);

    Server md5(AuthMethod::chap_md5);
    EXPECT_TRUE(md5.feed(code, 1, Bytes(582)).empty());
  }
}

TEST(ChapServer, ResponsesOfWrongLengthAreDiscarded) {
  for (const AuthMethod method : kChapMethods) {
    const Bytes good = value_and_name(Bytes(response_size(method), 0x42), "User");
    for (std::size_t size = 0; size < good.size() - 4; ++size) {
      Server server(method);
      EXPECT_TRUE(server.feed(kResponse, server.identifier, ByteView(good).first(size)).empty());
    }
    for (unsigned size = 0; size < 256; ++size) {
      if (size == response_size(method)) continue;
      Server server(method);
      EXPECT_TRUE(
          server.feed(kResponse, server.identifier, value_and_name(Bytes(size), "User")).empty());
    }
  }
}

// docs/CONFORMANCE.md, "What broke others", row 26: a name longer than its buffer.
TEST(ChapServer, PeersSection4Row26_NameLengths) {
  for (const std::size_t size : {0u, 1u, 252u, 253u}) {
    Server server(AuthMethod::mschapv2);
    const auto needed = all<CredentialsNeeded>(server.respond(std::string(size, 'n')));
    ASSERT_EQ(needed.size(), 1u) << size;
    EXPECT_EQ(needed[0].request.user.size(), size);
  }
  for (const std::size_t size : {254u, 255u, 256u, 257u, 1024u, 1440u, 65000u}) {
    Server server(AuthMethod::mschapv2);
    const auto actions = server.respond(std::string(size, 'n'));
    EXPECT_TRUE(all<CredentialsNeeded>(actions).empty()) << size;
    EXPECT_EQ(frames(actions).size(), 1u);
    EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::auth_failed);
  }
  Server server(AuthMethod::mschapv2);
  const auto odd = all<CredentialsNeeded>(server.respond(std::string("a\0\n\xff", 4)));
  ASSERT_EQ(odd.size(), 1u);
  EXPECT_EQ(odd[0].request.user, std::string("a\0\n\xff", 4));
  EXPECT_EQ(odd[0].request.printable_user(), "a\\x00\\x0a\\xff");
}

// --- The peer ---

// RFC 2759 §4 and §9.2.
TEST(ChapPeer, MsChapV2ResponseOnTheWire) {
  Peer peer(AuthMethod::mschapv2);
  const Bytes challenge = "5B5D7C7D7B3F2F3E3C2C602132262628"_hex;
  const auto sent = frames(peer.feed(kChallenge, 5, value_and_name(challenge, "lns")));
  ASSERT_EQ(sent.size(), 1u);
  ByteReader reader(sent[0]);
  EXPECT_EQ(reader.u16(), 0xc223);
  EXPECT_EQ(reader.u16(), 0x0205);
  EXPECT_EQ(reader.u16(), 4 + 1 + 49 + 4);
  EXPECT_EQ(reader.u8(), 49);
  const ByteView peer_challenge = reader.take(16);
  EXPECT_EQ(reader.u64(), 0u);
  const ByteView response = reader.take(24);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(as_text(reader.take_rest()), "User");
  const NtResponse expected =
      mschapv2_response(challenge, peer_challenge, "User", nt_password_hash(kPassword));
  EXPECT_TRUE(std::equal(response.begin(), response.end(), expected.begin(), expected.end()));
}

// RFC 2433 §5: no LAN Manager response goes out.
TEST(ChapPeer, MsChapV1SendsTheNtResponseOnly) {
  Peer peer(AuthMethod::mschap);
  const auto sent = frames(peer.feed(kChallenge, 5, value_and_name("102DB5DF085D3041"_hex, "lns")));
  ASSERT_EQ(sent.size(), 1u);
  ByteReader reader(sent[0]);
  reader.skip(7);
  EXPECT_EQ(to_hex(reader.take(24)), std::string(48, '0'));
  const NtResponse expected =
      challenge_response("102DB5DF085D3041"_hex, nt_password_hash(kPassword));
  EXPECT_EQ(to_hex(reader.take(24)), to_hex(expected));
  EXPECT_EQ(reader.u8(), 1);
}

TEST(ChapPeer, RepeatsItsResponseToARepeatedChallengeAndByItself) {
  Peer peer(AuthMethod::mschapv2);
  const auto once = frames(peer.feed(kChallenge, 5, challenge_of(AuthMethod::mschapv2)));
  EXPECT_EQ(frames(peer.feed(kChallenge, 5, challenge_of(AuthMethod::mschapv2))), once);
  EXPECT_EQ(frames(peer.wait()), once);
  // Another Identifier or Value is another challenge.
  EXPECT_NE(frames(peer.feed(kChallenge, 6, challenge_of(AuthMethod::mschapv2))), once);
  EXPECT_NE(frames(peer.feed(kChallenge, 6, challenge_of(AuthMethod::mschapv2, 0x12))), once);
}

TEST(ChapPeer, GivesUp) {
  Peer unasked(AuthMethod::mschapv2);
  EXPECT_EQ(first<AuthFailed>(unasked.wait())->cause.code, CauseCode::setup_timeout);
  EXPECT_EQ(unasked.now, kStart + 60s);

  Peer unanswered(AuthMethod::chap_md5);
  unsigned sent = static_cast<unsigned>(
      frames(unanswered.feed(kChallenge, 5, challenge_of(AuthMethod::chap_md5))).size());
  std::optional<AuthFailed> failed;
  while (unanswered.machine.next_deadline()) {
    const auto actions = unanswered.wait();
    sent += static_cast<unsigned>(frames(actions).size());
    failed = first<AuthFailed>(actions);
  }
  EXPECT_EQ(sent, 10u);
  EXPECT_EQ(failed->cause.code, CauseCode::setup_timeout);
}

TEST(ChapPeer, SuccessWithoutChallengeOrWithAnotherIdentifierIsIgnored) {
  Peer peer(AuthMethod::chap_md5);
  EXPECT_TRUE(peer.say(kSuccess, 0, "Hello").empty());
  EXPECT_TRUE(peer.say(kFailure, 0, "No").empty());
  peer.feed(kChallenge, 5, challenge_of(AuthMethod::chap_md5));
  EXPECT_TRUE(peer.say(kSuccess, 4, "Hello").empty());
  EXPECT_TRUE(peer.say(kFailure, 6, "No").empty());
  const auto accepted = first<AcceptedByPeer>(peer.say(kSuccess, 5, "Hello\n"));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->message, "Hello\\x0a");
  EXPECT_TRUE(accepted->keys.empty());
  // A repeated Success, a late Failure.
  EXPECT_TRUE(peer.say(kSuccess, 5, "Hello").empty());
  EXPECT_TRUE(peer.say(kFailure, 5, "No").empty());
}

TEST(ChapPeer, SuccessThatProvesNothingEndsTheLink) {
  for (const std::string_view text :
       {"", "S=", "S=407A5589115FD0D6209F510FE9C04566932CDA56",
        "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Hello", "M=Hello", "Welcome"}) {
    Peer peer(AuthMethod::mschapv2);
    peer.feed(kChallenge, 5, challenge_of(AuthMethod::mschapv2));
    const auto actions = peer.say(kSuccess, 5, text);
    EXPECT_FALSE(first<AcceptedByPeer>(actions)) << text;
    ASSERT_TRUE(first<AuthFailed>(actions)) << text;
    EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::peer_not_authentic);
    EXPECT_FALSE(peer.machine.next_deadline());
  }
}

// The proof that belongs to a Response, as the other end would compute it.
std::string proof_for(ByteView frame, ByteView challenge) {
  const ByteView peer_challenge = frame.subspan(7, 16);
  const ByteView response = frame.subspan(7 + 24, 24);
  return mschapv2_authenticator_response(nt_password_hash(kPassword), response, peer_challenge,
                                         challenge, "User");
}

TEST(ChapPeer, ProofInEitherCaseAndWithoutMessage) {
  for (const bool lower : {false, true}) {
    for (const std::string message : {"", " M=Hi M=there"}) {
      Peer peer(AuthMethod::mschapv2);
      const Bytes challenge(16, 0x11);
      const auto sent = frames(peer.feed(kChallenge, 5, value_and_name(challenge, "lns")));
      std::string proof = proof_for(sent[0], challenge);
      if (lower)
        for (char& c : proof)
          if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 0x20);
      const auto accepted = first<AcceptedByPeer>(peer.say(kSuccess, 5, proof + message));
      ASSERT_TRUE(accepted);
      EXPECT_EQ(accepted->message, message.empty() ? "" : "Hi M=there");
      EXPECT_FALSE(accepted->keys.empty());
    }
  }
}

TEST(ChapPeer, FailureTexts) {
  const auto message_of = [](AuthMethod method, std::string_view text) {
    Peer peer(method);
    peer.feed(kChallenge, 5, challenge_of(method));
    const auto actions = peer.say(kFailure, 5, text);
    const auto failed = first<AuthFailed>(actions);
    EXPECT_TRUE(failed && failed->cause.by_peer);
    EXPECT_EQ(failed->cause.code, CauseCode::auth_failed);
    EXPECT_TRUE(frames(actions).empty());  // R=1 invites, but there is no other password
    return failed->cause.message;
  };
  EXPECT_EQ(message_of(AuthMethod::mschapv2,
                       "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=Try again"),
            "E=691: user name or password wrong (Try again)");
  EXPECT_EQ(message_of(AuthMethod::mschapv2, "E=648 R=0 C=00 V=3 M="),
            "E=648: the password has expired");
  EXPECT_EQ(message_of(AuthMethod::mschap, "E=647 R=0"), "E=647: the account is disabled");
  EXPECT_EQ(message_of(AuthMethod::mschapv2, "E=12345"), "E=12345: error 12345");
  EXPECT_EQ(message_of(AuthMethod::mschapv2, "go away\r"), "go away\\x0d");
  EXPECT_EQ(message_of(AuthMethod::chap_md5, "E=691 R=1"), "E=691 R=1");
  EXPECT_EQ(message_of(AuthMethod::chap_md5, ""), "CHAP Failure");
  EXPECT_LE(message_of(AuthMethod::chap_md5, std::string(60000, 'x')).size(), 300u);
}

TEST(ChapPeer, RechallengeIsAnsweredAndTouchesNoKeys) {
  Peer peer(AuthMethod::mschapv2);
  const Bytes challenge(16, 0x11);
  auto sent = frames(peer.feed(kChallenge, 5, value_and_name(challenge, "lns")));
  ASSERT_TRUE(first<AcceptedByPeer>(peer.say(kSuccess, 5, proof_for(sent[0], challenge))));

  const Bytes second(16, 0x12);
  sent = frames(peer.feed(kChallenge, 6, value_and_name(second, "lns")));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(peer.say(kSuccess, 6, proof_for(sent[0], second)).empty());
  EXPECT_FALSE(peer.machine.next_deadline());

  // A third time, and the answer gets lost for good: the link lives on.
  peer.feed(kChallenge, 7, challenge_of(AuthMethod::mschapv2, 0x13));
  while (peer.machine.next_deadline()) EXPECT_FALSE(first<AuthFailed>(peer.wait()));

  // Refused or not proved, though, ends it.
  sent = frames(peer.feed(kChallenge, 8, challenge_of(AuthMethod::mschapv2, 0x14)));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(first<AuthFailed>(peer.say(kSuccess, 8, "S=0"))->cause.code,
            CauseCode::peer_not_authentic);
  EXPECT_TRUE(peer.feed(kChallenge, 9, challenge_of(AuthMethod::mschapv2)).empty());
}

TEST(ChapPeer, ChallengesOfWrongLengthAreDiscarded) {
  for (const AuthMethod method : kChapMethods) {
    for (unsigned size = 0; size < 256; ++size) {
      const bool good = method == AuthMethod::chap_md5 ? size > 0 : size == challenge_size(method);
      Peer peer(method);
      EXPECT_EQ(peer.feed(kChallenge, 1, value_and_name(Bytes(size), "")).size(), good ? 1u : 0u);
    }
    const Bytes good = challenge_of(method);
    for (std::size_t size = 0; size <= challenge_size(method); ++size) {
      Peer peer(method);
      EXPECT_TRUE(peer.feed(kChallenge, 1, ByteView(good).first(size)).empty());
    }
    Peer peer(method);
    EXPECT_EQ(peer.feed(kChallenge, 1,
                        value_and_name(Bytes(challenge_size(method)), std::string(5000, 'n')))
                  .size(),
              1u);
  }
}

// RFC 1994 §2.3: the peer must not be made to answer what we asked.
TEST(ChapPeer, ReflectedChallengeEndsTheLink) {
  Peer peer(AuthMethod::chap_md5);
  const Bytes own(16, 0x55);
  const auto actions = peer.feed(kChallenge, 1, value_and_name(own, "lns"), own);
  EXPECT_TRUE(frames(actions).empty());
  ASSERT_TRUE(first<AuthFailed>(actions));
  EXPECT_EQ(first<AuthFailed>(actions)->cause.code, CauseCode::peer_not_authentic);
}

}  // namespace
}  // namespace l2tpm::ppp
