// A link's life, and LCP. Authentication is in link_auth.cc, CCP and the NCPs in link_network.cc.
#include "ppp/link.h"

#include <algorithm>

#include "base/log.h"
#include "wire/ppp_frame.h"

namespace l2tpm::ppp {

using wire::PppCode;
using wire::PppProtocol;

std::string_view name(LinkPhase phase) {
  switch (phase) {
    case LinkPhase::dead:
      return "dead";
    case LinkPhase::establish:
      return "establish";
    case LinkPhase::authenticate:
      return "authenticate";
    case LinkPhase::network:
      return "network";
    case LinkPhase::running:
      return "running";
    case LinkPhase::terminate:
      return "terminate";
  }
  return "invalid";
}

Link::Link(std::shared_ptr<const LinkSettings> settings, RandomSource& random)
    : settings_(std::move(settings)), random_(&random), lcp_(*settings_, random) {}

Link::~Link() = default;

void Link::open(TimePoint now) {
  if (phase_ != LinkPhase::dead || lcp_.state() != FsmState::initial) return;
  set_phase(LinkPhase::establish, "open");
  lcp_.open(now);
  lcp_.lower_up(now);
  take_from_lcp(now);
}

void Link::open_from_proxy(const ProxyState& state, TimePoint now) {
  if (phase_ != LinkPhase::dead || lcp_.state() != FsmState::initial) return;
  const LcpRequests requests{state.initial_received_request, state.last_sent_request,
                             state.last_received_request};
  const bool adopted = settings_->proxy_use != ProxyUse::renegotiate && lcp_.adopt(requests, now);
  // PAP cannot be asked for again, only LCP can.
  const bool must_ask_again = settings_->proxy_use == ProxyUse::challenge_again && adopted &&
                              lcp_.auth_of_peer() == AuthMethod::pap;
  if (!adopted || must_ask_again) {
    if (adopted) lcp_.abandon(now);
    open(now);
    return;
  }
  set_phase(LinkPhase::establish, "proxied LCP");
  proxied_request_ = state.auth ? &*state.auth : nullptr;
  take_from_lcp(now);
  proxied_request_ = nullptr;
}

ProxyState Link::export_proxy_state() const {
  ProxyState state;
  if (const LcpRequests* requests = lcp_.requests()) {
    state.initial_received_request = requests->initial_received;
    state.last_sent_request = requests->last_sent;
    state.last_received_request = requests->last_received;
  }
  if (pending_request_) state.auth = *pending_request_;
  return state;
}

void Link::receive(ByteView octets, TimePoint now) {
  if (phase_ == LinkPhase::dead) return;
  const auto frame = wire::decode_ppp_frame(octets);
  if (!frame) {
    ++frames_ignored_;
    return;
  }
  const auto protocol = static_cast<PppProtocol>(frame->protocol);
  const bool is_auth = protocol == PppProtocol::pap || protocol == PppProtocol::chap;
  if (protocol == PppProtocol::lcp || is_auth) {
    const auto packet = wire::decode_ppp_packet(frame->payload);
    if (!packet) {
      ++frames_ignored_;
    } else if (is_auth) {
      receive_auth(protocol, *packet, now);
    } else {
      receive_lcp(*packet, now);
    }
    return;
  }
  // RFC 1661 §3.5: in the phase of authentication all other packets are silently discarded.
  if (phase_ == LinkPhase::network || phase_ == LinkPhase::running) {
    receive_network(*frame, now);
  } else {
    ++frames_ignored_;
  }
}

void Link::receive_lcp(const wire::PppPacket& packet, TimePoint now) {
  if (lcp_.is_open()) {
    lcp_.note_activity(now);
    if (packet.is(PppCode::terminate_request)) terminate_text_ = printable(packet.data, 128);
  }
  lcp_.receive(packet, now);
  take_from_lcp(now);
  if (phase_ == LinkPhase::dead) return;
  if (const auto rejected = lcp_.take_rejected_protocol()) protocol_rejected(*rejected, now);
  // Our Terminate-Ack is out. RFC 1661 §3.7 lets us linger for a lost one; below PPP there is
  // L2TP's own, reliable, goodbye.
  if (phase_ != LinkPhase::dead && lcp_.state() == FsmState::stopping) finish(lcp_cause());
}

void Link::take_from_lcp(TimePoint now) {
  while (phase_ != LinkPhase::dead) {
    auto actions = lcp_.take_actions();
    if (actions.empty()) return;
    for (AutomatonAction& action : actions) {
      if (phase_ == LinkPhase::dead) return;
      if (auto* frame = std::get_if<SendFrame>(&action)) {
        emit(std::move(*frame));
        continue;
      }
      switch (*std::get_if<LayerEvent>(&action)) {
        case LayerEvent::up:
          lcp_up(now);
          break;
        case LayerEvent::down:
          lcp_down(now);
          break;
        case LayerEvent::started:
          break;
        case LayerEvent::finished:
          finish(closing_ ? *closing_ : lcp_cause());
          break;
      }
    }
  }
}

void Link::lcp_up(TimePoint now) {
  emit(LcpUp{.peer_mru = lcp_.peer_mru(),
             .mtu = std::min(lcp_.peer_mru(), settings_->mtu_limit),
             .peer_accm = lcp_.peer_accm(),
             .magic = lcp_.local_magic(),
             .peer_mrru = lcp_.peer_mrru(),
             .local_mrru = lcp_.local_mrru(),
             .peer_short_sequence = lcp_.peer_wants_short_sequence()});
  set_phase(LinkPhase::authenticate, "LCP up");
  start_authentication(now);
}

void Link::lcp_down(TimePoint now) {
  stop_network(now);
  auth_server_.reset();
  auth_peer_.reset();
  pending_request_.reset();
  keys_.reset();
  if (closing_) return;
  if (renegotiations_ < 0xffff) ++renegotiations_;
  set_phase(LinkPhase::establish, "LCP down");
}

void Link::protocol_rejected(std::uint16_t protocol, TimePoint now) {
  switch (static_cast<PppProtocol>(protocol)) {
    case PppProtocol::ccp:
      if (ccp_) ccp_->protocol_rejected(now);
      take_from_ccp(now);
      return;
    case PppProtocol::ipcp:
    case PppProtocol::ipv6cp:
    case PppProtocol::bcp:
      if (Automaton* ncp = ncp_of(static_cast<PppProtocol>(protocol))) ncp->protocol_rejected(now);
      take_from_ncps(now);
      return;
    case PppProtocol::lcp:
    case PppProtocol::pap:
    case PppProtocol::chap:
      close({.code = CauseCode::protocol_error,
             .by_peer = true,
             .message = "the peer rejected " + wire::protocol_text(protocol)},
            now);
      return;
    case PppProtocol::ipv4:
    case PppProtocol::vj_compressed:
    case PppProtocol::vj_uncompressed:
    case PppProtocol::bridging:
    case PppProtocol::multilink:
    case PppProtocol::ipv6:
    case PppProtocol::compressed:
    case PppProtocol::mpls_unicast:
    case PppProtocol::ecp:
    case PppProtocol::ccp_link:
    case PppProtocol::mplscp:
    case PppProtocol::lqr:
    case PppProtocol::cbcp:
    case PppProtocol::eap:
      break;  // nothing that we negotiate
  }
}

void Link::handle_timeout(TimePoint now) {
  if (phase_ == LinkPhase::dead) return;
  lcp_.handle_timeout(now);
  take_from_lcp(now);
  if (auth_server_) auth_server_->handle_timeout(now);
  take_from_auth_server(now);
  if (auth_peer_) auth_peer_->handle_timeout(now);
  take_from_auth_peer(now);
  if (ccp_) ccp_->handle_timeout(now);
  take_from_ccp(now);
  if (!waits_for_install()) {
    if (ipcp_) ipcp_->handle_timeout(now);
    if (ipv6cp_) ipv6cp_->handle_timeout(now);
    if (bcp_) bcp_->handle_timeout(now);
    take_from_ncps(now);
  }
  if (ccp_wait_ && *ccp_wait_ <= now) {
    ccp_wait_.reset();
    start_ncps(now);
  }
  if (network_deadline_ && *network_deadline_ <= now) {
    network_deadline_.reset();
    close(network_cause(), now);
  }
}

std::optional<TimePoint> Link::next_deadline() const {
  if (phase_ == LinkPhase::dead) return std::nullopt;
  std::optional<TimePoint> next = lcp_.next_deadline();
  const auto merge = [&next](std::optional<TimePoint> other) {
    if (other && (!next || *other < *next)) next = other;
  };
  if (auth_server_) merge(auth_server_->next_deadline());
  if (auth_peer_) merge(auth_peer_->next_deadline());
  if (ccp_) merge(ccp_->next_deadline());
  // What the peer said last is held: asking again would only count against us.
  if (ipcp_ && !waits_for_install()) merge(ipcp_->next_deadline());
  if (ipv6cp_ && !waits_for_install()) merge(ipv6cp_->next_deadline());
  if (bcp_ && !waits_for_install()) merge(bcp_->next_deadline());
  merge(ccp_wait_);
  merge(network_deadline_);
  return next;
}

std::vector<LinkAction> Link::take_actions() { return std::exchange(actions_, {}); }

void Link::close(const Cause& cause, TimePoint now) {
  if (phase_ == LinkPhase::dead || closing_) return;
  closing_ = std::make_unique<Cause>(cause);
  explain(*closing_);
  set_phase(LinkPhase::terminate, name(cause.code));
  stop_network(now);
  lcp_.close(now, name(cause.code));
  take_from_lcp(now);
  if (phase_ != LinkPhase::dead && lcp_.state() != FsmState::closing) finish(Cause(*closing_));
}

void Link::lower_down(const Cause& cause, TimePoint now) {
  if (phase_ == LinkPhase::dead) return;
  stop_network(now);
  finish(cause);
}

void Link::finish(Cause cause) {
  explain(cause);
  stop_network({});
  auth_server_.reset();
  auth_peer_.reset();
  pending_request_.reset();
  keys_.reset();
  lcp_.forget_requests();
  set_phase(LinkPhase::dead, name(cause.code));
  emit(LinkDown{std::move(cause)});
}

void Link::note_activity(TimePoint now) {
  if (lcp_.is_open()) lcp_.note_activity(now);
}

void Link::set_phase(LinkPhase phase, std::string_view reason) {
  if (phase == phase_) return;
  log(LogLevel::debug, {}, "PPP: {} -> {} ({})", name(phase_), name(phase), reason);
  phase_ = phase;
  emit(PhaseChanged{phase});
}

Cause Link::lcp_cause() const {
  Cause cause{.code = lcp_.failure(), .by_peer = lcp_.failed_by_peer()};
  switch (cause.code) {
    case CauseCode::peer_closed:
      cause.message = terminate_text_;
      break;
    case CauseCode::auth_unacceptable:
      cause.message = "the peer accepts none of our authentication protocols";
      break;
    case CauseCode::loopback:
      cause.message = "our own LCP magic number came back";
      break;
    case CauseCode::echo_timeout:
      cause.message = "the peer answers no LCP Echo-Request";
      break;
    case CauseCode::none:
      cause.code = CauseCode::lcp_failed;
      break;
    default:  // lcp_failed and what more the automaton may report: the code says all
      break;
  }
  if (cause.code == CauseCode::lcp_failed && !lcp_.heard_from_peer())
    cause.message = "the peer answers no LCP Configure-Request";
  return cause;
}

LinkStatus Link::status() const {
  LinkStatus status;
  status.phase = phase_;
  status.lcp = name(lcp_.state());
  if (ipcp_) status.ipcp = name(ipcp_->state());
  if (ipv6cp_) status.ipv6cp = name(ipv6cp_->state());
  if (bcp_) status.bcp = name(bcp_->state());
  if (ccp_) {
    status.ccp = name(ccp_->state());
    if (const auto mode = ccp_->receive_mode()) status.mppe_receive = to_string(*mode);
    if (const auto mode = ccp_->transmit_mode()) status.mppe_transmit = to_string(*mode);
  }
  status.user = printable(as_bytes(user_));
  status.auth_message = auth_message_;
  status.installed = installed_;
  status.frames_ignored = frames_ignored_;
  status.renegotiations = renegotiations_;
  if (!lcp_.is_open()) return status;
  if (const auto method = lcp_.auth_of_peer()) status.auth_of_peer = name(*method);
  if (const auto method = lcp_.auth_of_us()) status.auth_of_us = name(*method);
  status.local_mru = lcp_.local_mru();
  status.peer_mru = lcp_.peer_mru();
  status.mtu = std::min(lcp_.peer_mru(), settings_->mtu_limit);
  status.local_mrru = lcp_.local_mrru();
  status.peer_mrru = lcp_.peer_mrru();
  status.peer_short_sequence = lcp_.peer_wants_short_sequence();
  status.local_magic = lcp_.local_magic();
  status.peer_magic = lcp_.peer_magic();
  return status;
}

}  // namespace l2tpm::ppp
