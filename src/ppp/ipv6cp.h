// The IPv6 Control Protocol (RFC 5072): agrees on interface identifiers, from which both ends make
// their link-local addresses. Compression is refused. Owned by Link.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "ppp/automaton.h"
#include "ppp/link_settings.h"

namespace l2tpm::ppp {

class Ipv6cp final : public Automaton {
 public:
  // `random` and `timers` outlive this.
  Ipv6cp(const Ipv6Settings& settings, RandomSource& random, const FsmTimers& timers);

  // What was agreed; meaningful while open, never zero then.
  std::uint64_t local_id() const { return local_id_; }
  std::uint64_t peer_id() const { return peer_id_; }

 protected:
  Bytes build_request() const override;
  void reset() override;
  Judgement judge_request(ByteView options, bool may_nak) const override;
  void request_acknowledged(ByteView options) override;
  bool take_nak(ByteView options) override;
  bool take_reject(ByteView options) override;

 private:
  std::uint64_t random_id() const;

  std::uint64_t wanted_local_;
  std::uint64_t wanted_peer_;  // 0: `suggested_` is what a peer gets that has none
  bool accept_peer_;
  bool send_identifier_ = true;
  RandomSource* random_;

  std::uint64_t suggested_ = 0;
  std::uint64_t local_id_ = 0;
  std::uint64_t peer_id_ = 0;
};

}  // namespace l2tpm::ppp
