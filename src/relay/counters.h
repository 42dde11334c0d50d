// What a session's relay did, frame by frame. Written by the relay's thread, read by anyone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace l2tpm::relay {

enum class Counter : std::uint8_t {
  lan_in_frames,  // taken from the LAN
  lan_in_octets,
  line_out_frames,  // given to the line, whole or in fragments
  line_out_octets,
  line_in_frames,  // bridged frames from the line
  line_in_octets,
  lan_out_frames,  // given to the LAN
  lan_out_octets,
  fragments_in,
  fragments_out,
  reassembled,
  inflated,     // tinygrams filled up
  checksummed,  // had the LAN's checksum, which was taken off
  padded,       // had pads, which were taken off
  stations,     // addresses heard on the line, if they are limited; falls, too
  control_in,   // from the peer to whoever negotiates
  control_out,  // and back
  // Dropped, from the line:
  malformed,             // PPP header, bridged header or fragment
  foreign_mac_type,      // not Ethernet
  lan_id,                // for a community of LANs
  fragments_lost,        // their frame never became whole
  fragments_stale,       // came twice or too late
  unexpected_multilink,  // no MRRU was offered
  too_many_stations,     // the limit of MAC addresses
  control_full,          // nobody reads the control socket
  lan_full,
  lan_failed,  // the kernel refused the frame
  // from the LAN:
  too_big,     // above the peer's MRU, and its MRRU if it has one
  tagged,      // IEEE 802.1Q or 802.1ad tags, which the peer did not agree to
  bpdus,       // to 01-80-C2-00-00-00 to -0F, likewise
  unfinished,  // the kernel left the checksum to a device: offloads are on
  line_full,
  line_failed,
  // either way:
  storm_broadcast,
  storm_multicast,
};
inline constexpr std::size_t kCounterCount = static_cast<std::size_t>(Counter::storm_multicast) + 1;
// As the enumerator, with '-' for '_'.
std::string_view name(Counter counter);

struct Counters {
  std::array<std::uint64_t, kCounterCount> values{};
  // Why a side is not listened to any more; 0: it is.
  int line_error = 0;
  int lan_error = 0;

  std::uint64_t operator[](Counter counter) const {
    return values[static_cast<std::size_t>(counter)];
  }
};

// One writer.
class LiveCounters {
 public:
  void add(Counter counter, std::uint64_t amount = 1) {
    auto& value = values_[static_cast<std::size_t>(counter)];
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(Counter counter, std::uint64_t total) {
    values_[static_cast<std::size_t>(counter)].store(total, std::memory_order_relaxed);
  }
  std::uint64_t operator[](Counter counter) const {
    return values_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCounterCount> values_{};
};

}  // namespace l2tpm::relay
