#include "tests/simulation_orders/step.h"

#include <array>
#include <numeric>

namespace quantum::orders_simulation {
namespace {

struct Named {
  const char* name;
  unsigned weight;
};

// In the order of Kind.
constexpr std::array<Named, kKinds> kTable = {
    {{"decide", 60},  {"decide-close", 25}, {"carry-out", 90}, {"withdraw", 12},  {"deliver", 900},
     {"lose", 25},    {"repeat", 40},       {"disconnect", 6}, {"give-up", 25},   {"fill", 120},
     {"trigger", 25}, {"venue-cancels", 8}, {"refuse", 10},    {"link", 8},       {"forget-offset", 4},
     {"commit", 160}, {"postgres", 10},     {"time", 160},     {"long-time", 45}, {"crash", 22},
     {"funding", 6}}};

}  // namespace

const char* ToString(Kind kind) { return kTable.at(static_cast<size_t>(kind)).name; }

Step Draw(Random& random) {
  static const unsigned sum = std::accumulate(kTable.begin(), kTable.end(), 0u,
                                              [](unsigned all, const Named& one) { return all + one.weight; });
  uint64_t place = random.Below(sum);
  size_t kind = 0;
  while (place >= kTable[kind].weight) {
    place -= kTable[kind++].weight;
  }
  return {static_cast<Kind>(kind), static_cast<uint32_t>(random.Next())};
}

}  // namespace quantum::orders_simulation
