#include "relay/bridged_pdu.h"

namespace l2tpm::relay {
namespace {

// The flags octet; the low four bits count the pads. The B bit (0x10) marks bridge control frames,
// which travel like any other.
constexpr std::uint8_t kChecksumPresent = 0x80;
constexpr std::uint8_t kLanIdPresent = 0x40;  // RFC 1638, gone since RFC 2878
constexpr std::uint8_t kTinygram = 0x20;
constexpr std::uint8_t kPads = 0x0f;
constexpr std::uint8_t kMacTypeEthernet = 1;
constexpr std::size_t kChecksumSize = 4;

}  // namespace

BridgedFrame read_bridged(ByteView info) {
  ByteReader reader(info);
  const std::uint8_t flags = reader.u8();
  const std::uint8_t mac_type = reader.u8();
  const std::size_t tail =
      (flags & kPads) + ((flags & kChecksumPresent) != 0 ? kChecksumSize : std::size_t{0});
  if (!reader.ok()) return {.problem = BridgedProblem::malformed};
  if (mac_type != kMacTypeEthernet) return {.problem = BridgedProblem::foreign_mac_type};
  if ((flags & kLanIdPresent) != 0) return {.problem = BridgedProblem::lan_id};
  const ByteView lan = reader.take(reader.remaining() - tail);
  if (!reader.ok() || lan.size() < kEthernetHeader) return {.problem = BridgedProblem::malformed};
  return {.inflate = (flags & kTinygram) != 0 && lan.size() < kEthernetMinimum,
          .had_checksum = (flags & kChecksumPresent) != 0,
          .had_pads = (flags & kPads) != 0,
          .lan = lan};
}

}  // namespace l2tpm::relay
