#include "ppp/automaton.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace l2tpm::ppp {
namespace {

using wire::PppCode;
using wire::PppPacket;

// RFC 1661 §4.4, in the order in which a cell's actions are carried out.
enum Action : std::uint16_t {
  tld = 1 << 0,   // This-Layer-Down
  irc = 1 << 1,   // Initialize-Restart-Count
  zrc = 1 << 2,   // Zero-Restart-Count
  scr = 1 << 3,   // Send-Configure-Request
  sca = 1 << 4,   // Send-Configure-Ack
  scn = 1 << 5,   // Send-Configure-Nak or -Reject
  str = 1 << 6,   // Send-Terminate-Request
  sta = 1 << 7,   // Send-Terminate-Ack
  scj = 1 << 8,   // Send-Code-Reject
  ser = 1 << 9,   // Send-Echo-Reply: what receive_extra() does
  tlu = 1 << 10,  // This-Layer-Up
  tls = 1 << 11,  // This-Layer-Started
  tlf = 1 << 12,  // This-Layer-Finished
};
constexpr std::string_view kActionNames[] = {"tld", "irc", "zrc", "scr", "sca", "scn", "str",
                                             "sta", "scj", "ser", "tlu", "tls", "tlf"};

constexpr std::uint8_t kNone = 0xff;  // "-" in the table

struct Cell {
  std::uint16_t actions;
  std::uint8_t next;
};
constexpr Cell no{0, kNone};
constexpr Cell to(std::uint8_t next, int actions = 0) {
  return {static_cast<std::uint16_t>(actions), next};
}

constexpr std::size_t kStates = 10;
constexpr std::size_t kEvents = 16;

// RFC 1661 §4.1, columns Initial to Opened. The options [p] and [r] are not used; a crossed
// connection [x] is handled as the table says.
// clang-format off
constexpr Cell kTable[kEvents][kStates] = {
    /* Up   */ {to(2), to(6, irc|scr), no, no, no, no, no, no, no, no},
    /* Down */ {no, no, to(0), to(1, tls), to(0), to(1), to(1), to(1), to(1), to(1, tld)},
    /* Open */ {to(1, tls), to(1), to(6, irc|scr), to(3), to(5), to(5), to(6), to(7), to(8), to(9)},
    /* Close*/ {to(0), to(0, tlf), to(2), to(2), to(4), to(4),
                to(4, irc|str), to(4, irc|str), to(4, irc|str), to(4, tld|irc|str)},
    /* TO+  */ {no, no, no, no, to(4, str), to(5, str), to(6, scr), to(6, scr), to(8, scr), no},
    /* TO-  */ {no, no, no, no, to(2, tlf), to(3, tlf), to(3, tlf), to(3, tlf), to(3, tlf), no},
    /* RCR+ */ {no, no, to(2, sta), to(8, irc|scr|sca), to(4), to(5),
                to(8, sca), to(9, sca|tlu), to(8, sca), to(8, tld|scr|sca)},
    /* RCR- */ {no, no, to(2, sta), to(6, irc|scr|scn), to(4), to(5),
                to(6, scn), to(7, scn), to(6, scn), to(6, tld|scr|scn)},
    /* RCA  */ {no, no, to(2, sta), to(3, sta), to(4), to(5),
                to(7, irc), to(6, scr), to(9, irc|tlu), to(6, tld|scr)},
    /* RCN  */ {no, no, to(2, sta), to(3, sta), to(4), to(5),
                to(6, irc|scr), to(6, scr), to(8, irc|scr), to(6, tld|scr)},
    /* RTR  */ {no, no, to(2, sta), to(3, sta), to(4, sta), to(5, sta),
                to(6, sta), to(6, sta), to(6, sta), to(5, tld|zrc|sta)},
    /* RTA  */ {no, no, to(2), to(3), to(2, tlf), to(3, tlf), to(6), to(6), to(8), to(6, tld|scr)},
    /* RUC  */ {no, no, to(2, scj), to(3, scj), to(4, scj), to(5, scj),
                to(6, scj), to(7, scj), to(8, scj), to(9, scj)},
    /* RXJ+ */ {no, no, to(2), to(3), to(4), to(5), to(6), to(6), to(8), to(9)},
    /* RXJ- */ {no, no, to(2, tlf), to(3, tlf), to(2, tlf), to(3, tlf),
                to(3, tlf), to(3, tlf), to(3, tlf), to(5, tld|irc|str)},
    /* RXR  */ {no, no, to(2), to(3), to(4), to(5), to(6), to(7), to(8), to(9, ser)},
};
// clang-format on

// A peer that answers every request with yet another Nak or Reject would keep us busy for ever:
// each resets the restart counter (RFC 1661 §4.6 leaves that open).
constexpr std::uint8_t kMaxRefusals = 20;

// FNV-1a; equality of requests by the same peer, nothing secret.
std::uint32_t digest(ByteView octets) {
  std::uint32_t hash = 2166136261u;
  for (const std::uint8_t octet : octets) hash = (hash ^ octet) * 16777619u;
  return hash;
}

bool runs_timer(FsmState state) {
  return state >= FsmState::closing && state <= FsmState::ack_sent;
}

}  // namespace

std::string_view name(FsmState state) {
  switch (state) {
    case FsmState::initial:
      return "initial";
    case FsmState::starting:
      return "starting";
    case FsmState::closed:
      return "closed";
    case FsmState::stopped:
      return "stopped";
    case FsmState::closing:
      return "closing";
    case FsmState::stopping:
      return "stopping";
    case FsmState::req_sent:
      return "req-sent";
    case FsmState::ack_rcvd:
      return "ack-rcvd";
    case FsmState::ack_sent:
      return "ack-sent";
    case FsmState::opened:
      return "opened";
  }
  return "invalid";
}

std::string_view name(FsmEvent event) {
  switch (event) {
    case FsmEvent::up:
      return "Up";
    case FsmEvent::down:
      return "Down";
    case FsmEvent::open:
      return "Open";
    case FsmEvent::close:
      return "Close";
    case FsmEvent::to_plus:
      return "TO+";
    case FsmEvent::to_minus:
      return "TO-";
    case FsmEvent::rcr_plus:
      return "RCR+";
    case FsmEvent::rcr_minus:
      return "RCR-";
    case FsmEvent::rca:
      return "RCA";
    case FsmEvent::rcn:
      return "RCN";
    case FsmEvent::rtr:
      return "RTR";
    case FsmEvent::rta:
      return "RTA";
    case FsmEvent::ruc:
      return "RUC";
    case FsmEvent::rxj_plus:
      return "RXJ+";
    case FsmEvent::rxj_minus:
      return "RXJ-";
    case FsmEvent::rxr:
      return "RXR";
  }
  return "invalid";
}

std::string_view name(LayerEvent event) {
  switch (event) {
    case LayerEvent::up:
      return "up";
    case LayerEvent::down:
      return "down";
    case LayerEvent::started:
      return "started";
    case LayerEvent::finished:
      return "finished";
  }
  return "invalid";
}

std::string Automaton::cell_text(FsmState state, FsmEvent event) {
  const Cell& cell = kTable[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)];
  if (cell.next == kNone) return "-";
  std::string text;
  for (std::size_t bit = 0; bit < std::size(kActionNames); ++bit) {
    if ((cell.actions & (1u << bit)) == 0) continue;
    if (!text.empty()) text += ",";
    text += kActionNames[bit];
  }
  return (text.empty() ? "" : text + "/") + std::to_string(cell.next);
}

void Automaton::open(TimePoint now) { step(FsmEvent::open, now); }

void Automaton::close(TimePoint now, std::string_view text) {
  context_.text = text;
  step(FsmEvent::close, now);
  context_ = {};
}

void Automaton::lower_up(TimePoint now) { step(FsmEvent::up, now); }
void Automaton::lower_down(TimePoint now) { step(FsmEvent::down, now); }

void Automaton::protocol_rejected(TimePoint now) {
  if (failure_ == CauseCode::none) {
    failure_ = CauseCode::not_supported;
    failed_by_peer_ = true;
  }
  // RFC 1661 §5.7: "MUST stop sending packets of the indicated protocol at the earliest
  // opportunity"; RXJ- would send Terminate-Requests. Down and Close send nothing.
  step(FsmEvent::down, now);
  step(FsmEvent::close, now);
}

void Automaton::receive(const PppPacket& packet, TimePoint now) {
  if (state_ <= FsmState::starting) return;  // the lower layer is down: nothing can come
  context_.packet = &packet;
  switch (static_cast<PppCode>(packet.code)) {
    case PppCode::configure_request:
      receive_configure_request(packet, now);
      break;
    case PppCode::configure_ack:
    case PppCode::configure_nak:
    case PppCode::configure_reject:
      receive_response(packet, now);
      break;
    case PppCode::terminate_request:
      if (is_open()) {
        failure_ = CauseCode::peer_closed;
        failed_by_peer_ = true;
      }
      step(FsmEvent::rtr, now);
      break;
    case PppCode::terminate_ack:
      step(FsmEvent::rta, now);
      break;
    case PppCode::code_reject:
      receive_code_reject(packet, now);
      break;
    case PppCode::protocol_reject:
    case PppCode::echo_request:
    case PppCode::echo_reply:
    case PppCode::discard_request:
    case PppCode::identification:
    case PppCode::time_remaining:
    case PppCode::reset_request:
    case PppCode::reset_ack:
    default:  // a number from the wire, not one of the enumeration's
      if (!receive_extra(packet, now)) step(FsmEvent::ruc, now);
      break;
  }
  context_ = {};
}

bool Automaton::would_acknowledge(const PppPacket& packet) const {
  return judge_request(packet.data, naks_sent_ < timers_->max_failure).kind == Judgement::Kind::ack;
}

void Automaton::receive_configure_request(const PppPacket& packet, TimePoint now) {
  if (state_ == FsmState::closed || state_ == FsmState::closing || state_ == FsmState::stopping) {
    step(FsmEvent::rcr_plus, now);  // the same cell for both verdicts
    return;
  }
  const std::uint32_t packet_digest = digest(packet.whole);
  if (is_open() && packet.identifier == acked_identifier_ && packet_digest == acked_digest_ &&
      now < opened_at_ + kDuplicateWindow) {
    send(PppCode::configure_ack, packet.identifier, packet.data);
    return;
  }
  if (!is_negotiating() && !negotiation_is_fresh_) restart_negotiation();
  request_received(packet.whole);
  if (failure_ != CauseCode::none) {
    step(FsmEvent::close, now);
    return;
  }
  const Judgement judgement = judge_request(packet.data, naks_sent_ < timers_->max_failure);
  context_.judgement = &judgement;
  switch (judgement.kind) {
    case Judgement::Kind::ack:
      naks_sent_ = 0;
      acked_identifier_ = packet.identifier;
      acked_digest_ = packet_digest;
      step(FsmEvent::rcr_plus, now);
      break;
    case Judgement::Kind::nak:
      ++naks_sent_;
      step(FsmEvent::rcr_minus, now);
      break;
    case Judgement::Kind::reject:
      step(FsmEvent::rcr_minus, now);
      break;
    case Judgement::Kind::discard:
      break;
  }
  context_.judgement = nullptr;
}

void Automaton::receive_response(const PppPacket& packet, TimePoint now) {
  const bool is_ack = packet.is(PppCode::configure_ack);
  if (state_ == FsmState::closed || state_ == FsmState::stopped) {
    step(is_ack ? FsmEvent::rca : FsmEvent::rcn, now);  // a Terminate-Ack tells the peer
    return;
  }
  if (!is_negotiating() && !is_open()) return;
  // RFC 1661 §5.2: "the Identifier field MUST match that of the last transmitted
  // Configure-Request".
  if (!response_expected_ || packet.identifier != request_identifier_) return;
  if (is_ack) {
    // "Additionally, the Configuration Options in a Configure-Ack MUST exactly match those of the
    // last transmitted Configure-Request."
    const Bytes request = build_request();
    if (!std::equal(request.begin(), request.end(), packet.data.begin(), packet.data.end())) return;
    response_expected_ = false;
    step(FsmEvent::rca, now);
    return;
  }
  const bool understood =
      packet.is(PppCode::configure_nak) ? take_nak(packet.data) : take_reject(packet.data);
  if (!understood) return;
  response_expected_ = false;
  if (++refusals_received_ > kMaxRefusals) give_up(no_agreement());
  step(failure_ == CauseCode::none ? FsmEvent::rcn : FsmEvent::close, now);
}

void Automaton::receive_code_reject(const PppPacket& packet, TimePoint now) {
  // RFC 1661 §5.6: a peer that rejects a code fundamental to this version of the protocol cannot be
  // talked to.
  const bool is_fundamental =
      !packet.data.empty() &&
      packet.data[0] >= static_cast<std::uint8_t>(PppCode::configure_request) &&
      packet.data[0] <= static_cast<std::uint8_t>(PppCode::code_reject);
  if (is_fundamental && failure_ == CauseCode::none) {
    failure_ = no_agreement();
    failed_by_peer_ = true;
  }
  step(is_fundamental ? FsmEvent::rxj_minus : FsmEvent::rxj_plus, now);
}

void Automaton::handle_timeout(TimePoint now) {
  if (deadline_ && *deadline_ <= now) {
    deadline_.reset();
    if (restart_count_ > 0) {
      if (backoff_ < 8) ++backoff_;
      step(FsmEvent::to_plus, now);
    } else {
      if (is_negotiating() && failure_ == CauseCode::none) failure_ = no_agreement();
      step(FsmEvent::to_minus, now);
    }
  }
  handle_extra_timeout(now);
}

std::optional<TimePoint> Automaton::next_deadline() const {
  const std::optional<TimePoint> extra = extra_deadline();
  if (!deadline_) return extra;
  return extra ? std::min(*deadline_, *extra) : *deadline_;
}

std::vector<AutomatonAction> Automaton::take_actions() { return std::exchange(actions_, {}); }

bool Automaton::receive_extra(const PppPacket&, TimePoint) { return false; }
void Automaton::request_sent(ByteView) {}
void Automaton::request_received(ByteView) {}
std::optional<TimePoint> Automaton::extra_deadline() const { return std::nullopt; }
void Automaton::handle_extra_timeout(TimePoint) {}

void Automaton::send(PppCode code, std::uint8_t identifier, ByteView data) {
  Bytes frame;
  frame.reserve(2 + wire::kPppPacketHeader + data.size());
  ByteWriter writer(frame);
  writer.u16(static_cast<std::uint16_t>(protocol_));
  writer.u8(static_cast<std::uint8_t>(code));
  writer.u8(identifier);
  writer.u16(static_cast<std::uint16_t>(wire::kPppPacketHeader + data.size()));
  writer.bytes(data);
  actions_.emplace_back(SendFrame{std::move(frame)});
}

void Automaton::fail(CauseCode cause, TimePoint now) {
  give_up(cause);
  step(FsmEvent::close, now);
}

void Automaton::give_up(CauseCode cause) {
  if (failure_ == CauseCode::none) failure_ = cause;
}

void Automaton::adopt_open(TimePoint now) {
  assert(state_ == FsmState::initial);
  opened_at_ = now;
  set_state(FsmState::opened, FsmEvent::up);
  actions_.emplace_back(LayerEvent::up);
}

bool Automaton::is_negotiating() const {
  return state_ >= FsmState::req_sent && state_ <= FsmState::ack_sent;
}

CauseCode Automaton::no_agreement() const {
  return protocol_ == wire::PppProtocol::lcp ? CauseCode::lcp_failed : CauseCode::network_failed;
}

void Automaton::restart_negotiation() {
  naks_sent_ = 0;
  refusals_received_ = 0;
  failure_ = CauseCode::none;
  failed_by_peer_ = false;
  negotiation_is_fresh_ = true;
  reset();
}

void Automaton::step(FsmEvent event, TimePoint now) {
  const Cell& cell = kTable[static_cast<std::size_t>(event)][static_cast<std::size_t>(state_)];
  if (cell.next == kNone) return;
  const bool was_negotiating = is_negotiating();
  const auto next = static_cast<FsmState>(cell.next);
  if ((cell.actions & scr) != 0 && !was_negotiating && !negotiation_is_fresh_)
    restart_negotiation();
  set_state(next, event);
  if (next == FsmState::opened && (cell.actions & tlu) != 0) opened_at_ = now;
  perform(cell.actions, event, now);
  if (!runs_timer(state_)) deadline_.reset();
}

void Automaton::set_state(FsmState state, FsmEvent) { state_ = state; }

void Automaton::perform(std::uint16_t actions, FsmEvent event, TimePoint now) {
  if ((actions & tld) != 0) actions_.emplace_back(LayerEvent::down);
  if ((actions & irc) != 0) {
    restart_count_ =
        is_negotiating() || is_open() ? timers_->max_configure : timers_->max_terminate;
    backoff_ = 0;
    start_timer(now);
  }
  if ((actions & zrc) != 0) {
    restart_count_ = 0;
    backoff_ = 0;
    start_timer(now);
  }
  if ((actions & scr) != 0) send_configure_request(event == FsmEvent::to_plus, now);
  if ((actions & sca) != 0) {
    request_acknowledged(context_.packet->data);
    send(PppCode::configure_ack, context_.packet->identifier, context_.packet->data);
  }
  if ((actions & scn) != 0) {
    const bool is_nak = context_.judgement->kind == Judgement::Kind::nak;
    send(is_nak ? PppCode::configure_nak : PppCode::configure_reject, context_.packet->identifier,
         context_.judgement->options);
  }
  if ((actions & str) != 0) {
    if (restart_count_ > 0) --restart_count_;
    send(PppCode::terminate_request, new_identifier(), as_bytes(context_.text));
    start_timer(now);
  }
  if ((actions & sta) != 0) send(PppCode::terminate_ack, context_.packet->identifier, {});
  if ((actions & scj) != 0) {
    const ByteView rejected = context_.packet->whole;
    const std::size_t room = max_packet_ - wire::kPppPacketHeader;
    send(PppCode::code_reject, new_identifier(), rejected.first(std::min(rejected.size(), room)));
  }
  if ((actions & tlu) != 0) actions_.emplace_back(LayerEvent::up);
  if ((actions & tls) != 0) actions_.emplace_back(LayerEvent::started);
  if ((actions & tlf) != 0) actions_.emplace_back(LayerEvent::finished);
}

void Automaton::send_configure_request(bool is_repeat, TimePoint now) {
  // RFC 1661 §5.1: a retransmission may keep its Identifier, so that a late answer still counts.
  if (!is_repeat) request_identifier_ = new_identifier();
  if (restart_count_ > 0) --restart_count_;
  response_expected_ = true;
  negotiation_is_fresh_ = false;
  send(PppCode::configure_request, request_identifier_, build_request());
  const auto* sent = std::get_if<SendFrame>(&actions_.back());
  request_sent(ByteView(sent->frame).subspan(2));
  start_timer(now);
}

void Automaton::start_timer(TimePoint now) {
  const Duration interval = timers_->restart_first * (1 << backoff_);
  deadline_ = now + std::min(interval, timers_->restart);
}

}  // namespace l2tpm::ppp
