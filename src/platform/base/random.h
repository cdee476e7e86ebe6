#pragma once

#include <cstdint>
#include <random>

namespace quantum {

// Randomness as an argument, so that a run can be repeated from its seed.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;

  uint64_t Below(uint64_t bound);  // uniform in [0, bound); bound > 0
  double Unit();                   // uniform in [0, 1)
  double Normal();                 // mean 0, deviation 1
};

// The kernel's generator: for ids, incarnations and jitter. Thread-safe.
Random& SystemRandom();

// Repeatable from its seed, the same on every platform. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace quantum
