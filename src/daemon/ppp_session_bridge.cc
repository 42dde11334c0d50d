// Ethernet on a PPP session: BCP has opened, the frames get a way and a port.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/ppp_session.h"
#include "daemon/pseudowire_session.h"
#include "daemon/tunnel.h"

namespace l2tpm::daemon {
namespace {

PppSession* session_of(const Environment& env, SessionKey key) {
  Tunnel* tunnel = env.tunnels.find(key.tunnel);
  return tunnel ? tunnel->find_ppp(key.session) : nullptr;
}

}  // namespace

// A peer that takes fragments needs them only for what it does not take whole.
bool PppSession::sends_fragments() const {
  const ppp::LinkStatus link = link_->status();
  return link.peer_mrru != 0 && link.peer_mru < bcp()->mtu + kBridgedHeader;
}

// A unit makes the fragments itself: CCP of the bundle encrypts whole frames, before they are
// fragmented (RFC 1962 §2, RFC 1990 §2).
bool PppSession::unit_fragments() const {
  const bool has_unit = !bridges_only_ || plan_->link->mppe.use != ppp::MppeUse::off;
  return bcp() != nullptr && has_unit && sends_fragments();
}

// What is put together of fragments is decrypted into so much.
std::uint32_t PppSession::unit_mru() const {
  return std::max<std::uint32_t>(plan_->link->mru, link_->status().local_mrru);
}

BridgeCircumstances PppSession::circumstances(std::string obstacle) const {
  return {.wish = bcp()->path,
          .mppe = plan_->link->mppe.use != ppp::MppeUse::off,
          .ip = !bridges_only_,
          .multilink = link_->status().local_mrru != 0 || sends_fragments(),
          .obstacle = std::move(obstacle)};
}

// The kernel's MPPE drops what is larger than the interface's MTU; IP beside it has to put up with
// that size, within what the peer takes.
std::uint32_t PppSession::unit_mtu() const {
  if (bcp() == nullptr || plan_->link->mppe.use == ppp::MppeUse::off) return mtu_;
  const std::uint32_t whole = bcp()->mtu + kBridgedHeader + kBridgedExtras;
  const ppp::LinkStatus link = link_->status();
  const std::uint32_t taken = unit_fragments() ? link.peer_mrru : link.peer_mru;
  return std::max(mtu_, std::min<std::uint32_t>(whole, taken));
}

kernel::BcpSpec PppSession::bridge_spec(kernel::BcpPath path) const {
  const config::Bcp& settings = *bcp();
  const ppp::LinkStatus link = link_->status();
  kernel::BcpSpec spec;
  spec.key = key_;
  spec.peer_session = peer_session_;
  spec.path = path;
  spec.send_sequence = plan_->send_sequence;
  spec.require_sequence = plan_->require_sequence;
  spec.lns_mode = plan_->lns_mode;
  if (framing_) spec.framing = *framing_;
  spec.interface_name = bridges_only_ ? plan_->interface_name : fmt::format("l2b{}", slot_);
  // Nobody is sent what it did not say it takes (RFC 1661 §6.1).
  const std::uint32_t taken = std::max(link.peer_mru, link.peer_mrru);
  spec.mtu = std::min<std::uint32_t>(settings.mtu, taken - kBridgedHeader);
  // The same after every dial and every start.
  const std::string& profile = tunnel_.owner().profile_name();
  spec.mac = settings.mac.value_or(
      MacAddress::from_text(fmt::format("{}/{}/bcp/{}", env_.machine_id, profile, lease_.user)));
  // Several sessions of one user or of nobody in particular cannot share one.
  if (!settings.mac && !tunnel_.owner().is_client()) spec.mac.reset();
  spec.port = bridge_port_of(settings.bridge);
  spec.limits = {.macs = settings.mac_limit,
                 .broadcast_per_second = settings.broadcast_limit,
                 .multicast_per_second = settings.multicast_limit};
  spec.peer_mru = unit_fragments() ? link.peer_mrru : link.peer_mru;
  spec.peer_mrru = unit_fragments() ? 0 : link.peer_mrru;
  // A unit puts fragments together itself (SessionSpec::mrru).
  if (path != kernel::BcpPath::relay_unit) spec.local_mrru = link.local_mrru;
  spec.short_sequence = link.peer_short_sequence;
  spec.send_tagged = may_send(settings.send_tagged, bridge_->agreement.send_tagged);
  spec.send_bpdus = may_send(settings.send_bpdus, bridge_->agreement.send_inline);
  return spec;
}

void PppSession::bridge_up(const ppp::BridgeAgreement& agreement, TimePoint now) {
  if (state_ == State::closing || bcp() == nullptr) return;
  const bool again = bridge_ != nullptr;
  if (!again) bridge_ = std::make_unique<Bridging>();
  bridge_->agreement = agreement;
  bridge_->open = true;
  if (again && bridge_->kernel != KernelState::none) {
    // Negotiated anew: the port waited without carrier.
    if (bridge_->kernel == KernelState::installing) return;  // its end is looked at then
    if (bridge_spec(bridge_->spec.path) != bridge_->spec) {
      close({.code = CauseCode::network_failed,
             .message = "the peer negotiated bridging anew, with other options"},
            now);
      return;
    }
    set_bridge_carrier(true);
    came_up(fmt::format("on {} again", bridge_->spec.interface_name), now);
    return;
  }
  bridge_->kernel = KernelState::installing;
  if (choose_path(circumstances({})).path != kernel::BcpPath::kernel) {
    install_bridge({}, now);
    return;
  }
  env_.dataplane.probe_bcp(
      [key = key_, &env = env_](const Result<Done, kernel::KernelError>& result) {
        PppSession* session = session_of(env, key);
        if (!session || session->state_ == State::closing) return;
        session->install_bridge(result ? std::string() : result.error().to_string(), Clock::now());
      });
}

void PppSession::install_bridge(const std::string& obstacle, TimePoint now) {
  const BridgeChoice choice = choose_path(circumstances(obstacle));
  if (!choice.path) {
    bridge_->kernel = KernelState::none;
    close({.code = CauseCode::kernel_failed, .message = choice.reason}, now);
    return;
  }
  bridge_->spec = bridge_spec(*choice.path);
  bridge_->reason = choice.reason;
  if (bridge_->spec.mtu < bcp()->mtu)
    log(LogLevel::warning, log_context(),
        "session {}: the peer takes {} octets: frames with more than {} of payload are dropped",
        key_.session.value(), std::max(bridge_->spec.peer_mru, bridge_->spec.peer_mrru),
        bridge_->spec.mtu);
  env_.interface_notes.write(bridge_->spec.interface_name, tunnel_.name(), key_.session.value(),
                             false);
  env_.dataplane.install_bcp(
      bridge_->spec,
      [key = key_, &env = env_](Result<kernel::BcpInstalled, kernel::KernelError> result) {
        if (PppSession* session = session_of(env, key))
          session->bridge_installed(std::move(result), Clock::now());
      });
}

void PppSession::bridge_installed(Result<kernel::BcpInstalled, kernel::KernelError> result,
                                  TimePoint now) {
  if (kernel_ == KernelState::removing) return;  // the remove that overtook it reports for both
  if (!result) {
    bridge_->kernel = KernelState::none;
    log(LogLevel::error, log_context(), "session {}: {}", key_.session.value(),
        result.error().to_string());
    fail(kernel_cause(result.error()), now);
    return;
  }
  bridge_->kernel = KernelState::installed;
  bridge_->mac = result->mac;
  if (state_ == State::closing) return;
  // Control frames come another way now.
  const auto replace = [&](SharedFd& old, SharedFd fresh, bool is_unit) {
    if (!fresh) return;
    if (old) env_.ppp_descriptors.remove(old->get());
    old = std::move(fresh);
    env_.ppp_descriptors.add(old->get(), poll_token(slot_, is_unit));
  };
  replace(channel_, result->channel, false);
  replace(unit_, result->unit, true);
  if (bridges_only_) ifindex_ = result->ifindex;
  for (const Bytes& frame : result->frames) receive_data(frame, false, now);
  if (state_ == State::closing) return;
  if (!bridge_->open) {
    set_bridge_carrier(false);
    return;
  }
  came_up(fmt::format("on {}, a port of {}: Ethernet by {}, frames of {} octets",
                      bridge_->spec.interface_name, bridge_->spec.port->bridge,
                      bridge_->reason.empty() ? std::string("the kernel")
                                              : "the relay (" + bridge_->reason + ")",
                      bridge_->spec.mtu),
          now);
}

void PppSession::bridge_down() {
  if (!bridge_ || state_ == State::closing) return;
  bridge_->open = false;
  if (bridge_->kernel != KernelState::installed) return;
  set_bridge_carrier(false);
}

// A port without carrier carries nothing, and its bridge knows.
void PppSession::set_bridge_carrier(bool on) {
  env_.dataplane.set_carrier(
      key_, on, [key = key_, &env = env_](const Result<Done, kernel::KernelError>& result) {
        PppSession* session = session_of(env, key);
        if (!session || result || result.error().error == ECANCELED) return;
        session->fail(kernel_cause(result.error()), Clock::now());
      });
}

}  // namespace l2tpm::daemon
