// What a client does when an attempt has failed, and whom it asks for its password.
#include "base/log.h"
#include "daemon/client.h"
#include "daemon/message_ids.h"
#include "daemon/realtime.h"
#include "daemon/secret_questions.h"

namespace l2tpm::daemon {
namespace {

// "Try another": the peer lives but has no room (CDN or StopCCN; RFC 2661 §4.4.2).
bool is_busy(const Cause& cause) {
  return cause.by_peer &&
         (cause.code == CauseCode::no_resources || cause.code == CauseCode::refused);
}

bool is_silence(const Cause& cause) {
  return cause.code == CauseCode::no_answer || cause.code == CauseCode::peer_silent ||
         cause.code == CauseCode::setup_timeout || cause.code == CauseCode::echo_timeout ||
         cause.code == CauseCode::name_resolution;
}

}  // namespace

// Before there is a tunnel that could end.
void Client::step_failed(const Cause& cause, TimePoint now) {
  if (trying_primary_) {
    primary_failed(now);
  } else {
    attempt_failed(cause, nullptr, now);
  }
}

// A password that was given for one start is good for no other; nor is one that an agent gave and
// the peer refused.
bool Client::was_given_password_refused(const Cause& cause) {
  if (given_password_.empty() || !cause.by_peer || cause.code != CauseCode::auth_failed)
    return false;
  given_password_ = {};
  was_refused_ = true;
  return true;
}

bool Client::ask_for_password(TimePoint now) {
  SecretQuestion question;
  question.tunnel = profile_.name;
  question.owner = kind_.owner;
  question.names = {"password"};
  question.message = "Password of \"" + printable(as_bytes(profile_.ppp.user)) + "\" at " +
                     profile_.peers.front().host;
  question.again = was_refused_;
  const auto answer = [this, attempt = attempt_, alive = std::weak_ptr<int>(alive_)](
                          Result<std::map<std::string, Secret>, ApiError> given) {
    if (alive.expired() || attempt != attempt_) return;
    answered(std::move(given), Clock::now());
  };
  set_state(State::asking);
  secret_question_ = context_.secrets.ask(std::move(question), answer, now);
  return secret_question_.has_value();
}

void Client::answered(Result<std::map<std::string, Secret>, ApiError> answer, TimePoint now) {
  secret_question_.reset();
  if (answer) {
    if (const auto password = answer->find("password"); password != answer->end())
      given_password_ = password->second;
  }
  if (given_password_.empty()) {
    const std::string why = answer ? "no password was given" : answer.error().message;
    attempt_failed({.code = CauseCode::no_secrets, .message = why}, nullptr, now);
    return;
  }
  attempt(now);
}

void Client::record_failure(const Cause& cause, const Tunnel* tunnel, TimePoint now) {
  if (is_asked_for(cause)) return;
  Failure failure;
  if (end_) {
    failure = std::move(*end_);
    end_.reset();
  } else {
    failure.object = tunnel ? "tunnel" : "profile";
    failure.profile = profile_.name;
    failure.tunnel = profile_.name;
    failure.role = "lac";
    failure.user = printable(as_bytes(profile_.ppp.user));
    if (tunnel) tunnel->describe_end(failure, now);
  }
  failure.cause = cause;
  const config::Peer& peer = profile_.peers[peer_index_];
  if (failure.peer.empty()) failure.peer = peer.host + ":" + std::to_string(peer.port);
  failure.detail("host", peer.host);
  failure.detail("port_float", std::string(config::name(profile_.tunnel.port_float)));
  failure.detail("attempts", backoff_.failures());
  if (profile_.peers.size() > 1) failure.detail("peers", profile_.peers.size());
  context_.environment.failures.add(std::move(failure));
}

void Client::attempt_failed(const Cause& cause, const Tunnel* tunnel, TimePoint now) {
  last_error_ = cause;
  dial_when_clear_ = false;
  if (state_ == State::stopped || state_ == State::closing) {
    set_state(tunnels_ == 0 ? State::stopped : State::closing);
    return;
  }
  record_failure(cause, tunnel, now);
  if (is_silence(cause)) {
    chooser_.failed(peer_index_, now);
  } else if (is_busy(cause)) {
    chooser_.busy(peer_index_);
  }
  unpin(pinned_);
  if (cause.code == CauseCode::idle_timeout && !cause.by_peer) {
    log(LogLevel::notice, log_context(), "nobody uses it: stopped until the next start");
    set_state(tunnels_ == 0 ? State::stopped : State::closing);
    return;
  }
  const bool refused = was_given_password_refused(cause);
  if (cause.code == CauseCode::no_secrets || (refused && !profile_.ppp.ask_password)) {
    log(LogLevel::warning, log_context(), "not dialled again: {}", cause.to_string());
    set_state(State::failed);
    return;
  }
  wait_and_retry(now);
}

void Client::wait_and_retry(TimePoint now) {
  const auto wait = backoff_.next(context_.environment.random);
  const LogContext about =
      message_id::on(message_id::of_failed_attempt(last_error_.code), log_context());
  if (!wait) {
    set_state(State::failed);
    log(LogLevel::warning, about, "giving up: {}", last_error_.to_string());
    return;
  }
  set_state(State::backoff);
  retry_at_ =
      realtime_usec() + static_cast<std::uint64_t>(
                            std::chrono::duration_cast<std::chrono::microseconds>(*wait).count());
  log(LogLevel::notice, about, "{}; dialling again in {:.1f} s", last_error_.to_string(),
      std::chrono::duration<double>(*wait).count());
  arm(now + *wait);
}

}  // namespace l2tpm::daemon
