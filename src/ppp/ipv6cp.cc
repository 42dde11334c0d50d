#include "ppp/ipv6cp.h"

#include "ppp/option_judge.h"
#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

constexpr std::uint8_t kIdentifier =
    static_cast<std::uint8_t>(wire::Ipv6cpOption::interface_identifier);

Bytes eight_octets(std::uint64_t value) {
  Bytes out;
  ByteWriter(out).u64(value);
  return out;
}

}  // namespace

Ipv6cp::Ipv6cp(const Ipv6Settings& settings, RandomSource& random, const FsmTimers& timers)
    : Automaton(wire::PppProtocol::ipv6cp, timers),
      wanted_local_(settings.local_id),
      wanted_peer_(settings.peer_id),
      accept_peer_(settings.accept_peer || settings.peer_id == 0),
      random_(&random) {}

// RFC 5072 §4.1: a random identifier has the "u" bit zero; it is the second of the first octet.
std::uint64_t Ipv6cp::random_id() const {
  constexpr std::uint64_t kUniversal = std::uint64_t{2} << 56;
  std::uint64_t id = random_->u64() & ~kUniversal;
  while (id == 0 || id == local_id_ || id == suggested_) id = random_->u64() & ~kUniversal;
  return id;
}

void Ipv6cp::reset() {
  send_identifier_ = true;
  local_id_ = wanted_local_ != 0 ? wanted_local_ : random_id();
  suggested_ = wanted_peer_ != 0 ? wanted_peer_ : random_id();
  peer_id_ = 0;
}

Bytes Ipv6cp::build_request() const {
  Bytes options;
  if (send_identifier_) wire::put_ppp_option(options, kIdentifier, eight_octets(local_id_));
  return options;
}

Judgement Ipv6cp::judge_request(ByteView options, bool may_nak) const {
  OptionJudge judge(options, may_nak);
  while (const auto option = judge.next()) {
    const auto id = wire::option_u64(option->value);
    if (option->type != kIdentifier || !id) {
      judge.reject(*option);
      continue;
    }
    // RFC 5072 §4.1: zero and our own are to be Nak'ed with one that is neither.
    const bool acceptable = *id != 0 && *id != local_id_ && (accept_peer_ || *id == wanted_peer_);
    if (!acceptable) judge.nak(*option, eight_octets(suggested_));
  }
  if (!judge.seen(kIdentifier)) judge.ask_for(kIdentifier, eight_octets(suggested_));
  return judge.verdict();
}

void Ipv6cp::request_acknowledged(ByteView options) {
  peer_id_ = suggested_;  // of a peer that does not name its own
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next())
    if (option->type == kIdentifier) peer_id_ = wire::option_u64(option->value).value_or(peer_id_);
}

bool Ipv6cp::take_nak(ByteView options) {
  std::uint64_t suggestion = 0;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type != kIdentifier) continue;
    const auto id = wire::option_u64(option->value);
    if (!id) return false;
    suggestion = *id;
  }
  if (!reader.ok()) return false;
  // A suggestion that is of no use (zero, or the one refused: both ends are one) means a new one.
  local_id_ = suggestion != 0 && suggestion != local_id_ ? suggestion : random_id();
  return true;
}

bool Ipv6cp::take_reject(ByteView options) {
  if (!is_part_of_request(options, build_request())) return false;
  send_identifier_ = false;  // the only option that we send; the peer takes what it likes
  return true;
}

}  // namespace l2tpm::ppp
