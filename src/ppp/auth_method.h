// The authentication protocols that LCP can agree on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm::ppp {

enum class AuthMethod : std::uint8_t { pap, chap_md5, mschap, mschapv2 };
std::string_view name(AuthMethod method);  // "pap", "chap-md5", "mschap", "mschapv2"

// The value of LCP's option 3: protocol number, for CHAP followed by the algorithm.
Bytes encode_auth_option(AuthMethod method);
// Nothing for protocols and algorithms that we do not speak, and for values too long or too short.
std::optional<AuthMethod> decode_auth_option(ByteView value);

}  // namespace l2tpm::ppp
