// RFC 3078 §7 and RFC 3079 §3.4: how a session key comes from a start key. The kernel does this in
// service (ppp_mppe); here it closes the chain from a password to the RFC's sample messages.
#pragma once

#include <nettle/arcfour.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace l2tpm::testing {

// From its initial state, in place.
inline void rc4(ByteView key, Bytes& data) {
  arcfour_ctx context;
  nettle_arcfour_set_key(&context, key.size(), key.data());
  nettle_arcfour_crypt(&context, data.size(), data.data(), data.data());
}

// GetNewKeyFromSHA: `start` and `current` have the key's length, 8 (40 bit) or 16 octets.
inline Bytes key_from_sha(ByteView start, ByteView current) {
  std::array<std::uint8_t, 40> pad1{};
  std::array<std::uint8_t, 40> pad2{};
  pad2.fill(0xf2);
  const auto digest = crypto::sha1({start, pad1, current, pad2});
  return Bytes(digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(start.size()));
}

inline void reduce_to_40_bit(Bytes& key) {
  if (key.size() != 8) return;
  key[0] = 0xd1;
  key[1] = 0x26;
  key[2] = 0x9e;
}

inline Bytes initial_session_key(ByteView start) {
  Bytes key = key_from_sha(start, start);
  reduce_to_40_bit(key);
  return key;
}

// RFC 3078 §7.3: the next key is the interim one enciphered under itself.
inline Bytes next_session_key(ByteView start, ByteView current) {
  Bytes interim = key_from_sha(start, current);
  Bytes key = interim;
  rc4(interim, key);
  reduce_to_40_bit(key);
  return key;
}

}  // namespace l2tpm::testing
