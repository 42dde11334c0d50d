// The cipher of MS-CHAP (RFC 2433 §A.6, RFC 2759 §8.5). Key schedules are wiped.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace l2tpm::crypto {

using DesBlock = std::array<std::uint8_t, 8>;

// One DES block under a key of 56 bits: seven octets, which are spread over eight with a parity bit
// each.
DesBlock des_ecb_encrypt(std::span<const std::uint8_t, 7> key, const DesBlock& clear);

}  // namespace l2tpm::crypto
