// Any bytes as a PPP frame from the line: what is taken for an Ethernet frame lies inside it.
#include <cstdint>
#include <cstring>
#include <memory>

#include "relay/bridged_pdu.h"
#include "relay/ppp_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  using namespace l2tpm::relay;
  const auto bytes = std::make_unique<std::uint8_t[]>(size);
  if (size != 0) std::memcpy(bytes.get(), data, size);
  const ByteView frame(bytes.get(), size);

  const auto header = read_ppp_header(frame);
  if (!header) return 0;
  if (header->size() > size) __builtin_trap();
  const BridgedFrame bridged = read_bridged(frame.subspan(header->size()));
  if (bridged.problem != BridgedProblem::none) return 0;
  std::uint32_t sum = 0;
  for (const std::uint8_t octet : bridged.lan) sum += octet;
  if (bridged.lan.size() < kEthernetHeader || bridged.lan.size() > size) __builtin_trap();
  if (bridged.inflate && bridged.lan.size() >= kEthernetMinimum) __builtin_trap();
  return sum == 0xffffffff;
}
