#include "relay/multilink.h"

#include <algorithm>
#include <cstring>

#include "relay/ppp_frame.h"

namespace l2tpm::relay {
namespace {

constexpr std::uint32_t kLongMask = 0xffffff;
constexpr std::uint32_t kShortMask = 0xfff;
constexpr std::uint8_t kBegin = 0x80;
constexpr std::uint8_t kEnd = 0x40;
constexpr std::size_t kLongHeader = 4;
constexpr std::size_t kShortHeader = 2;

}  // namespace

Fragmenter::Fragmenter(bool short_sequence, std::size_t peer_mru)
    : short_sequence_(short_sequence) {
  const std::size_t header = short_sequence ? kShortHeader : kLongHeader;
  room_ = peer_mru > header ? peer_mru - header : 1;
}

std::size_t Fragmenter::write_header(std::span<std::uint8_t, kFragmentHeaderSize> out, bool begin,
                                     bool end) {
  const std::uint32_t sequence = sequence_;
  sequence_ = (sequence_ + 1) & (short_sequence_ ? kShortMask : kLongMask);
  const auto bits = static_cast<std::uint8_t>((begin ? kBegin : 0) | (end ? kEnd : 0));
  out[0] = kMultilink >> 8;
  out[1] = kMultilink & 0xff;
  if (short_sequence_) {
    out[2] = static_cast<std::uint8_t>(bits | sequence >> 8);
    out[3] = static_cast<std::uint8_t>(sequence);
    return 2 + kShortHeader;
  }
  out[2] = bits;
  out[3] = static_cast<std::uint8_t>(sequence >> 16);
  out[4] = static_cast<std::uint8_t>(sequence >> 8);
  out[5] = static_cast<std::uint8_t>(sequence);
  return 2 + kLongHeader;
}

Reassembler::Reassembler(bool short_sequence, std::size_t mrru)
    : short_sequence_(short_sequence),
      mask_(short_sequence ? kShortMask : kLongMask),
      mrru_(mrru) {}

bool Reassembler::is_held(std::uint32_t sequence, TimePoint now) {
  Slot& found = slot(sequence);
  if (found.state != State::held || found.sequence != sequence) return false;
  if (now - found.arrival <= kLifetime) return true;
  forget(found);
  return false;
}

void Reassembler::forget(Slot& slot) {
  if (slot.state == State::held) ++statistics_.lost;
  slot.state = State::empty;
}

// Makes room for a fragment of this number. False: it is older than anything that is still kept.
bool Reassembler::advance_to(std::uint32_t sequence) {
  const std::uint32_t ahead = (sequence - newest_) & mask_;
  const bool newer = ahead != 0 && ahead <= mask_ / 2;
  if (started_ && !newer) {
    const std::uint32_t behind = (newest_ - sequence) & mask_;
    if (behind < kWindow) {
      stale_in_a_row_ = 0;
      return true;
    }
    // A stray number once moved the window ahead, or the peer began anew: believe what lasts.
    if (++stale_in_a_row_ < kWindow) return false;
  }
  const std::uint32_t steps =
      started_ && newer ? std::min<std::uint32_t>(ahead, kWindow) : std::uint32_t{kWindow};
  for (std::uint32_t i = 0; i < steps; ++i) forget(slot(sequence - i));
  started_ = true;
  newest_ = sequence;
  stale_in_a_row_ = 0;
  return true;
}

std::size_t Reassembler::accept(ByteView fragment, std::span<std::uint8_t> out, TimePoint now) {
  ByteReader reader(fragment);
  Header header;
  const std::uint32_t word = short_sequence_ ? reader.u16() : reader.u32();
  const auto bits = static_cast<std::uint8_t>(word >> (short_sequence_ ? 8 : 24));
  header.begin = (bits & kBegin) != 0;
  header.end = (bits & kEnd) != 0;
  header.sequence = word & mask_;
  const ByteView octets = reader.take_rest();
  if (!reader.ok() || octets.empty() || octets.size() > std::min(largest_frame(), out.size())) {
    ++statistics_.malformed;
    return 0;
  }
  if (!advance_to(header.sequence)) {
    ++statistics_.stale;
    return 0;
  }
  Slot& place = slot(header.sequence);
  if (place.state != State::empty && place.sequence == header.sequence) {
    ++statistics_.stale;
    return 0;
  }
  forget(place);
  place.begin = header.begin;
  place.end = header.end;
  place.sequence = header.sequence;
  place.arrival = now;
  if (header.begin && header.end) {
    place.state = State::done;
    ++statistics_.frames;
    std::memmove(out.data(), octets.data(), octets.size());
    return octets.size();
  }
  place.state = State::held;
  place.octets.assign(octets.begin(), octets.end());
  return join(header.sequence, out, now);
}

// The frame that the fragment `sequence` belongs to, when all of it is there.
std::size_t Reassembler::join(std::uint32_t sequence, std::span<std::uint8_t> out, TimePoint now) {
  std::uint32_t first = sequence;
  std::uint32_t count = 1;
  while (!slot(first).begin) {
    const std::uint32_t before = (first - 1) & mask_;
    // Another frame's end in front of us: ours has no beginning, and is forgotten in its time.
    if (count == kWindow || !is_held(before, now) || slot(before).end) return 0;
    first = before;
    ++count;
  }
  std::uint32_t last = sequence;
  while (!slot(last).end) {
    const std::uint32_t after = (last + 1) & mask_;
    if (count == kWindow || !is_held(after, now) || slot(after).begin) return 0;
    last = after;
    ++count;
  }
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < count; ++i) size += slot(first + i).octets.size();
  const bool fits = size <= std::min(largest_frame(), out.size());
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Slot& part = slot(first + i);
    part.state = State::done;
    if (!fits) continue;
    std::memcpy(out.data() + at, part.octets.data(), part.octets.size());
    at += part.octets.size();
  }
  ++(fits ? statistics_.frames : statistics_.malformed);
  return at;
}

}  // namespace l2tpm::relay
