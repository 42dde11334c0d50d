#include "bench/udp_batch.h"

#include <array>

namespace l2tpm::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr int kRounds = 8;
constexpr int kBuffer = 8 << 20;

}  // namespace

UdpBatch::UdpBatch(const IpAddress& like)
    : fd_(::socket(like.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   0)) {
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE})
    (void)::setsockopt(fd_.get(), SOL_SOCKET, option, &kBuffer, sizeof kBuffer);
}

void UdpBatch::flush() {
  static std::array<sockaddr_storage, kBatch> addresses;
  std::size_t sent = 0;
  while (sent < waiting_.size()) {
    std::array<mmsghdr, kBatch> messages;
    std::array<iovec, kBatch> parts;
    std::size_t count = 0;
    for (; count < kBatch && sent + count < waiting_.size(); ++count) {
      Waiting& waiting = waiting_[sent + count];
      parts[count] = {waiting.datagram.data(), waiting.datagram.size()};
      msghdr& header = messages[count].msg_hdr;
      header = {};
      header.msg_name = &addresses[count];
      header.msg_namelen = waiting.to.to_sockaddr(addresses[count]);
      header.msg_iov = &parts[count];
      header.msg_iovlen = 1;
    }
    const int done = ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), 0);
    if (done <= 0) break;
    sent += static_cast<std::size_t>(done);
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent));
}

bool UdpBatch::receive(const std::function<void(ByteView, const Endpoint& from)>& deliver) {
  // Prepared once; only the lengths of addresses change.
  static std::array<std::array<std::uint8_t, 2048>, kBatch> buffers;
  static std::array<sockaddr_storage, kBatch> addresses;
  static std::array<iovec, kBatch> parts;
  static std::array<mmsghdr, kBatch> messages = [] {
    std::array<mmsghdr, kBatch> prepared{};
    for (std::size_t at = 0; at < kBatch; ++at) {
      parts[at] = {buffers[at].data(), buffers[at].size()};
      prepared[at].msg_hdr.msg_name = &addresses[at];
      prepared[at].msg_hdr.msg_namelen = sizeof addresses[at];
      prepared[at].msg_hdr.msg_iov = &parts[at];
      prepared[at].msg_hdr.msg_iovlen = 1;
    }
    return prepared;
  }();
  for (int round = 0; round < kRounds; ++round) {
    const int count = ::recvmmsg(fd_.get(), messages.data(), kBatch, 0, nullptr);
    if (count <= 0) return false;
    for (std::size_t at = 0; at < static_cast<std::size_t>(count); ++at) {
      messages[at].msg_hdr.msg_namelen = sizeof addresses[at];
      if (const auto from = Endpoint::from_sockaddr(addresses[at]))
        deliver(ByteView(buffers[at]).first(messages[at].msg_len), *from);
    }
    if (static_cast<std::size_t>(count) < kBatch) return false;
  }
  return true;
}

}  // namespace l2tpm::bench
