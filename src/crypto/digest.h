// The hashes that L2TP and PPP authentication are made of, over the concatenation of their parts.
// MD4 (RFC 1320) and MD5 (RFC 1321) are broken as hashes; the protocols leave no choice.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"

namespace l2tpm::crypto {

using Md4Digest = std::array<std::uint8_t, 16>;
using Md5Digest = std::array<std::uint8_t, 16>;
using Sha1Digest = std::array<std::uint8_t, 20>;

// md5({id, secret, challenge}): the digest of the parts one after another. The hash state is wiped.
Md4Digest md4(std::initializer_list<ByteView> parts);
Md5Digest md5(std::initializer_list<ByteView> parts);
Sha1Digest sha1(std::initializer_list<ByteView> parts);

// RFC 2104.
Md5Digest hmac_md5(ByteView key, std::initializer_list<ByteView> parts);
Sha1Digest hmac_sha1(ByteView key, std::initializer_list<ByteView> parts);

}  // namespace l2tpm::crypto
