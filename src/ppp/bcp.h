// The Bridging Control Protocol (RFC 3518; RFC 2878 and 1638 before it): agrees that Ethernet
// frames travel as protocol 0x0031, and in what form. Only what a Linux bridge needs is accepted:
// no source routing, no tinygram compression, no B bit. Options about receiving bind the other end.
#pragma once

#include <array>
#include <cstdint>

#include "base/random.h"
#include "ppp/automaton.h"

namespace l2tpm::ppp {

using MacAddress = std::array<std::uint8_t, 6>;  // in the order of the wire

struct BridgeSettings {
  MacAddress mac{};            // ours, announced to the peer; zeros: not announced
  bool tagged_frames = false;  // say that we take IEEE 802.1Q tags
};

// What was agreed.
struct BridgeAgreement {
  MacAddress local_mac{};          // zeros: not announced
  MacAddress peer_mac{};           // zeros: not announced
  bool send_tagged = false;        // the peer takes tagged frames
  bool receive_tagged = false;     // it knows that we do
  bool send_inline = false;        // BPDUs to the peer are ordinary frames; else protocol 0x0201
  bool receive_inline = false;     // and those from the peer
  std::uint8_t spanning_tree = 0;  // RFC 3518 §4.10: 0 none, 1 IEEE 802.1D; while not inline
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

  BridgeSettings settings_;
  RandomSource* random_;

  // Ours: what the next Configure-Request says.
  bool send_mac_support_ = true;
  bool send_mac_ = false;
  bool send_tagged_ = false;
  bool send_inline_ = true;
  bool send_spanning_tree_ = false;  // once Management-Inline was rejected
  std::uint8_t spanning_tree_ = 0;
  MacAddress local_mac_{};
  MacAddress suggested_mac_{};  // for a peer that asks for one, or has ours

  // The peer's.
  MacAddress peer_mac_{};
  bool peer_takes_tagged_ = false;
  bool peer_takes_inline_ = false;
};

}  // namespace l2tpm::ppp
