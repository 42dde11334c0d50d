// The exchange of an l2tp-class and an xconnect in IOS ("protocol l2tpv3ietf"), octet for octet. No
// capture of one is public: these are composed after what is documented of it. IOS says its own
// AVPs (vendor 9) beside RFC 3931's, with M set, and some of L2TPv2's; it insists on Remote Session
// ID in ICRQ, and takes neither cookie nor sublayer unless they are configured.
#include <gtest/gtest.h>

#include "support/hex.h"
#include "support/l2tp_v3_pair.h"

namespace l2tpm::l2tp::testing {
namespace {

using ::l2tpm::testing::from_hex;

class Router {
 public:
  explicit Router(Settings settings)
      : settings_(std::make_shared<const Settings>(std::move(settings))),
        ours_(TunnelId(0x01020304), settings_, random_) {}

  ControlConnection& operator*() { return ours_; }
  ControlConnection* operator->() { return &ours_; }
  void says(std::string_view hex) {
    ours_.receive_datagram(from_hex(hex), now);
    take();
  }
  void take() {
    for (Action& action : ours_.take_actions()) {
      if (auto* send = std::get_if<SendDatagram>(&action))
        sent.push_back(to_hex(send->bytes));
      else
        events.push_back(std::move(action));
    }
  }
  std::string last() const { return sent.empty() ? "" : sent.back(); }

  TimePoint now{1h};
  std::vector<std::string> sent;
  std::vector<Action> events;

 private:
  SeededRandom random_{1};
  std::shared_ptr<const Settings> settings_;
  ControlConnection ours_;
};

Settings ours() {
  Settings settings = v3_settings();
  settings.host_name = "linux";
  settings.ack_delay = Duration::zero();
  settings.v3.router_id = 0x0a000002;
  settings.v3.pseudowires = {wire::kPseudowireEthernet, wire::kPseudowireEthernetVlan};
  return settings;
}

std::string hex(std::string_view text) { return to_hex(from_hex(text)); }

constexpr std::string_view kSccrq =
    "c803 0093 00000000 0000 0000"
    "8008 0000 0000 0001"                                    // Message Type: SCCRQ
    "8008 0000 0002 0100"                                    // Protocol Version, L2TPv2's
    "8008 0009 000a 0001"                                    // Cisco Draft AVP Version
    "8008 0000 0007 5231"                                    // Host Name: R1
    "0019 0000 0008 436973636f2053797374656d732c20496e632e"  // Cisco Systems, Inc.
    "800a 0000 003c 0a000001"                                // Router ID
    "800a 0009 0001 0000abcd"                                // Cisco Assigned Connection ID
    "800a 0000 003d 8000abcd"                                // Assigned Control Connection ID
    "8008 0000 000a 2000"                                    // Receive Window Size: 8192
    "8014 0009 0002 0001 0004 0005 0006 0007 0009 000b"      // Cisco Pseudowire Capabilities List
    "8014 0000 003e 0001 0004 0005 0006 0007 0009 000b";

TEST(CiscoIos, DialsUs) {
  Router router(ours());
  router.says(kSccrq);
  ASSERT_EQ(router.sent.size(), 1u);
  EXPECT_EQ(router.last(), hex("c803 0045 8000abcd 0000 0001"
                               "8008 0000 0000 0002"
                               "800b 0000 0007 6c696e7578"
                               "8008 0000 000a 0080"
                               "800a 0000 003c 0a000002"
                               "800a 0000 003d 01020304"
                               "800a 0000 003e 0005 0004"));
  router.says("c803 0014 01020304 0001 0001 8008 0000 0000 0003");
  ASSERT_EQ(router.events.size(), 1u);
  EXPECT_EQ(std::get<TunnelUp>(router.events[0]).peer_tunnel, TunnelId(0x8000abcd));
  EXPECT_EQ(router->peer().receive_window_size, 8192);
  EXPECT_EQ(router->peer().vendor_name, "Cisco Systems, Inc.");

  // xconnect 10.0.0.2 1234 encapsulation l2tpv3
  router.says(
      "c803 0074 01020304 0002 0001"
      "8008 0000 0000 000a"
      "000a 0000 000f 00000001"
      "800a 0009 0003 00001111"  // Cisco Local Session ID
      "800a 0000 003f 11112222"
      "800a 0000 0040 00000000"
      "800a 0000 0042 31323334"
      "8008 0009 0007 0005"  // Cisco Pseudowire Type
      "8008 0000 0044 0005"
      "8008 0000 0047 0003"
      "800e 0000 0005 0123456789abcdef"
      "8008 0009 000e 05dc");  // Cisco Interface MTU
  ASSERT_EQ(router.events.size(), 2u);
  const auto asked = std::get<PseudowireRequested>(router.events[1]);
  EXPECT_EQ(asked.request.end_id, "1234");
  EXPECT_EQ(asked.request.type, wire::kPseudowireEthernet);
  EXPECT_TRUE(asked.request.peer.cookie.empty());
  EXPECT_EQ(asked.request.others.size(), 3u) << "shown, not believed";

  PseudowireWish wish;
  wish.cookie_size = 0;
  router->accept_pseudowire(asked.session, wish, router.now);
  router.take();
  EXPECT_EQ(router.last(), hex(fmt::format("c803 0030 8000abcd 0001 0003"
                                           "8008 0000 0000 000b"
                                           "800a 0000 003f {:08x}"
                                           "800a 0000 0040 11112222"
                                           "8008 0000 0047 0003",
                                           asked.session.value())));
  router.says(
      fmt::format("c803 0044 01020304 0003 0002"
                  "8008 0000 0000 000c"
                  "800a 0000 003f 11112222"
                  "800a 0000 0040 {:08x}"
                  "000e 0000 004a 000000003b9aca00"
                  "000e 0000 004b 000000003b9aca00",
                  asked.session.value()));
  const auto& up = std::get<SessionUp>(router.events.back());
  EXPECT_EQ(up.peer_session, SessionId(0x11112222));
  EXPECT_EQ(up.pseudowire->peer.tx_connect_speed, 1'000'000'000u);
  EXPECT_EQ(up.pseudowire->l2_sublayer, wire::kSublayerNone);

  // The port goes down: SLI. Then "no xconnect": CDN, and StopCCN when nothing is left.
  router.says(
      fmt::format("c803 0030 01020304 0004 0002"
                  "8008 0000 0000 0010"
                  "800a 0000 003f 11112222"
                  "800a 0000 0040 {:08x}"
                  "8008 0000 0047 0000",
                  asked.session.value()));
  EXPECT_FALSE(std::get<CircuitChanged>(router.events.back()).active());
  router.says(
      fmt::format("c803 0032 01020304 0005 0002"
                  "8008 0000 0000 000e"
                  "800a 0000 0001 0003 0000"
                  "800a 0000 003f 11112222"
                  "800a 0000 0040 {:08x}",
                  asked.session.value()));
  const auto& down = std::get<SessionDown>(router.events.back());
  EXPECT_EQ(down.cause.code, CauseCode::peer_closed);
  EXPECT_EQ(down.cause.result_code, 3);
  router.says(
      "c803 0028 01020304 0006 0002 8008 0000 0000 0004 800a 0000 003d 8000abcd"
      "800a 0000 0001 0001 0000");
  EXPECT_EQ(router->state(), ControlConnection::State::closing);
  EXPECT_EQ(router.last(), hex("c803 000c 8000abcd 0002 0007")) << "a ZLB: there is no digest";
}

TEST(CiscoIos, IsDialledByUs) {
  Router router(ours());
  PseudowireRequest request = request_for("1234");
  request.wish.cookie_size = 8;
  request.use_tie_breaker = false;
  const SessionId session = router->place_pseudowire(request, router.now);
  router->open(router.now);
  router.take();
  EXPECT_EQ(router.last(), hex("c803 0045 00000000 0000 0000"
                               "8008 0000 0000 0001"
                               "800b 0000 0007 6c696e7578"
                               "8008 0000 000a 0080"
                               "800a 0000 003c 0a000002"
                               "800a 0000 003d 01020304"
                               "800a 0000 003e 0005 0004"));
  std::string sccrp(kSccrq);
  sccrp.replace(0, 28, "c803 0093 01020304 0000 0001");
  sccrp.replace(sccrp.find("8008 0000 0000 0001"), 19, "8008 0000 0000 0002");
  router.says(sccrp);
  // SCCCN waits for nothing, and ICRQ goes out in its window.
  ASSERT_EQ(router.sent.size(), 3u);
  EXPECT_EQ(router.sent[1], hex("c803 0014 8000abcd 0001 0001 8008 0000 0000 0003"));
  const auto icrq = wire::decode_control(from_hex(router.sent[2]));
  ASSERT_TRUE(icrq->assigned_cookie);
  EXPECT_EQ(router.sent[2], hex(fmt::format("c803 005a 8000abcd 0002 0001"
                                            "8008 0000 0000 000a"
                                            "000a 0000 000f 00000001"
                                            "800a 0000 003f {:08x}"
                                            "800a 0000 0040 00000000"
                                            "800e 0000 0041 {}"
                                            "800a 0000 0042 31323334"
                                            "8008 0000 0044 0005"
                                            "8008 0000 0047 0003",
                                            session.value(), to_hex(*icrq->assigned_cookie))));
  // IOS with "cookie size 4" answers, sequencing none.
  router.says(
      fmt::format("c803 003a 01020304 0001 0003"
                  "8008 0000 0000 000b"
                  "800a 0000 003f 33334444"
                  "800a 0000 0040 {:08x}"
                  "800a 0000 0041 c00c1e55"
                  "8008 0000 0047 0003",
                  session.value()));
  const auto& up = std::get<SessionUp>(router.events.back());
  EXPECT_EQ(up.session, session);
  EXPECT_EQ(up.peer_session, SessionId(0x33334444));
  EXPECT_EQ(up.pseudowire->peer.cookie, from_hex("c00c1e55"));
  EXPECT_EQ(router.last(), hex(fmt::format("c803 0038 8000abcd 0003 0002"
                                           "8008 0000 0000 000c"
                                           "800a 0000 003f {:08x}"
                                           "800a 0000 0040 33334444"
                                           "8008 0000 0045 0000"
                                           "8008 0000 0047 0003",
                                           session.value())));
}

// "protocol l2tpv3", Cisco's dialect from before the RFC, has nothing that could be understood: it
// is refused by the name of what is missing.
TEST(CiscoIos, ItsDialectFromBeforeTheRfcIsRefused) {
  Router router(ours());
  router.says(
      "c803 0040 00000000 0000 0000"
      "8008 0000 0000 0001"
      "8008 0009 000a 0001"
      "8008 0000 0007 5231"
      "800a 0000 003c 0a000001"
      "800a 0009 0001 0000abcd"
      "8008 0009 0002 0005");
  const auto stopccn = wire::decode_control(from_hex(router.last()));
  EXPECT_EQ(stopccn->type, wire::MessageType::stopccn);
  EXPECT_EQ(stopccn->result_code->result, 2);
  EXPECT_EQ(stopccn->result_code->message, "missing AVP: Assigned Control Connection ID");
}

}  // namespace
}  // namespace l2tpm::l2tp::testing
