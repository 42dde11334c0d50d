// The exchanges of tests/vectors/cisco, replayed against a ControlConnection: what the router says
// goes in, over IP with its four zero octets, and what comes out has to be what the file says.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "l2tp/control_connection.h"
#include "support/hex.h"
#include "support/l2tp_v3_pair.h"
#include "support/source_dir.h"

namespace l2tpm::l2tp::testing {

// What make.py takes for random.
class AllTheSame final : public RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 0x22); }
};

struct CiscoStep {
  std::string who;  // "router", "us" or "do"
  std::string what;
  Bytes octets;
};

inline std::vector<CiscoStep> cisco_exchange(const std::string& name) {
  std::vector<CiscoStep> steps;
  std::istringstream lines(test::read_source_file("tests/vectors/cisco/" + name + ".txt"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (const auto colon = line.find(": "); colon != std::string::npos) {
      steps.push_back({line.substr(0, colon), line.substr(colon + 2), {}});
      continue;
    }
    const Bytes octets = ::l2tpm::testing::from_hex(line);
    steps.back().octets.insert(steps.back().octets.end(), octets.begin(), octets.end());
  }
  return steps;
}

class CiscoReplay {
 public:
  explicit CiscoReplay(Settings settings)
      : settings_(std::make_shared<const Settings>(std::move(settings))),
        ours_(TunnelId(0x01020304), settings_, random_) {}

  ControlConnection* operator->() { return &ours_; }

  void run(const std::string& name) {
    SCOPED_TRACE(name);
    for (const CiscoStep& step : cisco_exchange(name)) {
      SCOPED_TRACE(step.who + ": " + step.what);
      if (step.who == "router")
        hear(step.octets);
      else if (step.who == "us")
        expect(step.octets);
      else
        do_as_owner(step.what);
    }
    EXPECT_TRUE(sent.empty()) << "more than the router expects";
  }

  // Over IP: RFC 3931 §4.1.1.2.
  void hear(const Bytes& message) {
    Bytes packet(4);
    packet.insert(packet.end(), message.begin(), message.end());
    const auto header = wire::decode_v3_header(packet, wire::Encapsulation::ip);
    ASSERT_TRUE(header);
    ASSERT_EQ(header->message.size(), message.size()) << "its Length is right";
    ours_.receive_datagram(header->message, now);
    take();
  }
  // Its Length is filled in.
  void hear(std::string_view hex) {
    Bytes message = ::l2tpm::testing::from_hex(hex);
    ByteWriter(message).patch_u16(2, static_cast<std::uint16_t>(message.size()));
    hear(message);
  }

  void take() {
    for (Action& action : ours_.take_actions()) {
      if (auto* send = std::get_if<SendDatagram>(&action)) {
        sent.push_back(send->bytes);
        last_sent = send->bytes;
      } else {
        events.push_back(std::move(action));
      }
    }
  }

  template <typename T>
  std::vector<T> all() const {
    std::vector<T> out;
    for (const Action& action : events)
      if (const auto* found = std::get_if<T>(&action)) out.push_back(*found);
    return out;
  }

  wire::ControlMessage last() const { return *wire::decode_control(last_sent); }

  TimePoint now{1h};
  SessionId session;
  PseudowireWish wish;     // of what we dial
  std::deque<Bytes> sent;  // and not compared yet
  Bytes last_sent;
  std::vector<Action> events;

 private:
  void expect(const Bytes& octets) {
    ASSERT_FALSE(sent.empty()) << "nothing was sent";
    EXPECT_EQ(to_hex(sent.front()), to_hex(octets));
    sent.pop_front();
  }

  void do_as_owner(const std::string& what) {
    if (what == "dial" || what == "dial with sequencing") {
      if (what != "dial") wish.data_sequencing = wire::kSequencingAll;
      session = ours_.place_pseudowire(request_for("1234", wish), now);
      ours_.open(now);
    } else if (what == "accept, no cookie") {
      const auto asked = all<PseudowireRequested>();
      ASSERT_FALSE(asked.empty());
      session = asked.back().session;
      PseudowireWish none;
      none.cookie_size = 0;
      ours_.accept_pseudowire(session, none, now);
    } else if (what == "circuit down" || what == "circuit up") {
      ours_.set_circuit_status(session, what == "circuit up", now);
    } else {
      FAIL() << what;
    }
    take();
  }

  AllTheSame random_;
  std::shared_ptr<const Settings> settings_;
  ControlConnection ours_;
};

}  // namespace l2tpm::l2tp::testing
