// The Bridging Control Protocol (RFC 3518; RFC 2878 and 1638 before it): agrees that Ethernet
// frames travel as protocol 0x0031, and in what form. Only what a Linux bridge needs is accepted:
// no source routing, no tinygram compression, no B bit. Options about receiving bind the other end.
#pragma once

#include <cstdint>
#include <optional>

#include "base/mac_address.h"
#include "base/random.h"
#include "ppp/automaton.h"
#include "ppp/link_settings.h"

namespace l2tpm::ppp {

// What was agreed.
struct BridgeAgreement {
  std::optional<MacAddress> local_mac;  // absent: not announced
  std::optional<MacAddress> peer_mac;   // absent: not announced
  bool send_tagged = false;             // the peer takes tagged frames
  bool receive_tagged = false;          // it knows that we do
  // BPDUs may travel as ordinary frames. Their old form (protocol 0x0201, RFC 1638) is never agreed
  // on, so without this the bridges have no spanning tree together.
  bool send_inline = false;
  bool receive_inline = false;
};

class Bcp final : public Automaton {
 public:
  // `random` and `timers` outlive this.
  Bcp(const BridgeSettings& settings, RandomSource& random, const FsmTimers& timers);

  // Meaningful while open.
  BridgeAgreement agreement() const;

 protected:
  Bytes build_request() const override;
  void reset() override;
  Judgement judge_request(ByteView options, bool may_nak) const override;
  void request_acknowledged(ByteView options) override;
  bool take_nak(ByteView options) override;
  bool take_reject(ByteView options) override;

 private:
  MacAddress random_mac() const;
  bool is_ours(const MacAddress& mac) const { return settings_.mac && mac == *settings_.mac; }

  BridgeSettings settings_;
  RandomSource* random_;

  // Ours: what the next Configure-Request says.
  bool send_mac_support_ = true;
  bool send_mac_ = false;
  bool send_tagged_ = false;
  bool send_inline_ = true;
  bool send_spanning_tree_ = false;  // "none", once Management-Inline was rejected
  MacAddress suggested_mac_;         // for a peer that asks for one, or has ours

  // The peer's.
  std::optional<MacAddress> peer_mac_;
  bool peer_takes_tagged_ = false;
  bool peer_takes_inline_ = false;
};

}  // namespace l2tpm::ppp
