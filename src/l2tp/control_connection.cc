#include "l2tp/control_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "l2tp/causes.h"

namespace l2tpm::l2tp {
namespace {

using wire::MessageType;

constexpr std::uint32_t kMaxSessionId = 65535;
constexpr std::uint32_t kMaxV3SessionId = 0xffffffff;
constexpr Duration kIdQuarantine = 60s;

void keep_earlier(std::optional<TimePoint>& earliest, std::optional<TimePoint> other) {
  if (other && (!earliest || *other < *earliest)) earliest = other;
}

}  // namespace

// RFC 2661 §7.2.1 and RFC 3931 §7.2, row by row. A pair that has no row is a protocol error:
// StopCCN and clean up. (The RFCs differ over SCCCN in state idle, which begins nothing here.)
std::span<const ControlConnection::Transition> ControlConnection::transitions() {
  using S = State;
  using E = Event;
  using C = ControlConnection;
  static constexpr Transition kRows[] = {
      {S::idle,           E::open_request,         &C::send_sccrq,     S::wait_ctl_reply},
      {S::idle,           E::sccrq_acceptable,     &C::send_sccrp,     S::wait_ctl_conn },
      {S::idle,           E::sccrq_unacceptable,   &C::send_stopccn,   S::closing       },
      {S::idle,           E::scccn_acceptable,     &C::clean_up,       S::finished      },
      {S::idle,           E::stopccn,              &C::clean_up,       S::finished      },
      {S::idle,           E::close_request,        &C::clean_up,       S::finished      },
      {S::idle,           E::tie_lost,             &C::clean_up,       S::finished      },
      {S::idle,           E::peer_lost,            &C::clean_up,       S::finished      },

      {S::wait_ctl_reply, E::sccrp_acceptable,     &C::send_scccn,     S::established   },
      {S::wait_ctl_reply, E::sccrp_unacceptable,   &C::send_stopccn,   S::closing       },
      {S::wait_ctl_reply, E::stopccn,              &C::linger,         S::closing       },
      {S::wait_ctl_reply, E::close_request,        &C::send_stopccn,   S::closing       },
      {S::wait_ctl_reply, E::tie_lost,             &C::clean_up,       S::finished      },
      {S::wait_ctl_reply, E::peer_lost,            &C::clean_up,       S::finished      },

      {S::wait_ctl_conn,  E::scccn_acceptable,     &C::tunnel_open,    S::established   },
      {S::wait_ctl_conn,  E::scccn_unacceptable,   &C::send_stopccn,   S::closing       },
      {S::wait_ctl_conn,  E::stopccn,              &C::linger,         S::closing       },
      {S::wait_ctl_conn,  E::close_request,        &C::send_stopccn,   S::closing       },
      {S::wait_ctl_conn,  E::tie_lost,             &C::clean_up,       S::finished      },
      {S::wait_ctl_conn,  E::peer_lost,            &C::clean_up,       S::finished      },

      {S::established,    E::stopccn,              &C::linger,         S::closing       },
      {S::established,    E::close_request,        &C::send_stopccn,   S::closing       },
      {S::established,    E::peer_lost,            &C::clean_up,       S::finished      },

 // §5.7: after StopCCN both ends keep enough to acknowledge it again.
      {S::closing,        E::stopccn_acknowledged, &C::stop_lingering, S::finished      },
      {S::closing,        E::peer_lost,            &C::stop_lingering, S::finished      },
      {S::closing,        E::linger_over,          &C::stop_lingering, S::finished      },
  };
  return kRows;
}

ControlConnection::ControlConnection(TunnelId own_tunnel, std::shared_ptr<const Settings> settings,
                                     RandomSource& random, IdPool* v3_sessions)
    : own_tunnel_(own_tunnel),
      settings_(std::move(settings)),
      random_(random),
      version_(0),
      digests_(settings_->v3),
      delivery_(*settings_),
      own_session_ids_(settings_->versions == Versions::v2_only ? kMaxSessionId : kMaxV3SessionId,
                       kIdQuarantine),
      session_ids_(&own_session_ids_),
      v3_session_ids_(v3_sessions) {
  assert(own_tunnel_ &&
         (own_tunnel_.value() <= 0xffff || settings_->versions == Versions::v3_only));
  if (settings_->versions == Versions::v2_only)
    decide_version(2);
  else
    delivery_.set_digests(&digests_);
  if (settings_->versions == Versions::v3_only) decide_version(3);
}

void ControlConnection::decide_version(unsigned version) {
  version_ = version;
  if (version == 2) {
    // What has been signed so far was for a peer that speaks version 3.
    digests_.stop_signing();
    if (settings_->versions != Versions::v2_only)
      own_session_ids_ = IdPool(kMaxSessionId, kIdQuarantine);
    return;
  }
  delivery_.speak_v3();
  if (v3_session_ids_ != nullptr) session_ids_ = v3_session_ids_;
}

void ControlConnection::step(Event event, const Input& input) {
  for (const Transition& row : transitions()) {
    if (row.from != state_ || row.event != event) continue;
    (this->*row.act)(input);
    enter(row.to, event, input.cause);
    return;
  }
  if (state_ == State::closing || state_ == State::finished) return;
  switch (event) {
    // What the owner or a timer says too late.
    case Event::open_request:
    case Event::close_request:
    case Event::tie_lost:
    case Event::peer_lost:
    case Event::stopccn_acknowledged:
    case Event::linger_over:
      return;
    case Event::sccrq_acceptable:
    case Event::sccrq_unacceptable:
    case Event::sccrp_acceptable:
    case Event::sccrp_unacceptable:
    case Event::scccn_acceptable:
    case Event::scccn_unacceptable:
    case Event::stopccn:
    case Event::protocol_error:
      break;
  }
  Input error = input;
  if (error.cause.code == CauseCode::none) {
    error.cause.code = CauseCode::protocol_error;
    error.cause.message = fmt::format(
        "{} in state {}", input.message != nullptr ? name(input.message->type) : event_name(event),
        name(state_));
  }
  send_stopccn(error);
  enter(State::closing, event, error.cause);
}

void ControlConnection::enter(State next, Event event, const Cause& cause) {
  if (log_enabled(LogLevel::debug)) {
    const std::string tunnel = fmt::format("{}/{}", own_tunnel_.value(), peer_.tunnel.value());
    LogContext context;
    context.tunnel = tunnel;
    log(LogLevel::debug, context, "control connection: {} -> {} by {}{}{}", name(state_),
        name(next), event_name(event), cause.code == CauseCode::none ? "" : ": ",
        cause.code == CauseCode::none ? "" : cause.to_string());
  }
  state_ = next;
  if (state_ != State::wait_ctl_reply && state_ != State::wait_ctl_conn) setup_until_.reset();
  if (state_ == State::finished) events_.push_back(Finished{});
}

// Acts.

void ControlConnection::send_sccrq(const Input& input) {
  initiator_ = true;
  setup_until_ = input.now + settings_->tunnel_setup_timeout;
  wire::ControlMessage message = introduce_ourselves(MessageType::sccrq);
  if (settings_->use_tie_breaker) {
    tie_breaker_ = random_.u64();
    message.tie_breaker = tie_breaker_;
  }
  send(message, input.now);
}

void ControlConnection::send_sccrp(const Input& input) {
  setup_until_ = input.now + settings_->tunnel_setup_timeout;
  wire::ControlMessage message = introduce_ourselves(MessageType::sccrp);
  message.challenge_response = std::exchange(response_, std::nullopt);
  send(message, input.now);
}

void ControlConnection::send_scccn(const Input& input) {
  wire::ControlMessage message;
  message.type = MessageType::scccn;
  message.challenge_response = std::exchange(response_, std::nullopt);
  send(std::move(message), input.now);
  tunnel_open(input);
}

void ControlConnection::tunnel_open(const Input& input) {
  established_ = input.now;
  delivery_.set_peer_proven(true);
  authentication_.forget_challenge();
  if (authentication_.peer_authenticated() || digests_.peer_authentic())
    events_.push_back(PeerAuthenticated{});
  events_.push_back(TunnelUp{peer_.tunnel, static_cast<std::uint8_t>(version_)});
  // RFC 3931 §4.4: HELLOs of several connections are not to go out together.
  const auto tenth =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings_->hello_interval) / 10;
  if (version_ == 3 && tenth.count() > 0)
    hello_jitter_ =
        std::chrono::milliseconds(random_.below(static_cast<std::uint32_t>(tenth.count())));
  for (const SessionId session : std::exchange(waiting_for_tunnel_, {}))
    step_call(session, {.event = Call::Event::tunnel_open}, input.now);
  delivery_.acknowledge_now();
}

void ControlConnection::send_stopccn(const Input& input) {
  // A SCCRQ that nobody has answered is not repeated only to be taken back; what has not been sent
  // dies with the tunnel.
  if (state_ == State::wait_ctl_reply)
    delivery_.drop_unacknowledged();
  else
    delivery_.drop_unsent();
  end(input.cause);
  wire::ControlMessage message;
  message.type = MessageType::stopccn;
  message.assigned_tunnel_id = own_tunnel_;
  message.result_code = stopccn_result(input.cause);
  send(message, input.now);
  delivery_.ignore_congestion();
  stopccn_sent_ = true;
  linger_until_ = input.now + settings_->linger;
}

void ControlConnection::linger(const Input& input) {
  delivery_.drop_unacknowledged();
  delivery_.acknowledge_now();
  end(input.cause);
  linger_until_ = input.now + settings_->linger;
}

void ControlConnection::clean_up(const Input& input) {
  end(input.cause);
  stop_lingering(input);
}

void ControlConnection::stop_lingering(const Input&) {
  delivery_.drop_unacknowledged();
  linger_until_.reset();
}

void ControlConnection::end(const Cause& cause) {
  cause_ = cause;
  if (cause_.code == CauseCode::none) cause_.code = CauseCode::protocol_error;
  end_all_calls(cause_);
  response_.reset();
  authentication_.forget_challenge();
  events_.push_back(TunnelDown{cause_});
}

// The owner's verbs.

void ControlConnection::open(TimePoint now) {
  step(Event::open_request, {.now = now});
  settle(now);
}

void ControlConnection::receive(const wire::ControlMessage& message, std::size_t datagram_size,
                                TimePoint now) {
  if (state_ == State::finished || !is_addressed_to_us(message)) return;
  if (state_ == State::idle) delivery_.set_peer_proven(!settings_->answer_budget);
  delivery_.receive(message, datagram_size, now);
  while (const auto next = delivery_.take_in_order()) process(*next, now);
  // What is not a SCCRQ, numbered 0, begins nothing.
  if (state_ == State::idle) {
    Cause cause{.code = CauseCode::protocol_error, .message = "no control connection"};
    step(Event::peer_lost, {.now = now, .cause = std::move(cause)});
  }
  settle(now);
}

void ControlConnection::handle_timeout(TimePoint now) {
  delivery_.handle_timeout(now);
  handle_delivery_failure(now);
  if (setup_until_ && *setup_until_ <= now) {
    Cause cause{.code = CauseCode::setup_timeout, .message = "the tunnel was not set up in time"};
    if (digests_wrong_ + digests_missing_ > 0)
      cause = {.code = CauseCode::tunnel_auth_failed, .message = why_unanswered()};
    step(Event::peer_lost, {.now = now, .cause = std::move(cause)});
  }
  if (linger_until_ && *linger_until_ <= now) step(Event::linger_over, {.now = now});
  if (const auto due = hello_at(); due && *due <= now) send_hello(now);
  while (const auto session = call_deadlines_.pop_due(now)) {
    Cause cause{.code = CauseCode::setup_timeout, .message = "the call was not set up in time"};
    step_call(*session, {.event = Call::Event::timeout, .cause = std::move(cause)}, now);
  }
  settle(now);
}

void ControlConnection::close(const Cause& cause, TimePoint now) {
  step(Event::close_request, {.now = now, .cause = cause});
  settle(now);
}

void ControlConnection::lose_tie(TimePoint now) {
  Cause cause{.code = CauseCode::tie_lost,
              .message = "the peer's control connection won the tie breaker"};
  step(Event::tie_lost, {.now = now, .cause = std::move(cause)});
  settle(now);
}

void ControlConnection::probe(TimePoint now) {
  if (state_ == State::established && delivery_.all_acknowledged()) send_hello(now);
  settle(now);
}

// HELLO, RFC 2661 §5.5: after silence only, and not while another message would tell as well.
std::optional<TimePoint> ControlConnection::hello_at() const {
  if (state_ != State::established || settings_->hello_interval == Duration::zero() ||
      hello_given_up_ || !delivery_.all_acknowledged())
    return std::nullopt;
  return delivery_.last_heard() + settings_->hello_interval - hello_jitter_;
}

void ControlConnection::send_hello(TimePoint now) {
  wire::ControlMessage message;
  message.type = MessageType::hello;
  hello_pending_ = true;
  ++hellos_sent_;
  send(message, now);
}

void ControlConnection::handle_delivery_failure(TimePoint now) {
  const auto failure = delivery_.failure();
  delivery_.clear_failure();
  switch (failure) {
    case ReliableDelivery::Failure::none:
      return;
    case ReliableDelivery::Failure::queue_full: {
      Cause cause{.code = CauseCode::no_resources,
                  .message = "too many messages wait for the peer's acknowledgement"};
      step(Event::protocol_error, {.now = now, .cause = std::move(cause)});
      return;
    }
    case ReliableDelivery::Failure::peer_silent:
      break;
  }
  if (settings_->quirks.ignore_unanswered_hello && hello_pending_ && delivery_.queued() == 1) {
    note_quirk(Quirk::unanswered_hello);
    delivery_.take_back_unacknowledged();
    hello_given_up_ = true;
    hello_pending_ = false;
    return;
  }
  Cause cause{
      .code = state_ == State::wait_ctl_reply ? CauseCode::no_answer : CauseCode::peer_silent,
      .message = "retransmissions are used up"};
  if (state_ == State::wait_ctl_reply && digests_wrong_ + digests_missing_ > 0)
    cause = {.code = CauseCode::tunnel_auth_failed, .message = why_unanswered()};
  step(Event::peer_lost, {.now = now, .cause = std::move(cause)});
}

void ControlConnection::settle(TimePoint now) {
  handle_delivery_failure(now);
  if (state_ != State::finished) {
    delivery_.flush(now);
    if (delivery_.all_acknowledged()) {
      hello_pending_ = false;
      if (stopccn_sent_) step(Event::stopccn_acknowledged, {.now = now});
    }
  }
  assert(is_consistent());
}

std::vector<Action> ControlConnection::take_actions() {
  std::vector<Action> actions;
  std::vector<Bytes> datagrams = delivery_.take_datagrams();
  actions.reserve(datagrams.size() + events_.size());
  for (Bytes& datagram : datagrams) actions.push_back(SendDatagram{std::move(datagram)});
  for (Action& event : events_) actions.push_back(std::move(event));
  events_.clear();
  return actions;
}

std::optional<TimePoint> ControlConnection::next_deadline() const {
  if (state_ == State::finished) return std::nullopt;
  std::optional<TimePoint> earliest = delivery_.next_deadline();
  keep_earlier(earliest, setup_until_);
  keep_earlier(earliest, linger_until_);
  keep_earlier(earliest, hello_at());
  keep_earlier(earliest, call_deadlines_.earliest());
  return earliest;
}

ControlConnection::Status ControlConnection::status() const {
  Status status;
  status.state = state_;
  status.version = version_;
  status.initiator = initiator_;
  status.own_tunnel = own_tunnel_;
  status.peer = peer_;
  status.delivery = delivery_.status();
  status.we_challenged = authentication_.we_challenged();
  status.peer_challenged = authentication_.peer_challenged();
  status.peer_authenticated =
      authentication_.peer_authenticated() || (version_ == 3 && digests_.peer_authentic());
  status.avps_hidden =
      settings_->hide_avps && (version_ == 3 ? digests_.authenticates() : has_secret());
  status.digests_required = version_ == 3 && digests_.authenticates();
  status.digest_secret = digests_.secret_used();
  status.digests_wrong = digests_wrong_;
  status.digests_missing = digests_missing_;
  status.sessions = calls_.size();
  status.sessions_up = sessions_up_;
  if (status.delivery.bytes_received > 0) status.last_heard = delivery_.last_heard();
  status.established = established_;
  status.next_hello = hello_at();
  status.hellos_sent = hellos_sent_;
  status.avps_ignored = avps_ignored_;
  for (const QuirkRow& row : quirk_table())
    if ((quirks_ & (1u << static_cast<unsigned>(row.quirk))) != 0)
      status.quirks.push_back(row.name);
  status.cause = cause_;
  return status;
}

bool ControlConnection::is_consistent() const {
  const bool no_calls =
      calls_.empty() && calls_by_peer_.empty() && sessions_up_ == 0 && call_deadlines_.empty();
  const bool counted = calls_by_peer_.size() <= calls_.size() && sessions_up_ <= calls_.size() &&
                       call_deadlines_.size() <= calls_.size();
  switch (state_) {
    case State::idle:
      return !setup_until_ && !linger_until_ && counted;
    case State::wait_ctl_reply:
      return initiator_ && setup_until_ && !linger_until_ && counted;
    case State::wait_ctl_conn:
      return !initiator_ && peer_.tunnel && setup_until_ && !linger_until_ && counted;
    case State::established:
      return peer_.tunnel && established_ && !setup_until_ && !linger_until_ && counted;
    case State::closing:
      return !setup_until_ && linger_until_ && no_calls;
    case State::finished:
      return !setup_until_ && !linger_until_ && no_calls;
  }
  return false;
}

std::string_view name(ControlConnection::State state) {
  switch (state) {
    case ControlConnection::State::idle:
      return "idle";
    case ControlConnection::State::wait_ctl_reply:
      return "wait-ctl-reply";
    case ControlConnection::State::wait_ctl_conn:
      return "wait-ctl-conn";
    case ControlConnection::State::established:
      return "established";
    case ControlConnection::State::closing:
      return "closing";
    case ControlConnection::State::finished:
      return "finished";
  }
  return "?";
}

std::string_view ControlConnection::event_name(Event event) {
  switch (event) {
    case Event::open_request:
      return "open-request";
    case Event::sccrq_acceptable:
      return "sccrq-acceptable";
    case Event::sccrq_unacceptable:
      return "sccrq-unacceptable";
    case Event::sccrp_acceptable:
      return "sccrp-acceptable";
    case Event::sccrp_unacceptable:
      return "sccrp-unacceptable";
    case Event::scccn_acceptable:
      return "scccn-acceptable";
    case Event::scccn_unacceptable:
      return "scccn-unacceptable";
    case Event::stopccn:
      return "stopccn";
    case Event::close_request:
      return "close-request";
    case Event::protocol_error:
      return "protocol-error";
    case Event::tie_lost:
      return "tie-lost";
    case Event::peer_lost:
      return "peer-lost";
    case Event::stopccn_acknowledged:
      return "stopccn-acknowledged";
    case Event::linger_over:
      return "linger-over";
  }
  return "?";
}

Tie compare_tie_breakers(std::optional<std::uint64_t> ours, std::optional<std::uint64_t> theirs) {
  if (!ours && !theirs) return Tie::no_tie;
  if (!theirs) return Tie::we_win;
  if (!ours) return Tie::peer_wins;
  if (*ours == *theirs) return Tie::both_discard;
  return *ours < *theirs ? Tie::we_win : Tie::peer_wins;
}

std::string_view name(Tie tie) {
  switch (tie) {
    case Tie::we_win:
      return "we-win";
    case Tie::peer_wins:
      return "peer-wins";
    case Tie::both_discard:
      return "both-discard";
    case Tie::no_tie:
      return "no-tie";
  }
  return "?";
}

}  // namespace l2tpm::l2tp
