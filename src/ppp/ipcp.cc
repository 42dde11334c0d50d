#include "ppp/ipcp.h"

#include <algorithm>

#include "ppp/option_judge.h"
#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

using wire::IpcpOption;

constexpr std::uint8_t kAddress = static_cast<std::uint8_t>(IpcpOption::ip_address);
constexpr std::uint8_t kFirstServer = static_cast<std::uint8_t>(IpcpOption::primary_dns);

Bytes four_octets(std::uint32_t value) {
  Bytes out;
  ByteWriter(out).u32(value);
  return out;
}

bool is_server(std::uint8_t type) { return type >= kFirstServer && type < kFirstServer + 4; }

// No host has such an address: 0/8, loopback, multicast, reserved.
bool is_usable(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}

}  // namespace

Ipcp::Ipcp(const Ipv4Settings& settings, const FsmTimers& timers)
    : Automaton(wire::PppProtocol::ipcp, timers),
      wanted_local_(settings.local.v4_value()),
      wanted_peer_(settings.peer.v4_value()),
      accept_local_(settings.accept_local || settings.local.is_unspecified()),
      accept_peer_(settings.accept_peer),
      given_{settings.dns[0].v4_value(), settings.nbns[0].v4_value(), settings.dns[1].v4_value(),
             settings.nbns[1].v4_value()} {
  asked_options_ = kSendAddress;
  if (settings.request_dns) asked_options_ |= 0b0101;
  if (settings.request_nbns) asked_options_ |= 0b1010;
}

std::array<IpAddress, 2> Ipcp::dns() const {
  return {IpAddress::v4(asked_[0]), IpAddress::v4(asked_[2])};
}

std::array<IpAddress, 2> Ipcp::nbns() const {
  return {IpAddress::v4(asked_[1]), IpAddress::v4(asked_[3])};
}

void Ipcp::reset() {
  sent_options_ = asked_options_;
  asked_ = {};
  local_ = wanted_local_;
  peer_ = 0;
}

Bytes Ipcp::build_request() const {
  Bytes options;
  if ((sent_options_ & kSendAddress) != 0) wire::put_ppp_option_u32(options, kAddress, local_);
  for (std::size_t i = 0; i < kServers; ++i)
    if ((sent_options_ & (1u << i)) != 0)
      wire::put_ppp_option_u32(options, static_cast<std::uint8_t>(kFirstServer + i), asked_[i]);
  return options;
}

Judgement Ipcp::judge_request(ByteView options, bool may_nak) const {
  OptionJudge judge(options, may_nak);
  while (const auto option = judge.next()) {
    const auto address = wire::option_u32(option->value);
    if (option->type == kAddress && address) {
      const bool wanted = wanted_peer_ == 0 || *address == wanted_peer_ || accept_peer_;
      const bool acceptable = is_usable(*address) && *address != local_ && wanted;
      if (acceptable) continue;
      if (wanted_peer_ != 0) {
        judge.nak_u32(*option, wanted_peer_);
      } else {
        judge.reject(*option);  // we have none to give; RFC 1332 §3.3
      }
    } else if (is_server(option->type) && address) {
      const std::uint32_t given = given_[option->type - kFirstServer];
      if (given == 0) {
        judge.reject(*option);  // RFC 1877 §1.1
      } else if (*address != given) {
        judge.nak_u32(*option, given);
      }
    } else {
      // IP-Compression-Protocol, the deprecated IP-Addresses, unknown ones and wrong lengths.
      judge.reject(*option);
    }
  }
  // RFC 1332 §3.3: a Nak may ask for the option; we need to know who is there.
  if (!judge.seen(kAddress) && wanted_peer_ != 0)
    judge.ask_for(kAddress, four_octets(wanted_peer_));
  return judge.verdict();
}

void Ipcp::request_acknowledged(ByteView options) {
  peer_ = wanted_peer_;  // of a peer that does not name its own
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next())
    if (option->type == kAddress) peer_ = wire::option_u32(option->value).value_or(peer_);
}

bool Ipcp::take_nak(ByteView options) {
  wire::PppOptionReader check(options);
  while (const auto option = check.next())
    if ((option->type == kAddress || is_server(option->type)) && option->value.size() != 4)
      return false;
  if (!check.ok()) return false;

  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    const std::uint32_t address = wire::option_u32(option->value).value_or(0);
    if (option->type == kAddress) {
      if (accept_local_ && is_usable(address)) local_ = address;
    } else if (is_server(option->type)) {
      const std::size_t index = option->type - kFirstServer;
      if ((sent_options_ & (1u << index)) != 0) asked_[index] = address;
    }
    // RFC 1661 §5.3: other options are what the peer would like us to send. We need none.
  }
  return true;
}

bool Ipcp::take_reject(ByteView options) {
  if (!is_part_of_request(options, build_request())) return false;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == kAddress) {
      sent_options_ &= static_cast<std::uint8_t>(~kSendAddress);
      // Without an address of our own there is nothing to talk from.
      if (local_ == 0) give_up(CauseCode::network_failed);
    } else if (is_server(option->type)) {
      const unsigned index = option->type - kFirstServer;
      sent_options_ &= static_cast<std::uint8_t>(~(1u << index));
      asked_[index] = 0;
    }
  }
  return true;
}

}  // namespace l2tpm::ppp
