// A control connection with a clock that jumps: what it does is written as text, and a test is a
// timeline. An empty stimulus is the machine's own deadline, which must be exactly then.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "l2tp/control_connection.h"
#include "support/l2tp_timeline_peer.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp::testing {

inline Settings quiet_settings() {
  Settings settings;
  settings.hello_interval = Duration::zero();
  return settings;
}

inline Cause because(CauseCode code) { return {.code = code}; }

class Machine {
 public:
  explicit Machine(Settings settings = quiet_settings(), std::uint64_t seed = 1)
      : random_(seed),
        settings_(std::make_shared<const Settings>(std::move(settings))),
        connection_(std::make_unique<ControlConnection>(kOurs, settings_, random_)) {}

  ControlConnection& operator*() { return *connection_; }
  ControlConnection* operator->() { return connection_.get(); }
  TimePoint now() const { return now_; }
  void at(Duration since_start) { now_ = start_ + since_start; }
  void receive(const ControlMessage& message) {
    connection_->receive(message, wire::encode(message).size(), now_);
  }
  // The last session announced or handed out.
  SessionId session() const { return session_; }
  void set_session(SessionId session) { session_ = session; }
  const std::vector<ControlMessage>& sent() const { return sent_; }
  ControlMessage last_sent() const { return sent_.empty() ? ControlMessage{} : sent_.back(); }
  std::vector<Action>& taken() { return taken_; }

  // Everything done since the last time, "SCCRQ ns=0 nr=0; tunnel up 42".
  std::string did() {
    std::string text;
    taken_ = connection_->take_actions();
    for (const Action& action : taken_) {
      if (!text.empty()) text += "; ";
      text += std::visit([this](const auto& one) { return describe(one); }, action);
    }
    return text;
  }

  std::optional<Duration> deadline() const {
    const auto when = connection_->next_deadline();
    return when ? std::optional<Duration>(*when - start_) : std::nullopt;
  }

 private:
  std::string describe(const SendDatagram& send) {
    wire::DecodeOptions options;
    if (settings_->secret) options.secret = settings_->secret->octets();
    auto decoded = wire::decode_control(send.bytes, options);
    if (!decoded) return "?";
    sent_.push_back(*decoded);
    std::string text = fmt::format("{} ns={} nr={}", decoded->is_zlb ? "ZLB" : name(decoded->type),
                                   decoded->ns, decoded->nr);
    if (decoded->result_code) text += fmt::format(" result {}", decoded->result_code->result);
    if (decoded->result_code && decoded->result_code->error.value_or(0) != 0)
      text += fmt::format("/{}", *decoded->result_code->error);
    if (decoded->problem) text += " PROBLEM " + decoded->problem->to_string();
    return text;
  }
  std::string describe(const TunnelUp& up) {
    return fmt::format("tunnel up {}", up.peer_tunnel.value());
  }
  std::string describe(const TunnelDown& down) {
    return fmt::format("tunnel down {}", name(down.cause.code));
  }
  std::string describe(const Finished&) { return "finished"; }
  std::string describe(const PeerAuthenticated&) { return "authenticated"; }
  std::string describe(const IncomingCallRequested& call) {
    session_ = call.session;
    return "incoming call";
  }
  std::string describe(const OutgoingCallRequested& call) {
    session_ = call.session;
    return fmt::format("outgoing call to {}", call.call.called_number);
  }
  std::string describe(const PseudowireRequested& call) {
    session_ = call.session;
    return fmt::format("pseudowire to {}", call.request.end_id);
  }
  std::string describe(const CircuitChanged& circuit) {
    return circuit.active() ? "circuit active" : "circuit inactive";
  }
  std::string describe(const SessionUp& up) {
    return fmt::format("session up {}", up.peer_session.value());
  }
  std::string describe(const SessionDown& down) {
    return fmt::format("session down {}", name(down.cause.code));
  }
  std::string describe(const LinkInfo& info) {
    return fmt::format("accm {:x} {:x}", info.send_accm, info.receive_accm);
  }
  std::string describe(const SpeedChanged& speed) {
    return fmt::format("speed {} {}", speed.tx, speed.rx);
  }
  std::string describe(const WanErrors& errors) {
    return fmt::format("wan errors {} {}", errors.crc_errors, errors.alignment_errors);
  }

  SeededRandom random_;
  std::shared_ptr<const Settings> settings_;
  std::unique_ptr<ControlConnection> connection_;
  const TimePoint start_{1h};
  TimePoint now_{1h};
  SessionId session_;
  std::vector<ControlMessage> sent_;
  std::vector<Action> taken_;
};

using Stimulus = std::function<void(Machine&)>;

// The peer sends a message; to our latest session if `to_session`.
inline Stimulus says(MessageType type, std::uint16_t ns, std::uint16_t nr,
                     bool to_session = false) {
  return [=](Machine& m) {
    m.receive(peer_says(type, ns, nr, to_session ? m.session() : SessionId{}));
  };
}
inline Stimulus says(ControlMessage message) {
  return [message = std::move(message)](Machine& m) { m.receive(message); };
}
inline Stimulus acks(std::uint16_t ns, std::uint16_t nr) { return says(peer_acks(ns, nr)); }

struct Row {
  Duration at;
  Stimulus stimulus;
  std::string did;
};

inline void run(Machine& machine, const std::vector<Row>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    SCOPED_TRACE(fmt::format("row {}", i));
    const auto deadline = machine.deadline();
    machine.at(row.at);
    if (!row.stimulus) {
      ASSERT_TRUE(deadline) << "no deadline at all";
      EXPECT_EQ(std::chrono::duration_cast<std::chrono::milliseconds>(*deadline).count(),
                std::chrono::duration_cast<std::chrono::milliseconds>(row.at).count());
      machine->handle_timeout(machine.now());
    } else {
      if (deadline) {
        EXPECT_GE(*deadline, row.at) << "a deadline was passed by";
      }
      row.stimulus(machine);
    }
    EXPECT_EQ(machine.did(), row.did);
    if (const auto next = machine.deadline()) {
      EXPECT_GT(*next, row.at) << "busy loop";
    }
  }
}

// The shortest ways into the states.
inline void establish_as_initiator(Machine& m) {
  m->open(m.now());
  m.receive(peer_says(MessageType::sccrp, 0, 1));
  m.receive(peer_acks(1, 2));
  m.did();
}
inline void establish_as_responder(Machine& m) {
  m.receive(peer_says(MessageType::sccrq, 0, 0));
  m.receive(peer_says(MessageType::scccn, 1, 1));
  m.did();
}

}  // namespace l2tpm::l2tp::testing
