#include <cassert>
#include <utility>

#include "wire/avp_rules.h"
#include "wire/control_digest.h"
#include "wire/control_message.h"
#include "wire/hidden_avp.h"

namespace l2tpm::wire {
namespace {

constexpr std::uint16_t kMandatory = 0x8000;
constexpr std::uint16_t kHidden = 0x4000;
// What fits a UDP datagram over IPv4 without options.
constexpr std::size_t kMaxMessage = 65507;
// Hidden values are padded to a multiple of this, so that most lengths look alike.
constexpr std::size_t kPaddedTo = 16;

// The first `count` of endless repetitions of `pattern`, from `start` on.
Bytes repeat(ByteView pattern, std::size_t start, std::size_t count) {
  Bytes out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = pattern[(start + i) % pattern.size()];
  return out;
}

class Encoder {
 public:
  Encoder(const ControlMessage& message, const EncodeOptions& options)
      : message_(message), options_(options) {}

  Bytes run();

 private:
  void emit(AvpKey key, bool mandatory, bool hide_it, ByteView value);
  void emit_plain(AvpKey key, std::uint16_t flags, ByteView value);
  void emit_digests();
  Bytes padding_for(ByteView value);
  bool hides() const;

  const ControlMessage& message_;
  const EncodeOptions& options_;
  Bytes out_;
  std::size_t padding_used_ = 0;
  bool random_vector_sent_ = false;
};

// RFC 2661 §4.3 wants a secret on both sides, which the receiver of an SCCRQ has not chosen yet; a
// StopCCN may be the answer to one.
bool Encoder::hides() const {
  if (options_.secret.empty() || options_.random_vector.empty()) return false;
  if (message_.type == MessageType::sccrp) return options_.hide_in_sccrp;
  return message_.type != MessageType::sccrq && message_.type != MessageType::stopccn;
}

void Encoder::emit_plain(AvpKey key, std::uint16_t flags, ByteView value) {
  if (value.size() > kMaxAvpValue) return;
  if (out_.size() + kAvpHeaderSize + value.size() > kMaxMessage) return;
  ByteWriter writer(out_);
  writer.u16(static_cast<std::uint16_t>(flags | (kAvpHeaderSize + value.size())));
  writer.u16(key.vendor);
  writer.u16(key.type);
  writer.bytes(value);
}

Bytes Encoder::padding_for(ByteView value) {
  if (options_.padding.empty()) return {};
  const std::size_t used = (value.size() + 2) % kPaddedTo;
  const std::size_t count = used == 0 ? 0 : kPaddedTo - used;
  Bytes padding = repeat(options_.padding, padding_used_, count);
  padding_used_ += count;
  return padding;
}

void Encoder::emit(AvpKey key, bool mandatory, bool hide_it, ByteView value) {
  const std::uint16_t flags = mandatory ? kMandatory : std::uint16_t{0};
  if (!hide_it) {
    emit_plain(key, flags, value);
    return;
  }
  auto hidden = hide(key.type, value, options_.secret, options_.random_vector, padding_for(value));
  if (!hidden) hidden = hide(key.type, value, options_.secret, options_.random_vector, {});
  if (!hidden) return;  // too long to hide, and in clear is not what was asked for
  if (!std::exchange(random_vector_sent_, true))
    emit_plain(ietf(AvpType::random_vector), kMandatory, options_.random_vector);
  emit_plain(key, flags | kHidden, *hidden);
}

// RFC 3931 §5.4.1: directly after Message Type, filled with zeros for now.
void Encoder::emit_digests() {
  for (const DigestType type : options_.digests) {
    Bytes value(1 + digest_size(type));
    value[0] = static_cast<std::uint8_t>(type);
    emit_plain(ietf(AvpType::message_digest), message_.version == 3 ? kMandatory : std::uint16_t{0},
               value);
  }
}

Bytes Encoder::run() {
  const bool is_v3 = message_.version == 3;
  out_ = is_v3 ? encode_v3_zlb(message_.tunnel_id, message_.ns, message_.nr)
               : encode_zlb(message_.tunnel_id, message_.ns, message_.nr);
  const MessageRule* const rule = find_rule(message_.type, message_.version);
  if (rule == nullptr) return std::move(out_);

  assert(options_.secret.empty() || !options_.random_vector.empty());
  ByteWriter writer(out_);
  if (!is_v3) writer.patch_u16(6, static_cast<std::uint16_t>(message_.session_id.value()));

  Bytes value;
  ByteWriter(value).u16(static_cast<std::uint16_t>(message_.type));
  emit(ietf(AvpType::message_type), true, false, value);
  emit_digests();
  for (const AvpRule& avp : avp_rules(message_.version)) {
    if (!rule->required.contains(avp.key) && !rule->optional.contains(avp.key)) continue;
    value.clear();
    if (!write_field(avp, message_, value)) continue;
    if (value.size() < avp.min_size || value.size() > avp.max_size) continue;
    emit(avp.key, avp.mandatory, avp.may_hide && hides(), value);
  }
  for (const RawAvp& avp : message_.others) {
    const AvpRule* const known = find_rule(avp.key, message_.version);
    const bool has_field =
        known != nullptr && !std::holds_alternative<std::monostate>(known->field);
    const bool is_framing = avp.key == ietf(AvpType::message_type) ||
                            avp.key == ietf(AvpType::random_vector) ||
                            avp.key == ietf(AvpType::message_digest);
    // What has a field is sent from there, and what could not be read is not passed on.
    if (has_field || is_framing || !avp.revealed) continue;
    emit(avp.key, avp.mandatory, avp.hidden && hides(), avp.value);
  }
  writer.patch_u16(2, static_cast<std::uint16_t>(out_.size()));
  return std::move(out_);
}

}  // namespace

Bytes encode(const ControlMessage& message, const EncodeOptions& options) {
  return Encoder(message, options).run();
}

}  // namespace l2tpm::wire
