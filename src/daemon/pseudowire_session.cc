#include "daemon/pseudowire_session.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "daemon/message_ids.h"
#include "daemon/realtime.h"
#include "daemon/tunnel.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {

std::uint16_t number_of(config::PseudowireType type) {
  switch (type) {
    case config::PseudowireType::ethernet:
      return wire::kPseudowireEthernet;
    case config::PseudowireType::ethernet_vlan:
      return wire::kPseudowireEthernetVlan;
    case config::PseudowireType::ppp:
      return wire::kPseudowirePpp;
  }
  return wire::kPseudowireEthernet;
}

std::string pseudowire_text(std::uint16_t type) {
  using Type = config::PseudowireType;
  for (const Type each : {Type::ethernet, Type::ethernet_vlan, Type::ppp}) {
    if (number_of(each) == type) return std::string(config::name(each));
  }
  return std::to_string(type);
}

l2tp::PseudowireWish wish_of(const config::Pseudowire& settings) {
  l2tp::PseudowireWish wish;
  wish.cookie_size = static_cast<std::uint8_t>(settings.cookie);
  wish.l2_sublayer = settings.sublayer ? wire::kSublayerDefault : wire::kSublayerNone;
  wish.data_sequencing = settings.require_sequence ? wire::kSequencingAll : wire::kSequencingNone;
  // Until the kernel has said how it is.
  wish.circuit_active = settings.circuit.empty();
  wish.interface_mtu = settings.port.mtu.value_or(0);
  return wish;
}

kernel::SessionFraming framing_of(const l2tp::Pseudowire& wire) {
  return {.send_cookie = wire.peer.cookie,
          .receive_cookie = wire.own.cookie,
          .sublayer = wire.l2_sublayer == wire::kSublayerDefault};
}

kernel::BridgePort bridge_port_of(const config::Bridge& bridge) {
  kernel::BridgePort member;
  member.bridge = bridge.name;
  if (bridge.create)
    member.create = kernel::BridgeSettings{.stp = bridge.stp,
                                           .priority = bridge.priority,
                                           .forward_delay = bridge.forward_delay,
                                           .hello_time = bridge.hello_time,
                                           .max_age = bridge.max_age,
                                           .ageing = bridge.ageing,
                                           .vlan_filtering = bridge.vlan_filtering};
  member.path_cost = bridge.path_cost;
  member.priority = bridge.port_priority;
  member.isolated = bridge.isolated;
  member.learning = bridge.learning;
  member.pvid = bridge.pvid;
  for (const config::VlanRange& range : bridge.tagged)
    member.tagged.push_back({range.first, range.last});
  return member;
}

kernel::Attachment attachment_of(const config::EthernetPort& port) {
  if (!port.vrf.empty()) return kernel::VrfMember{port.vrf};
  if (!port.network_namespace.empty()) return kernel::NamespaceMember{port.network_namespace};
  const config::Bridge& bridge = port.bridge;
  if (bridge.name.empty()) return std::monostate{};
  return bridge_port_of(bridge);
}

std::string attachment_text(const config::EthernetPort& port) {
  if (!port.bridge.name.empty()) return "bridge " + port.bridge.name;
  if (!port.vrf.empty()) return "vrf " + port.vrf;
  if (!port.network_namespace.empty()) return "netns " + port.network_namespace;
  return {};
}

PseudowireSession::PseudowireSession(Environment& environment, Tunnel& tunnel, SessionId id,
                                     std::shared_ptr<const config::Pseudowire> settings)
    : Session(environment, tunnel, id),
      settings_(std::move(settings)),
      circuit_active_(settings_->circuit.empty()) {
  announce({}, name(state_));
  if (settings_->circuit.empty()) return;
  watching_ = true;
  env_.dataplane.watch_circuit(
      settings_->circuit,
      [key = key_, &env = env_](const Result<bool, kernel::KernelError>& is_up) {
        Tunnel* its = env.tunnels.find(key.tunnel);
        Session* session = its ? its->find(key.session) : nullptr;
        PseudowireSession* self = session ? session->as_pseudowire() : nullptr;
        if (!self) return;
        if (!is_up) {
          log(LogLevel::warning, self->log_context(), "session {}: {}", key.session.value(),
              is_up.error().to_string());
          return;
        }
        self->circuit_changed(self->settings_->circuit, *is_up, Clock::now());
      });
}

PseudowireSession::~PseudowireSession() { unwatch(); }

void PseudowireSession::unwatch() {
  if (std::exchange(watching_, false)) env_.dataplane.unwatch_circuit(settings_->circuit);
}

void PseudowireSession::circuit_changed(const std::string& interface, bool active, TimePoint now) {
  if (!watching_ || interface != settings_->circuit || active == circuit_active_) return;
  circuit_active_ = active;
  log(LogLevel::info, log_context(), "session {}: the circuit {} is {}", key_.session.value(),
      interface, active ? "up" : "down");
  announce(name(state_), name(state_));
  tunnel_.set_circuit_status(key_.session, active, now);
}

void PseudowireSession::peer_circuit_changed(bool active) {
  if (active == peer_circuit_active_) return;
  peer_circuit_active_ = active;
  log(LogLevel::notice, log_context(), "session {}: the circuit at the peer's end is {}",
      key_.session.value(), active ? "up" : "down");
  announce(name(state_), name(state_));
  if (kernel_ != KernelState::installed) return;  // it is told when it has it
  env_.dataplane.set_carrier(
      key_, active, [key = key_, &env = env_](const Result<Done, kernel::KernelError>& result) {
        if (result || result.error().error == ECANCELED) return;
        Tunnel* tunnel = env.tunnels.find(key.tunnel);
        Session* session = tunnel ? tunnel->find(key.session) : nullptr;
        PseudowireSession* self = session ? session->as_pseudowire() : nullptr;
        if (self)
          log(LogLevel::warning, self->log_context(), "session {}: {}", key.session.value(),
              result.error().to_string());
      });
}

// The longer of both cookies counts: what both ends work out for one path is then the same, and
// what one takes in the other can send on.
std::uint32_t PseudowireSession::path_limit() const {
  const auto longest = [&] {
    return static_cast<std::uint32_t>(
        std::max(wire_->peer.cookie.size(), wire_->own.cookie.size()));
  };
  const kernel::Version3Framing framing{
      .udp = tunnel_.encapsulation() == kernel::Encapsulation::udp,
      .outer_ipv6 = tunnel_.peer().address.is_v6(),
      .cookie = wire_ ? longest() : 0,
      .sublayer = wire_ && wire_->l2_sublayer == wire::kSublayerDefault};
  const bool is_vlan = settings_->type == config::PseudowireType::ethernet_vlan;
  return kernel::ethernet_mtu(tunnel_.path_mtu(), framing, is_vlan, false, {});
}

// The peer asks for numbers, or the profile sends them anyway; their place is in the sublayer.
bool PseudowireSession::sends_sequence() const {
  return wire_->l2_sublayer == wire::kSublayerDefault &&
         (wire_->send_sequence || settings_->send_sequence);
}

kernel::EthernetSpec PseudowireSession::spec() const {
  const config::EthernetPort& port = settings_->port;
  kernel::EthernetSpec spec;
  spec.key = key_;
  spec.peer_session = peer_session_;
  spec.framing = framing_of(*wire_);
  spec.send_sequence = sends_sequence();
  spec.require_sequence = wire_->receive_sequence;
  spec.interface_name = !port.interface.empty() ? port.interface
                        : name_taken_           ? fmt::format("l2e{:x}", key_.session.value())
                                                : fmt::format("l2eth{}", slot_);
  if (settings_->type == config::PseudowireType::ethernet_vlan) {
    spec.vlan = kernel::VlanDevice{port.vlan, spec.interface_name};
    spec.interface_name = fmt::format("l2t{:x}", key_.session.value());
  }
  spec.mtu = port.mtu.value_or(path_limit());
  // The same after every dial and every start: what learned it need not learn anew.
  spec.mac = port.mac.value_or(MacAddress::from_text(
      env_.machine_id + "/" + tunnel_.owner().profile_name() + "/" + settings_->name));
  spec.attachment = attachment_of(port);
  spec.carrier = peer_circuit_active_;
  return spec;
}

void PseudowireSession::call_up(const l2tp::SessionUp& call, TimePoint now) {
  if (!call.pseudowire) return;
  peer_session_ = call.peer_session;
  wire_ = std::make_unique<l2tp::Pseudowire>(*call.pseudowire);
  peer_circuit_active_ = wire_->peer_circuit_active();
  set_state(State::configuring);
  static_cast<void>(now);
  install();
}

void PseudowireSession::install() {
  kernel::EthernetSpec wanted = spec();
  interface_ = wanted.vlan ? wanted.vlan->name : wanted.interface_name;
  mtu_ = wanted.mtu;
  env_.interface_notes.write(wanted.interface_name, tunnel_.name(), key_.session.value(), false);
  if (wanted.vlan)
    env_.interface_notes.write(wanted.vlan->name, tunnel_.name(), key_.session.value(), false);
  noted_ = {wanted.interface_name, wanted.vlan ? wanted.vlan->name : std::string()};
  kernel_ = KernelState::installing;
  env_.dataplane.install_ethernet(
      std::move(wanted), [key = key_, carrier = peer_circuit_active_, &env = env_](
                             Result<kernel::EthernetInstalled, kernel::KernelError> result) {
        Tunnel* tunnel = env.tunnels.find(key.tunnel);
        Session* session = tunnel ? tunnel->find(key.session) : nullptr;
        PseudowireSession* self = session ? session->as_pseudowire() : nullptr;
        if (!self) return;
        self->installed(std::move(result), Clock::now());
        // The peer's circuit may have changed while the kernel worked.
        if (self->kernel_ == KernelState::installed && self->peer_circuit_active_ != carrier) {
          self->peer_circuit_active_ = carrier;
          self->peer_circuit_changed(!carrier);
        }
      });
}

void PseudowireSession::installed(Result<kernel::EthernetInstalled, kernel::KernelError> result,
                                  TimePoint now) {
  if (kernel_ == KernelState::removing) return;  // the remove that overtook it reports for both
  if (!result && result.error().error == EEXIST && settings_->port.interface.empty() &&
      !name_taken_) {
    name_taken_ = true;
    install();
    return;
  }
  if (!result) {
    kernel_ = KernelState::none;
    log(LogLevel::error, log_context(), "session {}: {}", key_.session.value(),
        result.error().to_string());
    fail(kernel_cause(result.error()), now);
    check_gone(now);
    return;
  }
  kernel_ = KernelState::installed;
  ifindex_ = result->ifindex;
  interface_ = result->interface_name;
  mac_ = result->mac.to_string();
  mtu_ = result->mtu;
  if (state_ == State::closing) return;
  set_state(State::up);
  announced_up_ = true;
  up_since_ = realtime_usec();
  up_at_ = now;
  const std::string where = attachment_text(settings_->port);
  log(LogLevel::notice, message_id::on(message_id::kSessionUp, log_context()),
      "session {} is up on {}: pseudowire \"{}\" ({}){}{}, MTU {}", key_.session.value(),
      interface_, settings_->name, config::name(settings_->type), where.empty() ? "" : ", ", where,
      mtu_);
  if (mtu_ > path_limit())
    log(LogLevel::info, log_context(),
        "session {}: its MTU {} exceeds the path's {}: frames above that are fragmented outside",
        key_.session.value(), mtu_, path_limit());
  tunnel_.owner().session_up(*this, now);
}

void PseudowireSession::stop(const Cause&, TimePoint) { unwatch(); }

void PseudowireSession::gone() {
  for (const std::string& interface : noted_)
    if (!interface.empty()) env_.interface_notes.remove(interface);
}

void PseudowireSession::describe_event(SessionEvent& event) const {
  event.circuit_active = circuit_active_;
  event.peer_circuit_active = peer_circuit_active_;
}

std::string_view PseudowireSession::interface() const {
  return kernel_ == KernelState::installed ? std::string_view(interface_) : std::string_view();
}

SessionView PseudowireSession::view() const {
  SessionView view = Session::view();
  view.pseudowire = config::name(settings_->type);
  return view;
}

Session::Details PseudowireSession::details() const {
  Details details = Session::details();
  details.path_mtu_limit = path_limit();
  EthernetView& ethernet = details.ethernet.emplace();
  ethernet.name = settings_->name;
  ethernet.remote_end_id = printable(as_bytes(settings_->remote_end_id));
  ethernet.mac = mac_;
  ethernet.attached_to = attachment_text(settings_->port);
  ethernet.vlan =
      settings_->type == config::PseudowireType::ethernet_vlan ? settings_->port.vlan : 0;
  ethernet.circuit = settings_->circuit;
  ethernet.circuit_active = circuit_active_;
  ethernet.peer_circuit_active = peer_circuit_active_;
  if (wire_) {
    ethernet.cookie = static_cast<std::uint32_t>(wire_->own.cookie.size());
    ethernet.peer_cookie = static_cast<std::uint32_t>(wire_->peer.cookie.size());
    ethernet.sublayer = wire_->l2_sublayer == wire::kSublayerDefault;
    ethernet.send_sequence = sends_sequence();
    ethernet.receive_sequence = wire_->receive_sequence;
    details.tx_speed = wire_->peer.tx_connect_speed;
    details.rx_speed = wire_->peer.rx_connect_speed;
  }
  return details;
}

void PseudowireSession::describe_end(Failure& end) const {
  end.detail("pseudowire", settings_->name);
  end.detail("remote_end_id", printable(as_bytes(settings_->remote_end_id)));
  end.detail("pseudowire_type", std::string(config::name(settings_->type)));
  end.detail("circuit_active", circuit_active_ ? "true" : "false");
  end.detail("peer_circuit_active", peer_circuit_active_ ? "true" : "false");
  if (mtu_ != 0) end.detail("mtu", mtu_);
  // Not required of every kernel, but of this session.
  if (end.cause.code != CauseCode::kernel_failed) return;
  for (const kernel::Feature& feature : env_.features.features) {
    if (feature.id == "l2tp-eth" && feature.state == kernel::FeatureState::no)
      end.detail("missing_l2tp-eth", feature.detail + ". " + feature.advice);
  }
}

}  // namespace l2tpm::daemon
