#include "relay/ppp_frame.h"

namespace l2tpm::relay {

std::optional<PppHeader> read_ppp_header(ByteView frame) {
  PppHeader header;
  if (frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03) header.address_size = 2;
  const ByteView rest = frame.subspan(header.address_size);
  if (rest.empty()) return std::nullopt;
  if ((rest[0] & 1) != 0) {
    header.protocol_size = 1;
    header.protocol = rest[0];
    return header;
  }
  if (rest.size() < 2 || (rest[1] & 1) == 0) return std::nullopt;
  header.protocol = static_cast<std::uint16_t>(rest[0] << 8 | rest[1]);
  return header;
}

}  // namespace l2tpm::relay
