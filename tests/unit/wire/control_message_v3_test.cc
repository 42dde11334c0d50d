#include <gtest/gtest.h>

#include "support/hex.h"
#include "support/l2tp_v3_samples.h"
#include "wire/blank.h"
#include "wire/control_digest.h"
#include "wire/control_message.h"

namespace l2tpm::wire {
namespace {

using testing::v3_message_types;
using testing::v3_sample;
using testing::operator""_hex;

constexpr std::uint16_t kM = 0x8000;

ControlMessage decoded(const Bytes& datagram, const DecodeOptions& options = {}) {
  const auto message = decode_control(datagram, options);
  EXPECT_TRUE(message);
  return message ? *message : ControlMessage{};
}

Bytes avp(std::uint16_t flags, std::uint16_t vendor, std::uint16_t type, const Bytes& value) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(flags | (6 + value.size())));
  writer.u16(vendor);
  writer.u16(type);
  writer.bytes(value);
  return out;
}
Bytes message_of(std::initializer_list<Bytes> avps) {
  Bytes out = encode_v3_zlb(TunnelId(7), 1, 2);
  for (const Bytes& one : avps) out.insert(out.end(), one.begin(), one.end());
  ByteWriter(out).patch_u16(2, static_cast<std::uint16_t>(out.size()));
  return out;
}
Bytes type(std::uint8_t number) { return avp(kM, 0, 0, {0, number}); }

TEST(ControlMessageV3, EveryTypeComesBackAsItWasSent) {
  for (const MessageType one : v3_message_types()) {
    SCOPED_TRACE(name(one));
    EXPECT_EQ(decoded(encode(v3_sample(one))), v3_sample(one));
  }
  EXPECT_EQ(decoded(encode(v3_sample(MessageType::none))), v3_sample(MessageType::none));
}

TEST(ControlMessageV3, EveryTypeComesBackFromHiding) {
  const SharedKey key = hiding_key(as_bytes("secret"));
  const Bytes vector(16, 3);
  const Bytes padding{1, 2, 3};
  for (const MessageType one : v3_message_types()) {
    SCOPED_TRACE(name(one));
    const Bytes datagram = encode(v3_sample(one), {key, vector, padding, true});
    EXPECT_EQ(decoded(datagram, {.secret = key}), v3_sample(one));
  }
}

TEST(ControlMessageV3, CutAtEveryLength) {
  for (const MessageType one : v3_message_types()) {
    SCOPED_TRACE(name(one));
    Bytes datagram = encode(v3_sample(one));
    for (std::size_t size = datagram.size() - 1; size > kControlHeaderSize; --size) {
      datagram.resize(size);
      ByteWriter(datagram).patch_u16(2, static_cast<std::uint16_t>(size));
      const ControlMessage message = decoded(datagram);
      EXPECT_FALSE(message == v3_sample(one));
      if (message.problem) {
        EXPECT_EQ(message.problem->scope, scope_of(message.type));
      }
    }
  }
}

// RFC 3931 §6: what must be there, and what it is called when it is not.
TEST(ControlMessageV3, EveryRequiredAvpIsMissed) {
  const auto missing = [](MessageType one, auto forget) {
    ControlMessage message = v3_sample(one);
    forget(message);
    const auto problem = decoded(encode(message)).problem;
    return problem ? problem->to_string() : "none";
  };
  for (const MessageType one : {MessageType::sccrq, MessageType::sccrp}) {
    SCOPED_TRACE(name(one));
    EXPECT_EQ(missing(one, [](auto& m) { m.host_name.reset(); }), "missing AVP: Host Name");
    EXPECT_EQ(missing(one, [](auto& m) { m.router_id.reset(); }), "missing AVP: Router ID");
    EXPECT_EQ(missing(one, [](auto& m) { m.assigned_tunnel_id.reset(); }),
              "missing AVP: Assigned Control Connection ID");
    EXPECT_EQ(missing(one, [](auto& m) { m.pseudowire_capabilities.reset(); }),
              "missing AVP: Pseudowire Capabilities List");
  }
  for (const MessageType one : {MessageType::icrq, MessageType::ocrq}) {
    SCOPED_TRACE(name(one));
    EXPECT_EQ(missing(one, [](auto& m) { m.call_serial_number.reset(); }),
              "missing AVP: Call Serial Number");
    EXPECT_EQ(missing(one, [](auto& m) { m.pseudowire_type.reset(); }),
              "missing AVP: Pseudowire Type");
    EXPECT_EQ(missing(one, [](auto& m) { m.remote_end_id.reset(); }), "missing AVP: Remote End ID");
  }
  for (const MessageType one :
       {MessageType::icrq, MessageType::ocrq, MessageType::icrp, MessageType::ocrp}) {
    SCOPED_TRACE(name(one));
    EXPECT_EQ(missing(one, [](auto& m) { m.circuit_status.reset(); }),
              "missing AVP: Circuit Status");
  }
  for (const MessageType one : v3_message_types()) {
    if (scope_of(one) != Scope::session) continue;
    SCOPED_TRACE(name(one));
    EXPECT_EQ(missing(one, [](auto& m) { m.assigned_session_id.reset(); }),
              "missing AVP: Local Session ID");
  }
  EXPECT_EQ(missing(MessageType::stopccn, [](auto& m) { m.result_code.reset(); }),
            "missing AVP: Result Code");
  EXPECT_EQ(missing(MessageType::stopccn, [](auto& m) { m.assigned_tunnel_id.reset(); }), "none");
  EXPECT_EQ(missing(MessageType::wen, [](auto& m) { m.call_errors.reset(); }),
            "missing AVP: Call Errors");
}

// RFC 3931 §5.4.4: "MUST be present in all session-level control messages", zero before the peer
// has told its id. Cisco refuses ICRQ without it.
TEST(ControlMessageV3, RemoteSessionIdIsInEveryMessageOfASession) {
  ControlMessage icrq = v3_sample(MessageType::icrq);
  icrq.session_id = SessionId(0);
  const Bytes datagram = encode(icrq);
  const Bytes remote = avp(kM, 0, 64, {0, 0, 0, 0});
  EXPECT_NE(std::search(datagram.begin(), datagram.end(), remote.begin(), remote.end()),
            datagram.end());
  EXPECT_EQ(decoded(datagram), icrq);
  const auto problem = decoded(message_of({type(16), avp(kM, 0, 63, {0, 0, 0, 1})})).problem;
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->to_string(), "missing AVP: Remote Session ID");
}

TEST(ControlMessageV3, ZeroIsNoId) {
  ControlMessage sccrq = v3_sample(MessageType::sccrq);
  sccrq.assigned_tunnel_id = TunnelId(0);
  EXPECT_EQ(decoded(encode(sccrq)).problem->to_string(),
            "bad AVP value: Assigned Control Connection ID");
  ControlMessage icrp = v3_sample(MessageType::icrp);
  icrp.assigned_session_id = SessionId(0);
  EXPECT_EQ(decoded(encode(icrp)).problem->to_string(), "bad AVP value: Local Session ID");
  ControlMessage cdn = v3_sample(MessageType::cdn);
  cdn.assigned_session_id = SessionId(0);
  EXPECT_FALSE(decoded(encode(cdn)).problem);
}

TEST(ControlMessageV3, ACookieHasNoneFourOrEightOctets) {
  for (std::size_t size = 0; size <= 9; ++size) {
    ControlMessage message = v3_sample(MessageType::icrq);
    message.assigned_cookie = Bytes(size, 0x55);
    const bool good = size == 0 || size == 4 || size == 8;
    // encode() leaves out what does not fit the AVP.
    const ControlMessage back = decoded(encode(message));
    if (size == 9)
      EXPECT_FALSE(back.assigned_cookie);
    else
      EXPECT_EQ(back.problem.has_value(), !good) << size;
    if (size < 9 && !good) {
      EXPECT_EQ(back.problem->to_string(), "bad AVP value: Assigned Cookie");
      EXPECT_EQ(back.problem->scope, Scope::session);
    }
  }
}

// §5.2: unknown with M ends what it came in, without M it is skipped; §5.1: reserved bits mean
// nothing, unlike in L2TPv2.
TEST(ControlMessageV3, UnknownAvps) {
  EXPECT_EQ(decoded(message_of({type(6), avp(kM, 0, 200, {1})})).problem->to_string(),
            "unknown mandatory AVP: vendor 0 type 200");
  EXPECT_EQ(decoded(message_of({type(6), avp(kM, 311, 7, {1})})).problem->to_string(),
            "unknown mandatory AVP: vendor 311 type 7");
  const ControlMessage skipped = decoded(message_of({type(6), avp(0, 0, 200, {1})}));
  EXPECT_FALSE(skipped.problem);
  EXPECT_EQ(skipped.others.size(), 1u);
  const ControlMessage reserved = decoded(message_of({type(4), avp(kM | 0x3c00, 0, 1, {0, 6})}));
  EXPECT_FALSE(reserved.problem);
  EXPECT_EQ(reserved.result_code->result, 6);
}

// §4.7.3: L2TPv2's AVPs are tolerated, whatever their M bits say.
TEST(ControlMessageV3, AvpsOfVersion2AreIgnored) {
  const ControlMessage message =
      decoded(message_of({type(1), avp(kM, 0, 2, {1, 0}), avp(kM, 0, 3, {0, 0, 0, 3}),
                          avp(kM, 0, 7, {'p'}), avp(kM, 0, 9, {0, 9}), avp(kM, 0, 60, {1, 2, 3, 4}),
                          avp(kM, 0, 61, {0, 0, 0, 1}), avp(kM, 0, 62, {0, 5})}));
  EXPECT_FALSE(message.problem);
  EXPECT_FALSE(message.protocol_version);
  EXPECT_EQ(message.assigned_tunnel_id, TunnelId(1));
  EXPECT_EQ(message.others.size(), 3u);
}

// §7.1's own example: Rx Connect Speed in four octets, not mandatory, is as good as absent.
TEST(ControlMessageV3, AMalformedOptionalAvpIsAsGoodAsAbsent) {
  const ControlMessage message =
      decoded(message_of({type(12), avp(kM, 0, 63, {0, 0, 0, 1}), avp(kM, 0, 64, {0, 0, 0, 2}),
                          avp(0, 0, 75, {0, 0, 0, 9})}));
  EXPECT_FALSE(message.problem);
  EXPECT_FALSE(message.rx_connect_speed_v3);
  EXPECT_EQ(message.quirks.ignored_avps, 1);
}

// §5.4.1: a vendor's Message Type is still the first AVP.
TEST(ControlMessageV3, UnknownMessageTypes) {
  EXPECT_EQ(decoded(message_of({avp(kM, 9, 0, {0, 1})})).problem->kind,
            Problem::Kind::unknown_mandatory_message_type);
  const ControlMessage ignored = decoded(message_of({avp(0, 9, 0, {0, 1})}));
  EXPECT_FALSE(ignored.problem);
  EXPECT_EQ(ignored.type, MessageType::none);
  EXPECT_EQ(ignored.unknown_type, 1);
  EXPECT_TRUE(decoded(message_of({type(28)})).problem) << "CSUN is L2TPv2's";
  EXPECT_EQ(decoded(message_of({avp(kM, 9, 1, {0, 1})})).problem->kind,
            Problem::Kind::first_avp_not_message_type);
}

TEST(ControlMessageV3, AckAndZlbTakeNoNumber) {
  EXPECT_TRUE(decoded("c803 000c 00000007 0001 0002"_hex).is_zlb);
  const ControlMessage ack = decoded("c803 0014 00000007 0001 0002 8008 0000 0000 0014"_hex);
  EXPECT_TRUE(ack.is_zlb);
  EXPECT_EQ(ack.type, MessageType::ack);
  EXPECT_FALSE(decoded(message_of({type(6)})).is_zlb);
  // In L2TPv2 nobody knows it.
  const auto old = decode_control("c802 0014 0007 0000 0001 0002 8008 0000 0000 0014"_hex);
  EXPECT_FALSE(old->is_zlb);
  EXPECT_EQ(old->problem->kind, Problem::Kind::unknown_mandatory_message_type);
}

// Vendor 9's numbers 1 to 14 are not vendor 0's.
// Vendor 9, from before the RFC: what the RFC's AVPs leave open is taken from them.
TEST(ControlMessageV3, CiscosOwnAvpsStandForTheRfcsThatAreMissing) {
  const Bytes icrq = message_of(
      {type(10), avp(kM, 0, 15, {0, 0, 0, 1}), avp(kM, 9, 3, {0, 0, 0, 5}),
       avp(kM, 9, 4, {0, 0, 0, 7}), avp(kM, 9, 7, {0, 5}), avp(kM, 9, 5, {1, 2, 3, 4}),
       avp(kM, 9, 6, {'x'}), avp(kM, 9, 9, {0, 0, 0, 0, 0, 0, 0, 9}), avp(kM, 9, 10, {0, 1})});
  const ControlMessage message = decoded(icrq);
  EXPECT_FALSE(message.problem) << "Circuit Status may be missing";
  EXPECT_TRUE(message.cisco_draft);
  EXPECT_EQ(message.assigned_session_id, SessionId(5));
  EXPECT_EQ(message.session_id, SessionId(7));
  EXPECT_EQ(message.pseudowire_type, wire::kPseudowireEthernet);
  EXPECT_EQ(message.assigned_cookie, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(message.remote_end_id, Bytes{'x'});
  EXPECT_EQ(message.tie_breaker, 9u);
  ASSERT_EQ(message.others.size(), 7u);
  EXPECT_EQ(describe(message.others[0]).name, "Cisco Local Session ID");
  EXPECT_EQ(describe(message.others[0]).value, "5");
  EXPECT_EQ(describe(message.others[2]).value, "5 (Ethernet)");
  EXPECT_EQ(describe(message.others[3]).value, "(4 octets)");
  EXPECT_EQ(describe(message.others[6]).name, "Cisco Draft AVP Version");
  EXPECT_EQ(message.quirks.duplicate_avps, 0);
}

TEST(ControlMessageV3, CiscosOwnAvpsStandForNothingElse) {
  // The RFC's counts, before and behind it; a value that does not fit is none.
  ControlMessage message = decoded(message_of(
      {type(16), avp(kM, 9, 3, {0, 0, 0, 5}), avp(kM, 0, 63, {0, 0, 0, 6}),
       avp(kM, 0, 64, {0, 0, 0, 7}), avp(kM, 9, 4, {0, 0, 0, 8}), avp(kM, 9, 7, {0, 5})}));
  EXPECT_EQ(message.assigned_session_id, SessionId(6));
  EXPECT_EQ(message.session_id, SessionId(7));
  EXPECT_FALSE(message.pseudowire_type) << "SLI has none";
  message = decoded(message_of({type(16), avp(kM, 9, 3, {5}), avp(kM, 0, 64, {0, 0, 0, 7})}));
  ASSERT_TRUE(message.problem);
  EXPECT_EQ(message.problem->kind, Problem::Kind::missing_avp);
  // Cisco's tie breaker is of sessions, and its numbers mean nothing in L2TPv2 or of another
  // vendor.
  message = decoded(message_of({type(1), avp(kM, 9, 9, {0, 0, 0, 0, 0, 0, 0, 9})}));
  EXPECT_FALSE(message.tie_breaker);
  EXPECT_FALSE(message.cisco_draft);
  message = decoded(message_of({type(1), avp(0, 10, 1, {0, 0, 0, 9})}));
  EXPECT_FALSE(message.assigned_tunnel_id);
}

// What says it as Cisco does says it as the RFC does, too, and hides there what it hides here.
TEST(ControlMessageV3, WhatIsSaidAsCiscoIsReadTheSame) {
  for (const MessageType type : ::l2tpm::testing::v3_message_types()) {
    ControlMessage message = v3_sample(type);
    message.others.clear();
    say_as_cisco(message);
    const ControlMessage read = decoded(encode(message));
    EXPECT_EQ(read.cisco_draft, message.others.size() > 1 || type == MessageType::stopccn)
        << name(type);
    EXPECT_EQ(read.others.size(), message.others.size()) << name(type);
    EXPECT_EQ(encode(read), encode(message)) << name(type);
  }
  const Bytes key(16, 1), vector(16, 2);
  ControlMessage icrp = v3_sample(MessageType::icrp);
  icrp.assigned_cookie = Bytes{0xc0, 0x0c, 0x1e, 0x55, 0xc0, 0x0c, 0x1e, 0x55};
  say_as_cisco(icrp);
  const std::string hidden = to_hex(encode(icrp, {key, vector, {}, true}));
  EXPECT_NE(to_hex(encode(icrp)).find("c00c1e55"), std::string::npos);
  EXPECT_EQ(hidden.find("c00c1e55"), std::string::npos) << "the cookie, in clear beside itself";
}

std::string shown(const ControlMessage& message, std::string_view name) {
  for (const AvpText& text : describe(message))
    if (text.name == name) return text.value;
  return "none";
}

TEST(ControlMessageV3, Describe) {
  const ControlMessage icrq = v3_sample(MessageType::icrq);
  EXPECT_EQ(shown(icrq, "Local Session ID"), "4275878552");
  EXPECT_EQ(shown(icrq, "Remote Session ID"), "2271560481");
  EXPECT_EQ(shown(icrq, "Assigned Cookie"), "(8 octets)");
  EXPECT_EQ(shown(icrq, "Pseudowire Type"), "5 (Ethernet)");
  EXPECT_EQ(shown(icrq, "L2-Specific Sublayer"), "1 (default)");
  EXPECT_EQ(shown(icrq, "Data Sequencing"), "2 (all)");
  EXPECT_EQ(shown(icrq, "Circuit Status"), "active, new (0x0003)");
  EXPECT_EQ(shown(icrq, "Tx Connect Speed"), "10000000000");
  EXPECT_EQ(shown(icrq, "Remote End ID"), "1234");
  const ControlMessage sccrq = v3_sample(MessageType::sccrq);
  EXPECT_EQ(shown(sccrq, "Router ID"), "192.0.2.1");
  EXPECT_EQ(shown(sccrq, "Pseudowire Capabilities List"), "5 (Ethernet), 4 (Ethernet VLAN)");
  EXPECT_EQ(shown(sccrq, "Remote Session ID"), "none");
  EXPECT_EQ(shown(v3_sample(MessageType::cdn), "Result Code"),
            "14 (pseudowire type not supported), error 0 (no general error): pseudowire type 6");
  const ControlMessage with_digest = decoded(testing::vector_file("l2tpv3_ack_md5"));
  EXPECT_EQ(shown(with_digest, "Message Digest"), "HMAC-MD5 (16 octets)");
  for (const MessageType one : v3_message_types())
    for (const AvpText& text : describe(v3_sample(one))) EXPECT_FALSE(text.name.empty());
}

TEST(ControlMessageV3, BlankTakesDigestsAndCookiesOut) {
  Bytes datagram = testing::vector_file("l2tpv3_icrq_sha1_two");
  const Bytes before = datagram;
  blank_control(datagram);
  ASSERT_EQ(datagram.size(), before.size());
  const ControlMessage message = decoded(datagram);
  EXPECT_EQ(message.assigned_cookie, Bytes(8, 0));
  EXPECT_EQ(message.remote_end_id, (Bytes{'1', '2', '3', '4'}));
  EXPECT_EQ(datagram[26], 1) << "the algorithm may be seen";
  EXPECT_EQ(Bytes(datagram.begin() + 27, datagram.begin() + 47), Bytes(20, 0));
  Bytes data = "0003 0000 00000007 a0a1a2a3 736563726574"_hex;
  blank_control(data);
  EXPECT_EQ(data, "0003 0000 00000007 00000000 000000000000"_hex);
}

}  // namespace
}  // namespace l2tpm::wire
