// A control connection driven by bytes. Each step is an octet that says what happens, then what it
// needs: datagrams as they are, messages put together from a few octets so that states are reached,
// the passing of time, the owner's verbs. What one end sends also goes to the other: two ends, both
// under the same hostile hand.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>

#include "l2tp/control_connection.h"
#include "support/fuzzed_log.h"
#include "support/l2tp_timeline_peer.h"
#include "wire/control_message.h"

namespace {

using namespace l2tpm;
using namespace l2tpm::l2tp;

void require(bool condition) {
  if (!condition) std::abort();
}

struct End {
  std::unique_ptr<ControlConnection> connection;
  std::set<SessionId> alive;
  SessionId last;
  bool down = false;
  bool finished = false;
};

class World {
 public:
  World(ByteReader input, std::uint8_t flags) : input_(input), random_(flags + 1u) {
    auto settings = std::make_shared<Settings>();
    if ((flags & 1) != 0) settings->secret = Secret(std::string_view("secret"));
    settings->hide_avps = (flags & 2) != 0;
    settings->receive_window_size = (flags & 4) != 0 ? 1 : 128;
    settings->send_queue_limit = 64;
    settings->max_sessions = 16;
    settings->quirks.ignore_unanswered_hello = (flags & 8) != 0;
    settings_ = settings;
    for (std::uint32_t i = 0; i < 2; ++i)
      ends_[i].connection =
          std::make_unique<ControlConnection>(TunnelId(7 + i), settings_, random_);
  }

  void run() {
    for (int steps = 0; steps < 2000 && input_.remaining() > 0; ++steps) {
      step();
      carry_out(0, steps);
      carry_out(1, steps);
    }
    // Left alone, both come to rest.
    for (int i = 0; i < 2; ++i) {
      const TimePoint silence = now_;
      for (int turns = 0; ends_[i].connection->next_deadline() &&
                          *ends_[i].connection->next_deadline() < silence + 10min;
           ++turns) {
        require(turns < 10000);
        const TimePoint due = std::max(*ends_[i].connection->next_deadline(), now_);
        ends_[i].connection->handle_timeout(due);
        take(i);
        const auto next = ends_[i].connection->next_deadline();
        require(!next || *next > due);
      }
    }
  }

 private:
  void step() {
    const std::uint8_t what = input_.u8();
    End& end = ends_[what >> 7];
    ControlConnection& connection = *end.connection;
    switch (what & 0x0f) {
      case 0:
        connection.open(now_);
        break;
      case 1: {
        const Bytes datagram = take_bytes(input_.u8());
        receive(what >> 7, datagram);
        break;
      }
      case 2:
      case 3:
      case 4: {
        const auto status = connection.status();
        const std::uint8_t type = input_.u8();
        const std::uint8_t skew = input_.u8();
        auto message =
            l2tp::testing::peer_says(static_cast<wire::MessageType>(type % 17),
                                     static_cast<std::uint16_t>(status.delivery.nr + (skew & 3)),
                                     status.delivery.ns, (skew & 4) != 0 ? end.last : SessionId{});
        if ((skew & 8) == 0) message.tunnel_id = connection.own_tunnel();
        message.nr = static_cast<std::uint16_t>(message.nr - (skew >> 6));
        if ((skew & 16) != 0) message.assigned_session_id = SessionId(1u + input_.u8());
        if ((skew & 32) != 0) message.receive_window_size = 1;
        receive(what >> 7, wire::encode(message));
        break;
      }
      case 5:
        now_ += std::chrono::milliseconds(input_.u8());
        break;
      case 6:
        now_ += std::chrono::seconds(input_.u8());
        break;
      case 7:
        if (connection.next_deadline()) now_ = std::max(now_, *connection.next_deadline());
        connection.handle_timeout(now_);
        break;
      case 8:
        hand_out(end, connection.place_incoming_call({}, now_));
        break;
      case 9:
        hand_out(end, connection.place_outgoing_call({}, now_));
        break;
      case 10:
        connection.accept_call(end.last, now_);
        break;
      case 11:
        connection.call_connected(end.last, {}, now_);
        break;
      case 12:
        connection.close_session(end.last, {.code = CauseCode::admin_close}, now_);
        break;
      case 13:
        connection.forget_session(end.last, now_);
        break;
      case 14:
        connection.probe(now_);
        break;
      case 15:
        if ((input_.u8() & 7) == 0) connection.close({.code = CauseCode::shutdown}, now_);
        connection.send_set_link_info({end.last}, now_);
        connection.send_wan_error_notify({end.last}, now_);
        break;
    }
  }
  void hand_out(End& end, SessionId session) {
    if (!session) return;
    end.last = session;
    require(end.alive.insert(session).second);
  }
  Bytes take_bytes(std::size_t count) {
    const ByteView view = input_.take(std::min(count, input_.remaining()));
    return {view.begin(), view.end()};
  }
  void receive(int to, const Bytes& datagram) {
    wire::DecodeOptions options;
    if (settings_->secret) options.secret = settings_->secret->octets();
    const auto message = wire::decode_control(datagram, options);
    if (message) ends_[to].connection->receive(*message, datagram.size(), now_);
  }
  std::vector<Bytes> take(int from) {
    End& end = ends_[from];
    std::vector<Bytes> datagrams;
    for (Action& action : end.connection->take_actions()) {
      require(!end.finished);
      if (auto* send = std::get_if<SendDatagram>(&action)) {
        datagrams.push_back(std::move(send->bytes));
      } else if (const auto* incoming = std::get_if<IncomingCallRequested>(&action)) {
        hand_out(end, incoming->session);
      } else if (const auto* outgoing = std::get_if<OutgoingCallRequested>(&action)) {
        hand_out(end, outgoing->session);
      } else if (const auto* down = std::get_if<SessionDown>(&action)) {
        require(!end.down && end.alive.erase(down->session) == 1);
        require(down->cause.code != CauseCode::none);
      } else if (std::holds_alternative<TunnelDown>(action)) {
        require(!end.down && end.alive.empty());
        end.down = true;
      } else if (std::holds_alternative<Finished>(action)) {
        end.finished = true;
      }
    }
    require(end.alive.size() <= 16);
    return datagrams;
  }
  void carry_out(int from, int step) {
    const std::vector<Bytes> datagrams = take(from);
    // Every fifth step's datagrams are lost.
    for (const Bytes& datagram : datagrams) {
      const auto message = wire::decode_control(datagram, {});
      require(message.has_value());
      if (step % 5 != 4) receive(1 - from, datagram);
    }
  }

  ByteReader input_;
  SeededRandom random_;
  std::shared_ptr<const Settings> settings_;
  TimePoint now_{1h};
  End ends_[2];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(ByteView(data, size));
  const std::uint8_t flags = input.u8();
  World(input, flags).run();
  return 0;
}
