// What this implementation knows about AVPs and messages, as two tables. Private to wire.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

#include "wire/avp.h"
#include "wire/control_message.h"

namespace l2tpm::wire {

// How a value is shown.
enum class AvpFormat : std::uint8_t {
  number,      // one to eight octets
  hex_number,  // the same, as bits
  text,
  octets,
  sensitive,  // octets that are or betray a secret: only their count is shown
  flag,       // no value, its presence says it
  message_type,
  result_code,
  version,
  q931_cause,
  call_errors,
  accm,
  disconnect_cause,
  message_digest,
  router_id,
  pseudowire_type,  // one, or a list
  sublayer,
  sequencing_level,
  circuit_status
};

// Where a value is kept in a ControlMessage; monostate: in `others`. A plain SessionId is L2TPv3's
// Remote Session ID, which is always there.
template <typename T>
using Member = std::optional<T> ControlMessage::*;
using Field =
    std::variant<std::monostate, Member<std::uint8_t>, Member<std::uint16_t>, Member<std::uint32_t>,
                 Member<std::uint64_t>, Member<std::string>, Member<Bytes>, Member<TunnelId>,
                 Member<SessionId>, Member<std::array<std::uint8_t, 16>>, Member<ResultCode>,
                 Member<ProtocolVersion>, Member<Q931Cause>, Member<CallErrors>, Member<Accm>,
                 Member<PppDisconnectCause>, Member<std::vector<std::uint16_t>>,
                 bool ControlMessage::*, SessionId ControlMessage::*>;

// One row per AVP. Sizes are of the value, in octets.
struct AvpRule {
  AvpKey key;
  std::string_view name;
  AvpFormat format;
  std::uint16_t min_size;
  std::uint16_t max_size;
  bool mandatory;  // the M bit we send
  bool may_hide;   // the H bit may be set (RFC 2661 §4.4)
  Field field;
};

// Of protocol version 2 or 3, sorted by key.
std::span<const AvpRule> avp_rules(unsigned version);
// nullptr: unrecognised.
const AvpRule* find_rule(AvpKey key, unsigned version);
// Of an IETF AVP that we do not recognise but IANA has registered; "" of others. It stays
// unrecognised: with the M bit it ends what it came in.
std::string_view registered_name(AvpKey key);

// Appends the value of an AVP's field; false when the message does not have it, or keeps it in
// `others`.
bool write_field(const AvpRule& rule, const ControlMessage& message, Bytes& value);

// A set of IETF AVPs below 128.
class AvpSet {
 public:
  constexpr AvpSet(std::initializer_list<AvpType> types) {
    for (const AvpType type : types) {
      const auto number = static_cast<unsigned>(type);
      words_[number / 64] |= std::uint64_t{1} << (number % 64);
    }
  }
  constexpr bool contains(AvpKey key) const {
    return key.vendor == kIetf && key.type < 128 &&
           ((words_[key.type / 64] >> (key.type % 64)) & 1) != 0;
  }

 private:
  std::uint64_t words_[2] = {0, 0};
};

// What a message must and may carry besides Message Type (RFC 2661 §6, RFC 3931 §6).
struct MessageRule {
  MessageType type;
  std::string_view name;
  Scope scope;
  AvpSet required;
  AvpSet optional;
};
// nullptr: not a message of that version, or `none`.
const MessageRule* find_rule(MessageType type, unsigned version);

// RFC 3931's half of the above: avp_rules_v3.cc.
std::span<const AvpRule> avp_rules_v3();
std::span<const MessageRule> message_rules_v3();

// An AVP of Cisco's L2TPv3 from before RFC 3931: control_message.h, cisco_draft.
struct CiscoTwin {
  std::uint16_t type;  // of vendor 9
  AvpType twin;
};
std::span<const CiscoTwin> cisco_twins();
// Whether a message of that kind may carry it.
bool may_carry(const MessageRule& message, const CiscoTwin& twin);

}  // namespace l2tpm::wire
