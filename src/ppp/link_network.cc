// The network phase of a link: when the kernel is asked, when CCP and the NCPs run, and what is
// held meanwhile.
#include <algorithm>
#include <array>

#include "ppp/link.h"
#include "wire/result_codes.h"

namespace l2tpm::ppp {
namespace {

using wire::PppCode;
using wire::PppProtocol;

// One Configure-Request per protocol is all that is ever held.
constexpr std::size_t kMaxHeld = 8;

constexpr std::array kNcps = {PppProtocol::ipcp, PppProtocol::ipv6cp, PppProtocol::bcp};

bool is_alive(const Automaton* ncp) {
  return ncp != nullptr && (ncp->is_open() || (ncp->state() >= FsmState::req_sent &&
                                               ncp->state() <= FsmState::ack_sent));
}

}  // namespace

const NetworkSettings& Link::network() const { return network_ ? *network_ : settings_->network; }

void Link::enter_network(TimePoint now) {
  set_phase(LinkPhase::network, "authenticated");
  if (settings_->mppe.use == MppeUse::off) keys_.reset();
  if (settings_->mppe.use == MppeUse::require && !keys_) {
    close({.code = CauseCode::encryption_required,
           .message = "no MS-CHAP authentication, so no keys for MPPE"},
          now);
    return;
  }
  const bool installs_first =
      keys_ || settings_->install_point == InstallPoint::after_authentication;
  if (installs_first && !installed_) {
    request_install();
  } else if (!waits_for_install()) {
    start_protocols(now);
  }
}

void Link::request_install() {
  if (install_requested_) return;
  install_requested_ = true;
  network_deadline_.reset();
  const bool bridges_only = network().bridge && !network().ipv4.enabled &&
                            !network().ipv6.enabled && settings_->mppe.use == MppeUse::off;
  emit(Install{.unit = !bridges_only});
}

void Link::installed(TimePoint now) {
  if (phase_ == LinkPhase::dead || installed_) return;
  install_requested_ = true;
  installed_ = true;
  if (phase_ != LinkPhase::network) return;
  network_deadline_ = now + settings_->network_timeout;
  if (!ccp_ && !ncps_started_) start_protocols(now);
  feed_held(now);
}

void Link::start_protocols(TimePoint now) {
  network_deadline_ = now + settings_->network_timeout;
  if (!keys_) {
    start_ncps(now);
    return;
  }
  ccp_ = std::make_unique<Ccp>(settings_->mppe, *keys_, settings_->timers);
  keys_.reset();
  if (settings_->mppe.use == MppeUse::prefer) ccp_wait_ = now + settings_->ccp_wait;
  ccp_->open(now);
  take_from_ccp(now);
}

void Link::start_ncps(TimePoint now) {
  if (ncps_started_) return;
  ncps_started_ = true;
  ccp_wait_.reset();
  if (network().ipv4.enabled) {
    ipcp_ = std::make_unique<Ipcp>(network().ipv4, settings_->timers);
    ipcp_->open(now);
    ipcp_->lower_up(now);
  }
  if (network().ipv6.enabled) {
    ipv6cp_ = std::make_unique<Ipv6cp>(network().ipv6, *random_, settings_->timers);
    ipv6cp_->open(now);
    ipv6cp_->lower_up(now);
  }
  if (network().bridge) {
    bcp_ = std::make_unique<Bcp>(*network().bridge, *random_, settings_->timers);
    bcp_->open(now);
    bcp_->lower_up(now);
  }
  take_from_ncps(now);
  feed_held(now);
}

Automaton* Link::ncp_of(PppProtocol protocol) const {
  if (protocol == PppProtocol::ipcp) return ipcp_.get();
  if (protocol == PppProtocol::ipv6cp) return ipv6cp_.get();
  return protocol == PppProtocol::bcp ? bcp_.get() : nullptr;
}

bool Link::wants(PppProtocol protocol) const {
  if (protocol == PppProtocol::ipcp) return network().ipv4.enabled;
  if (protocol == PppProtocol::ipv6cp) return network().ipv6.enabled;
  if (protocol == PppProtocol::bcp) return network().bridge.has_value();
  return protocol == PppProtocol::ccp && (ccp_ || keys_);
}

void Link::stop_network(TimePoint now) {
  withdraw_all();
  ipcp_.reset();
  ipv6cp_.reset();
  bcp_.reset();
  if (ccp_) {
    ccp_->lower_down(now);
    for (CcpAction& action : ccp_->take_actions())
      if (auto* flags = std::get_if<SetCcpFlags>(&action)) emit(*flags);
    ccp_.reset();
  }
  ncps_started_ = false;
  data_held_back_ = false;
  held_ = {};
  network_deadline_.reset();
  ccp_wait_.reset();
}

void Link::receive_network(const wire::PppFrame& frame, TimePoint now) {
  const auto protocol = static_cast<PppProtocol>(frame.protocol);
  if (protocol == PppProtocol::compressed && ccp_) {
    ccp_->lost_synchronisation(now);
    take_from_ccp(now);
    return;
  }
  if (!wants(protocol)) {
    // Data belongs to the kernel; what comes here was on its way during the install.
    const bool is_data = protocol == PppProtocol::ipv4 || protocol == PppProtocol::ipv6 ||
                         protocol == PppProtocol::compressed ||
                         (protocol == PppProtocol::bridging && network().bridge) ||
                         (protocol == PppProtocol::multilink && lcp_.local_mrru() != 0);
    if (is_data) {
      ++frames_ignored_;
    } else {
      lcp_.reject_protocol(wire::encode_ppp_frame(protocol, frame.payload));
      take_from_lcp(now);
    }
    return;
  }
  const auto packet = wire::decode_ppp_packet(frame.payload);
  if (!packet) {
    ++frames_ignored_;
    return;
  }
  if (protocol == PppProtocol::ccp) {
    if (!ccp_) {
      hold_or_ignore(protocol, *packet);
      return;
    }
    ccp_->receive(*packet, now);
    take_from_ccp(now);
  } else if (!ncps_started_) {
    hold_or_ignore(protocol, *packet);
  } else {
    receive_ncp(*ncp_of(protocol), *packet, now);
    take_from_ncps(now);
  }
}

void Link::receive_ncp(Automaton& ncp, const wire::PppPacket& packet, TimePoint now) {
  if (!installed_) {
    const bool is_request = packet.is(PppCode::configure_request);
    if (is_request || packet.is(PppCode::terminate_request)) drop_held(ncp.protocol());
    if (is_request && ncp.would_acknowledge(packet)) {
      hold_or_ignore(ncp.protocol(), packet);
      request_install();
      return;
    }
  }
  ncp.receive(packet, now);
}

void Link::hold_or_ignore(PppProtocol protocol, const wire::PppPacket& packet) {
  drop_held(protocol);
  if (packet.is(PppCode::configure_request) && held_.size() < kMaxHeld) {
    held_.push_back(wire::encode_ppp_frame(protocol, packet.whole));
  } else {
    ++frames_ignored_;
  }
}

void Link::drop_held(PppProtocol protocol) {
  std::erase_if(held_, [protocol](const Bytes& frame) {
    return ByteReader(frame).u16() == static_cast<std::uint16_t>(protocol);
  });
}

void Link::feed_held(TimePoint now) {
  const std::vector<Bytes> held = std::exchange(held_, {});
  for (const Bytes& octets : held) {
    const auto frame = wire::decode_ppp_frame(octets);
    if (frame && phase_ != LinkPhase::dead) receive_network(*frame, now);
  }
}

void Link::take_from_ccp(TimePoint now) {
  while (ccp_) {
    auto actions = ccp_->take_actions();
    if (actions.empty()) return;
    for (CcpAction& action : actions) {
      if (auto* frame = std::get_if<SendFrame>(&action)) {
        emit(std::move(*frame));
      } else if (auto* key = std::get_if<SetMppe>(&action)) {
        emit(std::move(*key));
      } else if (auto* flags = std::get_if<SetCcpFlags>(&action)) {
        emit(*flags);
      } else if (std::get_if<CcpUp>(&action) != nullptr) {
        let_data_pass();
        start_ncps(now);
      } else if (std::get_if<CcpDown>(&action) != nullptr) {
        if (settings_->mppe.use == MppeUse::require) hold_data_back();
        // Under `prefer` it may be that the peer wants none; a negotiation that goes on does not
        // keep the NCPs waiting for longer than ccp_wait.
        if (settings_->mppe.use == MppeUse::prefer && ccp_->state() <= FsmState::stopped)
          start_ncps(now);
      } else if (auto* failed = std::get_if<CcpFailed>(&action)) {
        close(failed->cause, now);
      }
      if (!ccp_) return;
    }
  }
}

void Link::take_from_ncps(TimePoint now) {
  take_from_ncp(ipcp_.get(), &Link::announce_ipv4, now);
  take_from_ncp(ipv6cp_.get(), &Link::announce_ipv6, now);
  take_from_ncp(bcp_.get(), &Link::announce_bridge, now);
}

void Link::take_from_ncp(Automaton* ncp, void (Link::*announce)(), TimePoint now) {
  if (ncp == nullptr) return;
  const PppProtocol protocol = ncp->protocol();
  while (ncp_of(protocol) == ncp) {  // the end of the last one ends the link
    auto actions = ncp->take_actions();
    if (actions.empty()) return;
    for (AutomatonAction& action : actions) {
      if (auto* frame = std::get_if<SendFrame>(&action)) {
        emit(std::move(*frame));
        continue;
      }
      switch (*std::get_if<LayerEvent>(&action)) {
        case LayerEvent::up:
          if (protocol == PppProtocol::ipcp && ipcp_->local().is_unspecified()) {
            ipcp_->close(now, "no address");  // the peer acknowledged 0.0.0.0
            break;
          }
          if (!data_held_back_) (this->*announce)();
          ncp_up();
          break;
        case LayerEvent::down:
          withdraw(protocol);
          ncp_down(now);
          break;
        case LayerEvent::started:
          break;
        case LayerEvent::finished:
          ncp_finished(*ncp, now);
          break;
      }
      if (ncp_of(protocol) != ncp) return;
    }
  }
}

void Link::announce_ipv4() {
  ipv4_up_ = true;
  emit(Ipv4Up{
      .local = ipcp_->local(), .peer = ipcp_->peer(), .dns = ipcp_->dns(), .nbns = ipcp_->nbns()});
}

void Link::announce_ipv6() {
  ipv6_up_ = true;
  emit(Ipv6Up{.local_id = ipv6cp_->local_id(), .peer_id = ipv6cp_->peer_id()});
}

void Link::announce_bridge() {
  bridge_up_ = true;
  emit(BridgeUp{bcp_->agreement()});
}

void Link::withdraw(PppProtocol protocol) {
  if (protocol == PppProtocol::ipcp && std::exchange(ipv4_up_, false)) emit(Ipv4Down{});
  if (protocol == PppProtocol::ipv6cp && std::exchange(ipv6_up_, false)) emit(Ipv6Down{});
  if (protocol == PppProtocol::bcp && std::exchange(bridge_up_, false)) emit(BridgeDown{});
}

void Link::withdraw_all() {
  for (const PppProtocol protocol : kNcps) withdraw(protocol);
}

// Encryption is required and CCP negotiates again: the kernel would send in clear meanwhile (it
// drops for SC_MUST_COMP only while it has a compressor). The NCPs stay open, their addresses go.
void Link::hold_data_back() {
  data_held_back_ = true;
  withdraw_all();
}

void Link::let_data_pass() {
  if (!std::exchange(data_held_back_, false)) return;
  if (ipcp_ && ipcp_->is_open()) announce_ipv4();
  if (ipv6cp_ && ipv6cp_->is_open()) announce_ipv6();
  if (bcp_ && bcp_->is_open()) announce_bridge();
}

void Link::ncp_up() {
  set_phase(LinkPhase::running, "a network protocol is open");
  has_run_ = true;
  network_deadline_.reset();
  // Authentication is over on both ends, since NCPs come after it. What a repeated Challenge needs
  // is made again then.
  if (settings_->rechallenge_interval == Duration::zero()) auth_server_.reset();
  auth_peer_.reset();
  lcp_.forget_requests();
}

void Link::ncp_down(TimePoint now) {
  if (ipv4_up_ || ipv6_up_ || bridge_up_) return;
  set_phase(LinkPhase::network, "no network protocol is open");
  network_deadline_ = now + settings_->network_timeout;
}

void Link::ncp_finished(const Automaton& ncp, TimePoint now) {
  for (const PppProtocol protocol : kNcps)
    if (is_alive(ncp_of(protocol))) return;
  const bool by_peer = ncp.failed_by_peer();
  const bool is_end = has_run_ && by_peer;
  const bool is_rejected = !is_end && ncp.failure() == CauseCode::not_supported;
  const auto why = is_rejected ? wire::DisconnectCause::no_ncp : wire::DisconnectCause::none;
  close({.code = is_end ? CauseCode::peer_closed : CauseCode::network_failed,
         .by_peer = by_peer,
         .disconnect_code = static_cast<std::uint16_t>(why),
         .message = std::string(wire::name(ncp.protocol())) +
                    (is_rejected ? " is rejected by the peer, and there is nothing else"
                                 : " ended, it was the last")},
        now);
}

Cause Link::network_cause() const {
  if (settings_->mppe.use == MppeUse::require && !ncps_started_)
    return {.code = CauseCode::encryption_required, .message = "CCP found no agreement"};
  return {.code = CauseCode::network_failed, .message = "no network protocol came up"};
}

}  // namespace l2tpm::ppp
