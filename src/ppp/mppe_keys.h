// Start keys of MPPE (RFC 3079) from what MS-CHAP leaves behind. The kernel takes the start key of
// each direction and derives the session keys itself (RFC 3078 §7), so no session key exists here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/secret.h"

namespace l2tpm::ppp {

enum class MppeStrength : std::uint8_t { bits_40, bits_128 };
std::string_view name(MppeStrength strength);  // "40", "128"

enum class MppeDirection : std::uint8_t { receive, transmit };
std::string_view name(MppeDirection direction);

constexpr std::size_t kMppeKeySize = 16;

// The keys of one authenticated link, as seen from our end. Empty: the method gives none.
struct MppeKeys {
  Secret send;     // 16 octets, the 128-bit start key of what we send
  Secret receive;  // 16 octets, the same for what we receive
  // With MS-CHAPv2 the 40-bit start key is the first 8 octets of the above. MS-CHAPv1 takes it from
  // the LAN Manager hash instead (RFC 3079 §2.1): 8 octets, both directions. Empty in v1: no 40
  // bit.
  Secret lan_manager;
  bool is_v1 = false;

  bool empty() const { return send.empty() && lan_manager.empty(); }
  bool has(MppeStrength strength) const;
  // 16 octets for PPPIOCSCOMPRESS; at 40 bit the first 8 count and the rest is zero. Empty if
  // !has(strength).
  Secret start_key(MppeDirection direction, MppeStrength strength) const;
};

// RFC 3079 §2: MS-CHAPv1. `nt_password_hash_hash` is MD4 of the NT password hash, 16 octets;
// `challenge` has 8 octets; `lm_password_hash` has 16 octets or none when there is none.
MppeKeys mschap_keys(ByteView nt_password_hash_hash, ByteView challenge, ByteView lm_password_hash);

// RFC 3079 §3: MS-CHAPv2. `nt_response` has 24 octets. `is_authenticator`: we are the end that sent
// the Challenge ("server" in the RFC).
MppeKeys mschapv2_keys(ByteView nt_password_hash_hash, ByteView nt_response, bool is_authenticator);

}  // namespace l2tpm::ppp
