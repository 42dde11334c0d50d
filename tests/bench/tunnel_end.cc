#include "bench/tunnel_end.h"

#include <algorithm>

#include "base/overloaded.h"
#include "wire/l2tp_header.h"

namespace l2tpm::bench {
namespace {

constexpr std::uint8_t kAddressAndControl[] = {0xFF, 0x03};

}  // namespace

TunnelEnd::TunnelEnd(TunnelId own, std::shared_ptr<const TunnelEndSettings> settings,
                     RandomSource& random)
    : settings_(std::move(settings)), random_(random), control_(own, settings_->tunnel, random) {}

void TunnelEnd::open(TimePoint now) {
  control_.open(now);
  settle(now);
}

SessionId TunnelEnd::place_call(TimePoint now) {
  const SessionId id = control_.place_incoming_call({}, now);
  settle(now);
  return id;
}

void TunnelEnd::close(TimePoint now) {
  control_.close(Cause{CauseCode::admin_close, false, 0, 0, 0, {}}, now);
  settle(now);
}

void TunnelEnd::close_session(SessionId session, TimePoint now) {
  control_.close_session(session, Cause{CauseCode::admin_close, false, 0, 0, 0, {}}, now);
  settle(now);
}

void TunnelEnd::probe(TimePoint now) {
  control_.probe(now);
  settle(now);
}

void TunnelEnd::receive(ByteView datagram, TimePoint now) {
  const auto header = wire::decode_header(datagram);
  if (!header) return;
  if (header->is_control) {
    wire::DecodeOptions options;
    if (settings_->tunnel->secret) options.secret = settings_->tunnel->secret->octets();
    control_.receive(wire::decode_control(*header, options), datagram.size(), now);
    settle(now);
    return;
  }
  const auto found = links_.find(header->session_id);
  if (found == links_.end()) return;
  found->second.link->receive(header->payload, now);
  settle_link(header->session_id, now);
  settle(now);
}

void TunnelEnd::handle_timeout(TimePoint now) {
  while (const auto id = deadlines_.pop_due(now)) {
    links_.at(*id).link->handle_timeout(now);
    settle_link(*id, now);
  }
  if (const auto at = control_.next_deadline(); at && *at <= now) control_.handle_timeout(now);
  settle(now);
}

std::optional<TimePoint> TunnelEnd::next_deadline() const {
  const auto links = deadlines_.earliest();
  const auto control = control_.next_deadline();
  if (!links || !control) return links ? links : control;
  return std::min(*links, *control);
}

bool TunnelEnd::all_acknowledged() const {
  const auto delivery = control_.status().delivery;
  return delivery.in_flight == 0 && delivery.waiting == 0;
}

void TunnelEnd::settle(TimePoint now) {
  for (;;) {
    auto actions = control_.take_actions();
    if (actions.empty()) return;
    for (l2tp::Action& action : actions) carry_out(action, now);
  }
}

void TunnelEnd::carry_out(l2tp::Action& action, TimePoint now) {
  std::visit(
      Overloaded{
          [&](l2tp::SendDatagram& send) { datagrams_.push_back(std::move(send.bytes)); },
          [&](l2tp::TunnelUp& up) {
            peer_tunnel_ = up.peer_tunnel;
            events_.push_back({Event::Kind::tunnel_up, {}, {}});
          },
          [&](l2tp::TunnelDown& down) {
            events_.push_back({Event::Kind::tunnel_down, {}, down.cause.to_string()});
          },
          [&](l2tp::Finished&) {
            events_.push_back({Event::Kind::finished, {}, {}});
          },
          [&](l2tp::IncomingCallRequested& request) { control_.accept_call(request.session, now); },
          [&](l2tp::SessionUp& up) {
            Session& session = links_[up.session];
            session.link = std::make_unique<ppp::Link>(settings_->link, random_);
            session.peer = up.peer_session;
            session.link->open(now);
            settle_link(up.session, now);
          },
          [&](l2tp::SessionDown& down) {
            links_.erase(down.session);
            deadlines_.remove(down.session);
            control_.forget_session(down.session, now);
            events_.push_back({Event::Kind::session_down, down.session, down.cause.to_string()});
          },
          [&](l2tp::OutgoingCallRequested& request) {
            control_.reject_call(request.session,
                                 Cause{CauseCode::not_supported, false, 0, 0, 0, {}}, now);
          },
          [](l2tp::PeerAuthenticated&) {}, [](l2tp::LinkInfo&) {}, [](l2tp::WanErrors&) {},
          [](l2tp::SpeedChanged&) {}, [](l2tp::PseudowireRequested&) {},
          [](l2tp::CircuitChanged&) {}},
      action);
}

void TunnelEnd::settle_link(SessionId id, TimePoint now) {
  Session& session = links_.at(id);
  for (;;) {
    auto actions = session.link->take_actions();
    if (actions.empty()) break;
    for (ppp::LinkAction& action : actions)
      if (!carry_out(id, session, action, now)) return;
  }
  deadlines_.set(id, session.link->next_deadline());
}

bool TunnelEnd::carry_out(SessionId id, Session& session, ppp::LinkAction& action, TimePoint now) {
  if (const auto* send = std::get_if<ppp::SendFrame>(&action)) {
    Bytes frame;
    frame.reserve(send->frame.size() + sizeof kAddressAndControl);
    ByteWriter writer(frame);
    writer.bytes(kAddressAndControl);
    writer.bytes(send->frame);
    datagrams_.push_back(wire::encode_data({peer_tunnel_, session.peer, std::nullopt}, frame));
  } else if (const auto* needed = std::get_if<ppp::CredentialsNeeded>(&action)) {
    ppp::NetworkSettings network = settings_->link->network;
    if (settings_->first_peer != 0)
      network.ipv4.peer = IpAddress::v4(settings_->first_peer + addresses_given_++);
    session.link->supply_verdict(ppp::check_password(needed->request, settings_->password), network,
                                 now);
  } else if (std::holds_alternative<ppp::Install>(action)) {
    session.link->installed(now);
  } else if (std::holds_alternative<ppp::Ipv4Up>(action)) {
    if (!std::exchange(session.up, true)) events_.push_back({Event::Kind::session_up, id, {}});
  } else if (const auto* down = std::get_if<ppp::LinkDown>(&action)) {
    deadlines_.remove(id);
    const Cause cause = down->cause;
    control_.close_session(id, cause, now);  // SessionDown follows and takes the link away
    return false;
  }
  return true;  // phases, MTU, and what only a kernel has
}

}  // namespace l2tpm::bench
