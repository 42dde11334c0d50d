#include "wire/control_message.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "support/hex.h"
#include "support/l2tp_build.h"
#include "support/l2tp_samples.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

const Bytes kSecret = text_value("secret");
const Bytes kVector = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Bytes kPadding = {0xee, 0xef, 0xf0};

ControlMessage decoded(const Bytes& datagram, const DecodeOptions& options = {}) {
  auto message = decode_control(datagram, options);
  EXPECT_TRUE(message) << (message ? "" : name(message.error()));
  return message ? *message : ControlMessage{};
}

std::string text_of(const ControlMessage& message, std::string_view avp_name) {
  for (const AvpText& text : describe(message))
    if (text.name == avp_name) return text.value;
  return "absent";
}

// How often the H bit is set, read without the decoder.
int hidden_avps(const Bytes& datagram) {
  int count = 0;
  ByteReader reader(ByteView(datagram).subspan(kControlHeaderSize));
  while (!reader.at_end() && reader.ok()) {
    const unsigned flags = reader.u16();
    if ((flags & 0x4000) != 0) ++count;
    reader.skip((flags & 0x3ff) - 2);
  }
  return count;
}

TEST(ControlMessage, EveryTypeComesBackAsItWasSent) {
  for (const MessageType type : all_message_types()) {
    const ControlMessage message = sample(type);
    EXPECT_EQ(decoded(encode(message)), message) << name(type);
  }
}

TEST(ControlMessage, EveryTypeComesBackFromHiding) {
  for (const MessageType type : all_message_types()) {
    ControlMessage message = sample(type);
    for (const Bytes& padding : {Bytes{}, kPadding}) {
      const Bytes datagram = encode(message, {kSecret, kVector, padding, true});
      EXPECT_EQ(decoded(datagram, {kSecret}), message) << name(type);
    }
  }
}

// RFC 2661 §4.4: which AVPs of each message may be hidden. SCCRQ and StopCCN
// never hide.
TEST(ControlMessage, HidesWhatMayBeHiddenAndNothingElse) {
  const auto count = [](MessageType type) {
    return hidden_avps(encode(sample(type), {kSecret, kVector, {}, true}));
  };
  EXPECT_EQ(count(MessageType::sccrq), 0);
  EXPECT_EQ(count(MessageType::sccrp), 8);  // not versions, host name, window
  EXPECT_EQ(count(MessageType::scccn), 1);
  EXPECT_EQ(count(MessageType::stopccn), 0);
  EXPECT_EQ(count(MessageType::hello), 0);
  EXPECT_EQ(count(MessageType::ocrq), 9);
  EXPECT_EQ(count(MessageType::occn), 3);  // not Sequencing Required
  EXPECT_EQ(count(MessageType::cdn), 2);   // not the result, not the Q.931 cause
  EXPECT_EQ(count(MessageType::wen), 1);
  EXPECT_EQ(count(MessageType::sli), 1);
}

// xl2tpd has no secret yet when it reads SCCRP.
TEST(ControlMessage, SccrpIsHiddenOnlyWhenAskedFor) {
  EXPECT_EQ(hidden_avps(encode(sample(MessageType::sccrp), {kSecret, kVector, {}})), 0);
  EXPECT_GT(hidden_avps(encode(sample(MessageType::sccrp), {kSecret, kVector, {}, true})), 0);
}

TEST(ControlMessage, HiddenValuesDoNotShowTheirLength) {
  ControlMessage message = sample(MessageType::icrq);
  message.calling_number = "1";
  const std::size_t size = encode(message, {kSecret, kVector, kPadding}).size();
  message.calling_number = "1234567890";
  EXPECT_EQ(encode(message, {kSecret, kVector, kPadding}).size(), size);
}

TEST(ControlMessage, WhatCannotBeHiddenIsNotSentInClear) {
  ControlMessage message = sample(MessageType::icrq);
  message.calling_number = std::string(kMaxAvpValue, '7');
  EXPECT_EQ(decoded(encode(message)).calling_number, message.calling_number);
  const ControlMessage back = decoded(encode(message, {kSecret, kVector, {}}), {kSecret});
  EXPECT_FALSE(back.calling_number);
  EXPECT_FALSE(back.problem);
}

TEST(ControlMessage, Zlb) {
  const Bytes datagram = encode_zlb(TunnelId(7), 1, 2);
  const ControlMessage message = decoded(datagram);
  EXPECT_TRUE(message.is_zlb);
  EXPECT_EQ(message.type, MessageType::none);
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(encode(message), datagram);
  EXPECT_EQ(decoded(encode(sample(MessageType::none))), sample(MessageType::none));
}

TEST(ControlMessage, AvpsThatTheMessageDoesNotHaveAreNotSent) {
  for (const MessageType type : all_message_types()) {
    ControlMessage everything = sample(type);
    for (const MessageType other : all_message_types()) {
      const ControlMessage more = sample(other);
      if (!everything.challenge_response) everything.challenge_response = more.challenge_response;
      if (!everything.host_name) everything.host_name = more.host_name;
      if (!everything.result_code) everything.result_code = more.result_code;
      if (!everything.call_errors) everything.call_errors = more.call_errors;
      if (!everything.accm) everything.accm = more.accm;
      if (!everything.called_number) everything.called_number = more.called_number;
      if (!everything.proxy_authen_id) everything.proxy_authen_id = more.proxy_authen_id;
    }
    EXPECT_EQ(encode(everything), encode(sample(type))) << name(type);
  }
}

// An AVP that was put aside because it was malformed, or that could not be read, is not passed on.
TEST(ControlMessage, WhatWasPutAsideIsNotSent) {
  ControlMessage message = sample(MessageType::icrq);
  const Bytes clean = encode(message);
  message.others.push_back({ietf(AvpType::calling_number), false, false, true, {'1'}});
  message.others.push_back({
      {9,  7},
      false, true, false, { 1, 2, 3}
  });
  message.others.push_back({ietf(AvpType::random_vector), true, false, true, {1}});
  EXPECT_EQ(encode(message), clean);
}

TEST(ControlMessage, MessageTypeIsFirstAndMandatory) {
  for (const MessageType type : all_message_types()) {
    const Bytes datagram = encode(sample(type), {kSecret, kVector, {}});
    const Bytes first(datagram.begin() + 12, datagram.begin() + 20);
    EXPECT_EQ(first, message_type(type)) << name(type);
  }
}

TEST(ControlMessage, CutAtEveryLength) {
  for (const MessageType type : all_message_types()) {
    const Bytes whole = encode(sample(type), {kSecret, kVector, kPadding, true});
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // As a short datagram: the header's Length no longer fits it.
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(decode_control(cut)) << name(type) << " " << size;
      if (size < kControlHeaderSize) continue;
      // As a message of that length: read up to there, and something is missing unless the cut is
      // between two AVPs and what follows is optional.
      ByteWriter(cut).patch_u16(2, static_cast<std::uint16_t>(size));
      const ControlMessage message = decoded(cut, {kSecret});
      if (!message.problem && !message.is_zlb) {
        EXPECT_EQ(message.type, type);
        EXPECT_FALSE(decoded(encode(message)).problem) << name(type) << " " << size;
      }
    }
  }
}

// A message shortened only between AVPs has no bad length: every other cut is one.
TEST(ControlMessage, ACutInsideAnAvpIsABadLength) {
  const Bytes whole = sccrq();
  for (std::size_t size = kControlHeaderSize + 1; size < kControlHeaderSize + 8; ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ByteWriter(cut).patch_u16(2, static_cast<std::uint16_t>(size));
    ASSERT_TRUE(decoded(cut).problem);
    EXPECT_EQ(decoded(cut).problem->kind, Problem::Kind::bad_avp_length);
  }
}

TEST(ControlMessage, RandomDamageNeverCrashesAndNeverLies) {
  const std::uint64_t seed = 20260701;
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 20'000; ++round) {
    const auto types = all_message_types();
    Bytes datagram = encode(sample(types[random.below(static_cast<std::uint32_t>(types.size()))]),
                            {kSecret, kVector, kPadding});
    for (std::uint32_t flips = 1 + random.below(4); flips > 0; --flips)
      datagram[random.below(static_cast<std::uint32_t>(datagram.size()))] =
          static_cast<std::uint8_t>(random.u16());
    const auto message = decode_control(datagram, {kSecret});
    if (!message) continue;
    EXPECT_LE(message->others.size(), kMaxOtherAvps);
    EXPECT_LE(describe(*message).size(), 64 + kMaxOtherAvps);
    encode(*message, {kSecret, kVector, {}});
  }
}

TEST(ControlMessage, ResultCodeWithAndWithoutErrorAndText) {
  struct Row {
    Bytes value;
    ResultCode expected;
  };
  for (const Row& row : {
           Row{{0, 1},                 {1, std::nullopt, ""}      },
           Row{{0, 1, 0},              {1, std::nullopt, ""}      },
           Row{{0, 2, 0, 6},           {2, std::uint16_t{6}, ""}  },
           Row{{0, 2, 0, 6, 'h', 'i'}, {2, std::uint16_t{6}, "hi"}}
  }) {
    const ControlMessage message =
        decoded(control({message_type(MessageType::cdn), avp(AvpType::result_code, row.value),
                         avp(AvpType::assigned_session_id, u16_value(1))}));
    EXPECT_FALSE(message.problem);
    EXPECT_EQ(message.result_code, row.expected) << to_hex(row.value);
  }
}

TEST(ControlMessage, SwappedResultCodeOfApple) {
  const ControlMessage message = decoded(
      control({message_type(MessageType::stopccn), avp(AvpType::assigned_tunnel_id, u16_value(1)),
               avp(AvpType::result_code, {0x06, 0x00, 0x00, 0x00})}));
  EXPECT_TRUE(message.quirks.swapped_result_code);
  EXPECT_EQ(message.result_code->result, 6);
  EXPECT_EQ(message.result_code->error, 0);
  const ControlMessage both = decoded(
      control({message_type(MessageType::cdn), avp(AvpType::assigned_session_id, u16_value(1)),
               avp(AvpType::result_code, {0x02, 0x00, 0x06, 0x00, 'x'})}));
  EXPECT_EQ(both.result_code, (ResultCode{2, std::uint16_t{6}, "x"}));
  EXPECT_FALSE(decoded(encode(sample(MessageType::cdn))).quirks.swapped_result_code);
}

TEST(ControlMessage, DuplicatesTheFirstWins) {
  const ControlMessage message = decoded(
      sccrq({avp(AvpType::host_name, text_value("other")),
             avp(AvpType::assigned_tunnel_id, u16_value(1)), message_type(MessageType::hello)}));
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.type, MessageType::sccrq);
  EXPECT_EQ(message.host_name, "lac.example");
  EXPECT_EQ(message.assigned_tunnel_id, TunnelId(4242));
  EXPECT_EQ(message.quirks.duplicate_avps, 3);
}

TEST(ControlMessage, OtherAvpsAreBounded) {
  Bytes datagram = sccrq();
  ByteWriter writer(datagram);
  for (std::uint16_t i = 0; i < 1000; ++i) writer.bytes(avp(AvpKey{9, i}, {}, {false}));
  writer.patch_u16(2, static_cast<std::uint16_t>(datagram.size()));
  const ControlMessage message = decoded(datagram);
  EXPECT_EQ(message.others.size(), kMaxOtherAvps);
  EXPECT_EQ(message.quirks.excess_avps, 1000 - kMaxOtherAvps);
  EXPECT_FALSE(message.problem);
}

TEST(ControlMessage, AMessageNeverExceedsADatagram) {
  ControlMessage message = sample(MessageType::iccn);
  for (std::size_t i = 0; i < 100; ++i)
    message.others.push_back({
        {9, 1},
        false, false, true, Bytes(kMaxAvpValue, 1)
    });
  const Bytes datagram = encode(message);
  EXPECT_LE(datagram.size(), 65507u);
  EXPECT_TRUE(decode_control(datagram));
}

TEST(ControlMessage, SixteenBitIdsAndOneKibibyteAndAHalf) {
  EXPECT_LE(sizeof(ControlMessage), 1536u);
}

TEST(Describe, ShowsEveryAvpByName) {
  EXPECT_EQ(text_of(sample(MessageType::sccrq), "Host Name"), "lac.example");
  EXPECT_EQ(text_of(sample(MessageType::sccrq), "Protocol Version"), "1.0");
  EXPECT_EQ(text_of(sample(MessageType::sccrq), "Receive Window Size"), "128");
  EXPECT_EQ(text_of(sample(MessageType::stopccn), "Result Code"),
            "2 (general error), error 8 (unknown mandatory AVP): unknown AVP 9/100");
  EXPECT_EQ(text_of(sample(MessageType::cdn), "Result Code"), "3 (administrative reasons)");
  EXPECT_EQ(text_of(sample(MessageType::cdn), "PPP Disconnect Cause Code"),
            "16 (authentication failed: bad name, password or secret), protocol 0xc223, at the "
            "peer: bad password");
  EXPECT_EQ(text_of(sample(MessageType::icrq), "Agent Circuit ID"), "atm1");
  EXPECT_EQ(text_of(sample(MessageType::icrq), "Actual Data Rate Upstream"), "65536");
  EXPECT_EQ(text_of(sample(MessageType::icrq), "vendor 9 type 100"), "(empty)");
  EXPECT_EQ(text_of(sample(MessageType::iccn), "Sequencing Required"), "yes");
  EXPECT_EQ(text_of(sample(MessageType::sli), "ACCM"), "send 0x000a0000, receive 0xffffffff");
}

// IANA's registry of AVPs, as far as L2TPv2 peers may send them: what is not recognised has a name
// all the same, and still ends what it came in when it is mandatory.
TEST(Describe, RegisteredAvpsHaveNames) {
  for (std::uint16_t type = 0; type <= 103; ++type) {
    const bool is_registered = type != 20;
    const AvpKey key{kIetf, type};
    EXPECT_EQ(!name(key).empty(), is_registered) << type;
    EXPECT_TRUE(name({311, type}).empty());
  }
  ControlMessage sccrq = sample(MessageType::sccrq);
  sccrq.others.push_back({
      {kIetf, 76},
      false, false, true, { 0, 3, 0, 0, 0, 0}
  });
  EXPECT_EQ(text_of(decoded(encode(sccrq)), "Failover Capability"), "0x000300000000");
  EXPECT_FALSE(decoded(encode(sccrq)).problem);
  sccrq.others.back().mandatory = true;
  ASSERT_TRUE(decoded(encode(sccrq)).problem);
  EXPECT_EQ(decoded(encode(sccrq)).problem->kind, Problem::Kind::unknown_mandatory_avp);
}

TEST(Describe, ExtensionsAreWhatRfc2661DoesNotHave) {
  const auto names = [](const ControlMessage& message, std::size_t limit) {
    std::string out;
    for (const AvpText& text : describe_extensions(message, limit)) out += text.name + "; ";
    return out;
  };
  EXPECT_EQ(names(sample(MessageType::icrq), 1000),
            "Session DS; Connect Speed Update Enable; Agent Circuit ID; Actual Data Rate Upstream; "
            "vendor 9 type 100; ");
  EXPECT_EQ(names(sample(MessageType::sccrq), 1000), "Control Connection DS; ");
  EXPECT_EQ(names(sample(MessageType::cdn), 1000), "");
  EXPECT_EQ(names(sample(MessageType::icrq), 50), "Session DS; Connect Speed Update Enable; ");
}

// RFC 5515 §4.1.
TEST(ControlMessage, ConnectSpeedUpdates) {
  ControlMessage csun = sample(MessageType::csun);
  for (const std::size_t size : {11u, 13u}) {
    csun.others.push_back(
        {ietf(AvpType::connect_speed_update), false, false, true, Bytes(size, 1)});
  }
  const auto updates = connect_speed_updates(decoded(encode(csun)));
  EXPECT_EQ(updates, (std::vector<ConnectSpeedUpdate>{
                         {SessionId(3), 256, 512}
  }));
}

TEST(Describe, SecretsAreShownByLengthOnly) {
  const ControlMessage iccn = sample(MessageType::iccn);
  EXPECT_EQ(text_of(iccn, "Proxy Authen Response"), "(16 octets)");
  EXPECT_EQ(text_of(iccn, "Proxy Authen Challenge"), "(16 octets)");
  EXPECT_EQ(text_of(sample(MessageType::scccn), "Challenge Response"), "(16 octets)");
}

TEST(Describe, PeersTextIsPrintableAndBounded) {
  ControlMessage message = sample(MessageType::sccrq);
  message.host_name = "a\x1b[31m\n";
  EXPECT_EQ(text_of(message, "Host Name"), "a\\x1b[31m\\x0a");
  message.vendor_name = std::string(1000, '\n');
  EXPECT_LE(text_of(message, "Vendor Name").size(), 4u * 256 + 3);
}

TEST(Describe, MalformedAndHiddenOnes) {
  EXPECT_EQ(describe(RawAvp{
                         ietf(AvpType::tie_breaker), false, false, true, {1, 2}
  })
                .value,
            "malformed 0x0102");
  EXPECT_EQ(describe(RawAvp{
                         ietf(AvpType::tie_breaker), false, true, false, {1, 2}
  })
                .value,
            "hidden (2 octets)");
  EXPECT_EQ(describe(RawAvp{
                         {0, 20},
                         false, false, true, {1}
  })
                .name,
            "type 20");
}

TEST(Names, OfEverything) {
  for (const MessageType type : all_message_types()) EXPECT_NE(name(type), "none");
  EXPECT_EQ(name(MessageType::none), "none");
  for (int i = 0; i <= static_cast<int>(Problem::Kind::missing_avp); ++i)
    EXPECT_NE(name(static_cast<Problem::Kind>(i)), "invalid");
  EXPECT_EQ(stop_ccn_result_text(4), "not authorized to establish a control channel");
  EXPECT_EQ(cdn_result_text(8), "busy signal detected");
  EXPECT_EQ(general_error_text(8), "unknown mandatory AVP");
  EXPECT_EQ(disconnect_cause_text(8), "LCP echo timeout");
  for (const auto& text : {stop_ccn_result_text(65535), cdn_result_text(31), general_error_text(10),
                           disconnect_cause_text(21)})
    EXPECT_EQ(text, "unknown");
}

}  // namespace
}  // namespace l2tpm::wire
