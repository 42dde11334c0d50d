// Codec and machines alone: what a session, and what a timer, costs a core. No kernel, no socket,
// no waiting: the two ends of a tunnel pass their datagrams from hand to hand.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <vector>

#include "base/deadline_wheel.h"
#include "bench/tunnel_end.h"

namespace l2tpm::bench {
namespace {

constexpr int kSessions = 256;
constexpr const char* kPassword = "wonderland";

std::shared_ptr<const TunnelEndSettings> lac_settings() {
  auto link = std::make_shared<ppp::LinkSettings>();
  link->role = ppp::Role::calling;
  link->answer = {ppp::AuthMethod::mschapv2, ppp::AuthMethod::chap_md5, ppp::AuthMethod::pap};
  link->user = "alice";
  link->password = Secret(std::string_view(kPassword));
  link->network.ipv4.accept_local = true;
  link->network.ipv4.accept_peer = true;
  auto settings = std::make_shared<TunnelEndSettings>();
  settings->tunnel = std::make_shared<l2tp::Settings>();
  settings->link = link;
  return settings;
}

std::shared_ptr<const TunnelEndSettings> lns_settings(ppp::AuthMethod method) {
  auto link = std::make_shared<ppp::LinkSettings>();
  link->authenticate_peer = {method};
  link->network.ipv4.local = IpAddress::v4(0x0A400001);
  auto settings = std::make_shared<TunnelEndSettings>();
  settings->tunnel = std::make_shared<l2tp::Settings>();
  settings->link = link;
  settings->password = Secret(std::string_view(kPassword));
  settings->first_peer = 0x0A40000A;
  return settings;
}

// Both ends of a tunnel.
struct Pair {
  Pair(std::uint32_t id, const std::shared_ptr<const TunnelEndSettings>& lac_side,
       const std::shared_ptr<const TunnelEndSettings>& lns_side, RandomSource& random)
      : lac(TunnelId(id), lac_side, random), lns(TunnelId(id), lns_side, random) {}

  // Until neither has anything to say. Returns how many sessions came up at the LNS.
  int exchange(TimePoint now) {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Bytes& datagram : lac.take_datagrams()) {
        moved = true;
        lns.receive(datagram, now);
      }
      for (const Bytes& datagram : lns.take_datagrams()) {
        moved = true;
        lac.receive(datagram, now);
      }
    }
    int up = 0;
    for (const Event& event : lns.take_events())
      if (event.kind == Event::Kind::session_up) ++up;
    lac.take_events();
    return up;
  }

  TunnelEnd lac;
  TunnelEnd lns;
};

// From SCCRQ to IPCP open, `per_tunnel` sessions in each tunnel. One core does both ends, so an LNS
// alone does about twice the items_per_second (sessions).
void set_up(benchmark::State& state, ppp::AuthMethod method) {
  const auto per_tunnel = static_cast<int>(state.range(0));
  const auto lac_side = lac_settings();
  const auto lns_side = lns_settings(method);
  SeededRandom random(1);
  for (auto _ : state) {
    TimePoint now{std::chrono::hours(1)};
    int up = 0;
    for (int tunnel = 0; tunnel < kSessions / per_tunnel; ++tunnel) {
      Pair pair(static_cast<std::uint32_t>(tunnel + 1), lac_side, lns_side, random);
      pair.lac.open(now);
      for (int session = 0; session < per_tunnel; ++session) pair.lac.place_call(now);
      const int wanted = up + per_tunnel;
      for (int turns = 0; up < wanted && turns < 1000; ++turns) {
        up += pair.exchange(now);
        if (up >= wanted) break;
        // Delayed acknowledgements: the clock goes where somebody waits for it.
        const auto lac_at = pair.lac.next_deadline();
        const auto lns_at = pair.lns.next_deadline();
        if (lac_at) now = std::max(now, lns_at ? std::min(*lac_at, *lns_at) : *lac_at);
        pair.lac.handle_timeout(now);
        pair.lns.handle_timeout(now);
      }
    }
    if (up != kSessions) {
      state.SkipWithError("not every session came up");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * kSessions);
}

void BM_SetUp_pap(benchmark::State& state) { set_up(state, ppp::AuthMethod::pap); }
void BM_SetUp_chap(benchmark::State& state) { set_up(state, ppp::AuthMethod::chap_md5); }
void BM_SetUp_mschapv2(benchmark::State& state) { set_up(state, ppp::AuthMethod::mschapv2); }
BENCHMARK(BM_SetUp_pap)->ArgName("per_tunnel")->Arg(1)->Arg(kSessions);
BENCHMARK(BM_SetUp_chap)->ArgName("per_tunnel")->Arg(1)->Arg(kSessions);
BENCHMARK(BM_SetUp_mschapv2)->ArgName("per_tunnel")->Arg(1)->Arg(kSessions);

// One link that has come up with the help of a peer that is then forgotten.
std::unique_ptr<ppp::Link> link_that_is_up(const TunnelEndSettings& lac_side,
                                           const TunnelEndSettings& lns_side, RandomSource& random,
                                           TimePoint now) {
  auto lac = std::make_unique<ppp::Link>(lac_side.link, random);
  auto lns = std::make_unique<ppp::Link>(lns_side.link, random);
  ppp::NetworkSettings network = lns_side.link->network;
  network.ipv4.peer = IpAddress::v4(lns_side.first_peer);
  lac->open(now);
  lns->open(now);
  const auto pass = [&](ppp::Link& from, ppp::Link& to) {
    const auto actions = from.take_actions();
    for (const ppp::LinkAction& action : actions) {
      if (const auto* send = std::get_if<ppp::SendFrame>(&action)) to.receive(send->frame, now);
      if (const auto* needed = std::get_if<ppp::CredentialsNeeded>(&action))
        from.supply_verdict(ppp::check_password(needed->request, lns_side.password), network, now);
      if (std::holds_alternative<ppp::Install>(action)) from.installed(now);
    }
    return !actions.empty();
  };
  while (pass(*lac, *lns) | pass(*lns, *lac)) {
  }
  return lns->phase() == ppp::LinkPhase::running ? std::move(lns) : nullptr;
}

// N links that are up, and where their deadlines are.
struct Links {
  Links(benchmark::State& state, std::size_t count) {
    const auto lac_side = lac_settings();
    const auto lns_side = lns_settings(ppp::AuthMethod::chap_md5);
    for (std::size_t at = 0; at < count; ++at) {
      all.push_back(link_that_is_up(*lac_side, *lns_side, random, now));
      if (!all.back()) {
        state.SkipWithError("a link did not come up");
        return;
      }
      deadlines.set(at, all.back()->next_deadline());
      now += std::chrono::microseconds(100);
    }
  }
  // What the daemon does when a link's deadline has come: here a LCP Echo-Request is due, then data
  // is noticed.
  void serve(ppp::Link& link) {
    link.handle_timeout(now);
    sent += link.take_actions().size();
    link.note_activity(now);
  }

  SeededRandom random{1};
  TimePoint now{std::chrono::hours(1)};
  std::vector<std::unique_ptr<ppp::Link>> all;
  DeadlineWheel<std::size_t> deadlines;
  std::size_t sent = 0;
};

// The earliest of N timers: taken out of the wheel, its link served, and put back.
void BM_Timer(benchmark::State& state) {
  Links links(state, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    links.now = *links.deadlines.earliest();
    const std::size_t at = *links.deadlines.pop_due(links.now);
    links.serve(*links.all[at]);
    links.deadlines.set(at, links.all[at]->next_deadline());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["echoes"] =
      static_cast<double>(links.sent) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_Timer)->ArgName("links")->Arg(10)->Arg(1'000)->Arg(10'000);

// The same links served in turn without any timer: what of BM_Timer is memory that has left the
// cache.
void BM_LinkInTurn(benchmark::State& state) {
  Links links(state, static_cast<std::size_t>(state.range(0)));
  std::size_t at = 0;
  for (auto _ : state) {
    links.now = *links.all[at]->next_deadline();
    links.serve(*links.all[at]);
    at = at + 1 < links.all.size() ? at + 1 : 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LinkInTurn)->ArgName("links")->Arg(10)->Arg(1'000)->Arg(10'000);

// The wheel by itself: one of N deadlines moves.
void BM_DeadlineMove(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  DeadlineWheel<std::size_t> deadlines;
  TimePoint now{std::chrono::hours(1)};
  for (std::size_t at = 0; at < count; ++at) deadlines.set(at, now + std::chrono::microseconds(at));
  for (auto _ : state) {
    const TimePoint due = *deadlines.earliest();
    const auto at = deadlines.pop_due(due);
    deadlines.set(*at, due + std::chrono::microseconds(count));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DeadlineMove)->ArgName("entries")->Arg(10)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace l2tpm::bench

BENCHMARK_MAIN();
