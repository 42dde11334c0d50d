// Frames in and out of descriptors, many per system call where the kernel can. The memory is the
// thread's: nothing is allocated per frame.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "relay/multilink.h"

namespace l2tpm::relay {

// How a descriptor is read and written.
enum class FdKind : std::uint8_t {
  socket,  // a frame per message; many per call
  packet,  // an AF_PACKET socket: a socket whose VLAN tags come beside the frame
  file,    // a frame per read() and write(): /dev/ppp, TAP
};

inline constexpr std::size_t kBatch = 32;
// Room in front of each frame for what is put there, and behind it for the largest frame.
inline constexpr std::size_t kHeadroom = 64;
inline constexpr std::size_t kLargestFrame = 10240;

// Up to kBatch frames received.
class InBatch {
 public:
  struct Frame {
    std::uint8_t* data = nullptr;  // kHeadroom octets before it, kLargestFrame behind are ours
    std::size_t size = 0;
    bool unfinished = false;  // truncated, or its checksum is not there yet
  };

  InBatch();
  // 0, or errno: EAGAIN when nothing waits.
  int receive(int fd, FdKind kind);
  std::span<Frame> frames() { return {frames_.data(), count_}; }
  // The descriptor had no more when it was last asked.
  bool drained() const { return count_ < kBatch; }

 private:
  // An odd number of cache lines, so that the frames' headers do not share cache sets.
  static constexpr std::size_t kSlot = kHeadroom + kLargestFrame;
  static_assert(kSlot % 64 == 0 && kSlot / 64 % 2 == 1);
  struct Control {
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(tpacket_auxdata))> octets;
  };

  int receive_messages(int fd, bool auxiliary);
  int receive_files(int fd);
  std::uint8_t* place(std::size_t i) { return memory_.get() + i * kSlot + kHeadroom; }

  std::unique_ptr<std::uint8_t[]> memory_;
  std::array<Frame, kBatch> frames_;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> vectors_{};
  std::array<Control, kBatch> controls_{};
  std::size_t count_ = 0;
};

// Frames to be sent, borrowed until flush().
class OutBatch {
 public:
  static constexpr std::size_t kCapacity = 128;
  struct Sent {
    std::size_t messages = 0;
    std::size_t frames = 0;  // whole ones, by their last fragment
    std::size_t octets = 0;
    std::size_t full = 0;    // messages dropped: no room
    std::size_t failed = 0;  // messages dropped: refused
  };

  OutBatch();
  bool is_full() const { return count_ == kCapacity; }
  bool is_empty() const { return count_ == 0; }
  // REQUIRES: !is_full().
  void add(ByteView frame);
  // A fragment: its header, which is copied, and what follows. Not for files, whose write() takes
  // one piece. REQUIRES: !is_full().
  void add_fragment(ByteView header, ByteView rest, bool last);
  Sent flush(int fd, FdKind kind);

 private:
  struct Message {
    std::array<iovec, 2> pieces;
    std::array<std::uint8_t, kFragmentHeaderSize> header;
    bool last = true;
  };

  void flush_messages(int fd, Sent& sent);
  void flush_files(int fd, Sent& sent);
  void count(std::size_t i, Sent& sent) const;

  std::array<mmsghdr, kCapacity> headers_{};
  std::array<Message, kCapacity> messages_{};
  std::size_t count_ = 0;
};

}  // namespace l2tpm::relay
