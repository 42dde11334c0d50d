// Collects what is wrong with a Configure-Request, option by option, in the way RFC 1661 §5 wants
// it answered: one Reject with everything unacceptable in kind, else one Nak, else an Ack. For the
// protocols' judge_request().
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

#include "ppp/automaton.h"
#include "wire/ppp_packet.h"

namespace l2tpm::ppp {

class OptionJudge {
 public:
  OptionJudge(ByteView options, bool may_nak) : reader_(options), may_nak_(may_nak) {}

  // This option may come more than once (RFC 3518 §4.3).
  void allow_repeats(std::uint8_t type) { repeatable_.set(type); }

  // The next option to judge. An option that comes twice is rejected here (RFC 1661 §5.1: "MUST NOT
  // be included more than once"), and not returned.
  std::optional<wire::PppOption> next();

  void reject(const wire::PppOption& option);
  // Another value of that option would do. Rejects it when Naks are used up.
  void nak(const wire::PppOption& option, ByteView value);
  void nak_u16(const wire::PppOption& option, std::uint16_t value);
  void nak_u32(const wire::PppOption& option, std::uint32_t value);
  // The peer did not offer this one, and should (RFC 1661 §5.3). Nothing when Naks are used up.
  void ask_for(std::uint8_t type, ByteView value);

  bool seen(std::uint8_t type) const { return seen_.test(type); }
  // After next() has returned nothing.
  Judgement verdict();

 private:
  wire::PppOptionReader reader_;
  bool may_nak_;
  std::bitset<256> seen_;
  std::bitset<256> repeatable_;
  Bytes rejects_;
  Bytes naks_;
};

// Whether a Configure-Reject is about `request` (options that we sent): RFC 1661 §5.4 wants
// rejected options unchanged and in their order. At least one.
bool is_part_of_request(ByteView rejected, ByteView request);

}  // namespace l2tpm::ppp
