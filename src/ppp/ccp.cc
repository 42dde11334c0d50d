#include "ppp/ccp.h"

#include <fmt/core.h>

#include <algorithm>

#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

using wire::PppCode;
using wire::PppPacket;

// The Supported Bits of RFC 3078 §2.1.
constexpr std::uint32_t kStateless = 0x01000000;  // H
constexpr std::uint32_t kBits40 = 0x00000020;     // L
constexpr std::uint32_t kBits128 = 0x00000040;    // S
// 56 bit (M, 0x80), MPPC (C, 0x01) and the obsolete D (0x10) are refused like unknown bits.

constexpr std::uint8_t kMppeOption = static_cast<std::uint8_t>(wire::CcpOption::mppc_mppe);
constexpr std::size_t kFrameHeader = 2 + wire::kPppPacketHeader;

// How long and how often a Reset-Ack is waited for.
constexpr Duration kResetTimeout = 1s;
constexpr std::uint8_t kMaxResetRequests = 3;
// So many answered resets in so short a time mean that they do not help.
constexpr Duration kResetWindow = 5s;
constexpr std::uint8_t kMaxResets = 20;

std::uint32_t strongest(std::uint32_t bits) {
  return (bits & kBits128) != 0 ? kBits128 : bits & kBits40;
}

std::uint32_t bits_of(const MppeMode& mode) {
  return (mode.strength == MppeStrength::bits_128 ? kBits128 : kBits40) |
         (mode.stateless ? kStateless : 0);
}

// With both strengths set the kernel takes 128, and so do we.
std::optional<MppeMode> mode_of(std::uint32_t bits) {
  const std::uint32_t strength = strongest(bits);
  if (strength == 0) return std::nullopt;
  return MppeMode{strength == kBits128 ? MppeStrength::bits_128 : MppeStrength::bits_40,
                  (bits & kStateless) != 0};
}

// The first well-formed MPPE option.
std::optional<std::uint32_t> find_mppe(ByteView options) {
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next())
    if (option->type == kMppeOption)
      if (const auto bits = wire::option_u32(option->value)) return bits;
  return std::nullopt;
}

bool is_well_formed(ByteView options) {
  wire::PppOptionReader reader(options);
  while (reader.next()) {
  }
  return reader.ok();
}

bool has_code(const SendFrame& frame, PppCode code) {
  return frame.frame.size() >= kFrameHeader && frame.frame[2] == static_cast<std::uint8_t>(code);
}

}  // namespace

std::string_view name(MppeUse use) {
  switch (use) {
    case MppeUse::off:
      return "off";
    case MppeUse::prefer:
      return "prefer";
    case MppeUse::require:
      return "require";
  }
  return "?";
}

std::string to_string(const MppeMode& mode) {
  return fmt::format("MPPE {} {}", name(mode.strength), mode.stateless ? "stateless" : "stateful");
}

std::array<std::uint8_t, 22> SetMppe::option_data() const {
  std::array<std::uint8_t, 22> data{kMppeOption, 6};
  const std::uint32_t bits = bits_of(mode);
  for (std::size_t i = 0; i < 4; ++i)
    data[2 + i] = static_cast<std::uint8_t>(bits >> (8 * (3 - i)));
  const ByteView key = start_key.octets();
  std::copy_n(key.begin(), std::min(key.size(), kMppeKeySize), data.begin() + 6);
  return data;
}

Ccp::Ccp(const MppePolicy& policy, const MppeKeys& keys, const FsmTimers& timers)
    : Automaton(wire::PppProtocol::ccp, timers), policy_(policy), keys_(keys) {
  if (policy_.use == MppeUse::off) return;
  if (policy_.allow_128 && keys_.has(MppeStrength::bits_128)) permitted_ |= kBits128;
  if (policy_.allow_40 && keys_.has(MppeStrength::bits_40)) permitted_ |= kBits40;
}

void Ccp::open(TimePoint now) {
  if (policy_.use == MppeUse::require && permitted_ == 0) {
    if (std::exchange(is_failed_, true)) return;
    out_.emplace_back(CcpFailed{
        {.code = CauseCode::encryption_required,
         .message = "encryption is required, but the authentication gave no keys for it"}
    });
    return;
  }
  set_flags(true, false);
  Automaton::open(now);
  Automaton::lower_up(now);
  collect(now);
}

void Ccp::close(TimePoint now, std::string_view text) {
  Automaton::close(now, text);
  collect(now);
}

void Ccp::lower_down(TimePoint now) {
  Automaton::lower_down(now);
  collect(now);
  set_flags(false, false);
}

void Ccp::receive(const PppPacket& packet, TimePoint now) {
  const auto is_waiting_for_ack = [this] {
    return state() == FsmState::req_sent || state() == FsmState::ack_sent;
  };
  const bool was_waiting = is_waiting_for_ack();
  if (restarts(packet)) restart(now);
  Automaton::receive(packet, now);
  collect(now);
  if (packet.is(PppCode::configure_ack) && was_waiting && is_waiting_for_ack()) undo_late_ack();
  if (outdates_our_ack(packet)) {
    restart(now);
    collect(now);
  }
}

void Ccp::protocol_rejected(TimePoint now) {
  Automaton::protocol_rejected(now);
  collect(now);
}

void Ccp::handle_timeout(TimePoint now) {
  Automaton::handle_timeout(now);
  collect(now);
}

std::optional<MppeMode> Ccp::receive_mode() const { return is_open() ? receive_ : std::nullopt; }
std::optional<MppeMode> Ccp::transmit_mode() const { return is_open() ? transmit_ : std::nullopt; }

// Whether the packet has left the kernel's state, or the peer's, different from ours.
bool Ccp::restarts(const PppPacket& packet) {
  // Our compressor has stopped, be it a duplicate or not.
  if (packet.is(PppCode::configure_request)) return is_open();
  if (!packet.is(PppCode::configure_ack)) return false;
  const bool is_current = packet.identifier == request_identifier_;
  if (is_current && request_acks_ < 0xff) ++request_acks_;
  // Until we are up the kernel initialises its decompressor at every Ack, but only once from the
  // start key.
  if (state() == FsmState::ack_rcvd) return true;
  // We had sent the request more than once, and each copy restarts the peer's compressor.
  return is_open() && is_current && request_acks_ > 1 && request_acks_ <= request_copies_;
}

// Whether the packet, taken already, has stopped our compressor (a Configure-Request does so
// malformed or not, a Terminate-Ack in any state) while the automaton keeps our Ack for good.
bool Ccp::outdates_our_ack(const PppPacket& packet) const {
  if (state() != FsmState::ack_sent) return false;
  if (packet.is(PppCode::configure_request)) return !would_acknowledge(packet);
  return packet.is(PppCode::terminate_ack);
}

// After an Ack that the automaton did not take: the kernel has. A new key undoes that; another
// Configure-Request would too, but two ends that do so to each other's late Acks never come to
// rest.
void Ccp::undo_late_ack() {
  if (const auto mode = mode_of(offer_))
    out_.emplace_back(SetMppe{MppeDirection::receive, *mode,
                              keys_.start_key(MppeDirection::receive, mode->strength)});
}

void Ccp::restart(TimePoint now) {
  resets_ = 0;
  request_copies_ = 0;
  request_acks_ = 0;
  Automaton::lower_down(now);
  Automaton::lower_up(now);
}

Bytes Ccp::build_request() const {
  Bytes options;
  if (offer_ != 0) wire::put_ppp_option_u32(options, kMppeOption, offer_);
  return options;
}

void Ccp::reset() {
  stateful_requests_ = 0;
  reset_deadline_.reset();
  // What was agreed on before will be again; at first, all that we can.
  if (receive_) {
    offer_ = bits_of(*receive_);
  } else {
    offer_ = permitted_ == 0 ? 0 : permitted_ | kStateless;
  }
  receive_.reset();
  transmit_.reset();
}

Judgement Ccp::judge_request(ByteView options, bool may_nak) const {
  Bytes rejected;
  std::optional<std::uint32_t> offered;
  wire::PppOptionReader reader(options);
  while (const auto option = reader.next()) {
    const auto bits = option->type == kMppeOption ? wire::option_u32(option->value) : std::nullopt;
    if (bits && permitted_ != 0 && !offered) {
      offered = bits;
    } else {
      rejected.insert(rejected.end(), option->whole.begin(), option->whole.end());
    }
  }
  if (!reader.ok()) return {Judgement::Kind::discard, {}};
  if (!rejected.empty()) return {Judgement::Kind::reject, std::move(rejected)};

  if (!offered) {
    if (policy_.use != MppeUse::require || !may_nak) return {Judgement::Kind::ack, {}};
    Bytes wanted;
    wire::put_ppp_option_u32(wanted, kMppeOption, strongest(permitted_) | kStateless);
    return {Judgement::Kind::nak, std::move(wanted)};
  }

  // "the peer ... MUST Configure-Nak with exactly one of the strength bits set" (RFC 3078 §2.1).
  std::uint32_t wanted = strongest(*offered & permitted_);
  if (wanted == 0) wanted = strongest(permitted_);
  // Stateless loses less on an unreliable path. A peer that insists may have its way.
  const bool is_stateful = (*offered & kStateless) == 0;
  const bool concede = policy_.allow_stateful && stateful_requests_ > 1;
  if (!is_stateful || !concede) wanted |= kStateless;
  if (*offered == wanted) return {Judgement::Kind::ack, {}};
  Bytes answer;
  if (may_nak) {
    wire::put_ppp_option_u32(answer, kMppeOption, wanted);
    return {Judgement::Kind::nak, std::move(answer)};
  }
  wire::put_ppp_option_u32(answer, kMppeOption, *offered);
  return {Judgement::Kind::reject, std::move(answer)};
}

void Ccp::request_acknowledged(ByteView options) {
  const auto bits = find_mppe(options);
  transmit_ = bits ? mode_of(*bits) : std::nullopt;
}

bool Ccp::take_nak(ByteView options) {
  if (!is_well_formed(options)) return false;
  const auto bits = find_mppe(options);
  if (!bits || offer_ == 0) return true;
  const std::uint32_t strength = strongest(*bits & permitted_);
  if (strength == 0) {
    mppe_refused();
    return true;
  }
  const bool stateful = (*bits & kStateless) == 0 && policy_.allow_stateful;
  offer_ = strength | (stateful ? 0 : kStateless);
  return true;
}

bool Ccp::take_reject(ByteView options) {
  if (!is_well_formed(options)) return false;
  if (find_mppe(options)) mppe_refused();
  return true;
}

void Ccp::mppe_refused() {
  offer_ = 0;
  if (policy_.use == MppeUse::require) give_up(CauseCode::encryption_required);
}

bool Ccp::receive_extra(const PppPacket& packet, TimePoint now) {
  if (packet.is(PppCode::reset_request)) {
    // Written to the unit, the Reset-Ack makes the kernel's compressor start over.
    if (is_open() && transmit_) send(PppCode::reset_ack, packet.identifier, {});
    return true;
  }
  if (packet.is(PppCode::reset_ack)) {
    if (!reset_deadline_ || packet.identifier != reset_identifier_) return true;
    reset_deadline_.reset();
    // Answered, and lost again, and so on: the keys are not the peer's, a reset cannot help.
    if (now >= reset_window_ + kResetWindow) {
      reset_window_ = now;
      resets_ = 0;
    }
    if (++resets_ >= kMaxResets) restart(now);
    return true;
  }
  return false;
}

void Ccp::request_sent(ByteView packet) {
  if (packet[1] != request_identifier_) {
    request_copies_ = 0;
    request_acks_ = 0;
  }
  request_identifier_ = packet[1];
  if (request_copies_ < 0xff) ++request_copies_;
}

void Ccp::request_received(ByteView packet) {
  const auto bits = find_mppe(packet.subspan(wire::kPppPacketHeader));
  if (bits && (*bits & kStateless) == 0 && stateful_requests_ < 0xff) ++stateful_requests_;
}

void Ccp::lost_synchronisation(TimePoint now) {
  if (!is_open() || !receive_ || reset_deadline_) return;
  reset_requests_ = 0;
  reset_identifier_ = new_identifier();
  send_reset_request(now);
  collect(now);
}

void Ccp::send_reset_request(TimePoint now) {
  ++reset_requests_;
  reset_deadline_ = now + kResetTimeout;
  // A repetition keeps the Identifier: a late Reset-Ack counts.
  send(PppCode::reset_request, reset_identifier_, {});
}

std::optional<TimePoint> Ccp::extra_deadline() const { return reset_deadline_; }

void Ccp::handle_extra_timeout(TimePoint now) {
  if (!reset_deadline_ || now < *reset_deadline_) return;
  reset_deadline_.reset();
  if (!is_open()) return;
  if (reset_requests_ < kMaxResetRequests) {
    send_reset_request(now);
  } else {
    // RFC 3078 §8 lets a peer leave out the Reset-Ack; a new negotiation resets both ends as well.
    restart(now);
  }
}

// Turns what the automaton has to say into our actions.
void Ccp::collect(TimePoint now) {
  for (auto& action : Automaton::take_actions()) {
    if (auto* frame = std::get_if<SendFrame>(&action)) {
      arm(*frame);
      out_.emplace_back(std::move(*frame));
    } else if (const auto* event = std::get_if<LayerEvent>(&action)) {
      layer_event(*event, now);
    }
  }
  report_failure();
}

// Sets the key that the kernel will need when this frame, or the answer to it, passes the unit.
// Every time: the kernel cannot begin again with a key that was in use (ppp_mppe keeps the session
// key that it had come to).
void Ccp::arm(const SendFrame& frame) {
  const bool is_request = has_code(frame, PppCode::configure_request);
  if (!is_request && !has_code(frame, PppCode::configure_ack)) return;
  const auto bits = find_mppe(ByteView(frame.frame).subspan(kFrameHeader));
  const auto mode = bits ? mode_of(*bits) : std::nullopt;
  if (!mode) return;
  // The peer may begin again after we had given up.
  if (!flags_.open) set_flags(true, false);
  const auto direction = is_request ? MppeDirection::receive : MppeDirection::transmit;
  out_.emplace_back(SetMppe{direction, *mode, keys_.start_key(direction, mode->strength)});
}

void Ccp::layer_event(LayerEvent event, TimePoint now) {
  switch (event) {
    case LayerEvent::up:
      receive_ = mode_of(offer_);
      if (policy_.use == MppeUse::require && (!receive_ || !transmit_)) {
        Automaton::fail(CauseCode::encryption_required, now);
        collect(now);
        return;
      }
      set_flags(true, true);
      said_up_ = true;
      out_.emplace_back(CcpUp{receive_, transmit_});
      return;
    case LayerEvent::down:
      reset_deadline_.reset();
      set_flags(true, false);
      say_down();
      return;
    case LayerEvent::started:
      return;
    case LayerEvent::finished:
      set_flags(false, false);
      say_down();
      return;
  }
}

void Ccp::say_down() {
  if (said_up_ == false) return;
  said_up_ = false;
  out_.emplace_back(CcpDown{});
}

void Ccp::report_failure() {
  if (policy_.use != MppeUse::require || failure() == CauseCode::none) return;
  if (std::exchange(is_failed_, true)) return;
  out_.emplace_back(CcpFailed{
      {.code = CauseCode::encryption_required,
       .by_peer = failed_by_peer(),
       .message = failed_by_peer() ? "the peer refuses encryption"
                                   : "no agreement on encryption (MPPE)"}
  });
}

void Ccp::set_flags(bool open, bool up) {
  // SC_MUST_COMP on a unit that is not up would make the kernel drop, loudly, what its compressor
  // is already able to encrypt.
  const SetCcpFlags flags{open, up, up && policy_.use == MppeUse::require};
  if (flags == flags_) return;
  flags_ = flags;
  out_.emplace_back(flags);
}

}  // namespace l2tpm::ppp
