// The action that every machine of PPP has.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace l2tpm::ppp {

// To the peer: protocol (2 octets) and payload, without FF 03. Control protocols only.
struct SendFrame {
  Bytes frame;
};

}  // namespace l2tpm::ppp
