#include "daemon/control_socket.h"

#include <fmt/core.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "kernel/l2tp_ip_socket.h"

namespace l2tpm::daemon {
namespace {

constexpr int kReceiveBuffer = 4 << 20;
constexpr std::uint16_t kL2tpPort = 1701;

// ---- filters ----

constexpr std::uint32_t kL2tp = 8;  // a socket filter sees the UDP header too
constexpr std::uint32_t kPass = 0xffffffff;
constexpr std::uint32_t kDrop = 0;

constexpr sock_filter stmt(unsigned code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
// If any of the bits `k` is set (or, for BPF_JEQ, if equal) skip `yes` instructions, else `no`.
constexpr sock_filter jump(unsigned test, std::uint32_t k, std::uint8_t yes, std::uint8_t no) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), yes, no, k};
}

// A load past the end of the packet makes the kernel return 0, so what is too short is dropped and
// nothing below checks lengths.
constexpr sock_filter kControlOnly[] = {
    stmt(BPF_LD | BPF_B | BPF_ABS, kL2tp),
    jump(BPF_JSET, 0x80, 0, 1),  // T
    stmt(BPF_RET | BPF_K, kPass),
    stmt(BPF_RET | BPF_K, kDrop),
};

// RFC 2661 §3.1: flags(2) [length(2) if L] tunnel(2) session(2) [Ns(2) Nr(2) if S] [offset size(2)
// and padding if O] payload. X is where the payload starts. It is FF 03 or not, then the protocol:
// from 0x8000 on it has two octets, the first of them even (RFC 1661 §2); an odd first octet is a
// compressed protocol below 0x0100, that is network data.
constexpr sock_filter kControlAndPpp[] = {
    /* 0 */ stmt(BPF_LD | BPF_B | BPF_ABS, kL2tp),
    /* 1 */ jump(BPF_JSET, 0x80, 18, 0),  // T: to 20
    /* 2 */ stmt(BPF_LDX | BPF_IMM, kL2tp + 6),
    /* 3 */ jump(BPF_JSET, 0x40, 0, 1),  // L
    /* 4 */ stmt(BPF_LDX | BPF_IMM, kL2tp + 8),
    /* 5 */ jump(BPF_JSET, 0x08, 0, 4),  // S
    /* 6 */ stmt(BPF_MISC | BPF_TXA, 0),
    /* 7 */ stmt(BPF_ALU | BPF_ADD | BPF_K, 4),
    /* 8 */ stmt(BPF_MISC | BPF_TAX, 0),
    /* 9 */ stmt(BPF_LD | BPF_B | BPF_ABS, kL2tp),
    /* 10 */ jump(BPF_JSET, 0x02, 0, 4),  // O
    /* 11 */ stmt(BPF_LD | BPF_H | BPF_IND, 0),
    /* 12 */ stmt(BPF_ALU | BPF_ADD | BPF_K, 2),
    /* 13 */ stmt(BPF_ALU | BPF_ADD | BPF_X, 0),
    /* 14 */ stmt(BPF_MISC | BPF_TAX, 0),
    /* 15 */ stmt(BPF_LD | BPF_H | BPF_IND, 0),
    /* 16 */ jump(BPF_JEQ, 0xff03, 0, 1),
    /* 17 */ stmt(BPF_LD | BPF_H | BPF_IND, 2),
    /* 18 */ jump(BPF_JSET, 0x8000, 0, 2),
    /* 19 */ jump(BPF_JSET, 0x0100, 1, 0),
    /* 20 */ stmt(BPF_RET | BPF_K, kPass),
    /* 21 */ stmt(BPF_RET | BPF_K, kDrop),
};

int attach(int fd, std::span<const sock_filter> program) {
  sock_fprog prog{};
  prog.len = static_cast<unsigned short>(program.size());
  prog.filter = const_cast<sock_filter*>(program.data());  // the kernel only reads it
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog);
}

int apply(int fd, ControlSocket::Filter filter) {
  switch (filter) {
    case ControlSocket::Filter::control_only:
      return attach(fd, kControlOnly);
    case ControlSocket::Filter::control_and_ppp:
      return attach(fd, kControlAndPpp);
    case ControlSocket::Filter::none:
      break;
  }
  int unused = 0;
  const int result = ::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  return result < 0 && errno == ENOENT ? 0 : result;
}

// ---- opening ----

// The pairs of our connected sockets. The kernel lets sockets of one user share a 4-tuple and would
// then deliver to either, so this is where that is prevented unless it is wanted. A descriptor can
// be let go by a worker thread, hence the lock.
class Pairs {
 public:
  bool add(const Endpoint& local, const Endpoint& peer, bool may_share) {
    const std::lock_guard lock(mutex_);
    const std::pair pair(local, peer);
    if (!may_share && pairs_.contains(pair)) return false;
    pairs_.insert(pair);
    return true;
  }
  void remove(const Endpoint& local, const Endpoint& peer) {
    const std::lock_guard lock(mutex_);
    if (const auto found = pairs_.find({local, peer}); found != pairs_.end()) pairs_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::multiset<std::pair<Endpoint, Endpoint>> pairs_;
};

Pairs& pairs() {
  static Pairs instance;
  return instance;
}

Unexpected<SocketError> failed(std::string doing) {
  return Unexpected(SocketError{errno, std::move(doing)});
}

bool set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// With all options and the filter in place before the address is: nothing unwanted gets in first.
Result<UniqueFd, SocketError> open_bound(const Endpoint& local, ControlSocket::Filter filter) {
  const bool v6 = local.address.is_v6();
  UniqueFd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed("open a UDP socket");
  // SO_REUSEADDR instead would let any local user bind the port and receive our SCCRQs; this option
  // admits our own user only.
  if (!set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return failed("set SO_REUSEPORT");
  if (v6 && !set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) return failed("set IPV6_V6ONLY");
  const bool info = v6 ? set(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                       : set(fd.get(), IPPROTO_IP, IP_PKTINFO, 1);
  if (!info) return failed("ask for packet info");
  // A control message larger than the path is fragmented, never refused with EMSGSIZE.
  const bool fragment = v6 ? set(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)
                           : set(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  if (!fragment) return failed("clear DF");
  // The first needs CAP_NET_ADMIN; without it net.core.rmem_max bounds the second. Either will do.
  if (!set(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer))
    set(fd.get(), SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  if (filter != ControlSocket::Filter::none && apply(fd.get(), filter) < 0)
    return failed("attach the socket filter");

  sockaddr_storage storage{};
  const socklen_t length = local.to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) < 0)
    return failed("bind " + local.to_string());
  return fd;
}

Endpoint bound_to(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) < 0) return {};
  return Endpoint::from_sockaddr(storage).value_or(Endpoint{});
}

// The address a datagram was sent to.
std::optional<IpAddress> destination(const msghdr& message) {
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return IpAddress::v4(ntohl(info.ipi_spec_dst.s_addr));
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      std::array<std::uint8_t, 16> octets{};
      std::memcpy(octets.data(), &info.ipi6_addr, octets.size());
      return IpAddress::v6(octets);
    }
  }
  return std::nullopt;
}

std::string doing(const kernel::KernelError& error) {
  return error.detail.empty() ? error.doing : error.doing + " (" + error.detail + ")";
}

constexpr std::size_t kControlSpace = 128;

}  // namespace

std::string SocketError::to_string() const {
  return fmt::format("{}: {}", doing, std::strerror(code));
}

std::string_view name(ControlSocket::Filter filter) {
  switch (filter) {
    case ControlSocket::Filter::control_only:
      return "control-only";
    case ControlSocket::Filter::control_and_ppp:
      return "control-and-ppp";
    case ControlSocket::Filter::none:
      return "none";
  }
  return "?";
}

Result<ControlSocket, SocketError> ControlSocket::listen(const Endpoint& local) {
  auto fd = open_bound(local, Filter::control_only);
  if (!fd) return Unexpected(std::move(fd.error()));
  const Endpoint bound = bound_to(fd->get());
  return ControlSocket(std::make_shared<const UniqueFd>(std::move(*fd)), bound, Endpoint{});
}

Result<ControlSocket, SocketError> ControlSocket::connect(const Endpoint& local,
                                                          const Endpoint& peer, Filter filter,
                                                          bool may_share) {
  const auto attempt = [&](std::uint16_t port) -> Result<ControlSocket, SocketError> {
    Endpoint from = local;
    from.port = port;
    if (from.address.is_unspecified() && peer.address.is_v6()) from.address = IpAddress::v6({});
    auto fd = open_bound(from, filter);
    if (!fd) return Unexpected(std::move(fd.error()));
    sockaddr_storage storage{};
    const socklen_t length = peer.to_sockaddr(storage);
    if (::connect(fd->get(), reinterpret_cast<const sockaddr*>(&storage), length) < 0)
      return failed("connect to " + peer.to_string());
    const Endpoint bound = bound_to(fd->get());
    if (!pairs().add(bound, peer, may_share)) {
      errno = EADDRINUSE;
      return failed("connect " + bound.to_string() + " to " + peer.to_string());
    }
    // Whoever lets go of the descriptor last gives the pair back.
    SharedFd shared(new UniqueFd(std::move(*fd)), [bound, peer](const UniqueFd* last) {
      delete last;
      pairs().remove(bound, peer);
    });
    return ControlSocket(std::move(shared), bound, peer);
  };
  if (local.port != 0) return attempt(local.port);
  auto first = attempt(kL2tpPort);
  if (first || (first.error().code != EADDRINUSE && first.error().code != EACCES)) return first;
  return attempt(0);
}

Result<ControlSocket, SocketError> ControlSocket::listen_ip(const IpAddress& local) {
  return open_ip({local, 0, 0}, TunnelId());
}

Result<ControlSocket, SocketError> ControlSocket::open_ip(const Endpoint& local, TunnelId id) {
  auto fd = kernel::open_l2tp_ip(local, id);
  if (!fd) return Unexpected(SocketError{fd.error().error, doing(fd.error())});
  return ControlSocket(std::make_shared<const UniqueFd>(std::move(*fd)),
                       {local.address, 0, local.scope}, Endpoint{});
}

Result<Done, SocketError> ControlSocket::connect_ip(const Endpoint& peer, TunnelId peer_id) {
  const auto connected = kernel::connect_l2tp_ip(fd(), peer, peer_id);
  if (!connected) return Unexpected(SocketError{connected.error().error, doing(connected.error())});
  peer_ = peer;
  local_.address = bound_to(fd()).address;
  return Done{};
}

Result<Done, SocketError> ControlSocket::set_filter(Filter filter) {
  if (apply(fd(), filter) < 0) return failed("change the socket filter");
  return Done{};
}

Result<Done, SocketError> ControlSocket::set_tos(std::uint8_t tos) {
  const bool done = local_.address.is_v6() ? set(fd(), IPPROTO_IPV6, IPV6_TCLASS, tos)
                                           : set(fd(), IPPROTO_IP, IP_TOS, tos);
  if (!done) return failed("set the type of service");
  return Done{};
}

void ControlSocket::watch_send_errors() {
  if (watches_errors_) return;
  watches_errors_ = local_.address.is_v6() ? set(fd(), IPPROTO_IPV6, IPV6_RECVERR, 1)
                                           : set(fd(), IPPROTO_IP, IP_RECVERR, 1);
}

std::vector<ControlSocket::SendError> ControlSocket::take_send_errors() {
  constexpr int kAtMost = 64;
  std::vector<SendError> errors;
  for (int i = 0; i < kAtMost; ++i) {
    sockaddr_storage storage{};
    std::array<std::uint8_t, 16> octets{};  // of the datagram itself, which nobody needs
    iovec vector{octets.data(), octets.size()};
    alignas(cmsghdr) std::uint8_t control[256];
    msghdr message{};
    message.msg_name = &storage;
    message.msg_namelen = sizeof storage;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(fd(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    const auto to = Endpoint::from_sockaddr(storage);
    for (const cmsghdr* header = CMSG_FIRSTHDR(&message); to && header != nullptr;
         header = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(header))) {
      const bool is_error =
          (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) ||
          (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR);
      if (!is_error) continue;
      sock_extended_err extended{};
      std::memcpy(&extended, CMSG_DATA(header), sizeof extended);
      const auto text = icmp_name(static_cast<int>(extended.ee_errno));
      if (!text.empty()) errors.push_back({*to, std::string(text)});
    }
  }
  return errors;
}

std::string_view icmp_name(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "port-unreachable";
    case EHOSTUNREACH:
      return "host-unreachable";
    case ENETUNREACH:
      return "network-unreachable";
    case EMSGSIZE:
      return "fragmentation-needed";
    case EACCES:
      return "prohibited";
    case ENOPROTOOPT:
      return "protocol-unreachable";
    default:
      return "";
  }
}

bool ControlSocket::read_batch(DatagramBuffer& buffer, std::vector<Datagram>& out) {
  constexpr std::size_t kBatch = DatagramBuffer::kBatch;
  out.clear();
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_storage, kBatch> sources;
  struct alignas(cmsghdr) Control {
    std::uint8_t bytes[kControlSpace];
  };
  std::array<Control, kBatch> controls;
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffer.memory_.data() + i * DatagramBuffer::kLongest, DatagramBuffer::kLongest};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &sources[i];
    header.msg_namelen = sizeof sources[i];
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes;
    header.msg_controllen = kControlSpace;
  }
  int count = -1;
  // An ICMP error of an earlier send comes out first, once each; a peer cannot make more of them
  // than there were sends, but the loop is bounded all the same.
  for (int tries = 0; tries < 8 && count < 0; ++tries) {
    count = ::recvmmsg(fd(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count >= 0) break;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EINTR) continue;
    ++counters_.receive_errors;
    counters_.last_error = errno;
  }
  if (count < 0) return true;

  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const msghdr& header = messages[i].msg_hdr;
    ++counters_.received;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.truncated;
      continue;
    }
    const auto source = Endpoint::from_sockaddr(sources[i]);
    if (!source) continue;
    Datagram datagram;
    datagram.bytes =
        ByteView(buffer.memory_).subspan(i * DatagramBuffer::kLongest, messages[i].msg_len);
    datagram.source = *source;
    datagram.local = local_;
    if (const auto address = destination(header)) datagram.local.address = *address;
    out.push_back(datagram);
  }
  return static_cast<std::size_t>(count) == kBatch;
}

bool ControlSocket::send(ByteView bytes) {
  for (int tries = 0; tries < 3; ++tries) {
    if (::send(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      ++counters_.sent;
      return true;
    }
    // ECONNREFUSED is an earlier datagram's ICMP; this one has not been tried yet.
    if (errno != EINTR && errno != ECONNREFUSED) break;
  }
  counters_.last_error = errno;
  ++(errno == EAGAIN || errno == ENOBUFS ? counters_.send_dropped : counters_.send_errors);
  return false;
}

bool ControlSocket::send_to(ByteView bytes, const Endpoint& to, const IpAddress& from) {
  sockaddr_storage storage{};
  iovec vector{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};  // sendmsg only reads
  alignas(cmsghdr) std::uint8_t control[kControlSpace] = {};
  msghdr message{};
  message.msg_name = &storage;
  message.msg_namelen = to.to_sockaddr(storage);
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!from.is_unspecified() && from.is_v4() == to.address.is_v4()) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    std::size_t size = 0;
    if (from.is_v4()) {
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr = htonl(from.v4_value());
      size = sizeof info;
      header->cmsg_level = IPPROTO_IP;
      header->cmsg_type = IP_PKTINFO;
      std::memcpy(CMSG_DATA(header), &info, size);
    } else {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, from.octets().data(), from.octets().size());
      info.ipi6_ifindex = to.scope;
      size = sizeof info;
      header->cmsg_level = IPPROTO_IPV6;
      header->cmsg_type = IPV6_PKTINFO;
      std::memcpy(CMSG_DATA(header), &info, size);
    }
    header->cmsg_len = CMSG_LEN(size);
    message.msg_controllen = CMSG_SPACE(size);
  }
  for (int tries = 0; tries < 3; ++tries) {
    if (::sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      ++counters_.sent;
      return true;
    }
    // A watched socket says at the next send what ICMP said about an earlier one.
    if (errno != EINTR && !(watches_errors_ && !icmp_name(errno).empty())) break;
  }
  counters_.last_error = errno;
  ++(errno == EAGAIN || errno == ENOBUFS ? counters_.send_dropped : counters_.send_errors);
  return false;
}

}  // namespace l2tpm::daemon
