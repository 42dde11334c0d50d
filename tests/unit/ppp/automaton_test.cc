#include "ppp/automaton.h"

#include <gtest/gtest.h>

#include <sstream>

#include "ppp/option_judge.h"
#include "support/ppp_text.h"

namespace l2tpm::ppp {
namespace {

using test::from_hex;
using test::Packet;
using test::text_of;
using wire::PppCode;

constexpr TimePoint kStart{};

// A protocol with one option, 1, of one octet: 0..9 is acceptable, others are Nak'ed with 5;
// option 2 is rejected.
class Toy : public Automaton {
 public:
  explicit Toy(const FsmTimers& timers) : Automaton(wire::PppProtocol::mplscp, timers) {}
  using Automaton::send;
  std::uint8_t value = 7;
  int acknowledged = -1;
  int resets = 0;

 protected:
  Bytes build_request() const override { return {1, 3, value}; }
  void reset() override { ++resets; }
  Judgement judge_request(ByteView options, bool may_nak) const override {
    OptionJudge judge(options, may_nak);
    while (const auto option = judge.next()) {
      if (option->type != 1 || option->value.size() != 1) {
        judge.reject(*option);
      } else if (option->value[0] > 9) {
        judge.nak(*option, from_hex("05"));
      }
    }
    return judge.verdict();
  }
  void request_acknowledged(ByteView options) override {
    acknowledged = options.size() == 3 ? options[2] : 0;
  }
  bool take_nak(ByteView options) override {
    if (options.size() != 3) return false;
    value = options[2];
    return true;
  }
  bool take_reject(ByteView options) override {
    return is_part_of_request(options, build_request());
  }
};

// RFC 1661 §4.1 as printed, without its footnotes' letters.
constexpr const char* kRfcTable = R"(
Up    2         irc,scr/6 -         -         -         -         -         -         -         -
Down  -         -         0         tls/1     0         1         1         1         1         tld/1
Open  tls/1     1         irc,scr/6 3         5         5         6         7         8         9
Close 0         tlf/0     2         2         4         4         irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
TO+   -         -         -         -         str/4     str/5     scr/6     scr/6     scr/8     -
TO-   -         -         -         -         tlf/2     tlf/3     tlf/3     tlf/3     tlf/3     -
RCR+  -         -         sta/2     irc,scr,sca/8 4     5         sca/8     sca,tlu/9 sca/8     tld,scr,sca/8
RCR-  -         -         sta/2     irc,scr,scn/6 4     5         scn/6     scn/7     scn/6     tld,scr,scn/6
RCA   -         -         sta/2     sta/3     4         5         irc/7     scr/6     irc,tlu/9 tld,scr/6
RCN   -         -         sta/2     sta/3     4         5         irc,scr/6 scr/6     irc,scr/8 tld,scr/6
RTR   -         -         sta/2     sta/3     sta/4     sta/5     sta/6     sta/6     sta/6     tld,zrc,sta/5
RTA   -         -         2         3         tlf/2     tlf/3     6         6         8         tld,scr/6
RUC   -         -         scj/2     scj/3     scj/4     scj/5     scj/6     scj/7     scj/8     scj/9
RXJ+  -         -         2         3         4         5         6         6         8         9
RXJ-  -         -         tlf/2     tlf/3     tlf/2     tlf/3     tlf/3     tlf/3     tlf/3     tld,irc,str/5
RXR   -         -         2         3         4         5         6         7         8         ser/9
)";

TEST(Automaton, TableIsTheRfcs) {
  std::istringstream lines(kRfcTable);
  std::string event_name;
  for (unsigned event = 0; event < 16; ++event) {
    lines >> event_name;
    EXPECT_EQ(event_name, name(static_cast<FsmEvent>(event)));
    for (unsigned state = 0; state < 10; ++state) {
      std::string wanted;
      lines >> wanted;
      EXPECT_EQ(Automaton::cell_text(static_cast<FsmState>(state), static_cast<FsmEvent>(event)),
                wanted)
          << event_name << " in " << name(static_cast<FsmState>(state));
    }
  }
}

class AutomatonTest : public ::testing::Test {
 protected:
  FsmTimers timers_;
  Toy toy_{timers_};
  TimePoint now_ = kStart;

  std::string did() { return text_of(toy_.take_actions()); }
  std::string receive(PppCode code, std::uint8_t id, const char* data) {
    toy_.receive(Packet(code, id, from_hex(data)).view(), now_);
    return did();
  }
  // To the next deadline, which must be `after` from now.
  std::string timeout(Duration after) {
    EXPECT_EQ(toy_.next_deadline(), now_ + after);
    now_ += after;
    toy_.handle_timeout(now_);
    return did();
  }
  void open_up() {
    toy_.open(now_);
    toy_.lower_up(now_);
    did();
  }
  // As if nothing was lost.
  void reach_opened() {
    open_up();
    receive(PppCode::configure_request, 1, "010301");
    EXPECT_EQ(receive(PppCode::configure_ack, 1, "010307"), "up");
  }
};

TEST_F(AutomatonTest, OpensEitherWay) {
  toy_.open(now_);
  EXPECT_EQ(did(), "started");
  toy_.lower_up(now_);
  EXPECT_EQ(did(), "MPLSCP Configure-Request id 1 <option 1 07>");
  EXPECT_EQ(receive(PppCode::configure_ack, 1, "010307"), "");
  EXPECT_EQ(toy_.state(), FsmState::ack_rcvd);
  EXPECT_EQ(receive(PppCode::configure_request, 9, "010303"),
            "MPLSCP Configure-Ack id 9 <option 1 03>; up");
  EXPECT_EQ(toy_.acknowledged, 3);
  EXPECT_EQ(toy_.next_deadline(), std::nullopt);
}

TEST_F(AutomatonTest, RepeatsTenTimesThenGivesUp) {
  open_up();
  EXPECT_EQ(timeout(1s), "MPLSCP Configure-Request id 1 <option 1 07>");
  EXPECT_EQ(timeout(2s), "MPLSCP Configure-Request id 1 <option 1 07>");
  for (int i = 0; i < 7; ++i) EXPECT_EQ(timeout(3s), "MPLSCP Configure-Request id 1 <option 1 07>");
  EXPECT_EQ(timeout(3s), "finished");
  EXPECT_EQ(toy_.state(), FsmState::stopped);
  EXPECT_EQ(toy_.failure(), CauseCode::network_failed);
  EXPECT_FALSE(toy_.failed_by_peer());
  EXPECT_EQ(toy_.next_deadline(), std::nullopt);
}

TEST_F(AutomatonTest, ClosesWithTwoRequests) {
  reach_opened();
  toy_.close(now_, "bye");
  EXPECT_EQ(did(), "down; MPLSCP Terminate-Request id 2 \"bye\"");
  EXPECT_EQ(timeout(1s), "MPLSCP Terminate-Request id 3");
  EXPECT_EQ(timeout(2s), "finished");
  EXPECT_EQ(toy_.state(), FsmState::closed);
}

TEST_F(AutomatonTest, PeerCloses) {
  reach_opened();
  EXPECT_EQ(receive(PppCode::terminate_request, 8, "6279"), "down; MPLSCP Terminate-Ack id 8");
  EXPECT_EQ(toy_.failure(), CauseCode::peer_closed);
  EXPECT_TRUE(toy_.failed_by_peer());
  EXPECT_EQ(timeout(1s), "finished");
  EXPECT_EQ(toy_.state(), FsmState::stopped);
}

TEST_F(AutomatonTest, OnlyTheIdentifierAndOptionsAskedForCount) {
  open_up();
  EXPECT_EQ(receive(PppCode::configure_ack, 2, "010307"), "");
  EXPECT_EQ(receive(PppCode::configure_ack, 1, "010308"), "");
  EXPECT_EQ(receive(PppCode::configure_ack, 1, ""), "");
  EXPECT_EQ(receive(PppCode::configure_nak, 7, "010305"), "");
  EXPECT_EQ(toy_.state(), FsmState::req_sent);
  EXPECT_EQ(receive(PppCode::configure_nak, 1, "010305"),
            "MPLSCP Configure-Request id 2 <option 1 05>");
  EXPECT_EQ(receive(PppCode::configure_ack, 1, "010307"), "");  // to the old one
  EXPECT_EQ(receive(PppCode::configure_ack, 2, "010305"), "");
  EXPECT_EQ(toy_.state(), FsmState::ack_rcvd);
}

TEST_F(AutomatonTest, DuplicateResponsesChangeNothing) {
  reach_opened();
  EXPECT_EQ(receive(PppCode::configure_ack, 1, "010307"), "");
  EXPECT_EQ(receive(PppCode::configure_nak, 1, "010305"), "");
  EXPECT_TRUE(toy_.is_open());
}

TEST_F(AutomatonTest, ALostAckIsRepeatedWithoutFallingBack) {
  reach_opened();
  now_ += 3s;
  EXPECT_EQ(receive(PppCode::configure_request, 1, "010301"),
            "MPLSCP Configure-Ack id 1 <option 1 01>");
  EXPECT_TRUE(toy_.is_open());
  // Another Identifier, other options, or a repetition much later: the peer starts anew.
  now_ += 3s;
  EXPECT_EQ(receive(PppCode::configure_request, 1, "010301"),
            "down; MPLSCP Configure-Request id 2 <option 1 07>; "
            "MPLSCP Configure-Ack id 1 <option 1 01>");
  EXPECT_EQ(toy_.state(), FsmState::ack_sent);
}

TEST_F(AutomatonTest, ARestartedPeerIsNegotiatedWithAnew) {
  reach_opened();
  EXPECT_EQ(receive(PppCode::configure_request, 2, "010301"),
            "down; MPLSCP Configure-Request id 2 <option 1 07>; "
            "MPLSCP Configure-Ack id 2 <option 1 01>");
  EXPECT_EQ(receive(PppCode::configure_ack, 2, "010307"), "up");
  EXPECT_EQ(toy_.resets, 2);
}

TEST_F(AutomatonTest, NaksFiveTimesThenRejects) {
  open_up();
  for (std::uint8_t id = 1; id <= 5; ++id)
    EXPECT_NE(receive(PppCode::configure_request, id, "010399").find("Configure-Nak"),
              std::string::npos);
  EXPECT_EQ(receive(PppCode::configure_request, 6, "010399"),
            "MPLSCP Configure-Reject id 6 <option 1 99>");
}

TEST_F(AutomatonTest, APeerThatNaksForEverIsLeft) {
  open_up();
  int requests = 0;
  for (int i = 0; i < 100 && toy_.state() != FsmState::closing; ++i) {
    const auto id = static_cast<std::uint8_t>(i + 1);
    if (receive(PppCode::configure_nak, id, "010305").find("Request") != std::string::npos)
      ++requests;
  }
  EXPECT_EQ(toy_.state(), FsmState::closing);
  EXPECT_LT(requests, 25);
  EXPECT_EQ(toy_.failure(), CauseCode::network_failed);
}

TEST_F(AutomatonTest, RejectsAllAtOnce) {
  open_up();
  EXPECT_EQ(receive(PppCode::configure_request, 1, "010399 0202 0303aa"),
            "MPLSCP Configure-Reject id 1 <option 2> <option 3 aa>");
}

// docs/CONFORMANCE.md, "What broke others", row 27: duplicate configuration options.
TEST_F(AutomatonTest, PeersSection4Row27_DuplicateOptionsAreRejected) {
  open_up();
  EXPECT_EQ(receive(PppCode::configure_request, 1, "010301 010302"),
            "MPLSCP Configure-Reject id 1 <option 1 02>");
}

TEST_F(AutomatonTest, PeersSection4Row19_MalformedOptionsGetNoAnswer) {
  open_up();
  for (const char* options : {"0100", "0101", "010301 0100", "0109", "01"})
    EXPECT_EQ(receive(PppCode::configure_request, 1, options), "");
  EXPECT_EQ(toy_.state(), FsmState::req_sent);
}

TEST_F(AutomatonTest, UnknownCodesAreRejectedInEveryState) {
  open_up();
  EXPECT_EQ(receive(static_cast<PppCode>(99), 5, "abcd"), "MPLSCP Code-Reject id 2 63050006abcd");
  EXPECT_EQ(receive(PppCode::code_reject, 1, "0c010004"), "");          // RXJ+
  EXPECT_EQ(receive(PppCode::code_reject, 1, "01010004"), "finished");  // RXJ-
  EXPECT_TRUE(toy_.failed_by_peer());
}

TEST_F(AutomatonTest, ARejectedProtocolIsSilent) {
  reach_opened();
  toy_.protocol_rejected(now_);
  EXPECT_EQ(did(), "down; finished");
  EXPECT_EQ(toy_.state(), FsmState::initial);
  EXPECT_EQ(toy_.failure(), CauseCode::not_supported);
  open_up();
  toy_.protocol_rejected(now_);
  EXPECT_EQ(did(), "finished");
}

TEST_F(AutomatonTest, AStoppedOneStartsAgainOnRequest) {
  reach_opened();
  receive(PppCode::terminate_request, 8, "");
  timeout(1s);
  EXPECT_EQ(receive(PppCode::configure_ack, 9, ""), "MPLSCP Terminate-Ack id 9");
  EXPECT_EQ(receive(PppCode::configure_request, 9, "010301"),
            "MPLSCP Configure-Request id 2 <option 1 07>; MPLSCP Configure-Ack id 9 <option 1 01>");
  EXPECT_EQ(receive(PppCode::configure_ack, 2, "010307"), "up");
  EXPECT_EQ(toy_.failure(), CauseCode::none);
}

TEST_F(AutomatonTest, CrossedRequestsConverge) {
  FsmTimers timers;
  Toy other(timers);
  open_up();
  other.open(now_);
  other.lower_up(now_);
  other.take_actions();
  // Each is in Req-Sent and gets the other's request, then the Acks.
  receive(PppCode::configure_request, 1, "010307");
  other.receive(Packet(PppCode::configure_request, 1, from_hex("010307")).view(), now_);
  EXPECT_EQ(receive(PppCode::configure_ack, 1, "010307"), "up");
  other.receive(Packet(PppCode::configure_ack, 1, from_hex("010307")).view(), now_);
  EXPECT_TRUE(other.is_open());
}

// Every state with every packet: the automaton stays in a state of the table, a running timer goes
// with the states that have one, and nothing is sent when the lower layer is down.
TEST_F(AutomatonTest, EveryStateTakesEveryPacket) {
  using Prepare = void (*)(Toy&, TimePoint);
  const auto give = [](Toy& toy, PppCode code, std::uint8_t id, const char* data, TimePoint now) {
    toy.receive(Packet(code, id, from_hex(data)).view(), now);
  };
  static const auto* give_static = &give;
  const Prepare prepare[] = {
      [](Toy&, TimePoint) {},
      [](Toy& toy, TimePoint now) { toy.open(now); },
      [](Toy& toy, TimePoint now) { toy.lower_up(now); },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        (*give_static)(toy, PppCode::code_reject, 1, "01", now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        toy.close(now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        (*give_static)(toy, PppCode::configure_request, 1, "010301", now);
        (*give_static)(toy, PppCode::configure_ack, 1, "010307", now);
        (*give_static)(toy, PppCode::terminate_request, 1, "", now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        (*give_static)(toy, PppCode::configure_ack, 1, "010307", now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        (*give_static)(toy, PppCode::configure_request, 1, "010301", now);
      },
      [](Toy& toy, TimePoint now) {
        toy.open(now);
        toy.lower_up(now);
        (*give_static)(toy, PppCode::configure_request, 1, "010301", now);
        (*give_static)(toy, PppCode::configure_ack, 1, "010307", now);
      },
  };
  const Duration later = kDuplicateWindow + 1s;
  for (unsigned state = 0; state < 10; ++state) {
    for (unsigned code = 0; code < 20; ++code) {
      for (const char* data : {"", "010301", "010399", "0202", "0100", "01", "010307"}) {
        for (std::uint8_t id = 0; id < 3; ++id) {
          Toy toy(timers_);
          prepare[state](toy, kStart);
          ASSERT_EQ(static_cast<unsigned>(toy.state()), state);
          toy.take_actions();
          toy.receive(Packet(code, id, from_hex(data)).view(), kStart + later);
          const auto actions = toy.take_actions();
          if (state < 2) {
            EXPECT_TRUE(actions.empty());
          }
          EXPECT_LE(actions.size(), 3u);
          const bool runs = toy.state() >= FsmState::closing && toy.state() <= FsmState::ack_sent;
          EXPECT_EQ(toy.next_deadline().has_value(), runs)
              << name(toy.state()) << " after code " << code << " in " << state;
        }
      }
    }
  }
}

}  // namespace
}  // namespace l2tpm::ppp
