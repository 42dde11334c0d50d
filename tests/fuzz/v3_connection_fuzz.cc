// Two ends of an L2TPv3 control connection, whose owners, messages, network and time are the input:
// what has been promised to the owners (V3Pair looks) holds, and left alone both come to rest. The
// first octet chooses the settings.
#include <cstdlib>

#include "support/l2tp_v3_pair.h"
#include "support/l2tp_v3_samples.h"

namespace {

using namespace l2tpm;        // NOLINT: a fuzz target
using namespace l2tpm::l2tp;  // NOLINT

void require(bool condition) {
  if (!condition) std::abort();
}

Settings settings_of(std::uint8_t flags, bool second) {
  Settings settings = l2tp::testing::v3_settings();
  if ((flags & 1) != 0) settings.v3.digest_secrets.emplace_back(std::string_view("secret"));
  if ((flags & 2) != 0) settings.v3.digest = wire::DigestType::hmac_sha1;
  settings.hide_avps = (flags & 4) != 0;
  settings.v3.integrity_check = (flags & 8) != 0 && second;
  if ((flags & 16) != 0) settings.versions = Versions::v3_or_v2;
  if ((flags & 32) != 0 && second) settings.versions = Versions::v3_only;
  if ((flags & 64) != 0) settings.hello_interval = 20s;
  settings.max_sessions = 16;
  settings.receive_window_size = 8;
  return settings;
}

class World {
 public:
  World(ByteReader& input, std::uint8_t flags)
      : input_(input),
        pair_(settings_of(flags, false), settings_of(flags, true), {.loss_percent = 10}) {
    if ((flags & 128) != 0) pair_.bring_up();
  }

  void run() {
    for (int steps = 0; steps < 500 && input_.remaining() > 0; ++steps) step();
    require(pair_.broken.empty());
    pair_.deaf[0] = pair_.deaf[1] = true;
    for (const auto& end : pair_.ends)
      end.connection->close({.code = CauseCode::shutdown}, pair_.now);
    pair_.run([this] { return pair_.ends[0].finished && pair_.ends[1].finished; });
    for (const auto& end : pair_.ends) {
      require(end.finished && end.known.empty());
    }
    require(pair_.broken.empty());
  }

 private:
  void step() {
    const std::uint8_t what = input_.u8();
    const int at = what >> 7;
    auto& end = pair_.ends[at];
    ControlConnection& connection = *end.connection;
    switch (what & 0x0f) {
      case 0:
        connection.open(pair_.now);
        break;
      case 1: {
        const ByteView octets = input_.take(std::min<std::size_t>(input_.u8(), input_.remaining()));
        pair_.deliver(at, Bytes(octets.begin(), octets.end()));
        break;
      }
      case 2:
      case 3:
        say(at);
        break;
      case 4:
        pair_.run([] { return false; }, std::chrono::milliseconds(input_.u8()));
        break;
      case 5:
        pair_.run([] { return false; }, std::chrono::seconds(input_.u8()));
        break;
      case 6:
      case 7: {
        PseudowireRequest request = l2tp::testing::request_for(std::string(1, 'a' + (what & 3)));
        request.use_tie_breaker = (what & 16) == 0;
        request.wish.l2_sublayer = (what & 32) != 0 ? 1 : 0;
        pair_.place(at, request);
        break;
      }
      case 8:
        pair_.close_session(at, end.last, {.code = CauseCode::admin_close});
        break;
      case 9:
        connection.set_circuit_status(end.last, (what & 16) != 0, pair_.now);
        break;
      case 10:
        connection.send_wan_error_notify({end.last}, pair_.now);
        break;
      case 11:
        end.silent_about_requests = (what & 16) != 0;
        end.wish.data_sequencing = (what & 32) != 0 ? 2 : 0;
        end.wish.strict_sublayer = (what & 64) != 0;
        break;
      case 12:
        connection.accept_pseudowire(end.last, end.wish, pair_.now);
        break;
      case 13:
        connection.probe(pair_.now);
        break;
      case 14:
        pair_.deaf[at] = !pair_.deaf[at];
        break;
      case 15:
        if ((input_.u8() & 15) == 0) connection.close({.code = CauseCode::shutdown}, pair_.now);
        break;
    }
    pair_.carry_out(0);
    pair_.carry_out(1);
  }

  // A complete message of any type, in its place in the sequence or beside it.
  void say(int to) {
    const ControlConnection& connection = *pair_.ends[to].connection;
    const auto types = l2tpm::testing::v3_message_types();
    const std::uint8_t type = input_.u8();
    const std::uint8_t skew = input_.u8();
    wire::ControlMessage message = l2tpm::testing::v3_sample(types[type % types.size()]);
    const auto delivery = connection.status().delivery;
    message.ns = static_cast<std::uint16_t>(delivery.nr + (skew & 1));
    message.nr = static_cast<std::uint16_t>(delivery.ns - ((skew >> 1) & 1));
    message.tunnel_id = (skew & 4) != 0 ? TunnelId{} : connection.own_tunnel();
    message.session_id = (skew & 8) != 0 ? SessionId{} : pair_.ends[to].last;
    if ((skew & 16) != 0) message.assigned_session_id = SessionId(1u + (skew >> 5));
    if ((skew & 32) != 0) message.l2_sublayer.reset();
    if ((skew & 64) != 0) message.remote_end_id = Bytes{'a'};
    if ((skew & 128) != 0) wire::say_as_cisco(message);
    pair_.deliver(to, wire::encode(message));
  }

  ByteReader& input_;
  l2tp::testing::V3Pair pair_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(ByteView(data, size));
  const std::uint8_t flags = input.u8();
  World(input, flags).run();
  return 0;
}
