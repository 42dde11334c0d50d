#include "crypto/cipher.h"

#include <nettle/des.h>

#include <bit>

#include "base/secret.h"

namespace l2tpm::crypto {
namespace {

// RFC 2759 §8.6: "Use the DES encryption algorithm ... Key is 7 octets"; the cipher wants eight,
// each with seven key bits on top and odd parity in its lowest bit.
des_ctx schedule(std::span<const std::uint8_t, 7> key) {
  std::uint64_t bits = 0;
  for (const std::uint8_t octet : key) bits = bits << 8 | octet;
  std::array<std::uint8_t, DES_KEY_SIZE> spread;
  for (unsigned i = 0; i < spread.size(); ++i) {
    const auto seven = static_cast<std::uint8_t>((bits >> (49 - 7 * i)) & 0x7f);
    const bool even = std::popcount(seven) % 2 == 0;
    spread[i] = static_cast<std::uint8_t>(seven << 1 | (even ? 1 : 0));
  }
  des_ctx context;
  // Refuses weak keys but sets them all the same; a password may well lead to one.
  nettle_des_set_key(&context, spread.data());
  wipe(spread);
  return context;
}

void wipe_context(des_ctx& context) {
  wipe({reinterpret_cast<std::uint8_t*>(&context), sizeof(context)});
}

}  // namespace

DesBlock des_ecb_encrypt(std::span<const std::uint8_t, 7> key, const DesBlock& clear) {
  des_ctx context = schedule(key);
  DesBlock out;
  nettle_des_encrypt(&context, out.size(), out.data(), clear.data());
  wipe_context(context);
  return out;
}

}  // namespace l2tpm::crypto
