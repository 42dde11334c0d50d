// Calls inside an established control connection: RFC 2661 §7.4 and §7.5.
#include "support/captured_log.h"
#include "support/l2tp_timeline.h"

namespace l2tpm::l2tp::testing {
namespace {

const Stimulus kAccept = [](Machine& m) { m->accept_call(m.session(), m.now()); };
const Stimulus kPlaceIncoming = [](Machine& m) {
  IncomingCallRequest request;
  request.calling_number = "100";
  request.connect.tx_connect_speed = 10000000;
  m.set_session(m->place_incoming_call(std::move(request), m.now()));
};
const Stimulus kPlaceOutgoing = [](Machine& m) {
  OutgoingCallRequest request;
  request.called_number = "200";
  m.set_session(m->place_outgoing_call(std::move(request), m.now()));
};
const Stimulus kConnected = [](Machine& m) { m->call_connected(m.session(), {}, m.now()); };
Stimulus close_because(CauseCode code) {
  return [code](Machine& m) { m->close_session(m.session(), because(code), m.now()); };
}

// A call of each kind, brought to a state. All messages are acknowledged at once.
struct Progress {
  Machine& m;
  std::uint16_t ns = 0;  // the peer's next
  void says(MessageType type) {
    m.receive(peer_says(
        type, ns++, m->status().delivery.ns,
        type == MessageType::icrq || type == MessageType::ocrq ? SessionId{} : m.session()));
    m.did();
  }
};

TEST(IncomingCall, AsLac) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s, kPlaceIncoming, "ICRQ ns=2 nr=1"},
             { 1010ms, says(MessageType::icrp,             1,               3), ""},
  });
  // The header named no session of ours.
  EXPECT_FALSE(m->peer_session(m.session()));
  run(m, {
             {1020ms, says(MessageType::icrp, 2, 3, true), "ICCN ns=3 nr=3; session up 99"}
  });
  EXPECT_EQ(m.last_sent().session_id, kTheirSession);
  EXPECT_EQ(m.last_sent().tx_connect_speed, 10000000u);
  EXPECT_EQ(m->status().sessions_up, 1u);
  run(m, {
             {1030ms, acks(3, 4),    ""                        },
             { 2s, says(MessageType::cdn,          3, 4, true), "session down peer-closed"},
  });
  EXPECT_EQ(m->status().sessions, 0u);
}

TEST(IncomingCall, AsLacBeforeTheTunnelIsUp) {
  Machine m;
  const auto open = [](Machine& machine) { machine->open(machine.now()); };
  // Version 14 crashes when it aligns these.
  // clang-format off
  run(m, {
      {0s, kPlaceIncoming, ""},
      {1ms, open, "SCCRQ ns=0 nr=0"},
      {10ms, says(MessageType::sccrp, 0, 1), "SCCCN ns=1 nr=1; ICRQ ns=2 nr=1; tunnel up 42"},
  });
  // clang-format on
}

TEST(IncomingCall, AsLns) {
  Machine m;
  establish_as_responder(m);
  run(m, {
             {1s,                says(MessageType::icrq, 2,      1), "incoming call"},
             {1010ms,  kAccept,                        "ICRP ns=1 nr=3"                        },
             {1020ms, says(MessageType::iccn,3,2, true), "session up 99"},
             {1120ms,                {},                                      "ZLB ns=2 nr=4"                                                              },
             {2s,                 close_because(CauseCode::admin_close),
              "CDN ns=2 nr=4 result 3; session down admin-close"                      },
  });
  EXPECT_EQ(m.last_sent().session_id, kTheirSession);
}

TEST(IncomingCall, ProxiedLcpAndAuthenticationReachTheOwner) {
  Machine m;
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  m.did();
  m->accept_call(m.session(), m.now());
  ControlMessage iccn = peer_says(MessageType::iccn, 3, 2, m.session());
  iccn.sequencing_required = true;
  iccn.last_sent_lcp_confreq = Bytes{1, 4, 5, 0xdc};
  iccn.last_received_lcp_confreq = Bytes{1, 4, 5, 0xd4};
  iccn.proxy_authen_type = 2;
  iccn.proxy_authen_name = Bytes{'u', 's', 'e', 'r'};
  iccn.proxy_authen_id = 17;
  iccn.proxy_authen_response = Bytes(16, 0xaa);
  m.receive(iccn);
  m.did();
  const SessionUp* up = nullptr;
  for (const Action& action : m.taken())
    if (const auto* one = std::get_if<SessionUp>(&action)) up = one;
  ASSERT_NE(up, nullptr);
  EXPECT_TRUE(up->parameters.sequencing_required);
  EXPECT_TRUE(up->parameters.proxy.has_lcp());
  EXPECT_EQ(up->parameters.proxy.authen_name, "user");
  EXPECT_EQ(up->parameters.proxy.authen_id, 17);
  EXPECT_EQ(up->parameters.proxy.authen_response, Bytes(16, 0xaa));
}

TEST(OutgoingCall, AsLns) {
  Machine m;
  establish_as_responder(m);
  run(m,
      {
          {1s,               kPlaceOutgoing,          "OCRQ ns=1 nr=2"},
          {1010ms,           says(MessageType::hello, 2,                2), "ZLB ns=2 nr=3"},
          {1020ms,
           [](Machine& mm) { mm.receive(peer_says(MessageType::ocrp, 3, 2, mm.session())); },                        ""                                  },
          {1030ms,
           [](Machine& mm) { mm.receive(peer_says(MessageType::occn, 4, 2, mm.session())); },
           "ZLB ns=2 nr=5; session up 99"},
  });
  EXPECT_EQ(m.sent()[m.sent().size() - 3].called_number, "200");
}

TEST(OutgoingCall, AsLac) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s,                          says(MessageType::ocrq, 1, 2), "outgoing call to 5551234"},
             {1010ms, kAccept,                       "OCRP ns=2 nr=2"                  },
             {1020ms,           acks(2,           3),""},
             {1030ms,                         kConnected,                                   "OCCN ns=3 nr=2; session up 99"                                               },
  });
}

TEST(OutgoingCall, RefusedWithResultAndText) {
  Machine m;
  establish_as_initiator(m);
  run(m, {
             {1s,                          says(MessageType::ocrq, 1, 2), "outgoing call to 5551234"},
             {1010ms,
              [](Machine& mm) {
                mm->reject_call(mm.session(),
                                {.code = CauseCode::refused,
                                 .result_code = 6,
                                 .message = "no profile answers this number"},
                                mm.now());
              },                       "CDN ns=2 nr=2 result 6; session down refused"                  },
  });
  EXPECT_EQ(m.last_sent().result_code->message, "no profile answers this number");
}

TEST(OutgoingCall, AFramingTypeThatWeDoNotOfferIsRefused) {
  Settings settings = quiet_settings();
  settings.framing_capabilities = 1;
  Machine m(settings);
  establish_as_initiator(m);
  ControlMessage ocrq = peer_says(MessageType::ocrq, 1, 2);
  ocrq.framing_type = 2;
  m.receive(ocrq);
  EXPECT_EQ(m.did(), "CDN ns=2 nr=2 result 5");
  EXPECT_EQ(m->status().sessions, 0u);
}

// "Send CDN, Clean up" of all four tables: whatever reply or connect is out of place.
TEST(Call, MessagesOutOfPlaceEndTheCallWithCdn) {
  const auto lns_incoming = [](Machine& m, int steps) {
    establish_as_responder(m);
    Progress peer{m, 2};
    peer.says(MessageType::icrq);
    if (steps > 0) m->accept_call(m.session(), m.now());
    if (steps > 1) peer.says(MessageType::iccn);
    m.did();
    return peer.ns;
  };
  const auto lac_incoming = [](Machine& m, int steps) {
    establish_as_initiator(m);
    Progress peer{m, 1};
    kPlaceIncoming(m);
    if (steps > 0) peer.says(MessageType::icrp);
    m.did();
    return peer.ns;
  };
  const auto lns_outgoing = [](Machine& m, int steps) {
    establish_as_responder(m);
    Progress peer{m, 2};
    kPlaceOutgoing(m);
    if (steps > 0) peer.says(MessageType::ocrp);
    if (steps > 1) peer.says(MessageType::occn);
    m.did();
    return peer.ns;
  };
  const auto lac_outgoing = [](Machine& m, int steps) {
    establish_as_initiator(m);
    Progress peer{m, 1};
    peer.says(MessageType::ocrq);
    if (steps > 0) m->accept_call(m.session(), m.now());
    if (steps > 1) m->call_connected(m.session(), {}, m.now());
    m.did();
    return peer.ns;
  };
  using T = MessageType;
  const auto check = [](const char* what, const auto& bring, int steps,
                        std::initializer_list<T> out_of_place) {
    for (const T type : out_of_place) {
      SCOPED_TRACE(std::string(what) + " gets " + std::string(name(type)));
      Machine m;
      const std::uint16_t ns = bring(m, steps);
      ASSERT_EQ(m->status().sessions, 1u);
      ControlMessage message = peer_says(type, ns, m->status().delivery.ns, m.session());
      if (message.assigned_session_id) message.assigned_session_id = SessionId(1234);
      m.receive(message);
      const std::string did = m.did();
      EXPECT_NE(did.find("CDN"), std::string::npos) << did;
      EXPECT_NE(did.find("result 2/6; session down protocol-error"), std::string::npos) << did;
      EXPECT_EQ(m->status().sessions, 0u);
      EXPECT_EQ(m->state(), ControlConnection::State::established);
    }
  };
  check("LAC wait-reply", lac_incoming, 0, {T::icrq, T::ocrp, T::occn});
  check("LAC established", lac_incoming, 1, {T::icrq, T::icrp, T::iccn});
  check("LNS wait-connect", lns_incoming, 1, {T::icrq, T::icrp, T::occn});
  check("LNS established", lns_incoming, 2, {T::icrq, T::icrp, T::iccn});
  check("LNS outgoing wait-reply", lns_outgoing, 0, {T::ocrq, T::occn});
  check("LNS outgoing wait-connect", lns_outgoing, 1, {T::ocrq, T::ocrp, T::iccn});
  check("LNS outgoing established", lns_outgoing, 2, {T::ocrq, T::ocrp, T::occn});
  check("LAC outgoing wait-cs-answer", lac_outgoing, 1, {T::ocrq, T::ocrp, T::occn});
  check("LAC outgoing established", lac_outgoing, 2, {T::ocrq, T::ocrp, T::occn});
}

// §7.4.1, wait-reply: "Receive CDN, ICCN: clean up", without a CDN of ours.
TEST(Call, IccnInWaitReplyIsCleanedUpSilently) {
  Machine m;
  establish_as_initiator(m);
  kPlaceIncoming(m);
  m.did();
  m.receive(peer_says(MessageType::iccn, 1, 3, m.session()));
  EXPECT_EQ(m.did(), "session down protocol-error");
}

TEST(Call, RepliesToNothingAreIgnored) {
  Machine m;
  establish_as_responder(m);
  std::uint16_t ns = 2;
  for (const MessageType type : {MessageType::icrp, MessageType::iccn, MessageType::ocrp,
                                 MessageType::occn, MessageType::cdn, MessageType::wen}) {
    m.receive(peer_says(type, ns++, 1, SessionId(5)));
    const std::string did = m.did();
    EXPECT_TRUE(did.empty() || did.starts_with("ZLB")) << did;
  }
  EXPECT_EQ(m->state(), ControlConnection::State::established);
}

TEST(Call, CdnBeforeOurIdIsKnownNamesTheCallByThePeersId) {
  Machine m;
  establish_as_responder(m);
  run(m, {
             {1s,     says(MessageType::icrq, 2, 1), "incoming call"                          },
             {1010ms, says(MessageType::cdn,  3, 1), "ZLB ns=1 nr=4; session down peer-closed"},
  });
}

TEST(Call, OurCdnBeforeThePeersIdIsKnownNamesOurs) {
  Machine m;
  establish_as_initiator(m);
  kPlaceIncoming(m);
  m.did();
  const SessionId ours = m.session();
  m->close_session(ours, because(CauseCode::admin_close), m.now());
  EXPECT_EQ(m.did(), "CDN ns=3 nr=1 result 3; session down admin-close");
  EXPECT_FALSE(m.last_sent().session_id);
  EXPECT_EQ(m.last_sent().assigned_session_id, ours);
  // The reply that was under way finds nothing.
  m.receive(peer_says(MessageType::icrp, 1, 4, ours));
  EXPECT_EQ(m.did(), "");
}

TEST(Call, QuirkCdnWithTheSendersIdInTheHeader) {
  const test::CapturedLog log;
  Machine m;
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  m.did();
  m->accept_call(m.session(), m.now());
  m.did();
  m.receive(peer_says(MessageType::cdn, 3, 2, kTheirSession));
  EXPECT_EQ(m.did(), "session down peer-closed");
  EXPECT_EQ(m->status().quirks, std::vector<std::string_view>{"cdn-with-own-session-id"});
  EXPECT_EQ(log.count("quirk cdn-with-own-session-id (Microsoft"), 1u);
}

TEST(Call, CrossingCdnsAreNothingSpecial) {
  Machine m;
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  m.did();
  m->accept_call(m.session(), m.now());
  m->close_session(m.session(), because(CauseCode::admin_close), m.now());
  m.did();
  m.receive(peer_says(MessageType::cdn, 3, 2, m.session()));
  EXPECT_EQ(m.did().find("session"), std::string::npos);
  EXPECT_EQ(m->state(), ControlConnection::State::established);
}

TEST(Call, OverloadIsAnsweredNeverSilent) {
  Settings settings = quiet_settings();
  settings.max_sessions = 1;
  Machine m(settings);
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  EXPECT_EQ(m.did(), "incoming call");
  ControlMessage second = peer_says(MessageType::icrq, 3, 1);
  second.assigned_session_id = SessionId(100);
  m.receive(second);
  EXPECT_EQ(m.did(), "CDN ns=1 nr=4 result 4");
  EXPECT_EQ(m.last_sent().session_id, SessionId(100));
  EXPECT_FALSE(m->place_outgoing_call({}, m.now()));
}

TEST(Call, ASessionIdThatThePeerUsesTwiceIsRefused) {
  Machine m;
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  m.did();
  m.receive(peer_says(MessageType::icrq, 3, 1));
  EXPECT_EQ(m.did(), "CDN ns=1 nr=4 result 2/5");
  EXPECT_EQ(m->status().sessions, 1u);
}

TEST(Call, AProblemOfTheSessionEndsOnlyIt) {
  Machine m;
  establish_as_responder(m);
  ControlMessage icrq = peer_says(MessageType::icrq, 2, 1);
  icrq.problem = wire::Problem{
      wire::Problem::Kind::unknown_mandatory_avp, wire::Scope::session, {9, 100}
  };
  m.receive(icrq);
  EXPECT_EQ(m.did(), "CDN ns=1 nr=3 result 2/8");
  m.receive(peer_says(MessageType::icrq, 3, 2));
  m.did();
  m->accept_call(m.session(), m.now());
  m.did();
  ControlMessage iccn = peer_says(MessageType::iccn, 4, 3, m.session());
  iccn.problem = icrq.problem;
  m.receive(iccn);
  EXPECT_EQ(m.did(), "CDN ns=3 nr=5 result 2/8; session down unknown-mandatory-avp");
  EXPECT_EQ(m->state(), ControlConnection::State::established);
}

TEST(Call, DisconnectCauseOfRfc3145GoesBothWays) {
  Machine m;
  establish_as_responder(m);
  m.receive(peer_says(MessageType::icrq, 2, 1));
  m.did();
  Cause cause = because(CauseCode::auth_failed);
  cause.disconnect_code = 16;
  cause.message = "wrong password";
  m->close_session(m.session(), cause, m.now());
  m.did();
  EXPECT_EQ(m.last_sent().ppp_disconnect_cause,
            (wire::PppDisconnectCause{16, 0, 1, "wrong password"}));

  // The peer's Terminate-Request, which PPP tells us of.
  m.receive(peer_says(MessageType::icrq, 3, 2));
  m.did();
  cause = {.code = CauseCode::peer_closed, .by_peer = true};
  cause.disconnect_code = 3;
  m->close_session(m.session(), cause, m.now());
  m.did();
  EXPECT_EQ(m.last_sent().ppp_disconnect_cause, (wire::PppDisconnectCause{3, 0, 1, ""}));

  m.receive(peer_says(MessageType::icrq, 4, 3));
  m.did();
  ControlMessage cdn = peer_says(MessageType::cdn, 5, 3, m.session());
  cdn.result_code = wire::ResultCode{3, 0,
                                     "go\x01"
                                     "away"};
  cdn.ppp_disconnect_cause = wire::PppDisconnectCause{3, 0, 1, "idle"};
  m.receive(cdn);
  m.did();
  const auto& down = std::get<SessionDown>(m.taken().back());
  EXPECT_TRUE(down.cause.by_peer);
  EXPECT_EQ(down.cause.result_code, 3);
  EXPECT_EQ(down.cause.disconnect_code, 3);
  EXPECT_EQ(down.cause.message, "go\\x01away; idle");
}

TEST(Call, SetupThatTakesTooLongEndsIt) {
  Settings settings = quiet_settings();
  settings.call_setup_timeout = 20s;
  Machine m(settings);
  establish_as_responder(m);
  run(m, {
             {1s,                says(MessageType::icrq, 2,      1), "incoming call"},
             {1010ms,  kAccept,                        "ICRP ns=1 nr=3"                        },
             {1020ms, acks(3,2),""},
             {21s,               {},                                    "CDN ns=2 nr=3 result 10; session down setup-timeout"                                                                 },
  });
}

TEST(Call, WenAndSliReachTheSideThatNeedsThem) {
  Machine lns;
  establish_as_responder(lns);
  Progress peer{lns, 2};
  peer.says(MessageType::icrq);
  lns->accept_call(lns.session(), lns.now());
  peer.says(MessageType::iccn);
  lns.receive(peer_says(MessageType::wen, 4, 2, lns.session()));
  EXPECT_EQ(lns.did(), "ZLB ns=2 nr=5; wan errors 1 6");
  lns->send_set_link_info({lns.session(), 1, 2}, lns.now());
  EXPECT_TRUE(lns.did().starts_with("SLI"));
  lns->send_wan_error_notify({lns.session()}, lns.now());
  EXPECT_EQ(lns.did(), "") << "WEN is for a LAC to send";

  Machine lac;
  establish_as_initiator(lac);
  kPlaceIncoming(lac);
  lac.did();
  lac.receive(peer_says(MessageType::icrp, 1, 3, lac.session()));
  lac.did();
  lac.receive(peer_says(MessageType::sli, 2, 4, lac.session()));
  EXPECT_EQ(lac.did(), "accm a0000 ffffffff");
  lac->send_wan_error_notify({lac.session(), 1}, lac.now());
  EXPECT_TRUE(lac.did().starts_with("WEN"));
}

// RFC 5515 §4.1: several sessions in one message; those that it does not concern are passed over.
TEST(Call, ANewLineSpeedReachesTheLns) {
  Machine lns;
  establish_as_responder(lns);
  Progress peer{lns, 2};
  peer.says(MessageType::icrq);
  lns->accept_call(lns.session(), lns.now());
  peer.says(MessageType::iccn);
  lns.did();
  ControlMessage csun = peer_says(MessageType::csun, 4, 2);
  const auto id = static_cast<std::uint16_t>(lns.session().value());
  const auto stranger = static_cast<std::uint16_t>(id ^ 1);
  for (const std::uint16_t session : {stranger, id}) {
    Bytes value;
    ByteWriter writer(value);
    writer.u16(0);
    writer.u16(session);
    writer.u32(50'000'000);
    writer.u32(10'000'000);
    csun.others.push_back(
        {wire::ietf(wire::AvpType::connect_speed_update), false, false, true, value});
  }
  csun.others.push_back(
      {wire::ietf(wire::AvpType::connect_speed_update), false, false, true, Bytes(11, 1)});
  lns.receive(csun);
  EXPECT_EQ(lns.did(), "ZLB ns=2 nr=5; speed 50000000 10000000");
  lns.receive(peer_says(MessageType::csurq, 5, 2));
  EXPECT_EQ(lns.did(), "");
  EXPECT_EQ(lns->state(), ControlConnection::State::established);
}

// RFC 3308, 3437, 5515 and vendors': kept for people.
TEST(Call, WhatThePeerSaysBeyondRfc2661IsHandedOn) {
  Machine lns;
  establish_as_responder(lns);
  ControlMessage icrq = peer_says(MessageType::icrq, 2, 1);
  icrq.others.push_back({
      {wire::kAdslForum, 1  },
      false, false, true, { 'a',             't', 'm'}
  });
  icrq.session_ds = std::uint16_t{0xb800};
  icrq.calling_number = "123";
  lns.receive(icrq);
  lns.did();
  const auto& asked = std::get<IncomingCallRequested>(lns.taken().back());
  ASSERT_EQ(asked.call.others.size(), 2u);
  EXPECT_EQ(asked.call.others[0].name, "Session DS");
  EXPECT_EQ(asked.call.others[1].name, "Agent Circuit ID");
  EXPECT_EQ(asked.call.others[1].value, "atm");
  lns->accept_call(lns.session(), lns.now());
  lns.did();
  ControlMessage iccn = peer_says(MessageType::iccn, 3, 2, lns.session());
  iccn.connect_speed_update_enable = true;
  lns.receive(iccn);
  lns.did();
  const auto& up = std::get<SessionUp>(lns.taken().back());
  ASSERT_EQ(up.parameters.others.size(), 1u);
  EXPECT_EQ(up.parameters.others[0].name, "Connect Speed Update Enable");
}

TEST(Call, TheEndOfTheTunnelEndsEveryCallBeforeIt) {
  Machine m;
  establish_as_responder(m);
  for (std::uint16_t i = 0; i < 3; ++i) {
    ControlMessage icrq = peer_says(MessageType::icrq, static_cast<std::uint16_t>(2 + i), 1);
    icrq.assigned_session_id = SessionId(100u + i);
    m.receive(icrq);
  }
  m.did();
  m.receive(peer_says(MessageType::stopccn, 5, 1));
  EXPECT_EQ(m.did(),
            "ZLB ns=1 nr=6; session down peer-closed; session down peer-closed; "
            "session down peer-closed; tunnel down peer-closed");
}

TEST(Call, AnIdRestsUntilItIsForgotten) {
  Settings settings = quiet_settings();
  Machine m(settings);
  establish_as_initiator(m);
  kPlaceIncoming(m);
  const SessionId first = m.session();
  m->forget_session(first, m.now());  // too early: it lives
  m->close_session(first, because(CauseCode::admin_close), m.now());
  m->forget_session(first, m.now());
  m->forget_session(first, m.now());
  m.did();
  EXPECT_EQ(m->status().sessions, 0u);
}

TEST(Call, PeersSection4Row24_AThousandCallsTimeOutEachAtItsTime) {
  static_assert(sizeof(Call) <= 48, "thousands of these stand in one tunnel");
  Settings settings = quiet_settings();
  settings.call_setup_timeout = 20s;
  Machine m(settings);
  establish_as_responder(m);
  for (std::uint16_t i = 0; i < 1000; ++i) {
    m.at(std::chrono::milliseconds(i));
    ControlMessage icrq = peer_says(MessageType::icrq, static_cast<std::uint16_t>(2 + i), 1);
    icrq.assigned_session_id = SessionId(1u + i);
    m.receive(icrq);
  }
  m.did();
  EXPECT_EQ(m->status().sessions, 1000u);
  for (int i = 0; i < 1000; ++i) {
    // Between two calls' ends only the channel's own timers run.
    while (m.deadline() && *m.deadline() < 20s + std::chrono::milliseconds(i)) {
      m.at(*m.deadline());
      m->handle_timeout(m.now());
      ASSERT_EQ(m.did().find("session down"), std::string::npos);
    }
    ASSERT_EQ(*m.deadline(), 20s + std::chrono::milliseconds(i));
    m.at(*m.deadline());
    m->handle_timeout(m.now());
    ASSERT_NE(m.did().find("session down setup-timeout"), std::string::npos);
    m.receive(peer_acks(1002, m->status().delivery.ns));
  }
  EXPECT_EQ(m->status().sessions, 0u);
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
