#include "relay/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/mac_address.h"
#include "relay/ppp_frame.h"

namespace l2tpm::relay {
namespace {

// A peer with an MRU next to nothing would make many messages of each frame.
constexpr std::size_t kLeastFragment = 64;
constexpr std::uint16_t kTagTypes[] = {0x8100, 0x88a8};

bool is_broadcast(const std::uint8_t* destination) {
  return std::all_of(destination, destination + 6,
                     [](std::uint8_t octet) { return octet == 0xff; });
}

// Never forwarded by bridges, and what keeps their loops open (IEEE 802.1D table 7-10).
bool is_bridge_control(const std::uint8_t* destination) {
  constexpr std::uint8_t kPrefix[] = {0x01, 0x80, 0xc2, 0x00, 0x00};
  return std::memcmp(destination, kPrefix, sizeof kPrefix) == 0 && (destination[5] & 0xf0) == 0;
}

MacAddress source_of(const std::uint8_t* frame) {
  std::array<std::uint8_t, 6> octets;
  std::memcpy(octets.data(), frame + octets.size(), octets.size());
  return MacAddress(octets);
}

}  // namespace

Session::Session(const Descriptors& descriptors, const Settings& settings)
    : descriptors_(descriptors),
      settings_(settings),
      fragmenter_(settings.send_short_sequence, settings.peer_mru),
      can_fragment_(descriptors.line_kind != FdKind::file && fragmenter_.room() >= kLeastFragment),
      stations_(settings.limits.stations),
      broadcast_in_(settings.limits.broadcast_per_second),
      multicast_in_(settings.limits.multicast_per_second),
      broadcast_out_(settings.limits.broadcast_per_second),
      multicast_out_(settings.limits.multicast_per_second) {
  if (settings.local_mrru != 0) {
    constexpr std::size_t kMost = kLargestFrame - 2;
    reassembler_.emplace(settings.receive_short_sequence,
                         std::min<std::size_t>(settings.local_mrru, kMost));
  }
}

bool Session::admit(const std::uint8_t* destination, RateLimit& broadcast, RateLimit& multicast,
                    TimePoint now) {
  if ((destination[0] & 1) == 0) return true;
  if (is_broadcast(destination)) {
    if (broadcast.admit(now)) return true;
    drop(Counter::storm_broadcast);
    return false;
  }
  if (is_bridge_control(destination) || multicast.admit(now)) return true;
  drop(Counter::storm_multicast);
  return false;
}

int Session::forward_line(InBatch& in, OutBatch& out, TimePoint now) {
  if (const int error = in.receive(descriptors_.line, descriptors_.line_kind); error != 0) {
    return error == EAGAIN || error == EINTR ? 0 : error;
  }
  bool heard = false;
  for (InBatch::Frame& frame : in.frames()) {
    heard = heard || frame.size != 0;
    frame.unfinished ? drop(Counter::malformed) : from_line(frame, false, out, now);
  }
  flush_lan(out);
  if (reassembler_) {
    const Reassembler::Statistics& statistics = reassembler_->statistics();
    counters_.set(Counter::reassembled, statistics.frames);
    counters_.set(Counter::fragments_lost, statistics.lost);
    counters_.set(Counter::fragments_stale, statistics.stale);
  }
  return heard ? 0 : EPIPE;
}

void Session::from_line(InBatch::Frame& frame, bool inside_multilink, OutBatch& out,
                        TimePoint now) {
  const auto header = read_ppp_header({frame.data, frame.size});
  if (!header) return drop(Counter::malformed);
  if (header->protocol == kBridgedPdu) return bridge_to_lan(frame, header->size(), out, now);
  if (header->protocol != kMultilink) return pass_control(frame, header->size(), header->protocol);
  if (!reassembler_) return drop(Counter::unexpected_multilink);
  if (inside_multilink) return drop(Counter::malformed);
  counters_.add(Counter::fragments_in);
  const std::uint64_t malformed = reassembler_->statistics().malformed;
  // The frame takes the place of its last fragment, so it has headroom and lives until the flush.
  const std::size_t size = reassembler_->accept(
      ByteView(frame.data, frame.size).subspan(header->size()), {frame.data, kLargestFrame}, now);
  if (reassembler_->statistics().malformed != malformed) drop(Counter::malformed);
  if (size == 0) return;
  frame.size = size;
  from_line(frame, true, out, now);
}

void Session::bridge_to_lan(const InBatch::Frame& frame, std::size_t header, OutBatch& out,
                            TimePoint now) {
  const BridgedFrame bridged = read_bridged(ByteView(frame.data, frame.size).subspan(header));
  switch (bridged.problem) {
    case BridgedProblem::none:
      break;
    case BridgedProblem::malformed:
      return drop(Counter::malformed);
    case BridgedProblem::foreign_mac_type:
      return drop(Counter::foreign_mac_type);
    case BridgedProblem::lan_id:
      return drop(Counter::lan_id);
  }
  counters_.add(Counter::line_in_frames);
  counters_.add(Counter::line_in_octets, bridged.lan.size());
  if (bridged.had_checksum) counters_.add(Counter::checksummed);
  if (bridged.had_pads) counters_.add(Counter::padded);
  if (!admit(bridged.lan.data(), broadcast_in_, multicast_in_, now)) return;
  const bool admitted = stations_.admit(source_of(bridged.lan.data()), now);
  counters_.set(Counter::stations, stations_.known());
  if (!admitted) return drop(Counter::too_many_stations);
  if (!bridged.inflate) return out.add(bridged.lan);
  counters_.add(Counter::inflated);
  std::uint8_t* const start = frame.data + (bridged.lan.data() - frame.data);
  std::fill(start + bridged.lan.size(), start + kEthernetMinimum, std::uint8_t{0});
  out.add({start, kEthernetMinimum});
}

void Session::pass_control(const InBatch::Frame& frame, std::size_t header,
                           std::uint16_t protocol) {
  // The protocol in full, whatever it came as: there is headroom in front.
  std::uint8_t* const start = frame.data + header - 2;
  start[0] = static_cast<std::uint8_t>(protocol >> 8);
  start[1] = static_cast<std::uint8_t>(protocol);
  const std::size_t size = frame.size - header + 2;
  const bool passed = descriptors_.control >= 0 &&
                      send(descriptors_.control, start, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  counters_.add(passed ? Counter::control_in : Counter::control_full);
}

int Session::forward_lan(InBatch& in, OutBatch& out, TimePoint now) {
  if (const int error = in.receive(descriptors_.lan, descriptors_.lan_kind); error != 0) {
    return error == EAGAIN || error == EINTR ? 0 : error;
  }
  bool heard = false;
  for (InBatch::Frame& frame : in.frames()) {
    heard = heard || frame.size != 0;
    bridge_to_line(frame, out, now);
  }
  flush_line(out);
  return heard ? 0 : EPIPE;
}

void Session::bridge_to_line(InBatch::Frame& frame, OutBatch& out, TimePoint now) {
  if (frame.unfinished) return drop(Counter::unfinished);
  if (frame.size < kEthernetHeader) return drop(Counter::malformed);
  counters_.add(Counter::lan_in_frames);
  counters_.add(Counter::lan_in_octets, frame.size);
  const auto type = static_cast<std::uint16_t>(frame.data[12] << 8 | frame.data[13]);
  if (!settings_.send_tagged && (type == kTagTypes[0] || type == kTagTypes[1])) {
    return drop(Counter::tagged);
  }
  if (!settings_.send_bpdus && is_bridge_control(frame.data)) return drop(Counter::bpdus);
  if (!admit(frame.data, broadcast_out_, multicast_out_, now)) return;
  const std::size_t info = frame.size + kBridgedInfoHeader;
  std::uint8_t* const start = frame.data - kBridgedHeader.size();
  std::memcpy(start, kBridgedHeader.data(), kBridgedHeader.size());
  const ByteView whole(start, frame.size + kBridgedHeader.size());
  if (info > settings_.peer_mru) {
    if (!can_fragment_ || info > settings_.peer_mrru) return drop(Counter::too_big);
    return send_fragments(whole, out);
  }
  if (out.is_full()) flush_line(out);
  out.add(whole);
}

void Session::send_fragments(ByteView frame, OutBatch& out) {
  for (bool first = true; !frame.empty(); first = false) {
    const ByteView part = frame.first(std::min(frame.size(), fragmenter_.room()));
    frame = frame.subspan(part.size());
    std::array<std::uint8_t, kFragmentHeaderSize> header;
    const std::size_t size = fragmenter_.write_header(header, first, frame.empty());
    if (out.is_full()) flush_line(out);
    out.add_fragment(ByteView(header).first(size), part, frame.empty());
    counters_.add(Counter::fragments_out);
  }
}

int Session::forward_control(InBatch& in, OutBatch& out) {
  if (const int error = in.receive(descriptors_.control, FdKind::socket); error != 0) {
    return error == EAGAIN || error == EINTR ? 0 : error;
  }
  bool heard = false;
  for (const InBatch::Frame& frame : in.frames()) {
    if (frame.size == 0) continue;
    heard = true;
    out.add({frame.data, frame.size});
  }
  const OutBatch::Sent sent = out.flush(descriptors_.line, descriptors_.line_kind);
  counters_.add(Counter::control_out, sent.messages);
  counters_.add(Counter::line_full, sent.full);
  counters_.add(Counter::line_failed, sent.failed);
  return heard ? 0 : EPIPE;
}

void Session::flush_line(OutBatch& out) {
  if (out.is_empty()) return;
  const OutBatch::Sent sent = out.flush(descriptors_.line, descriptors_.line_kind);
  counters_.add(Counter::line_out_frames, sent.frames);
  counters_.add(Counter::line_out_octets, sent.octets);
  if (sent.full != 0) counters_.add(Counter::line_full, sent.full);
  if (sent.failed != 0) counters_.add(Counter::line_failed, sent.failed);
}

void Session::flush_lan(OutBatch& out) {
  if (out.is_empty()) return;
  const OutBatch::Sent sent = out.flush(descriptors_.lan, descriptors_.lan_kind);
  counters_.add(Counter::lan_out_frames, sent.frames);
  counters_.add(Counter::lan_out_octets, sent.octets);
  if (sent.full != 0) counters_.add(Counter::lan_full, sent.full);
  if (sent.failed != 0) counters_.add(Counter::lan_failed, sent.failed);
}

}  // namespace l2tpm::relay
