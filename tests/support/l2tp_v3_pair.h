// Two ends of an L2TPv3 control connection, each with its own settings, and the network of
// l2tp_two_peers.h between them. Datagrams go in as octets. Either end asks for pseudowires and
// accepts what `answer` says.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "l2tp/causes.h"
#include "l2tp/control_connection.h"
#include "support/l2tp_two_peers.h"

namespace l2tpm::l2tp::testing {

inline Settings v3_settings(std::vector<std::string> secrets = {}) {
  Settings settings;
  settings.versions = Versions::v3_only;
  settings.hello_interval = Duration::zero();
  settings.v3.router_id = 0xc0000201;
  settings.v3.pseudowires = {wire::kPseudowireEthernet, wire::kPseudowireEthernetVlan,
                             wire::kPseudowirePpp};
  for (const std::string& secret : secrets) settings.v3.digest_secrets.emplace_back(secret);
  return settings;
}

inline PseudowireRequest request_for(std::string end_id, PseudowireWish wish = {}) {
  PseudowireRequest request;
  request.end_id = std::move(end_id);
  request.wish = wish;
  return request;
}

class V3Pair {
 public:
  struct End {
    std::shared_ptr<const Settings> settings;
    std::unique_ptr<ControlConnection> connection;
    PseudowireWish wish;                 // of what it accepts
    std::optional<Cause> refusal;        // or how it refuses
    bool silent_about_requests = false;  // or neither
    std::string did;                     // "pseudowire to x; session up; ..."
    std::map<SessionId, Pseudowire> up;
    std::map<SessionId, SessionId> peer_ids;
    std::set<SessionId> known;
    std::vector<Cause> downs;
    std::vector<bool> circuits;
    std::vector<WanErrors> errors;
    SessionId last;
    unsigned version_up = 0;
    bool authenticated = false;
    bool tunnel_down = false;
    bool finished = false;
    Cause cause;
    std::vector<Bytes> sent;
  };

  explicit V3Pair(Settings a = v3_settings(), Settings b = v3_settings(), Network network = {},
                  std::uint64_t seed = 1)
      : network_(network), random_(seed) {
    Settings* both[] = {&a, &b};
    for (std::uint32_t i = 0; i < 2; ++i) {
      ends[i].settings = std::make_shared<const Settings>(std::move(*both[i]));
      const bool wide = ends[i].settings->versions == Versions::v3_only;
      ends[i].connection = std::make_unique<ControlConnection>(
          TunnelId((wide ? 0xabcd0000u : 0x1000u) + i), ends[i].settings, random_, &sessions[i]);
    }
  }

  ControlConnection& a() { return *ends[0].connection; }
  ControlConnection& b() { return *ends[1].connection; }

  SessionId place(int at, PseudowireRequest request) {
    End& end = ends[at];
    const SessionId session = end.connection->place_pseudowire(std::move(request), now);
    if (session) {
      end.known.insert(session);
      end.last = session;
    }
    carry_out(at);
    return session;
  }
  void close_session(int at, SessionId session, const Cause& cause) {
    ends[at].connection->close_session(session, cause, now);
    carry_out(at);
  }
  bool bring_up() {
    a().open(now);
    carry_out(0);
    return run([&] { return ends[0].version_up != 0 && ends[1].version_up != 0; });
  }

  // Until `done`, at most for `limit` from now on; true when done.
  bool run(const std::function<bool()>& done, Duration limit = 10min) {
    const TimePoint begin = now;
    carry_out(0);
    carry_out(1);
    while (!done()) {
      std::optional<TimePoint> next;
      if (!in_flight_.empty()) next = in_flight_.begin()->first;
      for (const End& end : ends)
        if (const auto when = end.connection->next_deadline(); when && (!next || *when < *next))
          next = when;
      if (!next || *next - begin > limit) return false;
      now = std::max(now, *next);
      if (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        const auto [to, datagram] = in_flight_.begin()->second;
        in_flight_.erase(in_flight_.begin());
        deliver(to, datagram);
      }
      for (int i : {0, 1}) {
        ControlConnection& connection = *ends[i].connection;
        if (const auto when = connection.next_deadline(); when && *when <= now) {
          connection.handle_timeout(now);
          carry_out(i);
          if (const auto again = connection.next_deadline(); again && *again <= now)
            broken = "stuck";
        }
      }
    }
    return true;
  }
  // Until nothing happens any more.
  void settle(Duration limit = 2s) {
    run([] { return false; }, limit);
  }
  void deliver(int to, const Bytes& datagram) {
    if (deaf[to]) return;
    ends[to].connection->receive_datagram(datagram, now);
    carry_out(to);
  }
  void carry_out(int from) {
    for (;;) {
      const auto actions = ends[from].connection->take_actions();
      if (actions.empty()) return;
      for (const Action& action : actions) carry_out(from, action);
    }
  }

  End ends[2];
  IdPool sessions[2] = {IdPool(0xffffffff, 60s), IdPool(0xffffffff, 60s)};
  TimePoint now{1h};
  bool deaf[2] = {false, false};
  std::string broken;

 private:
  void carry_out(int from, const Action& action) {
    End& end = ends[from];
    if (end.finished) broken = "something after Finished";
    if (!end.did.empty() && !std::holds_alternative<SendDatagram>(action)) end.did += "; ";
    std::visit([&](const auto& one) { note(from, one); }, action);
  }
  void note(int from, const SendDatagram& send) {
    End& end = ends[from];
    end.sent.push_back(send.bytes);
    for (unsigned i = 0; i < (random_.below(100) < network_.duplicate_percent ? 2u : 1u); ++i) {
      if (random_.below(100) < network_.loss_percent) continue;
      Duration delay = network_.delay;
      if (random_.below(100) < network_.reorder_percent)
        delay += std::chrono::milliseconds(random_.below(100));
      in_flight_.emplace(now + delay, std::pair(1 - from, send.bytes));
    }
  }
  void note(int from, const TunnelUp& up) {
    ends[from].version_up = up.version;
    ends[from].did += fmt::format("tunnel up v{}", up.version);
  }
  void note(int from, const TunnelDown& down) {
    End& end = ends[from];
    if (!end.known.empty()) broken = "a session outlives its tunnel";
    end.tunnel_down = true;
    end.cause = down.cause;
    end.did += fmt::format("tunnel down {}", name(down.cause.code));
  }
  void note(int from, const Finished&) {
    ends[from].finished = true;
    ends[from].did += "finished";
  }
  void note(int from, const PeerAuthenticated&) {
    ends[from].authenticated = true;
    ends[from].did += "authenticated";
  }
  void note(int from, const PseudowireRequested& asked) {
    End& end = ends[from];
    end.did += fmt::format("pseudowire to {}", asked.request.end_id);
    end.known.insert(asked.session);
    end.last = asked.session;
    if (end.silent_about_requests) return;
    if (end.refusal)
      end.connection->reject_call(asked.session, *end.refusal, now);
    else
      end.connection->accept_pseudowire(asked.session, end.wish, now);
  }
  void note(int from, const SessionUp& up) {
    End& end = ends[from];
    if (!end.known.contains(up.session)) broken = "an unknown session is up";
    if (!up.pseudowire) broken = "no pseudowire";
    end.up[up.session] = up.pseudowire.value_or(Pseudowire{});
    end.peer_ids[up.session] = up.peer_session;
    end.did += "session up";
  }
  void note(int from, const SessionDown& down) {
    End& end = ends[from];
    if (end.known.erase(down.session) != 1) broken = "a session ends twice or unknown";
    if (down.cause.code == CauseCode::none) broken = "an end without a cause";
    end.up.erase(down.session);
    end.downs.push_back(down.cause);
    end.connection->forget_session(down.session, now);
    end.did += fmt::format("session down {}", name(down.cause.code));
  }
  void note(int from, const CircuitChanged& circuit) {
    ends[from].circuits.push_back(circuit.active());
    ends[from].did += circuit.active() ? "circuit active" : "circuit inactive";
  }
  void note(int from, const WanErrors& errors) {
    ends[from].errors.push_back(errors);
    ends[from].did += "errors";
  }
  void note(int from, const IncomingCallRequested& call) {
    ends[from].did += "call of version 2";
    ends[from].known.insert(call.session);
  }
  void note(int, const OutgoingCallRequested&) {}
  void note(int, const LinkInfo&) {}
  void note(int, const SpeedChanged&) {}

  Network network_;
  SeededRandom random_;
  std::multimap<TimePoint, std::pair<int, Bytes>> in_flight_;
};

}  // namespace l2tpm::l2tp::testing
