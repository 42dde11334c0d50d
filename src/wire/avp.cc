#include "wire/avp.h"

#include <fmt/format.h>

#include "wire/avp_codec.h"
#include "wire/avp_rules.h"
#include "wire/control_digest.h"

namespace l2tpm::wire {
namespace {

constexpr std::size_t kShownOctets = 64;

std::string hex(ByteView value) {
  if (value.empty()) return "(empty)";
  if (value.size() <= kShownOctets) return "0x" + to_hex(value);
  return fmt::format("0x{}... ({} octets)", to_hex(value.first(kShownOctets)), value.size());
}

std::uint64_t number(ByteView value) {
  std::uint64_t out = 0;
  for (const std::uint8_t octet : value) out = out << 8 | octet;
  return out;
}

template <typename T>
T parse(ByteView value) {
  ByteReader reader(value);
  T out;
  read(reader, out);
  return out;
}

// "2, error 6: text"; the message's own texts are added by those who know its type.
std::string show(const ResultCode& code, std::string_view result_text) {
  std::string out = std::to_string(code.result);
  if (!result_text.empty()) out += fmt::format(" ({})", result_text);
  if (code.error)
    out += fmt::format(", error {} ({})", *code.error, general_error_text(*code.error));
  if (!code.message.empty()) out += ": " + printable(as_bytes(code.message));
  return out;
}

std::string show(const PppDisconnectCause& cause) {
  constexpr std::string_view kDirection[] = {"global", "at the peer", "at the local end"};
  std::string out = fmt::format("{} ({})", cause.code, disconnect_cause_text(cause.code));
  if (cause.protocol != 0) out += fmt::format(", protocol 0x{:04x}", cause.protocol);
  if (cause.direction < std::size(kDirection))
    out += fmt::format(", {}", kDirection[cause.direction]);
  if (!cause.message.empty()) out += ": " + printable(as_bytes(cause.message));
  return out;
}

std::string show(const Q931Cause& cause) {
  std::string out = fmt::format("{}, message 0x{:02x}", cause.code, cause.message_type);
  if (!cause.advisory.empty()) out += ": " + printable(as_bytes(cause.advisory));
  return out;
}

std::string show(const CallErrors& errors) {
  return fmt::format(
      "CRC {}, framing {}, hardware overruns {}, buffer overruns {}, timeouts {}, alignment {}",
      errors.crc_errors, errors.framing_errors, errors.hardware_overruns, errors.buffer_overruns,
      errors.timeout_errors, errors.alignment_errors);
}

std::string show_message_type(std::uint16_t type) {
  const std::string_view known = name(static_cast<MessageType>(type));
  return known != "none" ? fmt::format("{} ({})", type, known) : fmt::format("{}", type);
}

// RFC 3931 §5.4: in a dotted quad, though it need not be an address.
std::string show_router_id(std::uint32_t id) {
  return fmt::format("{}.{}.{}.{}", id >> 24, (id >> 16) & 0xff, (id >> 8) & 0xff, id & 0xff);
}

std::string show_pseudowires(ByteView value) {
  std::string out;
  ByteReader reader(value);
  while (reader.remaining() >= 2) {
    const std::uint16_t type = reader.u16();
    out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", type, pseudowire_name(type));
  }
  return out.empty() ? "(empty)" : out;
}

std::string show_digest(ByteView value) {
  const std::uint8_t type = value[0];
  if (type > static_cast<std::uint8_t>(DigestType::hmac_sha1))
    return fmt::format("type {} ({} octets)", type, value.size() - 1);
  return fmt::format("{} ({} octets)", name(static_cast<DigestType>(type)), value.size() - 1);
}

std::string show_choice(std::uint16_t value, std::initializer_list<std::string_view> texts) {
  return value < texts.size() ? fmt::format("{} ({})", value, texts.begin()[value])
                              : std::to_string(value);
}

std::string show_circuit(std::uint16_t status) {
  return fmt::format("{}{} (0x{:04x})", (status & kCircuitActive) != 0 ? "active" : "inactive",
                     (status & kCircuitNew) != 0 ? ", new" : "", status);
}

std::string show(const AvpRule& rule, ByteView value, std::string_view result_text) {
  if (value.size() < rule.min_size || value.size() > rule.max_size)
    return "malformed " + hex(value);
  switch (rule.format) {
    case AvpFormat::number:
      return std::to_string(number(value));
    case AvpFormat::hex_number:
      return fmt::format("0x{:x}", number(value));
    case AvpFormat::text:
      return printable(value);
    case AvpFormat::octets:
      return hex(value);
    case AvpFormat::sensitive:
      return fmt::format("({} octets)", value.size());
    case AvpFormat::flag:
      return "yes";
    case AvpFormat::message_type:
      return show_message_type(parse<std::uint16_t>(value));
    case AvpFormat::result_code:
      return show(parse<ResultCode>(value), result_text);
    case AvpFormat::version: {
      const auto version = parse<ProtocolVersion>(value);
      return fmt::format("{}.{}", version.version, version.revision);
    }
    case AvpFormat::q931_cause:
      return show(parse<Q931Cause>(value));
    case AvpFormat::call_errors:
      return show(parse<CallErrors>(value));
    case AvpFormat::accm: {
      const auto accm = parse<Accm>(value);
      return fmt::format("send 0x{:08x}, receive 0x{:08x}", accm.send, accm.receive);
    }
    case AvpFormat::disconnect_cause:
      return show(parse<PppDisconnectCause>(value));
    case AvpFormat::message_digest:
      return show_digest(value);
    case AvpFormat::router_id:
      return show_router_id(parse<std::uint32_t>(value));
    case AvpFormat::pseudowire_type:
      return show_pseudowires(value);
    case AvpFormat::sublayer:
      return show_choice(parse<std::uint16_t>(value), {"none", "default"});
    case AvpFormat::sequencing_level:
      return show_choice(parse<std::uint16_t>(value), {"none", "non-IP", "all"});
    case AvpFormat::circuit_status:
      return show_circuit(parse<std::uint16_t>(value));
  }
  return hex(value);
}

// For what is shown without its message: the versions do not disagree about a number.
const AvpRule* find_known(AvpKey key) {
  const AvpRule* const rule = find_rule(key, 2);
  return rule != nullptr ? rule : find_rule(key, 3);
}

std::string shown_name(AvpKey key) {
  const std::string_view known = name(key);
  if (!known.empty()) return std::string(known);
  if (key.vendor == kIetf) return fmt::format("type {}", key.type);
  return fmt::format("vendor {} type {}", key.vendor, key.type);
}

std::string_view result_text_of(const ControlMessage& message) {
  if (!message.result_code) return {};
  if (message.type == MessageType::stopccn)
    return stop_ccn_result_text(message.result_code->result);
  if (message.type == MessageType::cdn) return cdn_result_text(message.result_code->result);
  return {};
}

}  // namespace

std::string_view pseudowire_name(std::uint16_t type) {
  constexpr std::string_view kNames[] = {"reserved",
                                         "Frame Relay DLCI",
                                         "ATM AAL5 SDU VCC",
                                         "ATM cell port mode",
                                         "Ethernet VLAN",
                                         "Ethernet",
                                         "HDLC",
                                         "PPP"};
  return type < std::size(kNames) ? kNames[type] : "unknown";
}

std::string_view name(AvpKey key) {
  const AvpRule* const rule = find_known(key);
  return rule != nullptr ? rule->name : registered_name(key);
}

AvpText describe(const RawAvp& avp) {
  AvpText text{shown_name(avp.key), {}};
  const AvpRule* const rule = find_known(avp.key);
  if (!avp.revealed)
    text.value = fmt::format("hidden ({} octets)", avp.value.size());
  else if (rule == nullptr)
    text.value = hex(avp.value);
  else
    text.value = show(*rule, avp.value, {});
  return text;
}

std::vector<AvpText> describe(const ControlMessage& message) {
  std::vector<AvpText> texts;
  Bytes value;
  for (const AvpRule& rule : avp_rules(message.version)) {
    value.clear();
    if (!write_field(rule, message, value)) continue;
    texts.push_back({std::string(rule.name), show(rule, value, result_text_of(message))});
  }
  for (const RawAvp& avp : message.others) texts.push_back(describe(avp));
  return texts;
}

std::vector<AvpText> describe_extensions(const ControlMessage& message, std::size_t max_octets) {
  std::vector<AvpText> texts;
  std::size_t octets = 0;
  const auto add = [&](AvpText text) {
    octets += text.name.size() + text.value.size();
    if (octets <= max_octets) texts.push_back(std::move(text));
  };
  Bytes value;
  for (const AvpRule& rule : avp_rules(message.version)) {
    const bool is_extension = message.version == 2 &&
                              rule.key > ietf(AvpType::sequencing_required) &&
                              rule.key != ietf(AvpType::ppp_disconnect_cause);
    value.clear();
    if (is_extension && write_field(rule, message, value))
      add({std::string(rule.name), show(rule, value, {})});
  }
  for (const RawAvp& avp : message.others)
    if (avp.key > ietf(AvpType::sequencing_required) && avp.key != ietf(AvpType::message_digest))
      add(describe(avp));
  return texts;
}

std::vector<ConnectSpeedUpdate> connect_speed_updates(const ControlMessage& message) {
  std::vector<ConnectSpeedUpdate> updates;
  for (const RawAvp& avp : message.others) {
    if (avp.key != ietf(AvpType::connect_speed_update) || !avp.revealed) continue;
    ByteReader reader(avp.value);
    reader.skip(2);
    ConnectSpeedUpdate update;
    update.session = SessionId(reader.u16());
    update.tx = reader.u32();
    update.rx = reader.u32();
    if (reader.ok() && reader.at_end()) updates.push_back(update);
  }
  return updates;
}

}  // namespace l2tpm::wire
