// Authentication within a link: which machine runs, and what follows from its result.
#include "ppp/link.h"

namespace l2tpm::ppp {

using wire::PppProtocol;

std::unique_ptr<AuthServer> Link::make_auth_server() const {
  AuthServerSettings settings;
  settings.method = *lcp_.auth_of_peer();
  settings.name = settings_->local_name;
  settings.retransmit = settings_->auth_retransmit;
  settings.timeout = settings_->auth_timeout;
  settings.verdict_timeout = settings_->auth_timeout;
  settings.rechallenge_interval = settings_->rechallenge_interval;
  return std::make_unique<AuthServer>(settings, *random_);
}

std::unique_ptr<AuthPeer> Link::make_auth_peer() const {
  AuthPeerSettings settings;
  settings.method = *lcp_.auth_of_us();
  settings.user = settings_->user;
  settings.password = settings_->password;
  settings.retransmit = settings_->auth_retransmit;
  settings.timeout = settings_->auth_timeout;
  return std::make_unique<AuthPeer>(settings, *random_);
}

void Link::start_authentication(TimePoint now) {
  peer_is_authentic_ = !lcp_.auth_of_peer().has_value();
  we_are_accepted_ = !lcp_.auth_of_us().has_value();
  if (!peer_is_authentic_) {
    auth_server_ = make_auth_server();
    if (proxied_request_ == nullptr || proxied_request_->method != auth_server_->method()) {
      auth_server_->start(now);
    } else if (settings_->proxy_use == ProxyUse::accept) {
      auth_server_->adopt(*proxied_request_, now);
    } else {
      auth_server_->start_after(proxied_request_->identifier, now);
    }
  }
  if (!we_are_accepted_) {
    auth_peer_ = make_auth_peer();
    auth_peer_->start(now);
  }
  take_from_auth_server(now);
  take_from_auth_peer(now);
  check_authenticated(now);
}

void Link::receive_auth(PppProtocol protocol, const wire::PppPacket& packet, TimePoint now) {
  const bool is_time = phase_ == LinkPhase::authenticate || phase_ == LinkPhase::network ||
                       phase_ == LinkPhase::running;
  const auto end = addressee(protocol, packet);
  if (!is_time || !end) {
    ++frames_ignored_;
    return;
  }
  if (*end == AuthEnd::server) {
    if (!auth_server_ || ppp::protocol(auth_server_->method()) != protocol) {
      ++frames_ignored_;
      return;
    }
    auth_server_->receive(packet, now);
    take_from_auth_server(now);
    return;
  }
  const auto method = lcp_.auth_of_us();
  if (!method || ppp::protocol(*method) != protocol) {
    ++frames_ignored_;
    return;
  }
  if (!auth_peer_) {  // a Challenge repeated on a link that is up, RFC 1994 §2
    constexpr std::uint8_t kChallenge = 1;
    if (protocol != PppProtocol::chap || packet.code != kChallenge) return;
    auth_peer_ = make_auth_peer();
    auth_peer_->start(now);
  }
  auth_peer_->receive(packet, now, auth_server_ ? auth_server_->challenge() : ByteView());
  take_from_auth_peer(now);
}

void Link::supply_verdict(const AuthVerdict& verdict, std::optional<NetworkSettings> network,
                          TimePoint now) {
  if (!auth_server_ || !pending_request_) return;
  pending_request_.reset();
  if (verdict.ok && network) network_ = std::make_unique<NetworkSettings>(*network);
  auth_server_->supply_verdict(verdict, now);
  take_from_auth_server(now);
}

void Link::take_from_auth_server(TimePoint now) {
  while (auth_server_) {
    auto actions = auth_server_->take_actions();
    if (actions.empty()) return;
    for (AuthServerAction& action : actions) {
      if (auto* frame = std::get_if<SendFrame>(&action)) {
        emit(std::move(*frame));
      } else if (auto* needed = std::get_if<CredentialsNeeded>(&action)) {
        pending_request_ = std::make_unique<AuthRequest>(needed->request);
        emit(std::move(*needed));
      } else if (auto* authenticated = std::get_if<PeerAuthenticated>(&action)) {
        peer_authenticated(std::move(*authenticated), now);
      } else if (auto* failed = std::get_if<AuthFailed>(&action)) {
        close(failed->cause, now);
      }
      // PeerReauthenticated: as before.
      if (!auth_server_) return;
    }
  }
}

void Link::peer_authenticated(PeerAuthenticated result, TimePoint now) {
  // RFC 1661 lets LCP be renegotiated at any time; but what the kernel and the address pool have is
  // this user's.
  if (install_requested_ && result.user != user_) {
    close({.code = CauseCode::user_changed,
           .by_peer = true,
           .message = "authenticated again as " + printable(as_bytes(result.user))},
          now);
    return;
  }
  user_ = result.user;
  peer_is_authentic_ = true;
  take_keys(std::move(result.keys), Role::called);
  emit(Authenticated{.user = std::move(result.user),
                     .method = auth_server_->method(),
                     .is_peer = true,
                     .message = {}});
  check_authenticated(now);
}

void Link::take_from_auth_peer(TimePoint now) {
  while (auth_peer_) {
    auto actions = auth_peer_->take_actions();
    if (actions.empty()) return;
    for (AuthPeerAction& action : actions) {
      if (auto* frame = std::get_if<SendFrame>(&action)) {
        emit(std::move(*frame));
      } else if (auto* failed = std::get_if<AuthFailed>(&action)) {
        close(failed->cause, now);
      } else if (auto* accepted = std::get_if<AcceptedByPeer>(&action);
                 accepted != nullptr && !we_are_accepted_) {
        // Once: a Challenge repeated later touches neither keys nor network protocols.
        we_are_accepted_ = true;
        auth_message_ = accepted->message;
        if (!lcp_.auth_of_peer()) user_ = settings_->user;
        take_keys(std::move(accepted->keys), Role::calling);
        emit(Authenticated{.user = settings_->user,
                           .method = auth_peer_->method(),
                           .is_peer = false,
                           .message = auth_message_});
        check_authenticated(now);
      }
      if (!auth_peer_) return;
    }
  }
}

void Link::take_keys(MppeKeys keys, Role end_that_has_them) {
  if (keys.empty() || (keys_ && settings_->role != end_that_has_them)) return;
  keys_ = std::make_unique<MppeKeys>(std::move(keys));
}

void Link::check_authenticated(TimePoint now) {
  if (phase_ == LinkPhase::authenticate && peer_is_authentic_ && we_are_accepted_)
    enter_network(now);
}

}  // namespace l2tpm::ppp
