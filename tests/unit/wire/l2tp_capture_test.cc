// Messages of other implementations, as they came off the wire.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "support/hex.h"
#include "wire/control_message.h"

namespace l2tpm::wire {
namespace {

using testing::vector_file;

ControlMessage decoded(const std::string& file) {
  const auto message = decode_control(vector_file(file));
  EXPECT_TRUE(message) << file;
  return message ? *message : ControlMessage{};
}

TEST(Capture, Xl2tpdSccrq) {
  const ControlMessage message = decoded("xl2tpd_sccrq");
  ControlMessage expected;
  expected.type = MessageType::sccrq;
  expected.protocol_version = ProtocolVersion{1, 0};
  expected.framing_capabilities = kFramingSync | kFramingAsync;
  expected.bearer_capabilities = 0;
  expected.firmware_revision = std::uint16_t{0x0690};
  expected.host_name = "lac.example";
  expected.vendor_name = "xelerance.com";
  expected.assigned_tunnel_id = TunnelId(0xae47);
  expected.receive_window_size = std::uint16_t{4};
  expected.challenge = testing::from_hex("d38072a7fe3623a766d2c54c9ae09b04");
  EXPECT_EQ(message, expected);
}

// RFC 2661 §5.1.1: MD5(3, the type of SCCCN; secret; challenge).
TEST(Capture, Xl2tpdScccnAnswersTheChallenge) {
  const ControlMessage message = decoded("xl2tpd_scccn");
  EXPECT_EQ(message.type, MessageType::scccn);
  EXPECT_EQ(message.tunnel_id, TunnelId(42));
  EXPECT_EQ(message.challenge_response,
            crypto::md5({Bytes{3}, as_bytes("secret"), as_bytes("0123456789abcdef")}));
}

TEST(Capture, Xl2tpdCall) {
  const ControlMessage icrq = decoded("xl2tpd_icrq");
  EXPECT_EQ(icrq.type, MessageType::icrq);
  EXPECT_EQ(icrq.assigned_session_id, SessionId(0xa1ec));
  EXPECT_EQ(icrq.call_serial_number, 1u);
  EXPECT_FALSE(icrq.problem);

  const ControlMessage iccn = decoded("xl2tpd_iccn");
  EXPECT_EQ(iccn.type, MessageType::iccn);
  EXPECT_EQ(iccn.session_id, SessionId(7));
  EXPECT_EQ(iccn.ns, 3);
  EXPECT_EQ(iccn.nr, 2);
  EXPECT_EQ(iccn.framing_type, kFramingSync);
  EXPECT_EQ(iccn.rx_connect_speed, 0u);
  EXPECT_FALSE(iccn.problem);

  const ControlMessage cdn = decoded("xl2tpd_cdn");
  EXPECT_EQ(cdn.type, MessageType::cdn);
  EXPECT_EQ(cdn.result_code->result, 1);
  EXPECT_FALSE(cdn.problem);
  EXPECT_FALSE(cdn.quirks.swapped_result_code);
}

}  // namespace
}  // namespace l2tpm::wire
