#include "ppp/lcp.h"

#include <gtest/gtest.h>

#include "support/ppp_text.h"

namespace l2tpm::ppp {
namespace {

using test::from_hex;
using test::Packet;
using test::text_of;
using wire::PppCode;

class LcpTest : public ::testing::Test {
 protected:
  LcpTest() {
    settings_.authenticate_peer = {AuthMethod::mschapv2, AuthMethod::chap_md5};
    settings_.echo_interval = 30s;
  }
  void start() {
    lcp_ = std::make_unique<Lcp>(settings_, random_);
    lcp_->open(now_);
    lcp_->lower_up(now_);
    sent_ = *std::get_if<SendFrame>(&actions().back());
  }
  const std::vector<AutomatonAction>& actions() { return last_ = lcp_->take_actions(); }
  std::string receive(PppCode code, std::uint8_t id, const Bytes& data) {
    lcp_->receive(Packet(code, id, data).view(), now_);
    for (const auto& action : actions())
      if (const auto* frame = std::get_if<SendFrame>(&action))
        if (frame->frame[2] == 1) sent_ = *frame;
    return text_of(last_);
  }
  std::string request(const char* options) {
    return receive(PppCode::configure_request, 1, from_hex(options));
  }
  // The peer acknowledges our last Configure-Request.
  std::string ack() {
    return receive(PppCode::configure_ack, sent_.frame[3],
                   Bytes(sent_.frame.begin() + 6, sent_.frame.end()));
  }
  std::string nak(const char* options) {
    return receive(PppCode::configure_nak, sent_.frame[3], from_hex(options));
  }
  std::string reject(const Bytes& options) {
    return receive(PppCode::configure_reject, sent_.frame[3], options);
  }
  Bytes own_magic() const {
    Bytes value;
    ByteWriter(value).u32(lcp_->local_magic());
    return value;
  }
  void reach_opened(const char* options = "0104057805060a0b0c0d") {
    start();
    request(options);
    ASSERT_EQ(ack(), "up");
  }

  LinkSettings settings_;
  SeededRandom random_{1};
  std::unique_ptr<Lcp> lcp_;
  TimePoint now_{};
  SendFrame sent_;
  std::vector<AutomatonAction> last_;
};

TEST_F(LcpTest, AsksForMruAuthenticationAndMagic) {
  start();
  const std::string text = wire::describe_ppp_frame(sent_.frame);
  EXPECT_EQ(text.rfind("LCP Configure-Request id 1 <mru 1450> <auth CHAP MS-v2> <magic ", 0), 0u)
      << text;
}

// What real peers send in their first Configure-Request, and our answer.
TEST_F(LcpTest, AnswersRealPeers) {
  struct Row {
    const char* peer;
    const char* options;
    const char* answer;
  };
  const Row rows[] = {
  // mru 1400, magic, pfc, acfc, callback, mrru, endpoint discriminator
      {"Windows",                "01040578 05063a4b5c6d 0702 0802 0d0306",
       "LCP Configure-Reject id 1 <pfc> <acfc> <callback 06>"                                                                      },
      {"Windows with multilink", "0d0306 1104064e 13090300155d0a0b0c",
       "LCP Configure-Reject id 1 <callback 06> <mrru 1614> <endpoint 0300155d0a0b0c>"                                             },
 // accm 0, magic, pfc, acfc
      {"macOS",                  "020600000000 05063a4b5c6d 0702 0802",               "LCP Configure-Reject id 1 <pfc> <acfc>"     },
      {"MikroTik",               "010405aa 05063a4b5c6d 11040640 1309030000000000aa",
       "LCP Configure-Reject id 1 <mrru 1600> <endpoint 030000000000aa>"                                                           },
      {"pppd behind xl2tpd",     "0206 00000000 05063a4b5c6d",
       "LCP Configure-Ack id 1 <accm 00000000> <magic 3a4b5c6d>"                                                                   },
      {"nothing",                "",                                                  "LCP Configure-Ack id 1"                     },
      {"quality and fcs",        "0408c02500000000 090301",
       "LCP Configure-Reject id 1 <quality c02500000000> <fcs-alternatives 01>"                                                    },
      {"mru of 64",              "01040040",                                          "LCP Configure-Nak id 1 <mru 1450>"          },
      {"mru of one octet",       "010305",                                            "LCP Configure-Reject id 1 <mru 05>"         },
      {"an unknown option",      "f304abcd",                                          "LCP Configure-Reject id 1 <option 243 abcd>"},
  };
  for (const Row& row : rows) {
    start();
    EXPECT_EQ(request(row.options), row.answer) << row.peer;
  }
}

TEST_F(LcpTest, PeersSection4Row27_DuplicateOptions) {
  start();
  EXPECT_EQ(request("01040578 01040579"), "LCP Configure-Reject id 1 <mru 1401>");
  EXPECT_EQ(request("0304c023 0305c22305"),
            "LCP Configure-Reject id 1 <auth PAP> <auth CHAP MD5>");  // we answer to nobody
}

TEST_F(LcpTest, PeersSection4Row29_ShortPackets) {
  start();
  for (const char* data : {"", "01", "0100", "0101", "0103"}) {
    receive(PppCode::configure_ack, 1, from_hex(data));
    receive(PppCode::protocol_reject, 1, from_hex(data));
    receive(PppCode::echo_request, 1, from_hex(data));
  }
  EXPECT_EQ(lcp_->state(), FsmState::req_sent);
}

TEST_F(LcpTest, TakesAnotherAuthenticationFromTheListOnly) {
  start();
  EXPECT_NE(nak("0305c22305").find("<auth CHAP MD5>"), std::string::npos);
  EXPECT_NE(nak("0304c023").find("Terminate-Request"), std::string::npos);
  EXPECT_EQ(lcp_->failure(), CauseCode::auth_unacceptable);
}

TEST_F(LcpTest, ASuggestionOutsideTheListMeansTheNextOfOurs) {
  start();
  EXPECT_NE(nak("0304c227").find("<auth CHAP MD5>"), std::string::npos);  // EAP
}

TEST_F(LcpTest, APeerThatRejectsAuthenticationIsLeft) {
  start();
  EXPECT_NE(reject(from_hex("0305c22381")).find("Terminate-Request"), std::string::npos);
  EXPECT_EQ(lcp_->failure(), CauseCode::auth_unacceptable);
}

TEST_F(LcpTest, RejectsThatAreNotAboutOurRequestAreIgnored) {
  start();
  EXPECT_EQ(reject(from_hex("0304c023")), "");
  EXPECT_EQ(reject({}), "");
  EXPECT_EQ(reject(from_hex("0702")), "");
  EXPECT_NE(reject(from_hex("010405aa")).find("Configure-Request"), std::string::npos);
  EXPECT_EQ(lcp_->local_mru(), 1500);
}

// RFC 1990 §5.1, for one link.
TEST_F(LcpTest, TakesFragmentsOnlyWhereTheSettingsSaySo) {
  start();
  EXPECT_EQ(request("11040640 1202 13070301020304"),
            "LCP Configure-Reject id 1 <mrru 1600> <short-sequence-numbers> <endpoint 0301020304>");
  settings_.mrru = 1600;
  start();
  EXPECT_EQ(text_of(last_).substr(0, 9), "started; ");
  EXPECT_NE(text_of(last_).find("<mrru 1600>"), std::string::npos) << text_of(last_);
  EXPECT_EQ(request("11040001"), "LCP Configure-Nak id 1 <mrru 1600>");
  EXPECT_EQ(request("1103ff 120300 1302"),
            "LCP Configure-Reject id 1 <mrru ff> <short-sequence-numbers 00> <endpoint>");
  EXPECT_EQ(request("110406a4 1202 13070301020304"),
            "LCP Configure-Ack id 1 <mrru 1700> <short-sequence-numbers> <endpoint 0301020304>");
  nak("110405dc");  // less is as good
  EXPECT_EQ(ack(), "up");
  EXPECT_EQ(lcp_->local_mrru(), 1500);
  EXPECT_EQ(lcp_->peer_mrru(), 1700);
  EXPECT_TRUE(lcp_->peer_wants_short_sequence());
}

TEST_F(LcpTest, APeerThatRejectsFragmentsGetsNone) {
  settings_.mrru = 1600;
  reach_opened();
  EXPECT_EQ(lcp_->local_mrru(), 1600);
  start();
  reject(from_hex("11040640"));
  request("0104057805060a0b0c0d");
  EXPECT_EQ(ack(), "up");
  EXPECT_EQ(lcp_->local_mrru(), 0);
  EXPECT_EQ(lcp_->peer_mrru(), 0);
}

TEST_F(LcpTest, LetsItselfBeAskedForWhatItAnswers) {
  settings_.answer = {AuthMethod::mschapv2, AuthMethod::pap};
  start();
  EXPECT_EQ(request("0305c22305"), "LCP Configure-Nak id 1 <auth CHAP MS-v2>");
  EXPECT_EQ(request("0304c023"), "LCP Configure-Ack id 1 <auth PAP>");
  EXPECT_EQ(lcp_->auth_of_us(), AuthMethod::pap);
}

TEST_F(LcpTest, OurOwnMagicNumberIsNaked) {
  start();
  Bytes options = {5, 6};
  const Bytes magic = own_magic();
  options.insert(options.end(), magic.begin(), magic.end());
  const std::string text = receive(PppCode::configure_request, 1, options);
  EXPECT_NE(text.find("Configure-Nak"), std::string::npos);
  EXPECT_EQ(text.find(to_hex(magic)), std::string::npos);
  EXPECT_NE(request("050600000000").find("Configure-Nak"), std::string::npos);
}

TEST_F(LcpTest, ALoopIsRecognised) {
  settings_.authenticate_peer = {};
  start();
  std::vector<Bytes> line = {sent_.frame};
  for (int i = 0; i < 100 && !line.empty(); ++i) {
    const Bytes frame = line.front();
    line.erase(line.begin());
    lcp_->receive(*wire::decode_ppp_packet(ByteView(frame).subspan(2)), now_);
    for (const auto& action : actions())
      if (const auto* sent = std::get_if<SendFrame>(&action)) line.push_back(sent->frame);
  }
  EXPECT_EQ(lcp_->failure(), CauseCode::loopback);
}

TEST_F(LcpTest, AnswersEchoes) {
  reach_opened();
  EXPECT_EQ(receive(PppCode::echo_request, 9, from_hex("0a0b0c0d 6869")),
            "LCP Echo-Reply id 9 magic " + to_hex(own_magic()));
  const auto* reply = std::get_if<SendFrame>(&last_.front());
  EXPECT_EQ(to_hex(ByteView(reply->frame).last(2)), "6869");
  EXPECT_EQ(receive(PppCode::discard_request, 9, from_hex("0a0b0c0d")), "");
  EXPECT_EQ(receive(PppCode::identification, 9, from_hex("0a0b0c0d4d5352")), "");
  EXPECT_EQ(receive(PppCode::time_remaining, 9, from_hex("0a0b0c0d0000003c")), "");
}

TEST_F(LcpTest, AnEchoOfOurOwnIsALoop) {
  reach_opened();
  receive(PppCode::echo_request, 9, own_magic());
  EXPECT_EQ(lcp_->failure(), CauseCode::loopback);
}

TEST_F(LcpTest, AsksForEchoesOnlyInSilence) {
  reach_opened();
  EXPECT_EQ(lcp_->next_deadline(), now_ + 30s);
  now_ += 20s;
  lcp_->note_activity(now_);
  EXPECT_EQ(lcp_->next_deadline(), now_ + 30s);
  now_ += 30s;
  for (int i = 0; i < 4; ++i) {
    lcp_->handle_timeout(now_);
    EXPECT_NE(text_of(actions()).find("Echo-Request"), std::string::npos);
    EXPECT_EQ(lcp_->next_deadline(), now_ + 10s);
    now_ += 10s;
  }
  lcp_->handle_timeout(now_);
  EXPECT_NE(text_of(actions()).find("Terminate-Request"), std::string::npos);
  EXPECT_EQ(lcp_->failure(), CauseCode::echo_timeout);
}

// Found by lcp_fuzz: the first echo was due at the clock's epoch.
TEST_F(LcpTest, TheEchoTimerBeginsWhenItOpens) {
  now_ += 100s;
  reach_opened();
  EXPECT_EQ(lcp_->next_deadline(), now_ + 30s);
}

TEST_F(LcpTest, AReplyEndsTheCounting) {
  reach_opened();
  now_ += 30s;
  lcp_->handle_timeout(now_);
  actions();
  receive(PppCode::echo_reply, 2, from_hex("0a0b0c0d"));
  EXPECT_EQ(lcp_->next_deadline(), now_ + 30s);
}

TEST_F(LcpTest, RejectedInformationFitsThePeersMru) {
  reach_opened("01040080 05060a0b0c0d");
  Bytes frame = {0x80, 0x53};
  frame.resize(600);
  lcp_->reject_protocol(frame);
  const auto* sent = std::get_if<SendFrame>(&actions().front());
  EXPECT_EQ(sent->frame.size(), 2u + 128u);
  EXPECT_EQ(wire::describe_ppp_frame(sent->frame), "LCP Protocol-Reject id 2 ECP");
}

TEST_F(LcpTest, KeepsTheRequestsForAnLns) {
  reach_opened("01040578 05060a0b0c0d");
  ASSERT_NE(lcp_->requests(), nullptr);
  EXPECT_EQ(to_hex(lcp_->requests()->initial_received), "0104057805060a0b0c0d");
  EXPECT_EQ(to_hex(lcp_->requests()->last_received), "0104057805060a0b0c0d");
  EXPECT_EQ(lcp_->requests()->last_sent, Bytes(sent_.frame.begin() + 6, sent_.frame.end()));

  Lcp lns(settings_, random_);
  ASSERT_TRUE(lns.adopt(*lcp_->requests(), now_));
  EXPECT_EQ(text_of(lns.take_actions()), "up");
  EXPECT_EQ(lns.peer_mru(), 1400);
  EXPECT_EQ(lns.local_magic(), lcp_->local_magic());
  EXPECT_EQ(lns.auth_of_peer(), AuthMethod::mschapv2);
}

TEST_F(LcpTest, AdoptsNothingThatContradictsItsSettings) {
  const Bytes received = from_hex("01040578");
  const LcpRequests bad[] = {
      {{}, from_hex("010405aa"),            received            }, // nobody was asked to authenticate
      {{}, from_hex("0304c023"),            received            }, // by PAP, which we do not allow
      {{}, from_hex("0305c22381"),          from_hex("0304c023")}, // the user asks us
      {{}, from_hex("0305c22381 0100"),     received            },
      {{}, from_hex("0305c22381"),          from_hex("0101")    },
      {{}, {},                              received            },
      {{}, from_hex("0305c22381"),          {}                  },
      {{}, from_hex("0305c22381 11040640"), received            }, // fragments, which we do not take
  };
  for (const LcpRequests& requests : bad) {
    Lcp lns(settings_, random_);
    EXPECT_FALSE(lns.adopt(requests, now_)) << to_hex(requests.last_sent);
    EXPECT_EQ(lns.state(), FsmState::initial);
  }
  Lcp lns(settings_, random_);
  EXPECT_TRUE(lns.adopt({{}, from_hex("0305c22381"), from_hex("01040578 0702 0802")}, now_));
}

}  // namespace
}  // namespace l2tpm::ppp
