// Where unpredictable numbers come from. Machines borrow a RandomSource, so tests can replay them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace l2tpm {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint32_t below(std::uint32_t bound);
};

// The kernel's generator; challenges, ids and magic numbers of a running daemon come from here. It
// is asked for 256 octets at a time: a session needs a few of them five times over. For one thread.
class SystemRandom final : public RandomSource {
 public:
  ~SystemRandom() override;
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::array<std::uint8_t, 256> reserve_{};
  std::size_t used_ = 256;
};

// xorshift64*, for tests and simulations: same seed, same numbers. Never for secrets.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed == 0 ? 0x9e3779b97f4a7c15u : seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace l2tpm
