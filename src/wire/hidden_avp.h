// Hiding of AVP values, RFC 2661 §4.3: the value behind its original length, padded, XORed with a
// chain of MD5 digests keyed by attribute type, shared secret and Random Vector.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace l2tpm::wire {

// The largest value of an AVP, hidden or not: its Length has ten bits and counts the header.
inline constexpr std::size_t kAvpHeaderSize = 6;
inline constexpr std::size_t kMaxAvpValue = 1023 - kAvpHeaderSize;

// The value behind `hidden`; nullopt when the deciphered length does not fit, which is what a wrong
// secret looks like (with 1017 octets, one in 64 wrong secrets passes: callers validate the value).
std::optional<Bytes> reveal(std::uint16_t attribute_type, ByteView hidden, ByteView secret,
                            ByteView random_vector);

// The hidden form of `value`, followed inside by `padding`. nullopt when all that exceeds
// kMaxAvpValue.
std::optional<Bytes> hide(std::uint16_t attribute_type, ByteView value, ByteView secret,
                          ByteView random_vector, ByteView padding);

}  // namespace l2tpm::wire
