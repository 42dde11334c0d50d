// What Cisco's routers spoke before RFC 3931 and speak by default still: control_message.h,
// cisco_draft.
#include <cassert>

#include "wire/avp_rules.h"
#include "wire/control_message.h"

namespace l2tpm::wire {

bool may_carry(const MessageRule& message, const CiscoTwin& twin) {
  // The tie of connections never had a number of Cisco's.
  if (twin.twin == AvpType::tie_breaker && message.scope != Scope::session) return false;
  return message.required.contains(ietf(twin.twin)) || message.optional.contains(ietf(twin.twin));
}

void say_as_cisco(ControlMessage& message) {
  assert(message.version == 3);
  const MessageRule* const rule = find_rule(message.type, 3);
  if (rule == nullptr) return;
  const auto add = [&](AvpKey key, bool hidden, Bytes value) {
    message.others.push_back({key, true, hidden, true, std::move(value)});
  };
  // L2TPv2's Protocol Version 1.0 is in the SCCRQ of IOS and in every SCCRP that is known to suit
  // it.
  const bool introduces = message.type == MessageType::sccrq || message.type == MessageType::sccrp;
  if (introduces) add(ietf(AvpType::protocol_version), false, {1, 0});
  for (const CiscoTwin& twin : cisco_twins()) {
    if (!may_carry(*rule, twin)) continue;
    const AvpRule& field = *find_rule(ietf(twin.twin), 3);
    Bytes value;
    if (write_field(field, message, value))
      add({kCisco, twin.type}, field.may_hide, std::move(value));
  }
  if (introduces) add({kCisco, kCiscoDraftVersion}, false, {0, 1});
}

}  // namespace l2tpm::wire
