#include "platform/base/random.h"

#include <sys/random.h>

#include <cmath>
#include <numbers>

#include "platform/base/assert.h"

namespace quantum {
namespace {

class KernelRandom final : public Random {
 public:
  uint64_t Next() override {
    uint64_t value = 0;
    // At most 256 bytes are delivered whole once the pool is initialised: getrandom(2).
    QUANTUM_ASSERT(::getrandom(&value, sizeof value, 0) == sizeof value);
    return value;
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
