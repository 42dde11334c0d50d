// Both ends of each method against each other, over a link that loses, duplicates and reorders.

#include <gtest/gtest.h>

#include "ppp/auth.h"
#include "support/ppp_auth.h"

namespace l2tpm::ppp {
namespace {

using testing::Packet;

constexpr AuthMethod kMethods[] = {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap,
                                   AuthMethod::mschapv2};
const TimePoint kStart{};

struct Weather {
  unsigned loss = 0;  // percent
  unsigned duplication = 0;
  Duration delay = 20ms;
  Duration jitter = 0ms;
};

// One end of a link: it may ask the other to prove itself, prove itself, or both.
struct End {
  std::optional<AuthServer> server;
  std::optional<AuthPeer> peer;
  Secret knows;  // as authenticator: the password of the other
  std::optional<PeerAuthenticated> authenticated;
  std::optional<AcceptedByPeer> accepted;
  std::optional<AuthFailed> server_failed;
  std::optional<AuthFailed> peer_failed;
  unsigned questions = 0;
  unsigned reauthenticated = 0;
};

class Wire {
 public:
  Wire(const Weather& weather, std::uint64_t seed) : weather_(weather), random_(seed) {}

  End a, z;
  TimePoint now = kStart;
  Duration verdict_delay = 0ms;

  void start() {
    for (End* end : {&a, &z}) {
      if (end->server) end->server->start(now);
      if (end->peer) end->peer->start(now);
    }
    drain();
  }

  // Until nothing is due, or `until`.
  void run(TimePoint until) {
    for (int steps = 0; steps < 100000; ++steps) {
      std::optional<TimePoint> next;
      const auto consider = [&next](std::optional<TimePoint> when) {
        if (when && (!next || *when < *next)) next = when;
      };
      for (const auto& flight : flying_) consider(flight.when);
      for (const auto& question : questions_) consider(question.when);
      for (End* end : {&a, &z}) {
        if (end->server) consider(end->server->next_deadline());
        if (end->peer) consider(end->peer->next_deadline());
      }
      if (!next || *next > until) return;
      now = std::max(now, *next);
      deliver();
      judge();
      for (End* end : {&a, &z}) {
        if (end->server) end->server->handle_timeout(now);
        if (end->peer) end->peer->handle_timeout(now);
      }
      drain();
    }
    FAIL() << "the link does not come to rest";
  }

 private:
  struct Flight {
    TimePoint when;
    End* to;
    Bytes frame;
  };
  struct Question {
    TimePoint when;
    End* end;
    AuthRequest request;
  };

  void send(End& to, const Bytes& frame) {
    const unsigned copies = random_.below(100) < weather_.duplication ? 2 : 1;
    for (unsigned copy = 0; copy < copies; ++copy) {
      if (random_.below(100) < weather_.loss) continue;
      Duration delay = weather_.delay;
      if (weather_.jitter > 0ms)
        delay += std::chrono::milliseconds(random_.below(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(weather_.jitter).count())));
      flying_.push_back({now + delay, &to, frame});
    }
  }
  void deliver() {
    std::vector<Flight> due;
    for (auto it = flying_.begin(); it != flying_.end();)
      if (it->when <= now) {
        due.push_back(*it);
        it = flying_.erase(it);
      } else {
        ++it;
      }
    for (const auto& flight : due) {
      const Packet packet(flight.frame);
      ASSERT_TRUE(packet.packet);
      const auto end = addressee(packet.protocol, *packet.packet);
      ASSERT_TRUE(end);
      if (*end == AuthEnd::server && flight.to->server)
        flight.to->server->receive(*packet.packet, now);
      if (*end == AuthEnd::peer && flight.to->peer)
        flight.to->peer->receive(*packet.packet, now,
                                 flight.to->server ? flight.to->server->challenge() : ByteView());
      drain();
    }
  }
  void judge() {
    auto questions = std::exchange(questions_, {});
    for (auto& question : questions) {
      if (question.when > now) {
        questions_.push_back(std::move(question));
        continue;
      }
      question.end->server->supply_verdict(check_password(question.request, question.end->knows),
                                           now);
    }
    drain();
  }
  void drain() {
    drain(a, z);
    drain(z, a);
  }
  void drain(End& end, End& other) {
    if (end.server)
      for (auto& action : end.server->take_actions()) {
        if (auto* frame = std::get_if<SendFrame>(&action)) send(other, frame->frame);
        if (auto* needed = std::get_if<CredentialsNeeded>(&action)) {
          ++end.questions;
          questions_.push_back({now + verdict_delay, &end, needed->request});
        }
        if (auto* done = std::get_if<PeerAuthenticated>(&action)) {
          EXPECT_FALSE(end.authenticated);
          end.authenticated = *done;
        }
        if (std::get_if<PeerReauthenticated>(&action)) ++end.reauthenticated;
        if (auto* failed = std::get_if<AuthFailed>(&action)) {
          EXPECT_FALSE(end.server_failed);
          end.server_failed = *failed;
        }
      }
    if (end.peer)
      for (auto& action : end.peer->take_actions()) {
        if (auto* frame = std::get_if<SendFrame>(&action)) send(other, frame->frame);
        if (auto* done = std::get_if<AcceptedByPeer>(&action)) {
          EXPECT_FALSE(end.accepted);
          end.accepted = *done;
        }
        if (auto* failed = std::get_if<AuthFailed>(&action)) {
          EXPECT_FALSE(end.peer_failed);
          end.peer_failed = *failed;
        }
      }
  }

  Weather weather_;
  SeededRandom random_;
  std::vector<Flight> flying_;
  std::vector<Question> questions_;
};

const Secret kRight{std::string_view("s\xc3\xa9same")};
const Secret kWrong{std::string_view("sesame")};

void add_pair(End& server, End& peer, AuthMethod method, const Secret& password,
              RandomSource& random, Duration rechallenge = Duration::zero()) {
  server.server.emplace(
      AuthServerSettings{.method = method, .name = "lns", .rechallenge_interval = rechallenge},
      random);
  server.knows = kRight;
  peer.peer.emplace(
      AuthPeerSettings{.method = method, .user = "BIGCO\\alice", .password = password}, random);
}

void expect_same_keys(const MppeKeys& server, const MppeKeys& client) {
  for (const auto strength : {MppeStrength::bits_40, MppeStrength::bits_128}) {
    EXPECT_EQ(server.has(strength), client.has(strength));
    EXPECT_EQ(server.start_key(MppeDirection::transmit, strength),
              client.start_key(MppeDirection::receive, strength));
    EXPECT_EQ(server.start_key(MppeDirection::receive, strength),
              client.start_key(MppeDirection::transmit, strength));
  }
}

TEST(AuthExchange, RightPassword) {
  for (const AuthMethod method : kMethods) {
    SCOPED_TRACE(name(method));
    SeededRandom random(3);
    Wire wire({}, 4);
    add_pair(wire.a, wire.z, method, kRight, random);
    wire.start();
    wire.run(kStart + 100s);
    ASSERT_TRUE(wire.a.authenticated);
    ASSERT_TRUE(wire.z.accepted);
    EXPECT_EQ(wire.a.authenticated->user, "BIGCO\\alice");
    EXPECT_EQ(wire.a.questions, 1u);
    EXPECT_LE(wire.now, kStart + 60ms);
    EXPECT_EQ(wire.a.authenticated->keys.empty(),
              method == AuthMethod::pap || method == AuthMethod::chap_md5);
    expect_same_keys(wire.a.authenticated->keys, wire.z.accepted->keys);
  }
}

TEST(AuthExchange, WrongPassword) {
  for (const AuthMethod method : kMethods) {
    SCOPED_TRACE(name(method));
    SeededRandom random(3);
    Wire wire({}, 4);
    add_pair(wire.a, wire.z, method, kWrong, random);
    wire.start();
    wire.run(kStart + 100s);
    EXPECT_FALSE(wire.a.authenticated);
    EXPECT_FALSE(wire.z.accepted);
    ASSERT_TRUE(wire.a.server_failed);
    ASSERT_TRUE(wire.z.peer_failed);
    EXPECT_EQ(wire.a.server_failed->cause.code, CauseCode::auth_failed);
    EXPECT_EQ(wire.z.peer_failed->cause.code, CauseCode::auth_failed);
    EXPECT_TRUE(wire.z.peer_failed->cause.by_peer);
  }
}

// The other end says Success to anything: MS-CHAPv2 alone notices.
TEST(AuthExchange, AuthenticatorThatDoesNotKnowThePassword) {
  for (const AuthMethod method : kMethods) {
    SeededRandom random(3);
    AuthServer server({.method = method}, random);
    AuthPeer peer({.method = method, .user = "alice", .password = kRight}, random);
    server.start(kStart);
    peer.start(kStart);
    std::optional<AuthFailed> failed;
    bool accepted = false;
    for (int round = 0; round < 4; ++round) {
      for (auto& action : server.take_actions()) {
        if (const auto* frame = std::get_if<SendFrame>(&action))
          peer.receive(*Packet(frame->frame).packet, kStart);
        if (std::get_if<CredentialsNeeded>(&action)) {
          AuthVerdict verdict = AuthVerdict::refused();
          verdict.ok = true;
          server.supply_verdict(verdict, kStart);
        }
      }
      for (auto& action : peer.take_actions()) {
        if (const auto* frame = std::get_if<SendFrame>(&action))
          server.receive(*Packet(frame->frame).packet, kStart);
        if (const auto* no = std::get_if<AuthFailed>(&action)) failed = *no;
        if (std::get_if<AcceptedByPeer>(&action)) accepted = true;
      }
    }
    EXPECT_EQ(accepted, method != AuthMethod::mschapv2) << name(method);
    if (method == AuthMethod::mschapv2) {
      ASSERT_TRUE(failed);
      EXPECT_EQ(failed->cause.code, CauseCode::peer_not_authentic);
    }
  }
}

// Two CHAPs cross on one link; Identifiers are per direction.
TEST(AuthExchange, BothDirectionsAtOnce) {
  for (const AuthMethod first : kMethods)
    for (const AuthMethod second : kMethods) {
      SCOPED_TRACE(std::string(name(first)) + " and " + std::string(name(second)));
      SeededRandom random(5);
      Wire wire({}, 6);
      add_pair(wire.a, wire.z, first, kRight, random);
      add_pair(wire.z, wire.a, second, kRight, random);
      wire.start();
      wire.run(kStart + 100s);
      EXPECT_TRUE(wire.a.authenticated && wire.a.accepted);
      EXPECT_TRUE(wire.z.authenticated && wire.z.accepted);
      EXPECT_FALSE(wire.a.server_failed || wire.a.peer_failed);
      EXPECT_FALSE(wire.z.server_failed || wire.z.peer_failed);
    }
}

TEST(AuthExchange, OneDirectionMayFail) {
  SeededRandom random(5);
  Wire wire({}, 6);
  add_pair(wire.a, wire.z, AuthMethod::mschapv2, kRight, random);
  add_pair(wire.z, wire.a, AuthMethod::chap_md5, kWrong, random);
  wire.start();
  wire.run(kStart + 100s);
  EXPECT_TRUE(wire.a.authenticated);
  EXPECT_TRUE(wire.z.accepted);
  EXPECT_TRUE(wire.z.server_failed);
  EXPECT_TRUE(wire.a.peer_failed);
}

// 30 % loss each way, duplicates, reordering and a slow verdict: in the end both agree.
TEST(AuthExchange, BadWeather) {
  for (const AuthMethod method : kMethods)
    for (const bool right : {true, false})
      for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(std::string(name(method)) + " seed " + std::to_string(seed));
        SeededRandom random(seed);
        Wire wire({.loss = 30, .duplication = 20, .jitter = 400ms}, seed);
        wire.verdict_delay = std::chrono::milliseconds(seed % 4 * 1500);
        add_pair(wire.a, wire.z, method, right ? kRight : kWrong, random);
        wire.start();
        wire.run(kStart + 200s);
        ASSERT_EQ(wire.a.authenticated.has_value(), right);
        ASSERT_EQ(wire.z.accepted.has_value(), right);
        EXPECT_EQ(wire.a.questions, 1u);
        if (right) {
          expect_same_keys(wire.a.authenticated->keys, wire.z.accepted->keys);
        } else {
          EXPECT_EQ(wire.z.peer_failed->cause.code, CauseCode::auth_failed);
        }
      }
}

// Ten repetitions of the challenge on a bad line: the keys stay those of the first exchange.
TEST(AuthExchange, RechallengeInBadWeather) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    Wire wire({.loss = 20, .duplication = 20, .jitter = 400ms}, seed);
    add_pair(wire.a, wire.z, AuthMethod::mschapv2, kRight, random, 60s);
    wire.start();
    wire.run(kStart + 700s);
    ASSERT_TRUE(wire.a.authenticated && wire.z.accepted);
    EXPECT_FALSE(wire.a.server_failed || wire.z.peer_failed);
    EXPECT_GE(wire.a.reauthenticated, 8u);
    expect_same_keys(wire.a.authenticated->keys, wire.z.accepted->keys);
  }
}

// A dead line: both ends give up within their bounds, whatever state they are in.
TEST(AuthExchange, Silence) {
  for (const AuthMethod method : kMethods) {
    SeededRandom random(7);
    Wire wire({.loss = 100}, 8);
    add_pair(wire.a, wire.z, method, kRight, random);
    wire.start();
    wire.run(kStart + 1000s);
    ASSERT_TRUE(wire.a.server_failed && wire.z.peer_failed);
    EXPECT_EQ(wire.a.server_failed->cause.code, CauseCode::setup_timeout);
    EXPECT_EQ(wire.z.peer_failed->cause.code, CauseCode::setup_timeout);
    EXPECT_LE(wire.now, kStart + 60s);
  }
}

TEST(Addressee, EachCodeBelongsToOneEnd) {
  const auto whose = [](wire::PppProtocol protocol, unsigned code) {
    wire::PppPacket packet;
    packet.code = static_cast<std::uint8_t>(code);
    return addressee(protocol, packet);
  };
  using wire::PppProtocol;
  for (unsigned code = 0; code < 256; ++code) {
    const auto pap = whose(PppProtocol::pap, code);
    EXPECT_EQ(pap == AuthEnd::server, code == 1);
    EXPECT_EQ(pap == AuthEnd::peer, code == 2 || code == 3);
    const auto chap = whose(PppProtocol::chap, code);
    EXPECT_EQ(chap == AuthEnd::server, code == 2 || (code >= 5 && code <= 7));
    EXPECT_EQ(chap == AuthEnd::peer, code == 1 || code == 3 || code == 4);
    EXPECT_FALSE(whose(PppProtocol::lcp, code));
  }
}

}  // namespace
}  // namespace l2tpm::ppp
