#include "wire/control_message.h"

#include <fmt/format.h>

#include "wire/avp_rules.h"

namespace l2tpm::wire {

std::string_view name(MessageType type) {
  const MessageRule* rule = find_rule(type, 2);
  if (rule == nullptr) rule = find_rule(type, 3);
  return rule != nullptr ? rule->name : "none";
}

Scope scope_of(MessageType type) {
  const MessageRule* const rule = find_rule(type, 2);
  return rule != nullptr ? rule->scope : Scope::tunnel;
}

std::string_view name(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::bad_avp_length:
      return "bad AVP length";
    case Problem::Kind::first_avp_not_message_type:
      return "first AVP is not Message Type";
    case Problem::Kind::unknown_mandatory_message_type:
      return "unknown mandatory message type";
    case Problem::Kind::unknown_mandatory_avp:
      return "unknown mandatory AVP";
    case Problem::Kind::hidden_mandatory_avp:
      return "hidden mandatory AVP cannot be revealed";
    case Problem::Kind::bad_value:
      return "bad AVP value";
    case Problem::Kind::missing_avp:
      return "missing AVP";
  }
  return "invalid";
}

GeneralError Problem::error_code() const {
  switch (kind) {
    case Kind::bad_avp_length:
      return GeneralError::wrong_length;
    case Kind::unknown_mandatory_message_type:
    case Kind::unknown_mandatory_avp:
    case Kind::hidden_mandatory_avp:  // RFC 2661 §4.3: without the secret it is not understood
      return GeneralError::unknown_mandatory_avp;
    case Kind::first_avp_not_message_type:
    case Kind::bad_value:
    case Kind::missing_avp:
      return GeneralError::bad_value;
  }
  return GeneralError::bad_value;
}

std::string Problem::to_string() const {
  std::string_view known = l2tpm::wire::name(avp);
  if (!known.empty()) return fmt::format("{}: {}", l2tpm::wire::name(kind), known);
  return fmt::format("{}: vendor {} type {}", l2tpm::wire::name(kind), avp.vendor, avp.type);
}

}  // namespace l2tpm::wire
