// A stranger's SCCRQ: refused without keeping anything of it, or answered by a tunnel.
#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "daemon/listener.h"
#include "daemon/machine_settings.h"
#include "wire/result_codes.h"

namespace l2tpm::daemon {
namespace {

// Ephemeral ports, each good for one tunnel with every peer.
constexpr std::size_t kMaxFloatingPorts = 256;

std::uint16_t number_of(wire::StopCcnResult result) { return static_cast<std::uint16_t>(result); }
std::uint16_t number_of(wire::GeneralError error) { return static_cast<std::uint16_t>(error); }

}  // namespace

// A StopCCN without any state: the peer is told, nothing is kept. Shorter than three times any
// SCCRQ.
void Listener::refuse(const wire::ControlMessage& message, const Datagram& datagram,
                      std::uint16_t result_code, std::optional<std::uint16_t> error_code,
                      std::string_view text) {
  wire::ControlMessage answer;
  answer.version = message.version;
  answer.type = wire::MessageType::stopccn;
  answer.tunnel_id = message.assigned_tunnel_id.value_or(TunnelId());
  answer.nr = static_cast<std::uint16_t>(message.ns + 1);
  answer.assigned_tunnel_id = TunnelId(1 + context_.environment.random.below(65535));
  answer.result_code =
      wire::ResultCode{.result = result_code, .error = error_code, .message = std::string(text)};
  const Bytes bytes = wire::encode(answer);
  if (bytes.size() > 3 * datagram.bytes.size()) return;
  if (auto port = context_.environment.ports.find(datagram.local)) {
    port->send_to(bytes, datagram.source, datagram.local.address);
  }
}

std::shared_ptr<ControlSocket> Listener::port_for(const config::Tunnel& settings,
                                                  const Datagram& datagram, TimePoint) {
  Environment& env = context_.environment;
  bool other_port = settings.port_float == config::PortFloat::ours;
  if (!other_port && !env.features.session_by_id) {
    // Before Linux 6.11 the data of two tunnels on one 4-tuple reaches only the newest socket.
    const auto others = env.tunnels.with_peer(datagram.source);
    other_port = std::any_of(others.begin(), others.end(), [&](const Tunnel* other) {
      return !other->has_ended() && other->local() == datagram.local;
    });
  }
  if (!other_port) return env.ports.find(datagram.local);
  const IpAddress any = datagram.local.address.is_v4() ? IpAddress() : IpAddress::v6({});
  std::set<std::uint16_t> taken;
  for (const Tunnel* other : env.tunnels.with_peer(datagram.source)) {
    if (!other->has_ended()) taken.insert(other->local().port);
  }
  for (const auto& port : floating_) {
    if (port->local().address == any && !taken.contains(port->local().port)) return port;
  }
  if (floating_.size() >= kMaxFloatingPorts) return nullptr;
  auto port = env.ports.acquire({any, 0, 0});
  if (!port) {
    log(LogLevel::error, log_context(), "{}", port.error().to_string());
    return nullptr;
  }
  floating_.push_back(*port);
  return *port;
}

// The answer must come from a socket that has the connection's id already.
std::optional<ControlSocket> Listener::socket_for(TunnelId id, const Datagram& datagram) {
  auto socket = ControlSocket::open_ip({datagram.local.address, 0, datagram.source.scope}, id);
  if (socket) {
    const auto connected = socket->connect_ip(datagram.source, TunnelId());
    if (connected) return std::move(*socket);
    log(LogLevel::error, log_context(), "{}", connected.error().to_string());
  } else {
    log(LogLevel::error, log_context(), "{}", socket.error().to_string());
  }
  return std::nullopt;
}

const std::shared_ptr<const l2tp::Settings>& Listener::settings_for(const config::Tunnel& settings,
                                                                    const Datagram& datagram) {
  const std::uint32_t router_id =
      profile_.accepts_three ? router_id_of(datagram.local.address, context_.environment.machine_id)
                             : 0;
  auto& l2tp = shared_.l2tp[{&settings, router_id, datagram.over_ip()}];
  if (l2tp) return l2tp;
  config::Tunnel effective = settings;
  // Whoever must prove itself is asked to.
  effective.challenge = effective.challenge || profile_.require_tunnel_auth;
  const bool two = profile_.accepts_two && !datagram.over_ip();
  const Version3Wish version3{
      .versions = !profile_.accepts_three ? l2tp::Versions::v2_only
                  : two                   ? l2tp::Versions::v3_or_v2
                                          : l2tp::Versions::v3_only,
      .router_id = router_id,
      .pseudowires = pseudowire_types(profile_.pseudowires, profile_.pseudowires.empty())};
  l2tp = l2tp_settings(effective, context_.machine_name, profile_.limits.sessions_per_tunnel,
                       version3);
  return l2tp;
}

void Listener::receive_sccrq(const wire::ControlMessage& message, const Datagram& datagram,
                             TimePoint now) {
  Environment& env = context_.environment;
  if (is_draining()) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::try_another), "draining");
    return;
  }
  if (tunnels_ >= profile_.limits.tunnels || env.tunnels.size() >= context_.daemon.max_tunnels) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::insufficient_resources), "too many tunnels");
    return;
  }
  const bool is_v3 = message.version == 3 || (message.v3_connection_id && profile_.accepts_three);
  if (message.version == 3 && !profile_.accepts_three) {
    refuse(message, datagram, number_of(wire::StopCcnResult::version_not_supported),
           std::uint16_t{2}, "L2TPv2 only");
    return;
  }
  const std::string host_name = message.host_name.value_or("");
  const config::Tunnel* settings = profile_.tunnel_for(host_name, datagram.source.address);
  const bool authenticates =
      settings != nullptr && !settings->secret.empty() &&
      (!is_v3 || settings->digest != config::MessageDigest::none || settings->cisco_challenge);
  if (settings == nullptr || (profile_.require_tunnel_auth && !authenticates)) {
    const std::string_view text =
        settings == nullptr ? "unknown peer" : "tunnel authentication is required";
    log(refusals_logged_.take(now) ? LogLevel::notice : LogLevel::debug, log_context(),
        "{} (\"{}\") refused: {}", datagram.source.to_string(), printable(as_bytes(host_name)),
        text);
    refuse(message, datagram, number_of(wire::StopCcnResult::not_authorized), std::nullopt, text);
    return;
  }
  Tunnel::Address address{.port = {},
                          .own = {},
                          .peer = datagram.source,
                          .local = datagram.local.address,
                          .permissive = settings->permissive};
  if (!datagram.over_ip()) address.port = port_for(*settings, datagram, now);
  const bool has_port = address.port || datagram.over_ip();
  auto id = has_port ? env.tunnels.allocate(env.random, now) : std::nullopt;
  if (id && datagram.over_ip()) {
    address.own = socket_for(*id, datagram);
    if (!address.own) {
      env.tunnels.release(*id, now);
      id.reset();
    }
  }
  if (!id) {
    refuse(message, datagram, number_of(wire::StopCcnResult::general_error),
           number_of(wire::GeneralError::insufficient_resources), "no resources");
    return;
  }
  if (const auto evicted = admission_.add_half_open(*id, datagram.source.address)) {
    if (Tunnel* victim = env.tunnels.find(*evicted)) victim->lose_tie(now);
  }
  ++tunnels_;
  Tunnel& tunnel = env.tunnels.add(
      std::make_unique<Tunnel>(env, *this, *id, profile_.name + "-" + std::to_string(id->value()),
                               settings_for(*settings, datagram), std::move(address)));
  tunnel.receive(message, datagram, now);
  if (tunnel.has_ended()) tunnel.abandon();
}

}  // namespace l2tpm::daemon
