// The Internet Protocol Control Protocol (RFC 1332) with name servers (RFC 1877): gives the peer an
// address, or asks it for ours. Van Jacobson compression is refused: the kernel's L2TP users have
// no slow serial lines. Owned by Link.
#pragma once

#include <array>
#include <cstdint>

#include "ppp/automaton.h"
#include "ppp/link_settings.h"

namespace l2tpm::ppp {

class Ipcp final : public Automaton {
 public:
  // `timers` outlives this.
  Ipcp(const Ipv4Settings& settings, const FsmTimers& timers);

  // What was agreed; meaningful while open.
  IpAddress local() const { return IpAddress::v4(local_); }
  IpAddress peer() const { return IpAddress::v4(peer_); }
  // That the peer gave us; 0.0.0.0: none.
  std::array<IpAddress, 2> dns() const;
  std::array<IpAddress, 2> nbns() const;

 protected:
  Bytes build_request() const override;
  void reset() override;
  Judgement judge_request(ByteView options, bool may_nak) const override;
  void request_acknowledged(ByteView options) override;
  bool take_nak(ByteView options) override;
  bool take_reject(ByteView options) override;

 private:
  // The four server options in the order of their numbers: dns1, nbns1, dns2, nbns2.
  static constexpr std::size_t kServers = 4;
  static constexpr std::uint8_t kSendAddress = 1 << kServers;

  // Addresses in host order, 0: none.
  std::uint32_t wanted_local_ = 0;
  std::uint32_t wanted_peer_ = 0;
  bool accept_local_ = false;
  bool accept_peer_ = false;
  std::uint8_t asked_options_ = 0;               // a bit per server to ask for, and kSendAddress
  std::uint8_t sent_options_ = 0;                // those that the peer did not reject
  std::array<std::uint32_t, kServers> given_{};  // to the peer
  std::array<std::uint32_t, kServers> asked_{};  // by us, as the peer Nak'ed them

  std::uint32_t local_ = 0;
  std::uint32_t peer_ = 0;
};

}  // namespace l2tpm::ppp
