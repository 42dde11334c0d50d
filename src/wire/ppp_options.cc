#include "wire/ppp_options.h"

namespace l2tpm::wire {

std::string_view name(LcpOption option) {
  switch (option) {
    case LcpOption::mru:
      return "mru";
    case LcpOption::accm:
      return "accm";
    case LcpOption::authentication_protocol:
      return "auth";
    case LcpOption::quality_protocol:
      return "quality";
    case LcpOption::magic_number:
      return "magic";
    case LcpOption::protocol_field_compression:
      return "pfc";
    case LcpOption::address_control_compression:
      return "acfc";
    case LcpOption::fcs_alternatives:
      return "fcs-alternatives";
    case LcpOption::self_describing_padding:
      return "padding";
    case LcpOption::numbered_mode:
      return "numbered-mode";
    case LcpOption::multilink_procedure:
      return "multilink-procedure";
    case LcpOption::callback:
      return "callback";
    case LcpOption::connect_time:
      return "connect-time";
    case LcpOption::compound_frames:
      return "compound-frames";
    case LcpOption::nominal_data_encapsulation:
      return "nominal-data-encapsulation";
    case LcpOption::mrru:
      return "mrru";
    case LcpOption::short_sequence_numbers:
      return "short-sequence-numbers";
    case LcpOption::endpoint_discriminator:
      return "endpoint";
  }
  return "";
}

std::string_view name(IpcpOption option) {
  switch (option) {
    case IpcpOption::ip_addresses:
      return "addresses";
    case IpcpOption::ip_compression:
      return "compression";
    case IpcpOption::ip_address:
      return "address";
    case IpcpOption::primary_dns:
      return "dns1";
    case IpcpOption::primary_nbns:
      return "nbns1";
    case IpcpOption::secondary_dns:
      return "dns2";
    case IpcpOption::secondary_nbns:
      return "nbns2";
  }
  return "";
}

std::string_view name(Ipv6cpOption option) {
  switch (option) {
    case Ipv6cpOption::interface_identifier:
      return "interface-id";
    case Ipv6cpOption::ipv6_compression:
      return "compression";
  }
  return "";
}

std::string_view name(CcpOption option) {
  switch (option) {
    case CcpOption::bsd_compress:
      return "bsd";
    case CcpOption::mppc_mppe:
      return "mppe";
    case CcpOption::deflate:
      return "deflate";
  }
  return "";
}

std::string_view name(BcpOption option) {
  switch (option) {
    case BcpOption::bridge_identification:
      return "bridge-id";
    case BcpOption::line_identification:
      return "line-id";
    case BcpOption::mac_support:
      return "mac-support";
    case BcpOption::tinygram_compression:
      return "tinygram";
    case BcpOption::lan_identification:
      return "lan-id";
    case BcpOption::mac_address:
      return "mac";
    case BcpOption::spanning_tree:
      return "spanning-tree";
    case BcpOption::tagged_frame:
      return "tagged-frame";
    case BcpOption::management_inline:
      return "management-inline";
    case BcpOption::control_packet_indicator:
      return "control-indicator";
  }
  return {};
}

std::optional<std::uint16_t> option_u16(ByteView value) {
  if (value.size() != 2) return std::nullopt;
  return ByteReader(value).u16();
}

std::optional<std::uint32_t> option_u32(ByteView value) {
  if (value.size() != 4) return std::nullopt;
  return ByteReader(value).u32();
}

std::optional<std::uint64_t> option_u64(ByteView value) {
  if (value.size() != 8) return std::nullopt;
  return ByteReader(value).u64();
}

}  // namespace l2tpm::wire
