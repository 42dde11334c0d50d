#include "wire/hidden_avp.h"

#include <algorithm>
#include <array>

#include "base/secret.h"
#include "crypto/digest.h"

namespace l2tpm::wire {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kLengthField = 2;

std::array<std::uint8_t, 2> octets(std::uint16_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

// RFC 2661 §4.3: b1 = MD5(AV + S + RV), then bi = MD5(S + c(i-1)).
crypto::Md5Digest first_key(std::uint16_t attribute_type, ByteView secret, ByteView random_vector) {
  return crypto::md5({octets(attribute_type), secret, random_vector});
}

}  // namespace

std::optional<Bytes> reveal(std::uint16_t attribute_type, ByteView hidden, ByteView secret,
                            ByteView random_vector) {
  if (hidden.size() < kLengthField) return std::nullopt;
  Bytes clear(hidden.begin(), hidden.end());
  crypto::Md5Digest key = first_key(attribute_type, secret, random_vector);
  for (std::size_t at = 0; at < clear.size(); at += kBlock) {
    const std::size_t size = std::min(kBlock, clear.size() - at);
    for (std::size_t i = 0; i < size; ++i) clear[at + i] ^= key[i];
    if (at + size < clear.size()) key = crypto::md5({secret, hidden.subspan(at, size)});
  }
  wipe(key);

  // The length came out of a cipher: with a wrong secret it is anything.
  ByteReader reader(clear);
  const ByteView value = reader.take(reader.u16());
  std::optional<Bytes> revealed;
  if (reader.ok()) revealed.emplace(value.begin(), value.end());
  wipe(clear);
  return revealed;
}

std::optional<Bytes> hide(std::uint16_t attribute_type, ByteView value, ByteView secret,
                          ByteView random_vector, ByteView padding) {
  if (value.size() > kMaxAvpValue || padding.size() > kMaxAvpValue ||
      kLengthField + value.size() + padding.size() > kMaxAvpValue)
    return std::nullopt;
  Bytes out;
  out.reserve(kLengthField + value.size() + padding.size());
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(value.size()));
  writer.bytes(value);
  writer.bytes(padding);
  crypto::Md5Digest key = first_key(attribute_type, secret, random_vector);
  for (std::size_t at = 0; at < out.size(); at += kBlock) {
    const std::size_t size = std::min(kBlock, out.size() - at);
    for (std::size_t i = 0; i < size; ++i) out[at + i] ^= key[i];
    if (at + size < out.size()) key = crypto::md5({secret, ByteView(out).subspan(at, size)});
  }
  wipe(key);
  return out;
}

}  // namespace l2tpm::wire
