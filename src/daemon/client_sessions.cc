// A client's calls and the session that comes of one: what it shall be and have.
#include "daemon/client.h"
#include "daemon/machine_settings.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {

void Client::incoming_call(Tunnel& tunnel, SessionId session, const l2tp::IncomingCallRequest&,
                           TimePoint now) {
  tunnel.reject_call(
      session, {.code = CauseCode::not_supported, .message = "this end accepts no incoming calls"},
      now);
}

void Client::outgoing_call(Tunnel& tunnel, SessionId session, const l2tp::OutgoingCallRequest& call,
                           TimePoint now) {
  if (!profile_.answer_outgoing.enabled || !profile_.answer_outgoing.matches(call.called_number)) {
    tunnel.reject_call(
        session,
        {.code = CauseCode::refused, .message = "no profile answers outgoing calls to this number"},
        now);
    return;
  }
  if (sessions_ != 0) {
    tunnel.reject_call(
        session,
        {.code = CauseCode::no_resources, .message = "the profile's session is up already"}, now);
    return;
  }
  tunnel.accept_call(session, now);
  l2tp::CallParameters parameters;
  parameters.tx_connect_speed = 1000000000;
  parameters.framing_type = wire::kFramingSync;
  parameters.sequencing_required = profile_.data_sequencing == config::DataSequencing::require;
  tunnel.call_connected(session, parameters, now);
}

SessionPlan Client::plan_session(PppSession& session, const l2tp::SessionUp& call) {
  ++sessions_;
  SessionPlan plan;
  const bool sequence = profile_.data_sequencing != config::DataSequencing::none;
  kernel::MtuInputs path = session.path(sequence);
  path.peer_mru = 65535;
  const std::uint32_t fits = kernel::interface_mtu(path);
  if (given_password_.empty()) {
    plan.link = link_settings(profile_, role_of(call.kind), fits);
  } else {
    config::ClientProfile with_password = profile_;
    with_password.ppp.password = given_password_;
    plan.link = link_settings(with_password, role_of(call.kind), fits);
  }
  plan.install_point =
      effective_install_point(profile_.install_point, profile_.data_sequencing, false);
  plan.interface_name = context_.interface_names.claim(number_, profile_);
  if (profile_.ppp.bcp) plan.bcp = std::make_shared<config::Bcp>(*profile_.ppp.bcp);
  plan.for_network_manager = kind_.report_only;
  plan.send_sequence = sequence;
  plan.require_sequence = profile_.data_sequencing == config::DataSequencing::require;
  plan.idle_timeout = profile_.idle_timeout;
  plan.session_timeout = profile_.session_timeout;
  session.lease().user = profile_.ppp.user;
  return plan;
}

void Client::credentials_needed(PppSession& session, const ppp::AuthRequest& request,
                                TimePoint now) {
  const config::AuthenticatePeer& expected = profile_.ppp.authenticate_peer;
  const bool name_fits = expected.peer_name.empty() || expected.peer_name == request.user;
  session.supply_verdict(
      name_fits ? ppp::check_password(request, expected.secret) : ppp::AuthVerdict::refused(),
      std::nullopt, now);
}

kernel::NetworkConfig Client::network_config(const PppSession& session) const {
  kernel::NetworkConfig config;
  config.addressed = !kind_.report_only;
  const auto route = [&](const IpPrefix& destination) {
    config.routes.push_back({.destination = destination,
                             .source = {},
                             .metric = profile_.routes.metric,
                             .table = 0,
                             .mtu = {}});
  };
  if (const auto& ipv4 = session.ipv4()) {
    // A peer that names no address of its own is reached through ours: the link has two ends
    // anyway.
    // So is one that names the very address that our datagrams go to: a route to that through the
    // session would have the tunnel run through itself.
    const bool has_peer =
        !ipv4->peer.is_unspecified() && ipv4->peer != session.tunnel().peer().address;
    const IpAddress peer = has_peer ? ipv4->peer : ipv4->local;
    config.ipv4 = kernel::NetworkConfig::Ipv4{
        .local = ipv4->local, .peer = peer, .unnumbered = false, .metric = 0};
    for (const IpPrefix& prefix : profile_.routes.add) {
      if (prefix.address.is_v4()) route(prefix);
    }
    if (profile_.routes.default_route) route({IpAddress(), 0});
  }
  if (const auto& ipv6 = session.ipv6()) {
    config.ipv6 = kernel::NetworkConfig::Ipv6{.local_interface_id = ipv6->local_id,
                                              .peer_interface_id = ipv6->peer_id};
    for (const IpPrefix& prefix : profile_.routes.add) {
      if (prefix.address.is_v6()) route(prefix);
    }
    if (profile_.routes.default_route) route({IpAddress::v6({}), 0});
  }
  return config;
}

void Client::session_up(Session& session, TimePoint now) {
  if (Wire* wire = wire_of(session)) wire->backoff.reset();
  connected(now);
}

void Client::connected(TimePoint now) {
  set_state(State::connected);
  backoff_.reset();
  last_error_ = {};
  chooser_.succeeded(peer_index_, now);
  arm_while_up();
}

void Client::session_down(Session& session, const Cause& cause, Failure* end, TimePoint now) {
  if (Wire* wire = wire_of(session)) {
    wire_down(*wire, session, cause, end, now);
    return;
  }
  Tunnel& tunnel = session.tunnel();
  if (tunnel.has_ended() || tunnel.id() != current_) return;
  // A call that the peer placed: refused, or over; the tunnel waits for the next one.
  if (session.key().session != call_) return;
  if (end) end_ = std::move(*end);
  // A client's tunnel is there for its session: begin anew, which also finds another LNS.
  tunnel.close(cause, now);
}

void Client::session_gone(Session& session, TimePoint now) {
  if (Wire* wire = wire_of(session)) {
    wire->key = {};
    wire->down = false;
    arm_while_up();
  }
  if (!session.was_planned() || !session.as_ppp()) return;
  --sessions_;
  if (sessions_ != 0 || !dial_when_clear_) return;
  dial_when_clear_ = false;
  if (Tunnel* current = this->tunnel(); current && current->is_up()) {
    place_call(*current, now);
  } else {
    attempt(now);
  }
}

}  // namespace l2tpm::daemon
