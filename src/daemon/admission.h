// What a stranger may cost: rates per source and in all, a cap on half-open tunnels, and bytes out
// per bytes in. All tables have a fixed size, whatever arrives.
//
// Under a flood from forged sources the global bucket runs dry. Two things then let honest peers
// in: a source that has proved itself lately (note_proven) has a reserve of its own, and so has a
// source whose SCCRQ is seen a second time: a peer retransmits, a forger of random addresses does
// not come back. Of the half-open tunnels a random one makes room for a newcomer, so an honest
// peer, which needs one round trip, almost surely survives.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "config/profile.h"

namespace l2tpm::daemon {

// `rate` tokens a second, at most `burst` saved up.
class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}
  bool take(TimePoint now);

 private:
  void refill(TimePoint now);
  double rate_ = 0;
  double burst_ = 0;
  double tokens_ = 0;
  TimePoint at_{};
};

class Admission {
 public:
  enum class Verdict : std::uint8_t {
    admitted,
    source_rate,  // this source sends too many: drop silently
    total_rate,   // everybody together does: drop silently, a retransmission may pass
  };

  Admission(const config::ListenerLimits& limits, RandomSource& random);

  // An SCCRQ that belongs to no known tunnel.
  Verdict judge(const IpAddress& source, TimePoint now);
  // This source completed a tunnel (its SCCCN came, so it is not forged).
  void note_proven(const IpAddress& source, TimePoint now);

  // A tunnel was made for an admitted SCCRQ. Returns the half-open tunnel that must be dropped for
  // it without a word, if the cap is reached: a random one of the prefix that holds most.
  std::optional<TunnelId> add_half_open(TunnelId tunnel, const IpAddress& source);
  // It is established or gone.
  void remove_half_open(TunnelId tunnel);
  std::size_t half_open() const { return half_open_.size(); }

  void reconfigure(const config::ListenerLimits& limits);

  struct Counters {
    std::uint64_t admitted = 0;
    std::uint64_t source_rate = 0;
    std::uint64_t total_rate = 0;
    std::uint64_t evicted = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 1024;
  static constexpr std::size_t kSeenBits = 1u << 22;

  struct Source {
    std::uint64_t key = 0;  // 0: empty
    TokenBucket bucket;
    TimePoint used{};
    TimePoint proven{};
  };
  struct HalfOpen {
    TunnelId tunnel;
    std::uint64_t source = 0;
  };

  std::uint64_t key_of(const IpAddress& source) const;
  Source& source_of(std::uint64_t key, TimePoint now);
  bool seen_before(std::uint64_t key, TimePoint now);

  config::ListenerLimits limits_;
  RandomSource& random_;
  std::uint64_t salt_;  // keeps an attacker from choosing whom to evict
  TokenBucket total_;
  TokenBucket reserve_;  // for proven sources and retransmissions
  std::vector<Source> sources_;
  // Two Bloom filters, the current ten seconds' and those before; made when the first flood comes.
  std::array<std::vector<std::uint64_t>, 2> seen_;
  TimePoint seen_since_{};
  std::vector<HalfOpen> half_open_;
  std::unordered_map<TunnelId, std::size_t> half_open_at_;
  std::unordered_map<std::uint64_t, std::uint32_t> half_open_of_;  // by source
  Counters counters_;
};
std::string_view name(Admission::Verdict verdict);

}  // namespace l2tpm::daemon
