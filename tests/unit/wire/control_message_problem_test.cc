// What is wrong with a message, and what it ends: the M bit rule of RFC 2661 §4.1, the Message Type
// rule of §4.4.1, required AVPs of §6.
#include <gtest/gtest.h>

#include <initializer_list>

#include "support/hex.h"
#include "support/l2tp_build.h"
#include "support/l2tp_samples.h"
#include "wire/control_message.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using Kind = Problem::Kind;

const Bytes kSecret = text_value("secret");
const Bytes kVector = {9, 8, 7, 6};
constexpr AvpBits kOptional{false, false, 0};
constexpr AvpBits kHiddenMandatory{true, true, 0};
constexpr AvpBits kHiddenOptional{false, true, 0};

ControlMessage decoded(const Bytes& datagram, const DecodeOptions& options = {}) {
  auto message = decode_control(datagram, options);
  EXPECT_TRUE(message);
  return message ? *message : ControlMessage{};
}

std::optional<Problem> problem_of(const Bytes& datagram, const DecodeOptions& options = {}) {
  return decoded(datagram, options).problem;
}

Bytes hidden(AvpType type, const Bytes& value, const Bytes& secret = kSecret) {
  return *hide(static_cast<std::uint16_t>(type), value, secret, kVector, {});
}

TEST(Problem, UnknownMandatoryAvpEndsWhatTheMessageConcerns) {
  const AvpKey key{9, 100};
  EXPECT_EQ(problem_of(sccrq({avp(key, {1})})),
            (Problem{Kind::unknown_mandatory_avp, Scope::tunnel, key}));
  EXPECT_EQ(problem_of(icrq({avp(key, {1})})),
            (Problem{Kind::unknown_mandatory_avp, Scope::session, key}));
  EXPECT_EQ(problem_of(icrq({
                avp(AvpKey{0, 20},
                {1}
                )
  })),
            (Problem{Kind::unknown_mandatory_avp, Scope::session, {0, 20}}));
  EXPECT_EQ(problem_of(icrq({avp(key, {1})}))->error_code(), GeneralError::unknown_mandatory_avp);
  EXPECT_EQ(problem_of(icrq({avp(key, {1})}))->to_string(),
            "unknown mandatory AVP: vendor 9 type 100");
}

TEST(Problem, UnknownOptionalAvpIsSkippedAndKept) {
  const ControlMessage message = decoded(
      sccrq({avp(AvpKey{9, 100}, {1, 2}, kOptional), avp(AvpType::receive_window_size, {0, 8})}));
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.receive_window_size, 8);
  ASSERT_EQ(message.others.size(), 1u);
  EXPECT_EQ(message.others[0], (RawAvp{
                                   {9, 100},
                                   false, false, true, {1, 2  }
  }));
}

TEST(Problem, TheRestIsReadAfterAProblemSoThatItCanBeAnswered) {
  const ControlMessage message =
      decoded(control({message_type(MessageType::icrq), avp(AvpKey{9, 1}, {}),
                       avp(AvpType::assigned_session_id, u16_value(77))}));
  EXPECT_EQ(message.problem->kind, Kind::unknown_mandatory_avp);
  EXPECT_EQ(message.assigned_session_id, SessionId(77));
}

TEST(Problem, ReservedBitsMakeAnAvpUnrecognised) {
  for (const std::uint16_t bit : std::initializer_list<std::uint16_t>{1, 2, 4, 8}) {
    EXPECT_EQ(problem_of(sccrq({avp(AvpType::vendor_name, text_value("x"), {true, false, bit})})),
              (Problem{Kind::unknown_mandatory_avp, Scope::tunnel, ietf(AvpType::vendor_name)}));
    const ControlMessage message =
        decoded(sccrq({avp(AvpType::vendor_name, text_value("x"), {false, false, bit})}));
    EXPECT_FALSE(message.problem);
    EXPECT_FALSE(message.vendor_name);
    EXPECT_EQ(message.others.size(), 1u);
  }
}

TEST(Problem, PermissiveSkipsWhatIsMandatory) {
  const Bytes datagram = sccrq({avp(AvpKey{9, 100}, {1}), avp(AvpType::bearer_capabilities, {1})});
  EXPECT_TRUE(problem_of(datagram));
  const ControlMessage message = decoded(datagram, {{}, true});
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.others.size(), 2u);
  // But an id that is missing is missing.
  const Bytes no_id = control({message_type(MessageType::sccrq)});
  EXPECT_EQ(problem_of(no_id, {{}, true}),
            (Problem{Kind::missing_avp, Scope::tunnel, ietf(AvpType::assigned_tunnel_id)}));
}

TEST(Problem, FirstAvpMustBeMessageType) {
  const Bytes type = message_type(MessageType::hello);
  const Problem expected{Kind::first_avp_not_message_type, Scope::tunnel, ietf(AvpType::host_name)};
  EXPECT_EQ(problem_of(control({avp(AvpType::host_name, text_value("h")), type})), expected);
  for (const AvpBits bits : {
           kHiddenMandatory, AvpBits{true, false, 1}
  })
    EXPECT_EQ(problem_of(control({message_type(6, bits)}))->kind, Kind::first_avp_not_message_type);
  // Vendor 9's AVP 0 is not Message Type.
  EXPECT_EQ(problem_of(control({avp(AvpKey{9, 0}, {0, 6})}))->kind,
            Kind::first_avp_not_message_type);
  EXPECT_EQ(problem_of(control({avp(AvpType::message_type, {0, 0, 6})}))->kind, Kind::bad_value);
  EXPECT_EQ(problem_of(control({avp(AvpType::message_type, {6})}))->kind, Kind::bad_value);
}

TEST(Problem, UnknownMessageType) {
  for (const std::uint16_t type :
       std::initializer_list<std::uint16_t>{0, 5, 13, 17, 20, 27, 30, 65535}) {
    const ControlMessage optional = decoded(control({message_type(type, kOptional)}));
    EXPECT_FALSE(optional.problem) << type;
    EXPECT_EQ(optional.unknown_type, type);
    EXPECT_EQ(optional.type, MessageType::none);
    EXPECT_FALSE(optional.is_zlb);
    EXPECT_EQ(
        problem_of(control({message_type(type)})),
        (Problem{Kind::unknown_mandatory_message_type, Scope::tunnel, ietf(AvpType::message_type)}))
        << type;
  }
}

TEST(Problem, KnownMessageTypeWithoutMIsTheMessage) {
  EXPECT_EQ(decoded(control({message_type(6, kOptional)})).type, MessageType::hello);
}

TEST(Problem, EveryRequiredAvpIsMissed) {
  struct Row {
    MessageType type;
    std::vector<AvpType> required;
  };
  const std::vector<Row> rows = {
      {MessageType::sccrq,
       {AvpType::protocol_version, AvpType::framing_capabilities, AvpType::host_name,
        AvpType::assigned_tunnel_id}                                                              },
      {MessageType::sccrp,
       {AvpType::protocol_version, AvpType::framing_capabilities, AvpType::host_name,
        AvpType::assigned_tunnel_id}                                                              },
      {MessageType::scccn,   {}                                                                   },
      {MessageType::stopccn, {AvpType::result_code, AvpType::assigned_tunnel_id}                  },
      {MessageType::hello,   {}                                                                   },
      {MessageType::ocrq,
       {AvpType::assigned_session_id, AvpType::call_serial_number, AvpType::minimum_bps,
        AvpType::maximum_bps, AvpType::bearer_type, AvpType::framing_type, AvpType::called_number}},
      {MessageType::ocrp,    {AvpType::assigned_session_id}                                       },
      {MessageType::occn,    {AvpType::framing_type, AvpType::tx_connect_speed}                   },
      {MessageType::icrq,    {AvpType::assigned_session_id, AvpType::call_serial_number}          },
      {MessageType::icrp,    {AvpType::assigned_session_id}                                       },
      {MessageType::iccn,    {AvpType::framing_type, AvpType::tx_connect_speed}                   },
      {MessageType::cdn,     {AvpType::result_code, AvpType::assigned_session_id}                 },
      {MessageType::wen,     {AvpType::call_errors}                                               },
      {MessageType::sli,     {AvpType::accm}                                                      }
  };
  for (const Row& row : rows) {
    const Bytes whole = encode(sample(row.type));
    for (const AvpType leave_out : row.required) {
      Bytes less(whole.begin(), whole.begin() + kControlHeaderSize);
      ByteReader reader(ByteView(whole).subspan(kControlHeaderSize));
      while (!reader.at_end()) {
        const auto flags = reader.u16();
        const auto vendor = reader.u16();
        const auto type = reader.u16();
        const auto value = reader.take((flags & 0x3ffu) - kAvpHeaderSize);
        if (vendor == 0 && type == static_cast<std::uint16_t>(leave_out)) continue;
        const Bytes one = avp(AvpKey{vendor, type}, Bytes(value.begin(), value.end()),
                              {(flags & 0x8000) != 0, false, 0});
        less.insert(less.end(), one.begin(), one.end());
      }
      ByteWriter(less).patch_u16(2, static_cast<std::uint16_t>(less.size()));
      EXPECT_EQ(problem_of(less), (Problem{Kind::missing_avp, scope_of(row.type), ietf(leave_out)}))
          << name(row.type) << " without " << name(ietf(leave_out));
    }
  }
}

TEST(Problem, ScopeIsTheMessages) {
  for (const MessageType type : all_message_types()) {
    const bool tunnel = type == MessageType::sccrq || type == MessageType::sccrp ||
                        type == MessageType::scccn || type == MessageType::stopccn ||
                        type == MessageType::hello || type == MessageType::csun ||
                        type == MessageType::csurq;
    EXPECT_EQ(scope_of(type), tunnel ? Scope::tunnel : Scope::session) << name(type);
  }
  EXPECT_EQ(scope_of(MessageType::none), Scope::tunnel);
}

TEST(Problem, BadValueOfAMandatoryAvp) {
  EXPECT_EQ(problem_of(sccrq({avp(AvpType::bearer_capabilities, {0, 0, 1})})),
            (Problem{Kind::bad_value, Scope::tunnel, ietf(AvpType::bearer_capabilities)}));
  EXPECT_EQ(problem_of(sccrq({avp(AvpType::bearer_capabilities, {0, 0, 0, 1, 0})}))->kind,
            Kind::bad_value);
  EXPECT_EQ(problem_of(sccrq({avp(AvpType::receive_window_size, {0, 0})}))->kind, Kind::bad_value);
  EXPECT_EQ(problem_of(sccrq({avp(AvpType::challenge, {})}))->kind, Kind::bad_value);
  EXPECT_EQ(problem_of(control({message_type(MessageType::scccn),
                                avp(AvpType::challenge_response, Bytes(15))}))
                ->kind,
            Kind::bad_value);
}

TEST(Problem, BadValueOfAnOptionalAvpIsIgnored) {
  const ControlMessage message = decoded(sccrq({avp(AvpType::tie_breaker, {1, 2, 3}, kOptional)}));
  EXPECT_FALSE(message.problem);
  EXPECT_FALSE(message.tie_breaker);
  EXPECT_EQ(message.quirks.ignored_avps, 1);
}

// Zero as an id: a bad value, except where it says that none was assigned yet.
TEST(Problem, ZeroIds) {
  const Bytes zero = u16_value(0);
  EXPECT_EQ(problem_of(control(
                {message_type(MessageType::icrp), avp(AvpType::assigned_session_id, zero)})),
            (Problem{Kind::bad_value, Scope::session, ietf(AvpType::assigned_session_id)}));
  EXPECT_EQ(problem_of(control(
                {message_type(MessageType::sccrq), avp(AvpType::assigned_tunnel_id, zero)})),
            (Problem{Kind::bad_value, Scope::tunnel, ietf(AvpType::assigned_tunnel_id)}));
  EXPECT_FALSE(
      problem_of(control({message_type(MessageType::cdn), avp(AvpType::result_code, u16_value(4)),
                          avp(AvpType::assigned_session_id, zero)})));
  EXPECT_FALSE(problem_of(
      control({message_type(MessageType::stopccn), avp(AvpType::assigned_tunnel_id, zero),
               avp(AvpType::result_code, u16_value(1))})));
}

TEST(Problem, HiddenMandatoryAvpThatCannotBeRevealed) {
  const Bytes vector = avp(AvpType::random_vector, kVector);
  const Bytes id = avp(AvpType::assigned_session_id,
                       hidden(AvpType::assigned_session_id, u16_value(77)), kHiddenMandatory);
  const Bytes serial = avp(AvpType::call_serial_number, u32_value(1));
  const Bytes type = message_type(MessageType::icrq);
  const Problem expected{Kind::hidden_mandatory_avp, Scope::session,
                         ietf(AvpType::assigned_session_id)};

  EXPECT_EQ(decoded(control({type, vector, id, serial}), {kSecret}).assigned_session_id,
            SessionId(77));
  EXPECT_EQ(problem_of(control({type, vector, id, serial})), expected);             // no secret
  EXPECT_EQ(problem_of(control({type, id, vector, serial}), {kSecret}), expected);  // no vector yet
  const Bytes other = text_value("other");
  EXPECT_EQ(problem_of(control({type, vector, id, serial}), {other}), expected);
}

TEST(Problem, HiddenOptionalAvpThatCannotBeRevealedIsKeptAsItCame) {
  const Bytes cipher = hidden(AvpType::private_group_id, text_value("vrf"));
  const ControlMessage message = decoded(control(
      {message_type(MessageType::iccn), avp(AvpType::random_vector, kVector),
       avp(AvpType::tx_connect_speed, u32_value(1)), avp(AvpType::framing_type, u32_value(1)),
       avp(AvpType::private_group_id, cipher, kHiddenOptional)}));
  EXPECT_FALSE(message.problem);
  EXPECT_FALSE(message.private_group_id);
  ASSERT_EQ(message.others.size(), 1u);
  EXPECT_FALSE(message.others[0].revealed);
  EXPECT_EQ(message.others[0].value, cipher);
  EXPECT_EQ(message.quirks.ignored_avps, 1);
}

// RFC 2661 §4.4.1: Random Vector is never hidden.
TEST(Problem, HiddenRandomVector) {
  const Bytes inner = hidden(AvpType::random_vector, {1, 2, 3, 4});
  EXPECT_EQ(problem_of(icrq({avp(AvpType::random_vector, kVector),
                             avp(AvpType::random_vector, inner, kHiddenMandatory)}),
                       {kSecret}),
            (Problem{Kind::hidden_mandatory_avp, Scope::session, ietf(AvpType::random_vector)}));
}

// RFC 2661 §4.3: each hidden AVP uses the Random Vector that came last before it.
TEST(Problem, SeveralRandomVectors) {
  const Bytes second = {0xaa};
  const auto serial = hide(15, u32_value(5), kSecret, second, {});
  const ControlMessage message =
      decoded(control({message_type(MessageType::icrq), avp(AvpType::random_vector, kVector),
                       avp(AvpType::assigned_session_id,
                           hidden(AvpType::assigned_session_id, u16_value(77)), kHiddenMandatory),
                       avp(AvpType::random_vector, second),
                       avp(AvpType::call_serial_number, *serial, kHiddenMandatory)}),
              {kSecret});
  EXPECT_FALSE(message.problem);
  EXPECT_EQ(message.assigned_session_id, SessionId(77));
  EXPECT_EQ(message.call_serial_number, 5u);
}

}  // namespace
}  // namespace l2tpm::wire
