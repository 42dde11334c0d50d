// The Link Control Protocol (RFC 1661 §5, §6; RFC 1570): MRU, authentication protocols, magic
// numbers with loop detection, echoes; multilink's options (RFC 1990 §5.1) for one link. Owned by
// Link. PFC and ACFC are refused: the kernel's L2TP sends neither, and they save nothing inside a
// datagram.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/random.h"
#include "ppp/automaton.h"
#include "ppp/link_settings.h"

namespace l2tpm::ppp {

// What is kept of the negotiation for an LNS (RFC 2661 §4.4.5): options without header.
struct LcpRequests {
  Bytes initial_received;
  Bytes last_sent;
  Bytes last_received;
};

class Lcp final : public Automaton {
 public:
  // `settings` and `random` outlive this.
  Lcp(const LinkSettings& settings, RandomSource& random);

  // As an LNS: takes over what a LAC negotiated and opens without a packet. False: it contradicts
  // our settings or is malformed, nothing has changed. REQUIRES: Initial.
  bool adopt(const LcpRequests& requests, TimePoint now);
  // Takes adopt() back.
  void abandon(TimePoint now);
  const LcpRequests* requests() const { return requests_.get(); }
  void forget_requests() { requests_.reset(); }

  // Traffic came in: no echo is needed for a while.
  void note_activity(TimePoint now);
  // A frame of a protocol that we do not speak, protocol number included.
  void reject_protocol(ByteView frame);
  // The protocol that the peer rejected since the last call.
  std::optional<std::uint16_t> take_rejected_protocol();

  // A Configure-Request came, ever.
  bool heard_from_peer() const { return heard_from_peer_; }

  // What was agreed; meaningful while open.
  std::uint16_t local_mru() const {
    return (sent_options_ & kSendMru) != 0 ? mru_ : std::uint16_t{1500};
  }
  std::uint16_t peer_mru() const { return peer_mru_; }
  // 0: that end takes no fragments.
  std::uint16_t local_mrru() const {
    return (sent_options_ & kSendMrru) != 0 ? mrru_ : std::uint16_t{0};
  }
  std::uint16_t peer_mrru() const { return peer_mrru_; }
  // The peer wants fragments with the short header (RFC 1990 §5.1.2).
  bool peer_wants_short_sequence() const { return peer_mrru_ != 0 && peer_short_sequence_; }
  std::uint32_t peer_accm() const { return peer_accm_; }
  std::uint32_t local_magic() const { return (sent_options_ & kSendMagic) != 0 ? magic_ : 0; }
  std::uint32_t peer_magic() const { return peer_magic_; }
  std::optional<AuthMethod> auth_of_peer() const { return auth_of_peer_; }
  std::optional<AuthMethod> auth_of_us() const { return auth_of_us_; }

 protected:
  Bytes build_request() const override;
  void reset() override;
  Judgement judge_request(ByteView options, bool may_nak) const override;
  void request_acknowledged(ByteView options) override;
  bool take_nak(ByteView options) override;
  bool take_reject(ByteView options) override;
  bool receive_extra(const wire::PppPacket& packet, TimePoint now) override;
  void request_sent(ByteView packet) override;
  void request_received(ByteView packet) override;
  std::optional<TimePoint> extra_deadline() const override;
  void handle_extra_timeout(TimePoint now) override;

 private:
  static constexpr std::uint8_t kSendMru = 1;
  static constexpr std::uint8_t kSendMagic = 2;
  static constexpr std::uint8_t kSendMrru = 4;

  void ask_for_next_auth(std::optional<AuthMethod> suggestion);
  std::uint32_t new_magic() const;
  void receive_echo_request(const wire::PppPacket& packet, TimePoint now);

  const LinkSettings* settings_;
  RandomSource* random_;
  std::unique_ptr<LcpRequests> requests_;

  // Ours.
  std::uint8_t sent_options_ = 0;  // kSend...
  std::uint8_t auth_refused_ = 0;  // bit per AuthMethod
  bool heard_from_peer_ = false;
  std::uint8_t loops_ = 0;  // Naks of our magic number in a row
  std::uint16_t mru_ = 1500;
  std::uint16_t mrru_ = 0;
  std::uint32_t magic_ = 0;
  std::uint32_t suggested_magic_ = 0;  // for a peer whose number is zero or ours
  std::optional<AuthMethod> auth_of_peer_;

  // The peer's.
  std::uint16_t peer_mru_ = 1500;
  std::uint16_t peer_mrru_ = 0;
  bool peer_short_sequence_ = false;
  std::uint32_t peer_accm_ = 0xffffffff;
  std::uint32_t peer_magic_ = 0;
  std::optional<AuthMethod> auth_of_us_;

  std::uint8_t echoes_unanswered_ = 0;
  TimePoint echo_at_{};
  std::optional<std::uint16_t> rejected_protocol_;
};

}  // namespace l2tpm::ppp
