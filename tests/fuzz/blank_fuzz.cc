// Packets of any kind lose their secrets and nothing else: the size stays, a second time changes
// nothing, and what is not zero is as it was.
#include <cstdlib>

#include "wire/blank.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target

void check(const Bytes& packet, void (*blank)(Bytes&)) {
  Bytes once = packet;
  blank(once);
  if (once.size() != packet.size()) std::abort();
  for (std::size_t i = 0; i < once.size(); ++i) {
    if (once[i] != 0 && once[i] != packet[i]) std::abort();
  }
  Bytes twice = once;
  blank(twice);
  if (twice != once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes packet(data, data + size);
  check(packet, wire::blank_control);
  check(packet, wire::blank_ppp);
  return 0;
}
