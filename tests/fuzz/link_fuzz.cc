// A link driven by bytes. The first octet chooses settings; then a step is an octet: 0 time passes,
// 1 installed, 2 close, 3 lower_down, 4 a good verdict, 5 a bad one, 6 the peer acknowledges the
// last Configure-Request of any protocol, 7 note_activity; any other is the length of a frame that
// follows.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "ppp/link.h"
#include "support/fuzzed_log.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace {

using namespace l2tpm;       // NOLINT
using namespace l2tpm::ppp;  // NOLINT

void check(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<LinkSettings> settings_for(std::uint8_t choice) {
  auto settings = std::make_shared<LinkSettings>();
  const auto all = {AuthMethod::mschapv2, AuthMethod::mschap, AuthMethod::chap_md5,
                    AuthMethod::pap};
  if ((choice & 1) != 0) settings->authenticate_peer = all;
  if ((choice & 2) != 0) settings->answer = all;
  settings->user = "alice";
  settings->password = Secret("Secret1");
  settings->network.ipv4.local = *IpAddress::parse("10.0.0.1");
  settings->network.ipv4.peer = *IpAddress::parse("10.0.0.7");
  settings->network.ipv6.enabled = (choice & 4) != 0;
  if ((choice & 8) != 0) settings->mppe = {.use = MppeUse::prefer, .allow_40 = true};
  if ((choice & 16) != 0) settings->mppe = {.use = MppeUse::require};
  if ((choice & 32) != 0) settings->install_point = InstallPoint::after_authentication;
  if ((choice & 64) != 0) settings->rechallenge_interval = 20s;
  if ((choice & 128) != 0) {
    settings->network.bridge.emplace();
    settings->mrru = 1600;
  }
  return settings;
}

// What the actions promise to the daemon.
struct Watcher {
  bool ipv4 = false, ipv6 = false, bridge = false, down = false, installs = false;
  std::map<std::uint16_t, Bytes> requests;
  std::uint16_t last_protocol = 0;

  void watch(Link& link) {
    for (auto& action : link.take_actions()) {
      check(!down);
      if (const auto* sent = std::get_if<SendFrame>(&action)) {
        const auto frame = wire::decode_ppp_frame(sent->frame);
        check(frame.has_value() && !wire::is_network_data(frame->protocol));
        const auto packet = wire::decode_ppp_packet(frame->payload);
        check(packet.has_value());
        wire::describe_ppp_frame(sent->frame);
        if (packet->is(wire::PppCode::configure_request) && frame->protocol != 0xc223 &&
            frame->protocol != 0xc023) {
          last_protocol = frame->protocol;
          requests[last_protocol] = Bytes(packet->whole.begin(), packet->whole.end());
        }
      } else if (std::get_if<Install>(&action) != nullptr) {
        check(!installs);
        installs = true;
      } else if (std::get_if<Ipv4Up>(&action) != nullptr) {
        check(!ipv4 && installs);
        ipv4 = true;
      } else if (std::get_if<Ipv4Down>(&action) != nullptr) {
        check(ipv4);
        ipv4 = false;
      } else if (std::get_if<Ipv6Up>(&action) != nullptr) {
        check(!ipv6 && installs);
        ipv6 = true;
      } else if (std::get_if<Ipv6Down>(&action) != nullptr) {
        check(ipv6);
        ipv6 = false;
      } else if (std::get_if<BridgeUp>(&action) != nullptr) {
        check(!bridge && installs);
        bridge = true;
      } else if (std::get_if<BridgeDown>(&action) != nullptr) {
        check(bridge);
        bridge = false;
      } else if (std::get_if<LinkDown>(&action) != nullptr) {
        check(!ipv4 && !ipv6 && !bridge);
        down = true;
      }
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader({data, size});
  SeededRandom random(7);
  Link link(settings_for(reader.u8()), random);
  Watcher watcher;
  TimePoint now{};
  link.open(now);
  for (int steps = 0; steps < 1000 && !watcher.down; ++steps) {
    watcher.watch(link);
    link.status();
    if (reader.at_end()) break;
    const std::uint8_t step = reader.u8();
    AuthVerdict good;
    switch (step) {
      case 0:
        if (const auto due = link.next_deadline()) {
          now = std::max(now, *due);
          link.handle_timeout(now);
          check(!link.next_deadline() || *link.next_deadline() > now);
        }
        break;
      case 1:
        if (watcher.installs) link.installed(now);
        break;
      case 2:
        link.close({.code = CauseCode::admin_close}, now);
        break;
      case 3:
        link.lower_down({.code = CauseCode::peer_silent}, now);
        break;
      case 4: {
        good.ok = true;
        good.authenticator_response = "S=0123456789012345678901234567890123456789";
        const Bytes hash(16, 1), response(24, 2);
        good.keys = mschapv2_keys(hash, response, true);
        link.supply_verdict(good, std::nullopt, now);
        break;
      }
      case 5:
        link.supply_verdict(AuthVerdict::refused(), std::nullopt, now);
        break;
      case 6: {
        Bytes ack = watcher.requests[watcher.last_protocol];
        if (ack.empty()) break;
        ack[0] = 2;
        link.receive(
            wire::encode_ppp_frame(static_cast<wire::PppProtocol>(watcher.last_protocol), ack),
            now);
        break;
      }
      case 7:
        link.note_activity(now);
        break;
      default:
        link.receive(reader.take(std::min<std::size_t>(step, reader.remaining())), now);
        break;
    }
  }
  watcher.watch(link);
  return 0;
}
