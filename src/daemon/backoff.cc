#include "daemon/backoff.h"

#include <algorithm>
#include <cassert>

namespace l2tpm::daemon {
namespace {

constexpr Duration kFirstLock = 10s;
constexpr Duration kLongestLock = 300s;

// base x 2^doublings, at most `most`, without overflow.
Duration doubled(Duration base, unsigned doublings, Duration most) {
  for (; doublings > 0 && base < most; --doublings) base *= 2;
  return std::min(base, most);
}

}  // namespace

std::optional<Duration> Backoff::next(RandomSource& random) {
  if (!settings_.enabled) return std::nullopt;
  if (settings_.give_up != 0 && failures_ >= settings_.give_up) return std::nullopt;
  const Duration full = doubled(settings_.initial, failures_, settings_.max);
  ++failures_;
  // In thousandths, so that a wait of 100 ms has a jitter too.
  const std::uint32_t part = random.below(settings_.jitter_percent * 10 + 1);
  return full - full / 1000 * part;
}

std::size_t PeerChooser::choose(TimePoint now) {
  assert(!peers_.empty());
  const auto pick = [&](bool even_passed_over) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (peers_[i].locked_until <= now && (even_passed_over || !peers_[i].passed_over)) return i;
    return std::nullopt;
  };
  std::optional<std::size_t> chosen = pick(false);
  if (!chosen) {
    for (auto& peer : peers_) peer.passed_over = false;
    chosen = pick(true);
  }
  if (chosen) return *chosen;
  const auto oldest =
      std::min_element(peers_.begin(), peers_.end(),
                       [](const State& a, const State& b) { return a.failed_at < b.failed_at; });
  return static_cast<std::size_t>(oldest - peers_.begin());
}

void PeerChooser::succeeded(std::size_t peer, TimePoint now) {
  peers_[peer] = State{};
  for (auto& each : peers_) each.passed_over = false;
  if (in_use_ != peer) in_use_since_ = now;
  in_use_ = peer;
}

void PeerChooser::failed(std::size_t peer, TimePoint now) {
  State& state = peers_[peer];
  state.locked_until = now + doubled(kFirstLock, state.failures, kLongestLock);
  state.failed_at = now;
  ++state.failures;
  if (in_use_ == peer) in_use_.reset();
  // While another is in use, this was the attempt to go back to the first: the next one is a whole
  // hold time away.
  if (in_use_ && peer == 0) in_use_since_ = now;
}

void PeerChooser::busy(std::size_t peer) {
  peers_[peer].passed_over = true;
  if (in_use_ == peer) in_use_.reset();
}

std::optional<TimePoint> PeerChooser::next_primary_retry() const {
  if (!in_use_ || *in_use_ == 0 || primary_retry_ == Duration::zero()) return std::nullopt;
  return std::max(in_use_since_ + primary_retry_, peers_[0].locked_until);
}

std::optional<TimePoint> PeerChooser::locked_until(std::size_t peer) const {
  if (peers_[peer].failures == 0) return std::nullopt;
  return peers_[peer].locked_until;
}

}  // namespace l2tpm::daemon
