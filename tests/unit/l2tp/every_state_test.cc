// Every state of the connection and of each call meets every message, every verb of the owner, and
// silence. Debug builds assert is_consistent() inside; here the promises to the owner are checked.
#include <set>

#include "support/captured_log.h"
#include "support/l2tp_timeline.h"

namespace l2tpm::l2tp::testing {
namespace {

using Way = void (*)(Machine&);

const std::pair<const char*, Way> kWays[] = {
    {"idle",                        [](Machine&) {}                                                   },
    {"wait-ctl-reply",
     [](Machine& m) {
       m.set_session(m->place_incoming_call({}, m.now()));
       m->open(m.now());
     }                                                                                                },
    {"wait-ctl-conn",               [](Machine& m) { m.receive(peer_says(MessageType::sccrq, 0, 0)); }},
    {"established as initiator",    establish_as_initiator                                            },
    {"established as responder",    establish_as_responder                                            },
    {"LAC wait-reply",
     [](Machine& m) {
       establish_as_initiator(m);
       m.set_session(m->place_incoming_call({}, m.now()));
     }                                                                                                },
    {"LAC established",
     [](Machine& m) {
       establish_as_initiator(m);
       m.set_session(m->place_incoming_call({}, m.now()));
       m.did();
       m.receive(peer_says(MessageType::icrp, 1, 3, m.session()));
     }                                                                                                },
    {"LNS wait-decision",
     [](Machine& m) {
       establish_as_responder(m);
       m.receive(peer_says(MessageType::icrq, 2, 1));
       m.did();
     }                                                                                                },
    {"LNS wait-connect",
     [](Machine& m) {
       establish_as_responder(m);
       m.receive(peer_says(MessageType::icrq, 2, 1));
       m.did();
       m->accept_call(m.session(), m.now());
     }                                                                                                },
    {"LNS outgoing wait-reply",
     [](Machine& m) {
       establish_as_responder(m);
       m.set_session(m->place_outgoing_call({}, m.now()));
     }                                                                                                },
    {"LNS outgoing wait-connect",
     [](Machine& m) {
       establish_as_responder(m);
       m.set_session(m->place_outgoing_call({}, m.now()));
       m.did();
       m.receive(peer_says(MessageType::ocrp, 2, 2, m.session()));
     }                                                                                                },
    {"LAC outgoing wait-cs-answer",
     [](Machine& m) {
       establish_as_initiator(m);
       m.receive(peer_says(MessageType::ocrq, 1, 2));
       m.did();
       m->accept_call(m.session(), m.now());
     }                                                                                                },
    {"closing",
     [](Machine& m) {
       establish_as_initiator(m);
       m->close(because(CauseCode::admin_close), m.now());
     }                                                                                                },
    {"lingering",
     [](Machine& m) {
       establish_as_initiator(m);
       m.receive(peer_says(MessageType::stopccn, 1, 2));
     }                                                                                                },
    {"finished",
     [](Machine& m) {
       m->open(m.now());
       m->lose_tie(m.now());
     }                                                                                                },
};

// What the owner has been promised, over everything that was taken.
class Promises {
 public:
  void take(Machine& m, std::vector<Action> actions) {
    for (const Action& action : actions) {
      EXPECT_FALSE(finished_) << "something after Finished";
      if (const auto* down = std::get_if<SessionDown>(&action)) {
        EXPECT_TRUE(downs_.insert(down->session).second) << "two ends of one session";
        EXPECT_NE(down->cause.code, CauseCode::none);
        EXPECT_FALSE(down_) << "a session ends after its tunnel";
      }
      if (const auto* down = std::get_if<TunnelDown>(&action)) {
        EXPECT_FALSE(down_) << "two ends of one tunnel";
        EXPECT_NE(down->cause.code, CauseCode::none);
        EXPECT_EQ(m->status().sessions, 0u);
        down_ = true;
      }
      if (std::holds_alternative<Finished>(action)) finished_ = true;
    }
  }
  bool finished() const { return finished_; }

 private:
  std::set<SessionId> downs_;
  bool down_ = false;
  bool finished_ = false;
};

// From here on the peer is silent: whatever set-up was under way is over in time.
void fall_silent(Machine& m, Promises& promises) {
  const TimePoint silence = m.now();
  for (int i = 0; m.deadline(); ++i) {
    ASSERT_LT(i, 1000);
    const TimePoint due = *m->next_deadline();
    if (due - silence > 600s) break;
    m->handle_timeout(due);
    m.at(due - TimePoint(1h));
    promises.take(m, m->take_actions());
    if (m->next_deadline()) {
      ASSERT_GT(*m->next_deadline(), due) << "busy loop";
    }
  }
  const auto state = m->state();
  EXPECT_TRUE(state == ControlConnection::State::idle ||
              state == ControlConnection::State::finished ||
              state == ControlConnection::State::established)
      << name(state);
  // HELLO is off in these tests; what could still be in an established tunnel is established calls.
  if (state != ControlConnection::State::idle) {
    EXPECT_EQ(m->status().sessions, m->status().sessions_up);
  }
  if (state != ControlConnection::State::established) {
    EXPECT_LE(m.now() - silence, 60s + 31s);
  }
  EXPECT_EQ(promises.finished(), state == ControlConnection::State::finished);
}

// peers.md, section 4, row 15: lines for debugging are made of what the peer said, too.
TEST(EveryState, PeersSection4Row15_MeetsEveryMessageWithTheDebugLogOn) {
  test::CapturedLog log;
  log.kept = LogLevel::error;
  constexpr MessageType kTypes[] = {MessageType::sccrq,   MessageType::sccrp, MessageType::scccn,
                                    MessageType::stopccn, MessageType::hello, MessageType::icrq,
                                    MessageType::icrp,    MessageType::iccn,  MessageType::ocrq,
                                    MessageType::ocrp,    MessageType::occn,  MessageType::cdn,
                                    MessageType::wen,     MessageType::sli,   MessageType::csun,
                                    MessageType::csurq,   MessageType::none};
  for (const auto& [state, way] : kWays) {
    for (const MessageType type : kTypes) {
      for (const bool to_session : {false, true}) {
        for (const bool wrong : {false, true}) {
          SCOPED_TRACE(std::string(state) + " gets " + std::string(name(type)) +
                       (to_session ? " to its session" : "") + (wrong ? " with a problem" : ""));
          Machine m;
          Promises promises;
          way(m);
          promises.take(m, m->take_actions());
          const auto delivery = m->status().delivery;
          ControlMessage message =
              peer_says(type, delivery.nr, delivery.ns, to_session ? m.session() : SessionId{});
          if (m->state() != ControlConnection::State::idle) message.tunnel_id = kOurs;
          if (wrong)
            message.problem = wire::Problem{
                wire::Problem::Kind::missing_avp, wire::scope_of(type), {0, 9}
            };
          m.receive(message);
          promises.take(m, m->take_actions());
          fall_silent(m, promises);
        }
      }
    }
  }
  EXPECT_TRUE(log.all_clean);
}

TEST(EveryState, MeetsEveryVerbOfTheOwner) {
  const std::pair<const char*, Way> kVerbs[] = {
      {"open",                  [](Machine& m) { m->open(m.now()); }                               },
      {"handle_timeout",        [](Machine& m) { m->handle_timeout(m.now()); }                     },
      {"a timeout long due",    [](Machine& m) { m->handle_timeout(m.now() + 1h); }                },
      {"close",                 [](Machine& m) { m->close(because(CauseCode::shutdown), m.now()); }},
      {"lose_tie",              [](Machine& m) { m->lose_tie(m.now()); }                           },
      {"probe",                 [](Machine& m) { m->probe(m.now()); }                              },
      {"place_incoming_call",   [](Machine& m) { m->place_incoming_call({}, m.now()); }            },
      {"place_outgoing_call",   [](Machine& m) { m->place_outgoing_call({}, m.now()); }            },
      {"accept_call",           [](Machine& m) { m->accept_call(m.session(), m.now()); }           },
      {"call_connected",        [](Machine& m) { m->call_connected(m.session(), {}, m.now()); }    },
      {"reject_call",
       [](Machine& m) { m->reject_call(m.session(), because(CauseCode::refused), m.now()); }       },
      {"close_session",
       [](Machine& m) { m->close_session(m.session(), because(CauseCode::shutdown), m.now()); }    },
      {"forget_session",        [](Machine& m) { m->forget_session(m.session(), m.now()); }        },
      {"send_set_link_info",    [](Machine& m) { m->send_set_link_info({m.session()}, m.now()); }  },
      {"send_wan_error_notify",
       [](Machine& m) { m->send_wan_error_notify({m.session()}, m.now()); }                        },
  };
  for (const auto& [state, way] : kWays) {
    for (const auto& [verb, call] : kVerbs) {
      SCOPED_TRACE(std::string(state) + ", " + verb);
      Machine m;
      Promises promises;
      way(m);
      promises.take(m, m->take_actions());
      call(m);
      promises.take(m, m->take_actions());
      if (std::string_view(verb) == "a timeout long due") m.at(1h);
      fall_silent(m, promises);
    }
  }
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
