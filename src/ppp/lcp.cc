#include "ppp/lcp.h"

#include <algorithm>
#include <utility>

#include "ppp/option_judge.h"
#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

using wire::LcpOption;
using wire::PppCode;

// Smaller ones are a mistake or an attack; every frame of a handshake fits into this.
constexpr std::uint16_t kMinMru = 128;
// Four times our own number, each time a new one, is no coincidence (RFC 1661 §6.4); fewer than
// Max-Failure, so that it is not taken for a peer that cannot agree.
constexpr std::uint8_t kLoopLimit = 4;
// After an unanswered echo the next one does not wait for a long interval.
constexpr Duration kEchoRetry = 10s;

constexpr std::uint8_t number(LcpOption option) { return static_cast<std::uint8_t>(option); }

constexpr std::uint8_t bit(AuthMethod method) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(method));
}

bool contains(const std::vector<AuthMethod>& list, AuthMethod method) {
  return std::find(list.begin(), list.end(), method) != list.end();
}

// The options without PFC and ACFC: a LAC may have agreed that the peer takes compressed fields.
// That obliges us to nothing.
std::optional<Bytes> without_compression(ByteView options) {
  Bytes kept;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(LcpOption::protocol_field_compression) ||
        option->type == number(LcpOption::address_control_compression))
      continue;
    kept.insert(kept.end(), option->whole.begin(), option->whole.end());
  }
  if (!reader.ok()) return std::nullopt;
  return kept;
}

}  // namespace

Lcp::Lcp(const LinkSettings& settings, RandomSource& random)
    : Automaton(wire::PppProtocol::lcp, settings.timers), settings_(&settings), random_(&random) {}

std::uint32_t Lcp::new_magic() const {
  std::uint32_t magic = random_->u32();
  while (magic == 0 || magic == magic_) magic = random_->u32();
  return magic;
}

void Lcp::reset() {
  sent_options_ = kSendMagic;
  if (settings_->mru != wire::kPppDefaultMru) sent_options_ |= kSendMru;
  if (settings_->mrru != 0) sent_options_ |= kSendMrru;
  mru_ = settings_->mru;
  mrru_ = settings_->mrru;
  magic_ = new_magic();
  suggested_magic_ = new_magic();
  auth_refused_ = 0;
  loops_ = 0;
  auth_of_peer_.reset();
  if (!settings_->authenticate_peer.empty()) auth_of_peer_ = settings_->authenticate_peer.front();
  peer_mru_ = wire::kPppDefaultMru;
  peer_mrru_ = 0;
  peer_short_sequence_ = false;
  peer_accm_ = 0xffffffff;
  peer_magic_ = 0;
  auth_of_us_.reset();
  echoes_unanswered_ = 0;
  requests_ = std::make_unique<LcpRequests>();
}

Bytes Lcp::build_request() const {
  Bytes options;
  options.reserve(24);
  if ((sent_options_ & kSendMru) != 0)
    wire::put_ppp_option_u16(options, number(LcpOption::mru), mru_);
  if (auth_of_peer_)
    wire::put_ppp_option(options, number(LcpOption::authentication_protocol),
                         encode_auth_option(*auth_of_peer_));
  if ((sent_options_ & kSendMagic) != 0)
    wire::put_ppp_option_u32(options, number(LcpOption::magic_number), magic_);
  if ((sent_options_ & kSendMrru) != 0)
    wire::put_ppp_option_u16(options, number(LcpOption::mrru), mrru_);
  return options;
}

Judgement Lcp::judge_request(ByteView options, bool may_nak) const {
  OptionJudge judge(options, may_nak);
  while (const auto option = judge.next()) {
    switch (static_cast<LcpOption>(option->type)) {
      case LcpOption::mru: {
        const auto mru = wire::option_u16(option->value);
        if (!mru) {
          judge.reject(*option);
        } else if (*mru < kMinMru) {
          judge.nak_u16(*option, std::max(settings_->mtu_limit, kMinMru));
        }
        break;
      }
      case LcpOption::accm:  // of no meaning on L2TP, and harmless
        if (option->value.size() != 4) judge.reject(*option);
        break;
      case LcpOption::authentication_protocol: {
        const auto method = decode_auth_option(option->value);
        if (settings_->answer.empty()) {
          judge.reject(*option);
        } else if (!method || !contains(settings_->answer, *method)) {
          judge.nak(*option, encode_auth_option(settings_->answer.front()));
        }
        break;
      }
      case LcpOption::magic_number: {
        const auto magic = wire::option_u32(option->value);
        if (!magic) {
          judge.reject(*option);
        } else if (*magic == 0 || ((sent_options_ & kSendMagic) != 0 && *magic == magic_)) {
          judge.nak_u32(*option, suggested_magic_);
        }
        break;
      }
      case LcpOption::mrru: {
        const auto mrru = wire::option_u16(option->value);
        if (!mrru || settings_->mrru == 0) {
          judge.reject(*option);
        } else if (*mrru < kMinMru) {
          judge.nak_u16(*option, settings_->mrru);
        }
        break;
      }
      case LcpOption::short_sequence_numbers:
        if (!option->value.empty() || settings_->mrru == 0) judge.reject(*option);
        break;
      case LcpOption::endpoint_discriminator:  // there is one link: it joins no bundle
        if (option->value.empty() || settings_->mrru == 0) judge.reject(*option);
        break;
      case LcpOption::quality_protocol:
      case LcpOption::protocol_field_compression:
      case LcpOption::address_control_compression:
      case LcpOption::fcs_alternatives:
      case LcpOption::self_describing_padding:
      case LcpOption::numbered_mode:
      case LcpOption::multilink_procedure:
      case LcpOption::callback:
      case LcpOption::connect_time:
      case LcpOption::compound_frames:
      case LcpOption::nominal_data_encapsulation:
      default:  // a number from the wire, not one of the enumeration's
        judge.reject(*option);
        break;
    }
  }
  return judge.verdict();
}

void Lcp::request_acknowledged(ByteView options) {
  peer_mru_ = wire::kPppDefaultMru;
  peer_mrru_ = 0;
  peer_short_sequence_ = false;
  peer_accm_ = 0xffffffff;
  peer_magic_ = 0;
  auth_of_us_.reset();
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(LcpOption::mru)) {
      peer_mru_ = wire::option_u16(option->value).value_or(peer_mru_);
    } else if (option->type == number(LcpOption::mrru)) {
      peer_mrru_ = wire::option_u16(option->value).value_or(0);
    } else if (option->type == number(LcpOption::short_sequence_numbers)) {
      peer_short_sequence_ = true;
    } else if (option->type == number(LcpOption::accm)) {
      peer_accm_ = wire::option_u32(option->value).value_or(peer_accm_);
    } else if (option->type == number(LcpOption::magic_number)) {
      peer_magic_ = wire::option_u32(option->value).value_or(0);
    } else if (option->type == number(LcpOption::authentication_protocol)) {
      auth_of_us_ = decode_auth_option(option->value);
    }
  }
  set_max_packet(std::min<std::uint16_t>(peer_mru_, wire::kPppDefaultMru));
}

void Lcp::ask_for_next_auth(std::optional<AuthMethod> suggestion) {
  auth_refused_ |= bit(*auth_of_peer_);
  const auto& list = settings_->authenticate_peer;
  if (suggestion && contains(list, *suggestion) && (auth_refused_ & bit(*suggestion)) == 0) {
    auth_of_peer_ = suggestion;
    return;
  }
  for (const AuthMethod method : list) {
    if ((auth_refused_ & bit(method)) != 0) continue;
    auth_of_peer_ = method;
    return;
  }
  give_up(CauseCode::auth_unacceptable);
}

bool Lcp::take_nak(ByteView options) {
  wire::PppOptionReader check(options);
  while (check.next()) {
  }
  if (!check.ok()) return false;

  bool magic_refused = false;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    if (option->type == number(LcpOption::mru)) {
      // Another MRU than ours means: "send me no more"; that is the peer's MRU's business. A
      // smaller one costs nothing.
      const auto mru = wire::option_u16(option->value);
      if (mru && *mru >= kMinMru && *mru < settings_->mru) {
        mru_ = *mru;
        sent_options_ |= kSendMru;
      }
    } else if (option->type == number(LcpOption::mrru)) {
      const auto mrru = wire::option_u16(option->value);
      if (mrru && *mrru >= kMinMru && *mrru < settings_->mrru) mrru_ = *mrru;
    } else if (option->type == number(LcpOption::authentication_protocol)) {
      if (auth_of_peer_) ask_for_next_auth(decode_auth_option(option->value));
    } else if (option->type == number(LcpOption::magic_number)) {
      magic_refused = true;
    }
    // Options that we did not send: the peer would like us to, RFC 1661 §5.3; we need none.
  }
  if (magic_refused) {
    magic_ = new_magic();
    suggested_magic_ = new_magic();
    if (++loops_ >= kLoopLimit) give_up(CauseCode::loopback);
  } else {
    loops_ = 0;
  }
  return true;
}

bool Lcp::take_reject(ByteView options) {
  if (!is_part_of_request(options, build_request())) return false;
  wire::PppOptionReader reader(options);
  while (const auto rejected = reader.next()) {
    if (rejected->type == number(LcpOption::mru)) {
      sent_options_ &= static_cast<std::uint8_t>(~kSendMru);
    } else if (rejected->type == number(LcpOption::mrru)) {
      sent_options_ &= static_cast<std::uint8_t>(~kSendMrru);
    } else if (rejected->type == number(LcpOption::magic_number)) {
      sent_options_ &= static_cast<std::uint8_t>(~kSendMagic);
    } else if (rejected->type == number(LcpOption::authentication_protocol)) {
      give_up(CauseCode::auth_unacceptable);  // the peer will not authenticate at all
    }
  }
  return true;
}

void Lcp::request_sent(ByteView packet) {
  const ByteView options = packet.subspan(wire::kPppPacketHeader);
  if (requests_) requests_->last_sent.assign(options.begin(), options.end());
}

void Lcp::request_received(ByteView packet) {
  heard_from_peer_ = true;
  const ByteView options = packet.subspan(wire::kPppPacketHeader);
  if (!requests_) return;
  requests_->last_received.assign(options.begin(), options.end());
  if (requests_->initial_received.empty()) requests_->initial_received = requests_->last_received;
}

bool Lcp::adopt(const LcpRequests& requests, TimePoint now) {
  if (requests.last_sent.empty() || requests.last_received.empty()) return false;
  std::optional<AuthMethod> auth;
  std::uint8_t sent = 0;
  std::uint16_t mru = wire::kPppDefaultMru;
  std::uint16_t mrru = 0;
  std::uint32_t magic = 0;
  wire::PppOptionReader reader(requests.last_sent);
  while (const auto option = reader.next()) {
    if (option->type == number(LcpOption::authentication_protocol)) {
      auth = decode_auth_option(option->value);
      if (!auth) return false;
    } else if (option->type == number(LcpOption::mru)) {
      mru = wire::option_u16(option->value).value_or(0);
      if (mru < kMinMru) return false;
      sent |= kSendMru;
    } else if (option->type == number(LcpOption::mrru)) {
      mrru = wire::option_u16(option->value).value_or(0);
      if (settings_->mrru == 0 || mrru < kMinMru) return false;  // its fragments would be lost
      sent |= kSendMrru;
    } else if (option->type == number(LcpOption::magic_number)) {
      magic = wire::option_u32(option->value).value_or(0);
      sent |= kSendMagic;
    }
  }
  if (!reader.ok()) return false;
  const auto& wanted = settings_->authenticate_peer;
  if (!wanted.empty() && (!auth || !contains(wanted, *auth))) return false;

  reset();
  magic_ = magic;
  const auto received = without_compression(requests.last_received);
  if (!received || judge_request(*received, true).kind != Judgement::Kind::ack) return false;
  sent_options_ = sent;
  mru_ = mru;
  mrru_ = mrru;
  auth_of_peer_ = auth;
  request_acknowledged(*received);
  *requests_ = requests;
  adopt_open(now);
  return true;
}

void Lcp::abandon(TimePoint now) {
  lower_down(now);  // to Starting
  close(now);       // to Initial
  take_actions();
}

void Lcp::note_activity(TimePoint now) {
  echoes_unanswered_ = 0;
  echo_at_ = now + settings_->echo_interval;
}

void Lcp::reject_protocol(ByteView frame) {
  if (!is_open()) return;
  // RFC 1661 §5.7: "the Rejected-Information MUST be truncated to comply with the peer's MRU".
  const std::size_t room = peer_mru_ - wire::kPppPacketHeader;
  send(PppCode::protocol_reject, new_identifier(), frame.first(std::min(frame.size(), room)));
}

std::optional<std::uint16_t> Lcp::take_rejected_protocol() {
  return std::exchange(rejected_protocol_, std::nullopt);
}

bool Lcp::receive_extra(const wire::PppPacket& packet, TimePoint now) {
  switch (static_cast<PppCode>(packet.code)) {
    case PppCode::protocol_reject:
      if (is_open() && packet.data.size() >= 2) rejected_protocol_ = ByteReader(packet.data).u16();
      return true;
    case PppCode::echo_request:
      receive_echo_request(packet, now);
      return true;
    case PppCode::echo_reply:
      // Some peers return our own magic number in their reply; they are alive all the same.
      if (is_open()) note_activity(now);
      return true;
    case PppCode::discard_request:
    case PppCode::identification:
    case PppCode::time_remaining:
      return true;
    case PppCode::configure_request:
    case PppCode::configure_ack:
    case PppCode::configure_nak:
    case PppCode::configure_reject:
    case PppCode::terminate_request:
    case PppCode::terminate_ack:
    case PppCode::code_reject:
    case PppCode::reset_request:
    case PppCode::reset_ack:
      break;
  }
  return false;
}

void Lcp::receive_echo_request(const wire::PppPacket& packet, TimePoint now) {
  if (!is_open() || packet.data.size() < 4) return;
  ByteReader reader(packet.data);
  const std::uint32_t magic = reader.u32();
  if (magic != 0 && magic == local_magic()) {  // RFC 1661 §5.8, §6.4
    fail(CauseCode::loopback, now);
    return;
  }
  Bytes reply;
  ByteWriter writer(reply);
  writer.u32(local_magic());
  // The peer's MRU is the limit of what we may send back.
  const std::size_t room = peer_mru_ - wire::kPppPacketHeader - 4u;
  writer.bytes(reader.take(std::min(reader.remaining(), room)));
  send(PppCode::echo_reply, packet.identifier, reply);
}

std::optional<TimePoint> Lcp::extra_deadline() const {
  if (!is_open() || settings_->echo_interval == Duration::zero()) return std::nullopt;
  return std::max(echo_at_, opened_at() + settings_->echo_interval);
}

void Lcp::handle_extra_timeout(TimePoint now) {
  const auto due = extra_deadline();
  if (!due || now < *due) return;
  if (echoes_unanswered_ >= settings_->echo_failures) {
    fail(CauseCode::echo_timeout, now);
    return;
  }
  ++echoes_unanswered_;
  echo_at_ = now + std::min(settings_->echo_interval, kEchoRetry);
  Bytes data;
  ByteWriter(data).u32(local_magic());
  send(PppCode::echo_request, new_identifier(), data);
}

}  // namespace l2tpm::ppp
