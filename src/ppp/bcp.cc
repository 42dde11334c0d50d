#include "ppp/bcp.h"

#include <algorithm>

#include "ppp/option_judge.h"
#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

using wire::BcpOption;

constexpr std::uint8_t kEthernet = 1;  // the MAC type: IEEE 802.3, canonical
constexpr std::uint8_t kOn = 1;
constexpr std::uint8_t kOff = 2;
constexpr std::uint8_t kNoSpanningTree = 0;

constexpr std::uint8_t number(BcpOption option) { return static_cast<std::uint8_t>(option); }

std::optional<MacAddress> mac_of(ByteView value) {
  std::array<std::uint8_t, 6> octets{};
  if (value.size() != octets.size()) return std::nullopt;
  std::copy(value.begin(), value.end(), octets.begin());
  return MacAddress(octets);
}

void put_octet(Bytes& out, BcpOption option, std::uint8_t value) {
  wire::put_ppp_option(out, number(option), ByteView(&value, 1));
}

}  // namespace

Bcp::Bcp(const BridgeSettings& settings, RandomSource& random, const FsmTimers& timers)
    : Automaton(wire::PppProtocol::bcp, timers), settings_(settings), random_(&random) {}

// Locally administered, one station.
MacAddress Bcp::random_mac() const {
  MacAddress mac;
  do {
    std::array<std::uint8_t, 6> octets{};
    std::uint64_t bits = random_->u64();
    for (std::uint8_t& octet : octets) {
      octet = static_cast<std::uint8_t>(bits);
      bits >>= 8;
    }
    octets[0] = static_cast<std::uint8_t>((octets[0] & 0xfc) | 2);
    mac = MacAddress(octets);
  } while (is_ours(mac));
  return mac;
}

void Bcp::reset() {
  send_mac_support_ = true;
  send_inline_ = true;
  send_spanning_tree_ = false;
  send_tagged_ = settings_.tagged_frames;
  send_mac_ = settings_.mac.has_value();
  suggested_mac_ = random_mac();
  peer_mac_.reset();
  peer_takes_tagged_ = false;
  peer_takes_inline_ = false;
}

BridgeAgreement Bcp::agreement() const {
  return {.local_mac = send_mac_ ? settings_.mac : std::nullopt,
          .peer_mac = peer_mac_,
          .send_tagged = peer_takes_tagged_,
          .receive_tagged = send_tagged_,
          .send_inline = peer_takes_inline_,
          .receive_inline = send_inline_};
}

Bytes Bcp::build_request() const {
  Bytes options;
  if (send_mac_support_) put_octet(options, BcpOption::mac_support, kEthernet);
  if (send_mac_)
    wire::put_ppp_option(options, number(BcpOption::mac_address), settings_.mac->octets());
  if (send_spanning_tree_) put_octet(options, BcpOption::spanning_tree, kNoSpanningTree);
  if (send_tagged_) put_octet(options, BcpOption::tagged_frame, kOn);
  if (send_inline_) wire::put_ppp_option(options, number(BcpOption::management_inline), {});
  return options;
}

Judgement Bcp::judge_request(ByteView options, bool may_nak) const {
  OptionJudge judge(options, may_nak);
  judge.allow_repeats(number(BcpOption::mac_support));  // RFC 3518 §4.3: one for each type
  bool takes_ethernet = false;
  while (const auto option = judge.next()) {
    const ByteView value = option->value;
    const bool is_octet = value.size() == 1;
    switch (static_cast<BcpOption>(option->type)) {
      case BcpOption::mac_support:
        if (!is_octet) {
          judge.reject(*option);
        } else {
          takes_ethernet = takes_ethernet || value[0] == kEthernet;
        }
        break;
      case BcpOption::tinygram_compression:
        if (!is_octet) {
          judge.reject(*option);
        } else if (value[0] != kOff) {
          judge.nak(*option, ByteView(&kOff, 1));
        }
        break;
      case BcpOption::mac_address: {
        const auto mac = mac_of(value);
        if (!mac) {
          judge.reject(*option);
        } else if (!mac->is_usable() || is_ours(*mac)) {
          judge.nak(*option, suggested_mac_.octets());  // zeros ask for an address
        }
        break;
      }
      case BcpOption::spanning_tree:
        if (value.empty()) {
          judge.reject(*option);
        } else if (!is_octet || value[0] != kNoSpanningTree) {
          judge.nak(*option, ByteView(&kNoSpanningTree, 1));
        }
        break;
      case BcpOption::tagged_frame:
        if (!is_octet) {
          judge.reject(*option);
        } else if (value[0] != kOn && value[0] != kOff) {
          judge.nak(*option, ByteView(&kOff, 1));
        }
        break;
      case BcpOption::management_inline:
        if (!value.empty()) judge.reject(*option);
        break;
      case BcpOption::bridge_identification:
      case BcpOption::line_identification:
      case BcpOption::lan_identification:
      case BcpOption::control_packet_indicator:
      default:  // a number from the wire, not one of the enumeration's
        judge.reject(*option);
        break;
    }
  }
  // A peer that takes other LANs only could be sent nothing. Without the option it takes all.
  if (judge.seen(number(BcpOption::mac_support)) && !takes_ethernet)
    judge.ask_for(number(BcpOption::mac_support), ByteView(&kEthernet, 1));
  return judge.verdict();
}

void Bcp::request_acknowledged(ByteView options) {
  peer_mac_.reset();
  peer_takes_tagged_ = false;
  peer_takes_inline_ = false;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(BcpOption::mac_address)) {
      peer_mac_ = mac_of(option->value);
    } else if (option->type == number(BcpOption::tagged_frame)) {
      peer_takes_tagged_ = option->value[0] == kOn;
    } else if (option->type == number(BcpOption::management_inline)) {
      peer_takes_inline_ = true;
    }
  }
}

bool Bcp::take_nak(ByteView options) {
  wire::PppOptionReader check(options);
  while (check.next()) {
  }
  if (!check.ok()) return false;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(BcpOption::mac_address)) {
      const auto mac = mac_of(option->value);
      // Another address than the bridge port's is of no use to us: then none is announced.
      if (mac && !is_ours(*mac)) send_mac_ = false;
    } else if (option->type == number(BcpOption::tagged_frame)) {
      send_tagged_ = false;
    }
    // What the peer would like us to send besides (RFC 1661 §5.3) is of no use here.
  }
  return true;
}

bool Bcp::take_reject(ByteView options) {
  if (!is_part_of_request(options, build_request())) return false;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(BcpOption::mac_support)) {
      send_mac_support_ = false;
    } else if (option->type == number(BcpOption::mac_address)) {
      send_mac_ = false;
    } else if (option->type == number(BcpOption::tagged_frame)) {
      send_tagged_ = false;
    } else if (option->type == number(BcpOption::spanning_tree)) {
      send_spanning_tree_ = false;
    } else if (option->type == number(BcpOption::management_inline)) {
      send_inline_ = false;  // a peer from before RFC 2878
      send_spanning_tree_ = true;
    }
  }
  return true;
}

}  // namespace l2tpm::ppp
