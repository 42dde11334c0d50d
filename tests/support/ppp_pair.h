// Two links, the line between them, and the daemons above: passwords, installs, a clock that jumps.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "ppp/link.h"
#include "wire/ppp_frame.h"

namespace l2tpm::test {

// One end: a link and what its daemon would do.
struct End {
  explicit End(const ppp::LinkSettings& settings, std::uint64_t seed)
      : random(seed),
        link(std::make_unique<ppp::Link>(std::make_shared<ppp::LinkSettings>(settings), random)) {}

  SeededRandom random;
  std::unique_ptr<ppp::Link> link;
  std::map<std::string, std::string> passwords = {
      {"alice", "Secret1"}
  };
  std::optional<ppp::NetworkSettings> user_network;
  Duration install_takes = 200ms;
  bool answers_credentials = true;

  std::string trace;  // all but frames, in order: "install; ipv4 10.0.0.1 > 10.0.0.7"
  std::vector<std::string> frames;
  std::optional<Cause> down;
  std::optional<TimePoint> install_done;
  std::optional<ppp::AuthRequest> request;
  std::map<ppp::MppeDirection, Bytes> keys;
  int installs = 0;
  bool ipv4 = false, ipv6 = false, bridge = false;
  std::optional<ppp::BridgeAgreement> agreement;
  std::optional<ppp::LcpUp> lcp_up;
  ppp::SetCcpFlags flags;
  std::optional<ppp::Ipv4Up> addresses;

  void note(const std::string& text) { trace += (trace.empty() ? "" : "; ") + text; }
};

class Pair {
 public:
  Pair(const ppp::LinkSettings& left, const ppp::LinkSettings& right, std::uint64_t seed = 1)
      : a(left, seed * 2 + 1), z(right, seed * 2 + 2), line_(seed) {}

  End a, z;
  TimePoint now{};
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  unsigned reorder_percent = 0;
  // Frames that the line swallows; counts them down. Text as describe_ppp_frame begins.
  std::map<std::string, int> swallow;

  void open() {
    a.link->open(now);
    z.link->open(now);
    settle(a);
    settle(z);
  }

  // Runs until both links have nothing to do before `until`, counted from the start.
  void run(Duration until, const std::function<bool()>& done = {}) {
    const TimePoint end = TimePoint{} + until;
    for (int steps = 0; steps < 100000; ++steps) {
      if (done && done()) return;
      std::optional<TimePoint> next;
      const auto merge = [&next](std::optional<TimePoint> t) {
        if (t && (!next || *t < *next)) next = t;
      };
      for (End* side : {&a, &z}) {
        merge(side->link->next_deadline());
        merge(side->install_done);
      }
      if (!line_frames_.empty()) merge(line_frames_.begin()->first);
      if (!next || *next > end) {
        now = end;
        return;
      }
      now = std::max(now, *next);
      while (!line_frames_.empty() && line_frames_.begin()->first <= now) {
        auto node = line_frames_.extract(line_frames_.begin());
        End& to = node.mapped().to_a ? a : z;
        to.link->receive(node.mapped().frame, now);
        settle(to);
      }
      for (End* side : {&a, &z}) {
        if (side->install_done && *side->install_done <= now) {
          side->install_done.reset();
          side->link->installed(now);
          settle(*side);
        }
        const auto due = side->link->next_deadline();
        if (due && *due <= now) side->link->handle_timeout(now);
        settle(*side);
      }
    }
    ADD_FAILURE() << "the links never come to rest";
  }

  // Carries out what an end has asked for.
  void settle(End& end) {
    for (auto& action : end.link->take_actions()) carry_out(end, action);
  }

 private:
  struct InFlight {
    bool to_a;
    Bytes frame;
  };

  void carry_out(End& end, ppp::LinkAction& action) {
    EXPECT_FALSE(end.down.has_value()) << "an action after LinkDown";
    if (auto* frame = std::get_if<ppp::SendFrame>(&action)) {
      transmit(&end == &z, frame->frame, end);
    } else if (auto* needed = std::get_if<ppp::CredentialsNeeded>(&action)) {
      end.request = needed->request;
      end.note("credentials " + needed->request.user);
      if (!end.answers_credentials) return;
      const auto password = end.passwords.find(needed->request.user);
      const ppp::AuthVerdict verdict =
          password == end.passwords.end()
              ? ppp::AuthVerdict::refused()
              : ppp::check_password(needed->request, Secret(password->second));
      end.link->supply_verdict(verdict, end.user_network, now);
      settle(end);
    } else if (std::get_if<ppp::Install>(&action) != nullptr) {
      end.note("install");
      ++end.installs;
      end.install_done = now + end.install_takes;
    } else if (auto* up = std::get_if<ppp::Ipv4Up>(&action)) {
      EXPECT_FALSE(end.ipv4);
      end.ipv4 = true;
      end.addresses = *up;
      end.note("ipv4 " + up->local.to_string() + " > " + up->peer.to_string());
    } else if (std::get_if<ppp::Ipv4Down>(&action) != nullptr) {
      EXPECT_TRUE(end.ipv4);
      end.ipv4 = false;
      end.note("ipv4 down");
    } else if (std::get_if<ppp::Ipv6Up>(&action) != nullptr) {
      end.ipv6 = true;
      end.note("ipv6");
    } else if (auto* bridge_up = std::get_if<ppp::BridgeUp>(&action)) {
      EXPECT_FALSE(end.bridge);
      end.bridge = true;
      end.agreement = bridge_up->agreement;
      end.note("bridge");
    } else if (std::get_if<ppp::BridgeDown>(&action) != nullptr) {
      EXPECT_TRUE(end.bridge);
      end.bridge = false;
      end.note("bridge down");
    } else if (auto* lcp_up = std::get_if<ppp::LcpUp>(&action)) {
      end.lcp_up = *lcp_up;
    } else if (std::get_if<ppp::Ipv6Down>(&action) != nullptr) {
      end.ipv6 = false;
      end.note("ipv6 down");
    } else if (auto* authenticated = std::get_if<ppp::Authenticated>(&action)) {
      end.note((authenticated->is_peer ? "peer is " : "we are ") + authenticated->user);
    } else if (auto* key = std::get_if<ppp::SetMppe>(&action)) {
      EXPECT_GT(end.installs, 0);
      end.keys[key->direction] =
          Bytes(key->start_key.octets().begin(), key->start_key.octets().end());
    } else if (auto* flags = std::get_if<ppp::SetCcpFlags>(&action)) {
      end.flags = *flags;
    } else if (auto* down = std::get_if<ppp::LinkDown>(&action)) {
      end.down = down->cause;
      end.note("down " + std::string(name(down->cause.code)));
    }
  }

  void transmit(bool to_a, const Bytes& frame, End& from) {
    const std::string text = wire::describe_ppp_frame(frame);
    from.frames.push_back(text);
    for (auto& [prefix, count] : swallow) {
      if (count > 0 && text.rfind(prefix, 0) == 0) {
        --count;
        return;
      }
    }
    const int copies = line_.below(100) < duplicate_percent ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (line_.below(100) < loss_percent) continue;
      Duration delay = 10ms;
      if (line_.below(100) < reorder_percent) delay = std::chrono::milliseconds(line_.below(40));
      line_frames_.emplace(now + delay, InFlight{to_a, frame});
    }
  }

  SeededRandom line_;
  std::multimap<TimePoint, InFlight> line_frames_;
};

}  // namespace l2tpm::test
