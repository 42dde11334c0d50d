// The option numbers of LCP, IPCP, IPV6CP, CCP and BCP, and what goes into the values that we use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::wire {

// RFC 1661 §6, RFC 1570 §2, RFC 1990 §5.1, IANA.
enum class LcpOption : std::uint8_t {
  mru = 1,
  accm = 2,
  authentication_protocol = 3,
  quality_protocol = 4,
  magic_number = 5,
  protocol_field_compression = 7,
  address_control_compression = 8,
  fcs_alternatives = 9,
  self_describing_padding = 10,
  numbered_mode = 11,
  multilink_procedure = 12,
  callback = 13,
  connect_time = 14,
  compound_frames = 15,
  nominal_data_encapsulation = 16,
  mrru = 17,
  short_sequence_numbers = 18,
  endpoint_discriminator = 19,
};

// RFC 1332 §3, RFC 1877 §1.
enum class IpcpOption : std::uint8_t {
  ip_addresses = 1,  // deprecated
  ip_compression = 2,
  ip_address = 3,
  primary_dns = 129,
  primary_nbns = 130,
  secondary_dns = 131,
  secondary_nbns = 132,
};

// RFC 5072 §4, RFC 2472 §4.2.
enum class Ipv6cpOption : std::uint8_t {
  interface_identifier = 1,
  ipv6_compression = 2,
};

// RFC 1962 §4, RFC 2118, RFC 3078.
enum class CcpOption : std::uint8_t {
  bsd_compress = 21,
  mppc_mppe = 18,
  deflate = 26,
};

// RFC 3518 §4; the first five are as old as RFC 1638.
enum class BcpOption : std::uint8_t {
  bridge_identification = 1,
  line_identification = 2,
  mac_support = 3,
  tinygram_compression = 4,
  lan_identification = 5,
  mac_address = 6,
  spanning_tree = 7,
  tagged_frame = 8,
  management_inline = 9,
  control_packet_indicator = 10,
};

std::string_view name(LcpOption option);
std::string_view name(IpcpOption option);
std::string_view name(Ipv6cpOption option);
std::string_view name(CcpOption option);
std::string_view name(BcpOption option);

// Exactly two, four or eight octets in network order; nothing for any other length.
std::optional<std::uint16_t> option_u16(ByteView value);
std::optional<std::uint32_t> option_u32(ByteView value);
std::optional<std::uint64_t> option_u64(ByteView value);

// CHAP algorithms: RFC 1994 §3, RFC 2433, RFC 2759 §3.
inline constexpr std::uint8_t kChapMd5 = 5;
inline constexpr std::uint8_t kMsChapV1 = 0x80;
inline constexpr std::uint8_t kMsChapV2 = 0x81;

}  // namespace l2tpm::wire
