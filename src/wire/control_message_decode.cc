#include <cassert>
#include <utility>

#include "base/secret.h"
#include "wire/avp_codec.h"
#include "wire/avp_rules.h"
#include "wire/control_message.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

constexpr std::uint16_t kMandatory = 0x8000;
constexpr std::uint16_t kHidden = 0x4000;
constexpr std::uint16_t kReserved = 0x3c00;
constexpr std::uint16_t kLengthMask = 0x03ff;

// An AVP as it lies in the datagram.
struct WireAvp {
  AvpKey key;
  bool mandatory = false;
  bool hidden = false;
  bool reserved = false;
  ByteView value;
};

// nullopt: its Length is below six or reaches beyond the message.
std::optional<WireAvp> next_avp(ByteReader& reader) {
  WireAvp avp;
  const std::uint16_t flags = reader.u16();
  avp.mandatory = (flags & kMandatory) != 0;
  avp.hidden = (flags & kHidden) != 0;
  avp.reserved = (flags & kReserved) != 0;
  avp.key.vendor = reader.u16();
  avp.key.type = reader.u16();
  avp.value = reader.take((flags & kLengthMask) - kAvpHeaderSize);
  if (!reader.ok()) return std::nullopt;
  return avp;
}

class Decoder {
 public:
  Decoder(const DecodeOptions& options, ControlMessage& message)
      : options_(options), message_(message) {}

  void run(ByteView payload);

 private:
  bool read_message_type(const WireAvp& avp);
  void read_avp(const WireAvp& avp);
  void read_known(const AvpRule& rule, const WireAvp& avp, ByteView value);
  bool store(const AvpRule& rule, ByteView value);
  void take_ciscos();
  void check_required();
  void check_ids();
  void undo_swapped_result_code();

  void fail(Problem::Kind kind, AvpKey avp);
  // What a mandatory AVP makes a problem, an optional one is skipped for (RFC 2661 §4.1).
  void fail_or_skip(Problem::Kind kind, const WireAvp& avp, ByteView value, bool revealed);
  void keep(const WireAvp& avp, ByteView value, bool revealed);

  const DecodeOptions& options_;
  ControlMessage& message_;
  ByteView random_vector_;
  bool has_remote_session_id_ = false;
};

void Decoder::fail(Problem::Kind kind, AvpKey avp) {
  if (!message_.problem) message_.problem = Problem{kind, scope_of(message_.type), avp};
}

void Decoder::keep(const WireAvp& avp, ByteView value, bool revealed) {
  if (message_.others.size() >= kMaxOtherAvps) {
    ++message_.quirks.excess_avps;
    return;
  }
  message_.others.push_back(
      {avp.key, avp.mandatory, avp.hidden, revealed, Bytes(value.begin(), value.end())});
}

void Decoder::fail_or_skip(Problem::Kind kind, const WireAvp& avp, ByteView value, bool revealed) {
  if (avp.mandatory && !options_.permissive) {
    fail(kind, avp.key);
    return;
  }
  ++message_.quirks.ignored_avps;
  keep(avp, value, revealed);
}

// RFC 2661 §4.4.1: the first AVP, never hidden; its M bit is about the whole message.
bool Decoder::read_message_type(const WireAvp& avp) {
  // RFC 3931 §5.4.1: other vendors have their own message types; §5.1: reserved bits are ignored.
  const bool is_v3 = message_.version == 3;
  const bool is_vendors = is_v3 && avp.key.vendor != kIetf && avp.key.type == 0 && !avp.hidden;
  if (!is_vendors && (avp.key != ietf(AvpType::message_type) || avp.hidden || avp.reserved)) {
    fail(Problem::Kind::first_avp_not_message_type, avp.key);
    return false;
  }
  ByteReader reader(avp.value);
  const std::uint16_t number = reader.u16();
  if (!reader.ok() || !reader.at_end()) {
    fail(Problem::Kind::bad_value, avp.key);
    return false;
  }
  const auto type = static_cast<MessageType>(number);
  if (is_vendors || find_rule(type, message_.version) == nullptr) {
    message_.unknown_type = number;
    if (avp.mandatory) fail(Problem::Kind::unknown_mandatory_message_type, avp.key);
    return false;
  }
  message_.type = type;
  return true;
}

// True when there was nothing there yet: the first of several counts.
bool Decoder::store(const AvpRule& rule, ByteView value) {
  return std::visit(
      [&](const auto& field) {
        using FieldType = std::decay_t<decltype(field)>;
        if constexpr (std::is_same_v<FieldType, std::monostate>) {
          return true;
        } else if constexpr (std::is_same_v<FieldType, bool ControlMessage::*>) {
          return !std::exchange(message_.*field, true);
        } else if constexpr (std::is_same_v<FieldType, SessionId ControlMessage::*>) {
          if (std::exchange(has_remote_session_id_, true)) return false;
          ByteReader reader(value);
          return read(reader, message_.*field);
        } else {
          auto& slot = message_.*field;
          if (slot) return false;
          ByteReader reader(value);
          read(reader, slot.emplace());
          return true;
        }
      },
      rule.field);
}

void Decoder::read_known(const AvpRule& rule, const WireAvp& avp, ByteView value) {
  if (value.size() < rule.min_size || value.size() > rule.max_size) {
    fail_or_skip(Problem::Kind::bad_value, avp, value, true);
  } else if (rule.key == ietf(AvpType::random_vector)) {
    random_vector_ = avp.value;
  } else if (std::holds_alternative<std::monostate>(rule.field) &&
             rule.key != ietf(AvpType::message_type)) {
    keep(avp, value, true);
  } else if (rule.key == ietf(AvpType::message_type) || !store(rule, value)) {
    ++message_.quirks.duplicate_avps;
  }
}

void Decoder::read_avp(const WireAvp& avp) {
  const bool is_v3 = message_.version == 3;
  // RFC 2661 §4.1: an AVP with a reserved bit set "MUST be treated as an unrecognized AVP". RFC
  // 3931 §5.1: such bits are "ignored upon receipt".
  const bool strange = avp.reserved && !is_v3;
  const AvpRule* const rule = strange ? nullptr : find_rule(avp.key, message_.version);
  std::optional<Bytes> revealed;
  if (avp.hidden && !strange && !options_.secret.empty() && !random_vector_.empty())
    revealed = reveal(avp.key.type, avp.value, options_.secret, random_vector_);
  const bool legible = !avp.hidden || revealed.has_value();
  const ByteView value = revealed ? ByteView(*revealed) : avp.value;

  // RFC 3931 §4.7.3: L2TPv2's AVPs are tolerated, and say nothing.
  const bool is_old = is_v3 && rule == nullptr && find_rule(avp.key, 2) != nullptr;
  if (rule == nullptr) {
    if (avp.mandatory && !is_old && !options_.permissive)
      fail(Problem::Kind::unknown_mandatory_avp, avp.key);
    else
      keep(avp, value, legible);
  } else if (!legible || (avp.hidden && rule->key == ietf(AvpType::random_vector))) {
    fail_or_skip(Problem::Kind::hidden_mandatory_avp, avp, avp.value, false);
  } else {
    read_known(*rule, avp, value);
  }
  if (revealed) wipe(*revealed);
}

// Cisco's "encapsulation l2tpv3": beside the AVPs of the RFC (in the SCCRQ of IOS, without M) or in
// their place (in its ICRQ).
void Decoder::take_ciscos() {
  if (message_.version != 3) return;
  const MessageRule* const rule = find_rule(message_.type, 3);
  for (const RawAvp& avp : message_.others) {
    if (avp.key.vendor != kCisco || !avp.revealed) continue;
    if (avp.key.type == kCiscoDraftVersion) message_.cisco_draft = true;
    for (const CiscoTwin& twin : cisco_twins()) {
      if (twin.type != avp.key.type || !may_carry(*rule, twin)) continue;
      message_.cisco_draft = true;
      const AvpRule& field = *find_rule(ietf(twin.twin), 3);
      if (avp.value.size() >= field.min_size && avp.value.size() <= field.max_size)
        store(field, avp.value);
    }
  }
}

void Decoder::check_required() {
  const MessageRule* const rule = find_rule(message_.type, message_.version);
  for (const AvpRule& avp : avp_rules(message_.version)) {
    if (!rule->required.contains(avp.key)) continue;
    const bool present = std::visit(
        [&](const auto& field) {
          using FieldType = std::decay_t<decltype(field)>;
          if constexpr (std::is_same_v<FieldType, std::monostate>)
            return true;
          else if constexpr (std::is_same_v<FieldType, SessionId ControlMessage::*>)
            return has_remote_session_id_;
          else
            return static_cast<bool>(message_.*field);
        },
        avp.field);
    const bool is_id = avp.key == ietf(AvpType::assigned_tunnel_id) ||
                       avp.key == ietf(AvpType::assigned_session_id) ||
                       avp.key == ietf(AvpType::assigned_connection_id) ||
                       avp.key == ietf(AvpType::local_session_id);
    const bool is_newer =
        avp.key == ietf(AvpType::router_id) || avp.key == ietf(AvpType::circuit_status);
    const bool may_lack = options_.permissive || (message_.cisco_draft && is_newer);
    // Nothing can be done without the peer's id; all else a lenient receiver can assume.
    if (!present && (is_id || !may_lack)) fail(Problem::Kind::missing_avp, avp.key);
  }
}

// Zero is no id and no window. In StopCCN and CDN it says that none was assigned yet.
void Decoder::check_ids() {
  const bool is_v3 = message_.version == 3;
  if (message_.assigned_tunnel_id == TunnelId(0) && message_.type != MessageType::stopccn)
    fail(Problem::Kind::bad_value,
         ietf(is_v3 ? AvpType::assigned_connection_id : AvpType::assigned_tunnel_id));
  if (message_.assigned_session_id == SessionId(0) && message_.type != MessageType::cdn)
    fail(Problem::Kind::bad_value,
         ietf(is_v3 ? AvpType::local_session_id : AvpType::assigned_session_id));
  // An offer that cannot be meant is none.
  if (message_.v3_connection_id == TunnelId(0)) message_.v3_connection_id.reset();
  const std::size_t cookie = message_.assigned_cookie ? message_.assigned_cookie->size() : 0;
  if (cookie != 0 && cookie != 4 && cookie != 8)
    fail(Problem::Kind::bad_value, ietf(AvpType::assigned_cookie));
  if (message_.receive_window_size == std::uint16_t{0})
    fail(Problem::Kind::bad_value, ietf(AvpType::receive_window_size));
}

// Apple's clients send Result Code and Error Code in the order of an Intel processor: 0x0100 for 1.
// No result above 255 is registered.
void Decoder::undo_swapped_result_code() {
  const auto is_swapped = [](std::uint16_t code) { return code > 0xff && (code & 0xff) == 0; };
  if (!message_.result_code || !is_swapped(message_.result_code->result)) return;
  message_.quirks.swapped_result_code = true;
  message_.result_code->result = static_cast<std::uint16_t>(message_.result_code->result >> 8);
  auto& error = message_.result_code->error;
  if (error && is_swapped(*error)) error = static_cast<std::uint16_t>(*error >> 8);
}

void Decoder::run(ByteView payload) {
  ByteReader reader(payload);
  bool is_first = true;
  while (!reader.at_end()) {
    const std::optional<WireAvp> avp = next_avp(reader);
    if (!avp) {
      // Where the next one begins is unknown: stop. What is missing may be behind it.
      fail(Problem::Kind::bad_avp_length, {});
      undo_swapped_result_code();
      return;
    }
    if (!is_first)
      read_avp(*avp);
    else if (!read_message_type(*avp))
      return;
    is_first = false;
  }
  undo_swapped_result_code();
  take_ciscos();
  check_ids();
  check_required();
}

}  // namespace

ControlMessage decode_control(const V3Header& header, const DecodeOptions& options) {
  assert(header.is_control);
  ControlMessage message;
  message.version = 3;
  message.tunnel_id = header.connection_id;
  message.ns = header.ns;
  message.nr = header.nr;
  message.is_zlb = header.payload.empty();
  if (!message.is_zlb) Decoder(options, message).run(header.payload);
  if (message.type == MessageType::ack) message.is_zlb = true;
  return message;
}

ControlMessage decode_control(const Header& header, const DecodeOptions& options) {
  assert(header.is_control);
  ControlMessage message;
  message.tunnel_id = header.tunnel_id;
  message.session_id = header.session_id;
  message.ns = header.ns;
  message.nr = header.nr;
  message.is_zlb = header.payload.empty();
  if (!message.is_zlb) Decoder(options, message).run(header.payload);
  return message;
}

Result<ControlMessage, HeaderError> decode_control(ByteView datagram,
                                                   const DecodeOptions& options) {
  if (version_of(datagram) == 3) {
    const auto header = decode_v3_header(datagram);
    if (!header) return Unexpected(header.error());
    if (!header->is_control) return Unexpected(HeaderError::not_control);
    return decode_control(*header, options);
  }
  const auto header = decode_header(datagram);
  if (!header) return Unexpected(header.error());
  if (!header->is_control) return Unexpected(HeaderError::not_control);
  return decode_control(*header, options);
}

}  // namespace l2tpm::wire
