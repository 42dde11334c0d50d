// Tunnel authentication, RFC 2661 §5.1.1, between two of our own connections.
#include "l2tp/authentication.h"

#include "crypto/digest.h"
#include "support/l2tp_timeline.h"

namespace l2tpm::l2tp::testing {
namespace {

struct Outcome {
  std::string initiator;
  std::string responder;
};

// Both ends until nothing more is said; SCCRQ, SCCRP, SCCCN at most.
Outcome introduce(Settings first, Settings second) {
  SeededRandom random_a(3);
  SeededRandom random_b(4);
  const auto settings_a = std::make_shared<const Settings>(first);
  const auto settings_b = std::make_shared<const Settings>(second);
  ControlConnection a(TunnelId(1), settings_a, random_a);
  ControlConnection b(TunnelId(2), settings_b, random_b);
  const TimePoint now{1h};
  Outcome outcome;
  const auto carry = [&](ControlConnection& from, ControlConnection& to, const Settings& reader,
                         std::string& said) {
    bool moved = false;
    for (const Action& action : from.take_actions()) {
      if (const auto* send = std::get_if<SendDatagram>(&action)) {
        wire::DecodeOptions options;
        if (reader.secret) options.secret = reader.secret->octets();
        to.receive(*wire::decode_control(send->bytes, options), send->bytes.size(), now);
        moved = true;
      } else if (std::holds_alternative<PeerAuthenticated>(action)) {
        said += "authenticated ";
      } else if (const auto* down = std::get_if<TunnelDown>(&action)) {
        said += std::string(name(down->cause.code)) + (down->cause.by_peer ? " by peer" : "");
      } else if (std::holds_alternative<TunnelUp>(action)) {
        said += "up ";
      }
    }
    return moved;
  };
  a.open(now);
  bool moved = true;
  for (int i = 0; i < 20 && moved; ++i) {
    moved = carry(a, b, second, outcome.initiator);
    moved = carry(b, a, first, outcome.responder) || moved;
  }
  return outcome;
}

Settings with(const char* secret, bool challenge, bool hide = false) {
  Settings settings = quiet_settings();
  if (secret != nullptr) settings.secret = Secret(std::string_view(secret));
  settings.challenge_peer = challenge;
  settings.hide_avps = hide;
  return settings;
}

TEST(TunnelAuthentication, ResponseIsMd5OfTypeSecretAndChallenge) {
  const Bytes challenge = {1, 2, 3};
  const Bytes joined = {2, 'k', 'e', 'y', 1, 2, 3};
  EXPECT_EQ(challenge_response(MessageType::sccrp, Secret(std::string_view("key")), challenge),
            crypto::md5({joined}));
}

TEST(TunnelAuthentication, EveryCombinationOfWhoAsks) {
  for (const bool hide : {false, true}) {
    Outcome o = introduce(with(nullptr, true, hide), with(nullptr, true, hide));
    EXPECT_EQ(o.initiator, "up ");
    EXPECT_EQ(o.responder, "up ");
    o = introduce(with("s", true, hide), with("s", false, hide));
    EXPECT_EQ(o.initiator, "authenticated up ");
    EXPECT_EQ(o.responder, "up ");
    o = introduce(with("s", false, hide), with("s", true, hide));
    EXPECT_EQ(o.initiator, "up ");
    EXPECT_EQ(o.responder, "authenticated up ");
    o = introduce(with("s", true, hide), with("s", true, hide));
    EXPECT_EQ(o.initiator, "authenticated up ");
    EXPECT_EQ(o.responder, "authenticated up ");
  }
}

TEST(TunnelAuthentication, AWrongSecretEndsTheTunnelWithResult4) {
  Outcome o = introduce(with("right", true), with("wrong", true));
  EXPECT_EQ(o.initiator, "tunnel-auth-failed");
  EXPECT_EQ(o.responder, "tunnel-auth-failed by peer");
  o = introduce(with("right", false), with("wrong", true));
  EXPECT_EQ(o.responder, "tunnel-auth-failed");
  EXPECT_EQ(o.initiator, "up tunnel-auth-failed by peer");
}

TEST(TunnelAuthentication, AChallengeWithoutASecretIsRefused) {
  Outcome o = introduce(with("s", true), with(nullptr, true));
  EXPECT_EQ(o.responder, "tunnel-auth-failed");
  EXPECT_EQ(o.initiator, "tunnel-auth-failed by peer");
  o = introduce(with(nullptr, true), with("s", true));
  EXPECT_EQ(o.initiator, "tunnel-auth-failed");
  EXPECT_EQ(o.responder, "tunnel-auth-failed by peer");
}

TEST(TunnelAuthentication, AMissingResponseIsAWrongOne) {
  Machine m(with("s", true));
  m->open(m.now());
  m.did();
  m.receive(peer_says(MessageType::sccrp, 0, 1));
  EXPECT_EQ(m.did(), "StopCCN ns=1 nr=1 result 4; tunnel down tunnel-auth-failed");
  EXPECT_EQ(m.last_sent().result_code->message, "no Challenge Response");

  Machine responder(with("s", true));
  responder.receive(peer_says(MessageType::sccrq, 0, 0));
  responder.did();
  responder.receive(peer_says(MessageType::scccn, 1, 1));
  EXPECT_EQ(responder.did(), "StopCCN ns=1 nr=2 result 4; tunnel down tunnel-auth-failed");
}

TEST(TunnelAuthentication, NothingIsHiddenInSccrq) {
  Machine m(with("s", true, true));
  m->open(m.now());
  for (const Action& action : m->take_actions()) {
    const auto* send = std::get_if<SendDatagram>(&action);
    ASSERT_NE(send, nullptr);
    // Decoded without the secret.
    const auto message = wire::decode_control(send->bytes);
    ASSERT_TRUE(message);
    EXPECT_FALSE(message->problem);
    EXPECT_EQ(message->host_name, "l2tp-manager");
  }
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
