#include "l2tp/control_connection.h"

#include "support/captured_log.h"
#include "support/l2tp_timeline.h"

namespace l2tpm::l2tp::testing {
namespace {

using State = ControlConnection::State;

const Stimulus kOpen = [](Machine& m) { m->open(m.now()); };
Stimulus close_because(CauseCode code) {
  return [code](Machine& m) { m->close(because(code), m.now()); };
}

TEST(ControlConnection, InitiatorComesUp) {
  Machine m;
  run(m, {
             {0ms,                      kOpen,  "SCCRQ ns=0 nr=0"},
             {                                10ms, says(MessageType::sccrp,      0,                1), "SCCCN ns=1 nr=1; tunnel up 42"},
             { 20ms,                     acks(1, 2),                ""},
  });
  EXPECT_EQ(m->state(), State::established);
  EXPECT_EQ(m->peer().host_name, "peer");
  EXPECT_FALSE(m.deadline());
}

TEST(ControlConnection, ResponderComesUp) {
  Machine m;
  run(m, {
             {0ms,  says(MessageType::sccrq, 0, 0), "SCCRP ns=0 nr=1"            },
             {10ms, says(MessageType::scccn, 1, 1), "ZLB ns=1 nr=2; tunnel up 42"},
  });
  EXPECT_EQ(m->state(), State::established);
}

TEST(ControlConnection, SaysWhatRfc2661DemandsInSccrq) {
  Settings settings = quiet_settings();
  settings.host_name = "lac1";
  settings.vendor_name = "l2tp-manager";
  settings.firmware_revision = 3;
  settings.use_tie_breaker = true;
  Machine m(settings);
  m->open(m.now());
  m.did();
  const ControlMessage sccrq = m.last_sent();
  EXPECT_EQ(sccrq.protocol_version, (wire::ProtocolVersion{1, 0}));
  EXPECT_EQ(sccrq.host_name, "lac1");
  EXPECT_EQ(sccrq.vendor_name, "l2tp-manager");
  EXPECT_EQ(sccrq.firmware_revision, 3);
  EXPECT_EQ(sccrq.assigned_tunnel_id, kOurs);
  EXPECT_EQ(sccrq.receive_window_size, 128);
  EXPECT_EQ(sccrq.tie_breaker, m->tie_breaker());
  EXPECT_TRUE(sccrq.tie_breaker);
  EXPECT_FALSE(sccrq.tunnel_id);
}

// RFC 2661 §5.8: 1 s first, doubling, the cap of 8 s.
TEST(ControlConnection, RetransmitsAt1_2_4_8_8ThenGivesUp) {
  Machine m;
  run(m, {
             {0s,  kOpen, "SCCRQ ns=0 nr=0"                },
             {1s,  {},    "SCCRQ ns=0 nr=0"                },
             {3s,  {},    "SCCRQ ns=0 nr=0"                },
             {7s,  {},    "SCCRQ ns=0 nr=0"                },
             {15s, {},    "SCCRQ ns=0 nr=0"                },
             {23s, {},    "SCCRQ ns=0 nr=0"                },
             {31s, {},    "tunnel down no-answer; finished"},
  });
}

TEST(ControlConnection, AnswersADuplicateWithAZlb) {
  Machine m;
  run(m, {
             {0ms, kOpen, "SCCRQ ns=0 nr=0"              },
             { 10ms, says(MessageType::sccrp,     0, 1), "SCCCN ns=1 nr=1; tunnel up 42"},
             { 20ms, says(MessageType::sccrp,     0,                 1), "ZLB ns=2 nr=1"},
  });
}

TEST(ControlConnection, ClosesAndFinishesWithTheAcknowledgement) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s,      close_because(CauseCode::admin_close),
              "StopCCN ns=2 nr=1 result 1; tunnel down admin-close"     },
             { 1010ms, acks(1,                                    3), "finished"},
  });
}

TEST(ControlConnection, AnUnacknowledgedStopCcnEndsWithTheLinger) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s, close_because(CauseCode::shutdown),
              "StopCCN ns=2 nr=1 result 6; tunnel down shutdown"},
  });
  std::string all;
  while (const auto next = m.deadline()) {
    ASSERT_LE(*next, 1s + 31s);
    m.at(*next);
    m->handle_timeout(m.now());
    all += m.did() + "\n";
  }
  EXPECT_TRUE(all.ends_with("finished\n")) << all;
  EXPECT_GT(std::count(all.begin(), all.end(), '\n'), 5);
}

TEST(ControlConnection, AcknowledgesStopCcnFor31Seconds) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s,                                        says(MessageType::stopccn, 1, 2), "ZLB ns=2 nr=2; tunnel down peer-closed"},
             {5s, says(MessageType::stopccn,                          1,                          2), "ZLB ns=2 nr=2"},
             {32s,                                        {},                                      "finished"},
  });
}

TEST(ControlConnection, CrossingStopCcnsStopBothRetransmissions) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s,               close_because(CauseCode::admin_close),
              "StopCCN ns=2 nr=1 result 1; tunnel down admin-close"     },
             {1010ms,           says(MessageType::stopccn,             1, 2), "ZLB ns=3 nr=2"},
             {32s, {},                                      "finished"                                    },
  });
}

TEST(ControlConnection, ClosedBeforeTheAnswerItTellsThePeerWhereItsIdCameFrom) {
  Machine m;
  run(m, {
             {0s,    kOpen,                                 "SCCRQ ns=0 nr=0"},
             {100ms, close_because(CauseCode::admin_close),
              "StopCCN ns=1 nr=0 result 1; tunnel down admin-close"          },
  });
  EXPECT_FALSE(m.last_sent().tunnel_id);
  EXPECT_EQ(m.last_sent().assigned_tunnel_id, kOurs);
  // A SCCRP that was under way: from now on StopCCN is addressed.
  run(m, {
             {200ms,            says(MessageType::sccrp, 0, 1), "ZLB ns=2 nr=1"},
             {1100ms, {},                        "StopCCN ns=1 nr=1 result 1"                   }
  });
  EXPECT_EQ(m.last_sent().tunnel_id, kTheirs);
}

TEST(ControlConnection, MessagesOutOfPlaceEndTheTunnel) {
  const auto expect_stop = [](Machine& m, const ControlMessage& message) {
    m.receive(message);
    EXPECT_EQ(m.did().substr(0, 7), "StopCCN") << name(message.type);
    EXPECT_EQ(m.last_sent().result_code->result, 7) << name(message.type);
    EXPECT_EQ(m->state(), State::closing);
  };
  for (const MessageType type : {MessageType::sccrq, MessageType::sccrp, MessageType::scccn}) {
    Machine m;
    establish_as_initiator(m);
    ControlMessage message = peer_says(type, 1, 2);
    message.tunnel_id = kOurs;
    expect_stop(m, message);
  }
  for (const MessageType type : {MessageType::sccrq, MessageType::scccn, MessageType::icrq}) {
    Machine m;
    m->open(m.now());
    m.did();
    ControlMessage message = peer_says(type, 0, 1);
    message.tunnel_id = kOurs;
    expect_stop(m, message);
  }
  for (const MessageType type : {MessageType::sccrq, MessageType::sccrp, MessageType::iccn}) {
    Machine m;
    m.receive(peer_says(MessageType::sccrq, 0, 0));
    m.did();
    ControlMessage message = peer_says(type, 1, 1);
    message.tunnel_id = kOurs;
    expect_stop(m, message);
  }
}

TEST(ControlConnection, WhatIsNotSccrqBeginsNothing) {
  Machine m;
  m.receive(peer_says(MessageType::hello, 0, 0));
  EXPECT_EQ(m.did(), "tunnel down protocol-error; finished");
  Machine late;
  late.receive(peer_says(MessageType::sccrq, 1, 0));
  EXPECT_EQ(late.did(), "tunnel down protocol-error; finished");
}

TEST(ControlConnection, AnotherProtocolVersionIsRefusedWithOurs) {
  Machine m;
  ControlMessage sccrq = peer_says(MessageType::sccrq, 0, 0);
  sccrq.protocol_version = wire::ProtocolVersion{2, 0};
  m.receive(sccrq);
  EXPECT_EQ(m.did(), "StopCCN ns=0 nr=1 result 5/256; tunnel down not-supported");
}

TEST(ControlConnection, AProblemOfTheTunnelEndsIt) {
  Machine m;
  establish_as_responder(m);
  ControlMessage hello = peer_says(MessageType::hello, 2, 1);
  hello.problem = wire::Problem{
      wire::Problem::Kind::unknown_mandatory_avp, wire::Scope::tunnel, {9, 100}
  };
  m.receive(hello);
  EXPECT_EQ(m.did(), "StopCCN ns=1 nr=3 result 2/8; tunnel down unknown-mandatory-avp");
}

TEST(ControlConnection, AProblemInSccrqIsAnsweredToItsSender) {
  Machine m;
  ControlMessage sccrq = peer_says(MessageType::sccrq, 0, 0);
  sccrq.problem = wire::Problem{
      wire::Problem::Kind::unknown_mandatory_avp, wire::Scope::tunnel, {9, 100}
  };
  m.receive(sccrq);
  EXPECT_EQ(m.did(), "StopCCN ns=0 nr=1 result 2/8; tunnel down unknown-mandatory-avp");
  EXPECT_EQ(m.last_sent().tunnel_id, kTheirs);
}

TEST(ControlConnection, AnUnknownOptionalMessageIsAcknowledgedAndIgnored) {
  Machine m;
  establish_as_responder(m);
  ControlMessage unknown;
  unknown.tunnel_id = kOurs;
  unknown.ns = 2;
  unknown.nr = 1;
  unknown.unknown_type = 200;
  m.at(1s);
  m.receive(unknown);
  EXPECT_EQ(m.did(), "");
  run(m, {
             {1100ms, {}, "ZLB ns=1 nr=3"}
  });
  EXPECT_EQ(m->state(), State::established);
}

TEST(ControlConnection, StopCcnIsAnEndHoweverBadlyPut) {
  Machine m;
  establish_as_responder(m);
  ControlMessage stop = peer_says(MessageType::stopccn, 2, 1);
  stop.result_code.reset();
  stop.problem = wire::Problem{
      wire::Problem::Kind::missing_avp, wire::Scope::tunnel, {0, 1}
  };
  m.receive(stop);
  EXPECT_EQ(m.did(), "ZLB ns=1 nr=3; tunnel down peer-closed");
}

// RFC 2661 §5.5.
TEST(ControlConnection, HelloAfterSilenceOnly) {
  Settings settings;
  settings.hello_interval = 60s;
  Machine m(settings);
  establish_as_initiator(m);
  run(m, {
             {30s,                says(MessageType::hello, 1,        2), "ZLB ns=2 nr=2"},
             {90s,   {},                          "HELLO ns=2 nr=2"                               },
             {90010ms, acks(2,3),""},
             {150010ms,                {},                                       "HELLO ns=3 nr=2"                                                                             },
  });
  EXPECT_EQ(m->status().hellos_sent, 2u);
}

TEST(ControlConnection, AnUnansweredHelloEndsTheTunnelWithinItsBudget) {
  Settings settings;
  settings.hello_interval = 60s;
  Machine m(settings);
  establish_as_initiator(m);
  m.at(60s);
  std::string did;
  while (m->state() == State::established) {
    ASSERT_TRUE(m.deadline());
    m.at(*m.deadline());
    m->handle_timeout(m.now());
    did = m.did();
  }
  EXPECT_EQ(did, "tunnel down peer-silent; finished");
  EXPECT_LE(m.now() - TimePoint(1h), 60s + 31s);
}

TEST(ControlConnection, QuirkAndroidIgnoresHello) {
  const test::CapturedLog log;
  Settings settings;
  settings.hello_interval = 60s;
  settings.quirks.ignore_unanswered_hello = true;
  Machine m(settings);
  establish_as_initiator(m);
  while (m.deadline()) {
    m.at(*m.deadline());
    m->handle_timeout(m.now());
    m.did();
  }
  EXPECT_EQ(m->state(), State::established);
  EXPECT_EQ(m->status().quirks, std::vector<std::string_view>{"unanswered-hello"});
  EXPECT_EQ(log.count("quirk unanswered-hello (Android"), 1u);
  // The number that the peer never counted is used for what comes next.
  m->close(because(CauseCode::admin_close), m.now());
  EXPECT_EQ(m.did(), "StopCCN ns=2 nr=1 result 1; tunnel down admin-close");
}

TEST(ControlConnection, ProbesOnRequest) {
  Machine m;
  establish_as_initiator(m);
  m->probe(m.now());
  EXPECT_EQ(m.did(), "HELLO ns=2 nr=1");
  m->probe(m.now());
  EXPECT_EQ(m.did(), "") << "one that is unanswered tells as much as two";
}

TEST(ControlConnection, QuirkDir300SendsTunnelIdZero) {
  const test::CapturedLog log;
  Machine m;
  m.receive(peer_says(MessageType::sccrq, 0, 0));
  ControlMessage scccn = peer_says(MessageType::scccn, 1, 1);
  scccn.tunnel_id = TunnelId{};
  m.receive(scccn);
  m.did();
  EXPECT_EQ(m->state(), State::established);
  EXPECT_EQ(m->status().quirks, std::vector<std::string_view>{"zero-tunnel-id"});
  ControlMessage hello = peer_says(MessageType::hello, 2, 1);
  hello.tunnel_id = TunnelId{};
  m.receive(hello);
  EXPECT_EQ(log.count("quirk zero-tunnel-id (D-Link"), 1u) << "once per connection";

  Settings strict = quiet_settings();
  strict.quirks.accept_zero_tunnel_id = false;
  Machine other(strict);
  other.receive(peer_says(MessageType::sccrq, 0, 0));
  other.receive(scccn);
  EXPECT_EQ(other->state(), State::wait_ctl_conn);
}

TEST(ControlConnection, QuirkAppleSwapsResultCodes) {
  const test::CapturedLog log;
  Machine m;
  establish_as_responder(m);
  ControlMessage stop = peer_says(MessageType::stopccn, 2, 1);
  stop.quirks.swapped_result_code = true;
  m.receive(stop);
  EXPECT_EQ(m->status().quirks, std::vector<std::string_view>{"swapped-result-code"});
  EXPECT_EQ(log.count("quirk swapped-result-code (Apple"), 1u);
}

TEST(ControlConnection, MessagesForAnotherTunnelChangeNothing) {
  Machine m;
  establish_as_responder(m);
  ControlMessage stop = peer_says(MessageType::stopccn, 2, 1);
  stop.tunnel_id = TunnelId(8);
  m.receive(stop);
  EXPECT_EQ(m.did(), "");
  EXPECT_EQ(m->state(), State::established);
}

TEST(ControlConnection, TheLoserOfATieEndsSilently) {
  Machine m;
  m->open(m.now());
  m.did();
  m->lose_tie(m.now());
  EXPECT_EQ(m.did(), "tunnel down tie-lost; finished");
  EXPECT_FALSE(m.deadline());
}

TEST(ControlConnection, LowerTieBreakerWins) {
  EXPECT_EQ(compare_tie_breakers(1, 2), Tie::we_win);
  EXPECT_EQ(compare_tie_breakers(0xffffffffffffffff, 2), Tie::peer_wins);
  EXPECT_EQ(compare_tie_breakers(5, 5), Tie::both_discard);
  EXPECT_EQ(compare_tie_breakers(std::nullopt, 5), Tie::peer_wins);
  EXPECT_EQ(compare_tie_breakers(5, std::nullopt), Tie::we_win);
  EXPECT_EQ(compare_tie_breakers(std::nullopt, std::nullopt), Tie::no_tie);
}

TEST(ControlConnection, AnUnprovenSourceGetsAtMostThreeTimesWhatItSent) {
  Machine m;
  const ControlMessage sccrq = peer_says(MessageType::sccrq, 0, 0);
  const std::size_t size = wire::encode(sccrq).size();
  std::size_t in = 0;
  std::size_t out = 0;
  const auto count = [&] {
    for (const Action& action : m->take_actions())
      if (const auto* send = std::get_if<SendDatagram>(&action)) out += send->bytes.size();
    EXPECT_LE(out, 3 * in);
  };
  const auto arrives = [&] {
    in += size;
    m->receive(sccrq, size, m.now());
    count();
  };
  arrives();
  const std::size_t first = out;
  EXPECT_GT(first, 0u);
  // The timer may repeat SCCRP within the budget, and then is silent.
  while (m.deadline() && *m.deadline() < 20s) {
    m.at(*m.deadline());
    m->handle_timeout(m.now());
    count();
  }
  const std::size_t before = out;
  m.at(20s);
  arrives();
  EXPECT_GT(out, before + 12) << "the peer's next SCCRQ brings SCCRP again";
  // Nobody there: gone when the set-up time is over, without another octet.
  while (m.deadline()) {
    m.at(*m.deadline());
    m->handle_timeout(m.now());
    count();
  }
  EXPECT_EQ(m->state(), State::finished);
  EXPECT_LE(m.now() - TimePoint(1h), 60s);
}

TEST(ControlConnection, AProvenPeerHasNoBudget) {
  Machine m;
  establish_as_responder(m);
  for (int i = 0; i < 20; ++i) m->place_incoming_call({}, m.now());
  for (std::uint16_t nr = 2; nr <= 21; ++nr) m.receive(peer_acks(2, nr));
  m.did();
  EXPECT_EQ(m->status().delivery.messages_sent, 21u);
}

TEST(ControlConnection, TooManyWaitingMessagesEndTheTunnel) {
  Settings settings = quiet_settings();
  settings.send_queue_limit = 10;
  Machine m(settings);
  establish_as_initiator(m);
  for (int i = 0; i < 100; ++i) m->place_incoming_call({}, m.now());
  const std::string did = m.did();
  EXPECT_NE(did.find("tunnel down no-resources"), std::string::npos);
  EXPECT_EQ(m->state(), State::closing);
}

TEST(ControlConnection, StatusSaysWhatHappened) {
  Machine m;
  establish_as_initiator(m);
  const auto status = m->status();
  EXPECT_TRUE(status.initiator);
  EXPECT_EQ(status.delivery.ns, 2);
  EXPECT_EQ(status.delivery.nr, 1);
  EXPECT_EQ(status.delivery.peer_window, 64);
  EXPECT_EQ(status.delivery.congestion_window, 3u);
  EXPECT_EQ(status.peer.tunnel, kTheirs);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
