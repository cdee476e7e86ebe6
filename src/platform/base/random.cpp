#include "platform/base/random.h"

#include <pthread.h>
#include <sys/random.h>

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "platform/base/assert.h"

namespace quantum {
namespace {

// What a thread has taken from the kernel and not used yet: every event's id is made of it, and a call for each number
// costs as much as the rest of the id. A child of fork() must not use its parent's.
struct Stock {
  std::array<uint64_t, 32> numbers;  // 256 bytes: delivered whole once the pool is initialised, getrandom(2)
  size_t left = 0;
};
thread_local Stock stock;

class KernelRandom final : public Random {
 public:
  KernelRandom() {
    ::pthread_atfork(nullptr, nullptr, [] { stock.left = 0; });
  }

  uint64_t Next() override {
    if (stock.left == 0) {
      constexpr ssize_t kBytes = sizeof stock.numbers;
      QUANTUM_ASSERT(::getrandom(stock.numbers.data(), kBytes, 0) == kBytes);
      stock.left = stock.numbers.size();
    }
    return std::exchange(stock.numbers[--stock.left], 0);
  }
};

}  // namespace

uint64_t Random::Below(uint64_t bound) {
  QUANTUM_ASSERT(bound > 0);
  // Multiply-shift; the bias is below 2^-32 for the bounds used here.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

double Random::Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::Normal() {
  // Box-Muller; written out because std::normal_distribution differs between libraries.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Unit()));
  return radius * std::cos(2.0 * std::numbers::pi * Unit());
}

Random& SystemRandom() {
  static KernelRandom random;
  return random;
}

}  // namespace quantum
