#include "daemon/admission.h"

#include <algorithm>
#include <utility>

namespace l2tpm::daemon {
namespace {

constexpr Duration kProvenFor = 1h;
// A retransmission of an SCCRQ comes 1 s after the first, and 2 s, 4 s, ... later; whoever comes
// back within this time is no forger of random addresses.
constexpr Duration kSeenFor = 10s;
// For proven sources and retransmissions, on top of the total.
constexpr double kReserveShare = 0.5;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Finalizer of splitmix64: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

}  // namespace

void TokenBucket::refill(TimePoint now) {
  if (now > at_) tokens_ = std::min(burst_, tokens_ + rate_ * seconds(now - at_));
  at_ = std::max(at_, now);
}

bool TokenBucket::take(TimePoint now) {
  refill(now);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

Admission::Admission(const config::ListenerLimits& limits, RandomSource& random)
    : random_(random), salt_(random.u64()), sources_(kWays * kSets) {
  reconfigure(limits);
}

void Admission::reconfigure(const config::ListenerLimits& limits) {
  limits_ = limits;
  const double total = limits.sccrq_total;
  total_ = TokenBucket(total, total);
  reserve_ =
      TokenBucket(std::max(1.0, total * kReserveShare), std::max(1.0, total * kReserveShare));
  // Buckets of the old rate; their sources are met again with full ones.
  std::fill(sources_.begin(), sources_.end(), Source{});
}

// A /32, or the /64 that one IPv6 subscriber has for itself. Never 0.
std::uint64_t Admission::key_of(const IpAddress& source) const {
  std::uint64_t bits = 0;
  const auto octets = source.octets();
  for (std::size_t i = 0; i < std::min<std::size_t>(octets.size(), 8); ++i)
    bits = (bits << 8) | octets[i];
  const std::uint64_t family = source.is_v6() ? 0x9e3779b97f4a7c15u : 0;
  return mix(mix(bits ^ salt_) + family) | 1;
}

// Its entry in a set of four; the least useful one of the set makes room: empty, not proven, used
// longest ago.
Admission::Source& Admission::source_of(std::uint64_t key, TimePoint now) {
  Source* const set = &sources_[(key >> 8) % kSets * kWays];
  Source* victim = set;
  const auto worth = [now](const Source& source) {
    return std::pair(source.proven != TimePoint{} && now - source.proven < kProvenFor, source.used);
  };
  for (Source* source = set; source != set + kWays; ++source) {
    if (source->key == key) return *source;
    if (victim->key != 0 && (source->key == 0 || worth(*source) < worth(*victim))) victim = source;
  }
  const double rate = limits_.sccrq_per_source;
  *victim = Source{key, TokenBucket(rate, std::max(rate, 1.0)), now, {}};
  return *victim;
}

// Remembers the source, says whether it was remembered. Two bits each: at 20,000 forged sources a
// second the filters are wrong for one in a hundred.
bool Admission::seen_before(std::uint64_t key, TimePoint now) {
  for (auto& filter : seen_) filter.resize(kSeenBits / 64);
  if (now - seen_since_ >= kSeenFor) {
    std::swap(seen_[0], seen_[1]);
    std::fill(seen_[0].begin(), seen_[0].end(), 0u);
    if (now - seen_since_ >= 2 * kSeenFor) std::fill(seen_[1].begin(), seen_[1].end(), 0u);
    seen_since_ = now;
  }
  std::array<bool, 2> seen = {true, true};
  for (const std::uint64_t bit : {(key >> 8) % kSeenBits, (key >> 36) % kSeenBits}) {
    const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
    for (std::size_t i = 0; i < seen_.size(); ++i)
      seen[i] = seen[i] && (seen_[i][bit / 64] & mask) != 0;
    seen_[0][bit / 64] |= mask;
  }
  return seen[0] || seen[1];
}

Admission::Verdict Admission::judge(const IpAddress& address, TimePoint now) {
  const std::uint64_t key = key_of(address);
  Source& source = source_of(key, now);
  source.used = now;
  if (!source.bucket.take(now)) {
    ++counters_.source_rate;
    return Verdict::source_rate;
  }
  const bool proven = source.proven != TimePoint{} && now - source.proven < kProvenFor;
  if (total_.take(now) || ((proven || seen_before(key, now)) && reserve_.take(now))) {
    ++counters_.admitted;
    return Verdict::admitted;
  }
  ++counters_.total_rate;
  return Verdict::total_rate;
}

void Admission::note_proven(const IpAddress& address, TimePoint now) {
  Source& source = source_of(key_of(address), now);
  source.used = now;
  source.proven = now;
}

std::optional<TunnelId> Admission::add_half_open(TunnelId tunnel, const IpAddress& source) {
  const std::uint64_t key = key_of(source);
  std::optional<TunnelId> evicted;
  if (half_open_.size() >= limits_.half_open && !half_open_.empty()) {
    // Of a few drawn at random, the one whose source holds most: with one greedy source its own
    // go first, with forged ones (each holds one) it is a fair draw.
    std::size_t victim = random_.below(static_cast<std::uint32_t>(half_open_.size()));
    for (int draws = 0; draws < 4; ++draws) {
      const std::size_t other = random_.below(static_cast<std::uint32_t>(half_open_.size()));
      if (half_open_of_[half_open_[other].source] > half_open_of_[half_open_[victim].source])
        victim = other;
    }
    evicted = half_open_[victim].tunnel;
    remove_half_open(*evicted);
    ++counters_.evicted;
  }
  if (half_open_at_.emplace(tunnel, half_open_.size()).second) {
    half_open_.push_back({tunnel, key});
    ++half_open_of_[key];
  }
  return evicted;
}

void Admission::remove_half_open(TunnelId tunnel) {
  const auto found = half_open_at_.find(tunnel);
  if (found == half_open_at_.end()) return;
  const std::size_t at = found->second;
  half_open_at_.erase(found);
  const auto of = half_open_of_.find(half_open_[at].source);
  if (--of->second == 0) half_open_of_.erase(of);
  if (at + 1 != half_open_.size()) {
    half_open_[at] = half_open_.back();
    half_open_at_[half_open_[at].tunnel] = at;
  }
  half_open_.pop_back();
}

std::string_view name(Admission::Verdict verdict) {
  switch (verdict) {
    case Admission::Verdict::admitted:
      return "admitted";
    case Admission::Verdict::source_rate:
      return "source-rate";
    case Admission::Verdict::total_rate:
      return "total-rate";
  }
  return "?";
}

}  // namespace l2tpm::daemon
