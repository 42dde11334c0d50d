// Ciphertexts, secrets and vectors of any kind: what is revealed fits what was hidden, what was
// hidden is revealed, and a message full of hidden garbage stays in step. The input is: length of
// the secret, length of the vector, attribute type (2), secret, vector, and the rest is the value.
#include <cstdlib>

#include "wire/control_message.h"
#include "wire/hidden_avp.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target

void require(bool condition) {
  if (!condition) std::abort();
}

void put_avp(ByteWriter& writer, std::uint16_t flags, std::uint16_t type, ByteView value) {
  writer.u16(static_cast<std::uint16_t>(flags | (wire::kAvpHeaderSize + value.size())));
  writer.u16(wire::kIetf);
  writer.u16(type);
  writer.bytes(value);
}

void decode_in_a_message(std::uint16_t type, ByteView hidden, ByteView secret, ByteView vector) {
  constexpr std::uint16_t kMandatory = 0x8000;
  constexpr std::uint16_t kHidden = 0x4000;
  Bytes datagram = wire::encode_zlb(TunnelId(1), 0, 0);
  ByteWriter writer(datagram);
  put_avp(writer, kMandatory, 0, Bytes{0, 6});  // HELLO, which requires nothing more
  if (!vector.empty()) put_avp(writer, kMandatory, 36, vector);
  put_avp(writer, kHidden, type, hidden);
  put_avp(writer, 0, 8, Bytes{'e', 'n', 'd'});  // Vendor Name
  writer.patch_u16(2, static_cast<std::uint16_t>(datagram.size()));
  const auto message = wire::decode_control(datagram, {secret});
  require(message.has_value());
  require(message->type == wire::MessageType::hello);
  require(message->vendor_name.has_value());
  if (type != 8) require(message->vendor_name == "end");
  wire::describe(*message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(data, size));
  const std::size_t secret_size = reader.u8();
  const std::size_t vector_size = reader.u8();
  const std::uint16_t type = reader.u16();
  const ByteView secret = reader.take(secret_size);
  const ByteView vector = reader.take(vector_size);
  if (!reader.ok() || reader.remaining() > wire::kMaxAvpValue) return 0;
  const ByteView value = reader.take_rest();

  const auto revealed = wire::reveal(type, value, secret, vector);
  if (revealed) require(revealed->size() + 2 <= value.size());
  const auto hidden = wire::hide(type, value, secret, vector, secret);
  if (hidden) {
    const auto back = wire::reveal(type, *hidden, secret, vector);
    require(back.has_value());
    require(*back == Bytes(value.begin(), value.end()));
  }
  decode_in_a_message(type, value, secret, vector);
  if (hidden) decode_in_a_message(type, *hidden, secret, vector);
  return 0;
}
