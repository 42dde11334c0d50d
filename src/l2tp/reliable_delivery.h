// The reliable control channel of one control connection: RFC 2661 §5.8 and appendix A, RFC 3931
// §4.2, which are the same. It numbers what we send, keeps it until the peer has acknowledged it,
// and puts what the peer sends into order. It knows no message but the empty one (ZLB, ACK). Owned
// by ControlConnection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "l2tp/digest_authentication.h"
#include "l2tp/settings.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// RFC 2661 §5.8: a number and "the preceding 32767 values" are not newer; all others are.
constexpr bool is_older(std::uint16_t a, std::uint16_t b) {
  const auto behind = static_cast<std::uint16_t>(b - a);
  return behind != 0 && behind <= 32767;
}
// The RFC's own example: after 15, "0 through 15, as well as 32784 through 65535".
static_assert(is_older(0, 15) && is_older(32784, 15) && !is_older(32783, 15));

class ReliableDelivery {
 public:
  explicit ReliableDelivery(const Settings& settings);

  // Why nothing more can be expected of the peer.
  enum class Failure : std::uint8_t { none, peer_silent, queue_full };

  // Sending. `encoded` is a whole control message; Ns and Nr (and the Tunnel ID, which may be
  // learned late) are filled in each time it is sent.
  void set_peer_tunnel(TunnelId id) { peer_tunnel_ = id; }
  // L2TPv3's header from now on, or L2TPv2's as from the beginning.
  void speak_v3() { version_ = 3; }
  void speak_v2() { version_ = 2; }
  // Signs what leaves, each time anew because Nr is part of it. Borrowed.
  void set_digests(const DigestAuthentication* digests) { digests_ = digests; }
  void set_peer_window(std::uint16_t window);
  void send(Bytes encoded, TimePoint now);
  // Forgets what has not been acknowledged; the numbers it had stay used...
  void drop_unacknowledged();
  // ...or are used again, for a peer that never counted it.
  void take_back_unacknowledged();
  // Forgets what has not been sent even once.
  void drop_unsent();
  // The next flush() heeds the peer's window only (StopCCN).
  void ignore_congestion() { congestion_ignored_ = true; }

  // Receiving: hand in a message, then take what is now in order until there is none.
  enum class Verdict : std::uint8_t { zlb, in_order, held, duplicate, beyond_window };
  Verdict receive(const wire::ControlMessage& message, std::size_t datagram_size, TimePoint now);
  std::unique_ptr<wire::ControlMessage> take_in_order();
  // What was received is acknowledged without waiting for company.
  void acknowledge_now() { ack_due_now_ = true; }

  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_deadline() const;
  // Sends what windows and budget allow, then an acknowledgement if one is due. Every public call
  // of the owner ends with it.
  void flush(TimePoint now);
  std::vector<Bytes> take_datagrams();

  // Until the peer has proven that it receives at its address, at most three times as many octets
  // leave as came. What does not fit waits for the peer's next datagram, not for the timer.
  void set_peer_proven(bool proven) { proven_ = proven; }

  Failure failure() const { return failure_; }
  void clear_failure() { failure_ = Failure::none; }
  bool all_acknowledged() const { return queue_.empty(); }
  std::size_t queued() const { return queue_.size(); }
  TimePoint last_heard() const { return last_heard_; }

  struct Status {
    std::uint16_t ns = 0;  // of the next new message
    std::uint16_t nr = 0;  // expected next
    std::uint16_t peer_window = 0;
    unsigned congestion_window = 0;
    unsigned slow_start_threshold = 0;
    unsigned in_flight = 0;
    unsigned waiting = 0;
    unsigned held_out_of_order = 0;
    Duration rto{};
    Duration srtt{};  // zero: no sample yet
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t retransmissions = 0;
    std::uint64_t duplicates_received = 0;
    std::uint64_t out_of_order_received = 0;
    std::uint64_t beyond_window_received = 0;
    std::uint64_t zlbs_sent = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
  };
  Status status() const;

 private:
  struct Outgoing {
    Bytes bytes;
    TimePoint first_sent{};
    TimePoint last_sent{};
    unsigned transmissions = 0;
  };
  struct Held {
    std::uint16_t ns;
    std::size_t size;
    std::unique_ptr<wire::ControlMessage> message;
  };

  void accept_acknowledgement(std::uint16_t nr, TimePoint now);
  void start_retransmit_timer(TimePoint now);
  void sample_round_trip(Duration sample);
  void open_congestion_window(unsigned acknowledged);
  bool transmit(Outgoing& entry, std::uint16_t ns, TimePoint now);
  void send_zlb();
  void acknowledgement_is_sent();
  bool budget_allows(std::size_t size) const;
  void emit(Bytes datagram);
  Bytes encode_acknowledgement(std::uint16_t ns) const;
  void hold(const wire::ControlMessage& message, std::size_t size);
  unsigned window() const;
  Duration backed_off() const;
  bool is_consistent() const;

  // Limits, copied from Settings.
  Duration initial_;
  Duration cap_;
  Duration ack_delay_;
  Duration give_up_after_;  // the sum of all intervals of an unanswered message
  unsigned max_retransmissions_;
  unsigned queue_limit_;
  std::uint16_t own_window_;

  // Sending. queue_[0] has Ns first_ns_; the first sent_ of queue_ count as in flight.
  std::deque<Outgoing> queue_;
  std::uint16_t first_ns_ = 0;
  TunnelId peer_tunnel_;
  unsigned version_ = 2;
  const DigestAuthentication* digests_ = nullptr;
  std::uint16_t peer_window_ = 4;  // §4.4.3: "the peer must assume a value of 4"
  unsigned sent_ = 0;
  unsigned congestion_window_ = 1;
  unsigned slow_start_threshold_ = 4;
  unsigned acknowledged_in_avoidance_ = 0;
  unsigned backoff_ = 0;  // doublings since the last acknowledgement
  std::optional<TimePoint> retransmit_at_;
  Duration srtt_{};
  Duration rttvar_{};
  bool congestion_ignored_ = false;
  std::size_t taken_back_ =
      0;  // numbers from first_ns_ on that the peer may have counted after all

  // Receiving.
  std::uint16_t nr_ = 0;
  std::unique_ptr<wire::ControlMessage> in_order_;
  std::vector<Held> held_;  // by distance from nr_
  std::size_t held_bytes_ = 0;
  unsigned unacknowledged_ = 0;
  std::optional<TimePoint> ack_at_;
  bool ack_due_now_ = false;
  TimePoint last_heard_{};

  bool proven_ = true;

  std::vector<Bytes> datagrams_;
  Failure failure_ = Failure::none;
  Status counters_;
};

}  // namespace l2tpm::l2tp
