#include "l2tp/reliable_delivery.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "wire/l2tp_header.h"

namespace l2tpm::l2tp {
namespace {

// Offsets in a control header, which always has L and S (RFC 2661 §3.1, RFC 3931 §3.2.1).
constexpr std::size_t kTunnelIdAt = 4;  // 16 bits, in L2TPv3 32
constexpr std::size_t kNsAt = 8;

// A measured round trip never makes us less patient than this: some peers sit on an acknowledgement
// for a few hundred milliseconds.
constexpr Duration kMinimumRto = 300ms;
constexpr Duration kClockGranularity = 10ms;
// A peer that answers but never acknowledges one message is given up after so many full cycles.
constexpr int kCyclesOfADeafPeer = 4;
// With this many messages unacknowledged an acknowledgement is worth a datagram of its own: a peer
// in slow start waits for it.
constexpr unsigned kAcknowledgeEvery = 2;
constexpr std::size_t kHeldBytesLimit = 64 * 1024;
constexpr std::uint64_t kAmplification = 3;

void put_u16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 0xff);
}

std::uint16_t distance(std::uint16_t from, std::uint16_t to) {
  return static_cast<std::uint16_t>(to - from);
}

}  // namespace

ReliableDelivery::ReliableDelivery(const Settings& settings)
    : initial_(settings.retransmit_initial),
      cap_(settings.retransmit_cap),
      ack_delay_(settings.ack_delay),
      give_up_after_(0),
      max_retransmissions_(settings.max_retransmissions),
      queue_limit_(settings.send_queue_limit),
      own_window_(std::clamp<std::uint16_t>(settings.receive_window_size, 1, 1024)) {
  Duration interval = std::min(initial_, cap_);
  for (unsigned i = 0; i <= max_retransmissions_; ++i) {
    give_up_after_ += interval;
    interval = std::min(interval * 2, cap_);
  }
}

void ReliableDelivery::set_peer_window(std::uint16_t window) {
  // Beyond half the number space an acknowledgement could not be told from an old one.
  peer_window_ = std::clamp<std::uint16_t>(window, 1, 32767);
  // Appendix A: "SSTHRESH ... initially set to the receive window size advertised by the peer".
  slow_start_threshold_ = peer_window_;
}

void ReliableDelivery::send(Bytes encoded, TimePoint) {
  assert(encoded.size() >= wire::kControlHeaderSize);
  if (queue_.size() >= queue_limit_ + std::size_t{peer_window_}) {
    failure_ = Failure::queue_full;
    return;
  }
  queue_.push_back({std::move(encoded), {}, {}, 0});
}

void ReliableDelivery::drop_unacknowledged() {
  drop_unsent();
  first_ns_ = static_cast<std::uint16_t>(first_ns_ + queue_.size());
  take_back_unacknowledged();
  taken_back_ = 0;
}

void ReliableDelivery::take_back_unacknowledged() {
  drop_unsent();
  taken_back_ = queue_.size();
  queue_.clear();
  sent_ = 0;
  backoff_ = 0;
  retransmit_at_.reset();
}

void ReliableDelivery::drop_unsent() {
  while (!queue_.empty() && queue_.back().transmissions == 0) queue_.pop_back();
}

ReliableDelivery::Verdict ReliableDelivery::receive(const wire::ControlMessage& message,
                                                    std::size_t datagram_size, TimePoint now) {
  assert(!in_order_);
  last_heard_ = now;
  counters_.bytes_received += datagram_size;
  accept_acknowledgement(message.nr, now);
  if (message.is_zlb) return Verdict::zlb;

  ++counters_.messages_received;
  const auto last_received = static_cast<std::uint16_t>(nr_ - 1);
  if (message.ns == last_received || is_older(message.ns, last_received)) {
    // §5.8: a duplicate is acknowledged again, never delivered; the first acknowledgement was lost.
    ++counters_.duplicates_received;
    ack_due_now_ = true;
    return Verdict::duplicate;
  }
  if (message.ns != nr_) {
    ++counters_.out_of_order_received;
    if (distance(nr_, message.ns) >= own_window_) {
      ++counters_.beyond_window_received;
      return Verdict::beyond_window;
    }
    hold(message, datagram_size);
    return Verdict::held;
  }
  in_order_ = std::make_unique<wire::ControlMessage>(message);
  ++nr_;
  if (unacknowledged_++ == 0) ack_at_ = now + ack_delay_;
  return Verdict::in_order;
}

void ReliableDelivery::hold(const wire::ControlMessage& message, std::size_t size) {
  if (held_bytes_ + size > kHeldBytesLimit) return;
  const auto place = std::lower_bound(
      held_.begin(), held_.end(), distance(nr_, message.ns),
      [this](const Held& held, std::uint16_t wanted) { return distance(nr_, held.ns) < wanted; });
  if (place != held_.end() && place->ns == message.ns) return;
  held_bytes_ += size;
  held_.insert(place, {message.ns, size, std::make_unique<wire::ControlMessage>(message)});
}

std::unique_ptr<wire::ControlMessage> ReliableDelivery::take_in_order() {
  if (in_order_) return std::move(in_order_);
  if (held_.empty() || held_.front().ns != nr_) return nullptr;
  auto message = std::move(held_.front().message);
  held_bytes_ -= held_.front().size;
  held_.erase(held_.begin());
  ++nr_;
  ++unacknowledged_;
  return message;
}

void ReliableDelivery::accept_acknowledgement(std::uint16_t nr, TimePoint now) {
  // Nr acknowledges all before it. What was never transmitted cannot be acknowledged: such an Nr,
  // and one from the past, says nothing.
  const std::size_t acknowledged = distance(first_ns_, nr);
  const bool nothing_sent = queue_.empty() || queue_.front().transmissions == 0;
  if (nothing_sent && acknowledged > 0 && acknowledged <= taken_back_) {
    first_ns_ = nr;
    taken_back_ -= acknowledged;
    return;
  }
  if (acknowledged == 0 || acknowledged > queue_.size() ||
      queue_[acknowledged - 1].transmissions == 0)
    return;

  // Karn: no sample when any of them was sent twice, we would not know which one was answered.
  bool once = true;
  for (std::size_t i = 0; i < acknowledged; ++i) once = once && queue_[i].transmissions == 1;
  if (once) sample_round_trip(now - queue_[acknowledged - 1].last_sent);

  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(acknowledged));
  first_ns_ = nr;
  sent_ -= std::min(sent_, static_cast<unsigned>(acknowledged));
  backoff_ = 0;
  open_congestion_window(static_cast<unsigned>(acknowledged));
  retransmit_at_.reset();
  if (sent_ > 0) start_retransmit_timer(now);
}

void ReliableDelivery::start_retransmit_timer(TimePoint now) {
  retransmit_at_ = now + backed_off();
  const Outgoing& oldest = queue_.front();
  // The last interval ends when patience does.
  const TimePoint patience_ends = oldest.first_sent + give_up_after_;
  if (oldest.transmissions > max_retransmissions_ && patience_ends > now)
    retransmit_at_ = std::min(*retransmit_at_, patience_ends);
}

// Jacobson's estimator with the constants of RFC 6298.
void ReliableDelivery::sample_round_trip(Duration sample) {
  if (srtt_ == Duration::zero()) {
    srtt_ = std::max<Duration>(sample, 1us);
    rttvar_ = sample / 2;
    return;
  }
  const Duration error = srtt_ > sample ? srtt_ - sample : sample - srtt_;
  rttvar_ = (rttvar_ * 3 + error) / 4;
  srtt_ = std::max<Duration>((srtt_ * 7 + sample) / 8, 1us);
}

Duration ReliableDelivery::backed_off() const {
  Duration rto = std::min(initial_, cap_);
  if (srtt_ != Duration::zero())
    rto = std::clamp(srtt_ + std::max<Duration>(rttvar_ * 4, kClockGranularity),
                     std::min({kMinimumRto, initial_, cap_}), cap_);
  for (unsigned i = 0; i < backoff_ && rto < cap_; ++i) rto *= 2;
  return std::min(rto, cap_);
}

// Appendix A: one more for each acknowledged message below the threshold (slow start), above it one
// more for each full window (congestion avoidance).
void ReliableDelivery::open_congestion_window(unsigned acknowledged) {
  for (; acknowledged > 0 && congestion_window_ < peer_window_; --acknowledged) {
    if (congestion_window_ < slow_start_threshold_) {
      ++congestion_window_;
    } else if (++acknowledged_in_avoidance_ >= congestion_window_) {
      acknowledged_in_avoidance_ = 0;
      ++congestion_window_;
    }
  }
}

unsigned ReliableDelivery::window() const {
  const unsigned peer = peer_window_;
  return congestion_ignored_ ? peer : std::min(peer, congestion_window_);
}

void ReliableDelivery::handle_timeout(TimePoint now) {
  if (!retransmit_at_ || *retransmit_at_ > now || queue_.empty()) return;
  const Outgoing& oldest = queue_.front();
  const TimePoint silent_since = std::max(oldest.first_sent, last_heard_);
  // §5.8: "If no peer response is detected after several retransmissions, ... the tunnel and all
  // sessions within MUST be cleared." A measured round trip makes the intervals shorter, not our
  // patience.
  if ((oldest.transmissions > max_retransmissions_ && now - silent_since >= give_up_after_) ||
      now - oldest.first_sent >= give_up_after_ * kCyclesOfADeafPeer) {
    failure_ = Failure::peer_silent;
    retransmit_at_.reset();
    return;
  }
  // Appendix A: the threshold becomes half the window, the window 1; all in flight counts as lost.
  // Once per loss: further timeouts of the same message say nothing new about the path.
  if (backoff_ == 0) slow_start_threshold_ = std::max(congestion_window_ / 2, 2u);
  congestion_window_ = 1;
  acknowledged_in_avoidance_ = 0;
  if (backed_off() < cap_) ++backoff_;
  sent_ = 0;
  retransmit_at_.reset();
}

std::optional<TimePoint> ReliableDelivery::next_deadline() const {
  if (!ack_at_) return retransmit_at_;
  return retransmit_at_ ? std::min(*retransmit_at_, *ack_at_) : ack_at_;
}

void ReliableDelivery::flush(TimePoint now) {
  while (failure_ == Failure::none && sent_ < queue_.size() && sent_ < window()) {
    const auto ns = static_cast<std::uint16_t>(first_ns_ + sent_);
    if (!transmit(queue_[sent_], ns, now)) break;
    ++sent_;
  }
  congestion_ignored_ = false;
  if (ack_due_now_ || unacknowledged_ >= kAcknowledgeEvery || (ack_at_ && *ack_at_ <= now))
    send_zlb();
  assert(is_consistent());
}

bool ReliableDelivery::transmit(Outgoing& entry, std::uint16_t ns, TimePoint now) {
  if (!budget_allows(entry.bytes.size())) return false;
  const std::uint32_t id = peer_tunnel_.value();
  if (version_ == 3) {
    put_u16(entry.bytes, kTunnelIdAt, static_cast<std::uint16_t>(id >> 16));
    put_u16(entry.bytes, kTunnelIdAt + 2, static_cast<std::uint16_t>(id & 0xffff));
  } else {
    put_u16(entry.bytes, kTunnelIdAt, static_cast<std::uint16_t>(id));
  }
  put_u16(entry.bytes, kNsAt, ns);
  wire::patch_nr(entry.bytes, nr_);
  if (entry.transmissions++ == 0) {
    entry.first_sent = now;
    ++counters_.messages_sent;
  } else {
    ++counters_.retransmissions;
  }
  entry.last_sent = now;
  if (!retransmit_at_) start_retransmit_timer(now);
  acknowledgement_is_sent();
  emit(entry.bytes);
  return true;
}

void ReliableDelivery::send_zlb() {
  acknowledgement_is_sent();
  // A ZLB's Ns is that of the next message and is not used up (§5.8).
  std::uint16_t ns = first_ns_;
  for (const Outgoing& entry : queue_) {
    if (entry.transmissions == 0) break;
    ++ns;
  }
  Bytes datagram = encode_acknowledgement(ns);
  if (!budget_allows(datagram.size())) return;
  ++counters_.zlbs_sent;
  emit(std::move(datagram));
}

Bytes ReliableDelivery::encode_acknowledgement(std::uint16_t ns) const {
  if (version_ == 2) return wire::encode_zlb(peer_tunnel_, ns, nr_);
  // RFC 3931 §6.15: a ZLB has no room for a digest.
  if (digests_ == nullptr || digests_->digests().empty())
    return wire::encode_v3_zlb(peer_tunnel_, ns, nr_);
  wire::ControlMessage ack;
  ack.version = 3;
  ack.type = wire::MessageType::ack;
  ack.tunnel_id = peer_tunnel_;
  ack.ns = ns;
  ack.nr = nr_;
  wire::EncodeOptions options;
  options.digests = digests_->digests();
  return wire::encode(ack, options);
}

void ReliableDelivery::acknowledgement_is_sent() {
  unacknowledged_ = 0;
  ack_at_.reset();
  ack_due_now_ = false;
}

bool ReliableDelivery::budget_allows(std::size_t size) const {
  return proven_ || counters_.bytes_sent + size <= kAmplification * counters_.bytes_received;
}

void ReliableDelivery::emit(Bytes datagram) {
  if (digests_ != nullptr) digests_->sign(datagram);
  counters_.bytes_sent += datagram.size();
  datagrams_.push_back(std::move(datagram));
}

std::vector<Bytes> ReliableDelivery::take_datagrams() { return std::exchange(datagrams_, {}); }

ReliableDelivery::Status ReliableDelivery::status() const {
  Status status = counters_;
  unsigned unsent = 0;
  for (auto entry = queue_.rbegin(); entry != queue_.rend() && entry->transmissions == 0; ++entry)
    ++unsent;
  status.in_flight = static_cast<unsigned>(queue_.size()) - unsent;
  status.waiting = unsent;
  status.ns = static_cast<std::uint16_t>(first_ns_ + status.in_flight);
  status.nr = nr_;
  status.peer_window = peer_window_;
  status.congestion_window = congestion_window_;
  status.slow_start_threshold = slow_start_threshold_;
  status.held_out_of_order = static_cast<unsigned>(held_.size());
  status.rto = backed_off();
  status.srtt = srtt_;
  return status;
}

bool ReliableDelivery::is_consistent() const {
  // Whatever is in flight is timed, unless the budget keeps it from being sent again.
  const bool timed = sent_ == 0 || retransmit_at_ || failure_ != Failure::none;
  return timed && sent_ <= queue_.size() && (queue_.empty() ? !retransmit_at_ : true) &&
         congestion_window_ >= 1 && held_.size() <= own_window_ && !ack_due_now_ &&
         (ack_at_.has_value() == (unacknowledged_ > 0));
}

}  // namespace l2tpm::l2tp
