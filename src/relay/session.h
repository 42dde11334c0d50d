// One session's frames from line to LAN and back. Belongs to the thread that serves it; only the
// counters are anybody's. Borrows its descriptors.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "relay/batch.h"
#include "relay/bridged_pdu.h"
#include "relay/counters.h"
#include "relay/limits.h"
#include "relay/multilink.h"

namespace l2tpm::relay {

struct Limits {  // 0: none
  std::uint32_t stations = 0;
  // Each way by itself. Bridge control frames (01-80-C2-00-00-0x) are not counted: without them a
  // loop would stay.
  std::uint32_t broadcast_per_second = 0;
  std::uint32_t multicast_per_second = 0;
};

struct Settings {
  // The largest information field the peer receives: two octets of bridging header and the frame.
  std::uint32_t peer_mru = 1500;
  // Above it frames travel in fragments, if the peer has an MRRU and they fit it. 0: it has none.
  std::uint32_t peer_mrru = 0;
  // What we offered; 0: fragments are refused.
  std::uint32_t local_mrru = 0;
  bool send_short_sequence = false;     // the peer asked for short headers (LCP option 18)
  bool receive_short_sequence = false;  // we did
  bool send_tagged = true;              // the peer takes IEEE 802 tags (BCP option 8)
  bool send_bpdus = true;               // and what bridges tell each other (option 9)
  Limits limits = {};
};

struct Descriptors {
  // A connected, unbound PPPoX socket (or anything that has PPP frames as messages), or a unit of
  // /dev/ppp. With a unit multilink is the kernel's business: the frames come whole, and peer_mru
  // is what the kernel takes.
  int line = -1;
  FdKind line_kind = FdKind::socket;
  // TAP without packet information and offloads, or an AF_PACKET socket of open_packet_lan().
  int lan = -1;
  FdKind lan_kind = FdKind::file;
  // A SOCK_SEQPACKET socket to whoever negotiates: every frame that is neither bridged nor a
  // fragment comes out of it, protocol field of two octets first, and what is written there goes to
  // the line as it is. -1: such frames are dropped.
  int control = -1;
};

class Session {
 public:
  Session(const Descriptors& descriptors, const Settings& settings);

  // One batch each way. 0: something was there, or nothing is; else why the descriptor yields
  // nothing: errno, or EPIPE for the end of a file.
  int forward_line(InBatch& in, OutBatch& out, TimePoint now);
  int forward_lan(InBatch& in, OutBatch& out, TimePoint now);
  int forward_control(InBatch& in, OutBatch& out);

  const Descriptors& descriptors() const { return descriptors_; }
  const LiveCounters& counters() const { return counters_; }

 private:
  void from_line(InBatch::Frame& frame, bool inside_multilink, OutBatch& out, TimePoint now);
  void bridge_to_lan(const InBatch::Frame& frame, std::size_t header, OutBatch& out, TimePoint now);
  void pass_control(const InBatch::Frame& frame, std::size_t header, std::uint16_t protocol);
  void bridge_to_line(InBatch::Frame& frame, OutBatch& out, TimePoint now);
  void send_fragments(ByteView frame, OutBatch& out);
  bool admit(const std::uint8_t* destination, RateLimit& broadcast, RateLimit& multicast,
             TimePoint now);
  void flush_line(OutBatch& out);
  void flush_lan(OutBatch& out);
  void drop(Counter counter) { counters_.add(counter); }

  const Descriptors descriptors_;
  const Settings settings_;
  Fragmenter fragmenter_;
  bool can_fragment_;
  std::optional<Reassembler> reassembler_;
  StationLimit stations_;
  RateLimit broadcast_in_, multicast_in_, broadcast_out_, multicast_out_;
  LiveCounters counters_;
};

}  // namespace l2tpm::relay
