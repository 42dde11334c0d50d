#include "kernel/genl_l2tp.h"

#include <fmt/core.h>
#include <linux/genetlink.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "kernel/linux_l2tp.h"
#include "kernel/netlink.h"
#include "kernel/retry.h"

namespace l2tpm::kernel {

namespace {

constexpr std::string_view kMissing =
    "the kernel module l2tp_netlink is not there; on RHEL and Fedora it is in kernel-modules-extra";

NetlinkMessage command(std::uint16_t family, std::uint8_t number) {
  NetlinkMessage message(family, 0);
  genlmsghdr header{};
  header.cmd = number;
  header.version = L2TP_GENL_VERSION;
  message.append(header);
  return message;
}

Result<Done, KernelError> ask(const NetlinkMessage& message, std::string_view doing,
                              const NetlinkSocket::Visitor& visit = nullptr) {
  auto socket = thread_genl();
  if (!socket) return Unexpected(socket.error());
  return (*socket)->request(message, doing, visit);
}

Result<Done, KernelError> gone_is_fine(Result<Done, KernelError> asked) {
  if (!asked && asked.error().error == ENODEV) return Done{};
  return asked;
}

void put_ends(NetlinkMessage& message, const TunnelRequest& request) {
  const bool ipv6 = request.local_end.address.is_v6();
  message.put_address(ipv6 ? L2TP_ATTR_IP6_SADDR : L2TP_ATTR_IP_SADDR, request.local_end.address);
  message.put_address(ipv6 ? L2TP_ATTR_IP6_DADDR : L2TP_ATTR_IP_DADDR, request.peer_end.address);
  if (request.encapsulation != Encapsulation::udp) return;
  message.put_u16(L2TP_ATTR_UDP_SPORT, request.local_end.port);
  message.put_u16(L2TP_ATTR_UDP_DPORT, request.peer_end.port);
  // Flags: there or not; the kernel reads UDP_CSUM as one, whatever its value.
  if (request.udp_checksum && !ipv6) message.put_u8(L2TP_ATTR_UDP_CSUM, 1);
  if (!request.udp_checksum && ipv6) {
    message.put(L2TP_ATTR_UDP_ZERO_CSUM6_TX, nullptr, 0);
    message.put(L2TP_ATTR_UDP_ZERO_CSUM6_RX, nullptr, 0);
  }
}

using Attributes = nlattr * [L2TP_ATTR_MAX + 1];

bool parse(nlmsghdr* header, Attributes& attributes) {
  return nlmsg_parse(header, GENL_HDRLEN, attributes, L2TP_ATTR_MAX, nullptr) == 0;
}

std::uint32_t number(const nlattr* attribute) {
  if (attribute == nullptr) return 0;
  switch (nla_len(attribute)) {
    case 1:
      return nla_get_u8(attribute);
    case 2:
      return nla_get_u16(attribute);
    default:
      return attribute_u32(attribute);
  }
}

std::uint64_t number64(const nlattr* attribute) {
  std::uint64_t value = 0;
  if (attribute != nullptr && nla_len(attribute) >= static_cast<int>(sizeof value))
    std::memcpy(&value, nla_data(attribute), sizeof value);
  return value;
}

Bytes octets(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  const auto* data = static_cast<const std::uint8_t*>(nla_data(attribute));
  return {data, data + nla_len(attribute)};
}

std::optional<TunnelState> decode_tunnel(nlmsghdr* header) {
  Attributes attributes;
  if (!parse(header, attributes)) return std::nullopt;
  TunnelState state;
  TunnelRequest& is = state.is;
  is.local = TunnelId(number(attributes[L2TP_ATTR_CONN_ID]));
  is.peer = TunnelId(number(attributes[L2TP_ATTR_PEER_CONN_ID]));
  is.version = static_cast<std::uint8_t>(number(attributes[L2TP_ATTR_PROTO_VERSION]));
  is.encapsulation = number(attributes[L2TP_ATTR_ENCAP_TYPE]) == L2TP_ENCAPTYPE_IP
                         ? Encapsulation::ip
                         : Encapsulation::udp;
  const bool ipv6 = attributes[L2TP_ATTR_IP6_SADDR] != nullptr;
  is.local_end.address =
      attribute_address(attributes[ipv6 ? L2TP_ATTR_IP6_SADDR : L2TP_ATTR_IP_SADDR])
          .value_or(IpAddress());
  is.peer_end.address =
      attribute_address(attributes[ipv6 ? L2TP_ATTR_IP6_DADDR : L2TP_ATTR_IP_DADDR])
          .value_or(IpAddress());
  is.local_end.port = static_cast<std::uint16_t>(number(attributes[L2TP_ATTR_UDP_SPORT]));
  is.peer_end.port = static_cast<std::uint16_t>(number(attributes[L2TP_ATTR_UDP_DPORT]));
  if (is.encapsulation == Encapsulation::udp)
    is.udp_checksum = ipv6 ? attributes[L2TP_ATTR_UDP_ZERO_CSUM6_TX] == nullptr
                           : number(attributes[L2TP_ATTR_UDP_CSUM]) != 0;
  return state;
}

std::optional<SessionState> decode_session(nlmsghdr* header) {
  Attributes attributes;
  if (!parse(header, attributes)) return std::nullopt;
  SessionState state;
  SessionRequest& is = state.is;
  is.key = {TunnelId(number(attributes[L2TP_ATTR_CONN_ID])),
            SessionId(number(attributes[L2TP_ATTR_SESSION_ID]))};
  is.peer_session = SessionId(number(attributes[L2TP_ATTR_PEER_SESSION_ID]));
  is.ppp = number(attributes[L2TP_ATTR_PW_TYPE]) == L2TP_PWTYPE_PPP;
  is.framing.send_cookie = octets(attributes[L2TP_ATTR_COOKIE]);
  is.framing.receive_cookie = octets(attributes[L2TP_ATTR_PEER_COOKIE]);
  is.send_sequence = number(attributes[L2TP_ATTR_SEND_SEQ]) != 0;
  is.require_sequence = number(attributes[L2TP_ATTR_RECV_SEQ]) != 0;
  is.reorder_timeout = std::chrono::milliseconds(number64(attributes[L2TP_ATTR_RECV_TIMEOUT]));
  if (nlattr* const name = attributes[L2TP_ATTR_IFNAME])
    is.name.assign(nla_get_string(name),
                   strnlen(nla_get_string(name), static_cast<std::size_t>(nla_len(name))));
  nlattr* statistics[L2TP_ATTR_STATS_MAX + 1];
  if (nlattr* const nest = attributes[L2TP_ATTR_STATS];
      nest != nullptr && nla_parse_nested(statistics, L2TP_ATTR_STATS_MAX, nest, nullptr) == 0) {
    state.rx_packets = number64(statistics[L2TP_ATTR_RX_PACKETS]);
    state.tx_packets = number64(statistics[L2TP_ATTR_TX_PACKETS]);
    state.rx_bytes = number64(statistics[L2TP_ATTR_RX_BYTES]);
    state.tx_bytes = number64(statistics[L2TP_ATTR_TX_BYTES]);
    state.rx_errors = number64(statistics[L2TP_ATTR_RX_ERRORS]);
    state.tx_errors = number64(statistics[L2TP_ATTR_TX_ERRORS]);
  }
  return state;
}

}  // namespace

Result<std::uint16_t, KernelError> l2tp_family() {
  // The number stays as long as the module; a failed request forgets nothing, since our own open
  // sockets keep the module.
  static std::atomic<std::uint16_t> known{0};
  if (const std::uint16_t family = known.load(); family != 0) return family;
  auto socket = thread_genl();
  if (!socket) return Unexpected(socket.error());
  NetlinkMessage message = command(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
  message.put_text(CTRL_ATTR_FAMILY_NAME, L2TP_GENL_NAME);
  std::uint16_t family = 0;
  auto asked = (*socket)->request(
      message, "looking for the kernel's l2tp family", [&family](nlmsghdr* header) {
        nlattr* attributes[CTRL_ATTR_MAX + 1];
        if (nlmsg_parse(header, GENL_HDRLEN, attributes, CTRL_ATTR_MAX, nullptr) != 0) return;
        if (const nlattr* id = attributes[CTRL_ATTR_FAMILY_ID]) family = nla_get_u16(id);
      });
  if (!asked) {
    if (asked.error().error == ENOENT) asked.error().detail = kMissing;
    return Unexpected(asked.error());
  }
  if (family == 0)
    return Unexpected(KernelError{ENOENT, "looking for the kernel's l2tp family", {}});
  known.store(family);
  return family;
}

Result<Done, KernelError> create_tunnel(const TunnelRequest& request) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_TUNNEL_CREATE);
  message.put_u32(L2TP_ATTR_CONN_ID, request.local.value());
  message.put_u32(L2TP_ATTR_PEER_CONN_ID, request.peer.value());
  message.put_u8(L2TP_ATTR_PROTO_VERSION, request.version);
  const bool udp = request.encapsulation == Encapsulation::udp;
  message.put_u16(L2TP_ATTR_ENCAP_TYPE, udp ? L2TP_ENCAPTYPE_UDP : L2TP_ENCAPTYPE_IP);
  if (request.socket >= 0)
    message.put_u32(L2TP_ATTR_FD, static_cast<std::uint32_t>(request.socket));
  else
    put_ends(message, request);
  const std::string doing = fmt::format("creating kernel tunnel {}", request.local.value());
  return retry_while_busy([&] { return ask(message, doing); });
}

Result<Done, KernelError> delete_tunnel(TunnelId local) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_TUNNEL_DELETE);
  message.put_u32(L2TP_ATTR_CONN_ID, local.value());
  return gone_is_fine(ask(message, fmt::format("deleting kernel tunnel {}", local.value())));
}

Result<Done, KernelError> create_session(const SessionRequest& request) {
  const std::string doing = fmt::format("creating kernel session {}/{}", request.key.tunnel.value(),
                                        request.key.session.value());
  const SessionFraming& framing = request.framing;
  for (const Bytes* cookie : {&framing.send_cookie, &framing.receive_cookie})
    if (cookie->size() != 0 && cookie->size() != 4 && cookie->size() != 8)
      return Unexpected(KernelError{EINVAL, doing, "a cookie has 0, 4 or 8 octets"});
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_SESSION_CREATE);
  message.put_u32(L2TP_ATTR_CONN_ID, request.key.tunnel.value());
  message.put_u32(L2TP_ATTR_SESSION_ID, request.key.session.value());
  message.put_u32(L2TP_ATTR_PEER_SESSION_ID, request.peer_session.value());
  message.put_u16(L2TP_ATTR_PW_TYPE, request.ppp ? L2TP_PWTYPE_PPP : L2TP_PWTYPE_ETH);
  // Always said: the kernel's own default is the sublayer.
  message.put_u8(L2TP_ATTR_L2SPEC_TYPE,
                 framing.sublayer ? L2TP_L2SPECTYPE_DEFAULT : L2TP_L2SPECTYPE_NONE);
  if (!framing.send_cookie.empty())
    message.put(L2TP_ATTR_COOKIE, framing.send_cookie.data(), framing.send_cookie.size());
  if (!framing.receive_cookie.empty())
    message.put(L2TP_ATTR_PEER_COOKIE, framing.receive_cookie.data(),
                framing.receive_cookie.size());
  if (request.send_sequence) message.put_u8(L2TP_ATTR_SEND_SEQ, 1);
  if (request.require_sequence) message.put_u8(L2TP_ATTR_RECV_SEQ, 1);
  const auto reorder =
      std::chrono::duration_cast<std::chrono::milliseconds>(request.reorder_timeout).count();
  if (reorder > 0) {
    const auto value = static_cast<std::uint64_t>(reorder);
    message.put(L2TP_ATTR_RECV_TIMEOUT, &value, sizeof value);
  }
  if (!request.name.empty()) message.put_text(L2TP_ATTR_IFNAME, request.name);
  return retry_while_busy([&] { return ask(message, doing); });
}

Result<Done, KernelError> delete_session(SessionKey key) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_SESSION_DELETE);
  message.put_u32(L2TP_ATTR_CONN_ID, key.tunnel.value());
  message.put_u32(L2TP_ATTR_SESSION_ID, key.session.value());
  return gone_is_fine(ask(message, fmt::format("deleting kernel session {}/{}", key.tunnel.value(),
                                               key.session.value())));
}

Result<std::optional<TunnelState>, KernelError> get_tunnel(TunnelId local) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_TUNNEL_GET);
  message.put_u32(L2TP_ATTR_CONN_ID, local.value());
  std::optional<TunnelState> state;
  const auto asked = ask(message, fmt::format("reading kernel tunnel {}", local.value()),
                         [&](nlmsghdr* header) { state = decode_tunnel(header); });
  if (!asked && asked.error().error != ENODEV) return Unexpected(asked.error());
  return state;
}

Result<std::optional<SessionState>, KernelError> get_session(SessionKey key) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_SESSION_GET);
  message.put_u32(L2TP_ATTR_CONN_ID, key.tunnel.value());
  message.put_u32(L2TP_ATTR_SESSION_ID, key.session.value());
  std::optional<SessionState> state;
  const auto asked = ask(
      message, fmt::format("reading kernel session {}/{}", key.tunnel.value(), key.session.value()),
      [&](nlmsghdr* header) { state = decode_session(header); });
  if (!asked && asked.error().error != ENODEV) return Unexpected(asked.error());
  return state;
}

}  // namespace l2tpm::kernel
