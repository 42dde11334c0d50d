// What a session shows: its row, its details, its events, and what is known at its end.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/log.h"
#include "daemon/session.h"
#include "daemon/tunnel.h"
#include "kernel/mtu.h"

namespace l2tpm::daemon {

std::string_view name(Session::State state) {
  switch (state) {
    case Session::State::calling:
      return "connecting";
    case Session::State::authenticating:
      return "authenticating";
    case Session::State::configuring:
      return "configuring";
    case Session::State::up:
      return "up";
    case Session::State::closing:
      return "closing";
  }
  return "invalid";
}

std::string_view name(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return "";
    case Refusal::unknown_user:
      return "unknown-user";
    case Refusal::wrong_password:
      return "wrong-password";
    case Refusal::too_many_sessions:
      return "too-many-sessions";
    case Refusal::no_address:
      return "no-address";
  }
  return "";
}

void Session::announce(std::string_view old_state, std::string_view new_state) const {
  if (!env_.events.wants(kSessionEvents)) return;
  SessionView row = view();
  env_.events.emit(SessionEvent{.tunnel = std::move(row.tunnel),
                                .session = row.id,
                                .old_state = std::string(old_state),
                                .new_state = std::string(new_state),
                                .cause = cause_,
                                .interface = std::move(row.interface),
                                .user = std::move(row.user),
                                .address = std::move(row.address)});
}

Failure Session::describe_end(TimePoint now) const {
  Failure end;
  end.object = "session";
  end.session = key_.session.value();
  end.user = view().user;
  end.cause = cause_;
  tunnel_.describe_end(end, now);
  end.detail("stage", std::string(name(state_)));
  end.detail("interface", view().interface);
  if (link_) {
    const ppp::LinkStatus link = link_->status();
    end.detail("lcp", link.lcp);
    end.detail("ipcp", link.ipcp);
    end.detail("ipv6cp", link.ipv6cp);
    end.detail("ccp", link.ccp);
    end.detail("auth_of_us", link.auth_of_us);
    end.detail("auth_of_peer", link.auth_of_peer);
    end.detail("auth_message", link.auth_message);
    end.detail("mppe", link.mppe_receive);
    end.detail("mtu", mtu_);
    end.detail("mru", link.local_mru);
    end.detail("peer_mru", link.peer_mru);
    end.detail("path_mtu_limit", details().path_mtu_limit);
    end.detail("frames_ignored", link.frames_ignored);
    end.detail("renegotiations", link.renegotiations);
  }
  if (announced_up_) {
    end.detail("up_for_ms",
               static_cast<std::uint64_t>(
                   std::chrono::duration_cast<std::chrono::milliseconds>(now - up_at_).count()));
    end.detail("rx_packets", rx_packets_);
    end.detail("tx_packets", tx_packets_);
  }
  if (cause_.code == CauseCode::kernel_failed) {
    for (const kernel::Feature& feature : env_.features.features) {
      if (feature.required && feature.state == kernel::FeatureState::no)
        end.detail("missing_" + std::string(feature.id), feature.detail + ". " + feature.advice);
    }
  }
  return end;
}

std::string_view Session::interface() const {
  return kernel_ == KernelState::installed && unit_ ? std::string_view(plan_->interface_name)
                                                    : std::string_view();
}

kernel::Counters Session::counters() const {
  kernel::Counters counters;
  counters.key = key_;
  counters.rx_packets = rx_packets_;
  counters.tx_packets = tx_packets_;
  counters.rx_bytes = rx_bytes_;
  counters.tx_bytes = tx_bytes_;
  counters.rx_errors = rx_errors_;
  counters.tx_errors = tx_errors_;
  return counters;
}

SessionView Session::view() const {
  SessionView view;
  view.tunnel = tunnel_.name();
  view.id = key_.session.value();
  view.peer_id = peer_session_.value();
  view.pseudowire = "ppp";
  view.state = name(state_);
  view.interface = interface();
  view.user = lease_.user;
  if (view.user.empty() && link_) view.user = printable(as_bytes(link_->status().user));
  const bool is_client = tunnel_.owner().is_client();
  if (network_->ipv4) {
    view.address = (is_client ? network_->ipv4->local : network_->ipv4->peer).to_string();
  } else if (network_->ipv6) {
    const std::uint64_t id = is_client ? network_->ipv6->local_id : network_->ipv6->peer_id;
    std::array<std::uint8_t, 16> octets{0xfe, 0x80};
    for (std::size_t i = 0; i < 8; ++i)
      octets[8 + i] = static_cast<std::uint8_t>(id >> (56 - 8 * i));
    view.address = IpAddress::v6(octets).to_string();
  }
  if (state_ == State::up) view.up_since = up_since_;
  return view;
}

Session::Details Session::details() const {
  Details details;
  if (link_) details.link = link_->status();
  details.interface = interface();
  if (!details.interface.empty()) details.ifindex = ifindex_;
  details.mtu = mtu_;
  details.path_mtu_limit = kernel::interface_mtu({.path_mtu = tunnel_.path_mtu(),
                                                  .outer_ipv6 = tunnel_.peer().address.is_v6(),
                                                  .sequence_numbers = plan_ && plan_->send_sequence,
                                                  .ipsec = false,
                                                  .peer_mru = {},
                                                  .limit = {}});
  details.ipv4 = network_->ipv4;
  details.ipv6 = network_->ipv6;
  details.counters = counters();
  if (facts_) {
    details.calling_number = facts_->calling_number;
    details.called_number = facts_->called_number;
    details.proxy = facts_->proxy;
    details.peer_avps = facts_->peer_avps;
    details.tx_speed = facts_->tx_speed;
    details.rx_speed = facts_->rx_speed;
  }
  details.cause = cause_;
  return details;
}

void Session::note_avps(const std::vector<wire::AvpText>& avps) {
  if (avps.empty()) return;
  if (!facts_) facts_ = std::make_unique<CallFacts>();
  facts_->peer_avps.insert(facts_->peer_avps.end(), avps.begin(), avps.end());
}

void Session::set_speeds(std::uint32_t tx, std::uint32_t rx) {
  if (!facts_) facts_ = std::make_unique<CallFacts>();
  facts_->tx_speed = tx;
  facts_->rx_speed = rx;
  log(LogLevel::info, log_context(), "session {}: the line's speed is now {}/{} bit/s",
      key_.session.value(), tx, rx);
}

}  // namespace l2tpm::daemon
