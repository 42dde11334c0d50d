#include "kernel/netlink.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace l2tpm::kernel {

namespace {

constexpr std::size_t kReceiveBuffer = 64 * 1024;  // the kernel fills at most 32 KiB per message

Unexpected<KernelError> failed(int error, std::string_view doing, std::string detail = {}) {
  return Unexpected(KernelError{error, std::string(doing), std::move(detail)});
}

// The extended acknowledgement's text, which follows the error code (NETLINK_CAP_ACK: and not the
// request).
std::string extack_text(nlmsghdr* header) {
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto* error = static_cast<const nlmsgerr*>(nlmsg_data(header));
  std::size_t skip = sizeof(nlmsgerr);
  if ((header->nlmsg_flags & NLM_F_CAPPED) == 0) skip += error->msg.nlmsg_len - NLMSG_HDRLEN;
  const auto size = static_cast<std::size_t>(nlmsg_datalen(header));
  if (skip >= size) return {};
  auto* attribute = reinterpret_cast<nlattr*>(static_cast<char*>(nlmsg_data(header)) + skip);
  int remaining = static_cast<int>(size - skip);
  for (; nla_ok(attribute, remaining); attribute = nla_next(attribute, &remaining))
    if (nla_type(attribute) == NLMSGERR_ATTR_MSG) {
      const auto length = static_cast<std::size_t>(nla_len(attribute));
      const auto* text = static_cast<const char*>(nla_data(attribute));
      return {text, strnlen(text, length)};
    }
  return {};
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, int flags)
    : message_(nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)), ok_(message_ != nullptr) {}

void NetlinkMessage::put(int attribute, const void* data, std::size_t size) {
  ok_ = ok_ && nla_put(message_.get(), attribute, static_cast<int>(size), data) == 0;
}

void NetlinkMessage::put_text(int attribute, const std::string& value) {
  put(attribute, value.c_str(), value.size() + 1);
}

void NetlinkMessage::put_address(int attribute, const IpAddress& address) {
  put(attribute, address.octets().data(), address.octets().size());
}

nlattr* NetlinkMessage::open(int attribute) {
  nlattr* const nest = ok_ ? nla_nest_start(message_.get(), attribute) : nullptr;
  ok_ = ok_ && nest != nullptr;
  return nest;
}

void NetlinkMessage::close(nlattr* nest) {
  if (nest != nullptr) nla_nest_end_keep_empty(message_.get(), nest);
}

Result<NetlinkSocket, KernelError> NetlinkSocket::open(int protocol) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return failed(errno, "opening a netlink socket");
  const int on = 1;
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK})
    setsockopt(fd.get(), SOL_NETLINK, option, &on, sizeof on);
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    return failed(errno, "binding a netlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<Done, KernelError> NetlinkSocket::send(const NetlinkMessage& message,
                                              std::string_view doing) {
  if (!message.ok()) return failed(ENOBUFS, doing, "the request does not fit");
  nlmsghdr* const header = message.header();
  header->nlmsg_seq = ++sequence_;
  header->nlmsg_pid = 0;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd_.get(), header, header->nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
             sizeof kernel) < 0)
    return failed(errno, doing);
  return Done{};
}

Result<Done, KernelError> NetlinkSocket::receive(std::string_view doing, const Visitor& visit) {
  alignas(nlmsghdr) static thread_local std::array<char, kReceiveBuffer> buffer;
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return failed(errno, doing);
    }
    int remaining = static_cast<int>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, remaining);
         header = nlmsg_next(header, &remaining)) {
      if (header->nlmsg_seq != sequence_) continue;  // left over from a request given up
      if (header->nlmsg_type == NLMSG_ERROR) {
        if (nlmsg_datalen(header) < static_cast<int>(sizeof(nlmsgerr))) return failed(EIO, doing);
        const int error = static_cast<const nlmsgerr*>(nlmsg_data(header))->error;
        if (error == 0) return Done{};
        return failed(-error, doing, extack_text(header));
      }
      if (header->nlmsg_type == NLMSG_DONE) {
        int error = 0;
        if (nlmsg_datalen(header) >= static_cast<int>(sizeof error))
          std::memcpy(&error, nlmsg_data(header), sizeof error);
        if (error < 0) return failed(-error, doing);
        return Done{};
      }
      if (visit) visit(header);
    }
  }
}

Result<Done, KernelError> NetlinkSocket::request(const NetlinkMessage& message,
                                                 std::string_view doing, const Visitor& visit) {
  if (message.ok()) message.header()->nlmsg_flags |= NLM_F_ACK;
  if (auto sent = send(message, doing); !sent) return sent;
  return receive(doing, visit);
}

Result<Done, KernelError> NetlinkSocket::dump(const NetlinkMessage& message, std::string_view doing,
                                              const Visitor& visit) {
  if (message.ok()) message.header()->nlmsg_flags |= NLM_F_DUMP;
  if (auto sent = send(message, doing); !sent) return sent;
  return receive(doing, visit);
}

namespace {

Result<NetlinkSocket*, KernelError> thread_socket(std::optional<NetlinkSocket>& slot,
                                                  int protocol) {
  if (!slot) {
    auto opened = NetlinkSocket::open(protocol);
    if (!opened) return Unexpected(opened.error());
    slot.emplace(std::move(*opened));
  }
  return &*slot;
}

}  // namespace

Result<NetlinkSocket*, KernelError> thread_rtnl() {
  static thread_local std::optional<NetlinkSocket> socket;
  return thread_socket(socket, NETLINK_ROUTE);
}

Result<NetlinkSocket*, KernelError> thread_genl() {
  static thread_local std::optional<NetlinkSocket> socket;
  return thread_socket(socket, NETLINK_GENERIC);
}

std::uint32_t attribute_u32(const nlattr* attribute, std::uint32_t otherwise) {
  std::uint32_t value = otherwise;
  if (attribute != nullptr && nla_len(attribute) >= static_cast<int>(sizeof value))
    std::memcpy(&value, nla_data(attribute), sizeof value);
  return value;
}

std::optional<IpAddress> attribute_address(const nlattr* attribute) {
  if (attribute == nullptr) return std::nullopt;
  const ByteView octets(static_cast<const std::uint8_t*>(nla_data(attribute)),
                        static_cast<std::size_t>(nla_len(attribute)));
  if (octets.size() == 4) return IpAddress::v4(ByteReader(octets).u32());
  if (octets.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> value;
  std::memcpy(value.data(), octets.data(), value.size());
  return IpAddress::v6(value);
}

}  // namespace l2tpm::kernel
