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

Result<Done, KernelError> ask(const NetlinkMessage& message, std::string_view doing) {
  auto socket = thread_genl();
  if (!socket) return Unexpected(socket.error());
  return (*socket)->request(message, doing);
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

Result<Done, KernelError> create_tunnel(TunnelId local, TunnelId peer, int socket,
                                        std::uint8_t version) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_TUNNEL_CREATE);
  message.put_u32(L2TP_ATTR_CONN_ID, local.value());
  message.put_u32(L2TP_ATTR_PEER_CONN_ID, peer.value());
  message.put_u8(L2TP_ATTR_PROTO_VERSION, version);
  message.put_u16(L2TP_ATTR_ENCAP_TYPE, L2TP_ENCAPTYPE_UDP);
  message.put_u32(L2TP_ATTR_FD, static_cast<std::uint32_t>(socket));
  const std::string doing = fmt::format("creating kernel tunnel {}", local.value());
  return retry_while_busy([&] { return ask(message, doing); });
}

Result<Done, KernelError> delete_tunnel(TunnelId local) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_TUNNEL_DELETE);
  message.put_u32(L2TP_ATTR_CONN_ID, local.value());
  auto asked = ask(message, fmt::format("deleting kernel tunnel {}", local.value()));
  if (!asked && asked.error().error == ENODEV) return Done{};
  return asked;
}

Result<Done, KernelError> create_ethernet_session(TunnelId tunnel, SessionId local, SessionId peer,
                                                  const std::string& name) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_SESSION_CREATE);
  message.put_u32(L2TP_ATTR_CONN_ID, tunnel.value());
  message.put_u32(L2TP_ATTR_SESSION_ID, local.value());
  message.put_u32(L2TP_ATTR_PEER_SESSION_ID, peer.value());
  message.put_u16(L2TP_ATTR_PW_TYPE, L2TP_PWTYPE_ETH);
  message.put_text(L2TP_ATTR_IFNAME, name);
  return ask(message, fmt::format("creating Ethernet session {}", local.value()));
}

Result<Done, KernelError> delete_session(TunnelId tunnel, SessionId local) {
  auto family = l2tp_family();
  if (!family) return Unexpected(family.error());
  NetlinkMessage message = command(*family, L2TP_CMD_SESSION_DELETE);
  message.put_u32(L2TP_ATTR_CONN_ID, tunnel.value());
  message.put_u32(L2TP_ATTR_SESSION_ID, local.value());
  return ask(message, fmt::format("deleting kernel session {}", local.value()));
}

}  // namespace l2tpm::kernel
