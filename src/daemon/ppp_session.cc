#include "daemon/ppp_session.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/overloaded.h"
#include "daemon/message_ids.h"
#include "daemon/packet_tap.h"
#include "daemon/pseudowire_session.h"
#include "daemon/realtime.h"
#include "daemon/tunnel.h"

namespace l2tpm::daemon {
namespace {

// Frames that overtake ICCN are kept, so that a peer that starts LCP at once need not repeat; UDP
// keeps no order.
constexpr std::size_t kMaxEarlyFrames = 4;
// One turn reads at most so many frames of one descriptor: others have a right to the loop, too.
constexpr int kFramesPerTurn = 16;
// From the call to addresses on the interface. The link has deadlines of its own, but none while it
// waits for the kernel, and a peer that starts LCP again and again moves them.
constexpr Duration kSetupLimit = 180s;

}  // namespace

PppSession::PppSession(Environment& environment, Tunnel& tunnel, SessionId id)
    : Session(environment, tunnel, id), network_(std::make_unique<Network>()) {
  announce({}, name(state_));
}

PppSession::~PppSession() { unwatch_descriptors(); }

void PppSession::set_numbers(std::string calling, std::string called) {
  if (calling.empty() && called.empty()) return;
  if (!facts_) facts_ = std::make_unique<CallFacts>();
  facts_->calling_number = std::move(calling);
  facts_->called_number = std::move(called);
}

void PppSession::call_up(const l2tp::SessionUp& call, TimePoint now) {
  peer_session_ = call.peer_session;
  outgoing_call_ =
      call.kind == l2tp::CallKind::lac_outgoing || call.kind == l2tp::CallKind::lns_outgoing;
  const auto& parameters = call.parameters;
  if (parameters.tx_connect_speed != 0 || parameters.rx_connect_speed != 0 ||
      !parameters.proxy.empty()) {
    if (!facts_) facts_ = std::make_unique<CallFacts>();
    facts_->tx_speed = parameters.tx_connect_speed;
    facts_->rx_speed = parameters.rx_connect_speed;
    const l2tp::ProxyInfo& proxy = parameters.proxy;
    if (!proxy.empty()) {
      facts_->proxy =
          fmt::format("authen type {} name \"{}\" id {}, LCP requests of {}, {} and {} octets",
                      proxy.authen_type, printable(as_bytes(proxy.authen_name)), proxy.authen_id,
                      proxy.initial_received_confreq ? proxy.initial_received_confreq->size() : 0,
                      proxy.last_sent_confreq ? proxy.last_sent_confreq->size() : 0,
                      proxy.last_received_confreq ? proxy.last_received_confreq->size() : 0);
    }
  }
  note_avps(parameters.others);
  if (const auto& wire = call.pseudowire)
    framing_ = std::make_unique<kernel::SessionFraming>(framing_of(*wire));
  plan_ = std::make_unique<SessionPlan>(tunnel_.owner().plan_session(*this, call));
  if (call.pseudowire) {
    // The peer says what it wants to have numbered. And before the kernel has the session it keeps
    // nothing of it for us: over IP data never reaches a socket.
    plan_->send_sequence = call.pseudowire->send_sequence;
    plan_->require_sequence = call.pseudowire->receive_sequence;
    plan_->install_point = config::InstallPoint::at_call_established;
  }
  link_ = std::make_unique<ppp::Link>(plan_->link, env_.random);
  set_state(State::authenticating);
  env_.timers.set(timer_key(TimerKind::session_limit, slot_), now + kSetupLimit);
  if (plan_->install_point == config::InstallPoint::at_call_established) {
    install(false, now);  // the link opens when the kernel numbers its frames
    return;
  }
  link_->open(now);
  carry_out(now);
  receive_early(now);
}

void PppSession::stop(const Cause& cause, TimePoint now) {
  if (link_) {
    link_->lower_down(cause, now);
    link_->take_actions();  // only LinkDown, which is what we are doing
  }
  unwatch_descriptors();
}

void PppSession::gone() {
  if (plan_) env_.interface_notes.remove(plan_->interface_name);
}

void PppSession::let_go() {
  channel_.reset();
  unit_.reset();
}

void PppSession::receive_data(ByteView frame, bool sequenced, TimePoint now) {
  if (state_ == State::closing) return;
  // The kernel counts from zero: the sooner it sees the numbers the less it takes for lost.
  if (sequenced && link_ && kernel_ == KernelState::none) install(false, now);
  if (!link_ || link_->phase() == ppp::LinkPhase::dead) {
    if (!early_) early_ = std::make_unique<std::vector<Bytes>>();
    if (early_->size() < kMaxEarlyFrames) early_->emplace_back(frame.begin(), frame.end());
    return;
  }
  if (env_.events.wants(kPacketEvents)) tap_ppp(env_.events, false, *this, frame);
  link_->receive(frame, now);
  carry_out(now);
}

void PppSession::receive_early(TimePoint now) {
  const auto frames = std::exchange(early_, nullptr);
  if (!frames) return;
  for (const Bytes& frame : *frames) receive_data(frame, false, now);
}

void PppSession::descriptor_ready(bool is_unit, TimePoint now) {
  const SharedFd descriptor = is_unit ? unit_ : channel_;
  if (!descriptor) return;
  std::array<std::uint8_t, 4096> buffer;
  for (int i = 0; i < kFramesPerTurn; ++i) {
    const ssize_t n = ::read(descriptor->get(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EOVERFLOW)) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (n <= 0) {
      // The channel or unit is dead: somebody removed the interface. The event says so; until it is
      // handled, do not spin on the hang-up.
      env_.ppp_descriptors.remove(descriptor->get());
      break;
    }
    const ByteView frame = ByteView(buffer).first(static_cast<std::size_t>(n));
    if (env_.events.wants(kPacketEvents)) tap_ppp(env_.events, false, *this, frame);
    link_->receive(frame, now);
    carry_out(now);
    if (state_ == State::closing || descriptor != (is_unit ? unit_ : channel_)) break;
  }
}

void PppSession::handle_timeout(TimePoint now) {
  if (!link_ || state_ == State::closing) return;
  link_->handle_timeout(now);
  carry_out(now);
}

void PppSession::handle_session_limit(TimePoint now) {
  if (announced_up_) {
    close({.code = CauseCode::session_timeout}, now);
  } else {
    close({.code = CauseCode::setup_timeout, .message = "the session did not come up in time"},
          now);
  }
}

void PppSession::set_limits(Duration idle_timeout, Duration session_timeout) {
  if (!plan_) return;
  plan_->idle_timeout = idle_timeout;
  plan_->session_timeout = session_timeout;
  if (announced_up_ && state_ != State::closing) arm_session_limit();
}

void PppSession::arm_session_limit() {
  env_.timers.set(timer_key(TimerKind::session_limit, slot_),
                  plan_->session_timeout > Duration::zero()
                      ? std::optional(up_at_ + plan_->session_timeout)
                      : std::nullopt);
}

void PppSession::supply_verdict(const ppp::AuthVerdict& verdict,
                                std::optional<ppp::NetworkSettings> network, TimePoint now) {
  if (!link_ || state_ == State::closing) return;
  link_->supply_verdict(verdict, std::move(network), now);
  carry_out(now);
}

void PppSession::close(const Cause& cause, TimePoint now) {
  if (state_ == State::closing) return;
  if (cause_.code == CauseCode::none) cause_ = cause;
  if (!link_ || link_->phase() == ppp::LinkPhase::dead) {
    end(cause, now);
    return;
  }
  link_->close(cause, now);
  carry_out(now);
}

void PppSession::carry_out(TimePoint now) {
  if (carrying_out_) return;
  carrying_out_ = true;
  while (link_) {
    std::vector<ppp::LinkAction> actions = link_->take_actions();
    if (actions.empty()) break;
    for (ppp::LinkAction& action : actions) carry_out(action, now);
  }
  carrying_out_ = false;
  arm();
}

void PppSession::arm() {
  const bool runs = link_ && state_ != State::closing;
  env_.timers.set(timer_key(TimerKind::link, slot_), runs ? link_->next_deadline() : std::nullopt);
}

void PppSession::carry_out(ppp::LinkAction& action, TimePoint now) {
  std::visit(
      Overloaded{
          [&](const ppp::SendFrame& send) { send_frame(send.frame); },
          [&](const ppp::PhaseChanged& changed) {
            if (state_ == State::closing) return;
            if (changed.phase == ppp::LinkPhase::establish ||
                changed.phase == ppp::LinkPhase::authenticate) {
              set_state(State::authenticating);
            } else if (changed.phase == ppp::LinkPhase::network) {
              set_state(State::configuring);
            }
          },
          [&](const ppp::LcpUp& lcp) {
            const bool changed = mtu_ != lcp.mtu;
            mtu_ = lcp.mtu;
            if (changed && kernel_ == KernelState::installed && unit_) {
              env_.dataplane.set_mtu(key_, unit_mtu(), unit_mru(), {});
            }
          },
          [&](const ppp::CredentialsNeeded& needed) {
            tunnel_.owner().credentials_needed(*this, needed.request, now);
          },
          [&](const ppp::Authenticated& authenticated) {
            log(LogLevel::info, log_context(), "session {}: {} authenticated as \"{}\" by {}{}{}",
                key_.session.value(), authenticated.is_peer ? "peer" : "we",
                printable(as_bytes(authenticated.user)), ppp::name(authenticated.method),
                authenticated.message.empty() ? "" : ": ",
                printable(as_bytes(authenticated.message)));
          },
          [&](const ppp::Install& wanted) {
            bridges_only_ = !wanted.unit;
            if (kernel_ == KernelState::installing) {
              unit_wanted_ = wanted.unit;
            } else if (kernel_ == KernelState::installed && bridges_only_) {
              link_->installed(now);
            } else {
              install(wanted.unit, now);
            }
          },
          [&](ppp::SetMppe& set) {
            const auto done = [this_key = key_,
                               &env = env_](const Result<Done, kernel::KernelError>& result) {
              if (result) return;
              Tunnel* tunnel = env.tunnels.find(this_key.tunnel);
              PppSession* session = tunnel ? tunnel->find_ppp(this_key.session) : nullptr;
              if (session && result.error().error != ECANCELED)
                session->fail(kernel_cause(result.error()), Clock::now());
            };
            const bool is_128 = set.mode.strength == ppp::MppeStrength::bits_128;
            env_.dataplane.set_mppe(key_,
                                    {.direction = set.direction == ppp::MppeDirection::transmit
                                                      ? kernel::MppeDirection::send
                                                      : kernel::MppeDirection::receive,
                                     .bits = is_128 ? 128u : 40u,
                                     .stateless = set.mode.stateless,
                                     .key = Secret(set.start_key.octets().first(is_128 ? 16 : 8))},
                                    done);
          },
          [&](const ppp::SetCcpFlags& flags) {
            env_.dataplane.set_ccp_flags(
                key_, {.open = flags.open, .up = flags.up, .must = flags.must_compress}, {});
          },
          [&](const ppp::Ipv4Up& up) {
            network_->ipv4 = up;
            apply_network(now);
          },
          [&](const ppp::Ipv4Down&) {
            network_->ipv4.reset();
            apply_network(now);
          },
          [&](const ppp::Ipv6Up& up) {
            network_->ipv6 = up;
            apply_network(now);
          },
          [&](const ppp::Ipv6Down&) {
            network_->ipv6.reset();
            apply_network(now);
          },
          [&](const ppp::BridgeUp& up) { bridge_up(up.agreement, now); },
          [&](const ppp::BridgeDown&) { bridge_down(); },
          [&](const ppp::LinkDown& down) { end(down.cause, now); },
      },
      action);
}

void PppSession::send_frame(const Bytes& frame) {
  if (env_.events.wants(kPacketEvents)) tap_ppp(env_.events, true, *this, frame);
  if (kernel_ == KernelState::installed) {
    env_.dataplane.send_frame(key_, frame);
  } else if (!call_over_) {
    tunnel_.send_data(peer_session_, frame);
  }
}

void PppSession::install(bool with_unit, TimePoint now) {
  if (state_ == State::closing) return;
  const std::uint32_t fits = path_limit();
  if (with_unit && mtu_ > fits && !mtu_warned_) {
    mtu_warned_ = true;
    log(LogLevel::warning, message_id::on(message_id::kMtuExceedsPath, log_context()),
        "session {}: its MTU {} exceeds the path's {}: packets above that are fragmented",
        key_.session.value(), mtu_, fits);
  }
  kernel::SessionSpec spec;
  spec.key = key_;
  spec.peer_session = peer_session_;
  spec.interface_name = plan_->interface_name;
  if (mtu_ != 0) spec.mtu = unit_mtu();
  spec.mru = unit_mru();
  spec.send_sequence = plan_->send_sequence;
  spec.require_sequence = plan_->require_sequence;
  spec.lns_mode = plan_->lns_mode;
  spec.with_unit = with_unit;
  if (with_unit) {
    const ppp::LinkStatus link = link_->status();
    spec.mrru = link.local_mrru;
    spec.send_multilink = unit_fragments();
    spec.short_sequence = link.peer_short_sequence;
  }
  if (framing_) spec.framing = *framing_;
  if (kernel_ == KernelState::none) kernel_ = KernelState::installing;
  if (with_unit) {
    env_.interface_notes.write(plan_->interface_name, tunnel_.name(), key_.session.value(),
                               plan_->for_network_manager);
  }
  static_cast<void>(now);
  env_.dataplane.install(
      std::move(spec),
      [key = key_, mtu = mtu_, &env = env_](Result<kernel::Installed, kernel::KernelError> result) {
        // Found again by its ids: it may have ended while the kernel worked.
        Tunnel* tunnel = env.tunnels.find(key.tunnel);
        if (PppSession* session = tunnel ? tunnel->find_ppp(key.session) : nullptr) {
          session->install_done(std::move(result), mtu, Clock::now());
        }
      });
}

void PppSession::install_done(Result<kernel::Installed, kernel::KernelError> result,
                              std::uint32_t mtu, TimePoint now) {
  if (kernel_ == KernelState::removing) return;  // the remove that overtook it reports for both
  if (!result) {
    // Nothing of it is left in the kernel, but an unbound session whose upgrade failed still is.
    if (kernel_ == KernelState::installing) kernel_ = KernelState::none;
    log(LogLevel::error, log_context(), "session {}: {}", key_.session.value(),
        result.error().to_string());
    fail(kernel_cause(result.error()), now);
    check_gone(now);
    return;
  }
  const bool has_unit = result->unit != nullptr;
  unwatch_descriptors();
  kernel_ = KernelState::installed;
  channel_ = result->channel;
  unit_ = result->unit;
  ifindex_ = result->ifindex;
  if (state_ == State::closing) return;
  watch_descriptors();
  if (!has_unit && link_->phase() == ppp::LinkPhase::dead) {
    link_->open(now);
    carry_out(now);
    receive_early(now);
  }
  // What waited in the kernel is older than what it will bring from now on.
  for (const Bytes& frame : result->frames) receive_data(frame, false, now);
  if (std::exchange(unit_wanted_, false) && !has_unit) install(true, now);
  if (bridges_only_ && !has_unit && state_ != State::closing) {
    link_->installed(now);
    carry_out(now);
  }
  if (has_unit && state_ != State::closing) {
    // LCP may have agreed on another size while the kernel worked.
    if (mtu_ != mtu) env_.dataplane.set_mtu(key_, unit_mtu(), unit_mru(), {});
    log(LogLevel::info, log_context(), "session {}: the kernel carries it on {} (MTU {})",
        key_.session.value(), plan_->interface_name, mtu_);
    link_->installed(now);
    carry_out(now);
  }
}

void PppSession::watch_descriptors() {
  if (channel_) env_.ppp_descriptors.add(channel_->get(), poll_token(slot_, false));
  if (unit_) env_.ppp_descriptors.add(unit_->get(), poll_token(slot_, true));
}

void PppSession::unwatch_descriptors() {
  if (channel_) env_.ppp_descriptors.remove(channel_->get());
  if (unit_) env_.ppp_descriptors.remove(unit_->get());
  // The Dataplane closes them, in the order that the kernel wants.
  channel_.reset();
  unit_.reset();
}

void PppSession::apply_network(TimePoint) {
  if (kernel_ != KernelState::installed || !unit_ || state_ == State::closing) return;
  if (network_->empty()) {
    // LCP or authentication starts again: nothing passes until the NCPs are back.
    if (state_ == State::up && !bridges()) set_state(State::configuring);
    env_.dataplane.deconfigure(key_, {});
    return;
  }
  env_.dataplane.configure(
      key_, tunnel_.owner().network_config(*this),
      [key = key_, &env = env_](const Result<Done, kernel::KernelError>& result) {
        Tunnel* tunnel = env.tunnels.find(key.tunnel);
        if (PppSession* session = tunnel ? tunnel->find_ppp(key.session) : nullptr) {
          session->network_applied(result, Clock::now());
        }
      });
}

void PppSession::network_applied(const Result<Done, kernel::KernelError>& result, TimePoint now) {
  if (state_ == State::closing) return;
  if (!result) {
    if (result.error().error == ECANCELED) return;
    log(LogLevel::error, log_context(), "session {}: {}", key_.session.value(),
        result.error().to_string());
    close(kernel_cause(result.error()), now);
    return;
  }
  if (network_->empty()) return;
  std::string addresses;
  if (network_->ipv4)
    addresses = network_->ipv4->local.to_string() + " peer " + network_->ipv4->peer.to_string();
  if (network_->ipv6) addresses += addresses.empty() ? "IPv6" : " and IPv6";
  came_up(fmt::format("on {}: {}, MTU {}", plan_->interface_name, addresses, mtu_), now);
}

void PppSession::came_up(const std::string& with, TimePoint now) {
  if (state_ == State::up) {
    announce(name(state_), name(state_));  // other addresses, or one thing more
    return;
  }
  set_state(State::up);
  last_traffic_ = now;
  if (announced_up_) return;
  announced_up_ = true;
  up_since_ = realtime_usec();
  up_at_ = now;
  arm_session_limit();
  log(LogLevel::notice, message_id::on(message_id::kSessionUp, log_context()),
      "session {} is up {}", key_.session.value(), with);
  tunnel_.owner().session_up(*this, now);
}

void PppSession::note_counters(const kernel::Counters& counters, TimePoint now) {
  const Moved moved = count(counters);
  if (!link_ || state_ == State::closing) return;
  if (moved.received) {
    link_->note_activity(now);
    arm();
  }
  if (moved.received || moved.sent) last_traffic_ = now;
  if (state_ == State::up && plan_->idle_timeout > Duration::zero() &&
      now - last_traffic_ >= plan_->idle_timeout) {
    close({.code = CauseCode::idle_timeout}, now);
  }
}

}  // namespace l2tpm::daemon
