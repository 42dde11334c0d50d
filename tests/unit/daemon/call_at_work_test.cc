// One call of a scripted LAC to an LNS: what it says of itself, and data before PPP has begun.
#include "support/raw_l2tp_peer.h"
#include "support/two_daemons.h"

namespace l2tpm::daemon {
namespace {

using test::Daemon;
using test::endpoint;
using test::loopback;
using test::RawPeer;
using test::run_until;
using wire::MessageType;

class CallAtWork : public ::testing::Test {
 protected:
  void SetUp() override {
    lns.profile("lns", fmt::format(R"({{
      "kind": "listener", "listen": {{"addresses": ["{}"]}},
      "ppp": {{"ipv4": {{"local-address": "10.9.0.1", "pool": ["10.9.0.0/24"]}}}},
      "users": [{{"name": "alice", "password": "Secret1"}}]
    }})",
                                   loopback(1)));
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
    wire::ControlMessage sccrq = RawPeer::introduction(MessageType::sccrq, 7);
    sccrq.host_name = "lac";
    sccrq.control_connection_ds = std::uint16_t{0xb800};
    lac.say(sccrq);
    ASSERT_TRUE(until([&] { return !lac.heard(MessageType::sccrp).empty(); }));
    tunnel = *lac.heard(MessageType::sccrp).front().assigned_tunnel_id;
    lac.connect(tunnel);
    wire::ControlMessage icrq = message(MessageType::icrq, 2, 1);
    icrq.assigned_session_id = SessionId(9);
    icrq.call_serial_number = 1;
    icrq.others.push_back({
        {wire::kAdslForum, 1},
        false, false, true, { 'e', 't',           'h', '0'}
    });
    lac.say(icrq);
    ASSERT_TRUE(until([&] { return !lac.heard(MessageType::icrp).empty(); }));
    session = *lac.heard(MessageType::icrp).front().assigned_session_id;
    wire::ControlMessage iccn = message(MessageType::iccn, 3, 2);
    iccn.session_id = session;
    iccn.tx_connect_speed = 1000;
    iccn.framing_type = 1;
    iccn.proxy_authen_type = 3;
    iccn.proxy_authen_name = Bytes{'b', 'o', 'b'};
    iccn.connect_speed_update_enable = true;
    lac.say(iccn);
    ASSERT_TRUE(until([&] { return described().find("proxy") != std::string::npos; }));
  }
  bool until(const std::function<bool()>& it_is_so) { return run_until({&lns}, it_is_so); }
  wire::ControlMessage message(MessageType type, std::uint16_t ns, std::uint16_t nr) const {
    wire::ControlMessage made;
    made.type = type;
    made.tunnel_id = tunnel;
    made.ns = ns;
    made.nr = nr;
    return made;
  }
  std::string described() const {
    const auto json =
        lns.service->describe_session(fmt::format("lns-{}", tunnel.value()), session.value());
    return json ? *json : "";
  }

  Daemon lns;
  RawPeer lac{endpoint(loopback(2), 1701), endpoint(loopback(1), 1701)};
  TunnelId tunnel;
  SessionId session;
};

TEST_F(CallAtWork, ShowsWhatItsLacSays) {
  const std::string call = described();
  EXPECT_NE(call.find("authen type 3 name \\\"bob\\\""), std::string::npos) << call;
  EXPECT_NE(call.find("\"Agent Circuit ID\""), std::string::npos) << call;
  EXPECT_NE(call.find("\"eth0\""), std::string::npos);
  EXPECT_NE(call.find("\"Connect Speed Update Enable\""), std::string::npos);
  EXPECT_NE(call.find("\"tx_speed\": 1000"), std::string::npos);
  const auto whole = lns.service->describe_tunnel(fmt::format("lns-{}", tunnel.value()));
  ASSERT_TRUE(whole);
  EXPECT_NE(whole->find("\"Control Connection DS\""), std::string::npos) << *whole;
}

TEST_F(CallAtWork, ShowsANewLineSpeed) {
  Bytes value;
  ByteWriter writer(value);
  writer.u16(0);
  writer.u16(static_cast<std::uint16_t>(session.value()));
  writer.u32(5000);
  writer.u32(600);
  wire::ControlMessage csun = message(MessageType::csun, 4, 2);
  csun.others.push_back(
      {wire::ietf(wire::AvpType::connect_speed_update), false, false, true, value});
  lac.say(csun);
  EXPECT_TRUE(until([&] { return described().find("\"tx_speed\": 5000") != std::string::npos; }));
  EXPECT_NE(described().find("\"rx_speed\": 600"), std::string::npos);
}

// The kernel counts from zero and cannot be told otherwise: it gets the session with the first
// numbered frame, whatever the profile's install point.
TEST_F(CallAtWork, NumberedDataIsTheKernelsAtOnce) {
  EXPECT_EQ(lns.count_calls("install"), 0u);
  const Bytes request = wire::encode_ppp_frame(wire::PppProtocol::lcp, Bytes{1, 1, 0, 4});
  lac.send(wire::encode_data({.tunnel_id = tunnel, .session_id = session, .ns = {}}, request));
  const auto answered = [&] {
    return described().find("\"lcp\": \"ack-sent\"") != std::string::npos;
  };
  ASSERT_TRUE(until(answered)) << described();
  EXPECT_EQ(lns.count_calls("install"), 0u) << "without numbers there is no hurry";
  lac.send(wire::encode_data({.tunnel_id = tunnel, .session_id = session, .ns = 0}, request));
  ASSERT_TRUE(until([&] { return lns.count_calls("install") == 1; }));
  EXPECT_NE(lns.dataplane.calls.back().find(" unbound"), std::string::npos)
      << lns.dataplane.calls.back();
}

}  // namespace
}  // namespace l2tpm::daemon
