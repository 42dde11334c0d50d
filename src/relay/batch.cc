#include "relay/batch.h"

#include <net/ethernet.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace l2tpm::relay {
namespace {

constexpr std::size_t kAddresses = 12;
constexpr std::size_t kTag = 4;

// What the kernel keeps beside the frame: a VLAN tag goes back to its place.
void apply(const tpacket_auxdata& beside, InBatch::Frame& frame) {
  if ((beside.tp_status & TP_STATUS_CSUMNOTREADY) != 0) frame.unfinished = true;
  if ((beside.tp_status & TP_STATUS_VLAN_VALID) == 0 || frame.size < kAddresses) return;
  const std::uint16_t protocol = (beside.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0
                                     ? beside.tp_vlan_tpid
                                     : std::uint16_t{ETHERTYPE_VLAN};
  frame.data -= kTag;
  frame.size += kTag;
  std::memmove(frame.data, frame.data + kTag, kAddresses);
  frame.data[kAddresses] = static_cast<std::uint8_t>(protocol >> 8);
  frame.data[kAddresses + 1] = static_cast<std::uint8_t>(protocol);
  frame.data[kAddresses + 2] = static_cast<std::uint8_t>(beside.tp_vlan_tci >> 8);
  frame.data[kAddresses + 3] = static_cast<std::uint8_t>(beside.tp_vlan_tci);
}

// A full queue, whatever the kind of descriptor calls it.
bool means_full(int error) { return error == EAGAIN || error == ENOBUFS || error == ENOMEM; }

}  // namespace

InBatch::InBatch() : memory_(new std::uint8_t[kBatch * kSlot]) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors_[i] = {place(i), kLargestFrame};
    messages_[i].msg_hdr.msg_iov = &vectors_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

int InBatch::receive(int fd, FdKind kind) {
  count_ = 0;
  return kind == FdKind::file ? receive_files(fd) : receive_messages(fd, kind == FdKind::packet);
}

int InBatch::receive_messages(int fd, bool auxiliary) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    messages_[i].msg_hdr.msg_control = auxiliary ? controls_[i].octets.data() : nullptr;
    messages_[i].msg_hdr.msg_controllen = auxiliary ? controls_[i].octets.size() : 0;
  }
  const int got = recvmmsg(fd, messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (got < 0) return errno;
  count_ = static_cast<std::size_t>(got);
  for (std::size_t i = 0; i < count_; ++i) {
    msghdr& message = messages_[i].msg_hdr;
    frames_[i] = {place(i), messages_[i].msg_len, (message.msg_flags & MSG_TRUNC) != 0};
    if (!auxiliary) continue;
    const cmsghdr* head = CMSG_FIRSTHDR(&message);
    if (head == nullptr || head->cmsg_level != SOL_PACKET || head->cmsg_type != PACKET_AUXDATA) {
      continue;
    }
    tpacket_auxdata beside;
    std::memcpy(&beside, CMSG_DATA(head), sizeof beside);
    apply(beside, frames_[i]);
  }
  return 0;
}

int InBatch::receive_files(int fd) {
  for (; count_ < kBatch; ++count_) {
    const ssize_t size = read(fd, place(count_), kLargestFrame);
    if (size < 0) return count_ != 0 ? 0 : errno;
    frames_[count_] = {place(count_), static_cast<std::size_t>(size), false};
    // The end of a file comes again and again.
    if (size == 0) return ++count_, 0;
  }
  return 0;
}

OutBatch::OutBatch() {
  for (std::size_t i = 0; i < kCapacity; ++i) {
    headers_[i].msg_hdr.msg_iov = messages_[i].pieces.data();
  }
}

void OutBatch::add(ByteView frame) {
  assert(!is_full());
  // Sending does not write to it.
  messages_[count_].pieces[0] = {const_cast<std::uint8_t*>(frame.data()), frame.size()};
  messages_[count_].last = true;
  headers_[count_].msg_hdr.msg_iovlen = 1;
  ++count_;
}

void OutBatch::add_fragment(ByteView header, ByteView rest, bool last) {
  assert(!is_full() && header.size() <= kFragmentHeaderSize);
  Message& message = messages_[count_];
  std::memcpy(message.header.data(), header.data(), header.size());
  message.pieces[0] = {message.header.data(), header.size()};
  message.pieces[1] = {const_cast<std::uint8_t*>(rest.data()), rest.size()};
  message.last = last;
  headers_[count_].msg_hdr.msg_iovlen = 2;
  ++count_;
}

OutBatch::Sent OutBatch::flush(int fd, FdKind kind) {
  Sent sent;
  kind == FdKind::file ? flush_files(fd, sent) : flush_messages(fd, sent);
  count_ = 0;
  return sent;
}

void OutBatch::count(std::size_t i, Sent& sent) const {
  ++sent.messages;
  sent.octets += messages_[i].pieces[0].iov_len;
  if (headers_[i].msg_hdr.msg_iovlen == 2) sent.octets += messages_[i].pieces[1].iov_len;
  if (messages_[i].last) ++sent.frames;
}

void OutBatch::flush_messages(int fd, Sent& sent) {
  std::size_t at = 0;
  while (at < count_) {
    const int done = sendmmsg(fd, headers_.data() + at, static_cast<unsigned>(count_ - at),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0) {
      for (int i = 0; i < done; ++i) count(at++, sent);
    } else if (means_full(errno)) {
      sent.full = count_ - at;
      return;
    } else if (errno == EMSGSIZE) {  // this frame's fault
      ++sent.failed;
      ++at;
    } else if (errno != EINTR) {
      sent.failed += count_ - at;
      return;
    }
  }
}

void OutBatch::flush_files(int fd, Sent& sent) {
  for (std::size_t at = 0; at < count_; ++at) {
    assert(headers_[at].msg_hdr.msg_iovlen == 1);
    if (write(fd, messages_[at].pieces[0].iov_base, messages_[at].pieces[0].iov_len) >= 0) {
      count(at, sent);
    } else if (means_full(errno)) {
      sent.full = count_ - at;
      return;
    } else {
      ++sent.failed;
    }
  }
}

}  // namespace l2tpm::relay
