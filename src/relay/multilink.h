// PPP Multilink (RFC 1990) over one link: frames larger than the peer's MRU cut into fragments and
// put together again. The sequence of fragments is one space per bundle, 24 bits or 12.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/clock.h"

namespace l2tpm::relay {

// Protocol field and multilink header, at most.
inline constexpr std::size_t kFragmentHeaderSize = 6;

class Fragmenter {
 public:
  // `peer_mru`: what an information field may have, multilink header included.
  Fragmenter(bool short_sequence, std::size_t peer_mru);

  // Octets of a PPP frame, its protocol field included, that one fragment carries; at least 1.
  std::size_t room() const { return room_; }
  // Writes protocol field and header of the next fragment; how many octets that were.
  std::size_t write_header(std::span<std::uint8_t, kFragmentHeaderSize> out, bool begin, bool end);

 private:
  bool short_sequence_;
  std::size_t room_;
  std::uint32_t sequence_ = 0;
};

// A fragment is kept until the others of its frame are there, until kWindow newer ones came, or
// kLifetime has passed. Frames come out as they become whole: one that lost a fragment holds up
// nobody, and the order of frames is the line's. On one link a gap is a loss (RFC 1990 section 4.1
// with one member), but L2TP reorders, so a late fragment still finds its place.
// Memory: at most kWindow fragments of at most the MRRU.
class Reassembler {
 public:
  static constexpr std::size_t kWindow = 64;
  static constexpr Duration kLifetime = 1s;

  struct Statistics {
    std::uint64_t malformed = 0;  // too short, empty, or a frame above the MRRU
    std::uint64_t stale = 0;      // fragments that came twice or too late
    std::uint64_t lost = 0;       // fragments discarded because their frame never became whole
    std::uint64_t frames = 0;     // put together
  };

  // `mrru`: the largest information field, as we offered it.
  Reassembler(bool short_sequence, std::size_t mrru);

  // `fragment`: the information field of protocol 0x003D. The PPP frame (protocol field first) that
  // it completes is written to `out`, which may overlap `fragment` and has room for largest_frame()
  // octets; 0: none.
  std::size_t accept(ByteView fragment, std::span<std::uint8_t> out, TimePoint now);
  std::size_t largest_frame() const { return mrru_ + kProtocolField; }
  const Statistics& statistics() const { return statistics_; }

 private:
  static constexpr std::size_t kProtocolField = 2;
  enum class State : std::uint8_t { empty, held, done };
  struct Slot {
    State state = State::empty;
    bool begin = false;
    bool end = false;
    std::uint32_t sequence = 0;
    TimePoint arrival;
    Bytes octets;  // keeps its memory
  };
  struct Header {
    bool begin = false;
    bool end = false;
    std::uint32_t sequence = 0;
  };

  Slot& slot(std::uint32_t sequence) { return slots_[sequence % kWindow]; }
  bool is_held(std::uint32_t sequence, TimePoint now);
  bool advance_to(std::uint32_t sequence);
  void forget(Slot& slot);
  std::size_t join(std::uint32_t sequence, std::span<std::uint8_t> out, TimePoint now);

  bool short_sequence_;
  std::uint32_t mask_;
  std::size_t mrru_;
  bool started_ = false;
  std::uint32_t newest_ = 0;
  std::size_t stale_in_a_row_ = 0;
  std::array<Slot, kWindow> slots_;
  Statistics statistics_;
};

}  // namespace l2tpm::relay
